"""Where an engine's rows differ from the expected ones."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

Row = Mapping[str, Any]
NEAR = Fraction(1, 10**12)
LIMITS_REL = 1e-6  # of a limit, the difference of large squares
RESULT_COLUMNS = frozenset({"value", "count", "share", "sum", "mean", "n_clients", "n_samples", "n_pings"})


def same_rows(
    actual: Sequence[Row], expected: Sequence[Row], rel: float = 1e-9, unit: Fraction = Fraction(1)
) -> str | None:
    """None if an engine's rows are the expected ones, in order; else the first difference, readable.

    Types count: an int is no bool and no float, a DATE no DATETIME, a DATETIME (naive) no TIMESTAMP (aware).
    A Fraction or float is met by a float within `rel` of it, or within 1e-12. A `value` is within 1e-12 of
    what was recorded, of which one is `unit`: the 5 that cancels in -5 + 5 is so many.
    """
    counts = "" if len(actual) == len(expected) else f" ({len(actual)} rows instead of {len(expected)})"
    for number, (ours, theirs) in enumerate(zip(actual, expected, strict=False), start=1):
        if list(ours) != list(theirs):
            return f"row {number}: columns {list(ours)} instead of {list(theirs)}{counts}"
        for name in theirs:
            near = NEAR * max(unit, 1) if name == "value" else NEAR
            within = max(rel, LIMITS_REL) if name.endswith(("lower", "upper")) else rel
            if not same_value(ours[name], theirs[name], within, near):
                place = f"row {number} ({_row_name(theirs)}), column {name}"
                return f"{place}: {_typed(ours[name])} instead of {_typed(theirs[name])}{counts}"
    if len(actual) > len(expected):
        return f"unexpected row {len(expected) + 1} ({_row_name(actual[len(expected)])}){counts}"
    if len(actual) < len(expected):
        return f"missing row {len(actual) + 1} ({_row_name(expected[len(actual)])}){counts}"
    return None


def same_value(actual: Any, expected: Any, rel: float, near: Fraction) -> bool:
    """Whether one value is the other: floats within the tolerance, all else of equal type and equal."""
    if isinstance(expected, Fraction | float):
        if type(actual) is not float or not math.isfinite(actual) or not math.isfinite(expected):
            return False
        exactly = Fraction(expected)
        return abs(Fraction(actual) - exactly) <= max(Fraction(rel) * abs(exactly), near)
    if isinstance(expected, datetime) and isinstance(actual, datetime):
        return (actual.tzinfo is None) == (expected.tzinfo is None) and actual == expected
    if isinstance(expected, str):
        return type(actual) is str and actual == expected
    return type(actual) is type(expected) and actual == expected


def _row_name(row: Row) -> str:
    """What tells a row from the others: its dimensions, and percentile or bucket."""
    return ", ".join(f"{name}={_shown(value)}" for name, value in row.items() if name not in RESULT_COLUMNS)


def _typed(value: Any) -> str:
    """The value with its type, which may be all that differs."""
    return "NULL" if value is None else f"{_shown(value)} ({type(value).__name__})"


def _shown(value: Any) -> str:
    if isinstance(value, Fraction):
        return str(float(value))
    text = repr(value) if value is None or isinstance(value, str | bool | int | float) else str(value)
    return text if len(text) <= 80 else f"{text[:76]}…{text[-3:]}"
