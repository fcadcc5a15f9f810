"""Ways to answer one question: percentiles by build, one vote per client (`examples/tutorial/05-*.yaml`).

Each module has `prepare(data) -> answer`: `data` is a folder that `querygen sample` wrote, and `answer()`
reads it and returns the rows, sorted.

The hand-written ones take what their author may know about the sample: every build id has 14 digits, and a
histogram string that is not JSON is empty or cut off. querygen's own text assumes neither.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple


class Row(NamedTuple):
    """One row of the answer."""

    build_time: dt.datetime
    percentile: float
    value: int
    n_clients: int
    n_samples: int


Answer = Callable[[], list[Row]]

ROOT: Final = Path(__file__).parents[2]
SPEC: Final = ROOT / "examples" / "tutorial" / "05-client-normalized-by-build.yaml"
PERCENTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Peer:
    """Another way to the same rows.

    Attributes:
        module: in this package.
        title: what the tables call it.
        target: how many times as long as querygen it should take, at least; None for a peer that is shown
            in fairness.
        large: whether it takes many gigabytes.
    """

    module: str
    title: str
    target: float | None = None
    large: bool = False


OURS: Final = "querygen"
PEERS: Final = (
    Peer("array_udfs", "the tutorial's SQL, literally: array-valued UDFs on DuckDB", 20, large=True),
    Peer("array_udfs_staged", "array-valued UDFs, rewritten for DuckDB and staged by hand"),
    Peer("pandas_rows", "idiomatic pandas", 8),
    Peer("pandas_tuned", "pandas, decoding in one tight loop"),
    Peer("wide_sql", "best hand-written DuckDB SQL: 20 columns, bounds known", 0.5),
)


def table_file(data: Path) -> Path:
    """The file that `querygen sample` wrote into the folder."""
    return data / "telemetry.main.parquet"
