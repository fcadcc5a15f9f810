"""Throughput and memory: querygen and its peers answer the same question on the same pings."""

from functools import cache
from pathlib import Path

from benchmarks.harness import Line, Runs, interleaved, sample, say, seconds
from benchmarks.strategies import OURS, PEERS, Peer

# Slow ones get fewer turns: there, noise matters less.
ROUNDS = {
    OURS: 8,
    "wide_sql": 8,
    "array_udfs_staged": 5,
    "pandas_tuned": 4,
    "pandas_rows": 3,
    "array_udfs": 1,
}
BASE_MB, BYTES_PER_PING = 150, 500


def throughput(folder: Path, pings: int, *, quick: bool = False) -> list[Line]:
    """How many times as long as querygen the others take; for querygen, that includes compiling the spec.

    Args:
        folder: where samples are kept.
        pings: how many.
        quick: leaves out what takes many gigabytes and half a minute.

    Raises:
        SystemExit: someone's rows are not ours.
    """
    compared = _compared(folder, pings, quick)
    ours = compared[OURS]
    lines = [_against(peer, ours, compared[peer.module], pings) for peer in _peers(quick)]
    what = f"{pings:,} pings: our first run in a cold process, to a warm one"
    return [*lines, Line(what, seconds(ours.wall), seconds(ours.cold.wall), ours.cold.wall / ours.wall)]


def memory(folder: Path, pings: int, *, quick: bool = False) -> list[Line]:
    """Peak memory of each process after its first run, and our share of the budget; see `throughput`."""
    compared = _compared(folder, pings, quick)
    ours = compared[OURS].cold.peak_mb
    budget = BASE_MB + BYTES_PER_PING * pings / 1e6
    what = f"peak memory at {pings:,} pings, to the budget of {BASE_MB} MB + {BYTES_PER_PING} B a ping"
    lines = [Line(what, _mb(ours), _mb(budget), budget / ours, target="≥ 1", met=budget >= ours)]
    for peer in _peers(quick):
        theirs = compared[peer.module].cold.peak_mb
        lines.append(Line(f"peak memory: {peer.title}", _mb(ours), _mb(theirs), theirs / ours))
    return lines


def rows(folder: Path, pings: int, *, quick: bool = False) -> list[Line]:
    """Only checks that everyone's rows are ours, with one run each; see `throughput`."""
    _compared(folder, pings, quick, rounds=1)
    return []


def _peers(quick: bool) -> list[Peer]:
    return [peer for peer in PEERS if not (quick and peer.large)]


@cache
def _compared(folder: Path, pings: int, quick: bool, rounds: int | None = None) -> dict[str, Runs]:
    """The runs of everyone, after their rows have proved equal to ours."""
    data = sample(folder, pings)
    modules = [OURS, *(peer.module for peer in _peers(quick))]
    say(f"running {len(modules)} strategies in turns on {pings:,} pings")
    runs, answers = interleaved([(module, data) for module in modules], lambda name: rounds or ROUNDS[name])
    for module, answer in zip(modules, answers, strict=True):
        if not answer or answer != answers[0]:
            raise SystemExit(
                f"the rows of {module} are not ours: {answer[:3]} … instead of {answers[0][:3]} …"
            )
    say(f"all {len(answers[0])} rows are equal")
    return dict(zip(modules, runs, strict=True))


def _against(peer: Peer, ours: Runs, theirs: Runs, pings: int) -> Line:
    ratio = theirs.wall / ours.wall
    target, met = "", None
    if peer.target is not None:
        target = f"≥ {peer.target:g}" + (f" (within {1 / peer.target:g}×)" if peer.target < 1 else "")
        met = ratio >= peer.target
    what = f"{pings:,} pings: {peer.title}"
    return Line(what, seconds(ours.wall), seconds(theirs.wall), ratio, theirs.cpu / ours.cpu, target, met)


def _mb(value: float) -> str:
    return f"{value:,.0f} MB"
