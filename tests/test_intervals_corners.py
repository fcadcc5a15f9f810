"""Limits where many clients are equal, of numbers and of rates."""

import json
import math
from statistics import NormalDist

import pytest
from harness import NEEDS_GOOGLESQL, rows_of
from scipy.stats import t as student
from test_rates import SENT, sent

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
EVERYTHING = {"allow_full_scan": True}


@pytest.mark.parametrize("engine", ENGINES)
def test_limits_of_percentiles_of_numbers_that_many_clients_have(engine):
    values = [number for number in range(10) for _ in range(5)]
    pings = [sent(f"c{n}", 1, number) for n, number in enumerate(values)]
    asked = [percent / 100 for percent in range(5, 96)]
    spec = {"scalar": SENT["events"]["scalar"], "percentiles": asked, "confidence": 0.9, **EVERYTHING}
    found = rows_of(spec, pings, engine)
    n, z = len(values), NormalDist().inv_cdf(0.95)
    shares = [(value, sum(v <= value for v in values) / n) for value in range(10)]
    around = [(value, share, z * math.sqrt(share * (1 - share) / (n - 1))) for value, share in shares]
    expected = [
        [next((v for v, share, away in around if share + sign * away >= p - 1e-9), 9) for sign in (0, 1, -1)]
        for p in asked
    ]
    assert [[row[key] for key in ("value", "lower", "upper")] for row in found] == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_clients_of_equal_rates_leave_no_doubt(engine):
    """Their residuals are 0 but for rounding, which is left out on either side of 0."""
    spec = {**SENT, "measure": "rate", "confidence": 0.9, "dimensions": ["os"], **EVERYTHING}
    pings = [
        sent(f"c{n}", 0.1 * n * hours, crashes * n, normalized_os=f"{hours}/{crashes}")
        for hours in range(1, 9)
        for crashes in range(1, 9)
        for n in (1, 2, 3, 7, 19)
    ]
    rows = rows_of(spec, pings, engine)
    assert len(rows) == 64
    for row in rows:
        hours, crashes = map(int, row["os"].split("/"))
        assert [row[key] for key in ("rate", "lower", "upper")] == pytest.approx(
            [1e4 * crashes / hours] * 3, rel=1e-12
        )


def ping(client, values, created=None):
    return {
        "client_id": client,
        "submission_timestamp": "2020-04-20T01:00:00Z",
        "environment": {"profile": {"creation_date": created}},
        "payload": {"histograms": {"gc_ms": json.dumps({"values": values})}},
    }


GC = {"histogram": "GC_MS", "normalization": "client", "confidence": 0.9, **EVERYTHING}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_share_is_at_most_all(engine):
    pings = [ping("a", {"1": 1, "9": 1}), *(ping(client, {"1": 1}) for client in "bcd")]
    low, high = rows_of(GC, pings, engine)
    assert (low["share"], low["upper"]) == (0.875, 1)
    assert (high["share"], high["lower"]) == (0.125, 0)
    away = student.ppf(0.95, 3) * math.sqrt((0.375**2 + 3 * 0.125**2) * 4 / 3) / 4
    assert (low["lower"], high["upper"]) == pytest.approx((0.875 - away, 0.125 + away), rel=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_limits_of_the_only_bucket(engine):
    (row,) = rows_of(GC | {"percentiles": [0.5]}, [ping(client, {"7": 2}) for client in "abc"], engine)
    assert (row["value"], row["lower"], row["upper"]) == (7, 7, 7)


@pytest.mark.parametrize("engine", ENGINES)
def test_limits_of_groups_of_broken_numbers(engine):
    """Each as if it were alone: GoogleSQL divides no window by floating point numbers."""
    dates = (17.5, 18.25)
    pings = [
        ping(f"{date}-{n}", {"1": 5 + n, "3": 9 - n, "9": int(n * date) % 4}, date)
        for date in dates
        for n in range(8)
    ]
    column = "environment.profile.creation_date"
    asked = GC | {"percentiles": [0.5, 0.7]}
    found = rows_of(asked | {"dimensions": [{"name": "created", "of": column}]}, pings, engine)
    alone = [
        {"created": date} | row
        for date in dates
        for row in rows_of(asked, [p for p in pings if p["client_id"].startswith(f"{date}-")], engine)
    ]
    assert found == alone
    assert len(found) == 4
