"""The command that runs the tests of specs."""

import argparse
import gc
from pathlib import Path

from querygen.cli.options import Add, Command, positive
from querygen.cli.output import write
from querygen.cli.reading import day, schemas
from querygen.errors import UsageError


def _test(arguments: argparse.Namespace) -> int:
    """Run the tests of specs (*.test.yaml), or write a first one."""
    from querygen.cases.command import Request, test
    from querygen.cases.run import Options

    gc.enable()
    given = schemas(arguments.schema)
    if arguments.new is not None:
        from querygen.cases.starter import Starter

        rows = arguments.rows or Starter.rows
        today = day(arguments.today)
        starter = Starter(arguments.new, arguments.data or (), rows, arguments.probes, given, today)
        _say(str(starter.write()))
        return 0
    of_new = {
        "--from": arguments.data,
        "--rows": arguments.rows,
        "--probes": arguments.probes,
        "--schema": given,
        "--today": arguments.today,
    }
    for flag in (flag for flag, value in of_new.items() if value):
        help_ = (
            f"write `{flag[2:]}:` into the test file"
            if flag in ("--probes", "--schema", "--today")
            else "add `--new SPEC`"
        )
        raise UsageError.of("bad-flag", f"`{flag}` belongs to `--new`", help=help_)
    options = Options(arguments.engine, arguments.update, arguments.keep)
    return test(Request(arguments.paths or [Path()], options, arguments.only, arguments.junit), _say)


def _say(line: str) -> None:
    write(f"{line}\n".encode(), None)


def _flags(add: Add) -> None:
    add("paths", nargs="*", type=Path, metavar="PATH", help="test files, or folders of them (this folder)")
    add("-k", dest="only", default="", metavar="NAME", help="only tests with this in their name")
    add("--engine", choices=["duckdb", "googlesql"], default="duckdb", help="what answers (duckdb)")
    add("--update", action="store_true", help="write snapshots anew instead of comparing")
    add("--keep", type=Path, metavar="DIR", help="leave each test's SQL and tables there")
    add("--junit", type=Path, metavar="FILE", help="also write a report in JUnit's format")
    add("--new", type=Path, metavar="SPEC", help="write a first test file beside the spec; with these flags:")
    add(
        "--from",
        dest="data",
        action="append",
        metavar="[TABLE=]PATH",
        help="rows for it, as --data; by default from the synthetic sample",
    )
    add("--rows", type=positive, metavar="N", help="how many rows (5)")


COMMANDS = {"test": Command(_test, ("schema", "probes", "today"), _flags)}
