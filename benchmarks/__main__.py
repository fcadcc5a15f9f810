"""`python -m benchmarks [NAME…] [--pings N]`: runs benchmarks and prints their ratios."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.cold import cold
from benchmarks.harness import Line, table
from benchmarks.inference import inference
from benchmarks.scaling import scaling
from benchmarks.throughput import memory, rows, throughput
from benchmarks.warm import warm

CACHE = Path(tempfile.gettempdir()) / "querygen-benchmarks"
NAMES = ("throughput", "memory", "scaling", "inference", "cold", "warm", "rows")


def main() -> None:
    """Runs what is named, or all of it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Runs benchmarks and prints their ratios."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; all by default")
    parser.add_argument(
        "--pings", type=int, default=2_000_000, help="for throughput, memory and inference (2000000)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="without the literal translation: it takes 12 GB"
    )
    parser.add_argument("--large", action="store_true", help="scaling up to 10,000,000 pings, too")
    parser.add_argument("--data", type=Path, default=CACHE, help=f"the folder that keeps samples ({CACHE})")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in NAMES:
            parser.error(f"no benchmark is called {name}; there are {', '.join(NAMES)}")

    folder, pings, quick = arguments.data.absolute(), arguments.pings, arguments.quick
    sizes = [200_000, 2_000_000, *([10_000_000] if arguments.large else [])]
    benchmarks: dict[str, Callable[[], list[Line]]] = {
        "throughput": lambda: throughput(folder, pings, quick=quick),
        "memory": lambda: memory(folder, pings, quick=quick),
        "scaling": lambda: scaling(folder, sizes),
        "inference": lambda: inference(folder, (max(1, pings // 10), pings)),
        "cold": cold,
        "warm": warm,
        "rows": lambda: rows(folder, pings, quick=quick),
    }
    # `throughput` has checked the rows already.
    names = arguments.names or NAMES[:-1]
    lines = [line for name in names for line in benchmarks[name]()]
    if lines:
        print(table(lines))


if __name__ == "__main__":
    main()
