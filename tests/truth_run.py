"""`python tests/truth_run.py`: random specs with pings made to fit them, each judged three ways.

The rows that DuckDB gives, those of Google's evaluator and those of the oracle must be the same. The specs
are of every key and option: each must occur in at least 30 of 3,000 pairs, and at most a fifth of the answers
may be empty. Prints how often each occurred, and of what fails a small spec and its pings.

Each pair depends on nothing but the seed and its number (and on the clock, where the spec says `today:
current`). Exit code 1 if any fails, or if an option is too rare; 2 without Google's evaluator.
"""

import argparse
import multiprocessing
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pings import numbered
from progress_bar import show_progress
from ruamel.yaml import YAML
from truth_check import ENGINES, Failure, judged, kind, smallest, write
from truth_options import all_options, options_of

from querygen.show import text_table

FAILURES = Path(__file__).parents[1] / "build" / "truth"
ENOUGH = 3000  # pairs, of which each option must occur in LEAST
LEAST = 30
MOST_EMPTY = 1 / 5
SHOWN = 5


class Judged(NamedTuple):
    """What became of one pair."""

    number: int
    options: list[tuple[str, str]]
    n_rows: int
    failure: Failure | None


def judge(place: tuple[int, int]) -> Judged:
    """Judges the pair of a seed and a number."""
    pair = numbered(*place)
    failure, n_rows = judged(pair)
    return Judged(place[1], options_of(pair), n_rows, failure)


def all_judged(seed: int, numbers: Sequence[int], workers: int) -> Iterator[Judged]:
    """What became of each pair, in order."""
    places = [(seed, number) for number in numbers]
    if workers == 1 or len(places) == 1:
        yield from map(judge, places)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(judge, places, chunksize=8)


def table(results: Sequence[Judged]) -> str:
    """How often each option occurred, and how often in a spec that has an answer."""
    pairs = Counter(option for result in results for option in result.options)
    with_rows = Counter(option for result in results if result.n_rows for option in result.options)
    rows = [
        {"key": key, "option": option, "pairs": pairs[key, option], "with rows": with_rows[key, option]}
        for key, option in all_options()
    ]
    return text_table(rows).decode()


def shortcomings(results: Sequence[Judged]) -> list[str]:
    """What so many pairs should have had: each option, and answers. Of few pairs nothing is expected."""
    if len(results) < ENOUGH:
        return []
    pairs = Counter(option for result in results for option in result.options)
    rare = [f"{key}, {option}" for key, option in all_options() if pairs[key, option] < LEAST]
    found = [f"too rare: {'; '.join(rare)}"] if rare else []
    if empty(results) > MOST_EMPTY:
        found.append("too many answers are empty")
    return found


def empty(results: Sequence[Judged]) -> float:
    """The share of pairs whose answer has no rows."""
    return sum(not result.n_rows for result in results) / len(results)


def different(failures: Sequence[Judged]) -> list[Judged]:
    """One of each kind of failure, then the others."""
    first = {(one.failure.where, kind(one.failure)): one for one in reversed(failures) if one.failure}
    return [*first.values(), *(one for one in failures if one not in first.values())]


def show(seed: int, result: Judged, folder: Path) -> None:
    """Prints a failing pair, and writes it as small as can be found."""
    pair, failure = smallest(numbered(seed, result.number), result.failure or Failure("", ""))
    command = write(pair, folder / f"{seed}-{result.number}")
    print(f"\npair {result.number}, again: python tests/truth_run.py --seed {seed} --only {result.number}")
    print(f"  smallest, {len(pair.pings)} pings: {failure}")
    print(f"  {command}")
    YAML(typ="safe", pure=True).dump(pair.spec, sys.stdout)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="truth_run.py", description=str(__doc__).split("\n\n")[1])
    parser.add_argument("--pairs", type=int, default=ENOUGH, metavar="N", help="how many (3000)")
    parser.add_argument("--seed", type=int, default=None, help="of the pairs; another one in each run")
    parser.add_argument("--only", type=int, default=None, metavar="K", help="only the pair of this number")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--failures", type=Path, default=FAILURES, metavar="DIR", help="where these go")
    given = parser.parse_args(arguments)
    if "googlesql" not in ENGINES:
        sys.stderr.write("Google's evaluator is not installed: pip install 'querygen[googlesql]'\n")
        return 2
    start = time.perf_counter()
    seed = secrets.randbelow(2**32) if given.seed is None else given.seed
    numbers = range(given.pairs) if given.only is None else [given.only]
    results: list[Judged] = []
    for result in all_judged(seed, numbers, given.workers):
        results.append(result)
        if sys.stderr.isatty():
            show_progress(
                len(results), len(numbers), "pairs", sum(one.failure is not None for one in results)
            )
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    seconds = time.perf_counter() - start

    failures = [result for result in results if result.failure]
    too_few = shortcomings(results)
    if given.only is None:
        print(table(results))
    print(
        f"{len(results):,} pairs of a spec and pings, three ways each, in {seconds:.0f} s: "
        f"{len(failures):,} failures, {empty(results):.1%} of the answers empty"
    )
    print(f"seed {seed}")
    for line in too_few:
        print(line)
    for result in failures:
        print(f"pair {result.number}: {result.failure}")
    for result in different(failures)[:SHOWN]:
        show(seed, result, given.failures)
    return 1 if failures or too_few else 0


if __name__ == "__main__":
    sys.exit(main())
