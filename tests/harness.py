"""Runs specs on pings, for the tests that compare engines with the oracle."""

import tempfile
from functools import cache
from pathlib import Path

import duckdb
import pytest
from pings import DEFINITIONS, write_ndjson

from querygen.api import Query
from querygen.catalog import catalog
from querygen.probes import read_probes
from querygen.result import Result
from querygen.running import run
from querygen.source import from_mapping

NEEDS_GOOGLESQL = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("zetasql") is None,
    reason="the extra `googlesql` is not installed",
)

HISTOGRAM = "FX_TAB_SWITCH_SPINNER_VISIBLE_MS"


@cache
def _catalog(defined: bool = False):
    """The built-in tables, with the probe definitions of tests/data if asked for."""
    return catalog(definitions=read_probes(DEFINITIONS) if defined else None)


def query(spec: dict, defined: bool = False) -> Query:
    return Query.of(from_mapping(spec), _catalog(defined))


def answer_of(
    spec: dict, pings: list[dict], engine: str = "duckdb", udfs: str = "inline", defined: bool = False
) -> Result:
    """The result of a spec on pings, through files as users give them."""
    checked = query(spec, defined).checked(udfs)
    with tempfile.TemporaryDirectory() as folder:
        write_ndjson(pings, Path(folder) / f"{checked.sql.plan.table}.ndjson")
        return run(checked, _catalog(defined), [folder], engine)


def rows_of(
    spec: dict, pings: list[dict], engine: str = "duckdb", udfs: str = "inline", defined: bool = False
) -> list[dict]:
    return answer_of(spec, pings, engine, udfs, defined).rows()


def in_memory(create: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(create)
    return connection
