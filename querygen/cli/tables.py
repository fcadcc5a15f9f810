"""Commands that make tables for --data: the sample, and rows of raw pings."""

import argparse
import datetime as dt
import gc
from pathlib import Path

from querygen.cli.options import Add, Command, positive
from querygen.cli.output import progress_line, say, write
from querygen.cli.reading import schemas
from querygen.errors import UsageError

_PINGS = 100_000


def _sample(arguments: argparse.Namespace) -> int:
    """Write a deterministic, realistic table of pings for `--data DIR`."""
    from querygen.sample import TABLE, write_sample, write_story

    gc.enable()
    if arguments.story is not None:
        for flag, value in {"--pings": arguments.pings, "--table": arguments.table}.items():
            if value is not None:
                told = f"`{flag}` means nothing to a story, which has its own size and tables"
                raise UsageError.of("bad-flag", told, help="leave it out")
        with progress_line() as show:
            paths = write_story(
                arguments.story,
                arguments.output,
                arguments.seed,
                arguments.format,
                show and (lambda table: show(f"making {table}")),
            )
    else:
        pings = arguments.pings or _PINGS
        with progress_line() as show:
            paths = write_sample(
                arguments.output,
                pings,
                arguments.seed,
                show and (lambda done: show(f"{done:,} of {pings:,} pings")),
                arguments.format,
                table=arguments.table or TABLE,
            )
    write("".join(f"{path}\n" for path in paths).encode(), None)
    return 0


def _ingest(arguments: argparse.Namespace) -> int:
    """Turn raw pings (JSON files, folders, or one a line) into rows of their table, for --data."""
    from querygen.api import read_schemas
    from querygen.ingest import ingest

    gc.enable()
    given = read_schemas(schemas(arguments.schema))
    if len(given) > 1:
        raise UsageError.of(
            "bad-flag", "the pings of one table need one --schema", help="ingest each table alone"
        )
    table, schema = next(iter(given.items()), (arguments.table, None))
    with progress_line() as show:
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
        say(str(problem))
    say(f"note: {report.pings:,} rows of {report.table}, {report.skipped:,} malformed pings skipped")
    return 0


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


def _sample_flags(add: Add) -> None:
    add("--pings", type=positive, metavar="N", help=f"how many pings ({_PINGS})")
    add(
        "--table",
        choices=["telemetry.main", "telemetry.crash", "firefox_desktop.metrics"],
        help="(telemetry.main); of telemetry.crash, the crashes in the sessions of so many main pings",
    )
    add(
        "--story",
        choices=["releases", "tls13"],
        help="instead: half a year from Firefox 56 to 59, with crash pings and release dates; or TLS 1.3, an "
        "experiment",
    )
    add("--seed", type=int, default=1, metavar="S", help="another seed makes other pings (1)")
    add("--output", "-o", type=Path, required=True, metavar="DIR", help="the folder to write to")
    add("--format", choices=["parquet", "ndjson"], default="parquet", help="the file format (parquet)")


def _ingest_flags(add: Add) -> None:
    add("pings", nargs="+", type=Path, metavar="PING", help="files of a ping, or of one a line; folders")
    add("--output", "-o", type=Path, required=True, metavar="FILE", help=".ndjson, .ndjson.gz or .parquet")
    add("--table", metavar="TABLE", help="the pings' table, if not that of the first ping's kind")
    add("--received", metavar="TIME", help="when they came, as 2020-04-20T12:00:00Z (their creation)")
    add("--skip-malformed", action="store_true", help="report malformed pings and go on")


COMMANDS = {
    "sample": Command(_sample, flags=_sample_flags),
    "ingest": Command(_ingest, ("schema",), _ingest_flags),
}
