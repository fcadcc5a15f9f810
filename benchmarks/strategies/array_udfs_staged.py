"""Array-valued UDFs at their best: `array_udfs_staged.sql`."""

from pathlib import Path

import duckdb

from benchmarks.strategies import Answer, Row, table_file


def prepare(data: Path) -> Answer:
    """See `benchmarks.strategies`."""
    connection = duckdb.connect()
    connection.execute("SET VARIABLE file = $file", {"file": str(table_file(data))})
    script = Path(__file__).with_suffix(".sql").read_text("utf-8")
    return lambda: [Row(*row) for row in connection.execute(script).fetchall()]
