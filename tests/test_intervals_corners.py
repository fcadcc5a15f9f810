"""Limits where many clients are equal, of numbers and of rates."""

import math
from statistics import NormalDist

import pytest
from harness import NEEDS_GOOGLESQL, rows_of
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
