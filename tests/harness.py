"""Runs specs on pings, for the tests that compare engines with the oracle."""

import tempfile
from functools import cache
from pathlib import Path

import duckdb
import pytest
from pings import write_ndjson

from querygen.api import Query
from querygen.catalog import catalog
from querygen.result import Result
from querygen.running import run
from querygen.source import from_mapping

NEEDS_GOOGLESQL = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("zetasql") is None,
    reason="the extra `googlesql` is not installed",
)

HISTOGRAM = "FX_TAB_SWITCH_SPINNER_VISIBLE_MS"


@cache
def _catalog():
    return catalog()


def query(spec: dict) -> Query:
    return Query.of(from_mapping(spec), _catalog())


def answer_of(spec: dict, pings: list[dict], engine: str = "duckdb", udfs: str = "inline") -> Result:
    """The result of a spec on pings, through files as users give them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "telemetry.main.ndjson"
        write_ndjson(pings, path)
        return run(query(spec).checked(udfs), _catalog(), [folder], engine)


def rows_of(spec: dict, pings: list[dict], engine: str = "duckdb", udfs: str = "inline") -> list[dict]:
    return answer_of(spec, pings, engine, udfs).rows()


def in_memory(create: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(create)
    return connection
