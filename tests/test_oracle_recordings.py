"""The oracle on processes, keys, Glean and probe definitions, against answers worked out by hand."""

import json
from fractions import Fraction

import pytest
from oracle import answer, functional
from pings import BUCKETS, PROBES

FULL = {"allow_full_scan": True}
GC = {**FULL, "histogram": "GC_MS"}
KEYED = {**FULL, "histogram": "IDLE_BUDGET_OVERUSE_MS"}
METRICS = {**FULL, "source": "firefox_desktop.metrics"}
SPINNER = {**METRICS, "histogram": "browser.tabswitch.spinner_visible"}


def held(**counts):
    """A histogram of counts by bucket: `held(b1=3)` has three samples in bucket 1."""
    values = {bucket[1:]: count for bucket, count in counts.items()}
    return json.dumps({"sum": sum(int(bucket) * count for bucket, count in values.items()), "values": values})


def entries(**counts):
    """The same as a Glean distribution."""
    values = json.loads(held(**counts))["values"]
    return {"sum": 10, "values": [{"key": key, "value": count} for key, count in values.items()]}


def ping(client="a", parent=None, day=1, keyed=(), **children):
    """A ping with GC_MS in several processes, and IDLE_BUDGET_OVERUSE_MS in the parent's keys."""
    return {
        "client_id": client,
        "submission_timestamp": f"2020-04-{day:02}T12:00:00Z",
        "payload": {
            "histograms": {"gc_ms": parent},
            "keyed_histograms": {"idle_budget_overuse_ms": [{"key": k, "value": v} for k, v in keyed]},
            "processes": {name: {"histograms": {"gc_ms": value}} for name, value in children.items()},
        },
    }


def metrics_ping(client="a", **metrics):
    return {
        "client_info": {"client_id": client},
        "submission_timestamp": "2020-04-01T12:00:00Z",
        "metrics": metrics,
    }


def timing(**counts):
    return metrics_ping(timing_distribution={"browser_tabswitch_spinner_visible": entries(**counts)})


def columns(rows, *names):
    return [tuple(row[name] for name in names) for row in rows]


PROCESSES = [
    ping("a", held(b1=1), content=held(b9=2), gpu=held(b27=1)),
    ping("b", None, content=held(b1=4)),
]


@pytest.mark.parametrize(
    ("process", "counts"),
    [
        ("parent", [(1, 1)]),
        ("content", [(1, 4), (9, 2)]),
        ("children", [(1, 4), (9, 2), (27, 1)]),
        ("combined", [(1, 5), (9, 2), (27, 1)]),
        (["parent", "gpu"], [(1, 1), (27, 1)]),
        (["children", "content", "gpu"], [(1, 4), (9, 2), (27, 1)]),  # the union, each once
    ],
)
def test_processes_without_a_dimension_are_one_histogram(process, counts):
    assert columns(answer({**GC, "process": process}, PROCESSES), "bucket", "count") == counts


def test_a_client_has_one_vote_over_all_processes():
    # Of a's four samples one is at 1, two at 9, one at 27; b votes for 1.
    rows = answer({**GC, "process": "combined", "normalization": "client"}, PROCESSES)
    quarter = Fraction(1, 4)
    assert columns(rows, "bucket", "count") == [(1, 1 + quarter), (9, 2 * quarter), (27, quarter)]


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        ("children", [("content", 1, 4), ("content", 9, 2), ("gpu", 27, 1)]),
        (["children", "gpu"], [("children", 1, 4), ("children", 9, 2), ("children", 27, 1), ("gpu", 27, 1)]),
        (["parent", "gpu"], [("gpu", 27, 1), ("parent", 1, 1)]),
    ],
)
def test_the_dimension_shows_processes_or_the_items_of_a_list(process, expected):
    rows = answer({**GC, "process": process, "dimensions": ["process"]}, PROCESSES)
    assert columns(rows, "process", "bucket", "count") == expected


KEYS = [
    ping("a", keyed=[("x", held(b1=1)), ("y", held(b9=3)), ("y", held(b9=1))]),
    ping("b", keyed=[(None, held(b27=1)), ("x", "foo")]),
]


@pytest.mark.parametrize(
    ("key", "counts"),
    [
        ("x", [(1, 1)]),
        (["x", "y"], [(1, 1), (9, 4)]),
        ("*", [(1, 1), (9, 4), (27, 1)]),
        ("z", []),
    ],
)
def test_keys_without_a_dimension_are_summed(key, counts):
    assert columns(answer({**KEYED, "key": key}, KEYS), "bucket", "count") == counts


def test_all_keys_as_a_dimension():
    rows = answer({**KEYED, "dimensions": ["key"]}, KEYS)
    assert columns(rows, "key", "bucket", "count") == [(None, 27, 1), ("x", 1, 1), ("y", 9, 4)]


def test_counts_of_recordings():
    # Both pings carry x, as one row each; a has two rows of y.
    spec = {**KEYED, "measure": "counts"}
    assert answer({**spec, "dimensions": ["key"]}, KEYS) == [
        {"key": None, "n_clients": 1, "n_pings": 1},
        {"key": "x", "n_clients": 2, "n_pings": 2},
        {"key": "y", "n_clients": 1, "n_pings": 2},
    ]
    assert answer({**spec, "key": "y"}, KEYS) == [{"n_clients": 1, "n_pings": 1}]
    assert answer({**GC, "measure": "counts", "process": "combined"}, PROCESSES) == [
        {"n_clients": 2, "n_pings": 2}
    ]


def test_several_histograms_have_a_column():
    rows = answer({**FULL, "histogram": ["GC_MS", "TAB_SIZE_KB"]}, PROCESSES)
    assert rows == [
        {"histogram": "GC_MS", "bucket": 1, "count": 1, "share": 1, "n_clients": 1, "n_samples": 1}
    ]


def test_a_cube_gives_each_client_one_vote_in_each_group():
    # Within gpu and content a has a vote each; in all of them one, of which 1/4 is at 1 and at 27.
    spec = {**GC, "process": "combined", "dimensions": ["process"], "cube": True, "normalization": "client"}
    rows = answer(spec, PROCESSES[:1])
    assert columns(rows, "process", "bucket", "count") == [
        *[("*", 1, Fraction(1, 4)), ("*", 9, Fraction(1, 2)), ("*", 27, Fraction(1, 4))],
        *[("content", 9, 1), ("gpu", 27, 1), ("parent", 1, 1)],
    ]


def test_a_cubes_values_are_text_null_first():
    pings = [{**ping("a", "1,0"), "sample_id": n} for n in (10, 9, None)]
    rows = answer({**GC, "dimensions": ["sample_id", "submission_date"], "cube": True}, pings)
    assert columns(rows, "sample_id", "submission_date", "count") == [
        *[(None, "*", 1), (None, "2020-04-01", 1)],
        *[("*", "*", 3), ("*", "2020-04-01", 3)],
        *[("10", "*", 1), ("10", "2020-04-01", 1), ("9", "*", 1), ("9", "2020-04-01", 1)],
    ]


def test_low_data_is_of_the_rows_group():
    pings = [ping(client, "1,0", day) for client, day in (("a", 1), ("b", 1), ("c", 2), ("c", 2))]
    spec = {**GC, "dimensions": ["submission_date"], "cube": True, "min_clients": 2}
    rows = answer(spec, pings)
    assert columns(rows, "submission_date", "low_data") == [
        ("*", False),
        ("2020-04-01", False),
        ("2020-04-02", True),
    ]
    rows = answer({**spec, "low_data": "drop"}, pings)
    assert columns(rows, "submission_date", "n_dropped") == [("*", 1), ("2020-04-01", 1)]


@pytest.mark.parametrize(
    ("percentile", "value"),
    [
        # Buckets 1, 3 and 1000 hold a quarter, a quarter and half. 1 ends at 2, 3 at 4; 1000 is open-ended.
        *[
            (0, 1),
            (0.1, Fraction("1.4")),
            (0.25, 2),
            (0.3, Fraction("3.2")),
            (0.5, 4),
            (0.7, 1000),
            (1, 1000),
        ],
    ],
)
def test_interpolated_percentiles(percentile, value):
    spec = {**GC, "percentiles": [percentile], "percentile_method": "interpolated"}
    (row,) = answer(spec, [ping("a", held(b1=1, b3=1, b1000=2))], PROBES)
    assert (row["value"], row["at_least"]) == (value, percentile > 0.5)


def test_all_buckets_with_labels():
    spec = {**FULL, "histogram": "IS_SECURE", "buckets": "all"}
    rows = answer(spec, [{"payload": {"histograms": {"is_secure": held(b1=3, b7=1)}}}], PROBES)
    assert columns(rows, "bucket", "label", "count", "share") == [
        *[(0, "false", 0, 0), (1, "true", 3, Fraction(3, 4)), (2, None, 0, 0), (7, None, 1, Fraction(1, 4))]
    ]


def test_units_are_exact():
    pings = [ping("a", held(b1=1, b27=1))]
    seconds = answer({**GC, "unit": "s"}, pings, PROBES)
    micros = answer({**GC, "unit": "us"}, pings, PROBES)
    assert columns(seconds, "bucket") == [(Fraction(1, 1000),), (Fraction(27, 1000),)]
    assert columns(micros, "bucket") == [(1000,), (27000,)]


def test_glean_leaves_out_what_is_no_integer():
    odd = [
        ("5", 2),
        ("5", 1),
        ("05", 1),
        ("5.0", 1),
        (None, 1),
        ("a", 1),
        ("7", 0),
        ("7", None),
        ("8", 2**41),
    ]
    odd += [("-3", 1), ("1000000000000000000", 1), ("999999999999999999", 2**40)]
    value = {"sum": None, "values": [{"key": key, "value": count} for key, count in odd]}
    pings = [metrics_ping(timing_distribution={"browser_tabswitch_spinner_visible": value})]
    assert columns(answer(SPINNER, pings), "bucket", "count") == [(-3, 1), (5, 3), (10**18 - 1, 2**40)]
    (row,) = answer({**SPINNER, "measure": "summary"}, pings)
    assert (row["count"], row["sum"]) == (2**40 + 4, 0)


def test_glean_is_carried_if_it_has_values():
    pings = [timing(b5=1), timing(b5=0), timing(), metrics_ping(), metrics_ping(timing_distribution=None)]
    assert answer({**SPINNER, "measure": "counts"}, pings) == [{"n_clients": 1, "n_pings": 2}]


def test_a_mirror_answers_in_the_legacy_unit():
    rows = answer({**METRICS, "histogram": "FX_TAB_SWITCH_SPINNER_VISIBLE_MS"}, [timing(b2500000=3)], PROBES)
    assert columns(rows, "bucket", "count") == [(Fraction(5, 2), 3)]
    listed = answer(
        {**METRICS, "histogram": ["GC_MS", "FX_TAB_SWITCH_SPINNER_VISIBLE_MS"]}, [timing(b1=1)], PROBES
    )
    assert columns(listed, "histogram", "bucket") == [
        ("FX_TAB_SWITCH_SPINNER_VISIBLE_MS", Fraction(1, 1_000_000))
    ]


def test_one_spec_for_both_tables():
    histogram = {"telemetry.main": "GC_MS", "firefox_desktop.metrics": "browser.tabswitch.spinner_visible"}
    assert columns(answer({**GC, "histogram": histogram}, PROCESSES), "bucket") == [(1,)]
    assert columns(answer({**METRICS, "histogram": histogram}, [timing(b5=1)]), "bucket") == [(5,)]


def test_glean_buckets():
    assert functional(16, 0, 40)[:8] == (0, 1, 2, 3, 4, 5, 6, 7)
    assert functional(8, 1, 20) == (*range(1, 15), 16, 17, 19, 20)
    assert BUCKETS[-1] == PROBES["gc_ms"].overflow
