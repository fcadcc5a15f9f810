"""Throughput and memory: querygen and its peers answer the same question on the same pings."""

from functools import cache
from pathlib import Path

from benchmarks.harness import Line, Runs, interleaved, sample, say, seconds
from benchmarks.strategies import OURS, PEERS

# Slow ones get fewer turns: there, noise matters less.
ROUNDS = {
    OURS: 6,
    "wide_sql": 6,
    "array_udfs_staged": 4,
    "pandas_tuned": 4,
    "pandas_rows": 3,
    "array_udfs": 1,
}
BASE_MB, BYTES_PER_PING = 150, 500


@cache
def _compared(folder: Path, pings: int, rounds: int | None) -> dict[str, Runs]:
    """The runs of everyone, after their rows have proved equal to ours."""
    data = sample(folder, pings)
    modules = [OURS, *(peer.module for peer in PEERS)]
    say(f"running {len(modules)} strategies in turns on {pings:,} pings")
    runs, answers = interleaved([(module, data) for module in modules], lambda name: rounds or ROUNDS[name])
    for module, rows in zip(modules, answers, strict=True):
        if not rows or rows != answers[0]:
            raise SystemExit(f"the rows of {module} are not ours: {rows[:3]} … instead of {answers[0][:3]} …")
    say(f"all {len(answers[0])} rows are equal")
    return dict(zip(modules, runs, strict=True))


def rows(folder: Path, pings: int) -> list[Line]:
    """Only checks that everyone's rows are ours, with one run each."""
    _compared(folder, pings, 1)
    return []


def throughput(folder: Path, pings: int) -> list[Line]:
    """How many times as long as querygen the others take; for querygen, that includes compiling the spec."""
    compared = _compared(folder, pings, None)
    ours = compared[OURS]
    lines = []
    for peer in PEERS:
        theirs = compared[peer.module]
        ratio = theirs.wall / ours.wall
        lines.append(
            Line(
                f"{pings:,} pings: {peer.title}",
                seconds(ours.wall),
                seconds(theirs.wall),
                ratio,
                theirs.cpu / ours.cpu,
                "" if peer.target is None else f"≥ {peer.target:g}",
                None if peer.target is None else ratio >= peer.target,
            )
        )
    lines.append(
        Line(
            "a cold process's first run, to a warm one",
            seconds(ours.wall),
            seconds(ours.cold.wall),
            ours.cold.wall / ours.wall,
        )
    )
    return lines


def memory(folder: Path, pings: int) -> list[Line]:
    """Peak memory of the process after its first run, and how much of the budget that is."""
    compared = _compared(folder, pings, None)
    ours = compared[OURS].cold.peak_mb
    budget = BASE_MB + BYTES_PER_PING * pings / 1e6
    lines = [
        Line(
            f"peak memory at {pings:,} pings, to the budget of {BASE_MB} MB + {BYTES_PER_PING} B a ping",
            f"{ours:.0f} MB",
            f"{budget:.0f} MB",
            budget / ours,
            target="≥ 1",
            met=budget >= ours,
        )
    ]
    for peer in PEERS:
        theirs = compared[peer.module].cold.peak_mb
        lines.append(Line(f"peak memory: {peer.title}", f"{ours:.0f} MB", f"{theirs:.0f} MB", theirs / ours))
    return lines
