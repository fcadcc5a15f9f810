"""What must hold of processes, keys and several histograms, whatever the answer is."""

from collections import Counter

import pytest
from harness import rows_of
from oracle import same_rows
from pings import recording_pings

from querygen.errors import QuerygenError

FULL = {"allow_full_scan": True}
SPINNER = {**FULL, "histogram": "FX_TAB_SWITCH_SPINNER_VISIBLE_MS"}
KEYED = {**FULL, "histogram": "IDLE_BUDGET_OVERUSE_MS"}
PERCENTILES = {"percentiles": [0, 0.05, 1 / 3, 0.5, 0.95, 0.999, 1], "normalization": "client"}
PINGS = recording_pings(300, 3)


@pytest.mark.parametrize("normalization", ["none", "client", "client_day"])
def test_a_set_with_one_process_is_that_process(normalization):
    def only(ping, process):
        payload = ping.get("payload") or {}
        kept = {name: value for name, value in (payload.get("processes") or {}).items() if name == process}
        return {**ping, "payload": {"processes": kept}}

    spec = {**SPINNER, "normalization": normalization, "dimensions": ["os"]}
    content = [only(ping, "content") for ping in PINGS]
    expected = rows_of({**spec, "process": "content"}, content)
    for process in ("children", "combined", ["content"], ["parent", "content"]):
        assert same_rows(rows_of({**spec, "process": process}, content), expected) is None
    of_item = rows_of({**spec, "process": ["children"], "dimensions": ["process", "os"]}, content)
    assert same_rows(of_item, [{"process": "children", **row} for row in expected]) is None


def test_a_list_of_keys_is_the_sum_of_its_keys():
    keys = ["a", "b", "it's", ""]
    total, samples = Counter(), 0
    for key in keys:
        for row in rows_of({**KEYED, "key": key}, PINGS):
            total[row["bucket"]] += row["count"]
        samples += row["n_samples"]
    rows = rows_of({**KEYED, "key": keys}, PINGS)
    assert {row["bucket"]: row["count"] for row in rows} == dict(total)
    assert {row["n_samples"] for row in rows} == {samples}
    by_key = Counter()
    for row in rows_of({**KEYED, "key": keys, "dimensions": ["key"]}, PINGS):
        by_key[row["bucket"]] += row["count"]
    assert by_key == total


def test_each_histogram_of_a_list_is_as_if_asked_alone():
    names = ["FX_TAB_SWITCH_SPINNER_VISIBLE_MS", "GC_MS"]
    spec = {**FULL, **PERCENTILES, "dimensions": ["os"]}
    alone = [
        {"histogram": name, **row} for name in names for row in rows_of({**spec, "histogram": name}, PINGS)
    ]
    assert same_rows(rows_of({**spec, "histogram": names[::-1]}, PINGS), alone) is None
    assert same_rows(rows_of({**spec, "histogram": [*names, names[0]]}, PINGS), alone) is None


def test_a_cube_refuses_processes_that_overlap():
    spec = {**SPINNER, "dimensions": ["process"], "cube": True}
    with pytest.raises(QuerygenError, match="overlap"):
        rows_of({**spec, "process": ["children", "gpu"]}, PINGS)
    assert rows_of({**spec, "process": ["children", "parent"]}, PINGS[:20])
