"""Rates where a number is at its limit: no hours or just one, versions of exactly a day."""

from datetime import datetime, timedelta

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
