"""`measure: rate`: DuckDB = GoogleSQL = plain Python with exact fractions; Mission Control's own figures."""

import json
import random
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from commandline import querygen
from derived_pings import KEYED, SCALAR, derived_pings
from harness import NEEDS_GOOGLESQL, query, rows_of
from oracle import answer, same_rows
from pings import write_ndjson

from querygen import QuerygenError

EVERYTHING = {"allow_full_scan": True}
PINGS = derived_pings()
PAUSES = {"histogram": "PAUSES"}
CRASHES = {"histogram": "CRASHES", "key": "*"}
OPENED = {"scalar": f"{SCALAR}.opened"}
ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
BOTH = pytest.mark.parametrize("engine", ENGINES)


def agree(spec, engine="duckdb", pings=PINGS):
    spec = EVERYTHING | {"events": PAUSES, "measure": "rate"} | spec
    expected = answer(spec, pings)
    difference = same_rows(rows_of(spec, pings, engine), expected)
    assert difference is None, difference
    return expected


@BOTH
@pytest.mark.parametrize(
    "exposure",
    [
        None,
        "pings",
        "clients",
        "client_days",
        {"scalar": f"{SCALAR}.seconds"},
        PAUSES | {"process": "content"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "limits",
    [{}, {"confidence": 0.9}, {"confidence": 0.99, "method": "poisson"}],
    ids=["", "clients", "poisson"],
)
def test_exposures_and_limits(exposure, limits, engine):
    spec = {"dimensions": ["os"]} | limits | ({"exposure": exposure} if exposure else {})
    assert agree(spec | {"events": PAUSES | {"at_least": 1}}, engine)


@BOTH
@pytest.mark.parametrize(
    "spec",
    [
        {"events": PAUSES | {"take": "sum"}},
        {"events": OPENED, "per": 7, "confidence": 0.5},
        {"events": "pings", "exposure": "client_days", "per": 0.5},
        {"events": "clients"},
        {"events": {"column": "payload.info.subsession_length", "unit": "ms"}, "exposure": "pings"},
        {"events": CRASHES, "dimensions": ["os", "key"], "confidence": 0.95},
        {"events": CRASHES | {"process": "children"}, "dimensions": ["process", "key"]},
        {"events": CRASHES, "exposure": {"scalar": f"{KEYED}.searches"}, "dimensions": ["key"]},
        {"dimensions": ["os", "major_version"], "cube": True, "confidence": 0.95},
        {"events": CRASHES, "dimensions": ["os", "key"], "cube": True},
        {"dimensions": ["app_version"]},
        {"dimensions": ["os"], "min_clients": 8},
        {"dimensions": ["app_version"], "min_usage_hours": 100},
        {"dimensions": ["app_version"], "min_usage_hours": 100, "low_data": "drop", "min_clients": 2},
        {"dimensions": ["os"], "n_undecodable": True},
        {"dimensions": ["os"], "filters": {"sample_id": 7}, "scale": True, "confidence": 0.95},
        {"events": PAUSES | {"filters": {"os": "Mac"}}, "dimensions": ["os"]},
    ],
    ids=str,
)
def test_options(spec, engine):
    assert agree(spec, engine)


# --- Small numbers -------------------------------------------------------------------------------


def sent(client, hours, crashes=None, at="2018-01-23T00:00:00Z", version="58.0", **more):
    """A ping that tells how long Firefox was used, and how often it crashed."""
    scalars = {} if crashes is None else {"scalars": {"crashes": crashes}}
    seconds = None if hours is None else round(hours * 3600)
    payload = {"info": {"subsession_length": seconds}, "processes": {"parent": scalars}}
    application = {"display_version": version}
    return {
        "client_id": client,
        "submission_timestamp": at,
        "payload": payload,
        "application": application,
    } | more


SENT = {"events": {"scalar": f"{SCALAR}.crashes"}}


@BOTH
@pytest.mark.parametrize("method", ["clients", "poisson"])
def test_zero_events_and_zero_hours(method, engine):
    """No event: the rate is 0, and how far clients differ is not known. No hours: no rate."""
    spec = SENT | {"dimensions": ["os"], "confidence": 0.9, "method": method}
    pings = [
        sent("a", 10, 0, normalized_os="quiet"),
        sent("b", 20, None, normalized_os="quiet"),
        sent("a", 0, 3, normalized_os="unused"),
        sent("b", -1, 1, normalized_os="unused"),
        sent("a", 10, 3, normalized_os="single"),
        sent(None, None, 3, normalized_os="unknown"),
    ]
    rows = {row["os"]: row for row in agree(spec, engine, pings)}
    limits = (None, None) if method == "clients" else (0, pytest.approx(2.995732 / 30 * 1000, rel=1e-6))
    assert (rows["quiet"]["rate"], rows["quiet"]["lower"], rows["quiet"]["upper"]) == (0, *limits)
    for os in ("unused", "unknown"):
        assert (rows[os]["rate"], rows[os]["lower"], rows[os]["upper"]) == (None, None, None)
    assert (rows["unused"]["events"], rows["unused"]["n_clients"]) == (4, 2)
    assert (rows["unknown"]["events"], rows["unknown"]["n_clients"]) == (3, 0)
    assert rows["single"]["rate"] == 300
    assert (rows["single"]["lower"] is None) == (method == "clients")


@BOTH
def test_nothing_at_all(engine):
    assert agree({"confidence": 0.95}, engine, []) == []
    assert agree({"interval": "day", "fill": True}, engine, []) == []
    assert agree({"align": "release", "dimensions": ["app_version"]}, engine, []) == []


@BOTH
def test_rare_events_of_heavy_use(engine):
    """The limits of a rate far below one event per second are not taken for rounding."""
    pings = [sent(f"c{n}", 20, at=f"2018-01-{d:02}T00:00:00Z") for n in range(40) for d in range(1, 13)]
    pings += [sent(f"c{n}", 0, 1) for n in range(5)]
    (row,) = agree(SENT | {"confidence": 0.95}, engine, pings)
    assert row["events"] == 5
    assert row["exposure"] == 9600
    assert float(row["rate"] - row["lower"]) > 0.35  # 1.96 × √5 / 9600 h is 0.46


@BOTH
def test_clients_are_the_units(engine):
    """Limits written out: of four clients, one of which crashes in a loop."""
    pings = [sent("a", 10, 0), sent("b", 10, 1), sent("c", 20, 1), sent("d", 10, 38)]
    pings += [sent("d", 0, 0), sent("c", 0, None)]
    (row,) = rows_of(EVERYTHING | SENT | {"measure": "rate", "confidence": 0.95}, pings, engine)
    residuals = [0 - 0.8 * 10, 1 - 0.8 * 10, 1 - 0.8 * 20, 38 - 0.8 * 10]
    error = (sum(r**2 for r in residuals) * 4 / 3) ** 0.5 / 50
    assert row["rate"] == pytest.approx(800)
    assert row["lower"] == 0
    assert row["upper"] == pytest.approx(1000 * (0.8 + 1.959964 * error), rel=1e-6)


# --- Time ----------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("interval", ["5 minutes", "hour", "day", "week"])
@pytest.mark.parametrize("dimensions", [[], ["os", "time"]], ids=str)
def test_intervals(interval, dimensions, engine):
    assert agree({"interval": interval, "dimensions": dimensions, "confidence": 0.95}, engine)


@BOTH
@pytest.mark.parametrize("interval", ["hour", "week"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"dimensions": ["os"], "confidence": 0.95},
        {"dimensions": ["app_version", "time"], "min_clients": 1},
        {"events": CRASHES, "dimensions": ["key"], "min_usage_hours": 3, "low_data": "drop"},
        {"events": PAUSES | {"take": "sum"}, "exposure": "pings", "n_undecodable": True},
    ],
    ids=str,
)
def test_gaps(interval, more, engine):
    assert agree({"interval": interval, "fill": True} | more, engine, derived_pings(30, 3))


@BOTH
def test_gaps_at_the_start_in_the_middle_and_at_the_end(engine):
    """Of each series, that of NULL among them; a ping without a time is in none."""

    def at(hour, os):
        return sent("a", 1, 2, at=hour and f"2018-01-23T{hour:02}:59:59Z", normalized_os=os)

    pings = [at(1, "Mac"), at(4, "Mac"), at(3, None), at(2, "Windows"), at(5, "Windows"), at(None, "Mac")]
    rows = agree(SENT | {"interval": "hour", "fill": True, "dimensions": ["os"]}, engine, pings)
    found = {(row["os"], row["time"].hour): row for row in rows}
    assert sorted(hour for os, hour in found if os is None) == [1, 2, 3, 4, 5]
    assert len(found) == len(rows) == 15
    with_pings = {key for key, row in found.items() if row["rate"] == 2000}
    assert with_pings == {("Mac", 1), ("Mac", 4), (None, 3), ("Windows", 2), ("Windows", 5)}
    assert all(found[key]["events"] == 0 and found[key]["rate"] is None for key in set(found) - with_pings)


# --- Mission Control's figures -------------------------------------------------------------------


def datums(count):
    """Its tests' hourly data points: i + 1 usage hours, ⌊(i + 1) / 2⌋ + r crashes."""
    chance = random.Random(42)
    rows = []
    for i in range(count):
        crashes = (i + 1) // 2 + chance.randint(0, 5)
        at = f"{datetime(2017, 7, 1) + timedelta(hours=i)}Z"
        rows += [sent(f"c{n}", min(24, i + 1 - n), 0, at=at) for n in range(0, i + 1, 24)]
        rows[-1]["payload"]["processes"]["parent"]["scalars"]["crashes"] = crashes
    return rows


def summarised(count, engine="duckdb", **more):
    rows = datums(count)
    spec = EVERYTHING | SENT | {"measure": "rate", "align": "release", "dimensions": ["app_version"]} | more
    return rows_of(spec, rows, engine)


def rounded(rate):
    return round(rate, 2)


@BOTH
def test_two_points(engine):
    (row,) = summarised(2, engine)
    assert (row["events"], row["rate"]) == (6, 2000.0)
    assert (row["adjusted_events"], row["adjusted_rate"]) == (6, 2000.0)


@BOTH
@pytest.mark.parametrize("count", [0, 1])
def test_no_summary_of_nothing(count, engine):
    """One point is no time in which anything could be compared."""
    rows = summarised(count, engine)
    assert len(rows) == count
    assert all(row["adjusted_events"] is row["adjusted_rate"] is None for row in rows)


def test_a_thousand_points():
    (row,) = summarised(1000, align={"skip_hours": 24})
    assert (row["events"], rounded(row["rate"])) == (252_506, 504.51)
    assert (row["adjusted_events"], rounded(row["adjusted_rate"])) == (252_311, 504.42)
    (row,) = summarised(1000, align={"skip_hours": 24}, trim=0.001)
    assert (row["events"], rounded(row["rate"])) == (252_506, 504.50)
    assert (row["adjusted_events"], rounded(row["adjusted_rate"])) == (252_311, 504.42)


# --- Versions at the same age --------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    "spec",
    [
        {"confidence": 0.95},
        {"dimensions": ["os", "app_version"], "min_usage_hours": 30},
        {"dimensions": ["major_version", "os"], "method": "poisson", "confidence": 0.9},
        {"dimensions": [{"name": "version", "of": "app_version"}], "exposure": "client_days"},
        {"exposure": "clients", "events": "client_days"},
        {"events": CRASHES, "dimensions": ["key", "app_version"]},
        {"events": CRASHES | {"process": "combined"}, "dimensions": ["app_version", "process"]},
        {"align": {"skip_hours": 24}},
        {"align": {"skip_hours": 7, "dates": {"58.0": "2018-01-21", "59.0": "2018-01-24T06:00:00"}}},
        {"align": {"dates": {"58": "2018-01-23"}}, "dimensions": ["major_version"]},
        {"trim": 0.1},
        {"trim": 0.45, "dimensions": ["os", "app_version"], "align": {"skip_hours": 5}},
        {"n_undecodable": True, "filters": {"sample_id": 7}, "scale": True},
    ],
    ids=str,
)
def test_aligned(spec, engine):
    rows = agree({"align": "release", "dimensions": ["app_version"]} | spec, engine)
    assert {row["adjusted_rate"] is None for row in rows} == {True, False}


@BOTH
@pytest.mark.parametrize("trim", [0.001, 0.1, 0.45, 0.9])
def test_trimmed(trim, engine):
    """0.55 of twenty points are eleven, though 0.55 × 20 is a little more."""
    assert agree({"trim": trim, "dimensions": ["os"]}, engine)
    twenty = [sent("a", 1, n, at=f"2018-01-23T{n:02}:00:00Z") for n in range(20)]
    (row,) = agree(SENT | {"trim": trim}, engine, twenty)
    kept = {0.001: 20, 0.1: 18, 0.45: 11, 0.9: 2}[trim]
    assert row["rate"] == 1000 * Fraction(sum(range(kept)), kept)
    assert (row["events"], row["exposure"], row["n_clients"]) == (190, 20, 1)


@BOTH
def test_points_without_exposure_are_trimmed_first(engine):
    pings = [sent("a", 0, 5, at="2018-01-23T00:00:00Z"), sent("b", 1, 9, at="2018-01-23T02:00:00Z")]
    (row,) = agree(SENT | {"trim": 0.5}, engine, pings)
    assert row["rate"] == 9000


def hourly(version, first, last, crashes=1, **more):
    """A ping an hour from day `first` to day `last`, both with their hour 0, of an hour's use."""
    start = datetime(2018, 1, 1)
    return [
        sent(f"c{h % 7}", 1, crashes, at=f"{start + timedelta(hours=h)}Z", version=version, **more)
        for h in range(first * 24, last * 24 + 1)
    ]


def compared(pings, engine="duckdb", **spec):
    """Each version's events in the time that is compared."""
    rows = agree(SENT | {"align": "release", "dimensions": ["app_version"]} | spec, engine, pings)
    return {row["app_version"]: row["adjusted_events"] for row in rows}


@BOTH
def test_as_long_as_the_newest_has_been_out(engine):
    """Both ends of a window count: three days of the newest, 73 points of each."""
    pings = hourly("57.0", 0, 8) + hourly("58.0", 4, 10) + hourly("59.0", 7, 10)
    assert compared(pings, engine) == {"57.0": 73, "58.0": 73, "59.0": 73}


@BOTH
def test_what_is_compared_has_its_clients_and_is_scaled_too(engine):
    pings = hourly("58.0", 0, 6, sample_id=7) + hourly("59.0", 6, 6, sample_id=7)
    pings += hourly("59.0", 6, 7, sample_id=8) + hourly("57.0", 7, 7, sample_id=7)
    spec = SENT | {"align": "release", "dimensions": ["app_version"], "filters": {"sample_id": 7}}
    sampled = agree(spec, engine, pings)
    scaled = agree(spec | {"scale": True}, engine, pings)
    for few, all_ in zip(sampled, scaled, strict=True):
        for name in ("events", "exposure", "n_clients"):
            assert all_[name] == 100 * few[name]
            adjusted = few[f"adjusted_{name}"]
            assert all_[f"adjusted_{name}"] == (None if adjusted is None else 100 * adjusted)
        assert all_["adjusted_rate"] == few["adjusted_rate"]
    assert [one["adjusted_n_clients"] for one in sampled] == [None, 7, 1]


@BOTH
def test_counts_of_a_share_of_clients_are_scaled(engine):
    spec = SENT | {"measure": "rate", "sample": "40%", "dimensions": ["os"], **EVERYTHING}
    pings = [sent(f"c{n}", 2, n % 3, normalized_os="Mac") for n in range(60)]
    (few,), (scaled,) = (rows_of(spec | more, pings, engine) for more in ({}, {"scale": True}))
    assert 10 < few["n_clients"] < 40
    for name in ("events", "exposure", "n_clients"):
        assert scaled[name] == pytest.approx(2.5 * few[name], abs=0.5)
    assert scaled["rate"] == few["rate"]


@BOTH
def test_low_data_is_about_what_is_compared(engine):
    """58.0 has been used for days, of which an hour is compared; with nothing, all of its time counts."""
    pings = hourly("57.0", 0, 3) + hourly("58.0", 3, 6) + hourly("59.0", 6, 6)[:1] + hourly("59.0", 6, 6)
    pings += [sent("z", 1, 1, at="2018-01-07T01:00:00Z", version="59.0")]
    aligned = SENT | {"align": "release", "dimensions": ["app_version"]}
    for few in ({"min_usage_hours": 10}, {"min_clients": 5}):
        whole = agree(aligned | few | {"align": None}, engine, pings)
        assert [row["low_data"] for row in whole] == [False, False, True]
        rows = agree(aligned | few, engine, pings)
        assert [row["low_data"] for row in rows] == [True, True, True]
    assert [row["adjusted_exposure"] for row in rows] == [2, 2, 3]
    only = agree(aligned | {"min_clients": 5}, engine, hourly("58.0", 0, 3))
    assert [(row["adjusted_n_clients"], row["low_data"]) for row in only] == [(7, False)]
    unknown = agree(aligned | {"min_clients": 5}, engine, hourly("unknown", 0, 3))
    assert [(row["adjusted_n_clients"], row["low_data"]) for row in unknown] == [(None, False)]


def test_not_longer_than_until_the_next_came():
    pings = hourly("57.0", 0, 9) + hourly("58.0", 2, 9) + hourly("59.0", 5, 9)
    assert compared(pings) == {"57.0": 49, "58.0": 73, "59.0": 97}


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        (7, {"57.0": 73, "58.0": 73, "59.0": 73}),  # three days old: without their first days
        (9, {"57.0": 25, "58.0": 25, "59.0": 25}),  # one day old, and not more: nothing is skipped
    ],
)
def test_the_first_day_is_skipped(newest, expected):
    """A window moves by a day, and is no shorter: it may end after the newest version's own."""
    pings = hourly("57.0", 0, 10, 2) + hourly("58.0", 4, 10) + hourly("59.0", newest, 10)
    found = compared(pings, align={"skip_hours": 24})
    assert (
        found == expected | {"57.0": 2 * expected["57.0"], "59.0": min(expected["59.0"], 49)}
        if newest == 7
        else {"57.0": 50, "58.0": 25, "59.0": 25}
    )


def test_the_first_day_is_not_skipped_of_what_was_the_newest_for_two():
    pings = hourly("57.0", 0, 10) + hourly("58.0", 2, 10) + hourly("59.0", 7, 10)
    start = hourly("57.0", 0, 0, 99)  # in the window only if nothing is skipped
    assert compared([*start, *pings], align={"skip_hours": 24})["57.0"] == 49 + 99


def test_a_window_that_ends_before_it_starts_is_skipped():
    """58.0.1 came before 58.0 did; and nothing can be compared with what has just come."""
    pings = hourly("58.0", 3, 6) + hourly("58.0.1", 2, 6) + hourly("59.0", 4, 6)
    assert compared(pings) == {"58.0": None, "58.0.1": 49, "59.0": 49}
    pings = hourly("58.0", 3, 6) + hourly("58.0.1", 2, 6)
    assert compared(pings) == {"58.0": None, "58.0.1": 97}
    assert compared([*hourly("57.0", 0, 6), *hourly("58.0", 6, 6)]) == {"57.0": None, "58.0": None}


def test_versions_are_ordered_as_versions():
    """And not as text: 58.0.10 is the newest. What is no version is compared with none."""
    pings = hourly("58.0.2", 0, 4) + hourly("58.0.10", 4, 6) + hourly("58.0", 0, 1) + hourly("9.0", 0, 6)
    pings += hourly("unknown", 0, 6) + hourly(None, 0, 6)
    rows = agree(SENT | {"align": "release", "dimensions": ["app_version"]}, pings=pings)
    assert [row["app_version"] for row in rows] == [None, "unknown", "9.0", "58.0", "58.0.2", "58.0.10"]
    assert compared(pings) == {
        "unknown": None,
        None: None,
        "9.0": None,
        "58.0": None,
        "58.0.2": 49,
        "58.0.10": 49,
    }


def test_versions_of_the_same_rank_have_an_order():
    pings = hourly("102.0", 0, 4) + hourly("102.0esr", 2, 5)
    assert compared(pings) == compared(pings[::-1]) == {"102.0": 49, "102.0esr": 73}


def test_dates_are_kept_to():
    """58.0 came two days before it was released, 59.0 was released in the middle of a day."""
    pings = hourly("58.0", 0, 9) + hourly("59.0", 4, 9)
    dates = {"58.0": "2018-01-03", "59.0": "2018-01-08T12:00:00"}
    assert compared(pings, align={"dates": dates}) == {"58.0": 37, "59.0": 37}


def test_each_platform_has_its_releases():
    pings = hourly("58.0", 0, 5, normalized_os="Mac") + hourly("59.0", 3, 5, normalized_os="Mac")
    pings += hourly("58.0", 0, 5, normalized_os=None) + hourly("59.0", 4, 5, normalized_os=None)
    rows = agree(SENT | {"align": "release", "dimensions": ["app_version", "os"]}, pings=pings)
    found = {(row["os"], row["app_version"]): row["adjusted_events"] for row in rows}
    assert found == {("Mac", "58.0"): 49, ("Mac", "59.0"): 49, (None, "58.0"): 25, (None, "59.0"): 25}


def test_clients_and_their_days_count_once_in_a_window():
    """Though they come in many points of five minutes."""
    pings = hourly("58.0", 0, 6) + hourly("59.0", 4, 6)
    for exposure, whole, in_window in (("clients", 7, 7), ("client_days", 43, 15)):
        rows = agree(
            {"events": "pings", "exposure": exposure, "align": "release", "dimensions": ["app_version"]},
            pings=pings,
        )
        assert (rows[0]["exposure"], rows[0]["adjusted_exposure"]) == (whole, in_window)


@BOTH
@pytest.mark.parametrize("more", [{}, {"align": "release"}], ids=["", "aligned"])
def test_a_trimmed_rate_has_the_clients_that_are_counted(engine, more):
    """And not those whose pings pass the spec's filters alone."""
    pings = [
        sent(f"{os}{n}", 1, n % 2, normalized_os=os, at=f"2018-01-0{1 + n % 3}T00:00:00Z")
        for n in range(9)
        for os in ("Mac", "Linux", "Windows")
    ]
    pings += [sent(None, 1, 1, normalized_os="Mac")]
    spec = {"events": SENT["events"] | {"filters": {"os": "Mac"}}, "dimensions": ["app_version"], "trim": 0.2}
    spec |= {"exposure": {"count": "usage_hours", "filters": {"os": {"not": "Windows"}}}} | more
    (row,) = agree(spec, engine, pings)
    assert row["n_clients"] == row.get("adjusted_n_clients", 18) == 18


# --- Hours since release -------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("fill", [False, True])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"dimensions": ["os", "app_version"], "confidence": 0.95},
        {"align": {"dates": {"58.0": "2018-01-22", "59.0": "2018-01-21"}}},
        {"events": CRASHES, "dimensions": ["app_version", "key"]},
        {"dimensions": ["major_version"], "min_usage_hours": 9},
    ],
    ids=str,
)
def test_series_by_age(more, fill, engine):
    spec = {"interval": "day", "fill": fill, "align": "release", "dimensions": ["app_version"]}
    assert agree(spec | more, engine)


def test_the_age_of_a_version_begins_with_its_first_ping():
    """Not with the first row that `fill` gives it; its share is of all exposure at that time."""
    pings = hourly("58.0", 0, 2) + hourly("59.0", 1, 2) * 3
    spec = SENT | {"interval": "hour", "fill": True, "align": "release", "dimensions": ["app_version"]}
    rows = [row for row in agree(spec, pings=pings) if row["app_version"] == "59.0"]
    ages = [(row["hours_since_release"], row["share_of_exposure"]) for row in rows]
    assert ages[0] == (-24, 0)
    assert ages[24] == (0, Fraction(3, 4))
    assert ages[48] == (24, Fraction(3, 4))


# --- Alerts --------------------------------------------------------------------------------------

ALERTS = {
    "max_rate": {"max_rate": 500},
    "max_change": {"max_change": 0.25},
    "expected": {"expected": 0.98},
    "all": {"max_rate": 900, "max_change": 0.1, "expected": 0.9},
}
MANY_VERSIONS = tuple(f"{number}.0" for number in range(52, 61))


@BOTH
@pytest.mark.parametrize("alert", ALERTS)
@pytest.mark.parametrize(
    "more", [{}, {"min_usage_hours": 90}, {"dimensions": ["os", "app_version"]}], ids=str
)
def test_states(alert, more, engine):
    """Of nine versions that came one after another."""
    chance = random.Random(7)
    pings = [
        sent(f"c{n}", chance.choice((1, 5, 24)), chance.choice((0, 1, 2, 9)), version=version,
             at=f"{datetime(2018, 1, 1) + timedelta(days=7 * place, hours=chance.randrange(200))}Z",
             normalized_os=chance.choice(("Mac", "Windows")))
        for place, version in enumerate(MANY_VERSIONS) for n in range(12)
    ]  # fmt: skip
    spec = SENT | {
        "align": "release",
        "dimensions": ["app_version"],
        "confidence": 0.9,
        "alert": ALERTS[alert],
    }
    assert agree(spec | more, engine, pings)


@BOTH
def test_states_without_limits(engine):
    """Of a rate alone, without `confidence`, `align` or both."""
    for spec in (
        {"dimensions": ["os"], "alert": {"max_rate": 100}},
        {"dimensions": ["app_version"], "align": "release", "alert": {"max_change": 0.5}, "trim": 0.1},
        {
            "dimensions": ["app_version", "os"],
            "align": "release",
            "alert": {"max_rate": 500, "max_change": 0.5},
        },
        {"interval": "day", "fill": True, "alert": {"max_rate": 500}, "confidence": 0.95},
        {"dimensions": ["os"], "min_clients": 8, "low_data": "drop", "alert": {"max_rate": 100}},
    ):
        assert agree(spec, engine)


def states(rates, alert, confidence=0.95, clients=40, last=None, **more):
    """The states of versions of these rates per client, a week apart, each used for a day."""
    pings = []
    for place, rate in enumerate(rates):
        at = datetime(2018, 1, 1) + timedelta(days=7 * place)
        of = clients if last is None or place < len(rates) - 1 else last
        for n in range(of):
            crashes = int(rate * (n + 1)) - int(rate * n)
            for when, hours, count in ((at, 20, crashes), (at + timedelta(days=2), 4, 0)):
                pings.append(sent(f"c{n}", hours, count, at=f"{when}Z", version=f"{50 + place}.0"))
    spec = SENT | {"align": "release", "dimensions": ["app_version"], "alert": alert} | more
    spec |= {"confidence": confidence} if confidence else {}
    return [row["state"] for row in agree(spec, pings=pings)]


def test_a_limit_is_watched_and_then_alerted():
    """Of 40 clients, each with as many crashes as the others, more or less: 1 is 42 per 1,000 hours."""
    assert states([1, 3, 1.5], {"max_rate": 50}) == ["ok", "alert", "alert"]
    assert states([1, 3, 1.5], {"max_rate": 57}) == ["ok", "alert", "watch"]
    assert states([1.5], {"max_rate": 57}, confidence=None) == ["alert"]


def test_a_change_is_watched_and_then_alerted():
    assert states([1, 1.2, 1.7, 1.9, 0.5], {"max_change": 0.25}) == ["too_new", "ok", "alert", "ok", "ok"]
    assert states([1, 1.3], {"max_change": 0.25}) == ["too_new", "watch"]
    assert states([0, 1], {"max_change": 0.25}) == ["too_new", "alert"]


def test_few_predecessors_are_too_new():
    assert states([1, 1, 1], {"expected": 0.98}) == ["too_new"] * 3
    assert states([1, 1.1, 0.9, 1, 1.1, 1, 40, 1.1], {"expected": 0.98}) == [
        *["too_new"] * 3, "ok", "ok", "ok", "alert", "ok"
    ]  # fmt: skip
    assert states([1, 1.1, 0.9, 9], {"expected": 0.6}) == ["too_new", "too_new", "too_new", "alert"]
    # Versions without any crash, or of low data, tell nothing about others; but they are judged.
    assert states([1, 0, 1.1, 0.9, 0], {"expected": 0.98}) == [*["too_new"] * 4, "ok"]
    low = {"min_usage_hours": 500}
    assert states([1, 1.1, 0.9, 1], {"expected": 0.98}, last=5, **low)[-1] == "low_data"


def test_the_range_narrows_as_usage_accrues():
    rates = [0.5, 0.55, 0.45, 0.5, 0.6, 1.5]
    assert states(rates, {"expected": 0.95})[-1] == "alert"
    assert states(rates, {"expected": 0.95}, last=2)[-1] == "ok"


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"events": PAUSES, "align": "release"}, ("align",)),
        (
            {"align": {"dates": {"58.0": "2018-01-01"}}, "dimensions": ["major_version"]},
            ("align", "dates", "58.0"),
        ),
        ({"fill": True}, ("fill",)),
        ({"trim": 0.1, "confidence": 0.9}, ("confidence",)),
        ({"trim": 0.1, "exposure": "clients"}, ("trim",)),
        ({"events": "usage_hours", "method": "poisson", "confidence": 0.9}, ("method",)),
        ({"method": "poisson"}, ("method",)),
        ({"exposure": "pings", "min_usage_hours": 3}, ("min_usage_hours",)),
        ({"alert": {"max_change": 0.2}, "dimensions": ["app_version"]}, ("alert",)),
        ({"align": "release", "dimensions": ["app_version"], "alert": {"expected": 0.9}}, ("alert",)),
        ({"align": "release", "dimensions": ["app_version"], "cube": True}, ("cube",)),
        ({"alert": {}}, ("alert",)),
    ],
    ids=str,
)
def test_findings(spec, path):
    with pytest.raises(QuerygenError) as caught:
        query(EVERYTHING | {"events": PAUSES, "measure": "rate"} | spec).sql()
    assert caught.value.diagnostics[0].loc == path


@pytest.mark.parametrize(
    ("limit", "flags", "code"),
    [
        (100, ["--fail-on", "alert"], 1),
        (100, [], 0),
        (280, ["--fail-on", "alert"], 0),
        (280, ["--fail-on", "watch"], 1),
        (400, ["--fail-on", "watch"], 0),
    ],
)
def test_the_command_fails_on_a_state(limit, flags, code, tmp_path):
    """And shows the rows all the same. The rate is 300, with a lower limit of 251."""
    spec, data = tmp_path / "spec.yaml", tmp_path / "telemetry.main.ndjson"
    asked = SENT | {"measure": "rate", "confidence": 0.95, "alert": {"max_rate": limit}} | EVERYTHING
    spec.write_text(json.dumps(asked | {"silence": ["full-scan"]}))
    write_ndjson([sent(f"c{n}", 10, 3 + n % 2 - n % 3) for n in range(6)] + [sent("more", 10, 6)], data)
    ran = querygen("run", spec, "--data", tmp_path, *flags, "--format", "json")
    assert ran.code == code, ran.stderr
    assert [row["state"] for row in json.loads(ran.stdout)] == [
        {100: "alert", 280: "watch", 400: "ok"}[limit]
    ]
