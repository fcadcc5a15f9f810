"""Probe definitions as the judge knows them: facts about buckets, not the files they are written in."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any


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


def functional(per_magnitude: int, low: int, high: int, base: int = 2) -> tuple[int, ...]:
    """Glean's: the powers of base^(1/per_magnitude), rounded down, from that of `low` up to `high`."""
    bounds: dict[int, None] = {0: None}
    root, index = float(base) ** (1 / per_magnitude), 0
    while (bound := math.floor(root**index)) <= high:
        bounds[bound] = None
        index += 1
    first = max(bound for bound in bounds if bound <= low)
    return tuple(bound for bound in bounds if bound >= first)


def exponential(low: int, high: int, count: int) -> tuple[int, ...]:
    """Firefox's: 0, `low`, then each above the last by the factor that leads to `high`, at least by 1."""
    bounds = [0, max(low, 1)]
    while len(bounds) < count:
        factor = (Decimal(high) / bounds[-1]) ** (Decimal(1) / (count - len(bounds)))
        rounded = (bounds[-1] * factor).to_integral_value(ROUND_HALF_UP)
        bounds.append(max(bounds[-1] + 1, int(rounded)))
    return tuple(bounds)


def linear(low: int, high: int, count: int) -> tuple[int, ...]:
    """Firefox's: 0, then from `low` to `high` in equal steps, rounded half up."""
    first = max(low, 1)
    steps = (first + Fraction((high - first) * number, count - 2) for number in range(count - 1))
    return tuple(dict.fromkeys((0, *(math.floor(step + Fraction(1, 2)) for step in steps))))


def shape(buckets: Any) -> tuple[tuple[int, ...], int | None] | None:
    """The bounds that a spec's `buckets` states, and that of the open-ended last bucket; or nothing."""
    if not isinstance(buckets, Mapping):
        return None
    ((name, numbers),) = buckets.items()
    if name == "functional":
        base, per_magnitude, high = numbers
        return functional(per_magnitude, 0, high, base), None
    bounds = {"exponential": exponential, "linear": linear}[name](*numbers)
    return bounds, bounds[-1]


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
