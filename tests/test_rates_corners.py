"""Rates where a number is at its limit: no hours or just one, versions of exactly a day."""

from datetime import datetime, timedelta
from fractions import Fraction
from statistics import NormalDist

import pytest
from harness import rows_of
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


# --- The time that is compared -------------------------------------------------------------------


def used(version, start, **ages):
    """Pings of an hour each, at ages of a version in `timedelta`'s words; each with other crashes."""
    return [
        sent("c", 1, 3**place, at=f"{start + timedelta(**{unit: n})}Z", version=version)
        for unit, numbers in ages.items()
        for place, n in enumerate(numbers)
    ]


def adjusted(pings, version, engine, **align):
    """The events of a version in the time that is compared."""
    spec = SENT | {"align": align or "release", "dimensions": ["app_version"]}
    return {row["app_version"]: row["adjusted_events"] for row in agree(spec, engine, pings)}[version]


@BOTH
def test_the_first_day_is_left_out_of_more_than_two_once_the_newest_is_more_than_a_day_old(engine):
    """Of 58.0 there are pings after 0 hours (1 crash), a day (3) and two days (9)."""
    found = {}
    for days, minutes in ((2, 0), (2, 5), (3, 0)):
        for age in (1440, 1445):
            newest = START + timedelta(days=days, minutes=minutes)
            pings = used("58.0", START, days=range(3)) + used("59.0", newest, minutes=(0, age))
            found[days, minutes, age] = adjusted(pings, "58.0", engine, skip_hours=24)
            if days == 3:
                dates = {"59.0": f"{newest - timedelta(seconds=1)}Z"}
                found["a second before", age] = adjusted(pings, "58.0", engine, skip_hours=24, dates=dates)
    kept, skipped = 1 + 3, 3 + 9
    assert found == {
        (2, 0, 1440): kept,
        (2, 0, 1445): kept,
        (2, 5, 1440): kept,
        (2, 5, 1445): skipped,
        (3, 0, 1440): kept,
        (3, 0, 1445): skipped,
        ("a second before", 1440): skipped,
        ("a second before", 1445): skipped,
    }


@BOTH
def test_versions_that_come_at_once_or_a_second_apart(engine):
    """No time is compared of a version whose successor came with it; of a second, what came in it."""
    pings = used("58.0", START, hours=(0, 30)) + used("59.0", START, hours=(0, 40))
    assert adjusted(pings, "58.0", engine) is None
    dates = {"58.0": "2018-01-01T00:00:00Z", "59.0": "2018-01-01T00:00:01Z"}
    assert adjusted(pings, "58.0", engine, dates=dates) == 1
    dates = {"58.0": "2018-01-01T00:00:01Z", "59.0": "2018-01-01T01:00:00Z"}
    pings += used("58.0", START, minutes=(5, 10))
    assert adjusted(pings, "58.0", engine, dates=dates) == 1 + 3, "what came a second before is left out"


@BOTH
def test_the_newest_of_two_spellings_is_the_later_in_the_alphabet(engine):
    pings = used("58.0", START, days=range(5))
    pings += used("59.0", START + timedelta(days=5), days=range(6))
    pings += used("59.00", START + timedelta(days=9), days=range(2))
    assert adjusted(pings, "58.0", engine) == 1 + 3


# --- Poisson's limits ----------------------------------------------------------------------------


@BOTH
def test_limits_of_many_events_are_those_of_the_expansion(engine):
    """Of gamma quantiles by Cornish and Fisher, to the last digits; test_quantiles has how near these are."""
    z = NormalDist().inv_cdf(0.9995)

    def quantile(a, z):
        terms = (1, z, (z**2 - 1) / 3, (z**3 - 7 * z) / 36, -(3 * z**4 + 7 * z**2 - 16) / 810)
        terms += ((9 * z**5 + 256 * z**3 - 433 * z) / 38_880,)
        return sum(term * a ** (1 - place / 2) for place, term in enumerate(terms))

    events = {"a": 100, "b": 101, "c": 123, "d": 1000}
    pings = [sent("c", 1, count, normalized_os=os) for os, count in events.items()]
    spec = {"measure": "rate", "method": "poisson", "confidence": 0.999, "per": 1, "dimensions": ["os"]}
    for row in rows_of(SENT | spec | {"allow_full_scan": True}, pings, engine):
        n = events[row["os"]]
        assert row["lower"] == pytest.approx(quantile(n, -z), rel=1e-12)
        assert row["upper"] == pytest.approx(quantile(n + 1, z), rel=1e-12)


@BOTH
@pytest.mark.parametrize(
    "limits", [{}, {"confidence": 0.9}, {"confidence": 0.9, "method": "poisson"}], ids=str
)
def test_a_single_ping(limits, engine):
    assert agree(SENT | limits, engine, [sent("c", 2, 3)])[0]["rate"] == 1500


# --- What rows are judged by ---------------------------------------------------------------------


def weekly(per_version, first=50, hours=20):
    """Versions a week apart, each with clients of so many crashes and so many hours, again after two days."""
    pings = []
    for place, crashes in enumerate(per_version):
        for n, own in enumerate(crashes):
            for days, count, each in ((0, own, hours), (2, 0, 0)):
                at = START + timedelta(days=7 * place + days)
                pings.append(sent(f"c{n}", each, count, at=f"{at}Z", version=f"{first + place}.0"))
    return pings


ALIGNED = SENT | {"align": "release", "dimensions": ["app_version"], "confidence": 0.9}


@BOTH
def test_a_rate_at_its_limit_is_fine(engine):
    """Of 10 crashes in 20 hours, and of 5 in as many before it."""
    pings = weekly([[1, 4], [2, 8]], hours=10)
    for limits in ({}, {"confidence": 0.9}):
        for alert in ({"max_rate": 500}, {"max_rate": 600, "max_change": 1.0}):
            spec = SENT | {"align": "release", "dimensions": ["app_version"], "alert": alert} | limits
            rows = agree(spec, engine, pings)
            assert [(row["adjusted_rate"], row["state"]) for row in rows][1] == (500, "ok")


@BOTH
def test_more_versions_than_students_distribution_is_told_for(engine):
    rows = agree(
        ALIGNED | {"alert": {"expected": 0.9}}, engine, weekly([[1, 2 + n % 3, 3] for n in range(33)], 20)
    )
    assert [row["n_before"] for row in rows][28:] == [28, 29, 30, 31, 32]


@BOTH
def test_versions_before_are_those_of_lower_numbers_that_have_enough_data(engine):
    """9.0 comes before 10.0, which has few hours and tells nothing of those after it."""
    pings = weekly([[1, 2, 3], [2, 2, 3], [9, 9], [1, 3, 3], [1, 1, 3], [2, 3, 4]], 8)
    spec = ALIGNED | {"alert": {"expected": 0.9}, "min_usage_hours": 50}
    rows = {row["app_version"]: row for row in agree(spec, engine, pings)}
    assert [rows[f"{n}.0"]["n_before"] for n in range(8, 14)] == [0, 1, 2, 2, 3, 4]


@BOTH
def test_rows_of_few_clients_or_of_few_hours(engine):
    pings = [sent("a", 24, 1, normalized_os="one client") for _ in range(9)]
    pings += [sent(f"c{n}", 1, 1, normalized_os="few hours") for n in range(9)]
    pings += [sent(f"c{n}", 24, 1, normalized_os="enough") for n in range(9)]
    pings += [sent("a", 1, 1, normalized_os="neither")]
    spec = SENT | {"dimensions": ["os"], "min_clients": 3, "min_usage_hours": 100}
    found = {row["os"]: row["low_data"] for row in agree(spec, engine, pings)}
    assert found == {"one client": True, "few hours": True, "enough": False, "neither": True}
    (row,) = agree(spec | {"low_data": "drop"}, engine, pings)
    assert (row["os"], row["n_dropped"]) == ("enough", 3)


@BOTH
@pytest.mark.parametrize("ids", [3, 8], ids=str)
def test_rates_of_several_samples_are_scaled(ids, engine):
    """By 100 / 3, and by 25 / 2."""
    pings = [sent(f"c{n}", 1 + n, n, sample_id=n % 10) for n in range(40)]
    assert agree(SENT | {"filters": {"sample_id": list(range(ids))}, "scale": True}, engine, pings)
