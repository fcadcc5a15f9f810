"""Filters: each of the contract's operators becomes a predicate over one column.

Values are checked against the column's type here, so that `os_version: 6.1` (a number, which would also be
6.10) is an error with its cure instead of a comparison that never holds.
"""

import contextlib
import datetime as dt
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from querygen.catalog import Column
from querygen.conditions import Condition, Filter
from querygen.errors import Diagnostic, Loc
from querygen.parameters import ALL, Slot, slot_of
from querygen.sqltext import Node, is_given, is_missing, listed, literal, own_function, text

Today = dt.date | None | str
Report = Callable[[Diagnostic], None]

_COMPARISONS = {
    "from_": exp.GTE,
    "gte": exp.GTE,
    "gt": exp.GT,
    "to": exp.LTE,
    "lte": exp.LTE,
    "lt": exp.LT,
}
SAMPLE_IDS = frozenset(range(100))
VERSION_LENGTH = 29  # of the keys by which versions sort
_VERSION = re.compile(
    r"(\d{1,5})(?:\.(\d{1,5}))?(?:\.(\d{1,5}))?(?:\.(\d{1,5}))?(?:([ab])(\d{1,5}))?(?:esr)?"
)
_LOWER, _UPPER = ("from_", "gte", "gt"), ("to", "lte", "lt")


@dataclass(frozen=True)
class FilterCompiler:
    """Compiles filters; findings go to `report`, and a filter with one yields no predicate.

    Attributes:
        today: the day that `last` ends on: a date, `current`, or None where none was given.
    """

    today: Today
    report: Report

    def predicates(self, column: Column, condition: Filter, loc: Loc) -> list[Node]:
        """What must hold for `column`, as predicates that are joined by AND."""
        if not isinstance(condition, Condition):
            values = condition if isinstance(condition, tuple) else (condition,)
            listed = isinstance(condition, tuple)
            typed = self._values(column, values, loc, listed)
            slot = slot_of(values[0])
            if slot is not None and typed:
                return [_chosen(column, typed, slot)]
            return [_any_of(column, typed)] if typed else []
        found: list[Node] = []
        given = condition.model_fields_set
        bounds = {
            key: value
            for key in (*_LOWER, *_UPPER)
            if key in given
            and (value := self._value(column, getattr(condition, key), (*loc, key.rstrip("_")))) is not None
        }
        if column.is_version:
            found += self._versions(column, bounds, loc)
        elif self._ordered(column, bounds, loc):
            found += _range(column, bounds)
        if condition.not_ is not None:
            listed = isinstance(condition.not_, tuple)
            values = condition.not_ if isinstance(condition.not_, tuple) else (condition.not_,)
            typed = self._values(column, values, (*loc, "not"), listed)
            if typed:
                found.append(_none_of(column, typed))
        if condition.contains is not None:
            found += self._containing(column, condition.contains, (*loc, "contains"))
        if condition.is_null is not None:
            found.append(is_missing(column.node) if condition.is_null else is_given(column.node))
        if condition.last is not None:
            found += self._last(column, condition, loc)
        return found

    def _containing(self, column: Column, part: str, loc: Loc) -> list[Node]:
        """Text that has another one in it."""
        if column.type != "STRING":
            message = f"`contains` looks for text, this is a {column.type}"
            self.report(Diagnostic("wrong-type", message, loc=loc, help="compare it with a value"))
            return []
        position = exp.StrPosition(this=column.node, substr=literal(part, "STRING"))
        return [exp.GT(this=position, expression=literal(0, "INT64"))]

    def _versions(self, column: Column, bounds: dict[str, str], loc: Loc) -> list[Node]:
        """The comparisons of a range of versions, by keys that sort as versions do."""
        keys = {key: version_key(bound) for key, bound in bounds.items()}
        for key in (key for key, made in keys.items() if made is None):
            message = f"`{bounds[key]}` is no version of Firefox"
            help_ = "write it as 58, 58.0, 58.0.2, 58.0b3 or 58.0a1"
            self.report(Diagnostic("bad-version", message, loc=(*loc, key.rstrip("_")), help=help_))
        for key in (key for key in keys if slot_of(bounds[key])):
            message = (
                "a range of versions compares keys that are made of its ends, so these are no parameters"
            )
            help_ = "list the versions: an enum with `multiple: true` as the whole filter"
            self.report(Diagnostic("not-a-parameter", message, loc=(*loc, key.rstrip("_")), help=help_))
            return []
        known = {key: made for key, made in keys.items() if made is not None}
        made = Column(
            own_function("querygen.version_key", column.node), "STRING", column.needs, VERSION_LENGTH
        )
        if len(known) < len(bounds) or not self._ordered(made, known, loc, shown=bounds):
            return []
        return _range(made, known)

    def _values(self, column: Column, values: Sequence[Any], loc: Loc, listed: bool) -> list[Any]:
        typed = [self._value(column, value, (*loc, i) if listed else loc) for i, value in enumerate(values)]
        return [] if None in typed else typed

    def _value(self, column: Column, value: Any, loc: Loc) -> Any:
        """The value as the column's type, or None after a finding."""
        slot = slot_of(value)
        if column.whole_length and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        typed, problem, help_ = _typed(value, column.type)
        if column.whole_length and isinstance(value, dt.date):
            help_ = f'write "{value:%Y%m%d}", or filter by `build_date`'
        if problem:
            self.report(Diagnostic("wrong-type", problem, loc=loc, help=help_))
        if slot is not None and not problem:
            why = _unfit(column, slot, is_kept=slot_of(typed) is slot)
            if why:
                help_ = "filter by another column, or write the value itself"
                self.report(Diagnostic("not-a-parameter", why, loc=loc, help=help_))
                return None
        return typed

    def _ordered(
        self, column: Column, bounds: dict[str, Any], loc: Loc, shown: dict[str, Any] | None = None
    ) -> bool:
        """Whether the range can hold anything; a finding if not, with the bounds as `shown`."""
        low = next((key for key in _LOWER if key in bounds), None)
        high = next((key for key in _UPPER if key in bounds), None)
        if low is None or high is None:
            return True
        lower, upper = bounds[low], bounds[high]
        if column.whole_length:
            lower = lower[: len(upper)]
        if lower > upper or (
            lower == upper and ("gt" in bounds or "lt" in bounds) and not column.whole_length
        ):
            self.report(
                Diagnostic(
                    "reversed-range",
                    f"the range holds nothing: {(shown or bounds)[low]} is after {(shown or bounds)[high]}"
                    if lower > upper
                    else f"the range holds nothing: it begins and ends at {lower}, which it leaves out",
                    loc=loc,
                    help="swap the two ends" if lower > upper else "use `from` and `to`, which are inclusive",
                )
            )
            return False
        return True

    def _last(self, column: Column, condition: Condition, loc: Loc) -> list[Node]:
        days = condition.days or 0
        loc = (*loc, "last")
        if column.type != "DATE":
            help_ = "filter by `submission_date` or `build_date` instead"
            self.report(
                Diagnostic("wrong-type", f"`last` needs a date, this is a {column.type}", loc=loc, help=help_)
            )
            return []
        if self.today is None:
            help_ = "add `today: 2020-04-20`, or `today: current` for CURRENT_DATE(), or --today 2020-04-20"
            self.report(
                Diagnostic(
                    "no-today",
                    f"`last: {condition.last}` ends on a day that isn't given",
                    loc=loc,
                    help=help_,
                )
            )
            return []
        if isinstance(self.today, dt.date):
            try:
                first: Node = literal(self.today - dt.timedelta(days=days - 1), "DATE")
            except OverflowError:
                message = f"`{condition.last}` reaches back before the calendar"
                self.report(Diagnostic("bad-last", message, loc=loc, help="write a shorter time"))
                return []
            return [exp.Between(this=column.node, low=first, high=literal(self.today, "DATE"))]
        today = exp.CurrentDate()
        first = exp.DateSub(this=today, expression=exp.Literal.number(days - 1), unit=exp.var("DAY"))
        return [exp.Between(this=column.node, low=first, high=exp.CurrentDate())]


def _unfit(column: Column, slot: Slot, *, is_kept: bool) -> str | None:
    """Why a parameter cannot stand where a column is compared, if so."""
    if not is_kept:
        return f"a parameter of this kind cannot be compared with a {column.type}"
    members = slot.parameter.options or slot.parameter.chosen
    if column.whole_length and any(len(str(member)) != column.whole_length for member in members):
        return f"a parameter for this column needs all {column.whole_length} digits in each of its values"
    return None


def _chosen(column: Column, values: Sequence[Any], slot: Slot) -> Node:
    """`column` is what a parameter says; with its member `all`, any value or none."""
    rights = [literal(value, column.type) for value in values]
    test: Node
    if slot.parameter.multiple:
        test = listed(column.node, rights)
        is_all: Node = listed(text(ALL), rights)
    else:
        test = exp.EQ(this=column.node, expression=rights[0])
        is_all = exp.EQ(this=rights[0].copy(), expression=text(ALL))
    return exp.Paren(this=exp.or_(is_all, test)) if slot.parameter.all else test


def version_key(version: str) -> str | None:
    """The text by which a version sorts among others; None for what is no version.

    That of a shorter version is a prefix of those of the versions that begin with it: `58` of `58.0.2`.
    """
    found = _VERSION.fullmatch(version)
    if not found:
        return None
    numbers = [number.zfill(5) for number in found.groups()[:4] if number is not None]
    stage, which = found.group(5), found.group(6)
    if stage:
        return f"{'.'.join([*numbers, *['00000'] * (4 - len(numbers))])}{stage}{which.zfill(5)}"
    return ".".join(numbers)


def is_bounded(condition: Filter) -> bool:
    """Whether a filter on a date lets in only dates between two known days."""
    if not isinstance(condition, Condition):
        return True
    given = condition.model_fields_set
    return "last" in given or bool(given & set(_LOWER) and given & set(_UPPER))


def sample_ids(condition: Filter) -> frozenset[int]:
    """Which of SAMPLE_IDS a filter lets in."""
    if not isinstance(condition, Condition):
        return SAMPLE_IDS.intersection(condition if isinstance(condition, tuple) else (condition,))
    excluded = condition.not_ if isinstance(condition.not_, tuple) else (condition.not_,)
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "from_": operator.ge, "gte": operator.ge, "gt": operator.gt,
        "to": operator.le, "lte": operator.le, "lt": operator.lt,
    }  # fmt: skip
    return frozenset(
        i
        for i in SAMPLE_IDS
        if i not in excluded
        and all(
            test(i, getattr(condition, key))
            for key, test in tests.items()
            if key in condition.model_fields_set
        )
    )


def _typed(value: Any, kind: str) -> tuple[Any, str, str | None]:
    """`value` as the BigQuery type `kind`: (value, "", None), or (None, what is wrong, help)."""
    words = _words(value)
    shown = f"`{words}`"
    if isinstance(value, int | float) and not isinstance(value, bool):
        shown = f"the number {words}"
    match kind:
        case "STRING":
            if isinstance(value, str):
                return value, "", None
            help_ = f'quote the value to keep it text: "{words}"'
            return None, f"this column holds text, found {_word(value)}{shown}", help_
        case "INT64":
            if isinstance(value, int) and not isinstance(value, bool):
                if -(2**63) <= value < 2**63:
                    return value, "", None
                return None, f"{shown} is outside the range of INT64", f"the largest is {2**63 - 1}"
            help_ = "write a whole number, such as 42"
            if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
                help_ = f"take off the quotes: {value}"
            return None, f"this column holds whole numbers, found {_word(value)}{shown}", help_
        case "FLOAT64" | "NUMERIC":
            if isinstance(value, int | float) and not isinstance(value, bool):
                if abs(value) <= 1.7e308:
                    return value, "", None
                return None, f"{shown} is no finite number", "the largest is about 1.7e308"
            help_ = "write a number without quotes, such as 42 or 0.5"
            return None, f"this column holds numbers, found {_word(value)}{shown}", help_
        case "BOOL":
            if isinstance(value, bool):
                return value, "", None
            return (
                None,
                f"this column holds true or false, found {_word(value)}{shown}",
                "write true or false without quotes",
            )
        case "DATE":
            return _typed_date(value, shown)
        case "DATETIME" | "TIMESTAMP":
            return _typed_time(value, shown, kind)
    return (
        None,
        f"a column of type {kind} cannot be filtered by a value",
        "use {is_null: true} or {is_null: false}",
    )


def _typed_date(value: Any, shown: str) -> tuple[Any, str, str | None]:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value, "", None
    if isinstance(value, str) and len(value) == 10:
        with contextlib.suppress(ValueError):
            return dt.date.fromisoformat(value), "", None
    return None, f"this column holds dates, found {_word(value)}{shown}", "write a date as 2020-04-20"


def _typed_time(value: Any, shown: str, kind: str) -> tuple[Any, str, str | None]:
    help_ = "write 2020-04-20 12:00:00; for whole days filter by `submission_date` or `build_date`"
    time = value
    if isinstance(value, str) and len(value) > 10:
        try:
            time = dt.datetime.fromisoformat(value)
        except ValueError:
            time = None
    if not isinstance(time, dt.datetime):
        return None, f"this column holds times, found {_word(value)}{shown}", help_
    if kind == "DATETIME" and time.tzinfo is not None:
        return None, f"this column holds times without a zone, found {shown}", "leave out the zone"
    if kind == "TIMESTAMP":
        time = time.astimezone(dt.UTC) if time.tzinfo else time.replace(tzinfo=dt.UTC)
    return time, "", None


def _words(value: Any) -> str:
    """A value as a spec writes it."""
    try:
        return str(value).lower() if isinstance(value, bool) else str(value)
    except ValueError:  # of thousands of digits Python prints none
        return "of thousands of digits"


def _word(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return "the time "
    if isinstance(value, dt.date):
        return "the date "
    return "the text " if isinstance(value, str) else ""


def _comparable(column: Column, value: Any) -> tuple[Node, Node]:
    """Column and value as they are compared: a short prefix code with as much of the column."""
    right = literal(value, column.type)
    if column.whole_length and len(value) < column.whole_length:
        head = [column.node, exp.Literal.number(1), exp.Literal.number(len(value))]
        return exp.Substring(this=head[0], start=head[1], length=head[2]), right
    return column.node, right


def _any_of(column: Column, values: Sequence[Any]) -> Node:
    """`column` is one of the values; values of equal length share one IN."""
    groups: dict[str, tuple[Node, list[Node]]] = {}
    for value in dict.fromkeys(values):
        left, right = _comparable(column, value)
        groups.setdefault(left.sql(), (left, []))[1].append(right)
    tests: list[Node] = [
        exp.EQ(this=left, expression=rights[0]) if len(rights) == 1 else exp.In(this=left, expressions=rights)
        for left, rights in groups.values()
    ]
    return tests[0] if len(tests) == 1 else exp.Paren(this=exp.or_(*tests))


def _none_of(column: Column, values: Sequence[Any]) -> Node:
    """`column` is none of the values; rows without a value are kept."""
    test = _any_of(column, values)
    if isinstance(test, exp.EQ):
        differs: Node = exp.NEQ(this=test.this, expression=test.expression)
    else:
        differs = exp.Not(this=test)
    return exp.Paren(this=exp.or_(is_missing(column.node), differs))


def _range(column: Column, bounds: dict[str, Any]) -> list[Node]:
    """The comparisons of a range; BETWEEN where both ends are inclusive and compared alike."""
    pairs = {key: _comparable(column, value) for key, value in bounds.items()}
    inclusive = [pairs[key] for key in ("from_", "gte", "to", "lte") if key in pairs]
    if len(inclusive) == 2 and inclusive[0][0] == inclusive[1][0]:
        return [exp.Between(this=inclusive[0][0], low=inclusive[0][1], high=inclusive[1][1])]
    return [_COMPARISONS[key](this=left, expression=right) for key, (left, right) in pairs.items()]
