"""`python tests/mutation_run.py`: changes the project in many small ways; the tests must notice each.

Mutants come from every comparison, filter, key and constant of every template, of the bodies of udfs/, and of
the Python that makes SQL nodes, rewriters included. The tests that run are those that execute queries.

Prints how many mutants each file has and what became of them, and each survivor as a small diff. Survivors
that are equivalent, so that no test can tell them, are excused in tests/mutation_excused.yaml, with reasons.
With --log each outcome is appended to a file at once; --resume goes on from there, and judges the mutants
that the log doesn't know, or not as they are now: their file changed, or the tests that judged them.
Exit code 1 if a mutant survives unexcused, more than 5% survive in all, or an excuse is out of date.
"""

import argparse
import difflib
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

import mutation_log  # noqa: E402 the project need not be installed
from mutation_log import Outcome  # noqa: E402
from mutation_mutants import Mutant, sql_mutants  # noqa: E402
from mutation_python import python_mutants  # noqa: E402
from mutation_suite import Suite, executing_tests, run  # noqa: E402

from querygen.show import text_table  # noqa: E402

EXCUSED = ROOT / "tests/mutation_excused.yaml"
MOST_SURVIVORS = 0.05


def all_mutants() -> list[Mutant]:
    """Every mutant of the project."""
    return [*sql_mutants(), *python_mutants()]


def excuses() -> dict[str, str]:
    """The reason why no test can tell a mutant, by its id."""
    return YAML(typ="safe", pure=True).load(EXCUSED) or {}


def chosen(mutants: Sequence[Mutant], only: Sequence[str], sample: int | None, seed: int) -> list[Mutant]:
    """The mutants whose id contains one of the texts; of these as many as asked for, drawn at random."""
    found = [made for made in mutants if not only or any(text in made.id for text in only)]
    if sample is not None and sample < len(found):
        kept = set(random.Random(seed).sample(range(len(found)), sample))
        found = [made for place, made in enumerate(found) if place in kept]
    return found


def diff_of(made: Mutant) -> str:
    """What the mutant changes."""
    before = (ROOT / made.file).read_text(encoding="utf-8")
    lines = difflib.unified_diff(
        before.splitlines(), made.apply(before).splitlines(), made.file, made.file, lineterm="", n=0
    )
    return "\n".join(line for line in lines if not line.startswith(("---", "+++")))


def table_of(outcomes: Sequence[Outcome], excused: dict[str, str]) -> str:
    """What became of the mutants of each file."""
    counts: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        row = counts.setdefault(outcome.mutant.file, Counter())
        row["mutants"] += 1
        row[_fate(outcome, excused)] += 1
    total = sum(counts.values(), Counter())
    rows = [
        {"file": file} | {column: row[column] for column in COLUMNS}
        for file, row in [*counts.items(), ("all", total)]
    ]
    return text_table(rows).decode()


COLUMNS = ("mutants", "wrong rows", "error", "excused", "survived")


def _fate(outcome: Outcome, excused: dict[str, str]) -> str:
    if outcome.killed_by:
        return "wrong rows" if outcome.by_rows else "error"
    return "excused" if outcome.mutant.id in excused else "survived"


def findings(outcomes: Sequence[Outcome], excused: dict[str, str], known: Sequence[Mutant]) -> list[str]:
    """What is wrong, in a line each; nothing if all is well."""
    survivors = [outcome.mutant for outcome in outcomes if not outcome.killed_by]
    unexcused = [made for made in survivors if made.id not in excused]
    found = [f"{len(unexcused)} mutants survived without an excuse"] if unexcused else []
    if len(survivors) > MOST_SURVIVORS * len(outcomes):
        share = len(survivors) / len(outcomes)
        found.append(f"{share:.1%} of the mutants survived, at most {MOST_SURVIVORS:.0%} may")
    ids = {made.id for made in known}
    killed = {outcome.mutant.id: outcome.killed_by for outcome in outcomes if outcome.killed_by}
    found += [f"excused, but there is no such mutant: {name}" for name in excused if name not in ids]
    found += [f"excused, but {killed[name]} notices it: {name}" for name in excused if name in killed]
    return found


class _Progress:
    """Says on stderr how far the run is: always in a terminal, elsewhere a line a minute."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, of_what: str, done: int, of: int) -> None:
        """Says it, if it is time."""
        words = f"{done:,} of {of:,} {of_what}"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{words}" + ("\r\x1b[K" if done == of else ""))
        elif time.monotonic() - self._said >= 60:
            self._said = time.monotonic()
            sys.stderr.write(f"{words}\n")
        sys.stderr.flush()


def _report(
    outcomes: Sequence[Outcome], excused: dict[str, str], known: Sequence[Mutant], verbose: bool
) -> list[str]:
    print(table_of(outcomes, excused))
    for outcome in outcomes:
        if verbose:
            ran, of = outcome.n_tests
            print(f"{outcome.killed_by or 'SURVIVED'} after {ran} of {of}: {outcome.mutant.id}")
    for outcome in outcomes:
        if not outcome.killed_by and outcome.mutant.id not in excused:
            ran, of = outcome.n_tests
            tests = f"{ran} of {of} tests that reach it ran" if of else "no test reaches it"
            print(f"\nsurvived: {outcome.mutant.id}\n{diff_of(outcome.mutant)}\n({tests})")
    return findings(outcomes, excused, known)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="mutation_run.py", description=str(__doc__).split("\n\n")[0])
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="of mutants' ids")
    parser.add_argument("--sample", type=int, metavar="N", help="only N mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn at random")
    parser.add_argument("--tests", action="append", type=Path, metavar="FILE", help="the tests that run")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--seconds", type=float, default=30, help="for one mutant; it then counts as survived (30)"
    )
    parser.add_argument("--log", type=Path, metavar="FILE", help="append each outcome to it")
    parser.add_argument("--resume", action="store_true", help="judge only what the log doesn't tell")
    parser.add_argument("--list", action="store_true", help="print the mutants' ids, run nothing")
    parser.add_argument("--verbose", action="store_true", help="print what kills each mutant")
    given = parser.parse_args(arguments)
    known, excused = all_mutants(), excuses()
    mutants = chosen(known, given.only, given.sample, given.seed)
    if given.list:
        print("\n".join(made.id for made in mutants))
        return 0
    if not mutants:
        sys.stderr.write("no mutant has such an id\n")
        return 2
    if given.resume and not given.log:
        parser.error("--resume needs --log")
    start = time.perf_counter()
    tests = given.tests or executing_tests()
    entries = mutation_log.read(given.log) if given.resume else {}
    told = {
        made.id: entries[made.id].outcome(made)
        for made in mutants
        if made.id in entries and entries[made.id].holds(made, tests, excused)
    }
    suite = Suite(
        [made for made in mutants if made.id not in told],
        tests,
        given.workers,
        given.seconds,
        reach=given.log and given.log.with_suffix(".reach"),
        before={name: entry.killed_by for name, entry in entries.items() if entry.killed_by},
        judged=lambda outcome: (
            given.log and mutation_log.append(given.log, mutation_log.entry_of(outcome, tests))
        ),
        progress=_Progress(),
    )
    if suite.mutants:
        run(suite)
    if suite.problems or (suite.mutants and not suite.outcomes):
        sys.stderr.write("\n".join(suite.problems or ["no tests were found"]) + "\n")
        return 3
    became = told | {outcome.mutant.id: outcome for outcome in suite.outcomes}
    found = _report([became[made.id] for made in mutants], excused, known, given.verbose)
    print(
        f"\n{len(mutants):,} mutants, {len(told):,} of them from the log, {time.perf_counter() - start:.0f} s"
    )
    for name in suite.left_out:
        print(f"left out, since it fails without any mutant: {name}")
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
