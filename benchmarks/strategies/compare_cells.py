"""The first stage of `measure: compare` alone, from pings to cells of clients; rows say how many they are."""

from pathlib import Path
from typing import Any

from benchmarks.strategies import Answer
from benchmarks.strategies.compare import SPEC
from querygen import load
from querygen.api import catalog_of
from querygen.running import attached


def prepare(data: Path) -> Answer:
    """See `benchmarks.strategies`."""

    def answer() -> list[Any]:
        checked = load(SPEC).checked()
        with attached(checked.sql.plan, catalog_of(None), [str(data)]) as tables:
            cells = tables.cte(checked, "cells").to_pylist()
        return [len(cells), sum(len(cell["entries"]) for cell in cells)]

    return answer
