"""Glean's distributions give the same rows as the legacy probes that they mirror."""

import pytest
from harness import HISTOGRAM, NEEDS_GOOGLESQL, rows_of
from oracle import decode, same_rows
from pings import as_glean, recording_pings

FULL = {"allow_full_scan": True}
PERCENTILES = {"percentiles": [0, 0.05, 1 / 3, 0.5, 0.95, 0.999, 1], "normalization": "client"}

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
