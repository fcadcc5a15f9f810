"""Runs translated SQL on DuckDB."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from querygen.errors import EngineError
from querygen.translate import DuckSql

_MOMENT = 0.25  # seconds between two looks at how far a query is


def connect(*, repeatable: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection of our own: in memory, in UTC, without the user's settings.

    Args:
        repeatable: sum floats in one order, by one thread, so that their last digits are always the same.
    """
    config: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false"}
    if repeatable:
        config["threads"] = 1
    return duckdb.connect(":memory:", config=config)


@contextmanager
def told(connection: duckdb.DuckDBPyConnection, tell: Callable[[float | None], None]) -> Iterator[None]:
    """While this holds, tells a few times a second what share of its query a connection has done.

    Args:
        connection: one of our own; its progress is counted from now on, and not printed.
        tell: is called from another thread, with a share from 0 to 1, or None while it is not known.
    """
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
    over = threading.Event()

    def look() -> None:
        while not over.wait(_MOMENT):
            percent = connection.query_progress()
            tell(percent / 100 if 0 <= percent <= 100 else None)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


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
