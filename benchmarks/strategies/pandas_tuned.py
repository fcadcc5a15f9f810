"""pandas as its best friend writes it: all filters pushed down, one tight loop instead of `explode`."""

import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from pyarrow.dataset import dataset

from benchmarks.strategies import Answer, table_file
from benchmarks.strategies.pandas_rows import rows_of


def prepare(data: Path) -> Answer:
    """See `benchmarks.strategies`."""
    return lambda: rows_of(_counts_by_client(_pings(table_file(data))))


def _pings(file: Path) -> pd.DataFrame:
    first = dt.datetime(2020, 4, 6, tzinfo=dt.UTC)
    build_id = pc.field("application", "build_id")
    histogram = pc.field("payload", "histograms", "fx_tab_switch_spinner_visible_ms")
    columns = {"build_id": build_id, "client_id": pc.field("client_id"), "histogram": histogram}
    rows = (
        (pc.field("normalized_channel") == "nightly")
        & (pc.field("normalized_os") == "Windows")
        & (pc.field("submission_timestamp") >= first)
        & (pc.field("submission_timestamp") < first + dt.timedelta(days=15))
        & (build_id >= "20200406")
        & (build_id < "20200421")
        & pc.field("client_id").is_valid()
        & histogram.is_valid()
    )
    return dataset(file).to_table(columns=columns, filter=rows).to_pandas()


def _counts_by_client(pings: pd.DataFrame) -> pd.DataFrame:
    keys, counts, lengths = _decoded(pings["histogram"])
    entries = pd.DataFrame(
        {
            "build_id": np.repeat(pings["build_id"].to_numpy(), lengths),
            "client_id": np.repeat(pings["client_id"].to_numpy(), lengths),
            "bucket": keys,
            "count": counts,
        }
    )
    return entries.groupby(["build_id", "client_id", "bucket"], as_index=False)["count"].sum()


def _decoded(texts: Iterable[str]) -> tuple[list[int], list[int], list[int]]:
    """The keys and counts of all histograms in one go, and how many of them each has."""
    keys: list[int] = []
    counts: list[int] = []
    lengths: list[int] = []
    for text in texts:
        before = len(keys)
        try:
            values = json.loads(text)["values"]
        except ValueError:
            values = {}
        for key, count in values.items():
            if count > 0:
                keys.append(int(key))
                counts.append(count)
        lengths.append(len(keys) - before)
    return keys, counts, lengths
