"""Versions compare as versions, on both engines and in bounds, and not as text."""

import pytest
from harness import NEEDS_GOOGLESQL, query, rows_of
from hypothesis import given
from hypothesis import strategies as st

from querygen import QuerygenError
from querygen.filters import version_key

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
IN_ORDER = [
    "9.0",
    "50.1.0",
    "51.0a1",
    "51.0b3",
    "51.0b14",
    "51.0",
    "51.0.1",
    "52.0b1",
    "52.0",
    "58.0.2",
    "58.0.10",
]
IN_ORDER += ["99.0", "100.0", "102.0esr", "102.15.1esr"]


def passing(condition, engine="duckdb", path="app_version"):
    pings = [
        {
            "submission_timestamp": "2020-04-20T01:00:00Z",
            "client_id": version,
            "application": {"display_version": version, "version": version},
        }
        for version in [*IN_ORDER, None, "unknown", ""]
    ]
    spec = {
        "measure": "pings",
        "fields": ["client_id"],
        "filters": {path: condition},
        "allow_full_scan": True,
    }
    found = {row["client_id"] for row in rows_of(spec, pings, engine)}
    return [version for version in [*IN_ORDER, None, "unknown", ""] if version in found]


def between(low, high):
    """The versions from one to another, both included."""
    return IN_ORDER[IN_ORDER.index(low) : IN_ORDER.index(high) + 1]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"gte": "51", "lt": "52"}, between("51.0a1", "51.0.1")),  # the TLS 1.3 notebook's versions
        ({"from": "51", "to": "52"}, between("51.0a1", "52.0")),
        ({"gt": "51"}, between("52.0b1", "102.15.1esr")),
        ({"gt": "51.0b3", "lte": "51.0"}, between("51.0b14", "51.0.1")),
        ({"lt": "51.0"}, between("9.0", "50.1.0")),
        ({"gte": "58.0.3"}, between("58.0.10", "102.15.1esr")),
        ({"from": "99.0", "to": "100.0"}, between("99.0", "100.0")),
        ({"gte": "102.15.1esr"}, ["102.15.1esr"]),
        ({"to": "9"}, ["9.0"]),
    ],
    ids=str,
)
def test_a_range_of_versions(condition, expected, engine):
    assert passing(condition, engine) == expected
    assert passing(condition, engine, "application.version") == expected


def test_one_version_is_that_text():
    assert passing("51.0") == ["51.0"]
    assert passing(["51.0", "unknown"]) == ["51.0", "unknown"]


@pytest.mark.parametrize(
    ("condition", "code", "said"),
    [
        ({"gte": "beta"}, "bad-version", "`beta` is no version of Firefox"),
        ({"gte": "51.", "lt": "52."}, "bad-version", "`51.` is no version"),
        ({"gte": "100", "lt": "99"}, "reversed-range", "100 is after 99"),
        ({"gte": 51}, "wrong-type", "this column holds text"),
    ],
)
def test_findings(condition, code, said):
    with pytest.raises(QuerygenError) as raised:
        query({"measure": "counts", "filters": {"app_version": condition}, "allow_full_scan": True}).sql()
    assert raised.value.diagnostics[0].code == code
    assert said in raised.value.diagnostics[0].message


NUMBERS = st.lists(st.integers(0, 99999), min_size=4, max_size=4)


@given(NUMBERS, NUMBERS, st.sampled_from("ab "), st.sampled_from("ab "))
def test_keys_sort_as_numbers_do(first, second, one, other):
    """`~` is after letters, as a release is after its betas."""

    def written(numbers, stage):
        return ".".join(map(str, numbers)) + (f"{stage}{numbers[0]}" if stage != " " else "")

    def key(numbers, stage):
        made = version_key(written(numbers, stage))
        return made if stage != " " else f"{made}r00000"

    tuples = [(*n, s.replace(" ", "~"), n[0] if s != " " else 0) for n, s in ((first, one), (second, other))]
    assert (tuples[0] < tuples[1]) == (key(first, one) < key(second, other))
