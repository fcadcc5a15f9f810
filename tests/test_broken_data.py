"""Broken texts and values inside pings: for every measure, both engines give the oracle's rows.

Many random ones: `pytest tests/test_broken_data.py -k random --hypothesis-profile many`.
"""

import base64
import gzip
import json
import random
from functools import cache
from urllib.parse import quote

import pytest
from harness import HISTOGRAM, NEEDS_GOOGLESQL, rows_of
from histogram_strings import build_ids, mutated, random_histogram
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import answer, decode, same_rows
from pings import HOSTILE_TEXTS, ODD_BUILDS, UNDECODABLE
from udf_calls import BATCHES

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
MANY = settings().max_examples > 100  # the profile `many`
TIME = "2020-04-20T12:00:00Z"

# --- Histogram strings ---------------------------------------------------------------------------

JSON = '{"bucket_count":20,"histogram_type":0,"sum":118,"range":[1,1000],"values":{"80":0,"115":1,"165":2}}'
PARTS = "20;0;118;1,1000;80:0,115:1,165:2"
# Few of them distinct, since the evaluator of Google takes minutes for running sums of many buckets.
KEYS_1_000 = ",".join(f'"{key % 50}":{key % 3}' for key in range(1_000))
TEXTS = {
    "truncated": [text[:end] for text in (JSON, PARTS, "12,34") for end in range(len(text) + 1)],
    "truncated at the front": [JSON[start:] for start in range(1, len(JSON), 3)],
    "two of them": [JSON + JSON, f"{JSON},{JSON}", f"[{JSON}]", f"{JSON}\n{JSON}", f"{PARTS};{PARTS}"],
    "wrong types": [
        JSON.replace(right, wrong)
        for right in ('"115":1', "118", "[1,1000]", "20", '{"80":0,"115":1,"165":2}')
        for wrong in ('"x"', "1.5", "true", "null", "[]", "{}", '[{"1":1}]', '"115":null', '"115":"1"', "1e3")
    ],
    "counts": [
        JSON.replace('"115":1', f'"115":{count}')
        for count in ("-1", "-0", "0", str(2**40), str(2**40 + 1), "9" * 18, "9" * 19, "-" + "9" * 18, "01")
    ],
    "keys": [
        JSON.replace('"115"', f'"{key}"')
        for key in ("", " ", "-1", "-0", "1.0", "1e2", "0x1", "٣", "a", "null", "9" * 18, "9" * 19, "115 ")
    ],
    "no numbers": [
        JSON.replace("118", text) for text in ("NaN", "Infinity", "-Infinity", "1e400", "+1", "--1", "1_0")
    ],
    "empty": ["", " ", "\n", "\t \r\n\f", "{}", "{ }", "[]", '""', "''", ";;;,;", ",", ":", "null", "0"],
    "encodings": [
        "\ufeff" + JSON,
        JSON.encode("utf-16").decode("latin-1"),
        JSON.encode("utf-16-le").decode("utf-8"),
        JSON.encode("utf-32").decode("latin-1"),
        gzip.compress(JSON.encode(), mtime=0).decode("latin-1"),
        gzip.compress(JSON.encode(), mtime=0).decode("utf-8", "replace"),
        base64.b64encode(JSON.encode()).decode(),
        JSON.encode().hex(),
        quote(JSON),
        json.dumps(JSON),
        JSON.replace('"', "&quot;"),
        JSON.replace('"', "“"),
        JSON.replace('"', "'"),
        JSON.translate({ord(digit): ord(digit) - ord("0") + ord("０") for digit in "0123456789"}),
        "histogram=" + JSON,
    ],
    "controls": [
        JSON[:at] + control + JSON[at:]
        for at in range(0, len(JSON) + 1, 9)
        for control in ("\x00", "\x0b", "\x7f", "\u2028", "\u00a0")
    ],
    "large": [
        f'{{"sum":9,"values":{{{KEYS_1_000}}}}}',
        f'{{"sum":9,"values":{{{KEYS_1_000}',
        f"20;0;9;1,1000;{KEYS_1_000}".replace('"', ""),
        f"20;0;9;1,1000;{KEYS_1_000};".replace('"', ""),
        "1" * 100_000,
        " " * 100_000 + "5",
    ],
    "deep": [
        '{"values":' * 1000 + "{}" + "}" * 1000,
        "[" * 10_000 + "]" * 10_000,
        "[" * 10_000,
        '{"values":{"1":' * 1000 + "1" + "}}" * 1000,
        f'{{"values":{{"1":{"[" * 1000}1{"]" * 1000}}}}}',
    ],
    "unknown": list(UNDECODABLE),
}


@cache
def pings_with_texts():
    """A ping for each text with its kind as the system, and good ones beside some of them."""
    pings = []
    for kind, texts in TEXTS.items():
        for number, text in enumerate(texts):
            beside = "alone" if number % 2 else "beside good ones"
            for held in [text, JSON] if beside != "alone" and number < 20 else [text]:
                pings.append(
                    {
                        "client_id": None if number % 11 == 3 else f"client {number % 7}",
                        "submission_timestamp": f"2020-04-{1 + number % 3:02}T12:00:00Z",
                        "normalized_os": kind,
                        "normalized_channel": beside,
                        "payload": {
                            "histograms": {HISTOGRAM.lower(): held, "gc_ms": JSON},
                            "keyed_histograms": {
                                "search_counts": [
                                    {"key": kind, "value": held},
                                    {"key": "good", "value": PARTS},
                                ]
                            },
                            "processes": {"content": {"histograms": {HISTOGRAM.lower(): held}}},
                        },
                    }
                )
    return pings


FULL = {"histogram": HISTOGRAM, "allow_full_scan": True}
BY_KIND = {**FULL, "dimensions": ["os", "channel"]}
SHAPE = {"exponential": [1, 1000, 20]}
KEYED = {"histogram": "SEARCH_COUNTS", "key": "*", "allow_full_scan": True}
PERCENTILES = {"percentiles": [0.0, 0.5, 0.95, 1.0]}
MEASURES = {
    "percentiles": {**BY_KIND, **PERCENTILES},
    "percentiles of clients": {**BY_KIND, **PERCENTILES, "normalization": "client"},
    "percentiles inside buckets": {**BY_KIND, "percentile_method": "interpolated", "measure": "percentiles"}
    | {"buckets": SHAPE, "normalization": "client_day"},
    "distribution": BY_KIND,
    "distribution of clients": {**BY_KIND, "normalization": "client"},
    "distribution with a prior": {**FULL, "buckets": SHAPE, "prior": "dirichlet"},
    "summary": {**BY_KIND, "measure": "summary"},
    "summary of days": {**BY_KIND, "measure": "summary", "normalization": "client_day"},
    "counts": {**BY_KIND, "measure": "counts"},
    "pings": {**FULL, "measure": "pings"}
    | {"fields": ["os", "n_samples", "sum", "bucket_count", "histogram_type", "range_low", "range_high"]},
    "texts": {**FULL, "measure": "pings", "fields": ["histogram", "n_samples"]},
    "a cube": {**BY_KIND, "cube": True, "measure": "summary"},
    "few clients": {**BY_KIND, "min_clients": 4, **PERCENTILES},
    "processes": {**FULL, "process": ["parent", "content"], "dimensions": ["process", "os"], **PERCENTILES},
    "several histograms": {**BY_KIND, "histogram": [HISTOGRAM, "GC_MS"], "measure": "summary"},
    "keys": {**KEYED, "dimensions": ["key"], **PERCENTILES, "normalization": "client"},
    "summary of keys": {**KEYED, "dimensions": ["os", "key"], "measure": "summary"},
    "counts of keys": {**KEYED, "dimensions": ["key"], "measure": "counts"},
}


def assert_as_the_oracle_says(spec, pings, engine):
    expected = answer(spec, pings)
    assert expected
    difference = same_rows(rows_of(spec, pings, engine), expected)
    assert difference is None, difference


@cache
def expected_of_texts(name):
    return answer(MEASURES[name], pings_with_texts())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", MEASURES)
def test_broken_texts_change_no_others_answer(name, engine):
    difference = same_rows(rows_of(MEASURES[name], pings_with_texts(), engine), expected_of_texts(name))
    assert difference is None, difference


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("measure", ["percentiles", "distribution", "summary", "counts", "pings"])
def test_10_000_different_keys(measure, engine):
    if engine == "googlesql" and measure in ("percentiles", "distribution"):
        pytest.skip("Google's evaluator takes minutes for the running sums of 10,000 buckets")
    text = json.dumps({"sum": 9, "values": {str(key): key % 3 for key in range(10_000)}})
    spec = {**FULL, "measure": measure} | ({"fields": ["n_samples"]} if measure == "pings" else {})
    pings = [{"client_id": "a", "payload": {"histograms": {HISTOGRAM: text}}}]
    if measure == "distribution":
        told = [(row["bucket"], row["count"]) for row in rows_of(spec, pings, engine)]
        assert told == [(key, key % 3) for key in range(10_000) if key % 3]
    else:
        assert_as_the_oracle_says(spec, pings, engine)


def test_most_of_each_kind_is_broken_and_some_of_the_large_ones_are_not():
    for kind, texts in TEXTS.items():
        undecodable = sum(decode(text) is None for text in texts)
        # Counts and keys that are out of their bounds leave the rest of the string good.
        assert undecodable >= len(texts) * (0.1 if kind in ("counts", "keys") else 0.3), kind
    assert len(decode(TEXTS["large"][0]).entries) == 1_000
    assert all(expected_of_texts(name) for name in MEASURES)


# --- Glean's arrays and numbers ------------------------------------------------------------------


def glean_values():
    """Values of a distribution, by what is broken in them."""
    good = [{"key": "1", "value": 2}, {"key": "9", "value": 1}]
    keys = [
        "",
        " ",
        "a",
        "1.5",
        "1e3",
        "NaN",
        "٣",
        "-",
        "-0",
        "007",
        "9" * 18,
        "9" * 19,
        "\x00",
        "1\x00",
        None,
    ]
    counts = [None, 0, -1, -(2**63), 2**40, 2**40 + 1, 2**63 - 1, "7", 7.0]
    return {
        "keys": [[*good, {"key": key, "value": 3}] for key in keys],
        "counts": [[*good, {"key": "27", "value": count}] for count in counts],
        "no keys": [[{"value": 1}], [{"key": None}], [{}], [{}, *good]],
        "entries without a value": [[None], [None, *good], [*good, None]],
        "empty": [[], None],
        "repeated": [good * 3, [{"key": "1", "value": 2**40}] * 9],
        "many": [[{"key": str(key % 100), "value": key % 3} for key in range(1_000)]],
        "numbers for keys": [[{"key": 5, "value": 1}, {"key": 5.5, "value": 1}, {"key": True, "value": 1}]],
    }


@cache
def glean_pings_with_values():
    pings = []
    for kind, lists in glean_values().items():
        for number, values in enumerate(lists):
            for total in (3, None, -7, 2**63 - 1):
                held = {"sum": total, "values": values}
                labels = [{"key": kind, "value": held}, {"key": None, "value": held}, {"key": "null"}]
                pings.append(
                    {
                        "client_info": {"client_id": f"client {number % 5}"},
                        "submission_timestamp": TIME,
                        "normalized_os": kind,
                        "metrics": {
                            "timing_distribution": {"browser_tabswitch_spinner_visible": held},
                            "labeled_timing_distribution": {"idle_budget_overuse": labels},
                        },
                    }
                )
    whole = [None, {}, {"sum": 1}, {"values": None}]
    for number, held in enumerate(whole):
        metrics = {"timing_distribution": {"browser_tabswitch_spinner_visible": held}}
        for these in (metrics, None, {}, {"timing_distribution": None}):
            pings.append({"client_info": {"client_id": f"whole {number}"}, "metrics": these})
    return pings


def stored(value):
    """What a table holds of the values above: text for keys, whole numbers for counts, entries of NULLs."""
    if isinstance(value, list):
        return [{"key": None, "value": None} if item is None else stored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() & {"key"} and not isinstance(value.get("value"), dict):
        key, count = value.get("key"), value.get("value")
        key = key if isinstance(key, str | None) else json.dumps(key)
        return {"key": key, "value": None if count is None else int(count)}
    return {name: stored(item) for name, item in value.items()}


GLEAN = {"source": "firefox_desktop.metrics", "allow_full_scan": True}
TIMES = {**GLEAN, "histogram": "browser.tabswitch.spinner_visible", "dimensions": ["os"]}
LABELS = {**GLEAN, "histogram": "metrics.labeled_timing_distribution.idle_budget_overuse", "key": "*"}
GLEAN_MEASURES = {
    "percentiles": {**TIMES, **PERCENTILES},
    "percentiles of clients": {**TIMES, **PERCENTILES, "normalization": "client", "unit": "ms"},
    "distribution": TIMES,
    "summary": {**TIMES, "measure": "summary"},
    "summary of clients": {**TIMES, "measure": "summary", "normalization": "client"},
    "counts": {**TIMES, "measure": "counts"},
    "pings": {
        **GLEAN,
        "histogram": TIMES["histogram"],
        "measure": "pings",
        "fields": ["client_info.client_id"],
    },
    "labels": {**LABELS, "dimensions": ["key"], **PERCENTILES},
    "summary of labels": {**LABELS, "dimensions": ["key", "os"], "measure": "summary"},
    "counts of labels": {**LABELS, "dimensions": ["key"], "measure": "counts"},
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", GLEAN_MEASURES)
def test_broken_values_of_glean(name, engine):
    pings = glean_pings_with_values()
    expected = answer(GLEAN_MEASURES[name], [stored(ping) for ping in pings])
    assert expected
    difference = same_rows(rows_of(GLEAN_MEASURES[name], pings, engine), expected)
    assert difference is None, difference


NUMBERS = [None, 0, 1, -1, 2**40, 2**40 + 1, 2**63 - 1, -(2**63), "5", 5.0, "-0", "+3"]


@cache
def pings_with_numbers():
    return [
        {
            "client_id": client,
            "submission_timestamp": TIME,
            "normalized_os": "odd" if number % 2 else None,
            "payload": {
                "processes": {
                    "parent": {
                        "scalars": {"browser_engagement_tab_open_event_count": value},
                        "keyed_scalars": {
                            "k": [{"key": key, "value": value} for key in ("a", "", None, "\x00")] + [{}]
                        },
                    }
                }
            },
        }
        for number, value in enumerate(NUMBERS)
        for client in ("p", "q", f"client {number}", "", None)
    ]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("measure", ["percentiles", "distribution", "counts"])
@pytest.mark.parametrize(
    "spec",
    [
        {"scalar": "browser.engagement.tab_open_event_count", "dimensions": ["os"]},
        {"scalar": "K", "key": "*", "dimensions": ["key"]},
    ],
    ids=["plain", "keyed"],
)
def test_broken_scalars(spec, measure, engine):
    asked = {**spec, "measure": measure, "allow_full_scan": True}
    assert same_rows(
        rows_of(asked, pings_with_numbers(), engine),
        answer(asked, [stored_numbers(ping) for ping in pings_with_numbers()]),
    ) is None  # fmt: skip


def stored_numbers(ping):
    """What the table holds of the numbers above."""

    def number(value):
        return None if value is None else int(value)

    parent = ping["payload"]["processes"]["parent"]
    keyed = [{"key": e.get("key"), "value": number(e.get("value"))} for e in parent["keyed_scalars"]["k"]]
    scalars = {name: number(value) for name, value in parent["scalars"].items()}
    return {**ping, "payload": {"processes": {"parent": {"scalars": scalars, "keyed_scalars": {"k": keyed}}}}}


# --- Everything else in a ping -------------------------------------------------------------------

IDS = [
    *HOSTILE_TEXTS,
    "\x00",
    "a\x00b",
    "A",
    "a",
    "é",
    "e\u0301",
    "\ufffe",
    "\U0010ffff",
    "x" * 100_000,
    None,
]
BUILDS = [*ODD_BUILDS, *random.Random(1).sample(sorted(build_ids()), 150), "2020\x00", None]
TIMES_OF_PINGS = [
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "1582-10-10T00:00:00Z",
    "1900-02-28 23:59:59.999999 UTC",
    "2000-02-29T23:59:59-00:01",
    "2020-04-20T00:00:00.000001+14:00",
    "2020-04-20",
    None,
]
EVERYTHING = {
    "clients": {**FULL, "normalization": "client_day", "dimensions": [{"name": "client", "of": "client_id"}]},
    "builds": {**FULL, "dimensions": ["build_id", "build_date", "build_time"], "measure": "summary"},
    "build ids": {**FULL, "filters": {"build_id": {"gte": "2020", "lt": "2021"}}, "measure": "counts"},
    "build dates": {**FULL, "filters": {"build_date": {"not": "2020-04-15"}}, "measure": "counts"},
    "days": {**FULL, "dimensions": ["submission_date"], "normalization": "client_day"},
    "a range of days": {**FULL, "measure": "counts"}
    | {"filters": {"submission_date": {"from": "0001-01-01", "to": "9999-12-31"}}},
    "pings": {**FULL, "measure": "pings", "fields": ["client_id", "build_id", "submission_timestamp"]},
}


@cache
def pings_with_everything():
    whole = [{}, {"payload": None}, {"application": None, "payload": {"histograms": None}}, {"payload": {}}]
    odd = [
        *({"client_id": client} for client in IDS),
        *({"application": {"build_id": build}} for build in BUILDS),
        *({"submission_timestamp": time} for time in TIMES_OF_PINGS),
    ]
    good = {
        "client_id": "good",
        "submission_timestamp": TIME,
        "application": {"build_id": "20200420000000"},
        "payload": {"histograms": {HISTOGRAM.lower(): JSON}},
    }
    return [*({**good, **change} for change in odd), *whole]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", EVERYTHING)
def test_broken_columns(name, engine):
    assert_as_the_oracle_says(EVERYTHING[name], pings_with_everything(), engine)


# --- Random breakage -----------------------------------------------------------------------------


@st.composite
def broken_pings(draw):
    """Pings of a few clients, whose texts are mostly broken: mutated histograms, or any text at all."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    any_text = draw(st.lists(st.text(max_size=20), max_size=8))

    def held():
        if any_text and chance.random() < 0.2:
            return chance.choice(any_text)
        text = mutated(chance, random_histogram(chance))
        found = decode(text)
        # Sums of 18 digits with both signs: what FLOAT64 leaves of them depends on their order.
        return None if chance.random() < 0.1 or (found and abs(found.sum or 0) > 2**50) else text

    def ping():
        return {
            "client_id": chance.choice(["a", "b", "c", "", None, *any_text]),
            "submission_timestamp": f"2020-04-{chance.randrange(1, 5):02}T00:00:00Z",
            "normalized_os": chance.choice(["Mac", None, *any_text]),
            "normalized_channel": chance.choice(["nightly", "beta"]),
            "application": {"build_id": chance.choice([*ODD_BUILDS, "20200420000000", *any_text])},
            "payload": {
                "histograms": {HISTOGRAM.lower(): held(), "gc_ms": held()},
                "keyed_histograms": {
                    "search_counts": [
                        {"key": chance.choice(["k", "", None, *any_text]), "value": held()} for _ in range(3)
                    ]
                },
                "processes": {"content": {"histograms": {HISTOGRAM.lower(): held()}}},
            },
        }

    return [ping() for _ in range(draw(st.integers(1, 40)))]


@settings(max_examples=settings().max_examples if MANY else 8, **BATCHES)
@given(broken_pings(), st.sampled_from(sorted(MEASURES)), st.sampled_from(sorted(EVERYTHING)))
def test_random_breakage(pings, measure, column):
    engines = ["duckdb"] if NEEDS_GOOGLESQL.args[0] else ["duckdb", "googlesql"]
    for spec in (MEASURES[measure], EVERYTHING[column]):
        expected = answer(spec, pings)
        for engine in engines:
            difference = same_rows(rows_of(spec, pings, engine), expected)
            assert difference is None, f"{engine}: {difference}"
