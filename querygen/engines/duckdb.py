"""Runs translated SQL on DuckDB."""

import duckdb
import pyarrow as pa

from querygen.errors import EngineError
from querygen.translate import DuckSql


def connect(*, repeatable: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection of our own: in memory, in UTC, without the user's settings.

    Args:
        repeatable: sum floats in one order, by one thread, so that their last digits are always the same.
    """
    config: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false"}
    if repeatable:
        config["threads"] = 1
    return duckdb.connect(":memory:", config=config)


def run(sql: DuckSql, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Runs the text on a connection that has the plan's table; creates and changes nothing there.

    Raises:
        EngineError: DuckDB refuses the query.
    """
    try:
        return connection.sql(sql.text).to_arrow_table()
    except duckdb.Error as error:
        message = " ".join(str(error).split("\n\n")[0].split())
        raise EngineError.of("duckdb", f"DuckDB cannot run the query: {message}") from error
