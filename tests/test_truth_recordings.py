"""Processes, keys, several histograms, cubes and definitions: DuckDB = GoogleSQL = oracle."""

from collections import Counter

import pytest
from harness import NEEDS_GOOGLESQL, rows_of
from hypothesis import given, settings
from oracle import answer, same_rows
from pings import PROBES, recording_pairs, recording_pings

from querygen.errors import QuerygenError

FULL = {"allow_full_scan": True}
SPINNER = {**FULL, "histogram": "FX_TAB_SWITCH_SPINNER_VISIBLE_MS"}
KEYED = {**FULL, "histogram": "IDLE_BUDGET_OVERUSE_MS"}
PERCENTILES = {"percentiles": [0, 0.05, 1 / 3, 0.5, 0.95, 0.999, 1], "normalization": "client"}
BANDS = {"name": "memory", "of": "memory_mb", "bands": [2048, 4096]}
SPECS = {
    "content": {**SPINNER, "process": "content", **PERCENTILES},
    "children": {**SPINNER, "process": "children", "normalization": "client_day"},
    "combined": {**SPINNER, "process": "combined", "measure": "summary", "normalization": "client"},
    "by_process": {**SPINNER, "process": "combined", "dimensions": ["os", "process"], **PERCENTILES},
    "overlapping": {**SPINNER, "process": ["children", "content", "parent"], "dimensions": ["process"]},
    "counts_by_process": {**SPINNER, "process": "children", "dimensions": ["process"], "measure": "counts"},
    "one_key": {**KEYED, "key": "it's", **PERCENTILES},
    "keys": {**KEYED, "key": ["a", "b", ""], "process": "combined", "measure": "summary"},
    "by_key": {**KEYED, "key": "*", "dimensions": ["key", "process"], "process": "children", **PERCENTILES},
    "some_keys": {**KEYED, "key": ["a", "**"], "dimensions": ["key"], "normalization": "client_day"},
    "counts_of_keys": {**KEYED, "key": ["a", "b"], "process": ["parent", "gpu"], "measure": "counts"},
    "pings_with_a_key": {
        **KEYED,
        "key": "b",
        "measure": "pings",
        "fields": ["document_id", "client_id"],
        "limit": 99,
    },
    "summed_keys": {**FULL, "histogram": "payload.keyed_histograms.idle_budget_overuse_ms"},
    "several": {**FULL, "histogram": ["GC_MS", "SSL_HANDSHAKE_VERSION"], "dimensions": ["channel"]},
    "cube": {**SPINNER, "process": "combined", "dimensions": ["os", "process", BANDS], "cube": True},
    "cube_of_votes": {**SPINNER, "dimensions": ["os", "build_date"], "cube": True, **PERCENTILES},
    "few_clients": {**SPINNER, "dimensions": ["build_time"], "min_clients": 5, **PERCENTILES},
    "dropped": {
        **KEYED,
        "key": "*",
        "dimensions": ["key", "os"],
        "cube": True,
        "min_clients": 9,
        "low_data": "drop",
    },
}
DEFINED = {
    "interpolated": {
        **SPINNER,
        **PERCENTILES,
        "percentile_method": "interpolated",
        "dimensions": ["os"],
        "unit": "s",
    },
    "all_buckets": {**SPINNER, "buckets": "all", "dimensions": ["os"], "normalization": "client"},
    "labels": {**FULL, "histogram": "LOGIN_VERDICT", "buckets": "all", "process": "combined"},
    "summed_over_keys": {**KEYED, "process": "children", **PERCENTILES},
    "linear": {**FULL, "histogram": "TAB_SIZE_KB", **PERCENTILES, "unit": "MiB", "process": "content"},
}
ALL = {**{name: (spec, False) for name, spec in SPECS.items()}, **{n: (s, True) for n, s in DEFINED.items()}}


def expected_of(spec, pings, defined):
    return answer(spec, pings, PROBES if defined else None)


@pytest.mark.parametrize("name", ALL)
def test_duckdb_equals_the_oracle(name):
    (spec, defined), pings = ALL[name], recording_pings(250, 1)
    expected = expected_of(spec, pings, defined)
    assert len(expected) > 0
    difference = same_rows(rows_of(spec, pings, defined=defined), expected)
    assert difference is None, difference


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("name", ALL)
def test_googlesql_equals_the_oracle(name):
    (spec, defined), pings = ALL[name], recording_pings(30, 2)
    difference = same_rows(
        rows_of(spec, pings, "googlesql", defined=defined), expected_of(spec, pings, defined)
    )
    assert difference is None, difference


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("udfs", ["temp", "mozfun"])
@pytest.mark.parametrize("name", ["by_process", "by_key", "keys"])
def test_the_other_forms_of_the_text_equal_the_oracle(name, udfs):
    pings = recording_pings(50, 5)
    difference = same_rows(rows_of(SPECS[name], pings, "googlesql", udfs), answer(SPECS[name], pings))
    assert difference is None, difference


@settings(max_examples=25)
@given(recording_pairs())
def test_duckdb_equals_the_oracle_on_any_spec(pair):
    difference = same_rows(rows_of(pair.spec, pair.pings, defined=pair.defined), expected_of(*pair))
    assert difference is None, difference


@NEEDS_GOOGLESQL
@settings(max_examples=10)
@given(recording_pairs(smallest=20, largest=50))
def test_googlesql_equals_the_oracle_on_any_spec(pair):
    rows = rows_of(pair.spec, pair.pings, "googlesql", defined=pair.defined)
    difference = same_rows(rows, expected_of(*pair))
    assert difference is None, difference


# --- What must hold whatever the answer is -------------------------------------------------------

PINGS = recording_pings(300, 3)
NAMES = ("process", "os", "memory")


@pytest.mark.parametrize(
    "spec",
    [
        {**SPINNER, **PERCENTILES, "process": "combined"},
        {**SPINNER, "normalization": "client_day", "process": "children"},
        {**SPINNER, "measure": "summary", "process": ["parent", "gpu"]},
    ],
)
def test_the_totals_of_a_cube_are_the_query_without_dimensions(spec):
    rows = rows_of({**spec, "dimensions": ["process", "os", BANDS], "cube": True}, PINGS)
    for kept in ((), ("os",)):
        all_of = [name for name in NAMES if name not in kept]
        totals = [row for row in rows if all((row[name] == "*") == (name in all_of) for name in NAMES)]
        without = [{name: row[name] for name in row if name not in all_of} for row in totals]
        assert same_rows(without, rows_of({**spec, "dimensions": [*kept]}, PINGS)) is None


@pytest.mark.parametrize("normalization", ["none", "client", "client_day"])
def test_a_set_with_one_process_is_that_process(normalization):
    def only(ping, process):
        payload = ping.get("payload") or {}
        kept = {name: value for name, value in (payload.get("processes") or {}).items() if name == process}
        return {**ping, "payload": {"processes": kept}}

    spec = {**SPINNER, "normalization": normalization, "dimensions": ["os"]}
    content = [only(ping, "content") for ping in PINGS]
    expected = rows_of({**spec, "process": "content"}, content)
    for process in ("children", "combined", ["content"], ["parent", "content"]):
        assert same_rows(rows_of({**spec, "process": process}, content), expected) is None
    of_item = rows_of({**spec, "process": ["children"], "dimensions": ["process", "os"]}, content)
    assert same_rows(of_item, [{"process": "children", **row} for row in expected]) is None


def test_a_list_of_keys_is_the_sum_of_its_keys():
    keys = ["a", "b", "it's", ""]
    total, samples = Counter(), 0
    for key in keys:
        for row in rows_of({**KEYED, "key": key}, PINGS):
            total[row["bucket"]] += row["count"]
        samples += row["n_samples"]
    rows = rows_of({**KEYED, "key": keys}, PINGS)
    assert {row["bucket"]: row["count"] for row in rows} == dict(total)
    assert {row["n_samples"] for row in rows} == {samples}
    by_key = Counter()
    for row in rows_of({**KEYED, "key": keys, "dimensions": ["key"]}, PINGS):
        by_key[row["bucket"]] += row["count"]
    assert by_key == total


def test_each_histogram_of_a_list_is_as_if_asked_alone():
    names = ["FX_TAB_SWITCH_SPINNER_VISIBLE_MS", "GC_MS"]
    spec = {**FULL, **PERCENTILES, "dimensions": ["os"]}
    alone = [
        {"histogram": name, **row} for name in names for row in rows_of({**spec, "histogram": name}, PINGS)
    ]
    assert same_rows(rows_of({**spec, "histogram": names[::-1]}, PINGS), alone) is None
    assert same_rows(rows_of({**spec, "histogram": [*names, names[0]]}, PINGS), alone) is None


def test_a_cube_refuses_processes_that_overlap():
    spec = {**SPINNER, "dimensions": ["process"], "cube": True}
    with pytest.raises(QuerygenError, match="overlap"):
        rows_of({**spec, "process": ["children", "gpu"]}, PINGS)
    assert rows_of({**spec, "process": ["children", "parent"]}, PINGS[:20])


def test_dropped_rows_are_the_marked_ones():
    spec = {**SPINNER, "dimensions": ["build_id", "os"], "min_clients": 4}
    marked = rows_of(spec, PINGS)
    dropped = rows_of({**spec, "low_data": "drop"}, PINGS)
    few = sum(row["low_data"] for row in marked)
    assert 0 < few < len(marked)
    kept = [{**row, "n_dropped": few} for row in marked if not row.pop("low_data")]
    assert same_rows(dropped, kept) is None


def test_row_order_changes_nothing():
    for spec, defined in list(ALL.values())[::3]:
        rows = rows_of(spec, PINGS[:150], defined=defined)
        assert same_rows(rows_of(spec, PINGS[149::-1], defined=defined), rows) is None
