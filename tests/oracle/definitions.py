"""Probe definitions as the judge knows them: facts about buckets, not the files they are written in."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True)
class Probe:
    """What is known of one histogram or Glean metric.

    Attributes:
        record: where it stands: `histograms`, or the Glean type.
        bounds: the lower bound of each bucket, ascending.
        overflow: the bound of the open-ended last bucket, if there is one.
        unit: of the buckets as recorded.
        labels: the names of buckets that stand for categories.
        is_keyed: whether there is a histogram for each key.
        mirrors: of a Glean metric, the legacy probe that it mirrors.
        scale: how many stored Glean units one unit of that legacy probe is.
    """

    record: str
    bounds: tuple[int, ...]
    overflow: int | None = None
    unit: str | None = None
    labels: Mapping[int, str] = field(default_factory=dict, hash=False)
    is_keyed: bool = False
    mirrors: str | None = None
    scale: int = 1

    @property
    def is_glean(self) -> bool:
        return self.record.endswith("_distribution")


Probes = Mapping[str, Probe]  # by name, in lower case


def functional(per_magnitude: int, low: int, high: int) -> tuple[int, ...]:
    """Glean's buckets: the powers of 2^(1/per_magnitude), rounded down, from that of `low` up to `high`."""
    bounds: dict[int, None] = {0: None}
    root, index = 2.0 ** (1 / per_magnitude), 0
    while (bound := math.floor(root**index)) <= high:
        bounds[bound] = None
        index += 1
    first = max(bound for bound in bounds if bound <= low)
    return tuple(bound for bound in bounds if bound >= first)


SIZES = (
    {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9},
    {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30},
)


def factor(recorded: str, asked: str) -> Fraction:
    """The "exact factor" between two units."""
    sizes = next(sizes for sizes in SIZES if recorded in sizes)
    return Fraction(sizes[recorded], sizes[asked])


def next_bound(bounds: Iterable[int], bucket: int) -> int:
    """Where a bucket ends; the open-ended last one has no width."""
    return min((bound for bound in bounds if bound > bucket), default=bucket)
