"""Scaling: how time and memory grow with the pings."""

from itertools import pairwise
from math import log
from pathlib import Path

from benchmarks.harness import Line, interleaved, sample, seconds
from benchmarks.strategies import OURS

ROUNDS = 7
LIMIT = 1.05


def scaling(folder: Path, sizes: list[int]) -> list[Line]:
    """The exponent of the growth from each size to the next: 1 is time that grows as the pings do."""
    runs, _ = interleaved([(OURS, sample(folder, pings)) for pings in sizes], lambda _: ROUNDS)
    lines = []
    for (small, few), (large, many) in pairwise(zip(sizes, runs, strict=True)):
        grown = log(large / small)
        exponent = log(many.wall / few.wall) / grown
        lines.append(
            Line(
                f"exponent of time, {small:,} to {large:,} pings",
                seconds(few.wall),
                seconds(many.wall),
                exponent,
                log(many.cpu / few.cpu) / grown,
                f"≤ {LIMIT}",
                exponent <= LIMIT,
            )
        )
    return lines
