"""Rates where a number is at its limit: no hours or just one, versions of exactly a day."""

from datetime import datetime, timedelta
from fractions import Fraction

from test_rates import BOTH, SENT, agree, sent

START = datetime(2018, 1, 1)


@BOTH
def test_ranges_of_versions_with_one_hour_and_with_none(engine):
    """An hour tells little, so that the range is wide; without hours no rate could be judged."""
    pings = []
    for place, hours in enumerate([20, 21, 22, 23, 1, 0, 24]):
        at, later = START + timedelta(days=7 * place), START + timedelta(days=7 * place + 2)
        for n in range(1 if hours < 20 else 9):
            pings.append(sent(f"c{n}", hours, 1 + (n + place) % 3, at=f"{at}Z", version=f"{50 + place}.0"))
            pings.append(sent(f"c{n}", 0, 0, at=f"{later}Z", version=f"{50 + place}.0"))
    spec = SENT | {
        "align": "release",
        "dimensions": ["app_version"],
        "confidence": 0.9,
        "alert": {"expected": 0.9},
    }
    rows = agree(spec, engine, pings)
    assert [row["adjusted_exposure"] for row in rows][3:] == [9 * 23, 1, 0, 9 * 24]
    limits = [row["expected_upper"] for row in rows]
    assert limits[:3] == [None] * 3 and limits[4] > limits[3] and limits[5] is None
    assert [row["n_before"] for row in rows] == [0, 1, 2, 3, 4, 4, 4]


@BOTH
def test_ranges_of_versions_without_an_event_and_with_a_rate_of_one(engine):
    """A rate of 0 has no logarithm, that of 1 is 0, and both have limits where events are independent."""
    pings = []
    for place, crashes in enumerate([9, 20, 0, 11, 20, 13, 0]):
        at, later = START + timedelta(days=7 * place), START + timedelta(days=7 * place + 2)
        pings += [sent(f"c{n}", 20, int(n < crashes % 10), f"{at}Z", f"{50 + place}.0") for n in range(10)]
        pings.append(sent("c0", 0, crashes - crashes % 10, f"{later}Z", f"{50 + place}.0"))
    spec = SENT | {
        "per": 10,
        "align": "release",
        "dimensions": ["app_version"],
        "confidence": 0.9,
        "method": "poisson",
        "alert": {"expected": 0.9},
    }
    rows = agree(spec, engine, pings)
    assert [row["adjusted_rate"] for row in rows[:5]] == [Fraction(9, 20), 1, 0, Fraction(11, 20), 1]
    assert [row["n_before"] for row in rows] == [0, 1, 2, 2, 3, 4, 5]
    assert all((row["expected_upper"] is None) == (row["n_before"] < 3) for row in rows)
