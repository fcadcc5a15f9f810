"""What a competent analyst writes in pandas: the needed columns, `json.loads`, `explode`, `groupby`."""

import json
from pathlib import Path

import pandas as pd

from benchmarks.strategies import PERCENTILES, Answer, Row, table_file

COLUMNS = ["client_id", "application.build_id", "payload.histograms.fx_tab_switch_spinner_visible_ms"]


def prepare(data: Path) -> Answer:
    """See `benchmarks.strategies`."""
    return lambda: rows_of(counts_by_client(_pings(table_file(data))))


def _pings(file: Path) -> pd.DataFrame:
    """The pings that count: build_id, client_id, histogram."""
    pings = pd.read_parquet(
        file,
        columns=COLUMNS,
        filters=[
            ("normalized_channel", "==", "nightly"),
            ("normalized_os", "==", "Windows"),
            ("submission_timestamp", ">=", pd.Timestamp("2020-04-06", tz="UTC")),
            ("submission_timestamp", "<", pd.Timestamp("2020-04-21", tz="UTC")),
        ],
    )
    pings.columns = ["client_id", "build_id", "histogram"]
    pings = pings.dropna(subset=["client_id", "histogram"])
    return pings[(pings["build_id"] >= "20200406") & (pings["build_id"] < "20200421")]


def _entries(text: str) -> list[tuple[str, int]]:
    try:
        return [(key, count) for key, count in json.loads(text)["values"].items() if count > 0]
    except ValueError:
        return []


def counts_by_client(pings: pd.DataFrame) -> pd.DataFrame:
    """The count of each build_id, client_id, bucket."""
    entries = pings.assign(entry=pings["histogram"].map(_entries)).explode("entry").dropna(subset=["entry"])
    entries[["bucket", "count"]] = pd.DataFrame(entries["entry"].tolist(), index=entries.index)
    entries = entries.astype({"bucket": int})
    return entries.groupby(["build_id", "client_id", "bucket"], as_index=False)["count"].sum()


def rows_of(clients: pd.DataFrame) -> list[Row]:
    """The answer, from each client's counts."""
    votes = clients["count"] / clients.groupby(["build_id", "client_id"])["count"].transform("sum")
    shares = votes.groupby([clients["build_id"], clients["bucket"]]).sum().rename("share").reset_index()
    by_build = shares.groupby("build_id")["share"]
    shares["share"] = by_build.cumsum() / by_build.transform("sum")
    builds = clients.groupby("build_id").agg(n_clients=("client_id", "nunique"), n_samples=("count", "sum"))
    reached = shares.merge(pd.DataFrame({"percentile": PERCENTILES}), how="cross")
    reached = reached[reached["share"] >= reached["percentile"] - 1e-9]
    values = (
        reached.groupby(["build_id", "percentile"], as_index=False)["bucket"]
        .min()
        .join(builds, on="build_id")
    )
    values["build_id"] = pd.to_datetime(values["build_id"], format="%Y%m%d%H%M%S")
    return [
        Row(time.to_pydatetime(), percentile, value, n_clients, n_samples)
        for time, percentile, value, n_clients, n_samples in values.itertuples(index=False)
    ]
