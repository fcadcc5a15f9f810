"""Filters: which rows pass."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from operator import ge, gt, le, lt
from typing import Any

from oracle.columns import BuildId, Row, Version, timestamp

Spec = Mapping[str, Any]  # a spec, as YAML gives it
Reader = Callable[[Row, str], Any]  # the value of a name in a row


COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "from": ge, "gte": ge, "gt": gt, "to": le, "lte": le, "lt": lt,
}  # fmt: skip


def passes(row: Row, filters: Mapping[str, Any], read: Reader, today: date | None) -> bool:
    """Whether a row passes every filter."""
    return all(holds(read(row, name), condition, name, today) for name, condition in filters.items())


def holds(value: Any, condition: Any, name: str, today: date | None) -> bool:
    """Whether a value meets "value | list | {from, to} | {gte,gt,lte,lt} | {not} | {is_null} | {last}".

    "Several operators in one mapping are AND-ed." NULL meets `is_null: true` and `not`, which "keeps NULLs".
    """
    if not isinstance(condition, Mapping):
        return value is not None and _any_of(value, condition, name)
    return all(_operator(value, operator, bound, name, today) for operator, bound in condition.items())


def _operator(value: Any, operator: str, bound: Any, name: str, today: date | None) -> bool:
    if operator == "is_null":
        return (value is None) == bound
    if value is None:
        return operator == "not"
    match operator:
        case "not":
            return not _any_of(value, bound, name)
        case "from" | "gte" | "to" | "lte" | "gt" | "lt":
            # "Ranges of `app_version` compare versions", though one is equal to another as text.
            order = value.order(bound) if isinstance(value, Version) else _order(value, bound, name)
            return order is not None and COMPARISONS[operator](order, 0)
        case "last":
            # "the 14 days that end on `today`, inclusive"
            if today is None:
                raise ValueError("`last` needs `today`")
            return (
                _order(value, today - _days(bound) + timedelta(1), name) >= 0
                and _order(value, today, name) <= 0
            )
    raise ValueError(f"no operator {operator!r}")


def _days(text: str) -> timedelta:
    """`14 days`, `1 day`, `2 weeks`."""
    number, unit = text.split()
    return {"day": timedelta(days=1), "week": timedelta(weeks=1)}[unit.removesuffix("s")] * int(number)


def _any_of(value: Any, wanted: Any, name: str) -> bool:
    options = wanted if isinstance(wanted, Sequence) and not isinstance(wanted, str) else [wanted]
    return any(_order(value, option, name) == 0 for option in options)


def _order(value: Any, bound: Any, name: str) -> int:
    """-1, 0 or 1 as the value lies before, at or after the bound, both brought to one type first."""
    if isinstance(value, BuildId):
        # A bound or value "shorter than 14 digits is a prefix", compared with as much of the build id.
        bound = str(bound)
        value = str(value[: len(bound)] if len(bound) < 14 else value)
    elif isinstance(value, date):
        value, bound = _same_kind_of_date(value, bound)
    elif isinstance(value, bool) or isinstance(bound, bool):
        if not (isinstance(value, bool) and isinstance(bound, bool)):
            raise TypeError(f"{name}: {value!r} against {bound!r}")
    elif isinstance(value, int | Fraction):
        bound = Fraction(bound)  # the FLOAT64 nearest to what was written, as the column's values are
    elif not isinstance(bound, str):
        raise TypeError(f"{name}: {value!r} against {bound!r}")
    return (value > bound) - (value < bound)


def _same_kind_of_date(value: date, bound: Any) -> tuple[date, date]:
    """A DATETIME or TIMESTAMP goes by its day against a date, so that all of the `to` day counts."""
    if isinstance(bound, str):
        bound = date.fromisoformat(bound) if len(bound) == 10 else datetime.fromisoformat(bound)
    if isinstance(value, datetime) and isinstance(bound, datetime):
        if value.tzinfo:
            return value, timestamp(bound)
        return value, bound.replace(tzinfo=None)
    if isinstance(bound, datetime):
        raise TypeError(f"a date against the time {bound}")
    return (value.date() if isinstance(value, datetime) else value), bound


def today_of(spec: Spec) -> date | None:
    """The spec's `today`: a date, `current`, or nothing."""
    today = spec.get("today")
    if today == "current":
        return datetime.now(UTC).date()
    return date.fromisoformat(today) if isinstance(today, str) else today
