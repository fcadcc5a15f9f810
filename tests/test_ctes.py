"""Each CTE alone gives its rows, on both engines and in each form of the text."""

import pytest
from harness import HISTOGRAM, NEEDS_GOOGLESQL, _catalog, query
from pings import random_pings, write_ndjson

from querygen import UsageError
from querygen.running import attached

# The literal looks like a CTE and its end, which must not mislead the search for it.
SPEC = {
    "histogram": HISTOGRAM,
    "normalization": "client",
    "dimensions": ["os"],
    "filters": {"os": {"not": "clients AS (), "}},
    "allow_full_scan": True,
}


@pytest.fixture(scope="module")
def pings():
    return random_pings(60, 4)


def rows_by_cte(pings, folder, engine, udfs):
    write_ndjson(pings, folder / "telemetry.main.ndjson")
    checked = query(SPEC).checked(udfs)
    with attached(checked.sql.plan, _catalog(), [str(folder)]) as tables:
        return {s.cte: tables.cte(checked, s.cte, engine).to_pylist() for s in checked.sql.plan.ctes}


def test_each_cte_has_its_own_rows(pings, tmp_path):
    of = rows_by_cte(pings, tmp_path, "duckdb", "inline")
    assert list(of) == ["pings", "decodable", "histograms", "clients", "buckets", "shares"]
    assert len(of["pings"]) == len(of["decodable"]) == len(of["histograms"]) > len(of["clients"]) > 0
    ids = {(row["os"], row["client_id"]) for row in of["pings"]}
    assert {(row["os"], row["client_id"]) for row in of["clients"]} <= ids
    assert [list(row) for row in of["buckets"][:1]] == [["os", "bucket", "votes", "n_samples", "n_clients"]]


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("udfs", ["inline", "temp", "mozfun"])
def test_both_engines_give_the_same_scan(pings, tmp_path, udfs):
    on_duckdb = rows_by_cte(pings, tmp_path, "duckdb", udfs)
    on_googlesql = rows_by_cte(pings, tmp_path, "googlesql", udfs)
    for cte in ("pings", "decodable"):
        assert sorted(map(str, on_duckdb[cte])) == sorted(map(str, on_googlesql[cte])) != []
    for cte, rows in on_duckdb.items():
        assert len(on_googlesql[cte]) == len(rows)


def test_a_cte_that_is_not_there_is_named(pings, tmp_path):
    write_ndjson(pings, tmp_path / "telemetry.main.ndjson")
    checked = query(SPEC).checked()
    there = attached(checked.sql.plan, _catalog(), [str(tmp_path)])
    with there as tables, pytest.raises(UsageError, match="has no CTE `client`") as raised:
        tables.cte(checked, "client")
    assert "`clients`" in str(raised.value)
