"""The command line: reads arguments, calls the API, prints. No logic of its own.

Exit codes: 0 fine; 1 a finding (invalid spec, bad data content, a failed check); 2 bad flags or a path that
doesn't exist; 3 an engine or internal failure. Answers go to stdout, everything else to stderr.

argparse, and heavy imports inside the commands, since `querygen render` is called often and must start fast.
"""

import argparse
import datetime as dt
import errno
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from querygen import VERSION
from querygen.atomic import appearing_when_complete
from querygen.cases.flags import add_flags
from querygen.errors import Diagnostic, EngineError, QuerygenError, UsageError

if TYPE_CHECKING:
    from querygen.api import Query
    from querygen.catalog import Catalog


def _render(arguments: argparse.Namespace) -> int:
    """Print the SQL of a spec."""
    query = _query(arguments.spec, arguments)
    sql = query.sql(arguments.dialect, arguments.udfs)
    _warn(query.warnings())
    _write(sql.encode(), arguments.output)
    return 0


def _run(arguments: argparse.Namespace) -> int:
    """Run a spec on data, or on the built-in synthetic sample."""
    if arguments.format == "parquet" and arguments.output is None and sys.stdout.isatty():
        raise UsageError.of("binary-output", "Parquet is not for a terminal", help="add --output FILE")
    query = _query(arguments.spec, arguments)
    gc.enable()
    _warn(query.warnings())  # findings about the spec come before the seconds that loading data may take
    from querygen.show import FORMATS

    result = query.run(arguments.data, engine=arguments.engine, udfs=arguments.udfs)
    for note in result.notes:
        _say(f"note: {note}")
    _warn(result.warnings)
    _write(FORMATS[arguments.format](result), arguments.output)
    return 0


def _check(arguments: argparse.Namespace) -> int:
    """Check specs without running them; tells all errors and warnings of all of them."""
    analyzes = arguments.analyze and find_spec("zetasql") is not None
    if arguments.analyze and not analyzes:
        _say("note: not read by Google's analyzer; pip install 'querygen[googlesql]' adds it")
    read = _reader(arguments)
    worst = 0
    for spec in arguments.specs:
        try:
            query = read(spec)
            query.sql("duckdb")
            if analyzes:
                query.analyze()
            warnings = query.warnings()
        except UsageError:
            raise
        except QuerygenError as error:
            _say(str(error))
            worst = max(worst, error.exit_code)
        else:
            _warn(warnings)
            worst = max(worst, 1 if warnings else 0)
            if not warnings:
                _write(f"{spec}: ok\n".encode(), None)
    return worst


def _verify(arguments: argparse.Namespace) -> int:
    """Run specs on DuckDB and on Google's evaluator, and compare the rows; made-up ones without --data."""
    from querygen.verify import other_than_spec

    gc.enable()
    read = _reader(arguments, probes_beside=True)
    worst = 0
    for spec in arguments.specs:
        other = other_than_spec(spec)
        if other:
            _say(f"note: {spec}: skipped, {other} and no spec")
            continue
        try:
            verdict = read(spec).verify(
                arguments.data, udfs=arguments.udfs, pings=arguments.pings, tolerance=arguments.tolerance
            )
        except UsageError:
            raise
        except QuerygenError as error:
            _say(str(error))
            worst = max(worst, error.exit_code)
            continue
        for note in verdict.notes:
            _say(f"note: {spec}: {note}")
        _write(f"{spec}: {verdict}\n".encode(), None)
        worst = max(worst, int(not verdict.agrees))
    return worst


def _sample(arguments: argparse.Namespace) -> int:
    """Write a deterministic, realistic table of pings for `--data DIR`."""
    from querygen.sample import write_sample

    gc.enable()
    with _progress_line() as show:
        paths = write_sample(
            arguments.output,
            arguments.pings,
            arguments.seed,
            show and (lambda done: show(f"{done:,} of {arguments.pings:,} pings")),
            arguments.format,
            table=arguments.table,
        )
    _write("".join(f"{path}\n" for path in paths).encode(), None)
    return 0


def _udfs(arguments: argparse.Namespace) -> int:
    """Print a script that installs the functions (in DuckDB as mozfun.hist.extract, per connection)."""
    from querygen.udfs import install_script

    _write(install_script(arguments.dialect).encode(), arguments.output)
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    """Explain the code of a warning or error, with a spec that has it and its repair."""
    from querygen.explain import explained, listed

    _write((listed() if arguments.code is None else explained(arguments.code)).encode(), None)
    return 0


def _schema(arguments: argparse.Namespace) -> int:
    """Print the JSON Schema of specs, or of test files, for editors that complete and explain keys."""
    import json

    if arguments.tests:
        from querygen.cases.model import json_schema
    else:
        from querygen.spec import json_schema
    _write(f"{json.dumps(json_schema(), indent=2)}\n".encode(), arguments.output)
    return 0


def _test(arguments: argparse.Namespace) -> int:
    """Run the tests of specs (*.test.yaml), or write a first one."""
    from querygen.cases.flags import act

    gc.enable()
    return act(arguments, _schemas(arguments.schema), lambda line: _write(f"{line}\n".encode(), None))


def _catalog(arguments: argparse.Namespace) -> int:
    """List and search the distributions and scalars that can be asked for."""
    from querygen.api import catalog_of
    from querygen.listing import entries
    from querygen.show import json_rows, text_table

    schemas = _schemas(arguments.schema)
    catalog = catalog_of(schemas, arguments.probes)
    found = [entry.row() for entry in entries(catalog, [*schemas] or [*catalog.names], arguments.pattern)]
    if not schemas:
        _say("note: the built-in schemas know few names, but take any; --schema lists the real ones")
    _write(json_rows(found) if arguments.format == "json" else text_table(found), arguments.output)
    return 0 if found else 1


def _ingest(arguments: argparse.Namespace) -> int:
    """Turn raw pings (JSON files, folders, or one a line) into rows of their table, for --data."""
    from querygen.api import read_schemas
    from querygen.ingest import ingest

    gc.enable()
    given = read_schemas(_schemas(arguments.schema))
    if len(given) > 1:
        raise UsageError.of(
            "bad-flag", "the pings of one table need one --schema", help="ingest each table alone"
        )
    table, schema = next(iter(given.items()), (arguments.table, None))
    with _progress_line() as show:
        report = ingest(
            arguments.pings,
            arguments.output,
            table=table,
            schema=schema,
            received=_time(arguments.received),
            skip_malformed=arguments.skip_malformed,
            progress=show and (lambda pings, share: show(f"{share:4.0%}  {pings:,} pings")),
        )
    for problem in report.problems:
        _say(str(problem))
    _say(f"note: {report.pings:,} rows of {report.table}, {report.skipped:,} malformed pings skipped")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="querygen",
        description="Compiles short specs into BigQuery SQL for Firefox telemetry, and runs them.",
        epilog="Exit codes: 0 fine; 1 a finding; 2 bad flags or paths; 3 an engine or internal failure.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"querygen {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(function: Callable[[argparse.Namespace], int], *options: str) -> argparse.ArgumentParser:
        name = function.__name__.removeprefix("_")
        made = commands.add_parser(
            name, help=function.__doc__, description=function.__doc__, allow_abbrev=False
        )
        made.set_defaults(function=function)
        for option in options:
            _OPTIONS[option](made)
        return made

    command(_render, "spec", "udfs", "schema", "probes", "source", "today", "output").add_argument(
        "--dialect", choices=["bigquery", "duckdb"], default="bigquery", help="the SQL dialect (bigquery)"
    )
    run = command(_run, "spec", "data", "udfs", "schema", "probes", "source", "today", "output")
    run.add_argument(
        "--engine", choices=["duckdb", "googlesql"], default="duckdb", help="what runs it (duckdb)"
    )
    run.add_argument(
        "--format",
        choices=["table", "json", "csv", "parquet"],
        default="table",
        help="how it is shown (table)",
    )
    check = command(_check, "schema", "probes", "source", "today")
    check.add_argument("specs", nargs="+", metavar="SPEC", help="YAML or JSON files")
    check.add_argument(
        "--no-analyze",
        dest="analyze",
        action="store_false",
        help="without Google's analyzer, where installed",
    )
    both = command(_verify, "data", "schema", "probes", "source", "today")
    both.add_argument("specs", nargs="+", metavar="SPEC", help="YAML or JSON files; tests are skipped")
    both.add_argument(
        "--udfs", action="append", choices=["inline", "temp", "mozfun"], help="compare this form only (all)"
    )
    both.add_argument(
        "--pings", type=_positive, default=2000, metavar="N", help="how many pings of --data at most (2000)"
    )
    both.add_argument(
        "--tolerance", type=_tolerance, metavar="X", help="how far apart floats may be, relatively (1e-9)"
    )
    listing = command(_catalog, "schema", "probes", "output")
    listing.add_argument(
        "pattern", nargs="?", default="", metavar="PATTERN", help="a part of the name, or a glob"
    )
    listing.add_argument(
        "--format", choices=["table", "json"], default="table", help="how it is shown (table)"
    )
    sample = command(_sample)
    sample.add_argument(
        "--pings", type=_positive, default=100_000, metavar="N", help="how many pings (100000)"
    )
    sample.add_argument(
        "--table",
        choices=["telemetry.main", "firefox_desktop.metrics"],
        default="telemetry.main",
        help="(telemetry.main)",
    )
    sample.add_argument("--seed", type=int, default=1, metavar="S", help="another seed makes other pings (1)")
    sample.add_argument(
        "--output", "-o", type=Path, required=True, metavar="DIR", help="the folder to write to"
    )
    sample.add_argument(
        "--format", choices=["parquet", "ndjson"], default="parquet", help="the file format (parquet)"
    )
    raw = command(_ingest, "schema")
    raw.add_argument(
        "pings", nargs="+", type=Path, metavar="PING", help="files of a ping, or of one a line; folders"
    )
    raw.add_argument(
        "--output", "-o", type=Path, required=True, metavar="FILE", help=".ndjson, .ndjson.gz or .parquet"
    )
    raw.add_argument(
        "--table", metavar="TABLE", help="the pings' table, if not that of the first ping's kind"
    )
    raw.add_argument(
        "--received", metavar="TIME", help="when they came, as 2020-04-20T12:00:00Z (their creation)"
    )
    raw.add_argument("--skip-malformed", action="store_true", help="report malformed pings and go on")
    command(_udfs, "output").add_argument(
        "--dialect", choices=["bigquery", "duckdb"], default="duckdb", help="the SQL dialect (duckdb)"
    )
    command(_schema, "output").add_argument(
        "--tests", action="store_true", help="the schema of *.test.yaml files instead"
    )
    add_flags(command(_test, "schema", "probes"), _positive)
    command(_explain).add_argument(
        "code", nargs="?", metavar="CODE", help="the code; without it all codes are listed"
    )
    return parser


_OPTIONS: dict[str, Callable[[argparse.ArgumentParser], object]] = {
    "spec": lambda p: p.add_argument("spec", metavar="SPEC", help="a YAML or JSON file, or - for stdin"),
    "data": lambda p: p.add_argument(
        "--data", action="append", metavar="[TABLE=]PATH",
        help="a file, a glob, or a folder of files named dataset.table.ext; by default rows are made up",
    ),
    "udfs": lambda p: p.add_argument(
        "--udfs", choices=["inline", "temp", "mozfun"], default="inline",
        help="decoding functions in place (default), as temporary functions, or mozfun's",
    ),
    "schema": lambda p: p.add_argument(
        "--schema", action="append", metavar="TABLE=FILE", help="what `bq show --schema` prints, plain or .xz"
    ),
    "source": lambda p: p.add_argument("--source", metavar="TABLE", help="compile for this table instead"),
    "probes": lambda p: p.add_argument(
        "--probes", metavar="PATH",
        help="probe definitions: Histograms.json, Scalars.yaml, metrics.yaml, or a folder of them",
    ),
    "today": lambda p: p.add_argument("--today", metavar="DATE", help="the day that `last: 14 days` ends on"),
    "output": lambda p: p.add_argument("--output", "-o", type=Path, metavar="FILE", help="write this file"),
}  # fmt: skip


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _tolerance(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return found


def _query(spec: str, arguments: argparse.Namespace) -> "Query":
    return _reader(arguments)(spec)


def _reader(arguments: argparse.Namespace, *, probes_beside: bool = False) -> "Callable[[str], Query]":
    """What reads the specs of one command; schemas and definitions are read once.

    With `probes_beside`, a folder `probes` beside a spec stands for a missing --probes.
    """
    from querygen.api import Query, catalog_of
    from querygen.source import load_bytes, load_file

    @cache
    def catalog(probes: str | None) -> "Catalog":
        if probes != arguments.probes:
            _say(f"note: with the probe definitions in {probes} for the specs beside it")
        return catalog_of(_schemas(arguments.schema), probes)

    def read(spec: str) -> Query:
        source = load_bytes(sys.stdin.buffer.read(), "<stdin>") if spec == "-" else load_file(spec)
        if arguments.source:
            source = source.with_value("source", arguments.source)
        beside = Path(spec).parent / "probes"
        is_beside = probes_beside and arguments.probes is None and spec != "-" and beside.is_dir()
        return Query.of(
            source, catalog(str(beside) if is_beside else arguments.probes), _date(arguments.today)
        )

    return read


def _schemas(flags: Sequence[str] | None) -> dict[str, str]:
    pairs = {}
    for flag in flags or ():
        table, equals, path = flag.partition("=")
        if not equals or not table or not path:
            raise UsageError.of(
                "bad-flag",
                f"`--schema {flag}` is not TABLE=FILE",
                help="write for example --schema telemetry.main=main.5.bq",
            )
        pairs[table] = path
    return pairs


def _date(text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError.of(
            "bad-flag", f"`--today {text}` is no date", help="write it as 2020-04-20"
        ) from None


def _time(text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError.of(
            "bad-flag", f"`--received {text}` is no time", help="write it as 2020-04-20T12:00:00Z"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)


def _write(content: bytes, output: Path | None) -> None:
    """Prints, or writes a file that appears only when it is complete."""
    if output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        if output.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        with appearing_when_complete(output) as partial:
            partial.write_bytes(content)
    except OSError as error:
        message = f"{output} cannot be written: {str(error.strerror).lower()}"
        raise UsageError.of("unwritable", message, help="name a file in a folder that is there") from None


@contextmanager
def _progress_line() -> Iterator[Callable[[str], None] | None]:
    """Writes over one line on the terminal, which is gone at the end; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return

    def show(line: str) -> None:
        sys.stderr.write(f"\r{line}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")


def _warn(warnings: Sequence[Diagnostic]) -> None:
    for warning in warnings:
        _say(str(warning))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _call() -> int:
    arguments = _parser().parse_args()
    code: int = arguments.function(arguments)
    return code


def main() -> None:
    """The entry point: turns every error into a message and an exit code, never a traceback."""
    # These cost a cold `render` a quarter of its time: collecting garbage while importing, and again at the
    # end, where there is next to none; and pydantic's search for plugins in all installed packages.
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        sys.exit(_call())
    except QuerygenError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has seen enough (`querygen run … | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("QUERYGEN_DEBUG"):
            raise
        bug = EngineError.of(
            "internal",
            f"querygen failed: {type(error).__name__}: {error}",
            help="this is a bug in querygen; set QUERYGEN_DEBUG=1 to see where, and please report it",
        )
        _say(str(bug))
        sys.exit(bug.exit_code)
    finally:
        if not gc.isenabled():  # a command that ran a query has enabled it, and has something to clean up
            gc.freeze()
