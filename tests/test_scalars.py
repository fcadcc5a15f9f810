"""Scalars: one number a client, the sum over its pings, worked out in plain Python."""

import json
import random
from collections import defaultdict
from fractions import Fraction

import pytest
from harness import NEEDS_GOOGLESQL, query, rows_of

from querygen import QuerygenError, load
from querygen.api import catalog_of
from querygen.listing import entries
from querygen.running import run

PATH = "payload.processes.parent.scalars.browser_engagement_tab_open_event_count"
ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]


def pings(count=300, seed=1):
    chance = random.Random(seed)
    values = [None, 0, 1, 1, 2, 5, 40, 2**40, 2**40 + 1, -3]
    keys = ["a", "b", "", None]
    return [
        {
            "client_id": chance.choice([None, *"pqrstuvwxyz"]),
            "submission_timestamp": "2020-04-20T01:00:00Z",
            "normalized_os": chance.choice([None, "Mac", "Windows"]),
            "payload": {
                "processes": {
                    "parent": {
                        "scalars": {PATH.rpartition(".")[2]: chance.choice(values)},
                        "keyed_scalars": {
                            "k": [
                                {"key": key, "value": chance.choice(values)} for key in chance.sample(keys, 2)
                            ]
                        },
                    }
                }
            },
        }
        for _ in range(count)
    ]


def numbers(rows, value_of):
    """Each group's clients with their number and the pings it comes from."""
    found = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for group, value in value_of(row):
            if row["client_id"] is not None and value is not None and 0 <= value <= 2**40:
                found[group][row["client_id"]].append(value)
    return {
        group: [(sum(values), len(values)) for values in clients.values()] for group, clients in found.items()
    }


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", [None, -1, 2**40 + 1])
def test_what_no_client_has_sent_has_no_row(number, engine):
    """Though the clients whose pings pass the filters are counted."""
    scalars = {PATH.rpartition(".")[2]: number}
    payload = {"processes": {"parent": {"scalars": scalars}}}
    sent = [
        {"client_id": c, "submission_timestamp": "2020-04-20T01:00:00Z", "payload": payload} for c in "ab"
    ]
    assert rows_of({"scalar": PATH, "measure": "summary", "allow_full_scan": True}, sent, engine) == []


def unkeyed(row):
    scalars = row["payload"]["processes"]["parent"]["scalars"]
    return [(row["normalized_os"], next(iter(scalars.values())))]


def keyed(row):
    return [
        (entry["key"], entry["value"])
        for entry in row["payload"]["processes"]["parent"]["keyed_scalars"]["k"]
    ]


def answer(spec, rows, tmp_path, engine):
    from pings import write_ndjson

    write_ndjson(rows, tmp_path / "telemetry.main.ndjson")
    asked = query({"allow_full_scan": True, **spec})
    return run(asked.checked(), asked._catalog, [str(tmp_path)], engine).rows()


def ordered(groups):
    return sorted(groups, key=lambda group: (group is not None, group or ""))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("scalar", "dimension", "value_of"),
    [(PATH.rpartition(".")[2].upper(), "os", unkeyed), ("K", "key", keyed)],
)
def test_percentiles_over_clients(scalar, dimension, value_of, tmp_path, engine):
    asked, rows = [0.0, 0.25, 0.5, 0.9, 1.0], pings()
    spec = {"scalar": scalar, "dimensions": [dimension], "percentiles": asked}
    spec |= {"key": "*"} if dimension == "key" else {}
    expected = []
    groups = numbers(rows, value_of)
    for group in ordered(groups):
        values = sorted(number for number, _ in groups[group])
        for p in asked:
            reached = [
                v
                for i, v in enumerate(values, 1)
                if Fraction(i, len(values)) >= Fraction(str(p)) - Fraction(1, 10**9)
            ]
            expected.append(
                {
                    dimension: group,
                    "percentile": p,
                    "value": reached[0],
                    "n_clients": len(values),
                    "n_samples": sum(count for _, count in groups[group]),
                }
            )
    assert answer(spec, rows, tmp_path, engine) == expected


def everyone(rows, group_of):
    """The clients of each group, whatever they sent."""
    found = defaultdict(set)
    for row in rows:
        if row["client_id"] is not None:
            found[group_of(row)].add(row["client_id"])
    return {group: len(clients) for group, clients in found.items()}


def summary_of(pairs, n_all_clients):
    values = [number for number, _ in pairs]
    return {
        "count": len(values),
        "sum": pytest.approx(sum(values)),
        "mean": pytest.approx(sum(values) / len(values)),
        "share_of_clients": pytest.approx(sum(v > 0 for v in values) / n_all_clients),
        "n_clients": len(values),
        "n_all_clients": n_all_clients,
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_summary_by_os(tmp_path, engine):
    rows = pings(40, seed=2)
    clients, groups = everyone(rows, lambda row: row["normalized_os"]), numbers(rows, unkeyed)
    expected = [{"os": os, **summary_of(groups[os], clients[os])} for os in ordered(groups)]
    assert any(clients[os] > len(groups[os]) for os in groups)
    spec = {"scalar": PATH, "measure": "summary", "dimensions": ["os"]}
    assert answer(spec, rows, tmp_path, engine) == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_the_clients_of_a_key_are_those_of_all_keys(tmp_path, engine):
    """Who has not sent a key counts in its share, too."""
    rows = pings(40, seed=2)
    clients, groups = everyone(rows, lambda row: None)[None], numbers(rows, keyed)
    expected = [{"key": key, **summary_of(groups[key], clients)} for key in ordered(groups)]
    assert clients == 11
    spec = {"scalar": "K", "key": "*", "measure": "summary", "dimensions": ["key"]}
    assert answer(spec, rows, tmp_path, engine) == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_summary_of_a_cube(tmp_path, engine):
    rows = pings(40, seed=2)

    def cells(row):
        os = row["normalized_os"]
        return [(cell, value) for _, value in unkeyed(row) for cell in (os, "*")]

    clients = everyone(rows, lambda row: row["normalized_os"]) | {"*": everyone(rows, lambda row: 0)[0]}
    groups = numbers(rows, cells)
    expected = [{"os": os, **summary_of(groups[os], clients[os])} for os in ordered(groups)]
    spec = {"scalar": PATH, "measure": "summary", "dimensions": ["os"], "cube": True}
    assert answer(spec, rows, tmp_path, engine) == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_distribution_and_counts_of_clients(tmp_path, engine):
    rows = pings(seed=3)
    everyone = [
        pair for pairs in numbers(rows, lambda row: [((), unkeyed(row)[0][1])]).values() for pair in pairs
    ]
    spec = {"scalar": PATH}
    shown = answer(spec, rows, tmp_path, engine)
    assert [row["bucket"] for row in shown] == sorted({number for number, _ in everyone})
    for row in shown:
        assert row["count"] == sum(number == row["bucket"] for number, _ in everyone)
        assert row["share"] == pytest.approx(row["count"] / len(everyone))
        assert row["n_clients"] == len(everyone)


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"scalar": "X", "histogram": "Y"}, "two-probes"),
        ({"scalar": "X", "normalization": "client"}, "unused-key"),
        ({"scalar": "X", "measure": "pings"}, "unused-key"),
        ({"scalar": "payload.info.reason"}, "not-a-scalar"),
        ({"histogram": PATH}, "not-a-histogram"),
    ],
)
def test_findings(spec, code):
    with pytest.raises(QuerygenError) as caught:
        query({"allow_full_scan": True, **spec}).sql()
    assert [finding.code for finding in caught.value.diagnostics] == [code]


def test_the_catalog_lists_scalars_and_how_to_ask_for_them(tmp_path):
    def record(name, *fields, mode="NULLABLE"):
        return {"name": name, "type": "RECORD", "mode": mode, "fields": list(fields)}

    number, text = {"name": "value", "type": "INTEGER"}, {"name": "key", "type": "STRING"}
    scalars = [{**number, "name": "tabs_opened"}, {"name": "is_private", "type": "BOOLEAN"}]
    parent = record(
        "parent",
        record("scalars", *scalars),
        record("keyed_scalars", record("searches", text, number, mode="REPEATED")),
    )
    histograms = record("histograms", {"name": "tabs_ms", "type": "STRING"})
    file = tmp_path / "main.json"
    file.write_text(json.dumps([record("payload", histograms, record("processes", parent))]))
    listed = [entry.row() for entry in entries(catalog_of({"telemetry.main": file}), ["telemetry.main"], "")]
    assert [(row["name"], row["ask_as"], row["keyed"]) for row in listed] == [
        ("TABS_MS", "histogram", False),
        ("searches", "scalar", True),
        ("tabs_opened", "scalar", False),
    ]
    assert listed[2]["path"] == "payload.processes.parent.scalars.tabs_opened"


def test_a_definition_tells_the_type_of_a_counter(tmp_path):
    """The built-in schema doesn't know names, so that only the definition has the metric's type."""
    (tmp_path / "metrics.yaml").write_text(
        "$schema: moz://mozilla.org/schemas/glean/metrics/2-0-0\n"
        "tabs:\n  opened:\n    type: counter\n    description: Tabs.\n"
    )
    spec = {"scalar": "tabs.opened", "source": "firefox_desktop.metrics", "allow_full_scan": True}
    with pytest.raises(QuerygenError, match="and so not its metric type"):
        load(spec).plan()
    assert "metrics.counter.tabs_opened" in load(spec, probes=tmp_path / "metrics.yaml").plan().needs
