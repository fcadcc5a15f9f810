"""Generates the synthetic telemetry.main, shard by shard, as Arrow tables.

A shard is a run of consecutive pings. It depends on the seed and the numbers of its pings alone, hence any
number of workers gives the same rows in the same order, and no more than a few shards are ever in memory.
"""

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Context, Decimal
from functools import cache
from os import cpu_count
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import duckdb
import pyarrow as pa

from querygen.sample import tutorial
from querygen.sample.shape import SCHEMA, constants

SHARD_PINGS: Final = 122_880
"""Pings a shard has: one Parquet row group of DuckDB's favourite size."""

_PINGS_PER_CLIENT = 5
_MOST_WORKERS = 4  # each has a shard of some 100 MB under way
_BUILTIN_PINGS = 20_000
_BUILTIN_SEED = 12  # its percentiles of 2020-04-20 are those that the tutorial prints


def read_sql(name: str) -> str:
    """The text of `name`, an SQL file beside this module."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def shards(pings: int, seed: int, workers: int | None = None) -> Generator[pa.Table, None, None]:
    """Yields the sample in order of submission: shards of at most SHARD_PINGS rows, of schema SCHEMA.

    The last shard is the tutorial's three pings; they count among `pings`.
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
    # One thread inside DuckDB: shards are what runs side by side.
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(read_sql("macros.sql"))
        pool = ThreadPoolExecutor(workers, thread_name_prefix="querygen-sample")
        try:
            under_way: deque[Future[pa.Table]] = deque()
            for first in range(0, generated, SHARD_PINGS):
                stop = min(first + SHARD_PINGS, generated)
                under_way.append(
                    pool.submit(_shard, connection.cursor(), parameters | {"first": first, "stop": stop})
                )
                if len(under_way) > workers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
    yield tutorial.table().slice(0, pings)


def sample_table(pings: int, seed: int) -> pa.Table:
    """The whole sample as one table, for small ones: about 600 bytes a ping."""
    return pa.concat_tables(shards(pings, seed))


@cache
def builtin_sample() -> pa.Table:
    """The sample that is there without any data: 20,000 pings, always the same. Made once per process."""
    return sample_table(_BUILTIN_PINGS, _BUILTIN_SEED).combine_chunks()


def _shard(cursor: duckdb.DuckDBPyConnection, parameters: dict[str, Any]) -> pa.Table:
    with cursor:
        drawn = cursor.sql(read_sql("pings.sql"), params=parameters).to_arrow_table()
    client_ids = [_outside_the_tutorial(client_id) for client_id in drawn["client_id"].to_pylist()]
    sample_ids = [None if client_id is None else _sample_id(client_id) for client_id in client_ids]
    table = drawn.drop_columns("client_id")
    table = table.append_column("client_id", pa.array(client_ids, pa.string()))
    table = table.append_column("sample_id", pa.array(sample_ids, pa.int64()))
    return table.select(SCHEMA.names).cast(SCHEMA)


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
