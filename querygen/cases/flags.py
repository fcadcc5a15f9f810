"""The flags of `querygen test`. Imports nothing heavy, since every command's start passes here."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path


def add_flags(parser: argparse.ArgumentParser, positive: Callable[[str], int]) -> None:
    """Adds the flags of `querygen test`; `positive` reads a number from 1 on."""
    add = parser.add_argument
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


def act(arguments: argparse.Namespace, schemas: Mapping[str, str], say: Callable[[str], None]) -> int:
    """Does what the flags say; returns the exit code.

    Raises:
        UsageError: flags that don't go together, or a path that does not exist.
        QuerygenError: `--new` finds the spec or the data invalid.
    """
    from querygen.cases.command import Request, test
    from querygen.cases.run import Options
    from querygen.errors import UsageError

    of_new = {
        "--from": arguments.data,
        "--rows": arguments.rows,
        "--probes": arguments.probes,
        "--schema": schemas,
    }
    if arguments.new is not None:
        from querygen.cases.starter import Starter

        rows = arguments.rows or Starter.rows
        starter = Starter(arguments.new, arguments.data or (), rows, arguments.probes, schemas)
        say(str(starter.write()))
        return 0
    for flag in (flag for flag, given in of_new.items() if given):
        help_ = (
            f"write `{flag[2:]}:` into the test file"
            if flag in ("--probes", "--schema")
            else "add `--new SPEC`"
        )
        raise UsageError.of("bad-flag", f"`{flag}` belongs to `--new`", help=help_)
    options = Options(arguments.engine, arguments.update, arguments.keep)
    return test(Request(arguments.paths or [Path()], options, arguments.only, arguments.junit), say)
