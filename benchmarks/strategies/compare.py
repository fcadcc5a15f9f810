"""`measure: compare`: the whole query, as users run it."""

from pathlib import Path
from typing import Any

from benchmarks.strategies import Answer
from querygen import load

SPEC = Path(__file__).with_suffix(".yaml")


def prepare(data: Path) -> Answer:
    """See `benchmarks.strategies`."""

    def answer() -> list[Any]:
        return load(SPEC).run(data).rows()

    return answer
