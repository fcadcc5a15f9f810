"""The story of the TLS 1.3 experiment on Beta 51, a tenth of the pings that there were of each branch."""

from typing import Any, Final

import duckdb
import pyarrow as pa

from querygen.sample.columns import MAIN
from querygen.sample.generate import read_sql
from querygen.sample.shape import constants

TABLES: Final = (MAIN,)
"""The table that it is told in."""

CLIENTS: Final = {"enabled": 2312, "disabled": 26, "unknown": 31, "elsewhere": 2000, "nowhere": 42_540}
"""How many there are in each branch, in one that isn't known, in another experiment, and in none.

Of pings that is a tenth of what the experiment's analysis counted in 2017: 92,458 enabled, 1,063 disabled and
1,255 unknown; and of those in none ten times the tenth that was its control.
"""

_TIME_KEYS: Final = [0, 1, 3, 6, 10, 20, 40, 60, 90, 130, 190, 280, 400, 580, 840, 1200]


def tls13_table(table: str, seed: int) -> pa.Table:
    """The story in its table, in order of submission."""
    parameters: dict[str, Any] = {
        **constants(),
        **CLIENTS,
        "seed": str(seed),
        "clients": sum(CLIENTS.values()),
        "time_keys": _TIME_KEYS,
    }
    query = read_sql(f"tls13.{table}.sql")
    named = {name: value for name, value in parameters.items() if f"${name}" in query}
    with duckdb.connect() as connection:
        connection.execute(read_sql("macros.sql"))
        rows = connection.sql(query, params=named).to_arrow_table()
    times = rows["submission_timestamp"].cast(pa.timestamp("us", tz="UTC"))
    return rows.set_column(0, "submission_timestamp", times)
