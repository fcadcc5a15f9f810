"""One way to answer, in a process of its own: `python -m benchmarks.worker MODULE FOLDER`.

Reads commands from stdin, one a line, and answers each with a line of JSON: `run` answers the question once
and says what it took, `rows` gives the rows of the last run, and `ready` tells that imports are done.
"""

import gc
import json
import os
import resource
import sys
import time
from importlib import import_module
from pathlib import Path

from benchmarks.strategies import Answer, Row

CORES = 2


def main() -> None:
    """Serves commands until stdin ends."""
    module, folder = sys.argv[1:]
    _use_two_cores()
    answer: Answer = import_module(f"benchmarks.strategies.{module}").prepare(Path(folder))
    rows: list[Row] = []
    for line in sys.stdin:
        reply: object = True
        command = line.strip()
        if command == "run":
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            rows = answer()
            took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
            reply = took | {"peak_mb": _peak_mb()}
        elif command == "rows":
            reply = rows
        print(json.dumps(reply, default=str), flush=True)


def _use_two_cores() -> None:
    """All libraries take as many threads as they see cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


if __name__ == "__main__":
    main()
