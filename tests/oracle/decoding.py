"""Which histogram strings are decodable, and what they hold."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

CAP = 2**40
INTEGER_MEMBERS = ("bucket_count", "histogram_type", "sum")
FRACTION_MEMBERS = ("log_sum", "log_sum_squares", "sum_squares_lo", "sum_squares_hi")


class Decoded(NamedTuple):
    """What a decodable string holds; a missing or null member is None.

    `entries` are the (key, count) pairs in textual order, repeated keys, zeros and absurd counts included.
    """

    sum: int | None
    bucket_count: int | None
    histogram_type: int | None
    range: tuple[int, int] | None
    entries: tuple[tuple[int, int], ...]

    def counted(self) -> list[tuple[int, int]]:
        """The entries that count: those "whose count is outside 1..2^40 contribute nothing"."""
        return [(key, count) for key, count in self.entries if 1 <= count <= CAP]


class _UndecodableError(Exception):
    """The text departs from the grammar."""


class _Scanner:
    """Reads the tokens of the grammar from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def accept(self, token: str) -> bool:
        """Steps over the token if it comes next."""
        found = self.text.startswith(token, self.at)
        self.at += len(token) if found else 0
        return found

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise _UndecodableError

    def spaces(self) -> None:
        r"""`ws := \s*`, which is space, \t, \n, \f and \r in RE2."""
        while self.text[self.at : self.at + 1] in (" ", "\t", "\n", "\f", "\r"):
            self.at += 1

    def digits(self, at_most: int) -> str:
        """One to `at_most` ASCII digits."""
        start = self.at
        while self.at - start < at_most and "0" <= self.text[self.at : self.at + 1] <= "9":
            self.at += 1
        if self.at == start:
            raise _UndecodableError
        return self.text[start : self.at]

    def integer(self) -> int:
        """`INT := -?(0|[1-9][0-9]{0,17})`. Of 007 and of 19 digits it leaves a rest, where nothing fits."""
        sign = -1 if self.accept("-") else 1
        return 0 if self.accept("0") else sign * int(self.digits(18))

    def fraction(self) -> Fraction:
        r"""`FRAC := INT(\.[0-9]+)?`."""
        start = self.at
        self.integer()
        if self.accept("."):
            self.digits(len(self.text))
        return Fraction(self.text[start : self.at])

    def members(self, member: Callable[[], None]) -> None:
        """`{` members `}`: "ws between tokens, members separated by commas", possibly none."""
        self.expect("{")
        self.spaces()
        if self.accept("}"):
            return
        while True:
            member()
            self.spaces()
            if self.accept("}"):
                return
            self.expect(",")
            self.spaces()

    def separator(self, token: str) -> None:
        """The token, with ws on either side."""
        self.spaces()
        self.expect(token)
        self.spaces()


def decode(text: str | None) -> Decoded | None:
    """The histogram that a string holds; None where it is NULL or matches none of the four forms."""
    if text is None:
        return None
    scanner = _Scanner(text)
    try:
        scanner.spaces()
        decoded = _json_object(scanner) if scanner.text.startswith("{", scanner.at) else _compact(scanner)
        scanner.spaces()
    except _UndecodableError:
        return None
    return decoded if scanner.at == len(text) else None


def _json_object(scanner: _Scanner) -> Decoded:
    """Form 1: a JSON object of the known members in any order. "If "sum" occurs twice the first counts"."""
    first: dict[str, Any] = {}

    def member() -> None:
        scanner.expect('"')
        names = (*INTEGER_MEMBERS, *FRACTION_MEMBERS, "range", "values")
        name = next((name for name in names if scanner.accept(f'{name}"')), None)
        if name is None:
            raise _UndecodableError
        scanner.separator(":")
        value: Any = None
        if name == "range":
            value = _json_range(scanner)
        elif name == "values":
            if name in first:  # "the "values" member occurs at most once"
                raise _UndecodableError
            value = () if scanner.accept("null") else _json_values(scanner)
        elif not scanner.accept("null"):
            value = scanner.integer() if name in INTEGER_MEMBERS else scanner.fraction()
        first.setdefault(name, value)

    scanner.members(member)
    return Decoded(
        sum=first.get("sum"),
        bucket_count=first.get("bucket_count"),
        histogram_type=first.get("histogram_type"),
        range=first.get("range"),
        entries=first.get("values", ()),
    )


def _json_range(scanner: _Scanner) -> tuple[int, int]:
    """`[INT, INT]` with ws between tokens."""
    scanner.expect("[")
    scanner.spaces()
    low = scanner.integer()
    scanner.spaces()
    scanner.expect(",")
    scanner.spaces()
    high = scanner.integer()
    scanner.spaces()
    scanner.expect("]")
    return low, high


def _json_values(scanner: _Scanner) -> tuple[tuple[int, int], ...]:
    """`{ "INT": INT, ... }`, possibly empty; "duplicate keys all count"."""
    entries = []

    def member() -> None:
        scanner.expect('"')
        key = scanner.integer()
        scanner.expect('"')
        scanner.separator(":")
        entries.append((key, scanner.integer()))

    scanner.members(member)
    return tuple(entries)


def _compact(scanner: _Scanner) -> Decoded:
    """Forms 2 to 4, none of which has ws inside."""
    first = scanner.integer()
    if scanner.accept(";"):  # bucket_count;histogram_type;sum;low,high;key:count,...
        histogram_type = scanner.integer()
        scanner.expect(";")
        total = scanner.integer()
        scanner.expect(";")
        low = scanner.integer()
        scanner.expect(",")
        high = scanner.integer()
        scanner.expect(";")
        return Decoded(total, first, histogram_type, (low, high), _compact_entries(scanner))
    if scanner.accept(","):  # "keys 0,1 (and an empty 2)", "`sum` of a pair (f,t) is t"
        second = scanner.integer()
        return Decoded(second, 3, 2, (1, 2), ((0, first), (1, second), (2, 0)))
    # a use counter or count: "all mass on key 0 (and an empty 1)", its sum is itself
    return Decoded(first, 3, 4, (1, 2), ((0, first), (1, 0)))


def _compact_entries(scanner: _Scanner) -> tuple[tuple[int, int], ...]:
    """`[INT:INT{,INT:INT}]`: the fifth part may be empty."""
    entries: list[tuple[int, int]] = []
    following = scanner.text[scanner.at : scanner.at + 1]
    if not following or following not in "-0123456789":
        return ()
    while not entries or scanner.accept(","):
        key = scanner.integer()
        scanner.expect(":")
        entries.append((key, scanner.integer()))
    return tuple(entries)
