"""How two engines' tables are compared: what is the same, what differs, and how that reads."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from querygen.comparing import Difference, Tolerance, difference

NAMES = ("duckdb", "googlesql")
NAN, INFINITY = float("nan"), float("inf")


def compared(one, other, key=(), **options) -> Difference | None:
    return difference(pa.table(one), pa.table(other), key, NAMES, **options)


SAME = [
    ([1, None, 3], [1, None, 3]),
    ([0.1 + 0.2], [0.3]),
    ([1e300], [1e300 * (1 + 1e-10)]),
    ([0.0], [1e-13]),
    ([-0.0], [0.0]),
    ([NAN, None], [NAN, None]),
    ([INFINITY], [INFINITY]),
    ([Decimal(5)], [5]),
    ([[1, 2, 2]], [[2, 1, 2]]),
    (
        [[{"key": 1, "vote": 0.1 + 0.2}, {"key": 0, "vote": 1.0}]],
        [[{"key": 0, "vote": 1.0}, {"key": 1, "vote": 0.3}]],
    ),
    ([date(2020, 4, 20)], [date(2020, 4, 20)]),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same(one, other):
    assert compared({"x": one}, {"x": other}) is None
    assert compared({"x": other}, {"X": one}) is None


DIFFERENT = [
    ([1], [2]),
    ([1], [None]),
    ([NAN], [None]),
    ([NAN], [0.0]),
    ([INFINITY], [-INFINITY]),
    ([INFINITY], [1e308]),
    ([0.3], [0.3 * (1 + 1e-8)]),
    ([1e-11], [0.0]),
    ([True], [1]),
    ([""], [None]),
    (["é"], ["e\u0301"]),
    ([[1, 2]], [[1, 2, 2]]),
    ([[1, 1, 2]], [[1, 2, 2]]),
    ([[]], [[None]]),
    ([{"a": 1, "b": 2}], [{"a": 2, "b": 1}]),
    ([date(2020, 4, 20)], [datetime(2020, 4, 20)]),
    ([datetime(2020, 4, 20)], [datetime(2020, 4, 20, tzinfo=UTC)]),
    ([1, 1, 2], [1, 2, 2]),
    ([1], [1, 1]),
    ([2**53 + 1], [2**53]),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different(one, other):
    assert compared({"x": one}, {"x": other}) is not None
    assert compared({"x": other}, {"x": one}) is not None


def test_the_tolerance_is_stated():
    one, other = {"x": [1.0]}, {"x": [1.001]}
    assert compared(one, other)
    assert compared(one, other, tolerance=Tolerance(relative=0.01)) is None
    assert str(Tolerance()) == "1e-09 relative, 1e-12 absolute"


def test_rows_are_paired_by_their_key():
    one = {"os": ["Mac", "Windows", None], "value": [1, 2, 3], "n": [5, 5, 5]}
    other = {"os": ["Windows", None, "Mac"], "value": [2, 4, 1], "n": [5, 6, 5]}
    found = compared(one, other, ["os"])
    assert found.key == {"os": None}
    assert (found.column, found.values) == ("value", (3, 4))
    assert str(found) == (
        "1 of 3 rows differs\n  at os=NULL\n    value: duckdb 3, googlesql 4\n    n: duckdb 5, googlesql 6"
    )


def test_keys_that_are_computed_are_paired_within_the_tolerance():
    one, other = {"bucket": [0.1 + 0.2], "n": [1]}, {"bucket": [0.3], "n": [2]}
    found = compared(one, other, ["bucket"])
    assert (found.column, found.values) == ("n", (1, 2))


def test_rows_that_one_side_lacks_are_named():
    one, other = {"os": ["a", "b"], "n": [1, 2]}, {"os": ["b", "c"], "n": [2, 3]}
    assert str(compared(one, other, ["os"])) == (
        "2 of 3 rows differ\n  only duckdb has: os='a', n=1\n  only googlesql has: os='c', n=3"
    )
    more = compared(one, {"os": ["a"], "n": [1]}, ["os"])
    assert more.summary == "1 of 2 rows differs (2 in duckdb, 1 in googlesql)"
    assert (more.key, more.column, more.values) == ({"os": "b"}, None, None)


def test_a_key_that_occurs_twice_on_one_side():
    one, other = {"os": ["a", "a"], "n": [1, 1]}, {"os": ["a"], "n": [1]}
    assert "only duckdb has: os='a', n=1" in str(compared(one, other, ["os"]))


def test_rows_without_a_key_are_paired_with_the_likest():
    one = {"client": ["a", "b"], "day": [1, 1], "n": [1, 2]}
    other = {"client": ["b", "a"], "day": [1, 1], "n": [3, 1]}
    assert str(compared(one, other)) == (
        "1 of 2 rows differs\n  at client='b', day=1\n    n: duckdb 2, googlesql 3"
    )


def test_the_order_of_rows_counts_where_it_is_asked_for():
    one, other = {"x": [1, 2, 3]}, {"x": [1, 3, 2]}
    assert compared(one, other) is None
    assert str(compared(one, other, is_ordered=True)) == (
        "the same rows, in another order from row 2 on\n  duckdb: x=2\n  googlesql: x=3"
    )
    near = {"x": [1, 2, 3 * (1 + 1e-12)]}
    assert compared(one, near, is_ordered=True) is None


def test_columns_are_compared_by_name():
    assert str(compared({"a": [1]}, {"b": [1]})) == "duckdb has the columns a, googlesql b"


def test_many_differences_are_cut():
    found = compared({"x": list(range(100))}, {"x": list(range(50, 150))}, ["x"])
    assert found.summary == "100 of 150 rows differ"
    assert len(found.details) == 4
    assert found.details[-1] == "…"
    wide = compared({"x": ["a" * 500]}, {"x": ["b" * 500]})
    assert all(len(line) < 300 for line in wide.details)


def test_empty_tables():
    nothing = {"x": pa.array([], pa.int64())}
    assert compared(nothing, nothing, ["x"], is_ordered=True) is None
    assert compared(nothing, {"x": [1]}, ["x"]).summary == "1 of 1 rows differs (0 in duckdb, 1 in googlesql)"


def test_thousands_of_nearly_equal_floats_are_quick_and_the_same():
    """Each row's partner is found among those of the same whole numbers, not among all rows."""
    count = 20_000
    one = {"k": list(range(count)), "x": [math.sqrt(n) for n in range(count)]}
    other = {"k": list(range(count)), "x": [math.sqrt(n) * (1 + 1e-12) for n in range(count)]}
    assert compared(one, other) is None
