"""The tutorial's SQL taken literally: `array_udfs.sql` says what was changed, and why."""

from pathlib import Path

import duckdb

from benchmarks.strategies import Answer, Row, table_file


def prepare(data: Path) -> Answer:
    """See `benchmarks.strategies`."""
    connection = duckdb.connect()
    connection.execute("SET VARIABLE file = $file", {"file": str(table_file(data))})
    script = Path(__file__).with_suffix(".sql").read_text("utf-8")
    return lambda: [Row(*row) for row in connection.execute(script).fetchall()]
