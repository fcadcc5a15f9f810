"""What must hold whatever the answer is, of specs of all kinds. Many: `--hypothesis-profile many`."""

import tempfile
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from harness import answer_of, query
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Question, measure_of, same_rows
from oracle.columns import table_name
from oracle.questions import fields_of
from oracle.recordings import is_several
from pings import PROBES, pairs, write_ndjson

from querygen.catalog import catalog
from querygen.running import run

MANY = settings().max_examples > 100  # the profile `many`
some = settings(max_examples=300 if MANY else 5)
OF_RECORDING = {"histogram", "process", "key"}
PERCENTILES = [0, 0.001, 0.05, 0.1, 0.25, 1 / 3, 0.5, 0.75, 0.9, 0.95, 0.999, 1]


def pairs_of(*measures, holds=lambda spec: True):
    """Pairs whose specs have one of these measures, and are about nothing but sound data of probes."""
    others = {"strict", "n_undecodable", "events"}
    return pairs(
        lambda pair: measure_of(pair.spec) in measures and not others & {*pair.spec} and holds(pair.spec)
    )


def answered():
    """Pairs that have an answer: `strict` ends with whichever damaged ping comes first."""
    return pairs(lambda pair: "strict" not in pair.spec)


def is_histogram(spec):
    """Whether it is asked for histograms, of which a client can have many."""
    return "scalar" not in spec


def rows(pair, spec=None, pings=None):
    """The rows of a pair on DuckDB, with another spec or other pings if given."""
    asked = pair.spec if spec is None else spec
    return answer_of(asked, pair.pings if pings is None else pings, defined=pair.defined).rows()


def changed(spec, *without, **keys):
    """The spec without some keys, and with others."""
    return {key: value for key, value in spec.items() if key not in without} | keys


def by_group(pair, found):
    """The rows of each group: of equal dimensions."""
    names = [d.name for d in Question.of(pair.spec, PROBES if pair.defined else {}).dimensions]
    groups = defaultdict(list)
    for row in found:
        groups[tuple(row[name] for name in names)].append(row)
    return groups.values()


def assert_same(found, expected):
    difference = same_rows(found, expected)
    assert difference is None, difference


# --- Votes and shares ----------------------------------------------------------------------------


@pytest.mark.parametrize("normalization", ["none", "client", "client_day"])
@some
@given(pair=pairs_of("distribution", "percentiles", holds=is_histogram))
def test_votes_sum_to_one(normalization, pair):
    """A client's votes are one in each group, a day's are; samples count themselves."""
    spec = changed(pair.spec, "percentiles", "percentile_method", "scale", "normalization", "measure")
    for group in by_group(pair, rows(pair, spec | {"normalization": normalization})):
        votes = sum(row["count"] for row in group)
        if normalization == "none":
            assert votes == group[0]["n_samples"]
        elif normalization == "client":
            assert votes == pytest.approx(group[0]["n_clients"], rel=1e-9)
        else:
            assert votes == pytest.approx(round(votes), rel=1e-9)
            assert round(votes) >= group[0]["n_clients"]


@some
@given(pairs_of("distribution"))
def test_shares_sum_to_one(pair):
    for group in by_group(pair, rows(pair)):
        assert sum(row["share"] for row in group) == pytest.approx(1, rel=1e-9)
        assert all(row["share"] >= 0 for row in group)


@some
@given(pairs_of("percentiles"))
def test_percentiles_do_not_fall(pair):
    for group in by_group(pair, rows(pair, changed(pair.spec, percentiles=PERCENTILES))):
        assert [row["percentile"] for row in group] == sorted(PERCENTILES)
        values = [row["value"] for row in group]
        # Interpolated ones meet where a bucket ends, up to the last digit of a FLOAT64.
        assert all(low <= high or low == pytest.approx(high) for low, high in pairwise(values))
        ends = [row["at_least"] for row in group if "at_least" in row]
        assert ends == sorted(ends)


@some
@given(
    pairs_of("percentiles", "distribution", "summary", holds=is_histogram),
    st.sampled_from(["client", "client_day"]),
)
def test_who_sends_everything_twice_has_no_more_votes(pair, normalization):
    spec = changed(pair.spec, normalization=normalization)
    once = [changed(row, "n_samples") for row in rows(pair, spec)]
    twice = [changed(row, "n_samples") for row in rows(pair, spec, pair.pings * 2)]
    assert_same(twice, once)


# --- What changes nothing ------------------------------------------------------------------------


@some
@given(answered(), st.randoms(use_true_random=True))
def test_the_order_of_rows(pair, rng):
    assert_same(rows(pair, pings=rng.sample(pair.pings, len(pair.pings))), rows(pair))


def emptied(value):
    """What is recorded, without a sample: strings, distributions and numbers."""
    if isinstance(value, dict):
        if set(value) <= {"count", "sum", "values"} and "values" in value:
            return {"sum": 7, "values": [{"key": "7", "value": 0}, {"key": "9", "value": -3}]}
        return {name: inner if name == "key" else emptied(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [emptied(inner) for inner in value]
    return '{"sum":7,"values":{"7":0,"9":-3}}' if isinstance(value, str) else None


@some
@given(pairs_of("percentiles", "distribution", "summary", holds=is_histogram))
def test_histograms_without_samples(pair):
    recorded = "metrics" if table_name(pair.spec) == "firefox_desktop.metrics" else "payload"
    empty = [ping | {recorded: emptied(ping.get(recorded))} for ping in pair.pings[:10]]
    for ping in empty[::2]:
        if recorded == "payload":
            ping["client_id"] = "another"
        else:
            ping["client_info"] = (ping.get("client_info") or {}) | {"client_id": "another"}
    assert_same(rows(pair, pings=empty + pair.pings), rows(pair))


CONSTANT = {"name": "constant", "of": "os", "cases": {"never": "no such system"}, "else": "always"}


@some
@given(pairs_of("percentiles", "distribution", "summary", "counts"), st.integers(0, 3))
def test_a_split_by_a_constant(pair, place):
    spec = changed(pair.spec, "cube")
    dimensions = list(spec.get("dimensions") or ())
    dimensions.insert(place, CONSTANT)
    split = rows(pair, spec | {"dimensions": dimensions})
    assert all(row["constant"] == "always" for row in split)
    assert_same([changed(row, "constant") for row in split], rows(pair, spec))


def is_cube(spec):
    """Whether it is a cube of what pings are counted by."""
    if not spec.get("cube") or {"low_data", "scale"} & {*spec}:
        return False
    names = {str(dimension).lower() for dimension in spec["dimensions"]}
    return measure_of(spec) != "counts" or not OF_RECORDING & names


@some
@given(pairs_of("percentiles", "distribution", "summary", "counts", holds=is_cube))
def test_the_totals_of_a_cube(pair):
    """They are the rows of the query without dimensions."""
    defined = {d["name"].lower() for d in pair.spec["dimensions"] if isinstance(d, dict)}
    filters = {
        name: kept for name, kept in pair.spec.get("filters", {}).items() if name.lower() not in defined
    }
    spec = changed(pair.spec, filters=filters, allow_full_scan=True)
    alone = changed(spec, "dimensions", "cube")
    if "key" in spec.get("dimensions"):
        key = spec.get("key", "*")
        alone["key"] = "*" if isinstance(key, dict) else key
    names = {d.name for d in Question.of(spec, PROBES if pair.defined else {}).dimensions}
    kept = {"histogram"} if is_several(spec) else set()
    totals = [
        row for row in rows(pair, spec) if all((row[name] == "*") == (name not in kept) for name in names)
    ]
    assert_same([changed(row, *(names - kept)) for row in totals], rows(pair, alone))


@some
@given(answered(), st.integers(1, 4))
def test_pings_in_several_files(pair, n_files):
    asked = query(pair.spec, pair.defined).checked()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(n_files):
            write_ndjson(pair.pings[number::n_files], Path(folder) / f"part-{number}.ndjson")
        location = f"{asked.sql.plan.table}={folder}"
        found = run(asked, catalog(), [location]).rows()
    assert_same(found, rows(pair))


@some
@given(pairs_of("pings"), st.integers(1, 9))
def test_a_limit_shows_the_first(pair, limit):
    shown = rows(pair, changed(pair.spec, limit=limit))
    assert_same(shown, rows(pair, changed(pair.spec, "limit"))[:limit])
    assert len(shown) <= limit
    assert all(len(row) == len(fields_of(pair.spec)) for row in shown)


@some
@given(pairs_of("percentiles", "distribution", "summary", "counts"))
def test_dropped_rows_are_the_marked_ones(pair):
    spec = changed(pair.spec, "low_data", min_clients=2)
    marked = rows(pair, spec)
    few = sum(row["low_data"] for row in marked)
    kept = [changed(row, "low_data", n_dropped=few) for row in marked if not row["low_data"]]
    assert_same(rows(pair, spec | {"low_data": "drop"}), kept)
