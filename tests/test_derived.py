"""Numbers made of events and exposure: DuckDB = GoogleSQL = plain Python with exact fractions."""

import math
import statistics
from fractions import Fraction

import pytest
from derived_pings import KEYED, SCALAR, derived_pings
from harness import NEEDS_GOOGLESQL, query, rows_of
from oracle import answer, damaged_pings, same_rows

from querygen import QuerygenError

EVERYTHING = {"allow_full_scan": True}
PINGS = derived_pings()
SHORT, LONG = "payload.info.subsession_counter", "payload.info.subsession_length"
PAUSES = {"histogram": "PAUSES"}
CRASHES = {"histogram": "CRASHES", "key": "*"}
OPENED = {"scalar": f"{SCALAR}.opened"}
SECONDS = {"scalar": f"{SCALAR}.seconds"}

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
AMOUNTS = {
    "samples": PAUSES,
    "sum": PAUSES | {"take": "sum"},
    "bucket": PAUSES | {"bucket": 5},
    "at_least": PAUSES | {"at_least": 2},
    "a bucket below 0": PAUSES | {"at_least": -3},
    "in a child": PAUSES | {"process": "content"},
    "in several processes": PAUSES | {"process": ["content", "parent"], "bucket": 0},
    "keyed": CRASHES,
    "a key": CRASHES | {"key": "plugin"},
    "some keys": CRASHES | {"key": ["content", ""], "take": "sum"},
    "keys of children": CRASHES | {"process": "children"},
    "scalar": OPENED,
    "keyed scalar": {"scalar": f"{KEYED}.searches", "key": "content"},
    "column": {"column": SHORT},
    "column of seconds": {"column": LONG, "unit": "s"},
    "column of minutes": {"column": LONG, "unit": "min"},
    "pings": "pings",
    "clients": "clients",
    "client-days": "client_days",
    "usage hours": "usage_hours",
    "filtered": PAUSES | {"filters": {"payload.info.reason": "shutdown"}},
    "filtered pings": {"count": "pings", "filters": {"os": {"not": "Mac"}}},
}
EXPOSURES = {
    "usage hours": "usage_hours",
    "pings": "pings",
    "clients": {"count": "clients"},
    "client-days": "client_days",
    "a scalar": SECONDS,
    "samples": PAUSES | {"process": "content"},
    "a column of hours": {"column": LONG, "unit": "h"},
    "the length of the session": {"column": "payload.simple_measurements.total_time", "unit": "s"},
    "filtered": {"count": "usage_hours", "filters": {"payload.info.reason": "daily"}},
}
MEASURES = {
    "percentiles": {"percentiles": [0, 0.25, 0.5, 0.9, 1]},
    "distribution": {"measure": "distribution"},
    "summary": {"measure": "summary"},
}


def agree(spec, engine, pings=PINGS):
    spec = EVERYTHING | spec
    expected = answer(spec, pings)
    difference = same_rows(rows_of(spec, pings, engine), expected)
    assert difference is None, difference
    return expected


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("amount", AMOUNTS)
def test_events(amount, engine):
    assert agree({"events": AMOUNTS[amount], "measure": "summary", "dimensions": ["os"]}, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("exposure", EXPOSURES)
@pytest.mark.parametrize("amount", ["sum", "usage hours"])
def test_events_by_exposure(amount, exposure, engine):
    spec = {"events": AMOUNTS[amount], "exposure": EXPOSURES[exposure]}
    spec |= {"percentiles": [0.1, 0.5, 0.9]} if amount == "sum" else {"measure": "summary"}
    assert agree(spec | {"dimensions": ["os"]}, engine)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("events", ["bucket", "usage hours", "pings"])
@pytest.mark.parametrize("exposure", [None, "usage_hours", "pings"])
def test_measures(measure, events, exposure):
    """On DuckDB; Google's evaluator has a part of each of these below, and `make truth`."""
    spec = {"events": AMOUNTS[events], **MEASURES[measure], "dimensions": ["channel"]}
    spec |= {"exposure": exposure, "per": 0.1} if exposure else {}
    assert agree(spec, "duckdb")


DIMENSIONS = {
    "of keys": (CRASHES, "usage_hours", ["key"]),
    "of keys and more": (CRASHES, "client_days", ["os", "key", {"name": "version", "of": "app_version"}]),
    "of processes": (PAUSES | {"process": ["parent", "content"]}, "pings", ["process", "os"]),
    "of both": (CRASHES | {"process": "combined"}, "usage_hours", ["process", "key"]),
    "of keys of a scalar": ({"scalar": f"{KEYED}.searches"}, SECONDS, ["key"]),
    "of keys that the exposure has": (CRASHES, {"scalar": f"{KEYED}.searches", "key": "*"}, ["key", "os"]),
    "of keys that a scalar can't have": (CRASHES, {"scalar": "seconds"}, ["key"]),
    "of the exposure's processes": (
        PAUSES | {"process": "combined"},
        PAUSES | {"process": "children"},
        ["process"],
    ),
    "of the histogram's name": (PAUSES, PAUSES | {"process": "content"}, ["histogram"]),
    "of time": (PAUSES, "usage_hours", ["time", "os"]),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", DIMENSIONS)
@pytest.mark.parametrize("cube", [False, True])
def test_dimensions(case, cube, engine):
    events, exposure, dimensions = DIMENSIONS[case]
    spec = {"events": events, "exposure": exposure, "measure": "summary", "dimensions": dimensions}
    if "time" in dimensions:
        spec |= {"interval": "week"}
        if cube:
            pytest.skip("a cube takes no times")
    assert agree(spec | ({"cube": True} if cube else {}), engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "more",
    [
        {"n_undecodable": True},
        {"n_undecodable": True, "cube": True},
        {"min_clients": 6},
        {"min_clients": 6, "low_data": "drop"},
        {"filters": {"sample_id": 7}, "scale": True},
        {"filters": {"os": ["Mac", "Windows"]}},
    ],
    ids=str,
)
@pytest.mark.parametrize("exposure", [{}, {"exposure": "usage_hours"}], ids=["alone", "by exposure"])
def test_options(more, exposure, engine):
    spec = {"events": CRASHES, "measure": "summary", "dimensions": ["os", "key"]}
    assert agree(spec | more | exposure, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_group_without_recordings_has_none_that_is_undecodable(engine):
    """Its exposure makes the row."""
    one = {"client_id": "a", "submission_timestamp": "2018-01-20T00:00:00Z", "normalized_os": "Mac"}
    one |= {"payload": {"info": {"subsession_length": 3600}}}
    spec = {"events": PAUSES, "exposure": "usage_hours", "measure": "summary", "n_undecodable": True}
    (row,) = agree(spec | {"dimensions": ["os"]}, engine, [one])
    assert (row["count"], row["mean"], row["n_undecodable"]) == (1, 0, 0)
    agree(spec, engine, [one])


def sent(client, seconds, values=None, at="2018-01-20T01:00:00Z", **more):
    payload = {"info": {"subsession_length": seconds}}
    if values is not None:
        payload["histograms"] = {"pauses": values}
    return {"client_id": client, "submission_timestamp": at, "payload": payload, **more}


@pytest.mark.parametrize("engine", ENGINES)
def test_worked_out_by_hand(engine):
    """Client a: 3 + 1 samples in 2 + 24 hours; b none in 1 hour; c has no hours; d was only used."""
    pings = [
        sent("a", 7200, '{"values":{"0":1,"5":2}}'),
        sent("a", 10**9, '{"values":{"9":1}}'),
        sent("b", 3600, "{}"),
        sent("c", -7, '{"values":{"1":1}}'),
        sent("c", None),
        sent("d", 1800),
        sent(None, 3600, '{"values":{"1":50}}'),
    ]
    spec = EVERYTHING | {"events": "PAUSES", "exposure": "usage_hours", "per": 10, "measure": "summary"}
    (row,) = rows_of(spec, pings, engine)
    assert row["count"] == row["n_clients"] == 3
    assert row["sum"] == pytest.approx(40 / 26)
    assert row["share_of_clients"] == pytest.approx(1 / 4)
    assert row["n_all_clients"] == 4
    medians = rows_of(spec | {"measure": "percentiles", "percentiles": [0.5, 1]}, pings, engine)
    assert [row["value"] for row in medians] == [0.0, pytest.approx(40 / 26)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", ["foo", '{"values":{"5":1}', None])
def test_what_cannot_be_decoded_is_no_number(text, engine):
    """A client that sent nothing else has none, as with `scalar`; one without samples has 0."""
    pings = [sent("a", 0, text), sent("b", 0, "{}"), sent("c", 0, '{"values":{"5":3}}')]
    for amount in (PAUSES, PAUSES | {"bucket": 5}, PAUSES | {"take": "sum"}):
        spec = EVERYTHING | {"events": amount, "measure": "summary"}
        (row,) = rows_of(spec, pings, engine)
        assert row["n_clients"] == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_events_of_a_scalar_are_its_numbers(engine):
    """`events: {scalar: …}` is what `scalar` is."""
    for measure in ({"measure": "summary"}, {"percentiles": [0.1, 0.5, 0.99]}, {"measure": "distribution"}):
        shared = EVERYTHING | measure | {"dimensions": ["os"]}
        by_scalar = rows_of(shared | OPENED, PINGS, engine)
        assert rows_of(shared | {"events": OPENED}, PINGS, engine) == by_scalar


@pytest.mark.parametrize("engine", ENGINES)
def test_equal_numbers_are_one_bucket(engine):
    """Hours by pings: 49 clients whose n hours are of n pings have the same number, 1."""
    pings = [sent(f"client {n}", 3600) for n in range(1, 50) for _ in range(n)]
    spec = EVERYTHING | {"events": "usage_hours", "exposure": "pings"}
    (row,) = rows_of(spec, pings, engine)
    assert (row["bucket"], row["count"]) == (1.0, 49)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("exposure", [False, True])
def test_strict_ends_at_what_is_damaged(exposure, engine):
    spec = EVERYTHING | {"measure": "summary", "strict": True}
    spec |= {"events": "pings", "exposure": PAUSES} if exposure else {"events": PAUSES}
    sound = [sent("a", 1, "3"), sent("b", 1, "{}"), sent(None, 1, "foo")]
    assert not damaged_pings(spec, sound)
    assert rows_of(spec, sound, engine)
    with pytest.raises(QuerygenError, match="the ping broken holds data"):
        rows_of(spec, [*sound, sent("c", 1, "foo", document_id="broken")], engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_compared(engine):
    """The medians and means of two branches, of clients' events per hour."""
    pings = [sent(f"a{n}", 3600 * n, str(12), normalized_os="A") for n in range(1, 6)]
    pings += [sent(f"b{n}", 1800 * n, str(3 * n), normalized_os="B") for n in range(1, 4)]
    branch = {"name": "branch", "of": "os"}
    spec = {"measure": "compare", "dimensions": [branch], "control": "A", "branches": ["B"]}
    spec |= {"events": PAUSES, "exposure": "usage_hours", "per": 2, "permutations": 20, "cells": 20}
    spec |= {"statistics": ["median", "mean"], "confidence": 0.5}
    rows = rows_of(EVERYTHING | spec, pings, engine)
    control = [Fraction(24, n) for n in range(1, 6)]
    found = {row["statistic"]: (row["control_value"], row["value"], row["difference"]) for row in rows}
    assert found == {
        "median": (8.0, 12.0, 4.0),
        "mean": tuple(pytest.approx(float(v)) for v in (sum(control) / 5, 12, 12 - sum(control) / 5)),
    }
    # All of the treatment have 12. By Student's t of 4 degrees of freedom, the limits of the control's median
    # are 6 and 12: 2 of its 5 clients are at 6 or below, 0.4 and 0.18 more; 4 at 12 or below, 0.8 less 0.15.
    t = 0.7406971
    away = t * statistics.stdev(map(float, control)) / math.sqrt(5)
    limits = {row["statistic"]: (row["lower"], row["upper"]) for row in rows}
    assert limits["median"] == pytest.approx((4 - (12 - 8), 4 + (8 - 6)))
    difference = float(12 - sum(control) / 5)
    assert limits["mean"] == pytest.approx((difference - away, difference + away), abs=1e-4 * away)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"events": {"histogram": "X", "scalar": "y"}}, ("events",)),
        ({"events": {"scalar": "x", "take": "sum"}}, ("events", "take")),
        ({"events": {"count": "pings", "unit": "s"}}, ("events", "unit")),
        ({"events": "X", "per": 3}, ("per",)),
        ({"events": "X", "histogram": "Y"}, ("events",)),
        ({"events": "X", "key": "*"}, ("key",)),
        ({"events": "pings", "strict": True}, ("strict",)),
        ({"events": {"column": "payload.info.reason"}}, ("events", "column")),
        ({"events": {"histogram": "X", "filters": {"oss": "Mac"}}}, ("events", "filters", "oss")),
    ],
    ids=str,
)
def test_findings(spec, path):
    with pytest.raises(QuerygenError) as caught:
        query(EVERYTHING | spec).sql()
    assert caught.value.diagnostics[0].loc == path


@pytest.mark.parametrize(("written", "meant"), [("usage_hour", "usage_hours"), ("ping", "pings")])
def test_a_misspelt_word_is_no_histogram(written, meant):
    spec = {"filters": {"submission_date": "2020-04-20"}, "measure": "rate", "events": "GC_MS"}
    with pytest.raises(QuerygenError) as refused:
        query(spec | {"exposure": written})
    (finding,) = refused.value.diagnostics
    assert (finding.code, finding.loc) == ("not-one-amount", ("exposure",))
    assert f"`{meant}`" in finding.help
    query(spec | {"exposure": "gc_slice_ms"})
