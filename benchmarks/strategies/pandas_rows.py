"""What a competent analyst writes in pandas: the needed columns and rows, `json.loads`, long rows, groupby.

The filters are pushed down to the Parquet reader, the nested columns are read flat instead of as dicts, and
empty buckets are dropped while decoding.
"""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.strategies import PERCENTILES, Answer, Row, table_file

HISTOGRAM = "payload.histograms.fx_tab_switch_spinner_visible_ms"


def prepare(data: Path) -> Answer:
    """See `benchmarks.strategies`."""
    return lambda: _rows(table_file(data))


def _rows(file: Path) -> list[Row]:
    pings = _pings(file)
    keys, counts, lengths = _decoded(pings[HISTOGRAM])
    entries = pd.DataFrame(
        {
            "build_id": np.repeat(pings["application.build_id"].to_numpy(), lengths),
            "client_id": np.repeat(pings["client_id"].to_numpy(), lengths),
            "bucket": keys,
            "count": counts,
        }
    )
    clients = entries.groupby(["build_id", "client_id", "bucket"], as_index=False)["count"].sum()
    clients["vote"] = clients["count"] / clients.groupby(["build_id", "client_id"])["count"].transform("sum")
    builds = clients.groupby("build_id").agg(n_clients=("client_id", "nunique"), n_samples=("count", "sum"))
    votes = clients.groupby(["build_id", "bucket"])["vote"].sum()
    shares = votes.groupby("build_id").cumsum() / votes.groupby("build_id").transform("sum")
    shares = shares.rename("share").reset_index()
    rows = []
    for percentile in PERCENTILES:
        reached = shares[shares["share"] >= percentile - 1e-9].groupby("build_id")["bucket"].min()
        for build_id, value in reached.items():
            build_time = dt.datetime.strptime(str(build_id), "%Y%m%d%H%M%S")
            of_build = builds.loc[build_id]
            rows.append(
                Row(
                    build_time, percentile, int(value), int(of_build["n_clients"]), int(of_build["n_samples"])
                )
            )
    return sorted(rows)


def _pings(file: Path) -> pd.DataFrame:
    first = dt.datetime(2020, 4, 6, tzinfo=dt.UTC)
    filters = (
        (pc.field("normalized_channel") == "nightly")
        & (pc.field("normalized_os") == "Windows")
        & (pc.field("submission_timestamp") >= first)
        & (pc.field("submission_timestamp") < first + dt.timedelta(days=15))
        & (pc.field("application", "build_id") >= "20200406")
        & (pc.field("application", "build_id") < "20200421")
        & pc.field("client_id").is_valid()
        & pc.field("payload", "histograms", "fx_tab_switch_spinner_visible_ms").is_valid()
    )
    table = pq.read_table(file, columns=["client_id", "application.build_id", HISTOGRAM], filters=filters)
    while any(field.type.num_fields for field in table.schema):
        table = table.flatten()
    return table.to_pandas()


def _decoded(texts: pd.Series) -> tuple[list[int], list[int], list[int]]:
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
