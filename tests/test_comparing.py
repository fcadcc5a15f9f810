"""How an engine's rows are compared with the oracle's."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from oracle import same_rows


def test_same_rows_accepts_equal_rows():
    exact = [{"day": date(2020, 4, 20), "count": Fraction(3, 2), "share": Fraction(1, 3), "n_clients": 3}]
    actual = [row | {"count": 1.5, "share": 1 / 3 + 1e-13} for row in exact]
    assert same_rows(actual, exact) is None
    assert same_rows([], []) is None


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (1.0, 1),
        (True, 1),
        (1, True),
        (1, Fraction(1)),
        (0.5 + 1e-8, Fraction(1, 2)),
        (float("nan"), Fraction(0)),
        (None, 0),
        (0, None),
        ("", None),
        (datetime(2020, 4, 20), date(2020, 4, 20)),
        (datetime(2020, 4, 20), datetime(2020, 4, 20, tzinfo=UTC)),
        ("2020-04-20", date(2020, 4, 20)),
        ("caf\u00e9", "cafe\u0301"),
    ],
)
def test_same_rows_tells_values_and_types_apart(actual, expected):
    difference = same_rows([{"os": "Mac", "value": actual}], [{"os": "Mac", "value": expected}])
    assert difference.startswith("row 1 (os='Mac'), column value: ")


@pytest.mark.parametrize(
    ("column", "unit", "is_same"),
    [
        ("value", 1, False),
        ("value", Fraction(1, 1000), False),
        ("value", 10**6, True),
        ("share", 10**6, False),
    ],
)
def test_a_value_that_cancels_is_as_near_as_it_was_recorded(column, unit, is_same):
    """1e-14 ms are 1e-8 ns; so much is left of -5 + 5 where a third is no float."""
    difference = same_rows([{column: 1e-8}], [{column: Fraction(0)}], unit=Fraction(unit))
    assert (difference is None) == is_same
    assert same_rows([{column: 1e-13}], [{column: Fraction(0)}], unit=Fraction(unit)) is None


def test_same_rows_names_what_differs():
    one, two = ({"os": "Mac", "percentile": 0.5, "value": value} for value in (1, 2))
    assert (
        same_rows([one], [two])
        == "row 1 (os='Mac', percentile=0.5), column value: 1 (int) instead of 2 (int)"
    )
    assert same_rows([], [one]) == "missing row 1 (os='Mac', percentile=0.5) (0 rows instead of 1)"
    assert same_rows([one], []) == "unexpected row 1 (os='Mac', percentile=0.5) (1 rows instead of 0)"
    assert same_rows([{"a": 1}], [{"b": 1}]) == "row 1: columns ['a'] instead of ['b']"
