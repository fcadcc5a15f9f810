"""Failures in words: what differs, by key, and in few lines."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from querygen.cases.compare import Changed, Comparison
from querygen.cases.values import Expected, shown

_MOST_ROWS = 8  # of each kind
_MOST_LINES = 40  # of a text's differences
_WIDEST = 100


def differences(found: Comparison) -> list[str]:
    """Lines that tell how rows differ: a summary, then each row that does."""
    lines = [_summary(found), ""]
    for row, count in found.doubled[:_MOST_ROWS]:
        lines.append(f"{named(row) or 'the result'}  has {count} rows")
    if found.doubled:
        own = f"; the result's own key is {', '.join(found.own_key)}" if found.own_key else ""
        lines += ["", f"These columns do not tell rows apart: {', '.join(found.key) or 'none'}{own}"]
        return lines
    lines += _listed([line for row in found.changed[:_MOST_ROWS] for line in _changed(row)], found.changed)
    for title, rows in (("missing", found.missing), ("unexpected", found.unexpected)):
        lines += _listed([line for row in rows[:_MOST_ROWS] for line in _row(title, row, found.key)], rows)
    if found.moved and not (found.missing or found.unexpected):
        expected, got = found.moved
        lines += [f"order: expected {named(expected)}", f"       got      {named(got)}"]
    return lines


def _summary(found: Comparison) -> str:
    if found.doubled:
        return f"{len(found.doubled)} {'key has' if len(found.doubled) == 1 else 'keys have'} several rows"
    of = f"of {found.wanted} expected rows"
    parts = []
    if found.changed:
        parts.append(f"{len(found.changed)} {of} {'differs' if len(found.changed) == 1 else 'differ'}")
    if found.missing:
        missing = f"{len(found.missing)}{'' if parts else f' {of}'}"
        parts.append(f"{missing} {'is' if len(found.missing) == 1 else 'are'} missing")
    if found.unexpected:
        one = len(found.unexpected) == 1
        parts.append(f"{len(found.unexpected)} {'row is' if one else 'rows are'} unexpected")
    if found.moved and not parts:
        parts.append("the rows are in another order")
    by = f"aligned by {', '.join(found.key)}" if found.key else "without a key, paired by likeness"
    return ", ".join(parts) + (f" ({by})" if found.key or found.by_likeness else "")


def _listed(lines: list[str], rows: Sequence[object]) -> list[str]:
    left = len(rows) - _MOST_ROWS
    return [*lines, *([f"… and {left} more"] if left > 0 else [])]


def _changed(row: Changed) -> list[str]:
    names = max(len(name) for name, _, _ in row.cells)
    wanted = max(len(text) for _, text, _ in row.cells)
    cells = [f"    {name:{names}}  expected {text:{wanted}}  got {got}" for name, text, got in row.cells]
    return [named(row.name) or "the row", *cells]


def _row(title: str, row: Mapping[str, Any], key: Sequence[str]) -> list[str]:
    name = named({column: row[column] for column in key if column in row})
    rest = named({column: value for column, value in row.items() if column not in key})
    return [f"{name or 'a row'}  is {title}" + (f": {rest}" if rest else "")]


def named(row: Mapping[str, Any]) -> str:
    """The cells of a row in one line: `os=Mac percentile=0.5`."""
    cells = (
        f"{name}={_short(value.text if isinstance(value, Expected) else shown(value))}"
        for name, value in row.items()
    )
    return " ".join(cells)


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def text_differences(expected: str, got: str) -> list[str]:
    """The lines of a text that differ, with some around them."""
    lines = list(
        difflib.unified_diff(expected.splitlines(), got.splitlines(), "snapshot", "now", lineterm="", n=2)
    )
    left = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], *([f"… and {left} lines more"] if left > 0 else [])]


def indented(lines: Sequence[str]) -> str:
    """Lines below a heading."""
    return "\n".join(f"  {line}".rstrip() for line in lines)
