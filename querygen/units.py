"""Units of values: what a table records, and the exact conversion to what a spec asks for."""

from fractions import Fraction

from sqlglot import exp

from querygen.sqltext import Node

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
}
_BYTES = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def factor(recorded: str, asked: str) -> Fraction | None:
    """What a value in `recorded` is multiplied by to be in `asked`; None between time and memory."""
    for sizes in (_NANOSECONDS, _BYTES):
        if recorded in sizes and asked in sizes:
            return Fraction(sizes[recorded], sizes[asked])
    return None


def unit_after(recorded: str, by: Fraction) -> str | None:
    """The unit of a value that was in `recorded` and multiplied; None if it is none that has a name."""
    if by == 1:
        return recorded
    return next((unit for unit in units_like(recorded) if factor(recorded, unit) == by), None)


def units_like(recorded: str) -> list[str]:
    """The units that a value in `recorded` can be given in."""
    return [*_NANOSECONDS] if recorded in _NANOSECONDS else [*_BYTES] if recorded in _BYTES else []


def converted(node: Node, by: Fraction) -> tuple[Node, str]:
    """The value in the other unit, and its type: one correctly rounded multiplication or division.

    FLOAT64 unless nothing changes, since a corrupt key times a factor could be beyond INT64.
    """
    if by == 1:
        return node, "INT64"
    if by.numerator == 1:
        return exp.Div(this=node, expression=exp.Literal.number(by.denominator)), "FLOAT64"
    scaled = exp.Mul(this=node, expression=exp.Literal.number(f"{by.numerator}.0"))
    if by.denominator == 1:
        return scaled, "FLOAT64"
    return exp.Div(this=exp.Paren(this=scaled), expression=exp.Literal.number(by.denominator)), "FLOAT64"
