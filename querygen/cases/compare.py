"""Compares rows with expected ones: aligned by key, so that one changed value is one changed line."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from querygen.cases.model import Expectation, Tolerance
from querygen.cases.values import Expected, expected, shown
from querygen.errors import Diagnostic, Loc, QuerygenError, similar_name_help

Row = Mapping[str, Any]
Wanted = Mapping[str, Expected]
_MOST_PAIRED = 200  # rows without a key that are paired by likeness


@dataclass(frozen=True)
class Changed:
    """A row that is there, but not as expected: the columns with what was expected and what is there."""

    name: Row
    cells: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Comparison:
    """How rows differ from the expected ones.

    Attributes:
        key: the columns that rows were aligned by; empty where there is one row, or no key.
        wanted: how many rows were expected.
        changed: rows with other values.
        missing, unexpected: rows that only one side has.
        doubled: keys that several rows have, and how many.
        moved: where the order first differs: the expected row, and the one in its place.
        own_key: the columns that tell the rows apart by themselves.
        by_likeness: whether rows were paired without a key.
    """

    key: tuple[str, ...]
    wanted: int
    changed: tuple[Changed, ...] = ()
    missing: tuple[Row, ...] = ()
    unexpected: tuple[Row, ...] = ()
    doubled: tuple[tuple[Row, int], ...] = ()
    moved: tuple[Row, Row] | None = None
    own_key: tuple[str, ...] = ()
    by_likeness: bool = False

    @property
    def agrees(self) -> bool:
        """Whether there is no difference."""
        return not (self.changed or self.missing or self.unexpected or self.doubled or self.moved)


def compare(
    table: pa.Table, wanted: Expectation, own_key: Sequence[str] | None, near: Tolerance, loc: Loc
) -> Comparison:
    """Holds rows against an expectation.

    Args:
        table: the rows.
        wanted: what they shall be.
        own_key: the columns that tell the rows apart by themselves; None where nothing does.
        near: the tolerance, unless the expectation has its own.
        loc: where the expectation stands, for errors.

    Raises:
        QuerygenError: the expectation cannot be held against these rows: an unknown column, a value that
            a column cannot have, keys that don't tell the expected rows apart.
    """
    return _Comparer(table, wanted, wanted.tolerance or near, loc).compare(own_key)


@dataclass
class _Comparer:
    table: pa.Table
    wanted: Expectation
    near: Tolerance
    loc: Loc
    rows: list[Row] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = self.table.to_pylist()

    def compare(self, own_key: Sequence[str] | None) -> Comparison:
        expectations = [self._row(i, row) for i, row in enumerate(self.wanted.rows)]
        key = self._key(own_key, expectations)
        if key is None:
            return self._by_likeness(expectations)
        self._check_keys(key, expectations)
        counts = Counter(self._identity(row, key) for row in self.rows)
        named = {self._identity(row, key): {name: row[name] for name in key} for row in self.rows}
        doubled = tuple((named[identity], count) for identity, count in counts.items() if count > 1)
        if doubled:
            return Comparison(key, len(expectations), doubled=doubled, own_key=tuple(own_key or ()))
        left = dict(enumerate(self.rows))
        places = {self._identity(row, key): i for i, row in left.items()}
        pairs: list[tuple[Wanted, int]] = []
        missing = []
        for one in expectations:
            at = places.get(tuple(_hashable(one[name].value) for name in key))
            if at is None:  # a key may have fractions, which are the same within the tolerance
                at = next((i for i, row in left.items() if all(one[n].holds(row[n]) for n in key)), None)
            if at is None:
                missing.append(_values(one))
            else:
                del left[at]
                pairs.append((one, at))
        changed = tuple(
            Changed({name: self.rows[at][name] for name in key}, cells)
            for one, at in pairs
            if (cells := _differing(one, self.rows[at]))
        )
        return Comparison(
            key,
            len(expectations),
            changed,
            tuple(missing),
            tuple(left.values()) if self.wanted.other_rows == "refuse" else (),
            moved=self._moved(pairs, key),
        )

    def _row(self, i: int, row: Mapping[str, Any]) -> Wanted:
        """What is expected of one row's cells."""
        names = self.table.column_names
        made = {}
        for name, written in row.items():
            at = (*self.loc, "rows", i, name)
            if name not in names:
                help_ = similar_name_help(name, names, "a column") or f"the columns are {', '.join(names)}"
                raise _at_key("unknown-column", f"there is no column `{name}`", at, help_)
            made[name] = expected(written, self.table.schema.field(name).type, self.near, at)
        left_out = [name for name in names if name not in row]
        if self.wanted.columns == "exact" and left_out:
            raise QuerygenError.of(
                "missing-column",
                f"the row leaves out {', '.join(f'`{name}`' for name in left_out)}",
                loc=(*self.loc, "rows", i),
                help="name all columns, since `columns` is exact; {any: true} takes any value",
            )
        return made

    def _key(self, own: Sequence[str] | None, expectations: Sequence[Wanted]) -> tuple[str, ...] | None:
        if self.wanted.key is not None:
            for i, name in enumerate(self.wanted.key):
                if name not in self.table.column_names:
                    names = self.table.column_names
                    help_ = similar_name_help(name, names, "a column")
                    raise QuerygenError.of(
                        "unknown-column",
                        f"there is no column `{name}`",
                        loc=(*self.loc, "key", i),
                        help=help_ or f"the columns are {', '.join(names)}",
                    )
            return self.wanted.key
        if own is None:
            return None
        named = [name for name in own if any(name in row for row in expectations)]
        return tuple(named if expectations else own)

    def _check_keys(self, key: tuple[str, ...], expectations: Sequence[Wanted]) -> None:
        seen: dict[object, int] = {}
        for i, row in enumerate(expectations):
            at = (*self.loc, "rows", i)
            for name in key:
                if name not in row:
                    help_ = f"add it, or choose the columns that tell rows apart: `key: [{', '.join(key)}]`"
                    raise QuerygenError.of(
                        "missing-key",
                        f"the row lacks `{name}`, which rows are aligned by",
                        loc=at,
                        help=help_,
                    )
                if not row[name].is_exact:
                    raise QuerygenError.of(
                        "missing-key",
                        f"rows are aligned by `{name}`, which so needs a value",
                        loc=(*at, name),
                        help="write the value, or leave the column out of `key`",
                    )
            identity = tuple(_hashable(row[name].value) for name in key)
            if seen.setdefault(identity, i) != i:
                told = ", ".join(f"{name}={shown(row[name].value)}" for name in key) or "no key"
                help_ = (
                    f"say what tells them apart, such as `key: [{', '.join(self.table.column_names[:2])}]`"
                )
                raise QuerygenError.of(
                    "doubled-key",
                    f"this row and row {seen[identity] + 1} have the same key: {told}",
                    loc=at,
                    help=help_,
                )

    def _identity(self, row: Row, key: tuple[str, ...]) -> tuple[object, ...]:
        return tuple(_hashable(row[name]) for name in key)

    def _moved(self, pairs: Sequence[tuple[Wanted, int]], key: tuple[str, ...]) -> tuple[Row, Row] | None:
        """Where the order of rows that are on both sides first differs."""
        if self.wanted.order == "ignore":
            return None
        order = sorted(at for _, at in pairs)
        for (one, at), other in zip(pairs, order, strict=True):
            if at != other:
                names = key or tuple(one)
                return _values(one, names), {name: self.rows[other][name] for name in names}
        return None

    def _by_likeness(self, expectations: Sequence[Wanted]) -> Comparison:
        """Without a key: equal rows belong together, then those with most columns in common."""
        left = dict(enumerate(self.rows))
        pairs: list[tuple[Wanted, int]] = []
        unmet = []
        for one in expectations:
            at = next((i for i, row in left.items() if not _differing(one, row)), None)
            if at is None:
                unmet.append(one)
            else:
                del left[at]
                pairs.append((one, at))
        changed, missing = [], []
        for one in unmet:
            near = {i: len(_differing(one, row)) for i, row in itertools.islice(left.items(), _MOST_PAIRED)}
            at = min(near, key=lambda i: near[i], default=None) if near else None
            if at is None or near[at] * 2 > len(one):
                missing.append(_values(one))
                continue
            row = left.pop(at)
            cells = _differing(one, row)
            named = {name: row[name] for name in one if name not in {cell[0] for cell in cells}}
            changed.append(Changed(named, cells))
        return Comparison(
            (),
            len(expectations),
            tuple(changed),
            tuple(missing),
            tuple(left.values()) if self.wanted.other_rows == "refuse" else (),
            moved=self._moved(pairs, ()),
            by_likeness=True,
        )


def _differing(wanted: Wanted, row: Row) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (name, one.text, _apart(shown(row[name]), one.text, row[name]))
        for name, one in wanted.items()
        if not one.holds(row[name])
    )


def _apart(got: str, wanted: str, value: Any) -> str:
    """What is there; with its type where it reads like what was expected."""
    return f"{got} ({type(value).__name__})" if got == wanted else got


def _values(wanted: Wanted, names: Sequence[str] | None = None) -> Row:
    """An expected row: values, and the words of matchers."""
    return {name: wanted[name].value if wanted[name].is_exact else wanted[name] for name in names or wanted}


def _hashable(value: Any) -> object:
    """The value as a part of a key; NaN is itself."""
    return repr(value) if isinstance(value, list | dict) or value != value else value  # noqa: PLR0124


def _at_key(code: str, message: str, loc: Loc, help_: str) -> QuerygenError:
    return QuerygenError((Diagnostic(code, message, loc=loc, help=help_, at_key=True),))
