"""What can go wrong, as data: every message has a place, a sentence, and one concrete help.

The hierarchy, by exit code:

    QuerygenError           1  a finding: an invalid spec, bad data, a failed check
    ├── UsageError          2  bad flags, or a path that does not exist
    └── EngineError         3  an engine failed, or querygen itself has a bug

This module imports nothing of querygen's, so that everything else can raise its errors.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from unicodedata import combining, east_asian_width

_MOST = 30  # findings that are printed
_LONGEST = 1000  # characters of a message
_WIDEST = 120  # characters of a source line that is shown whole

Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one line of a file. Lines and columns count from 1; `length` is in characters."""

    file: str
    line: int
    column: int
    length: int = 1
    source_line: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: what is wrong, where, and what to do about it.

    Attributes:
        code: stable name such as `unknown-key`.
        message: one sentence in lower case without a final period.
        span: the place in a file, where there is one.
        loc: the path in the spec (`("filters", "os")`), told where the spec has no file.
        at_key: the finding is about the key at `loc`, not its value.
        help: one concrete thing to do.
        severity: a `warning` is about a valid query; a spec silences it by its code.
    """

    code: str
    message: str
    span: Span | None = None
    loc: Loc = ()
    help: str | None = None
    at_key: bool = False
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """The finding as people read it: `file:line:column`, message, code, source line and caret, help."""
        place = _readable(dotted(self.loc))
        if self.span:
            place = f"{_readable(self.span.file)}:{self.span.line}:{self.span.column}"
        said = f"{self.severity}: {_readable(self.message)} [{self.code}]"
        lines = [f"{place}: {said}" if place else said]
        if self.span and self.span.source_line is not None:
            source, caret = _excerpt(self.span, self.span.source_line)
            gutter = f"{self.span.line:>5} | "
            lines += [f"{gutter}{source}".rstrip(), " " * (len(gutter) - 2) + "| " + caret]
        if self.help:
            lines.append(f"  help: {_readable(self.help)}")
        return "\n".join(lines)


def _readable(text: str) -> str:
    """The text as one line without a terminal's control characters, shortened where it is endless."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 200]} … {text[-200:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _excerpt(span: Span, line: str) -> tuple[str, str]:
    """The source line, cut around the place where it is long, and the caret below it."""
    at = span.column - 1
    start, end = 0, len(line)
    if end > _WIDEST:
        start, end = max(at - 60, 0), at + 40
    text = ("…" if start else "") + line[start:end] + ("…" if end < len(line) else "")
    text = "".join(c if c.isprintable() else " " for c in text)
    caret = at - start + (1 if start else 0)
    marked = text[caret : caret + span.length]
    return text, " " * _cells(text[:caret]) + "^" * max(_cells(marked), 1)


def _cells(text: str) -> int:
    """How wide a terminal shows the text."""
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


@dataclass
class QuerygenError(Exception):
    """One or more findings. `str()` prints them, one after the other, up to a number that people read.

    >>> from querygen import Query, QuerygenError
    >>> try:
    ...     Query(measure="count")
    ... except QuerygenError as error:
    ...     print(error)
    measure: error: `count` is no value of `measure` [unknown-value]
      help: a value with a similar name exists: `counts`

    Attributes:
        diagnostics: the findings.
        exit_code: that of the command line.
    """

    diagnostics: Sequence[Diagnostic] = field(default_factory=tuple)
    exit_code = 1

    def __str__(self) -> str:
        lines = [str(finding) for finding in self.diagnostics[:_MOST]]
        if len(self.diagnostics) > _MOST:
            lines.append(f"… and {len(self.diagnostics) - _MOST} findings more")
        return "\n".join(lines)

    def __hash__(self) -> int:
        return id(self)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback, of which its user could learn nothing more."""
        return str(self).splitlines()

    @classmethod
    def of(
        cls,
        code: str,
        message: str,
        *,
        help: str | None = None,  # noqa: A002 the word that people will read
        span: Span | None = None,
        loc: Loc = (),
    ) -> "QuerygenError":
        """An error with a single finding."""
        return cls((Diagnostic(code, message, span, loc, help),))


class UsageError(QuerygenError):
    """Bad flags, or a path that does not exist.

    >>> from querygen import UsageError, load
    >>> try:
    ...     load("no-such-spec.yaml")
    ... except UsageError as error:
    ...     print(error.diagnostics[0].message)
    the spec no-such-spec.yaml does not exist
    """

    exit_code = 2


class EngineError(QuerygenError):
    """An engine failed, or querygen itself has a bug.

    >>> import duckdb
    >>> from querygen import EngineError, load
    >>> try:
    ...     load("examples/tutorial/03-percentiles-of-one-day.yaml").run(connection=duckdb.connect())
    ... except EngineError as error:
    ...     print(error.diagnostics[0].code)
    duckdb
    """

    exit_code = 3


def dotted(loc: Loc) -> str:
    """A path as people write it: `dimensions[0].cases`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def suggest(name: str, candidates: Iterable[str], count: int = 3) -> list[str]:
    """The candidates that `name` was most likely meant to be, best first (at most `count`).

    Compares without regard to case; a candidate that contains the name, or the words of the name in
    another order, also counts as near.
    """
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    lower = name.lower()
    near = difflib.get_close_matches(lower, by_lower, n=count, cutoff=0.6)
    if len(near) < count and len(lower) >= 4:
        words = set(lower.replace(".", "_").split("_"))
        near += [
            other
            for other in by_lower
            if other not in near and (lower in other or words == set(other.replace(".", "_").split("_")))
        ]
    return [by_lower[other] for other in near[:count]]


def similar_name_help(name: str, candidates: Iterable[str], what: str) -> str | None:
    """A help line such as "a key with a similar name exists: `dimensions`", or None."""
    near = suggest(name, candidates)
    if not near:
        return None
    names = ", ".join(f"`{other}`" for other in near)
    if len(near) == 1:
        return f"{what} with a similar name exists: {names}"
    return f"{what} with a similar name exists; the nearest are {names}"
