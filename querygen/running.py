"""Run: text and data become a `Result`, on an engine.

Data is attached to a DuckDB connection of our own, typed by the schema; DuckDB queries it there, and Google's
evaluator gets the same typed rows from it.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from querygen import data
from querygen.catalog import Catalog
from querygen.check import CheckedSql
from querygen.engines import duckdb as on_duckdb
from querygen.errors import UsageError
from querygen.plan import Plan
from querygen.result import Result
from querygen.translate import translate
from querygen.udfs import Udf, load_udf

if TYPE_CHECKING:
    import duckdb

SYNTHETIC = "the built-in sample was used: it is synthetic, its numbers say nothing about Firefox"


def run(
    checked: CheckedSql,
    catalog: Catalog,
    locations: Sequence[str],
    engine: Literal["duckdb", "googlesql"] = "duckdb",
    connection: "duckdb.DuckDBPyConnection | None" = None,
) -> Result:
    """Runs checked SQL on data.

    Args:
        checked: the SQL.
        catalog: the tables' schemas.
        engine: `duckdb`, or Google's reference evaluator.
        locations: what `--data` takes: `TABLE=PATH`, or folders; none for the built-in sample.
        connection: a DuckDB connection that holds the table, instead of locations.

    Raises:
        UsageError: a path does not exist, or has no data for the table.
        QuerygenError: the data does not fit the schema.
        EngineError: the engine fails.
    """
    plan = checked.sql.plan
    if connection is not None:
        return Result.of(on_duckdb.run(translate(checked), connection), plan)
    own = on_duckdb.connect()
    try:
        notes = attach(own, plan, catalog, data.parse_locations(locations))
        if engine == "googlesql":
            from querygen.engines import googlesql

            rows = own.sql(f"FROM {data.table_name(plan.table)}").to_arrow_table()
            table = googlesql.run(checked.sql.text, {plan.table: rows}, mozfun_functions(checked))
        else:
            table = on_duckdb.run(translate(checked), own)
        return Result.of(table, plan, notes)
    finally:
        own.close()


def attach(
    connection: "duckdb.DuckDBPyConnection",
    plan: Plan,
    catalog: Catalog,
    files: Mapping[str, tuple[Path, ...]],
) -> tuple[str, ...]:
    """Gives the connection the plan's table, and returns what is to be said about it."""
    source = catalog.get(plan.like)
    if source is None:
        raise UsageError.of("unknown-table", f"the table `{plan.like}` is not known")
    if files:
        found = files.get(plan.table)
        if found is None:
            raise UsageError.of(
                "no-data",
                f"there is no data for the table `{plan.table}`, only for {' and '.join(files)}",
                help=f"add --data {plan.table}=PATH",
            )
        return data.attach(connection, plan.table, found, source.schema, plan.needs, source.strict).notes
    from querygen.sample import builtin_sample

    data.attach_arrow(connection, plan.table, builtin_sample(plan.like), source.schema, plan.needs)
    return (SYNTHETIC,)


def mozfun_functions(checked: CheckedSql) -> list[Udf]:
    """The functions that the text calls by mozfun's names, for an engine that has none of its own.

    Their bodies are ours, which answer as mozfun's do.
    """
    if checked.sql.udfs != "mozfun":
        return []
    bodies = [load_udf(function).mozfun or "" for function in checked.sql.functions]
    names = dict.fromkeys(name for body in bodies for name in re.findall(r"mozfun\.(\w+\.\w+)\(", body))
    return [load_udf(name) for name in names]
