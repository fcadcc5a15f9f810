"""Commands about specs: printing their SQL, running, checking and verifying them."""

import argparse
import gc
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from querygen.cli.options import Add, Command, positive, tolerance
from querygen.cli.output import progress_line, running_line, say, warn, write
from querygen.cli.reading import other_than_spec, reader
from querygen.errors import QuerygenError, UsageError

if TYPE_CHECKING:
    from querygen.result import Result


def _render(arguments: argparse.Namespace) -> int:
    """Print the SQL of a spec."""
    query = reader(arguments)(arguments.spec)
    sql = query.sql(arguments.dialect, arguments.udfs)
    warn(query.warnings())
    write(sql.encode(), arguments.output)
    return 0


def _run(arguments: argparse.Namespace) -> int:
    """Run a spec on data, or on the built-in synthetic sample."""
    if arguments.format == "parquet" and arguments.output is None and sys.stdout.isatty():
        raise UsageError.of("binary-output", "Parquet is not for a terminal", help="add --output FILE")
    query = reader(arguments)(arguments.spec)
    gc.enable()
    warn(query.warnings())  # findings about the spec come before the seconds that loading data may take
    from querygen.show import FORMATS

    with running_line() as progress:
        result = query.run(arguments.data, engine=arguments.engine, udfs=arguments.udfs, progress=progress)
    for note in result.notes:
        say(f"note: {note}")
    warn(result.warnings)
    write(FORMATS[arguments.format](result), arguments.output)
    return _judged(result, arguments.fail_on)


def _judged(result: "Result", fail_on: str | None) -> int:
    """Exit code 1 where the result has a row of that state, or of a worse one."""
    if fail_on is None:
        return 0
    if "state" not in result.table.column_names:
        raise UsageError.of(
            "no-state",
            "`--fail-on` looks at the column `state`, which the result doesn't have",
            help="add `alert: {max_rate: …}` to a spec of `measure: rate`",
        )
    states = result.table["state"].to_pylist()
    found = {state: states.count(state) for state in ("alert", "watch") if state in states}
    if fail_on == "alert":
        found.pop("watch", None)
    for state, count in found.items():
        say(f"{state}: {count} of {len(states)} rows")
    return int(bool(found))


def _check(arguments: argparse.Namespace) -> int:
    """Check specs without running them; tells all errors and warnings of all of them."""
    analyzes = arguments.analyze and find_spec("zetasql") is not None
    if arguments.analyze and not analyzes:
        say("note: not read by Google's analyzer; pip install 'querygen[googlesql]' adds it")
    read = reader(arguments)
    worst = 0
    for spec in _one_by_one(arguments.specs):
        other = other_than_spec(spec)
        if other:
            say(f"note: {spec}: skipped, {other} and no spec")
            continue
        try:
            query = read(spec)
            query.sql("duckdb")
            if analyzes:
                query.analyze()
            warnings = query.warnings()
        except UsageError:
            raise
        except QuerygenError as error:
            say(str(error))
            worst = max(worst, error.exit_code)
        else:
            warn(warnings)
            worst = max(worst, 1 if warnings else 0)
            if not warnings:
                write(f"{spec}: ok\n".encode(), None)
    return worst


def _verify(arguments: argparse.Namespace) -> int:
    """Run specs on DuckDB and on Google's evaluator, and compare the rows; made-up ones without --data."""
    gc.enable()
    read = reader(arguments, probes_beside=True)
    worst = 0
    for spec in _one_by_one(arguments.specs):
        other = other_than_spec(spec)
        if other:
            say(f"note: {spec}: skipped, {other} and no spec")
            continue
        try:
            verdict = read(spec).verify(
                arguments.data, udfs=arguments.udfs, pings=arguments.pings, tolerance=arguments.tolerance
            )
        except UsageError:
            raise
        except QuerygenError as error:
            say(str(error))
            worst = max(worst, error.exit_code)
            continue
        for note in verdict.notes:
            say(f"note: {spec}: {note}")
        write(f"{spec}: {verdict}\n".encode(), None)
        worst = max(worst, int(not verdict.agrees))
    return worst


def _one_by_one(specs: Sequence[str]) -> Iterator[str]:
    """The specs, with a line on the terminal that tells which of them is looked at."""
    with progress_line() as show:
        for i, spec in enumerate(specs, 1):
            if show is not None:
                show(f"{i} of {len(specs)}: {spec}")
            yield spec


def _render_flags(add: Add) -> None:
    add("--dialect", choices=["bigquery", "duckdb"], default="bigquery", help="the SQL dialect (bigquery)")


def _run_flags(add: Add) -> None:
    add("--engine", choices=["duckdb", "googlesql"], default="duckdb", help="what runs it (duckdb)")
    add(
        "--format",
        choices=["table", "json", "csv", "parquet"],
        default="table",
        help="how it is shown (table)",
    )
    add(
        "--fail-on",
        choices=["alert", "watch"],
        metavar="STATE",
        help="exit with 1 if a row has the state alert (or watch), for schedulers",
    )


def _check_flags(add: Add) -> None:
    add("specs", nargs="+", metavar="SPEC", help="YAML or JSON files; tests are skipped")
    add(
        "--no-analyze",
        dest="analyze",
        action="store_false",
        help="without Google's analyzer, where installed",
    )


def _verify_flags(add: Add) -> None:
    add("specs", nargs="+", metavar="SPEC", help="YAML or JSON files; tests are skipped")
    add("--udfs", action="append", choices=["inline", "temp", "mozfun"], help="compare this form only (all)")
    add("--pings", type=positive, default=2000, metavar="N", help="how many pings of --data at most (2000)")
    add("--tolerance", type=tolerance, metavar="X", help="how far apart floats may be, relatively (1e-9)")


_TABLES = ("schema", "probes", "source", "today")

COMMANDS = {
    "render": Command(_render, ("spec", "udfs", *_TABLES, "output"), _render_flags),
    "run": Command(_run, ("spec", "data", "udfs", *_TABLES, "output"), _run_flags),
    "check": Command(_check, _TABLES, _check_flags),
    "verify": Command(_verify, ("data", *_TABLES), _verify_flags),
}
