"""`python -m benchmarks [NAME…] [--pings N]`: runs benchmarks and prints their ratios."""

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks.cold import cold
from benchmarks.harness import Line, table
from benchmarks.scaling import scaling
from benchmarks.throughput import memory, rows, throughput
from benchmarks.warm import warm


def main() -> None:
    """Runs what is named, or all of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="throughput, memory, scaling, cold, warm, rows"
    )
    parser.add_argument(
        "--pings", type=int, default=2_000_000, metavar="N", help="for throughput and memory (2000000)"
    )
    parser.add_argument("--large", action="store_true", help="scale to 10,000,000 pings, too")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(__file__).parent / ".data",
        metavar="DIR",
        help="where samples are kept",
    )
    arguments = parser.parse_args()
    folder, pings = arguments.data.absolute(), arguments.pings
    sizes = [200_000, 2_000_000, *([10_000_000] if arguments.large else [])]
    benchmarks: dict[str, Callable[[], list[Line]]] = {
        "throughput": lambda: throughput(folder, pings),
        "memory": lambda: memory(folder, pings),
        "scaling": lambda: scaling(folder, sizes),
        "cold": cold,
        "warm": warm,
        "rows": lambda: rows(folder, pings),
    }
    unknown = set(arguments.names) - set(benchmarks)
    if unknown:
        parser.error(
            f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(benchmarks)}"
        )
    names = arguments.names or [name for name in benchmarks if name != "rows"]
    lines = [line for name in names for line in benchmarks[name]()]
    if lines:
        print(table(lines))


if __name__ == "__main__":
    main()
