"""Limits of percentiles, shares and means are those of the clients' residuals, written out in Python."""

import json
import math
import random
from collections import defaultdict
from fractions import Fraction

import pytest
from harness import NEEDS_GOOGLESQL, query, rows_of
from scipy.stats import t as student

from querygen import QuerygenError

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
EVERYTHING = {"allow_full_scan": True}
NORMALIZATIONS = ["none", "client", "client_day"]
STATED = 2e-4  # how exact Student's t is


def pings(seed, count=90):
    """Clients of very unequal activity, on several days; some pings without a client id; repeated buckets."""
    chance = random.Random(seed)
    made = []
    for i in range(count):
        values = {k: chance.choice([0, 1, 1, 2, 30]) for k in chance.sample([0, 1, 3, 9, 40], 3)}
        made.append(
            {
                "client_id": None if i % 13 == 0 else f"c{int(20 * chance.random() ** 2)}",
                "submission_timestamp": f"2020-04-{10 + i % 4}T01:00:{i % 60:02}.{i:06}Z",
                "normalized_os": chance.choice(["Mac", "Windows", None]),
                "payload": {
                    "histograms": {
                        "gc_ms": json.dumps({"sum": sum(k * v for k, v in values.items()), "values": values})
                    },
                    "processes": {"parent": {"scalars": {"opened": chance.choice([None, 0, 1, 5, 70])}}},
                },
            }
        )
    return made


def units(rows, normalization):
    """Each independent unit's votes by bucket, and its value: {unit: ({bucket: votes}, sum, weight)}."""
    texts = [(row, json.loads(row["payload"]["histograms"]["gc_ms"])) for row in rows]
    grouped = defaultdict(list)
    for row, histogram in texts:
        if sum(histogram["values"].values()) == 0:
            continue
        client = row["client_id"]
        if client is None and normalization != "none":
            continue
        day = row["submission_timestamp"][:10] if normalization == "client_day" else None
        grouped[client or row["submission_timestamp"], day].append(histogram)
    found = defaultdict(lambda: (defaultdict(Fraction), [Fraction(0), Fraction(0)]))
    for (unit, _), histograms in grouped.items():
        counts = defaultdict(int)
        for histogram in histograms:
            for bucket, count in histogram["values"].items():
                counts[int(bucket)] += count
        total = sum(counts.values())
        by = total if normalization != "none" else 1
        for bucket, count in counts.items():
            if count:
                found[unit][0][bucket] += Fraction(count, by)
        found[unit][1][0] += Fraction(sum(h["sum"] for h in histograms), by)
        found[unit][1][1] += Fraction(total, by)
    return found


def margin_of(parts, confidence=0.9):
    """How far sum(c) / sum(t) over units, each a pair (c, t), may be off, by Student's t."""
    squares = sum(float(t) ** 2 for _, t in parts)
    freedom = max(1, squares**2 / sum(float(t) ** 4 for _, t in parts) - 1)
    return student.ppf((1 + confidence) / 2, freedom) * error_of(parts)


def error_of(parts):
    """The standard error of the same, from the residuals of units."""
    ratio = sum(c for c, _ in parts) / sum(t for _, t in parts)
    squares = sum((c - ratio * t) ** 2 for c, t in parts)
    total = sum(t for _, t in parts)
    return math.sqrt(float(squares * Fraction(len(parts), len(parts) - 1))) / float(total)


def groups(rows):
    by = defaultdict(list)
    for row in rows:
        by[row["normalized_os"]].append(row)
    return [(os, by[os]) for os in sorted(by, key=lambda os: (os is not None, os or ""))]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_shares(normalization, engine):
    rows = pings(1)
    spec = {"histogram": "GC_MS", "dimensions": ["os"], "normalization": normalization, "confidence": 0.9}
    found = rows_of({**spec, **EVERYTHING}, rows, engine)
    expected = []
    for os, members in groups(rows):
        of = units(members, normalization)
        for bucket in sorted({b for votes, _ in of.values() for b in votes}):
            parts = [(votes.get(bucket, Fraction(0)), sum(votes.values())) for votes, _ in of.values()]
            share = float(sum(c for c, _ in parts) / sum(t for _, t in parts))
            away = margin_of(parts)
            expected.append((os, bucket, share, max(0.0, share - away), min(1.0, share + away)))
    assert len(found) == len(expected) > 10
    for row, (os, bucket, share, lower, upper) in zip(found, expected, strict=True):
        assert (row["os"], row["bucket"]) == (os, bucket)
        assert row["share"] == pytest.approx(share, rel=1e-9)
        assert row["lower"] == pytest.approx(lower, abs=STATED * (share - lower) + 1e-9)
        assert row["upper"] == pytest.approx(upper, abs=STATED * (upper - share) + 1e-9)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_percentiles(normalization, engine):
    rows, asked = pings(2), [0.0, 0.1, 0.5, 0.9, 1.0]
    spec = {"histogram": "GC_MS", "dimensions": ["os"], "normalization": normalization, "confidence": 0.9}
    found = rows_of({**spec, "percentiles": asked, **EVERYTHING}, rows, engine)
    expected = []
    for os, members in groups(rows):
        of = units(members, normalization)
        observed = sorted({b for votes, _ in of.values() for b in votes})
        shares = []
        for bucket in observed:
            parts = [
                (sum((v for b, v in votes.items() if b <= bucket), Fraction(0)), sum(votes.values()))
                for votes, _ in of.values()
            ]
            share = float(sum(c for c, _ in parts) / sum(t for _, t in parts))
            shares.append((bucket, share, margin_of(parts)))
        for p in asked:
            reached = [
                next((b for b, share, away in shares if share + sign * away >= p - 1e-9), observed[-1])
                for sign in (0, 1, -1)
            ]
            expected.append((os, p, *reached))
    assert [(r["os"], r["percentile"], r["value"], r["lower"], r["upper"]) for r in found] == expected
    assert any(lower < value for _, _, value, lower, _ in expected)
    assert any(value < upper for _, _, value, _, upper in expected)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_means(normalization, engine):
    rows = pings(3)
    spec = {"histogram": "GC_MS", "dimensions": ["os"], "normalization": normalization, "confidence": 0.9}
    found = rows_of({**spec, "measure": "summary", **EVERYTHING}, rows, engine)
    plain = rows_of({**spec, "measure": "summary", "confidence": None, **EVERYTHING}, rows, engine)
    for row, without, (os, members) in zip(found, plain, groups(rows), strict=True):
        parts = [(s, t) for _, (s, t) in units(members, normalization).values()]
        mean = float(sum(s for s, _ in parts) / sum(t for _, t in parts))
        away = margin_of(parts)
        assert row["os"] == os
        assert row["lower"] == pytest.approx(mean - away, abs=STATED * away)
        assert row["upper"] == pytest.approx(mean + away, abs=STATED * away)
        limits = (row.pop("lower"), row.pop("upper"))
        assert limits[0] < row["mean"] < limits[1]
        assert row == pytest.approx(without) if os is None else row["n_clients"] == without["n_clients"]
        assert row["count"] == pytest.approx(without["count"])


@pytest.mark.parametrize("engine", ENGINES)
def test_scalars(engine):
    rows = pings(4)
    spec = {"scalar": "payload.processes.parent.scalars.opened", "confidence": 0.9, **EVERYTHING}
    clients = defaultdict(int)
    for row in rows:
        number = row["payload"]["processes"]["parent"]["scalars"]["opened"]
        if number is not None and row["client_id"] is not None:
            clients[row["client_id"]] += number
    values = sorted(clients.values())
    mean, n = sum(values) / len(values), len(values)
    wide = student.ppf(0.95, n - 1)
    away = wide * math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1) / n)
    (row,) = rows_of({**spec, "measure": "summary"}, rows, engine)
    assert (row["lower"], row["upper"]) == pytest.approx((mean - away, mean + away), abs=STATED * away)
    (median,) = rows_of({**spec, "percentiles": [0.5]}, rows, engine)
    shares = []
    for value in sorted(set(values)):
        share = sum(v <= value for v in values) / n
        shares.append((value, share, wide * math.sqrt(share * (1 - share) / (n - 1))))
    assert [median[key] for key in ("value", "lower", "upper")] == [
        next(v for v, share, away in shares if share + sign * away >= 0.5 - 1e-9) for sign in (0, 1, -1)
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_one_client_has_no_limits(engine):
    (row, *_) = pings(5)
    row["client_id"] = "alone"
    for more in ({"percentiles": [0.5]}, {"measure": "summary"}, {"measure": "distribution"}):
        found = rows_of({"histogram": "GC_MS", "confidence": 0.9, **more, **EVERYTHING}, [row], engine)
        assert {(each["lower"], each["upper"]) for each in found} == {(None, None)}


@pytest.mark.parametrize("engine", ENGINES)
def test_equal_clients_leave_no_doubt(engine):
    """Their residuals are 0 but for rounding, which must not move a percentile at a tie."""
    rows = [
        {
            "client_id": f"c{i}",
            "submission_timestamp": "2020-04-20T01:00:00Z",
            "payload": {"histograms": {"gc_ms": '{"values":{"1":3,"2":3,"5":3,"7":3,"8":3,"9":3}}'}},
        }
        for i in range(7)
    ]
    spec = {"histogram": "GC_MS", "normalization": "client", "confidence": 0.99, **EVERYTHING}
    found = rows_of({**spec, "percentiles": [0.5, 1.0]}, rows, engine)
    assert [(r["value"], r["lower"], r["upper"]) for r in found] == [(5, 5, 5), (9, 9, 9)]


@pytest.mark.parametrize(
    ("spec", "code", "at"),
    [
        ({"confidence": 95}, "confidence-range", ("confidence",)),
        ({"confidence": 1.0}, "confidence-range", ("confidence",)),
        ({"confidence": 0.9, "measure": "counts"}, "unused-key", ("confidence",)),
        (
            {"confidence": 0.9, "prior": "dirichlet", "buckets": {"linear": [1, 9, 10]}},
            "unused-key",
            ("confidence",),
        ),
    ],
)
def test_findings(spec, code, at):
    with pytest.raises(QuerygenError) as raised:
        query({"histogram": "GC_MS", **EVERYTHING, **spec}).sql()
    assert [(finding.code, finding.loc) for finding in raised.value.diagnostics] == [(code, at)]


@pytest.mark.parametrize("engine", ENGINES)
def test_all_buckets_and_a_cube(engine):
    rows = pings(6)
    spec = {"histogram": "GC_MS", "confidence": 0.9, "normalization": "client", **EVERYTHING}
    plain = {row["bucket"]: row for row in rows_of(spec, rows, engine)}
    filled = rows_of({**spec, "buckets": {"linear": [1, 9, 10]}}, rows, engine)
    assert {row["bucket"] for row in filled} >= set(range(10)) | {40}
    for row in filled:
        other = plain.get(row["bucket"], {"share": 0.0, "lower": 0.0, "upper": 0.0})
        assert [row[k] for k in ("share", "lower", "upper")] == pytest.approx(
            [other[k] for k in ("share", "lower", "upper")], abs=1e-9
        )
    cube = rows_of({**spec, "dimensions": ["os"], "cube": True}, rows, engine)
    whole = [{k: v for k, v in row.items() if k != "os"} for row in cube if row["os"] == "*"]
    assert [pytest.approx(row) for row in whole] == list(plain.values())
