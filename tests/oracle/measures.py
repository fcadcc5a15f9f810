"""Votes and measures: who counts in a group, and the rows of one group."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from oracle.decoding import Decoded
from oracle.definitions import next_bound

Spec = Mapping[str, Any]
Output = dict[str, Any]  # a row of the answer: columns in their order
Counts = Mapping[int, Fraction | int]
DEFAULT_PERCENTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Facts:
    """What is known about the buckets of all histograms asked for, and what they are multiplied by."""

    scale: Fraction = Fraction(1)
    bounds: tuple[int, ...] = ()
    overflow: int | None = None
    labels: tuple[tuple[int, str], ...] = ()

    def given(self, bucket: int) -> int | Fraction:
        """A bucket "multiplied by the exact factor" (FLOAT64 unless that is 1)."""
        return bucket if self.scale == 1 else bucket * self.scale


class Vote(NamedTuple):
    """A histogram that has a say: its client, its unit (whoever's histograms sum to 1) and what it holds."""

    client: str | None
    unit: Any
    histogram: Decoded

    @property
    def total(self) -> int:
        """How many samples the histogram has."""
        return sum(count for _, count in self.histogram.counted())


def unit_weights(spec: Spec, votes: Iterable[Vote]) -> dict[Any, Fraction | int]:
    """The weight of a unit's samples: "every unit is scaled by 1/total"; under `none` each weighs 1."""
    totals: dict[Any, int] = defaultdict(int)
    for vote in votes:
        totals[vote.unit] += vote.total
    plain = spec.get("normalization", "none") == "none"
    return {unit: 1 if plain else Fraction(1, total) for unit, total in totals.items()}


def bucket_counts(spec: Spec, votes: Sequence[Vote]) -> dict[int, Fraction | int]:
    """Bucket → count in ascending order: samples under `none`, votes otherwise. Zero buckets aren't there."""
    weights = unit_weights(spec, votes)
    counts: dict[int, Fraction | int] = defaultdict(int)
    for vote in votes:
        for key, count in vote.histogram.counted():
            counts[key] += count * weights[vote.unit]
    return dict(sorted(counts.items()))


def n_clients(clients: Iterable[str | None]) -> int:
    """How many "distinct non-NULL client ids"; '' is an id like any other."""
    return len({client for client in clients if client is not None})


def group_counts(votes: Sequence[Vote]) -> Output:
    """`n_clients` and `n_samples`, which "both belong to the group"."""
    return {
        "n_clients": n_clients(vote.client for vote in votes),
        "n_samples": sum(vote.total for vote in votes),
    }


def exact(percentile: float) -> Fraction:
    """A percentile as the decimal that was written: 0.1 is one tenth."""
    return Fraction(str(percentile))


def percentile_value(counts: Counts, percentile: Fraction) -> int:
    """The "lowest bucket whose cumulative share is ≥ p, where a share within 1e-9 of p has reached it"."""
    total = Fraction(sum(counts.values()))
    cumulative = Fraction(0)
    for bucket, count in sorted(counts.items()):
        cumulative += count
        if cumulative / total >= percentile - Fraction(1, 10**9):
            return bucket
    raise ValueError(f"no bucket reaches {percentile}")


def place_inside(counts: Counts, percentile: Fraction, bounds: Sequence[int]) -> Fraction:
    """Where in its bucket a percentile stands.

    "Within the bucket b that the bucket rule picks, value = b + width·(1 − (cum − p)/share_of_bucket) clamped
    to [b, next bound]; the last bound has width 0." Where an observed bucket that is no bound comes first,
    the place is not beyond it either.
    """
    bucket = percentile_value(counts, percentile)
    total = Fraction(sum(counts.values()))
    cumulative = sum(count for below, count in counts.items() if below <= bucket) / total
    inside = 1 - (cumulative - percentile) / (counts[bucket] / total)
    width = next_bound(bounds, bucket) - bucket
    place = bucket + width * min(max(inside, Fraction(0)), Fraction(1))
    return min([place, *(Fraction(other) for other in counts if other > bucket)])


def percentiles_of(spec: Spec) -> list[Fraction]:
    """The percentiles asked for, ascending; five of them by default."""
    return sorted({exact(number) for number in spec.get("percentiles") or DEFAULT_PERCENTILES})


def smoothed(spec: Spec, counts: Counts, facts: Facts) -> Counts:
    """The counts that shares are made of.

    With `prior: dirichlet` "each bucket of the definition begins with an equal part of one vote".
    """
    if spec.get("prior") is None:
        return counts
    begun = dict.fromkeys(facts.bounds, Fraction(1, len(facts.bounds)))
    return {bucket: counts.get(bucket, 0) + begun.get(bucket, 0) for bucket in sorted({*counts, *begun})}


def percentile_rows(spec: Spec, votes: Sequence[Vote], facts: Facts) -> list[Output]:
    """`percentile`, `value`, [`at_least`], `n_clients`, `n_samples`, in ascending order of percentile.

    "`at_least`: value's bucket ≥ the overflow bound."
    """
    counts = smoothed(spec, bucket_counts(spec, votes), facts)
    rows = []
    for percentile in percentiles_of(spec):
        bucket = percentile_value(counts, percentile)
        value = facts.given(bucket)
        if spec.get("percentile_method") == "interpolated":
            value = place_inside(counts, percentile, facts.bounds) * facts.scale
        beyond = {} if facts.overflow is None else {"at_least": bucket >= facts.overflow}
        rows.append({"percentile": percentile, "value": value, **beyond, **group_counts(votes)})
    return rows


def distribution_rows(spec: Spec, votes: Sequence[Vote], facts: Facts) -> list[Output]:
    """`bucket`, [`label`], `count`, `share`, `n_clients`, `n_samples`.

    "share = count / sum of counts in the group". "`buckets: all`: also a row with count 0, share 0 for each
    bound without samples; observed buckets outside the bounds are kept." With a prior shares are of the
    smoothed counts, and each bucket has one.
    """
    counts = bucket_counts(spec, votes)
    weights = smoothed(spec, counts, facts)
    total = Fraction(sum(weights.values()))
    if spec.get("buckets", "observed") != "observed" or spec.get("prior"):
        nothing = 0 if spec.get("normalization", "none") == "none" else Fraction(0)
        counts = dict.fromkeys(facts.bounds, nothing) | counts
    labels = dict(facts.labels)
    return [
        {
            "bucket": facts.given(bucket),
            **({"label": labels.get(bucket)} if labels else {}),
            "count": count,
            "share": weights.get(bucket, 0) / total,
            **group_counts(votes),
        }
        for bucket, count in sorted(counts.items())
    ]


def summary_rows(spec: Spec, votes: Sequence[Vote], facts: Facts) -> list[Output]:
    """`count`, `sum`, `mean` (sum/count, untruncated), `n_clients`; "a NULL sum adds 0".

    Under a normalization "sum = sum over units of unit_sum/unit_total", count = "number of voting units".
    The sum is of values, which are converted where a mirror answers.
    """
    weights = unit_weights(spec, votes)
    count = int(sum(vote.total * weights[vote.unit] for vote in votes))
    total = Fraction(sum((vote.histogram.sum or 0) * weights[vote.unit] for vote in votes)) * facts.scale
    clients = n_clients(vote.client for vote in votes)
    return [{"count": count, "sum": total, "mean": total / count, "n_clients": clients}]


MEASURES: dict[str, Callable[[Spec, Sequence[Vote], Facts], list[Output]]] = {
    "percentiles": percentile_rows,
    "distribution": distribution_rows,
    "summary": summary_rows,
}


def measure_of(spec: Spec) -> str:
    """The spec's measure: "percentiles given -> percentiles, else histogram given -> distribution"."""
    probe = spec.get("histogram") or spec.get("scalar") or spec.get("events")
    default = "percentiles" if spec.get("percentiles") else "distribution" if probe else None
    measure = spec.get("measure") or default
    if measure is None:
        raise ValueError("a spec needs a histogram or a measure")
    return str(measure)
