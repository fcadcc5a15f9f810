"""Top keys, scaled counts, the Dirichlet prior and bucket shapes, worked out from the plain answers."""

import copy
from collections import Counter
from fractions import Fraction

import pytest
from harness import HISTOGRAM, NEEDS_GOOGLESQL, rows_of
from oracle import answer, decode, same_rows
from pings import random_pings, recording_pings

from querygen.buckets import exponential

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
ALL_DAYS = {"allow_full_scan": True}
KEYED = "IDLE_BUDGET_OVERUSE_MS"
SHAPE = {"exponential": [1, 1000, 20]}


def entries(ping):
    keyed = (ping.get("payload") or {}).get("keyed_histograms") or {}
    return keyed.get(KEYED.lower()) or []


def samples(text):
    histogram = decode(text)
    return sum(count for _, count in histogram.counted()) if histogram else 0


def relabelled(pings, top):
    """The same pings with all keys but those of `top` called (other); what has no key, too."""
    pings = copy.deepcopy(pings)
    for ping in pings:
        for entry in entries(ping):
            entry["key"] = entry["key"] if entry["key"] in top else "(other)"
    return pings


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    "spec",
    [
        {"percentiles": [0.25, 0.5, 1.0], "normalization": "client", "dimensions": ["key"]},
        {"dimensions": ["os", "key"]},
        {"measure": "summary", "normalization": "client_day", "dimensions": ["key"]},
    ],
    ids=["votes", "by_os", "summary"],
)
def test_top_keys_and_the_rest(spec, count, engine):
    pings = recording_pings(250, 3)
    spec = {"histogram": KEYED, **ALL_DAYS, **spec}
    totals = Counter()
    for ping in pings:
        votes = "normalization" not in spec or ping.get("client_id") is not None
        for entry in entries(ping) if votes else ():
            totals[entry["key"]] += samples(entry["value"])
    ranked = sorted(
        (key for key in totals if key is not None and totals[key]), key=lambda key: (-totals[key], key)
    )
    assert len(ranked) > count
    expected = answer({**spec, "key": "*"}, relabelled(pings, ranked[:count]))
    place = spec["dimensions"].index("key")
    before = spec["dimensions"][:place]
    expected.sort(
        key=lambda row: [(row[d] is not None, row[d] or "") for d in before] + [(row["key"] == "(other)", "")]
    )
    difference = same_rows(rows_of({**spec, "key": {"top": count}}, pings, engine), expected)
    assert difference is None, difference


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("filter_", "of_100"),
    [({"lt": 50}, 50), ([1, 7, 42], 3), (42, 1), ({"from": 0, "to": 79, "not": [3, 43]}, 78)],
)
def test_counts_are_scaled_and_shares_are_not(filter_, of_100, engine):
    pings = random_pings(300, 4)
    for measure in ("distribution", "summary", "counts"):
        spec = {"measure": measure, "filters": {"sample_id": filter_}, "dimensions": ["os"], **ALL_DAYS}
        spec |= {} if measure == "counts" else {"histogram": HISTOGRAM}
        plain = rows_of(spec, pings, engine)
        assert plain
        by = Fraction(100, of_100)
        expected = [
            {
                name: by * Fraction(value)
                if name == "sum"
                else round_half_up(by * value)
                if name in ("count", "n_clients", "n_samples", "n_pings")
                else Fraction(value)
                if isinstance(value, float)
                else value
                for name, value in row.items()
            }
            for row in plain
        ]
        difference = same_rows(rows_of({**spec, "scale": True}, pings, engine), expected)
        assert difference is None, difference


def round_half_up(number):
    return int(number + Fraction(1, 2))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("normalization", ["none", "client"])
def test_the_prior_gives_each_bucket_a_part_of_one_vote(normalization, engine):
    """GLAM's: (v + 1/K) / (N + 1) for each of K buckets, where N votes were cast."""
    pings, bounds = random_pings(250, 5), exponential(1, 1000, 20)
    spec = {"histogram": HISTOGRAM, "normalization": normalization, "dimensions": ["os"], **ALL_DAYS}
    plain = answer(spec, pings)
    expected = []
    for os in dict.fromkeys(row["os"] for row in plain):
        of_os = {row["bucket"]: row for row in plain if row["os"] == os}
        total = sum(row["count"] for row in of_os.values())
        some = next(iter(of_os.values()))
        for bucket in sorted({*of_os, *bounds}):
            count = (
                of_os[bucket]["count"] if bucket in of_os else Fraction(0) if normalization != "none" else 0
            )
            part = Fraction(1, 20) if bucket in bounds else 0
            expected.append(
                {**some, "bucket": bucket, "count": count, "share": Fraction(count + part) / (total + 1)}
            )
    shown = rows_of({**spec, "prior": "dirichlet", "buckets": SHAPE}, pings, engine)
    difference = same_rows(shown, expected)
    assert difference is None, difference


@pytest.mark.parametrize("engine", ENGINES)
def test_a_shape_fills_empty_buckets(engine):
    pings, bounds = random_pings(60, 6), exponential(1, 1000, 20)
    spec = {"histogram": HISTOGRAM, "normalization": "client", **ALL_DAYS}
    plain = answer(spec, pings)
    of = {row["bucket"]: row for row in plain}
    empty = {**plain[0], "count": Fraction(0), "share": Fraction(0)}
    expected = [of.get(bucket, {**empty, "bucket": bucket}) for bucket in sorted({*of, *bounds})]
    difference = same_rows(rows_of({**spec, "buckets": SHAPE}, pings, engine), expected)
    assert difference is None, difference


@pytest.mark.parametrize("engine", ENGINES)
def test_a_shape_tells_where_values_are_open_ended(engine):
    text = '{"values":{"698":2,"1000":3}}'
    pings = [{**ping, "payload": {"histograms": {HISTOGRAM.lower(): text}}} for ping in random_pings(20, 7)]
    spec = {"histogram": HISTOGRAM, "percentiles": [0.0, 0.5, 0.9, 0.999, 1.0], **ALL_DAYS}
    rows = rows_of({**spec, "buckets": SHAPE}, pings, engine)
    assert [row["at_least"] for row in rows] == [row["value"] >= 1000 for row in rows]
    assert {row["at_least"] for row in rows} == {True, False}
