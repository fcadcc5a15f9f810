"""`n_undecodable` and `strict`: what cannot be decoded is counted, or ends the query with the ping's id."""

import json
from collections import Counter

import pytest
from harness import NEEDS_GOOGLESQL, query, rows_of

from querygen import QuerygenError

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
SOUND = ['{"values":{"1":2,"4":0}}', "3;2;5;1,2;1:5", "4,1", "7", "{}", '{"values":{"1":1099511627776}}']
DAMAGED = ['{"values":{"1":2', "", "NaN", '{"values":{"1":-2,"3":1}}', '{"values":{"1":1099511627777}}', "-7"]
GLEAN = "firefox_desktop.metrics"
EVERYTHING = {"allow_full_scan": True}


def plain_ping(i, text, os="Linux"):
    return {
        "document_id": f"ping-{i}",
        "client_id": f"client-{i}",
        "submission_timestamp": "2020-04-20T01:00:00Z",
        "normalized_os": os,
        "payload": {"histograms": {"gc_ms": text}},
    }


def keyed_ping(i, entries):
    made = plain_ping(i, None)
    return made | {"payload": {"keyed_histograms": {"by_key": [{"key": k, "value": v} for k, v in entries]}}}


def glean_ping(i, values):
    return {
        "document_id": f"ping-{i}",
        "client_info": {"client_id": f"client-{i}"},
        "submission_timestamp": "2020-04-20T01:00:00Z",
        "metrics": {"custom_distribution": {"size": {"sum": 1, "values": values}}},
    }


def scalar_ping(i, number):
    return plain_ping(i, None) | {"payload": {"processes": {"parent": {"scalars": {"opened": number}}}}}


PLAIN = [plain_ping(i, text, "Mac" if i % 3 else None) for i, text in enumerate([None, *SOUND, *DAMAGED])]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("udfs", ["inline", "temp", "mozfun"])
@pytest.mark.parametrize(
    "spec",
    [
        {"measure": "counts"},
        {"percentiles": [0.5]},
        {"normalization": "client"},
        {"measure": "summary"},
        {"measure": "summary", "normalization": "client_day"},
    ],
    ids=["counts", "percentiles", "distribution", "summary", "summary of days"],
)
def test_damaged_strings_are_counted_by_group(spec, udfs, engine):
    expected = Counter(p["normalized_os"] for p in PLAIN if p["payload"]["histograms"]["gc_ms"] in DAMAGED)
    spec = {"histogram": "GC_MS", "dimensions": ["os"], "n_undecodable": True, **spec, **EVERYTHING}
    rows = rows_of(spec, PLAIN, engine, udfs)
    assert len(rows) > 1
    assert {row["os"]: row["n_undecodable"] for row in rows} == expected
    without = rows_of({**spec, "n_undecodable": False}, PLAIN, engine, udfs)
    assert [{k: v for k, v in row.items() if k != "n_undecodable"} for row in rows] == without


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cube_counts_all_of_them_in_its_whole_row(engine):
    spec = {"histogram": "GC_MS", "dimensions": ["os"], "cube": True, "n_undecodable": True, **EVERYTHING}
    found = {row["os"]: row["n_undecodable"] for row in rows_of(spec, PLAIN, engine)}
    assert found["*"] == len(DAMAGED) == found["Mac"] + found[None]


@pytest.mark.parametrize("engine", ENGINES)
def test_each_key_has_its_own(engine):
    pings = [
        keyed_ping(1, [("a", SOUND[0]), ("b", DAMAGED[0]), ("c", SOUND[1])]),
        keyed_ping(2, [("a", DAMAGED[3]), ("b", SOUND[0]), ("c", DAMAGED[1]), ("d", None)]),
        keyed_ping(3, [("b", DAMAGED[1]), ("d", SOUND[2])]),
    ]
    spec = {"histogram": "BY_KEY", "dimensions": ["key"], "n_undecodable": True, "measure": "summary"}
    rows = rows_of({**spec, **EVERYTHING}, pings, engine)
    assert {row["key"]: row["n_undecodable"] for row in rows} == {"a": 1, "b": 2, "c": 1, "d": 0}
    # c has 5 samples, d 5, a and b 2 each: the two top ones are c and d, all others are together.
    rows = rows_of({**spec, "key": {"top": 2}, **EVERYTHING}, pings, engine)
    assert [(row["key"], row["n_undecodable"]) for row in rows] == [("c", 1), ("d", 0), ("(other)", 3)]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_key_without_samples_is_no_top_one(engine):
    """However few keys have samples: its damaged recordings are among those of the others, as NULL's are."""
    pings = [keyed_ping(1, [("a", SOUND[0]), (None, SOUND[1]), ("b", "{}"), ("b", DAMAGED[0])])]
    pings += [keyed_ping(2, [("c", DAMAGED[1]), (None, DAMAGED[2])])]
    spec = {"histogram": "BY_KEY", "dimensions": ["key"], "n_undecodable": True, "measure": "summary"}
    rows = rows_of({**spec, "key": {"top": 9}, **EVERYTHING}, pings, engine)
    found = [(row["key"], row["count"], row["n_undecodable"]) for row in rows]
    assert found == [("a", 2, 0), ("(other)", 5, 3)]


@pytest.mark.parametrize("engine", ENGINES)
def test_damaged_distributions_of_glean(engine):
    damaged = [[("1", -1)], [("x", 3)], [("1", 2**40 + 1), ("2", 5)], [("1", None)]]
    sound = [[("1", 4), ("2", 0)], [("x", 0), ("9", 1)]]
    pings = [
        glean_ping(i, [{"key": k, "value": v} for k, v in values])
        for i, values in enumerate([*damaged, *sound])
    ]
    path = "metrics.custom_distribution.size"
    spec = {"histogram": path, "source": GLEAN, "n_undecodable": True, **EVERYTHING}
    rows = rows_of(spec, pings, engine)
    assert [(row["bucket"], row["count"], row["n_undecodable"]) for row in rows] == [
        (1, 4, 4),
        (2, 5, 4),
        (9, 1, 4),
    ]
    assert fails_with({**spec, "n_undecodable": False}, pings, engine) in {f"ping-{i}" for i in range(4)}
    assert rows_of({**spec, "n_undecodable": False, "strict": True}, pings[4:], engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_impossible_scalars(engine):
    pings = [scalar_ping(i, number) for i, number in enumerate([0, 5, -1, 2**40, 2**40 + 1, None])]
    spec = {"scalar": "payload.processes.parent.scalars.opened", "measure": "summary", **EVERYTHING}
    (row,) = rows_of({**spec, "n_undecodable": True}, pings, engine)
    assert (row["n_clients"], row["n_undecodable"], row["n_all_clients"]) == (3, 2, 6)
    assert fails_with(spec, pings, engine) in {"ping-2", "ping-4"}


@pytest.mark.parametrize("engine", ENGINES)
def test_keys_without_a_number_are_not_impossible(engine):
    """All values of a group are NULL, of which DuckDB's count_if alone would make NULL."""
    entries = [{"key": "a", "value": None}, {"key": "b", "value": -1}]
    ping = plain_ping(1, None)
    ping["payload"] = {"processes": {"parent": {"keyed_scalars": {"x": entries}}}}
    spec = {
        "scalar": "payload.processes.parent.keyed_scalars.x",
        "dimensions": ["key"],
        "n_undecodable": True,
    }
    found = rows_of({**spec, "measure": "counts", **EVERYTHING}, [ping], engine)
    assert [(row["key"], row["n_undecodable"]) for row in found] == [("a", 0), ("b", 1)]


def fails_with(spec, pings, engine):
    """The id that `strict` fails with."""
    with pytest.raises(QuerygenError) as raised:
        rows_of({**spec, "strict": True}, pings, engine)
    (finding,) = raised.value.diagnostics
    assert (finding.code, raised.value.exit_code) == ("undecodable", 1)
    return finding.message.split()[2]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("damaged", DAMAGED, ids=json.dumps)
def test_strict_fails_with_the_pings_id(damaged, engine):
    pings = [plain_ping(i, text) for i, text in enumerate([*SOUND, damaged, None])]
    for more in ({"percentiles": [0.5]}, {"measure": "summary"}, {"normalization": "client_day"}):
        spec = {"histogram": "GC_MS", **more, **EVERYTHING}
        assert fails_with(spec, pings, engine) == f"ping-{len(SOUND)}"


@pytest.mark.parametrize("engine", ENGINES)
def test_strict_changes_nothing_about_sound_data(engine):
    pings = [plain_ping(i, text) for i, text in enumerate([*SOUND, None])]
    spec = {"histogram": "GC_MS", **EVERYTHING}
    assert rows_of({**spec, "strict": True}, pings, engine) == rows_of(spec, pings, engine) != []


@pytest.mark.parametrize("engine", ENGINES)
def test_strict_does_not_look_at_what_the_filters_keep_out(engine):
    pings = [plain_ping(i, text, "Mac") for i, text in enumerate(SOUND)]
    pings += [plain_ping(i, text, "Linux") for i, text in enumerate(DAMAGED)]
    spec = {"histogram": "GC_MS", "filters": {"os": "Mac"}, "strict": True, **EVERYTHING}
    assert rows_of(spec, pings, engine)
    keyed = [keyed_ping(1, [("a", SOUND[0]), ("b", DAMAGED[0])])]
    spec = {"histogram": "BY_KEY", "key": "a", "strict": True, **EVERYTHING}
    assert rows_of(spec, keyed, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("document_id", [None, "", " "])
def test_strict_says_so_of_a_ping_without_an_id(document_id, engine):
    with pytest.raises(QuerygenError, match=r"the ping \(without an id\) holds data"):
        ping = plain_ping(1, "") | {"document_id": document_id}
        rows_of({"histogram": "GC_MS", "strict": True, **EVERYTHING}, [ping], engine)


@pytest.mark.parametrize(
    "spec",
    [
        {"measure": "counts", "n_undecodable": True},
        {"histogram": "GC_MS", "measure": "counts", "strict": True},
        {"histogram": "GC_MS", "measure": "pings", "strict": True},
        {"histogram": "GC_MS", "measure": "pings", "n_undecodable": True},
        {"histogram": "GC_MS", "strict": True, "n_undecodable": True},
    ],
)
def test_where_they_mean_nothing(spec):
    with pytest.raises(QuerygenError) as raised:
        query({**spec, **EVERYTHING}).sql()
    assert [finding.code for finding in raised.value.diagnostics] == ["unused-key"]
