"""Whether two tables of two engines are the same: keyed rows, floats within a stated tolerance.

Types count where they mean something: a truth value is no number, a date no time, a time with a zone none
without, NULL is not NaN. A number is the same in any width. Lists are compared without regard to order, since
`ARRAY_AGG` promises none.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

Row = Mapping[str, Any]

_SHOWN = 3  # rows of a difference
_WIDEST = 100  # characters of a value that is shown whole


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far apart two floats may be: relatively to the larger one, or absolutely near zero."""

    relative: float = 1e-9
    absolute: float = 1e-12

    def __str__(self) -> str:
        return f"{self.relative:g} relative, {self.absolute:g} absolute"

    def same(self, one: float, other: float) -> bool:
        """Whether two floats are the same within it; NaN is NaN, an infinity only itself."""
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return math.isclose(one, other, rel_tol=self.relative, abs_tol=self.absolute)


@dataclass(frozen=True)
class Difference:
    """How two tables differ.

    Attributes:
        summary: in one line.
        details: the first rows that differ, each in lines.
        key: what tells the first such row from the others.
        column: the first column of it that differs, if both tables have the row.
        values: both of its values.
    """

    summary: str
    details: tuple[str, ...] = ()
    key: Row = field(default_factory=dict)
    column: str | None = None
    values: tuple[Any, Any] | None = None

    def __str__(self) -> str:
        return "\n".join([self.summary, *(f"  {line}" for line in self.details)])


def difference(
    one: pa.Table,
    other: pa.Table,
    key: Sequence[str],
    names: tuple[str, str],
    tolerance: Tolerance | None = None,
    *,
    is_ordered: bool = False,
) -> Difference | None:
    """None if the tables hold the same rows, else the first differences.

    Args:
        one: a table.
        other: the table that it is compared with.
        key: the columns that together identify a row; none where rows have no key.
        names: what the two are called.
        tolerance: of floats.
        is_ordered: whether rows of equal keys must also stand in the same order.
    """
    tolerance = tolerance or Tolerance()
    columns = [name.lower() for name in one.column_names]
    if columns != [name.lower() for name in other.column_names]:
        return Difference(
            f"{names[0]} has the columns {', '.join(one.column_names)},"
            f" {names[1]} {', '.join(other.column_names)}"
        )
    floats = _floating(one) | _floating(other)
    compared = _Compared(
        _rows(one, floats), _rows(other, floats), [name.lower() for name in key], names, tolerance
    )
    found = compared.difference()
    if found is None and is_ordered:
        found = compared.order()
    return found


def _floating(table: pa.Table) -> set[str]:
    return {column.name.lower() for column in table.schema if pa.types.is_floating(column.type)}


def _rows(table: pa.Table, floats: set[str]) -> list[dict[str, Any]]:
    """The rows; the numbers of a column are floats if they are in either table."""
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        is_float = name.lower() in floats
        columns[name.lower()] = [
            float(value) if is_float and _is_number(value) else value for value in column.to_pylist()
        ]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


@dataclass
class _Compared:
    """Two tables as rows, and how they are compared."""

    one: list[dict[str, Any]]
    other: list[dict[str, Any]]
    key: Sequence[str]
    names: tuple[str, str]
    tolerance: Tolerance

    def difference(self) -> Difference | None:
        """What rows of the one the other lacks, or has with other values."""
        mine, theirs = _without_equals(self.one, self.other)
        mine, theirs = self._without_near(mine, theirs)
        if not mine and not theirs:
            return None
        count, whole = max(len(mine), len(theirs)), max(len(self.one), len(self.other))
        if self.key:
            count, whole = self._count_keys(mine, theirs), self._count_keys(self.one, self.other)
        summary = f"{count} of {whole} rows {'differs' if count == 1 else 'differ'}"
        if len(self.one) != len(self.other):
            summary += f" ({len(self.one)} in {self.names[0]}, {len(self.other)} in {self.names[1]})"
        pairs = list(itertools.islice(self._paired(mine, theirs), _SHOWN))
        details = [line for pair in pairs for line in self._shown(*pair)]
        if count > _SHOWN:
            details.append("…")
        row, partner = pairs[0]
        column = next(iter(self._differing(row, partner)), None)
        values = (row[column], partner[column]) if row and partner and column else None
        key = {name: (row or partner or {})[name] for name in self.key}
        return Difference(summary, tuple(details), key, column, values)

    def order(self) -> Difference | None:
        """The first place at which the same rows stand in another order."""
        for number, (mine, theirs) in enumerate(zip(self.one, self.other, strict=True), 1):
            if self._differing(mine, theirs):
                shown = [f"{name}: {_row(row)}" for name, row in zip(self.names, (mine, theirs), strict=True)]
                return Difference(f"the same rows, in another order from row {number} on", tuple(shown))
        return None

    def _without_near(
        self, mine: list[dict[str, Any]], theirs: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The rows that have no partner whose floats are within the tolerance."""
        groups: dict[Any, list[dict[str, Any]]] = {}
        for row in theirs:
            groups.setdefault(_exactly({name: _without_floats(v) for name, v in row.items()}), []).append(row)
        alone = []
        for row in mine:
            candidates = groups.get(_exactly({name: _without_floats(v) for name, v in row.items()}), [])
            partner = next((other for other in candidates if not self._differing(row, other)), None)
            if partner is None:
                alone.append(row)
            else:
                candidates[:] = [other for other in candidates if other is not partner]
        left = {id(row) for rows in groups.values() for row in rows}
        return alone, [row for row in theirs if id(row) in left]

    def _paired(
        self, mine: list[dict[str, Any]], theirs: list[dict[str, Any]]
    ) -> Iterator[tuple[dict[str, Any] | None, dict[str, Any] | None]]:
        """Rows of the same key, or else those most alike, beside each other; None where one has none."""
        waiting = {id(row): row for row in theirs}
        by_key: dict[Any, list[dict[str, Any]]] = {}
        for row in theirs if self.key else ():
            by_key.setdefault(self._key_of(row), []).append(row)
        for row in mine:
            same = by_key.get(self._key_of(row), []) if self.key else self._likest(row, waiting.values())
            partner = same.pop(0) if same else None
            if partner is not None:
                del waiting[id(partner)]
            yield row, partner
        for row in waiting.values():
            yield None, row

    def _count_keys(self, *tables: list[dict[str, Any]]) -> int:
        return len({self._key_of(row) for rows in tables for row in rows})

    def _key_of(self, row: dict[str, Any]) -> Any:
        """The row's key, its floats to nine digits: they may be computed, such as buckets in another unit."""
        return _exactly(
            [float(f"{row[name]:.9g}") if isinstance(row[name], float) else row[name] for name in self.key]
        )

    def _likest(self, row: dict[str, Any], others: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The row that differs from this one in the fewest columns, if they have anything in common."""
        best = min(others, key=lambda other: len(self._differing(row, other)), default=None)
        return [best] if best is not None and len(self._differing(row, best)) < len(row) else []

    def _differing(self, row: dict[str, Any] | None, other: dict[str, Any] | None) -> list[str]:
        if row is None or other is None:
            return []
        return [name for name in row if not same_value(row[name], other[name], self.tolerance)]

    def _shown(self, row: dict[str, Any] | None, other: dict[str, Any] | None) -> list[str]:
        if row is None or other is None:
            side = self.names[1] if row is None else self.names[0]
            return [f"only {side} has: {_row(row or other or {})}"]
        differing = self._differing(row, other)
        same = {name: value for name, value in row.items() if name not in differing}
        place = {name: row[name] for name in self.key} if self.key else same
        lines = [f"at {_row(place) or 'the only row'}"]
        for name in differing:
            lines.append(
                f"  {name}: {self.names[0]} {shown(row[name])}, {self.names[1]} {shown(other[name])}"
            )
        return lines


def _without_equals(
    mine: list[dict[str, Any]], theirs: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows that have no partner with exactly the same values."""
    keys = [_exactly(row) for row in mine], [_exactly(row) for row in theirs]
    counts = Counter(keys[0]), Counter(keys[1])

    def rest(rows: list[dict[str, Any]], of: list[Any], surplus: Counter[Any]) -> list[dict[str, Any]]:
        left = []
        for row, exact in zip(rows, of, strict=True):
            if surplus[exact] > 0:
                surplus[exact] -= 1
                left.append(row)
        return left

    return rest(mine, keys[0], counts[0] - counts[1]), rest(theirs, keys[1], counts[1] - counts[0])


def same_value(one: Any, other: Any, tolerance: Tolerance) -> bool:
    """Whether two values are the same: floats within the tolerance, lists in any order, all else equal."""
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return False
        pairs = zip(sorted(one, key=_rank), sorted(other, key=_rank), strict=True)
        return all(same_value(a, b, tolerance) for a, b in pairs)
    if isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(
            same_value(a, b, tolerance) for a, b in zip(one.values(), other.values(), strict=True)
        )
    if isinstance(one, float) or isinstance(other, float):
        return _is_number(one) and _is_number(other) and tolerance.same(float(one), float(other))
    return bool(_exactly(one) == _exactly(other))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _exactly(value: Any) -> Any:
    """Something hashable that is equal where values are: lists sorted, numbers of any width."""
    if isinstance(value, dict):
        return ("record", tuple(_exactly(inner) for inner in value.values()))
    if isinstance(value, list):
        return ("list", tuple(sorted((_exactly(inner) for inner in value), key=repr)))
    if isinstance(value, float):
        return ("number", "NaN") if math.isnan(value) else ("number", value)
    if _is_number(value):
        return ("number", int(value) if value == int(value) else value)
    if isinstance(value, datetime):
        return ("time", value.tzinfo is not None, value)
    return (type(value).__name__, value)


def _without_floats(value: Any) -> Any:
    """The value with each number the same, so that rows of nearly equal floats fall into one group."""
    if isinstance(value, dict):
        return {name: _without_floats(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_floats(inner) for inner in value]
    return 0 if isinstance(value, float) else value


def _rank(value: Any) -> tuple[str, str]:
    """An order of list elements in which those that differ in the last digits of a float stand alike."""
    return repr(_exactly(_without_floats(value))), repr(_floats(value))


def _floats(value: Any) -> Any:
    if isinstance(value, dict):
        return [_floats(inner) for inner in value.values()]
    return value if isinstance(value, float) else None


def _row(row: Row) -> str:
    return ", ".join(f"{name}={shown(value)}" for name, value in row.items())


def shown(value: Any) -> str:
    """A value as people read it; long ones are cut."""
    readers: list[tuple[type, Callable[[Any], str]]] = [
        (datetime, str), (date, str), (Decimal, str),
        (list, lambda items: f"[{', '.join(map(shown, items))}]"),
        (dict, lambda record: f"{{{_row(record)}}}"),
    ]  # fmt: skip
    text = "NULL" if value is None else repr(value)
    for kind, read in readers:
        if isinstance(value, kind):
            text = read(value)
            break
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 4]}…{text[-3:]}"
