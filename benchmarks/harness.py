"""What all benchmarks share: sample data, workers that run side by side, medians, and the table of ratios.

This module stays light: a process started from it inherits its peak memory.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Self

from benchmarks.strategies import ROOT, table_file

SEED = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Attributes:
        what: was compared.
        ours: and `theirs`, as printed, with the unit.
        ratio: theirs to ours, or whatever `target` speaks of.
        cpu_ratio: the same of processor time, which other work on the machine disturbs less than time itself.
        target: in words; empty where there is none.
        met: whether `ratio` meets the target.
    """

    what: str
    ours: str
    theirs: str
    ratio: float
    cpu_ratio: float | None = None
    target: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a worker: seconds of time and of processor time, and its peak memory up to then."""

    wall: float
    cpu: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of one worker, the first in a cold process."""

    all: tuple[Run, ...]

    @property
    def cold(self) -> Run:
        """The first run."""
        return self.all[0]

    @property
    def warm(self) -> tuple[Run, ...]:
        """The other runs; the first where there is no other."""
        return self.all[1:] or self.all

    @property
    def wall(self) -> float:
        """Median seconds, warm."""
        return median(run.wall for run in self.warm)

    @property
    def cpu(self) -> float:
        """Median seconds of processor time, warm."""
        return median(run.cpu for run in self.warm)


class Worker:
    """A strategy in a process of its own; see `benchmarks.worker`."""

    def __init__(self, module: str, data: Path) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", module, str(data)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ask("ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self) -> Run:
        """Answers the question once."""
        return Run(**self._ask("run"))

    def rows(self) -> list[Any]:
        """The rows of the last run."""
        return list(self._ask("rows"))

    def _ask(self, command: str) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin
        assert stdout
        stdin.write(f"{command}\n")
        stdin.flush()
        reply = stdout.readline()
        if not reply:
            raise SystemExit(f"the worker of {self._module} failed; its message is above")
        return json.loads(reply)


def interleaved(
    jobs: Sequence[tuple[str, Path]], rounds: Callable[[str], int]
) -> tuple[list[Runs], list[Any]]:
    """Runs strategies on data in turns, A B C A B C …, so that what disturbs one disturbs all.

    Args:
        jobs: module and data folder of each.
        rounds: how many runs a module gets.

    Returns:
        The runs, and the rows, of each job.
    """
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(module, data)) for module, data in jobs]
        runs: list[list[Run]] = [[] for _ in jobs]
        for turn in range(max(rounds(module) for module, _ in jobs)):
            for (module, _), worker, done in zip(jobs, workers, runs, strict=True):
                if turn < rounds(module):
                    done.append(worker.run())
        return [Runs(tuple(done)) for done in runs], [worker.rows() for worker in workers]


def sample(folder: Path, pings: int) -> Path:
    """The folder of a sample, written where it is missing or older than the code that writes it."""
    data = folder / f"{pings}"
    file = table_file(data)
    newest = max(path.stat().st_mtime for path in (ROOT / "querygen" / "sample").iterdir())
    if not file.exists() or file.stat().st_mtime < newest:
        say(f"writing {pings:,} pings to {data}")
        command = ["sample", "--pings", str(pings), "--seed", str(SEED), "--output", str(data)]
        subprocess.run(
            [sys.executable, "-m", "querygen", *command], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
    return data


def seconds(value: float) -> str:
    """Seconds or milliseconds, as people read them."""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def table(lines: Iterable[Line]) -> str:
    """The lines as a Markdown table."""
    rows: list[tuple[str, ...]] = [("what", "ours", "theirs", "ratio", "ratio of CPU time", "target", "")]
    rows += [
        (
            line.what,
            line.ours,
            line.theirs,
            f"{line.ratio:.2f}",
            "" if line.cpu_ratio is None else f"{line.cpu_ratio:.2f}",
            line.target,
            "" if line.met is None else "ok" if line.met else "MISS",
        )
        for line in lines
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    rows.insert(1, tuple("-" * width for width in widths))
    padded = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"| {row} |" for row in padded)
