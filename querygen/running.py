"""Run: text and data become a `Result`, on an engine.

Data is attached to a DuckDB connection of our own, typed by the schema; DuckDB queries it there, and Google's
evaluator gets the same typed rows from it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
        result = Result.of(table, plan, notes)
        return replace(result, notes=(*result.notes, *_told_by_rows(result)))
    finally:
        own.close()


def _told_by_rows(result: Result) -> list[str]:
    """What the rows tell and a reader might miss: histograms without data, and groups that were dropped."""
    notes = []
    names = result.table.column_names
    if "histogram" in names and len(result.plan.histograms) > 1:
        found = set(result.table["histogram"].to_pylist())
        missing = [name for name in result.plan.histograms if name not in found]
        notes += [f"there is no data of {', '.join(missing)}"] if missing else []
    if "n_dropped" in names and len(result):
        dropped = result.table["n_dropped"][0].as_py()
        notes += [f"{dropped} rows of too few clients were dropped"] if dropped else []
    return notes


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
