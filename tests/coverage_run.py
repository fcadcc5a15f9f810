"""`python tests/coverage_run.py`: a spec for each distribution and scalar of the schemas, in every form.

Each must compile, parse as BigQuery's SQL, read the columns that it means and no others, translate to DuckDB
and prepare there, and be valid to Google's analyzer against the whole schema. One percent, drawn at random,
also run on a row whose shares, or number, are known, on both engines. With probe definitions, each defined
distribution must have its kind, buckets and labels, and each pair of a legacy probe and the Glean metric that
mirrors it must compile both ways.

Prints how many there were of each kind. Exit code 1 if any fails, 2 if there are no schemas.
"""

import argparse
import gc
import multiprocessing
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from coverage_cases import GLEAN, MAIN, Case, definition_cases, drawn, mirror_cases, schema_cases
from coverage_check import Checker, Failure, unlisted
from progress_bar import show_progress

from querygen.api import catalog_of
from querygen.catalog import Catalog
from querygen.show import text_table

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
FILES = {MAIN: "main.*.bq*", GLEAN: "metrics.*.bq*"}
SHOWN = 5


@dataclass(frozen=True)
class Setup:
    """What each worker needs to know."""

    schemas: dict[str, Path]
    probes: Path | None
    googlesql: bool

    def catalogs(self) -> tuple[Catalog, Catalog | None]:
        """The tables, and the tables with definitions."""
        bare = catalog_of(self.schemas)
        defined = catalog_of(self.schemas, self.probes) if self.probes else None
        return bare, defined


def schema_files(folder: Path) -> dict[str, Path]:
    """The schema of each table in a folder."""
    found = {table: sorted(folder.glob(pattern)) for table, pattern in FILES.items()}
    return {table: files[-1] for table, files in found.items() if files}


def all_cases(bare: Catalog, defined: Catalog | None) -> tuple[list[Case], list[str]]:
    """The cases, and lines about what cannot be asked."""
    cases = [case for table in bare.schemas for case in schema_cases(bare, table)]
    notes: list[str] = []
    if defined:
        for table in bare.schemas:
            cases += definition_cases(defined, table)
            mirrors, reasons = mirror_cases(defined, table)
            cases += mirrors
            notes += [f"{count} pairs not in {table}: {why}" for why, count in reasons.most_common()]
    return cases, notes


# ---------------------------------------------------------------------------------------------------------
# Workers

_checker: Checker


def _start(setup: Setup) -> None:
    global _checker  # noqa: PLW0603 a worker process has one
    _checker = Checker(*setup.catalogs(), setup.googlesql)
    # The schemas' trees stay, and SQL's are gone soon: to look for garbage in them is a fifth of the time.
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def _failure(case: Case) -> Failure | None:
    return _checker.failure(case)


def failures_of(cases: Sequence[Case], setup: Setup, workers: int) -> Iterator[Failure | None]:
    """The failure or None of each case, in order."""
    if workers == 1:
        yield from map(Checker(*setup.catalogs(), setup.googlesql).failure, cases)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _start, (setup,)) as pool:
        yield from pool.imap(_failure, cases, chunksize=16)


# ---------------------------------------------------------------------------------------------------------


def summary(cases: Sequence[Case], failures: Sequence[Failure]) -> str:
    """How many specs of each table, kind, process and key form there were, and how many failed."""

    def place(case: Case) -> tuple[str, str, str, str]:
        return case.table, case.kind, case.process, case.keys

    counts = Counter(map(place, cases))
    failed = Counter(place(failure.case) for failure in failures)
    on_row = Counter(place(case) for case in cases if case.on_row is not None)
    rows = [
        {
            "table": table,
            "kind": kind,
            "process": process or None,
            "keys": keys,
            "specs": count,
            "on a row": on_row[table, kind, process, keys],
            "failed": failed[table, kind, process, keys],
        }
        for (table, kind, process, keys), count in counts.items()
    ]
    return text_table(rows).decode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="coverage_run.py", description=str(__doc__).split("\n\n")[1])
    parser.add_argument("--schemas", type=Path, default=SHARED / "schemas", metavar="DIR")
    parser.add_argument("--probes", type=Path, metavar="PATH", help="definition files")
    parser.add_argument(
        "--googlesql", action=argparse.BooleanOptionalAction, default=True, help="with Google's analyzer"
    )
    parser.add_argument("--seed", type=int, default=None, help="of what is drawn at random")
    parser.add_argument("--on-row", type=float, default=0.01, help="the share that also runs on a row (0.01)")
    parser.add_argument("--sample", type=int, default=None, metavar="N", help="only N specs, drawn at random")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    schemas = schema_files(given.schemas)
    if not schemas:
        sys.stderr.write(f"{given.schemas} has no {' or '.join(FILES.values())}\n")
        return 2
    start = time.perf_counter()
    seed = secrets.randbelow(2**32) if given.seed is None else given.seed
    setup = Setup(schemas, given.probes, given.googlesql)
    bare, defined = setup.catalogs()
    cases, notes = all_cases(bare, defined)
    cases = drawn(cases, seed, given.on_row, given.sample)

    failures: list[Failure] = []
    for done, failure in enumerate(failures_of(cases, setup, given.workers), 1):
        failures += [failure] if failure else []
        if sys.stderr.isatty() and (done % 16 == 0 or done == len(cases)):
            show_progress(done, len(cases), "specs", len(failures))
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    missing: list[str] = []
    for table in schemas if defined else ():
        probes = [case.definition for case in cases if case.is_defined and case.table == table]
        missing += unlisted(defined or bare, table, probes)

    print(summary(cases, failures))
    for note in notes:
        print(note)
    seconds = time.perf_counter() - start
    on_row = sum(case.on_row is not None for case in cases)
    print(
        f"{len(cases):,} specs, {on_row:,} of them on a row, in {seconds:.0f} s: {len(failures):,} failures"
    )
    print(f"seed {seed}")
    for failure in failures[:SHOWN]:
        print(f"\n{failure}")
    if missing:
        print(f"\n`querygen catalog` lists without kind, buckets or labels: {', '.join(missing)}")
    return 1 if failures or missing else 0


if __name__ == "__main__":
    sys.exit(main())
