"""Writes the synthetic tables into a folder that `--data DIR` reads."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from querygen.atomic import appearing_when_complete
from querygen.errors import UsageError, similar_name_help
from querygen.sample import story, tls13
from querygen.sample.columns import MAIN, SCHEMAS
from querygen.sample.generate import read_sql, shards

Format = Literal["parquet", "ndjson"]


def write_sample(
    output: Path,
    pings: int,
    seed: int,
    progress: Callable[[int], None] | None = None,
    format: Format = "parquet",  # noqa: A002 the word that people will write
    *,
    table: str = MAIN,
    workers: int | None = None,
) -> list[Path]:
    """Writes a sample of so many pings into the folder `output`, as `telemetry.main.parquet` or `.ndjson`.

    The same pings and seed give the same rows in the same order, on any machine. The file appears under its
    name only once it is complete, and replaces an older one.

    Args:
        output: the folder, which is made where there is none.
        pings: how many rows; the tutorial's three pings are the last of them.
        seed: any integer; another one gives other pings.
        progress: is told after every shard how many pings are written.
        format: of the file.
        table: whose rows they are: telemetry.main or firefox_desktop.metrics; of telemetry.crash, the crashes
            in the sessions of so many main pings.
        workers: how many shards to generate side by side; does not change the rows.

    Returns:
        The paths of the files written.

    Raises:
        UsageError: no ping is asked for, there is no sample of the table, or the folder cannot be written, or
            holds the same table already in another form, which `--data` could not tell from this one.
    """
    if pings < 1:
        raise UsageError.of(
            "no-pings", f"a sample of {pings} pings is no sample", help="ask for at least one ping"
        )
    if table not in SCHEMAS:
        raise UsageError.of(
            "no-sample",
            f"there is no sample of `{table}`",
            help=similar_name_help(table, SCHEMAS, "a table") or f"the tables are {', '.join(SCHEMAS)}",
        )
    return [_write(output, table, shards(pings, seed, workers, table), format, progress)]


STORIES: Final[Mapping[str, tuple[tuple[str, ...], Callable[[str, int], pa.Table]]]] = {
    "releases": (story.TABLES, story.story_table),
    "tls13": (tls13.TABLES, tls13.tls13_table),
}
"""The stories by name: their tables, and what makes the rows of one."""


def write_story(
    name: str,
    output: Path,
    seed: int,
    format: Format = "parquet",  # noqa: A002 as above
    progress: Callable[[str], None] | None = None,
) -> list[Path]:
    """Writes a story into the folder `output`, a file for each of its tables.

    Args:
        name: one of STORIES.
        output: the folder, which is made where there is none.
        seed: any integer; another one gives other pings of the same story.
        format: of the files.
        progress: is told the name of each table before it is made.

    Returns:
        The paths of the files written.

    Raises:
        UsageError: as for `write_sample`.
    """
    tables, rows = STORIES[name]
    paths = []
    for table in tables:
        if progress:
            progress(table)
        paths.append(_write(output, table, _one(rows, table, seed), format))
    return paths


def _one(rows: Callable[[str, int], pa.Table], table: str, seed: int) -> Generator[pa.Table, None, None]:
    yield rows(table, seed)


def _write(
    output: Path,
    table: str,
    rows: Generator[pa.Table, None, None],
    format: Format,  # noqa: A002 as above
    progress: Callable[[int], None] | None = None,
) -> Path:
    path = output / f"{table}.{format}"
    write = {"parquet": _write_parquet, "ndjson": _write_ndjson}[format]
    try:
        output.mkdir(parents=True, exist_ok=True)
        _refuse_second_form(path, table)
        with appearing_when_complete(path) as partial, closing(rows) as parts:
            write(partial, _reported(parts, progress))
    except OSError as error:
        raise UsageError.of(
            "cannot-write",
            f"cannot write {path}: {error.strerror or error}",
            help="name a folder that you may write to, on a disk with room",
        ) from error
    return path


def _refuse_second_form(path: Path, table: str) -> None:
    others = [
        other.name
        for other in path.parent.iterdir()
        if other != path and (other.name == table or other.name.startswith(f"{table}."))
    ]
    if others:
        raise UsageError.of(
            "table-exists",
            f"{path.parent} holds {table} already, as {min(others)}",
            help="remove it, or choose another folder",
        )


def _reported(tables: Iterator[pa.Table], progress: Callable[[int], None] | None) -> Iterator[pa.Table]:
    written = 0
    for table in tables:
        yield table
        written += table.num_rows
        if progress:
            progress(written)


def _write_parquet(path: Path, tables: Iterator[pa.Table]) -> None:
    first = next(tables)
    with pq.ParquetWriter(path, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)


def _write_ndjson(path: Path, tables: Iterator[pa.Table]) -> None:
    query = read_sql("ndjson.sql")
    with path.open("w", encoding="utf-8", newline="\n") as file, duckdb.connect() as connection:
        for table in tables:
            # Plain UTC times, which DuckDB prints alike whatever the machine's time zone.
            times = table["submission_timestamp"].cast(pa.timestamp("us"))
            connection.register("shard", table.set_column(0, "submission_timestamp", times))
            rows = connection.execute(query)
            # Piece by piece: the text of a whole shard takes several times its room.
            while lines := rows.fetchmany(10_000):
                file.writelines(f"{line}\n" for (line,) in lines)
