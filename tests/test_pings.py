"""The random pings and specs of the tests against what they promise."""

import json
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from oracle import answer, measure_of
from pings import (
    HISTOGRAM,
    HOSTILE_TEXTS,
    ODD_BUILDS,
    ODD_HISTOGRAMS,
    PROBES,
    TIED_BUILD,
    UNDECODABLE,
    glean_pairs,
    glean_pings,
    ping_lists,
    random_pings,
    recording_pairs,
    recording_pings,
    specs,
    specs_with_pings,
    write_ndjson,
)
from pings.glean import FEW_KEYS, ODD_COUNTS, ODD_KEYS
from pings.recordings import KEYS

SPEC = {"allow_full_scan": True, "histogram": HISTOGRAM.upper()}


def drawn(strategy, count):
    """That many examples of a strategy, the same in every run."""
    examples = []

    @settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def generate(example):
        examples.append(example)

    generate()
    return examples


@pytest.mark.parametrize("make", [random_pings, recording_pings, glean_pings])
def test_random_pings_are_deterministic(make, tmp_path):
    pings = make(300, 5)
    assert pings == make(300, 5) != make(300, 6)
    write_ndjson(pings, tmp_path / "pings.ndjson")
    lines = (tmp_path / "pings.ndjson").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    assert [json.loads(line) for line in lines] == pings


def test_400_random_pings_hold_every_corner():
    for seed in range(3):
        pings = random_pings(400, seed)
        texts = {((row.get("payload") or {}).get("histograms") or {}).get(HISTOGRAM) for row in pings}
        builds = {(row.get("application") or {}).get("build_id") for row in pings}
        clients = {row.get("client_id") for row in pings}
        # A later corner may not hide an earlier one: each ping holds at most one.
        assert {*ODD_HISTOGRAMS, *UNDECODABLE, None} <= texts
        assert {*ODD_BUILDS, TIED_BUILD, None} <= builds
        assert {*HOSTILE_TEXTS, None} <= clients


def test_random_pings_hold_exact_ties():
    # Six clients: tenths of 0..9, sixths of 0..5 …; see TIED_HISTOGRAMS. Votes for 0: 1/10 + 1/6 + 3 × 1/3.
    spec = {**SPEC, "normalization": "client", "filters": {"build_id": TIED_BUILD}}
    rows = answer(spec, random_pings(400, 1))
    assert (rows[0]["bucket"], rows[0]["count"]) == (0, Fraction(1, 10) + Fraction(1, 6) + 1)
    assert rows[0]["n_clients"] == 6


def test_recordings_hold_every_key_and_process():
    keys, forms = set(), Counter()
    for row in recording_pings(200, 1):
        payload = row.get("payload") or {}
        for process, recorded in {"parent": payload, **(payload.get("processes") or {})}.items():
            for entries in ((recorded or {}).get("keyed_histograms") or {}).values():
                keys |= {entry["key"] for entry in entries}
                forms["twice"] += len(entries) > len({entry["key"] for entry in entries})
            forms[process, recorded is None] += 1
    assert keys == set(KEYS)
    assert forms["twice"] > 0
    assert {("content", True), ("content", False), ("gpu", True), ("gpu", False)} <= set(forms)


def test_glean_pings_hold_every_type_and_oddity():
    keys, counts, records = set(), set(), Counter()
    for row in glean_pings(400, 1):
        for record, metrics in (row["metrics"] or {}).items():
            for stored in metrics.values():
                for value in [entry["value"] for entry in stored] if isinstance(stored, list) else [stored]:
                    records[record, value is None, bool(value and value["values"])] += 1
                    keys |= {entry["key"] for entry in (value or {}).get("values", ())}
                    counts |= {entry["value"] for entry in (value or {}).get("values", ())}
    assert {*ODD_KEYS, *FEW_KEYS} <= keys
    assert set(ODD_COUNTS) <= counts
    kinds = {probe.record for probe in PROBES.values() if probe.is_glean}
    null, empty, filled = (True, False), (False, False), (False, True)
    assert {(kind, *form) for kind in kinds for form in (null, empty, filled)} == set(records)


def test_specs_and_pings_cover_the_contract():
    seen, pairs = set(), drawn(specs_with_pings(), 250)
    for spec, _ in pairs:
        seen.update(spec, (measure_of(spec), spec.get("normalization")))
        for condition in spec.get("filters", {}).values():
            seen.update(condition if isinstance(condition, dict) else {type(condition).__name__})
        for dimension in spec.get("dimensions", ()):
            seen.update(
                dimension if isinstance(dimension, dict) else {"path" if "." in dimension else dimension}
            )
    keys = {"histogram", "source", "process", "filters", "dimensions", "normalization", "percentiles"}
    keys |= {"measure", "fields", "limit", "title", "description", "today", "allow_full_scan"}
    operators = {"str", "list", "from", "to", "gte", "gt", "lte", "lt", "not", "is_null", "last"}
    forms = {"path", "of", "bands", "cases", "else", "os", "build_id", "build_date", "build_time"}
    measures = {"percentiles", "distribution", "summary", "counts", "pings", "none", "client", "client_day"}
    assert keys | operators | forms | measures <= seen
    assert sum(not answer(*pair) for pair in pairs) <= len(pairs) / 5


def options(spec):
    """What a spec says about recordings, as (key, form of its value)."""
    for key, value in spec.items():
        if key in ("cube", "low_data", "percentile_method", "buckets", "measure", "normalization", "unit"):
            yield key, value
        elif key in ("process", "key", "histogram"):
            yield key, value if isinstance(value, str) and key != "histogram" else type(value).__name__
        elif key == "dimensions":
            yield from ((key, name) for name in ("process", "key", "histogram") if name in value)
        yield key, "given"


COMMON = {
    *(("cube", True), ("low_data", "drop"), ("min_clients", "given"), ("unit", "given")),
    *(("percentile_method", "interpolated"), ("buckets", "all")),
    *(("measure", name) for name in ("percentiles", "distribution", "summary", "counts")),
    *(("normalization", name) for name in ("none", "client", "client_day")),
    *(("key", "given"), ("key", "list"), ("dimensions", "key"), ("dimensions", "histogram")),
    *(("histogram", form) for form in ("str", "list", "dict")),
}
OF_MAIN = {
    *(("process", name) for name in ("parent", "content", "gpu", "children", "combined", "list")),
    ("dimensions", "process"),
}


@pytest.mark.parametrize(("pairs", "more"), [(recording_pairs(), OF_MAIN), (glean_pairs(), set())])
def test_specs_of_recordings_cover_the_contract(pairs, more):
    seen, empty, columns = Counter(), 0, set()
    examples = drawn(pairs, 250)
    for spec, pings, defined in examples:
        rows = answer(spec, pings, PROBES if defined else None)
        seen.update(options(spec))
        empty += not rows
        columns.update(*rows)
    assert COMMON | more <= set(seen)
    assert {"at_least", "low_data", "n_dropped", "key", "histogram"} <= columns
    assert empty <= len(examples) / 5


def test_strategies_are_usable_alone():
    assert specs().validate() is None
    assert ping_lists(smallest=0, largest=3).validate() is None
