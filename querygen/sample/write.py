"""Writes the synthetic telemetry.main into a folder that `--data DIR` reads."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from os import getpid
from pathlib import Path
from typing import Final, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from querygen.errors import UsageError
from querygen.sample.generate import read_sql, shards
from querygen.sample.shape import SCHEMA

TABLE: Final = "telemetry.main"

Format = Literal["parquet", "ndjson"]


def write_sample(
    output: Path,
    pings: int,
    seed: int,
    progress: Callable[[int], None] | None = None,
    format: Format = "parquet",  # noqa: A002 the word that people will write
    *,
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
        workers: how many shards to generate side by side; does not change the rows.

    Returns:
        The paths of the files written.

    Raises:
        UsageError: no ping is asked for, or the folder cannot be written, or holds the same table already in
            another form, which `--data` could not tell from this one.
    """
    if pings < 1:
        raise UsageError.of(
            "no-pings", f"a sample of {pings} pings is no sample", help="ask for at least one ping"
        )
    path = output / f"{TABLE}.{format}"
    write = {"parquet": _write_parquet, "ndjson": _write_ndjson}[format]
    try:
        output.mkdir(parents=True, exist_ok=True)
        _refuse_second_form(path)
        with _appearing_when_complete(path) as partial, closing(shards(pings, seed, workers)) as tables:
            write(partial, _reported(tables, progress))
    except OSError as error:
        raise UsageError.of(
            "cannot-write",
            f"cannot write {path}: {error.strerror or error}",
            help="name a folder that you may write to, on a disk with room",
        ) from error
    return [path]


def _refuse_second_form(path: Path) -> None:
    others = [
        other.name
        for other in path.parent.iterdir()
        if other != path and (other.name == TABLE or other.name.startswith(f"{TABLE}."))
    ]
    if others:
        raise UsageError.of(
            "table-exists",
            f"{path.parent} holds {TABLE} already, as {min(others)}",
            help="remove it, or choose another folder",
        )


@contextmanager
def _appearing_when_complete(path: Path) -> Iterator[Path]:
    """A path to write to that becomes `path` at the end, or nothing if the writing is interrupted."""
    partial = path.with_name(f".{path.name}.{getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _reported(tables: Iterator[pa.Table], progress: Callable[[int], None] | None) -> Iterator[pa.Table]:
    written = 0
    for table in tables:
        yield table
        written += table.num_rows
        if progress:
            progress(written)


def _write_parquet(path: Path, tables: Iterator[pa.Table]) -> None:
    with pq.ParquetWriter(path, SCHEMA) as writer:
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
