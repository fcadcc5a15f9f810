"""Cold: what one `querygen render` costs a shell, to what importing its two large libraries costs."""

import os
import subprocess
import sys
import time
from statistics import median

from benchmarks.harness import Line, seconds
from benchmarks.strategies import ROOT, SPEC

ROUNDS = 21
LIMIT = 2
RENDER = ["-m", "querygen", "render", str(SPEC)]
IMPORTS = ["-c", "import sqlglot, pydantic; from pydantic import BaseModel"]
# What rendering does not need; only what uses them may import them.
HEAVY = ("duckdb", "pyarrow", "pandas", "numpy", "polars", "altair", "matplotlib")


def cold() -> list[Line]:
    """Whole processes in turns, and an audit of the modules that `render` imports."""
    renders, imports = [], []
    for _ in range(ROUNDS):
        renders.append(_process(RENDER))
        imports.append(_process(IMPORTS))
    (ours, ours_cpu), (theirs, theirs_cpu) = (
        (median(wall for wall, _ in runs), median(cpu for _, cpu in runs)) for runs in (renders, imports)
    )
    found = _heavy_imports()
    return [
        Line(
            "cold `querygen render`, to importing sqlglot and pydantic (ours / theirs)",
            seconds(ours),
            seconds(theirs),
            ours / theirs,
            ours_cpu / theirs_cpu,
            f"≤ {LIMIT}",
            ours / theirs <= LIMIT,
        ),
        Line(
            f"heavy modules imported by `querygen render`{': ' if found else ''}{', '.join(found)}",
            str(len(found)),
            "",
            len(found),
            target="0",
            met=not found,
        ),
    ]


def _process(arguments: list[str]) -> tuple[float, float]:
    """Seconds of time and of processor time that a Python process takes."""
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu


def _heavy_imports() -> list[str]:
    traced = subprocess.run(
        [sys.executable, "-X", "importtime", *RENDER],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    modules = {line.rpartition("|")[2].strip() for line in traced.stderr.splitlines()}
    return [name for name in HEAVY if name in modules]
