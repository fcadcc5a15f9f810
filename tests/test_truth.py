"""Every column of every row is what the definitions say: DuckDB = GoogleSQL = oracle.

Some pairs of a random spec and pings that fit it, always the same, and some new ones. `make truth` judges
thousands.
"""

from functools import cache
from itertools import count

import pytest
from harness import HISTOGRAM, NEEDS_GOOGLESQL, query, rows_of
from hypothesis import given, settings
from oracle import answer, same_rows
from pings import numbered, pairs, random_pings
from truth_check import judged
from truth_options import options_of

from querygen.errors import QuerygenError

SEED = 2020
ALL_DAYS = {"allow_full_scan": True}
MANY = settings().max_examples > 100  # the profile `many`


@pytest.mark.parametrize("number", range(140))
def test_duckdb_equals_the_oracle(number):
    failure, _ = judged(numbered(SEED, number), ["duckdb"])
    assert failure is None, failure


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("number", range(140, 200))
def test_both_engines_equal_the_oracle(number):
    failure, _ = judged(numbered(SEED, number))
    assert failure is None, failure


RARE = (
    ("source", "with its project"),
    ("key", "top, of overlapping processes"),
    ("key", "top, and Key"),
    ("measure", "pings of several"),
    ("measure", "summary of scalars, cubed"),
    ("fields", "default of metrics"),
    ("scale", "by the renamed sample"),
    ("scale", "with parts of it"),
    ("n_undecodable", "of counts"),
    ("n_undecodable", "of scalars"),
    ("n_undecodable", "of Glean"),
    ("n_undecodable", "cubed"),
    ("strict", "ends"),
    ("strict", "passes"),
)


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("option", RARE, ids=": ".join)
def test_what_is_rare(option):
    failure, _ = judged(next(pair for pair, options in map(other, count(200)) if option in options))
    assert failure is None, failure


@cache
def other(number):
    """A pair with its options."""
    pair = numbered(SEED, number)
    return pair, options_of(pair)


@settings(max_examples=500 if MANY else 20)
@given(pairs())
def test_any_other_pair(pair):
    failure, _ = judged(pair, ["duckdb"])
    assert failure is None, failure


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"half": "under 50"},
        {"halves": "low"},
        {"sample_id": {"gte": 0}, "half": "under 50"},
        {"again": {"lte": 99}},
        {"sample_id": {"lt": 10}, "again": {"gte": 10}},
    ],
    ids=str,
)
def test_parts_of_the_sample_are_no_sample(filters):
    """Only filters on the ids themselves say what is sampled, and they let in some, but not all."""
    dimensions = [
        {"name": "half", "of": "sample_id", "bands": [50]},
        {"name": "halves", "of": "sample_id", "cases": {"low": {"lt": 50}}},
        {"name": "again", "of": "sample_id"},
    ]
    spec = {"measure": "counts", "dimensions": dimensions, "filters": filters, "scale": True, **ALL_DAYS}
    with pytest.raises(QuerygenError) as raised:
        query(spec).sql()
    assert [finding.code for finding in raised.value.diagnostics] == ["nothing-to-scale"]


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("measure", ["percentiles", "distribution", "summary", "counts"])
def test_a_dimension_of_fractions(measure):
    """BigQuery groups by FLOAT64, but divides no window by it."""
    path = "environment.system.memory_mb"
    spec = {"histogram": HISTOGRAM, "measure": measure, "dimensions": [path], **ALL_DAYS}
    pings = random_pings(100, 8)
    for engine in ("duckdb", "googlesql"):
        given = {**spec, "percentiles": [0.5]} if measure == "percentiles" else spec
        difference = same_rows(rows_of(given, pings, engine), answer(given, pings))
        assert difference is None, difference


def test_every_corner_of_the_strings():
    """400 pings hold every decodable and undecodable form, and exact ties."""
    pings = random_pings(400, 1)
    percentiles = [0.0, 0.001, 0.05, 0.1, 0.25, 1 / 3, 0.5, 2 / 3, 0.75, 0.95, 0.999, 1.0]
    for dimensions in ([], ["build_id"], ["client_id"]):
        for normalization in ("none", "client", "client_day"):
            spec = {"histogram": HISTOGRAM, "normalization": normalization, "percentiles": percentiles}
            spec |= {"dimensions": [{"name": "one", "of": name} for name in dimensions], **ALL_DAYS}
            difference = same_rows(rows_of(spec, pings), answer(spec, pings))
            assert difference is None, difference
