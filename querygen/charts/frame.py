"""Rows as a picture needs them: along time where there is one, in named groups by the other dimensions."""

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from querygen.about import About, Split
from querygen.result import Result

# Sums of floats, whose last digits depend on the engine; no eye sees them.
_SUMMED = frozenset({
    "share", "mean", "share_of_clients", "value", "control_value", "difference", "detectable", "lower",
    "upper", "exposure", "rate", "adjusted_exposure", "adjusted_rate", "adjusted_lower", "adjusted_upper",
    "expected_lower", "expected_upper", "share_of_exposure", "hours_since_release",
})  # fmt: skip
_ASKED = ("experiment", "branch")
_AGE = "hours_since_release"

# As `querygen.version_key` has it: 58.0b3, 58.0, 58.0.2 in this order; 102.0esr is the release that it is.
_VERSION = re.compile(r"(\d+(?:\.\d+){0,3})(?:([ab])(\d+))?(?:esr|pre)?", re.ASCII)

Row = Mapping[str, Any]
ALL = "*"
"""What a cube calls the row of all values."""


@dataclass(frozen=True)
class Group:
    """The rows of one combination of the dimensions beside time.

    Attributes:
        name: the values, as text that is safe to show; empty where there is no such dimension.
        rows: in the order of time; with a time, `at` is it.
        values: the values themselves, in the order of the frame's `by`.
        look: the number of the colour, dash and shape that it has among others; that of versions is counted
            from the newest, which must be seen best.
    """

    name: str
    rows: tuple[Row, ...]
    values: tuple[Any, ...] = ()
    look: int = 0

    @property
    def n_clients(self) -> int:
        """The most clients, or pings where these are the unit, that one of its rows has."""
        return max(int(row.get("n_clients", row.get("n_pings")) or 0) for row in self.rows)


@dataclass(frozen=True)
class Frame:
    """A result, ready to be drawn.

    Attributes:
        about: the query.
        time: the dimension that is the axis of time, or None.
        by: the names of the other dimensions.
        groups: in the order of their values.
        n_timeless: how many rows are left out, since they have no time.
        is_aged: whether times are hours since a version's release.
        overlays: the distributions that a comparison compares, by the slug of the experiment.
    """

    about: About
    time: Split | None
    by: tuple[str, ...]
    groups: tuple[Group, ...]
    n_timeless: int = 0
    is_aged: bool = False
    overlays: "Mapping[str, Frame]" = field(default_factory=dict)

    @classmethod
    def of(cls, result: Result, *, along_time: bool = True) -> "Frame":
        """The rows of a result; unless `along_time`, times are categories like others."""
        about, rows = result.plan.about, result.rows()
        splits = () if about.measure == "pings" else about.splits  # their rows need not have them
        is_aged = any(column.name == _AGE for column in result.plan.columns)
        time = next((split for split in splits if split.is_time and along_time), None)
        if time and len({_time_of(row, time, is_aged=is_aged) for row in rows} - {None}) < 2:
            time = None  # a single day is a category, and so are build ids of which none begins with one
        others = [_in_order_of(rows, split) for split in splits if split is not time]
        summed = frozenset() if about.measure == "percentiles" else _SUMMED
        groups: dict[tuple[Any, ...], list[Row]] = {}
        n_timeless = 0
        for row in rows:
            at = _time_of(row, time, is_aged=is_aged) if time else None
            if time and at is None:
                n_timeless += row[time.name] != ALL
                continue
            drawn = {name: _nine_digits(row[name]) for name in summed & row.keys()}
            groups.setdefault(tuple(row[split.name] for split in others), []).append(
                {**row, **drawn, "at": at}
            )
        ordered = sorted(
            groups, key=lambda values: [_place(*pair) for pair in zip(others, values, strict=True)]
        )
        names = distinct(" · ".join(map(shown, values)) for values in ordered)
        numbers = range(len(ordered))
        looks = reversed(numbers) if [split.is_version for split in others] == [True] else numbers
        found = (
            Group(name, tuple(sorted(groups[values], key=_at)), values, look)
            for name, values, look in zip(names, ordered, looks, strict=True)
        )
        overlays = {slug: cls.of(one, along_time=False) for slug, one in result.overlays.items() if len(one)}
        by = tuple(split.name for split in others)
        return cls(about, time, by, tuple(found), n_timeless, is_aged, overlays)

    @property
    def times(self) -> list[Any]:
        """All times, ascending; hours, if it is aged."""
        return sorted({row["at"] for group in self.groups for row in group.rows})

    def in_order(self, name: str) -> list[Any]:
        """The values of a dimension, in the order that groups have by it."""
        at = self.by.index(name)
        split = next(split for split in self.about.splits if split.name == name)
        return sorted({group.values[at] for group in self.groups}, key=lambda value: _place(split, value))

    def gaps(self, times: Sequence[Any]) -> list[Any]:
        """Where a line over these times must break."""
        if self.about.step is None:
            return gaps(times)
        step = self.about.step / 3600 if self.is_aged else dt.timedelta(seconds=self.about.step)
        return [
            one + (other - one) / 2 for one, other in itertools.pairwise(times) if other - one > step * 1.5
        ]

    @property
    def has_low_data(self) -> bool:
        """Whether any row is of too few clients."""
        return any(row.get("low_data") for group in self.groups for row in group.rows)

    def largest(self, most: int) -> "tuple[tuple[Group, ...], int]":
        """At most so many groups, those of most clients, in their order; and how many are left out."""
        chosen = {group.name for group in sorted(self.groups, key=lambda group: -group.n_clients)[:most]}
        kept = tuple(group for group in self.groups if group.name in chosen)
        return kept, len(self.groups) - len(kept)


def _in_order_of(rows: Sequence[Row], split: Split) -> Split:
    """Experiments and branches in the order of the rows: a placebo comes last, branches as asked for."""
    if split.name not in _ASKED or split.labels:
        return split
    return replace(split, labels=tuple(dict.fromkeys(row[split.name] for row in rows if row[split.name])))


def _time_of(row: Row, time: Split, *, is_aged: bool) -> Any:
    return row[_AGE] if is_aged else instant(row[time.name])


def instant(value: Any) -> dt.datetime | None:
    """A date, time or build id as a time in UTC; None for NULL, a cube's `*`, or text that is no time."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    if not isinstance(value, str):
        return None
    try:
        if value.isdecimal() and len(value) == 14:
            return dt.datetime.strptime(value, "%Y%m%d%H%M%S")
        return dt.datetime.fromisoformat(value).replace(tzinfo=None)
    except ValueError:
        return None


def gaps(times: Sequence[dt.datetime]) -> list[dt.datetime]:
    """Where a line must break: in the middle of each stretch that lacks a time.

    Days are regular, so one that is missing is a gap. Builds are not, so it takes more than twice their
    usual distance.
    """
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    if len(steps) < 2:
        return []
    regular = all(time.time() == dt.time() for time in times)
    widest = sorted(steps)[len(steps) // 2] * (1.5 if regular else 2.5)
    return [times[i] + step / 2 for i, step in enumerate(steps) if step > widest]


def shown(value: Any) -> str:
    """A value as text in which nothing is invisible, or turns the direction of what follows."""
    if value is None:
        return "(null)"
    if isinstance(value, bool):
        return str(value).lower()
    return safe(value.isoformat(" ") if isinstance(value, dt.datetime) else str(value))


def safe(text: str) -> str:
    """The text with control characters, marks of direction and lone surrogates written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _nine_digits(value: Any) -> Any:
    return float(f"{value:.9g}") if isinstance(value, float) else value


def _at(row: Row) -> tuple[bool, Any]:
    return (row["at"] is not None, row["at"])


def _place(split: Split, value: Any) -> tuple[Any, ...]:
    """What values are sorted by: their written order, or a natural one, in which 6.1 comes before 10.0."""
    if value is None:
        return (3,)
    if value == ALL:
        return (0,)
    if value in split.labels:
        return (1, split.labels.index(value))
    if value == "(other)":
        return (2,)
    if not isinstance(value, str):
        return (1, 0, value)
    version = _VERSION.fullmatch(value) if split.is_version else None
    if version:
        numbers = [*map(int, version[1].split(".")), 0, 0, 0][:4]
        stage = [(-1, version[2] or "r"), (int(version[3] or 0), "")]
        return (1, 0, [*((number, "") for number in numbers), *stage], value)
    pieces = re.split(r"(\d+)", value)
    return (1, 0, [(int(piece), "") if i % 2 else (-1, piece) for i, piece in enumerate(pieces)], value)


def distinct(names: Iterable[str]) -> list[str]:
    """The names, numbered where two look the same."""
    found: dict[str, None] = {}
    for name in names:
        number = 1
        unique = name
        while unique in found:
            number += 1
            unique = f"{name} ({number})"
        found[unique] = None
    return list(found)
