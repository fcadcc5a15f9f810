"""Warm: what compiling a further spec costs in a process that has compiled one.

Run as a script it measures and prints JSON: the process that starts benchmarks imports nothing large.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.harness import Line, seconds
from benchmarks.strategies import ROOT

if TYPE_CHECKING:
    from querygen import Query

ROUNDS = 15
LIMIT_SECONDS = 0.1


def warm() -> list[Line]:
    """Loading, validating, resolving, rendering, checking (and translating) each example spec."""
    measured = subprocess.run(
        [sys.executable, "-m", "benchmarks.warm"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    times = json.loads(measured.stdout)
    theirs = times["transpile"]
    return [
        Line(
            f"warm compile of a spec to {title}, to sqlglot.transpile of its text (ours / theirs)",
            seconds(times[key]),
            seconds(theirs),
            times[key] / theirs,
            target="tens of ms",
            met=times[key] < LIMIT_SECONDS,
        )
        for key, title in (("bigquery", "BigQuery"), ("duckdb", "DuckDB"))
    ]


def example_specs() -> list[Path]:
    """The examples' specs, without the tests and probe definitions that stand beside them."""
    from querygen.cli.reading import other_than_spec

    files = sorted(Path(ROOT / "examples").glob("*/*.yaml"))
    return [file for file in files if not other_than_spec(str(file))]


def _loaded(spec: Path) -> "Query":
    """The query of a spec, with the probe definitions beside it."""
    from querygen import load

    probes = spec.parent / "probes"
    return load(spec, probes=probes if probes.is_dir() else None)


def _measure() -> dict[str, float]:
    """Median seconds over the example specs, each job in turns."""
    import sqlglot

    specs = example_specs()
    texts = {spec: _loaded(spec).sql() for spec in specs}
    jobs: dict[str, Callable[[Path], object]] = {
        "bigquery": lambda spec: _loaded(spec).sql(),
        "duckdb": lambda spec: _loaded(spec).sql("duckdb"),
        "transpile": lambda spec: sqlglot.transpile(
            texts[spec], read="bigquery", write="duckdb", pretty=True
        ),
    }
    times: dict[str, dict[Path, list[float]]] = {name: {spec: [] for spec in specs} for name in jobs}
    for _ in range(ROUNDS + 1):
        for spec in specs:
            for name, job in jobs.items():
                start = time.perf_counter()
                job(spec)
                times[name][spec].append(time.perf_counter() - start)
    return {
        name: median(median(of_spec[1:]) for of_spec in of_job.values()) for name, of_job in times.items()
    }


if __name__ == "__main__":
    print(json.dumps(_measure()))
