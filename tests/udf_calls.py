"""Calls of the functions of udfs/ on each engine, and the comparison of their answers."""

import math
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase

from querygen.engines import googlesql
from querygen.udfs import install_script, load_udfs

UDFS = load_udfs()
ENGINES = [
    "duckdb",
    pytest.param(
        "googlesql", marks=pytest.mark.skipif(not find_spec("zetasql"), reason="zetasql is not installed")
    ),
]
# A run is a batch of many strings out of one seed: nothing to shrink.
BATCHES = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.explicit, Phase.reuse, Phase.generate),
}


@cache
def connection() -> duckdb.DuckDBPyConnection:
    result = duckdb.connect()
    result.execute(install_script("duckdb"))
    return result


def call(engine: str, name: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
    """The answers of a function to many calls, in one query. NULL arrays are [], as BigQuery writes them."""
    udf = UDFS[name]
    columns = {"position": pa.array(range(len(calls)))}
    for index, argument in enumerate(udf.arguments):
        values = [arguments[index] for arguments in calls]
        scalars = {"STRING": pa.string(), "INT64": pa.int64(), "ARRAY<FLOAT64>": pa.list_(pa.float64())}
        columns[f"a{index}"] = pa.array(values, scalars.get(argument.type))
    table = pa.table(columns)
    arguments = ", ".join(f"a{index}" for index in range(len(udf.arguments)))
    if engine == "duckdb":
        cursor = connection().cursor()
        cursor.register("calls", table)
        sql = f"SELECT mozfun.{name}({arguments}) AS answer FROM calls ORDER BY position"
        answers = cursor.sql(sql).to_arrow_table()
    else:
        sql = f"SELECT mozfun.{name}({arguments}) AS answer FROM `calls` ORDER BY position"
        answers = googlesql.run(sql, {"calls": table}, [udf])
    arrow = answers.schema.field("answer").type
    return [without_null_lists(answer, arrow) for answer in answers.column("answer").to_pylist()]


def without_null_lists(value: Any, arrow: pa.DataType) -> Any:
    if pa.types.is_list(arrow):
        return [without_null_lists(element, arrow.value_type) for element in value or []]
    if pa.types.is_struct(arrow) and value is not None:
        return {field.name: without_null_lists(value[field.name], field.type) for field in arrow}
    return value


def same(left: Any, right: Any) -> bool:
    """Equal, with floats within 1e-9 of each other."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) or isinstance(right, float):
        return left is not None and right is not None and math.isclose(left, right, abs_tol=1e-9)
    return type(left) is type(right) and left == right
