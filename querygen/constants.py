"""Constants of a query for whole numbers, laid out some in a line: `CASE n WHEN 0 THEN … WHEN 1 THEN …`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from querygen.sqltext import Node, literal


@dataclass(frozen=True, slots=True)
class Limit:
    """A constant for a whole number."""

    number: Node
    limit: Node


Lines = tuple[tuple[Limit, ...], ...]
"""Constants, some in a line."""


def in_lines(limits: Sequence[float]) -> Lines:
    """Constants for the whole numbers from 0 on, as they are laid out; numbers that are NaN have none."""
    known = [
        Limit(literal(number, "INT64"), literal(round(limit, 9), "FLOAT64"))
        for number, limit in enumerate(limits)
        if not math.isnan(limit)
    ]
    return tuple(tuple(known[i : i + 4]) for i in range(0, len(known), 4))
