"""The whole way: from files of raw pings to a file of rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Final

from querygen.atomic import appearing_when_complete
from querygen.errors import Diagnostic, QuerygenError, UsageError, similar_name_help
from querygen.ingest.derive import derived, with_bare_ids
from querygen.ingest.read import PingFiles, malformed
from querygen.ingest.rows import Json, compact, convert
from querygen.ingest.write import check_output, writer
from querygen.schema import Schema, builtin_schema

LEFTOVERS: Final = "additional_properties"
_TOLD = 10  # findings that a report keeps
_TABLES: Final = {"main": "telemetry.main", "crash": "telemetry.crash", "Glean": "firefox_desktop.metrics"}

Progress = Callable[[int, float], None]
"""Is told after each ping how many are done, and what share (0 to 1) of the input that is."""


@dataclass(frozen=True)
class IngestReport:
    """What came of it.

    Attributes:
        table: the table whose rows they are.
        files: how many were read.
        pings: how many became rows.
        skipped: how many were malformed.
        problems: the first of the findings about those.
    """

    table: str
    files: int
    pings: int
    skipped: int
    problems: tuple[Diagnostic, ...]


def ingest(
    paths: Sequence[Path],
    output: Path,
    *,
    table: str | None = None,
    schema: Schema | None = None,
    received: datetime | None = None,
    skip_malformed: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Turns raw pings into rows of their table.

    Memory holds one ping at a time (for Parquet, some megabytes of them). The output appears under its name
    only once it is complete.

    Args:
        paths: files with a ping each, or with one a line; folders of such files.
        output: ends in .ndjson or .jsonl (also .gz), or .parquet.
        table: such as telemetry.main; without it, the table of the first ping.
        schema: the table's, if the built-in one won't do.
        received: when the pings came; without it, each came when it was made.
        skip_malformed: whether to go on without what is no ping of the table.
        progress: is told how far it is.

    Raises:
        UsageError: a path doesn't exist, the output cannot be written, no schema of the table is known.
        QuerygenError: something is no ping of the table, or there is none at all, or a ping has what the
            table has no column for, and no `additional_properties` for the rest.
    """
    check_output(output)
    files = PingFiles(paths, output)
    run = _Run(table, schema, received, skip_malformed)
    rows = run.rows(files, progress)
    first = next(rows, None)
    if first is None or run.schema is None:
        raise QuerygenError((Diagnostic("no-pings", "there is no ping to write a row of"), *run.problems))
    try:
        with appearing_when_complete(output) as partial, writer(partial, output, run.schema) as out:
            for row in chain((first,), rows):
                out.write(row)
    except OSError as error:
        raise UsageError.of(
            "cannot-write",
            f"cannot write {output}: {error.strerror or error}",
            help="name a file in a folder that you may write to, on a disk with room",
        ) from error
    return IngestReport(run.schema.table, len(files.files), run.pings, run.skipped, tuple(run.problems))


class _Run:
    """One ingestion under way: which table it is for, and what has come of it so far."""

    def __init__(
        self, table: str | None, schema: Schema | None, received: datetime | None, skip_malformed: bool
    ) -> None:
        self.schema = schema or (_builtin(table) if table else None)
        self.pings = 0
        self.skipped = 0
        self.problems: list[Diagnostic] = []
        self._received = received
        self._skip_malformed = skip_malformed

    def rows(self, files: PingFiles, progress: Progress | None) -> Iterator[Json]:
        """The rows of the files' pings, one by one."""
        for found in files:
            problem = found.problem
            if found.ping is not None:
                try:
                    yield self._row(found.ping)
                    self.pings += 1
                except ValueError as error:
                    problem = malformed(found.span, str(error))
            if problem is not None:
                if not self._skip_malformed:
                    raise QuerygenError((problem,))
                self.skipped += 1
                self.problems += [problem] if len(self.problems) < _TOLD else []
            if progress:
                progress(self.pings, files.share)

    def _row(self, ping: Json) -> Json:
        kind = _kind(ping)
        if self.schema is None:
            self.schema = _builtin(_TABLES[kind])
        wanted = _kind_of(self.schema)
        if kind != wanted:
            raise ValueError(f"a {kind} ping, where {wanted} pings go into {self.schema.table}")
        row, left = convert(with_bare_ids(ping), self.schema)
        if LEFTOVERS in row:  # the ping's own column of that name
            left[LEFTOVERS] = row.pop(LEFTOVERS)
        row |= derived(row, self.schema, self._received)
        if left and self.schema.find(LEFTOVERS) is None:
            raise QuerygenError.of(
                "no-leftovers",
                f"`{next(iter(left))}` has no column in {self.schema.table}, and nothing else can hold it",
                help=f"add a column `{LEFTOVERS}` of type STRING to the schema",
            )
        return row | {LEFTOVERS: compact(left)} if left else row


def _builtin(table: str) -> Schema:
    schema = builtin_schema(table)
    if schema is None:
        tables = sorted(_TABLES.values())
        raise UsageError.of(
            "unknown-table",
            f"no schema of `{table}` is known",
            help=similar_name_help(table, tables, "a table") or f"give its schema with --schema {table}=FILE",
        )
    return schema


def _kind_of(schema: Schema) -> str:
    """Which pings a table with this schema has the rows of."""
    if schema.find("client_info") is not None:
        return "Glean"
    return "main" if schema.find("payload.crash_date") is None else "crash"


def _kind(ping: Json) -> str:
    """`main`, `crash` or `Glean`.

    Raises:
        ValueError: it is none of them.
    """
    if any(isinstance(ping.get(name), dict) for name in ("client_info", "ping_info")):
        return "Glean"
    kind = ping.get("type", "main")
    if isinstance(ping.get("payload"), dict) and kind in ("main", "crash"):
        return str(kind)
    if isinstance(kind, str) and kind not in ("main", "crash"):
        raise ValueError(f"a ping of type `{kind[:40]}`, where main, crash or Glean pings are read")
    raise ValueError("neither a main ping, which has `payload`, nor a Glean ping, which has `ping_info`")
