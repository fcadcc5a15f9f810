"""Every column of every row is what the definitions say: DuckDB = GoogleSQL = oracle."""

import pytest
from harness import HISTOGRAM, NEEDS_GOOGLESQL, rows_of
from hypothesis import given, settings
from oracle import answer, same_rows
from pings import random_pings, specs_with_pings

ALL_DAYS = {"allow_full_scan": True}
PERCENTILES = [0.0, 0.001, 0.05, 0.25, 1 / 3, 0.5, 2 / 3, 0.75, 0.95, 0.999, 1.0]
MERGED = {"histogram": HISTOGRAM, "percentiles": PERCENTILES, **ALL_DAYS}
MEMORY = {"name": "memory", "of": "environment.system.memory_mb", "bands": [2048, 4096, 8192]}
SPECS = {
    "merged": MERGED,
    "by_build": {**MERGED, "dimensions": ["build_id"]},
    "by_day_and_os": {**MERGED, "dimensions": ["submission_date", "os"]},
    "client": {**MERGED, "normalization": "client"},
    "client_by_build": {**MERGED, "normalization": "client", "dimensions": ["build_time"]},
    "client_day_by_build": {**MERGED, "normalization": "client_day", "dimensions": ["build_date"]},
    "sliced": {
        **MERGED,
        "normalization": "client",
        "filters": {"os": "Windows", "os_version": {"not": "10.0"}},
    },
    "bands": {**MERGED, "normalization": "client", "dimensions": [MEMORY]},
    "distribution": {"histogram": HISTOGRAM, "dimensions": ["country"], **ALL_DAYS},
    "distribution_of_votes": {"histogram": HISTOGRAM, "normalization": "client", **ALL_DAYS},
    "distribution_of_day_votes": {"histogram": HISTOGRAM, "normalization": "client_day", **ALL_DAYS},
    "summary": {"histogram": HISTOGRAM, "measure": "summary", "dimensions": ["channel"], **ALL_DAYS},
    "summary_of_clients": {
        "histogram": HISTOGRAM,
        "measure": "summary",
        "normalization": "client",
        **ALL_DAYS,
    },
    "summary_of_days": {
        "histogram": HISTOGRAM,
        "measure": "summary",
        "normalization": "client_day",
        **ALL_DAYS,
    },
    "counts": {"measure": "counts", "dimensions": ["os", "country"], **ALL_DAYS},
    "counts_of_carriers": {"histogram": HISTOGRAM, "measure": "counts", **ALL_DAYS},
    "pings": {
        "histogram": HISTOGRAM,
        "measure": "pings",
        "fields": ["client_id", "sum", "bucket_count", "histogram_type", "histogram"],
        "limit": 250,
        **ALL_DAYS,
    },
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", SPECS)
def test_duckdb_equals_the_oracle(name, seed):
    pings = random_pings(400, seed)
    expected = answer(SPECS[name], pings)
    assert len(expected) > 0
    difference = same_rows(rows_of(SPECS[name], pings), expected)
    assert difference is None, difference


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("udfs", ["inline", "temp", "mozfun"])
@pytest.mark.parametrize("name", SPECS)
def test_googlesql_equals_the_oracle_in_all_forms(name, udfs):
    pings = random_pings(400, 4)
    difference = same_rows(rows_of(SPECS[name], pings, "googlesql", udfs), answer(SPECS[name], pings))
    assert difference is None, difference


@settings(max_examples=150)
@given(specs_with_pings())
def test_duckdb_equals_the_oracle_on_any_spec(pair):
    spec, pings = pair
    difference = same_rows(rows_of(spec, pings), answer(spec, pings))
    assert difference is None, difference


@NEEDS_GOOGLESQL
@settings(max_examples=40)
@given(specs_with_pings())
def test_googlesql_equals_the_oracle_on_any_spec(pair):
    spec, pings = pair
    difference = same_rows(rows_of(spec, pings, "googlesql"), answer(spec, pings))
    assert difference is None, difference


def test_row_order_changes_nothing():
    pings = random_pings(400, 5)
    for spec in SPECS.values():
        assert same_rows(rows_of(spec, pings[::-1]), rows_of(spec, pings)) is None


def test_histograms_without_samples_change_nothing():
    pings = random_pings(300, 6)
    empty = {**pings[0], "payload": {"histograms": {HISTOGRAM.lower(): '{"values":{"7":0,"9":-3}}'}}}
    for name in ("merged", "client_by_build", "distribution", "summary", "summary_of_days"):
        rows = rows_of(SPECS[name], [*pings, empty, {**empty, "client_id": "another"}])
        assert same_rows(rows, rows_of(SPECS[name], pings)) is None


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("measure", ["percentiles", "distribution", "summary", "counts"])
def test_a_dimension_of_fractions(measure):
    """BigQuery groups by FLOAT64, but divides no window by it."""
    path = "environment.system.memory_mb"
    spec = {"histogram": HISTOGRAM, "measure": measure, "dimensions": [path], **ALL_DAYS}
    pings = random_pings(200, 8)
    for engine in ("duckdb", "googlesql"):
        given = {**spec, "percentiles": [0.5]} if measure == "percentiles" else spec
        difference = same_rows(rows_of(given, pings, engine), answer(given, pings))
        assert difference is None, difference
