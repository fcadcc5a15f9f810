"""Inference: what permutation tests add to the time, and whether it grows with the clients."""

from pathlib import Path

from benchmarks.harness import Line, interleaved, sample, seconds

ROUNDS = 7
FIRST, WHOLE = "compare_cells", "compare"


def inference(folder: Path, sizes: tuple[int, int]) -> list[Line]:
    """The second stage of a comparison, its permutations, beside the first, which makes cells of pings.

    Args:
        folder: where samples are kept.
        sizes: fewer pings and more.
    """
    jobs = [(module, sample(folder, pings)) for pings in sizes for module in (FIRST, WHOLE)]
    (first_few, few, first_many, many), rows = interleaved(jobs, lambda _: ROUNDS)
    lines = []
    for pings, first, whole in ((sizes[0], first_few, few), (sizes[1], first_many, many)):
        added = whole.wall / first.wall - 1
        has_target = pings == sizes[1]
        lines.append(
            Line(
                f"{pings:,} pings: time that 1,000 permutations add, to that of the first stage",
                seconds(whole.wall - first.wall),
                seconds(first.wall),
                added,
                whole.cpu / first.cpu - 1,
                "≤ 1" if has_target else "",
                added <= 1 if has_target else None,
            )
        )
    (cells, entries), (more_cells, more_entries) = rows[0], rows[2]
    grown = more_entries / entries
    lines.append(
        Line(
            f"entries of cells that permutations read, {sizes[0]:,} and {sizes[1]:,} pings",
            f"{entries:,} of {cells}",
            f"{more_entries:,} of {more_cells}",
            grown,
            target="≤ 1.25",
            met=grown <= 1.25,
        )
    )
    return lines
