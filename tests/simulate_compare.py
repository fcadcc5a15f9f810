"""Are the p-values of `measure: compare` right? Many simulated experiments, all by the rendered SQL.

Under no difference p-values must be uniform, and 5% of them below 0.05; under a known shift as many must be
below 0.05 as in a permutation test of numpy's that shuffles clients. Clients are of equal or very unequal
activity, and differ from each other more than one client's samples do, which a test of samples gets wrong.

    python tests/simulate_compare.py                        # two hours
    python tests/simulate_compare.py --quick                # a fifth of the experiments
    python tests/simulate_compare.py --arms 1063:170133     # branches of this size only
"""

import argparse
import math
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))

from querygen import Query

BUCKETS = (0, 1, 2, 4, 7, 12, 20, 34, 58, 100)
EXPERIMENT = {"name": "experiment", "of": "country"}
BRANCH = {"name": "branch", "of": "os"}
SPEC = {
    "measure": "compare",
    "dimensions": [EXPERIMENT, BRANCH],
    "control": "control",
    "branches": ["treatment"],
    "allow_full_scan": True,
}
PERMUTATIONS = 499
AT_ONCE = 100  # experiments in one query
CLIENTS_AT_ONCE = 200_000


@dataclass(frozen=True)
class Arms:
    """How many clients both branches of an experiment have."""

    treatment: int
    control: int

    @property
    def clients(self) -> int:
        return self.treatment + self.control

    def __str__(self) -> str:
        return f"{self.treatment}:{self.control}"


NO_DIFFERENCE = (
    (Arms(100, 100), 1000),
    (Arms(20, 200), 1000),
    (Arms(1000, 1000), 200),
    (Arms(200, 2000), 200),
    (Arms(21, 3403), 500),  # the notebook's in small
    (Arms(1063, 170_133), 200),  # and as it was
)
SHIFTS = ((Arms(100, 100), 0.35), (Arms(40, 400), 0.4))


ACTIVITIES = {"equal": (2.5, 0.0), "very unequal": (2.0, 1.2)}  # mean and SD of its logarithm


@dataclass(frozen=True)
class Simulated:
    """Experiments with the same arms; in all arrays the first clients of an experiment are the treatment.

    Attributes:
        counts: samples by experiment, client and bucket.
        numbers: by experiment and client.
    """

    arms: Arms
    counts: np.ndarray
    numbers: np.ndarray


def simulated(
    arms: Arms,
    experiments: int,
    seed: int | list[int],
    shift: float = 0,
    activity: str = "very unequal",
) -> Simulated:
    """Experiments whose treatment is shifted upwards, by as many standard deviations of clients."""
    chance = np.random.default_rng(seed)
    shape = (experiments, arms.clients)
    moved = np.where(np.arange(arms.clients) < arms.treatment, shift, 0)
    samples = np.maximum(1, np.exp(chance.normal(*ACTIVITIES[activity], shape)).astype(int))
    level = chance.normal(0, 1, shape) + moved
    centres = np.linspace(-2.5, 2.5, len(BUCKETS))
    weights = np.exp(-((centres - level[..., None]) ** 2))
    counts = chance.multinomial(samples, weights / weights.sum(axis=-1, keepdims=True))
    numbers = (1000 * np.exp(chance.normal(0, 1, shape) + moved)).astype(int)
    return Simulated(arms, counts, numbers)


def attached(data: Simulated) -> duckdb.DuckDBPyConnection:
    """All experiments as one table of pings, one of each client."""
    experiments, clients = data.numbers.shape
    count = experiments * clients
    place = np.tile(np.arange(clients), experiments)
    columns = {
        "experiment": np.repeat(np.arange(experiments), clients),
        "client": np.arange(count),
        "is_treated": place < data.arms.treatment,
        "number": data.numbers.reshape(count),
    }
    flat = data.counts.reshape(count, len(BUCKETS))
    columns |= {f"b{i}": flat[:, i] for i in range(len(BUCKETS))}
    connection = duckdb.connect(config={"threads": 1})
    connection.register("flat", pa.table({name: pa.array(values) for name, values in columns.items()}))
    values = " || ',' || ".join(f"'\"{bucket}\":' || b{i}" for i, bucket in enumerate(BUCKETS))
    connection.execute("CREATE SCHEMA telemetry")
    connection.execute(f"""
        CREATE TABLE telemetry.main AS SELECT
          TIMESTAMP '2020-04-20 01:00:00' AS submission_timestamp,
          'client-' || client AS client_id,
          lpad(experiment::VARCHAR, 6, '0') AS normalized_country_code,
          if(is_treated, 'treatment', 'control') AS normalized_os,
          {{
            'histograms': {{'gc_ms': '{{"values":{{' || {values} || '}}}}'}},
            'processes': {{'parent': {{'scalars': {{'opened': number}}}}}}
          }} AS payload
        FROM flat
    """)
    return connection


def parts_of(
    arms: Arms, experiments: int, seed: int, shift: float = 0, activity: str = "very unequal"
) -> Iterator[Simulated]:
    """The same, as many at a time as one query can have without gigabytes."""
    at_once = min(AT_ONCE, max(1, CLIENTS_AT_ONCE // arms.clients))
    for first in range(0, experiments, at_once):
        count = min(at_once, experiments - first)
        yield simulated(arms, count, [seed, first], shift, activity)


def p_values(
    data: Simulated,
    permutations: int = PERMUTATIONS,
    normalization: str = "none",
    statistics: tuple[str, ...] = ("chi2", "median", "mean"),
) -> dict[str, np.ndarray]:
    """The p-values of all experiments, by statistic."""
    found: dict[str, list[float]] = {}
    connection = attached(data)
    spec = SPEC | {"permutations": permutations}
    asked = [
        ({"histogram": "GC_MS", "normalization": normalization}, {"chi2"}),
        ({"scalar": "payload.processes.parent.scalars.opened"}, {"median", "mean"}),
    ]
    for probe, its in asked:
        more = {**probe, "statistics": [one for one in statistics if one in its]}
        if not more["statistics"]:
            continue
        for row in Query(**spec, **more).run(connection=connection).rows():
            found.setdefault(row["statistic"], []).append(row["p_value"])
    connection.close()
    return {statistic: np.array(values) for statistic, values in found.items()}


def by_client(data: Simulated, seed: int, permutations: int = PERMUTATIONS) -> dict[str, np.ndarray]:
    """The same by shuffling the clients of each experiment, one by one."""
    chance = np.random.default_rng(seed)
    found: dict[str, list[float]] = {"chi2": [], "median": [], "mean": []}
    count = data.arms.treatment
    for counts, numbers in zip(data.counts, data.numbers, strict=True):
        shuffled = chance.permuted(np.tile(np.arange(data.arms.clients), (permutations, 1)), axis=1)
        order = np.vstack([np.arange(data.arms.clients), shuffled])
        drawn = np.zeros((permutations + 1, data.arms.clients))
        np.put_along_axis(drawn, order[:, :count], 1, axis=1)
        x = drawn @ counts
        x, y = x / x.sum(axis=1, keepdims=True), (t := counts.sum(axis=0) - x) / t.sum(axis=1, keepdims=True)
        found["chi2"].append(_p(0.5 * ((x - y) ** 2 / (x + y + 1e-10)).sum(axis=1)))
        values = numbers[order]
        found["mean"].append(_p(values[:, :count].mean(axis=1) - values[:, count:].mean(axis=1)))
        found["median"].append(_p(_median(values[:, :count]) - _median(values[:, count:])))
    return {statistic: np.array(values) for statistic, values in found.items()}


def _median(values: np.ndarray) -> np.ndarray:
    """The lowest number that half of the clients are at or below."""
    middle = (values.shape[1] + 1) // 2 - 1
    return np.partition(values, middle, axis=1)[:, middle]


def _p(distances: np.ndarray) -> float:
    """The corrected share of the others that are as far as the first."""
    apart = np.abs(distances)
    return float((1 + (apart[1:] >= apart[0] * (1 - 1e-9)).sum()) / len(apart))


def ks(values: np.ndarray, permutations: int = PERMUTATIONS) -> float:
    """The p-value of the Kolmogorov-Smirnov test that p-values are uniform on 1/(m+1), …, 1.

    Of the continuous distribution's limit, so on the safe side: steps make the test more lenient, not less.
    """
    steps = np.arange(1, permutations + 2) / (permutations + 1)
    share = np.searchsorted(np.sort(values), steps + 1e-12, side="right") / len(values)
    scaled = (math.sqrt(len(values)) + 0.12 + 0.11 / math.sqrt(len(values))) * np.abs(share - steps).max()
    return min(1.0, 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101)))


def together(parts: Iterable[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The p-values of several parts, by statistic."""
    found = list(parts)
    return {statistic: np.concatenate([part[statistic] for part in found]) for statistic in found[0]}


def under_no_difference(arms: Arms, experiments: int, seed: int) -> Iterator[str]:
    for activity, normalization in product(ACTIVITIES, ("none", "client")):
        begin = time.monotonic()
        # Numbers are the same whatever clients' histograms are.
        statistics = (
            ("chi2", "median", "mean") if (activity, normalization) == ("equal", "none") else ("chi2",)
        )
        found = together(
            p_values(data, normalization=normalization, statistics=statistics)
            for data in parts_of(arms, experiments, seed, activity=activity)
        )
        took = time.monotonic() - begin
        for statistic, values in found.items():
            rejected = (values <= 0.05).mean()
            error = math.sqrt(0.05 * 0.95 / experiments)
            label = f"{statistic} ({normalization}, {activity})" if statistic == "chi2" else statistic
            yield (
                f"  {arms!s:>10}  {label:<28} {experiments:>5} experiments: {rejected:6.1%} at or below 0.05 "
                f"(5% ± {2 * error:.1%}), KS p = {ks(values):.3f}  [{took:.0f} s]"
            )


def under_a_shift(arms: Arms, experiments: int, seed: int, shift: float) -> Iterator[str]:
    both = [
        (p_values(data), by_client(data, seed + 1 + place))
        for place, data in enumerate(parts_of(arms, experiments, seed, shift))
    ]
    ours, theirs = (together(side) for side in zip(*both, strict=True))
    for statistic, values in ours.items():
        power, other = (values <= 0.05).mean(), (theirs[statistic] <= 0.05).mean()
        yield (
            f"  {arms!s:>10}  {statistic:<7} shifted by {shift} SD, {experiments} experiments: "
            f"power {power:.1%}, by client {other:.1%}, apart {100 * (power - other):+.1f} points; "
            f"correlation of p-values {np.corrcoef(values, theirs[statistic])[0, 1]:.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a fifth of the experiments")
    parser.add_argument("--only", choices=("null", "shift"), help="one of the two parts")
    parser.add_argument("--arms", help="branches of this size only, such as 20:200")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    part = 5 if given.quick else 1

    def is_asked(arms: Arms) -> bool:
        return given.arms in (None, str(arms))

    if given.only != "shift":
        print("Under no difference:")
        for arms, experiments in NO_DIFFERENCE:
            if not is_asked(arms):
                continue
            for line in under_no_difference(arms, experiments // part, given.seed):
                print(line, flush=True)
    if given.only != "null":
        print("Under a shift:")
        for arms, shift in SHIFTS:
            if not is_asked(arms):
                continue
            for line in under_a_shift(arms, 500 // part, given.seed + 1, shift):
                print(line, flush=True)


if __name__ == "__main__":
    main()
