"""Do the limits that `confidence: 0.95` gives hold the truth 95% of the time? All by the rendered SQL.

Experiments are drawn from a population whose shares, percentiles and means are known. Of each size, all
experiments are one table, and one query has the limits of all of them.

    python tests/simulate_intervals.py            # two hours
    python tests/simulate_intervals.py --quick    # without the largest experiments
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))

from querygen import Query
from querygen.result import Result
from querygen.row_lints import is_unsteady

SIZES = (200, 2_000, 20_000)  # clients
EXPERIMENTS = 1_000
AT_ONCE = 200_000  # clients in one query
BUCKETS = np.array((0, 1, 2, 4, 7, 12, 20, 34, 58, 100))
FIXED = 4  # the share at or below this one of them is looked at
PERCENTILES = (0.25, 0.5, 0.95)
SCALARS = "payload.processes.parent.scalars"
COMMON = {
    "dimensions": [{"name": "experiment", "of": "country"}],
    "confidence": 0.95,
    "allow_full_scan": True,
}
COMPARED = COMMON | {
    "measure": "compare",
    "control": "control",
    "branches": ["treatment"],
    "permutations": 1,
    "cells": 1,
}
# The mean and SD of the logarithm of clients' samples.
ACTIVITIES = {"equal": (2.3, 0.0), "very unequal": (2.0, 1.2)}


@dataclass(frozen=True)
class Question:
    """Something that a query gives limits of.

    Attributes:
        spec: beside COMMON; one query may give rows of several truths.
        truths: the value of a column for each of the rows of one experiment that are looked at, by what
            `by` says in them.
        goal: the coverage that is asked for, least and most.
        largest: whether it is also asked of the largest experiments, where some would take hours.
    """

    name: str
    spec: dict[str, Any]
    by: str | None
    truths: dict[Any, float]
    goal: tuple[float, float] | None
    largest: bool = True


def shares() -> np.ndarray:
    """The mean over all clients of the share of each bucket."""
    level = np.linspace(-8, 8, 20_001)
    weights = np.exp(-((_centres() - level[:, None]) ** 2))
    weights /= weights.sum(axis=1, keepdims=True)
    density = np.exp(-(level**2) / 2)
    return density @ weights / density.sum()


def _centres() -> np.ndarray:
    return np.linspace(-2.5, 2.5, len(BUCKETS))


def questions(activity: str) -> Iterator[Question]:
    """What is asked of histograms, and then of scalars, which are the same whatever the activity."""
    population = shares()
    reached = population.cumsum()
    percentiles = {p: float(BUCKETS[np.argmax(reached >= p)]) for p in PERCENTILES}
    # With clients of equal activity, normalization changes nothing.
    for normalization in ("none",) if activity == "equal" else ("none", "client"):
        of = {"normalization": normalization}
        # Samples of clients of very unequal activity are heavy-tailed sums.
        goal = (0.93, 1.0) if normalization == "none" and activity == "very unequal" else (0.93, 0.97)
        yield Question(
            f"share at or below {BUCKETS[FIXED]}, {normalization}",
            {"histogram": "AT_MOST", **of},
            "bucket",
            {0: reached[FIXED]},
            goal,
        )
        asked = {"histogram": "GC_MS", "percentiles": list(PERCENTILES), **of}
        yield Question(f"percentiles, {normalization}", asked, "percentile", percentiles, (0.93, 1.0))
        asked = {"histogram": "GC_MS", "measure": "summary", **of}
        yield Question(
            f"mean of a histogram, {normalization}",
            asked,
            None,
            {None: float(population @ BUCKETS)},
            goal,
        )
        for arms, column in ARMS.items():
            asked = compared(column, PERCENTILES) | {"histogram": "GC_MS", **of}
            truths = {str(p): 0.0 for p in PERCENTILES}
            label = f"difference of percentiles, {arms}, {normalization}"
            yield Question(label, asked, "statistic", truths, (0.93, 1.0), largest=False)
    if activity != "equal":
        return
    for name, mean in MEANS.items():
        goal = (0.93, 0.97) if name == "light" else None
        scalar = {"scalar": f"{SCALARS}.{name}"}
        yield Question(f"mean, {WORDS[name]}", {**scalar, "measure": "summary"}, None, {None: mean}, goal)
        for arms, column in ARMS.items():
            statistics = ["mean", "median"] if name in {"light", "heavier"} else ["mean"]
            goals = {"mean": goal, "median": (0.93, 1.0)}
            for statistic in statistics:
                asked = {**compared(column, [statistic]), **scalar}
                label = f"difference of {statistic}s, {arms}, {WORDS[name]}"
                is_light = (name, statistic) == ("light", "mean")
                yield Question(label, asked, None, {None: 0.0}, goals[statistic], largest=is_light)


def compared(column: str, statistics: Sequence[Any]) -> dict[str, Any]:
    """Branches by a column; permutations, which limits don't need, are as few as can be."""
    dimensions = [*COMMON["dimensions"], {"name": "branch", "of": column}]
    return {**COMPARED, "dimensions": dimensions, "statistics": list(statistics)}


ARMS = {"1:1": "os", "1:9": "channel"}
MEANS = {
    "light": 1000.0,
    "skewed": 1000.0,
    "heavy": 1000 * math.exp(1.5**2 / 2),
    "heavier": 1000 * math.exp(2),
    "rare": 0.01,
}
WORDS = {
    "light": "normal numbers",
    "skewed": "exponential numbers",
    "heavy": "log-normal numbers (SD 1.5)",
    "heavier": "log-normal numbers (SD 2)",
    "rare": "one event per 100 clients",
}


def numbers(chance: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """A number of each client, by distribution."""
    return {
        "light": np.maximum(0, np.rint(chance.normal(1000, 250, count))).astype(int),
        "skewed": np.rint(chance.exponential(1000, count)).astype(int),
        "heavy": np.rint(1000 * np.exp(chance.normal(0, 1.5, count))).astype(int),
        "heavier": np.rint(1000 * np.exp(chance.normal(0, 2, count))).astype(int),
        "rare": chance.poisson(0.01, count),
    }


def attached(chance: np.random.Generator, clients: int, experiments: int, activity: str) -> Any:
    """Experiments as one table of pings, one of each client; half of them, or a tenth, in the treatment."""
    count = clients * experiments
    samples = np.maximum(1, np.exp(chance.normal(*ACTIVITIES[activity], count)).astype(int))
    weights = np.exp(-((_centres() - chance.normal(0, 1, count)[:, None]) ** 2))
    counts = chance.multinomial(samples, weights / weights.sum(axis=1, keepdims=True))
    columns = {
        "experiment": np.repeat(np.arange(experiments), clients),
        "place": np.tile(np.arange(clients), experiments),
        "below": counts[:, : FIXED + 1].sum(axis=1),
        "above": counts[:, FIXED + 1 :].sum(axis=1),
        "total": counts @ BUCKETS,
    }
    columns |= numbers(chance, count) | {f"b{i}": counts[:, i] for i in range(len(BUCKETS))}
    connection = duckdb.connect(config={"threads": 1})
    connection.register("flat", pa.table({name: pa.array(values) for name, values in columns.items()}))
    values = " || ',' || ".join(f"'\"{bucket}\":' || b{i}" for i, bucket in enumerate(BUCKETS))
    scalars = ", ".join(f"'{name}': {name}" for name in MEANS)
    connection.execute("CREATE SCHEMA telemetry")
    connection.execute(f"""
        CREATE TABLE telemetry.main AS SELECT
          TIMESTAMP '2020-04-20 01:00:00' AS submission_timestamp,
          'client-' || row_number() OVER () AS client_id,
          lpad(experiment::VARCHAR, 6, '0') AS normalized_country_code,
          if(place < {clients // 2}, 'treatment', 'control') AS normalized_os,
          if(place < {clients // 10}, 'treatment', 'control') AS normalized_channel,
          {{
            'histograms': {{
              'gc_ms': '{{"sum":' || total || ',"values":{{' || {values} || '}}}}',
              'at_most': below || ',' || above
            }},
            'processes': {{'parent': {{'scalars': {{{scalars}}}}}}}
          }} AS payload
        FROM flat
    """)
    return connection


def covered(result: Result, question: Question) -> dict[Any, tuple[np.ndarray, np.ndarray]]:
    """Of each truth, whether the limits of each experiment hold it, and whether its rows are warned of."""
    table = result.arrow()
    warned = np.zeros(len(table), bool)
    if "mean" in question.spec.get("statistics", ()) or question.spec.get("measure") == "summary":
        warned = np.array([is_unsteady(row, 0.95) for row in result.rows()])
    found = {}
    for value, truth in question.truths.items():
        these = np.ones(len(table), bool)
        if question.by is not None:
            these = np.array(table[question.by].to_pylist()) == value
        lower, upper = (np.array(table[name].to_pylist(), float)[these] for name in ("lower", "upper"))
        found[value] = (lower <= truth + 1e-9) & (truth - 1e-9 <= upper), warned[these]
    return found


def coverage(clients: int, experiments: int, activity: str, seed: int) -> Iterator[str]:
    """A line for each question."""
    chance = np.random.default_rng(seed)
    at_once = max(1, min(experiments, AT_ONCE // clients))
    parts: dict[tuple[str, Any], list[tuple[np.ndarray, np.ndarray]]] = {}
    asked = {
        question.name: question
        for question in questions(activity)
        if question.largest or clients < max(SIZES)
    }
    for first in range(0, experiments, at_once):
        connection = attached(chance, clients, min(at_once, experiments - first), activity)
        for question in asked.values():
            result = Query(**(COMMON | question.spec)).run(connection=connection)
            for value, found in covered(result, question).items():
                parts.setdefault((question.name, value), []).append(found)
        connection.close()
    for (name, value), found in parts.items():
        question = asked[name]
        holds, warned = (np.concatenate(column) for column in zip(*found, strict=True))
        label = name if len(question.truths) == 1 else f"{name}: {value}"
        line = f"  {clients:>6} clients  {label:<50} {holds.mean():6.1%} of {len(holds)}"
        if question.goal is not None:
            least, most = question.goal
            line += f", {least:.0%}-{most:.0%} asked for"
            line += "" if least <= holds.mean() <= most else " AND NOT REACHED"
        if question.spec.get("measure"):
            line += f"; {warned.mean():.0%} warned of"
            line += " AND TOO FEW" if holds.mean() < 0.93 and warned.mean() < 0.5 else ""
        yield line


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without the largest experiments")
    parser.add_argument("--clients", type=int, help="of this size only")
    parser.add_argument("--activity", choices=ACTIVITIES, help="of such clients only")
    parser.add_argument("--experiments", type=int, default=EXPERIMENTS)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sizes = [given.clients] if given.clients else SIZES[:-1] if given.quick else SIZES
    for clients in sizes:
        for activity in [given.activity] if given.activity else ACTIVITIES:
            begin = time.monotonic()
            print(f"{clients} clients of {activity} activity:", flush=True)
            for line in coverage(clients, given.experiments, activity, given.seed):
                print(line, flush=True)
            print(f"  [{time.monotonic() - begin:.0f} s]", flush=True)


if __name__ == "__main__":
    main()
