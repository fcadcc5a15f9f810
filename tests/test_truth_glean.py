"""Glean's distributions: DuckDB = GoogleSQL = oracle, and the same rows as the legacy probes they mirror."""

import pytest
from harness import HISTOGRAM, NEEDS_GOOGLESQL, rows_of
from hypothesis import given, settings
from oracle import answer, decode, same_rows
from pings import PROBES, as_glean, glean_pairs, glean_pings, recording_pings

FULL = {"allow_full_scan": True}
GLEAN = {**FULL, "source": "firefox_desktop.metrics"}
SPINNER = {**GLEAN, "histogram": "browser.tabswitch.spinner_visible"}
PERCENTILES = {"percentiles": [0, 0.05, 1 / 3, 0.5, 0.95, 0.999, 1], "normalization": "client"}
LABELLED = "metrics.labeled_timing_distribution.idle_budget_overuse"
SPECS = {
    "by_build": {**SPINNER, **PERCENTILES, "dimensions": ["build_date"], "unit": "ms"},
    "votes_of_days": {**SPINNER, "normalization": "client_day", "dimensions": ["os"], "unit": "ns"},
    "summary": {**SPINNER, "measure": "summary", "dimensions": ["channel"]},
    "counts": {**SPINNER, "measure": "counts", "dimensions": ["app_version", "sample_id"]},
    "memory": {
        **GLEAN,
        "histogram": "metrics.memory_distribution.tabs_size",
        **PERCENTILES,
        "unit": "MiB",
    },
    "custom": {**GLEAN, "histogram": "metrics.custom_distribution.page_weight", "min_clients": 3},
    "labels": {**GLEAN, "histogram": LABELLED, "key": "*", "dimensions": ["key"], **PERCENTILES},
    "some_labels": {**GLEAN, "histogram": LABELLED, "key": ["a", "it's"], "measure": "summary"},
    "counts_of_labels": {**GLEAN, "histogram": LABELLED, "key": "a", "measure": "counts"},
    "cube": {**SPINNER, "dimensions": ["os", "build_date"], "cube": True, **PERCENTILES},
    "pings": {**SPINNER, "measure": "pings", "fields": ["document_id", "build_id"], "limit": 20},
}
DEFINED = {
    "interpolated": {**SPINNER, **PERCENTILES, "percentile_method": "interpolated", "unit": "s"},
    "all_buckets": {**GLEAN, "histogram": "page.weight", "buckets": "all", "dimensions": ["os"]},
    "mirrored": {**GLEAN, "histogram": "TAB_SIZE_KB", **PERCENTILES},
    "mirrored_keys": {**GLEAN, "histogram": ["IDLE_BUDGET_OVERUSE_MS", "QUEUE_DELAY_MS"], **PERCENTILES},
    "mirrored_summary": {**GLEAN, "histogram": "GC_MS", "measure": "summary", "normalization": "client"},
    "several": {**GLEAN, "histogram": ["browser.tabswitch.spinner_visible", "javascript.gc.total_time"]},
}
ALL = {**{name: (spec, False) for name, spec in SPECS.items()}, **{n: (s, True) for n, s in DEFINED.items()}}


def expected_of(spec, pings, defined):
    return answer(spec, pings, PROBES if defined else None)


@pytest.mark.parametrize("name", ALL)
def test_duckdb_equals_the_oracle(name):
    (spec, defined), pings = ALL[name], glean_pings(250, 1)
    expected = expected_of(spec, pings, defined)
    assert len(expected) > 0
    difference = same_rows(rows_of(spec, pings, defined=defined), expected)
    assert difference is None, difference


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("name", ALL)
def test_googlesql_equals_the_oracle(name):
    (spec, defined), pings = ALL[name], glean_pings(30, 2)
    rows = rows_of(spec, pings, "googlesql", defined=defined)
    difference = same_rows(rows, expected_of(spec, pings, defined))
    assert difference is None, difference


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("udfs", ["temp", "mozfun"])
@pytest.mark.parametrize("name", ["by_build", "labels", "summary"])
def test_the_other_forms_of_the_text_equal_the_oracle(name, udfs):
    pings = glean_pings(50, 5)
    difference = same_rows(rows_of(SPECS[name], pings, "googlesql", udfs), answer(SPECS[name], pings))
    assert difference is None, difference


@settings(max_examples=25)
@given(glean_pairs())
def test_duckdb_equals_the_oracle_on_any_spec(pair):
    difference = same_rows(rows_of(pair.spec, pair.pings, defined=pair.defined), expected_of(*pair))
    assert difference is None, difference


@NEEDS_GOOGLESQL
@settings(max_examples=10)
@given(glean_pairs(smallest=20, largest=50))
def test_googlesql_equals_the_oracle_on_any_spec(pair):
    rows = rows_of(pair.spec, pair.pings, "googlesql", defined=pair.defined)
    difference = same_rows(rows, expected_of(*pair))
    assert difference is None, difference


# --- The same data in both shapes ----------------------------------------------------------------

LARGEST = 2**40  # larger keys are no milliseconds


def milliseconds(text):
    """The string, or none where a million times its values are no integers of 18 digits."""
    held = decode(text)
    if held is None or any(abs(value) >= LARGEST for value in (held.sum or 0, *dict(held.entries))):
        return None
    return text


def in_nanoseconds(text):
    """The histogram of a string as Glean's distribution, its buckets a million times as large."""
    held = decode(text)
    if held is None:
        return None
    entries = [{"key": str(key * 1_000_000), "value": count} for key, count in held.entries]
    return {"sum": held.sum and held.sum * 1_000_000, "values": entries}


def in_both_shapes(count, seed):
    """Pings of telemetry.main, and of firefox_desktop.metrics with the same samples in nanoseconds."""
    main, metrics = [], []
    for ping in recording_pings(count, seed):
        payload = ping.get("payload") or {}
        text = milliseconds((payload.get("histograms") or {}).get("fx_tab_switch_spinner_visible_ms"))
        stored = (payload.get("keyed_histograms") or {}).get("idle_budget_overuse_ms", ())
        keyed = [{"key": entry["key"], "value": milliseconds(entry["value"])} for entry in stored]
        labelled = [{"key": entry["key"], "value": in_nanoseconds(entry["value"])} for entry in keyed]
        recorded = {
            "histograms": {"fx_tab_switch_spinner_visible_ms": text},
            "keyed_histograms": {"idle_budget_overuse_ms": keyed},
        }
        metrics_recorded = {
            "timing_distribution": {"browser_tabswitch_spinner_visible": in_nanoseconds(text)},
            "labeled_timing_distribution": {"idle_budget_overuse": labelled},
        }
        main.append({**ping, "payload": recorded})
        metrics.append(as_glean(ping, metrics_recorded))
    return main, metrics


BOTH = in_both_shapes(300, 4)
ONE_FILE = {
    "histogram": {
        "telemetry.main": "FX_TAB_SWITCH_SPINNER_VISIBLE_MS",
        "firefox_desktop.metrics": "browser.tabswitch.spinner_visible",
    },
    "unit": "ms",
    **FULL,
}
BY_MIRROR = {"histogram": "FX_TAB_SWITCH_SPINNER_VISIBLE_MS", **FULL}
KEYED = {"histogram": "IDLE_BUDGET_OVERUSE_MS", **FULL}


def comparable(rows):
    """Rows with values as FLOAT64, which Glean's are when converted; only legacy buckets have an end."""
    values = ("value", "bucket")
    return [
        {name: float(value) if name in values else value for name, value in row.items() if name != "at_least"}
        for row in rows
    ]


@pytest.mark.parametrize(
    "spec",
    [
        {**ONE_FILE, **PERCENTILES, "dimensions": ["build_date"]},
        {**ONE_FILE, "normalization": "client_day", "dimensions": ["os", "country"], "cube": True},
        {**ONE_FILE, "dimensions": ["build_id"], "filters": {"os": "Mac"}, "min_clients": 2},
        {**BY_MIRROR, **PERCENTILES, "dimensions": ["channel", "app_version"]},
        {**BY_MIRROR, "measure": "summary", "normalization": "client", "dimensions": ["os"]},
        {**KEYED, **PERCENTILES, "dimensions": ["key"]},
        {**KEYED, "key": ["a", "b"], "measure": "summary"},
    ],
)
def test_both_tables_give_the_same_rows(spec):
    main, metrics = BOTH
    ours = rows_of({**spec, "source": "telemetry.main"}, main, defined=True)
    theirs = rows_of({**spec, "source": "firefox_desktop.metrics"}, metrics, defined=True)
    assert len(ours) > 5 or spec.get("measure") == "summary"
    difference = same_rows(comparable(theirs), comparable(ours))
    assert difference is None, difference


@pytest.mark.parametrize("engine", ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)])
def test_a_corrupt_key_in_a_smaller_unit_kills_no_query(engine):
    """999,999,999,999,999,999 ms in ns is beyond INT64."""
    spec = {"histogram": HISTOGRAM, "unit": "ns", "allow_full_scan": True}
    ping = {
        "client_id": "a",
        "submission_timestamp": "2020-04-20T00:00:00Z",
        "payload": {"histograms": {HISTOGRAM.lower(): '{"values":{"999999999999999999":1,"2":1}}'}},
    }
    assert [row["bucket"] for row in rows_of(spec, [ping], engine)] == [2e6, pytest.approx(1e24)]
