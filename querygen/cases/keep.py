"""Keeps what a test ran on: its SQL, and a DuckDB file with the given rows and each step's rows as tables."""

from pathlib import Path

from querygen import data
from querygen.cases.read import TestFile, slug
from querygen.check import CheckedSql
from querygen.ctes import alone
from querygen.running import Attached
from querygen.schema import quote_identifier
from querygen.translate import translate


def keep(folder: Path, file: TestFile, name: str, checked: CheckedSql, tables: Attached) -> Path:
    """Writes `<folder>/<test file>/<test>.sql`, `.duckdb.sql` and `.duckdb`; returns the last."""
    home = folder / file.stem
    home.mkdir(parents=True, exist_ok=True)
    stem = slug(name)
    text = translate(checked).text
    (home / f"{stem}.sql").write_text(checked.sql.text, encoding="utf-8")
    (home / f"{stem}.duckdb.sql").write_text(text, encoding="utf-8")
    database = home / f"{stem}.duckdb"
    database.unlink(missing_ok=True)
    given = {read.table: data.table_name(read.table) for read in checked.sql.plan.reads}
    steps = {stage.cte: alone(checked, stage.cte, "duckdb") for stage in checked.sql.plan.ctes}
    con = tables.connection
    con.execute(f"ATTACH '{str(database).replace(chr(39), chr(39) * 2)}' AS kept")
    try:
        for table, view in given.items():
            dataset, name = map(quote_identifier, table.split(".")[-2:])
            con.execute(f"CREATE SCHEMA IF NOT EXISTS kept.{dataset}")
            con.execute(f"CREATE TABLE kept.{dataset}.{name} AS FROM {view}")
        for step, step_text in {**steps, "result": text}.items():
            con.execute(
                f"CREATE TABLE kept.{quote_identifier(step)} AS (\n{step_text.rstrip().rstrip(';')}\n)"
            )
    finally:
        con.execute("DETACH kept")
    return database
