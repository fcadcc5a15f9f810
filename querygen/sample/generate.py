"""Generates the synthetic tables, shard by shard, as Arrow tables.

A shard is a run of consecutive pings. It depends on the seed and the numbers of its pings alone, hence any
number of workers gives the same rows in the same order, and no more than a few shards are ever in memory.
"""

import datetime as dt
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Context, Decimal
from functools import cache
from os import cpu_count
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import duckdb
import pyarrow as pa

from querygen.releases import releases
from querygen.sample import tutorial
from querygen.sample.columns import GLEAN, MAIN, RELEASED, RELEASED_SCHEMA, SCHEMAS
from querygen.sample.shape import constants

SHARD_PINGS: Final = 122_880
"""Pings a shard has: one Parquet row group of DuckDB's favourite size."""

_PINGS_PER_CLIENT = 5
_MOST_WORKERS = 4  # each has a shard of some 100 MB under way
_BUILTIN_PINGS = 20_000
_BUILTIN_SEED = 12  # its percentiles of 2020-04-20 are those that the tutorial prints


def read_sql(name: str) -> str:
    """The text of `name`, an SQL file beside this module."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def shards(
    pings: int, seed: int, workers: int | None = None, table: str = MAIN
) -> Generator[pa.Table, None, None]:
    """Yields a table's sample in order of submission: shards of at most SHARD_PINGS pings, by its schema.

    The last shard is the tutorial's three pings; they count among `pings`. Of telemetry.crash they are the
    crashes in the sessions of so many main pings.
    """
    generated = max(pings - tutorial.PINGS, 0)
    parameters = {
        **constants(),
        "seed": str(seed),
        "pings": max(generated, 1),
        "clients": max(generated // _PINGS_PER_CLIENT, 1),
    }
    parameters |= {
        "zipf_low": _tenth_root(100),
        "zipf_high": _tenth_root(parameters["clients"] + 100),
    }
    workers = workers or min(cpu_count() or 1, _MOST_WORKERS)
    query = read_sql("pings.sql") + read_sql(f"{table}.sql")
    # One thread inside DuckDB: shards are what runs side by side.
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(read_sql("macros.sql"))
        pool = ThreadPoolExecutor(workers, thread_name_prefix="querygen-sample")
        try:
            under_way: deque[Future[pa.Table]] = deque()
            for first in range(0, generated, SHARD_PINGS):
                stop = min(first + SHARD_PINGS, generated)
                bounds = {"first": first, "stop": stop}
                under_way.append(pool.submit(_shard, connection.cursor(), query, parameters | bounds, table))
                if len(under_way) > workers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
    yield tutorial.table(table).slice(0, pings)


def sample_table(pings: int, seed: int, table: str = MAIN) -> pa.Table:
    """The whole sample of a table at once, for small ones: about a kilobyte a ping."""
    return pa.concat_tables(shards(pings, seed, table=table))


def released_table(versions: Iterable[tuple[str, dt.date]]) -> pa.Table:
    """The table of releases with these versions of Firefox, as Mozilla's list of releases has them."""
    rows = [
        {
            "build_number": 1,
            "category": "stability" if version.count(".") > 1 else "major",
            "date": day,
            "is_security_driven": False,
            "product": "firefox",
            "version": version,
        }
        for version, day in versions
    ]
    return pa.Table.from_pylist(rows, schema=RELEASED_SCHEMA)


@cache
def _builtin(table: str) -> pa.Table:
    if table == RELEASED:
        return released_table((f"{major}.0", day) for major, day in releases().items())
    return sample_table(_BUILTIN_PINGS, _BUILTIN_SEED, table).combine_chunks()


def builtin_sample(table: str = MAIN) -> pa.Table:
    """The rows that are there without any data: 20,000 pings, always the same. Made once per process.

    Of telemetry.releases they are the days of the real releases.
    """
    return _builtin(table)


def _shard(cursor: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any], table: str) -> pa.Table:
    with cursor:
        named = {name: value for name, value in parameters.items() if f"${name}" in query}
        return with_clients(cursor.sql(query, params=named).to_arrow_table(), table)


def with_clients(drawn: pa.Table, table: str) -> pa.Table:
    """Rows that were drawn as the table has them: with its columns, and what follows from the client's id."""
    schema = SCHEMAS[table]
    client_ids = [_outside_the_tutorial(client_id) for client_id in drawn["client_id"].to_pylist()]
    sample_ids = [None if client_id is None else _sample_id(client_id) for client_id in client_ids]
    rows = drawn.drop_columns("client_id")
    rows = rows.append_column("sample_id", pa.array(sample_ids, pa.int64()))
    if table == GLEAN:
        rows = _with_client_in_info(rows, client_ids)
    else:
        rows = rows.append_column("client_id", pa.array(client_ids, pa.string()))
    for name in set(schema.names) - set(rows.column_names):
        rows = rows.append_column(name, pa.nulls(rows.num_rows, schema.field(name).type))
    return rows.select(schema.names).cast(schema)


def _with_client_in_info(rows: pa.Table, client_ids: list[str | None]) -> pa.Table:
    """The rows with `client_info.client_id`, which stands between other fields of that record."""
    info = rows["client_info"].combine_chunks()
    parts = {field.name: info.field(field.name) for field in info.type}
    parts["client_id"] = pa.array(client_ids, pa.string())
    names = [field.name for field in SCHEMAS[GLEAN].field("client_info").type]
    whole = pa.StructArray.from_arrays([parts[name] for name in names], names)
    return rows.set_column(rows.schema.get_field_index("client_info"), "client_info", whole)


def _sample_id(client_id: str) -> int:
    """As Mozilla's pipeline computes it."""
    return crc32(client_id.encode()) % 100


def _outside_the_tutorial(client_id: str | None) -> str | None:
    """The client id, or one that differs in its last digits if the tutorial's sample would contain it."""
    while client_id is not None and _sample_id(client_id) == tutorial.SAMPLE_ID:
        client_id = client_id[:-2] + f"{(int(client_id[-2:], 16) + 1) % 256:02x}"
    return client_id


def _tenth_root(number: int) -> float:
    """Exactly the same everywhere: `**` on floats asks the machine's own mathematics library."""
    return float(Context(prec=30).power(Decimal(number), Decimal("0.1")))
