"""The random pings and specs of the tests against what they promise."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import count

import pytest
from oracle import answer
from pings import (
    HISTOGRAM,
    HOSTILE_TEXTS,
    ODD_BUILDS,
    ODD_HISTOGRAMS,
    PROBES,
    TIED_BUILD,
    UNDECODABLE,
    glean_pings,
    numbered,
    random_pings,
    recording_pings,
    write_ndjson,
)
from pings.glean import FEW_KEYS, ODD_COUNTS, ODD_KEYS
from pings.recordings import KEYS
from truth_options import all_options, options_of

SPEC = {"allow_full_scan": True, "histogram": HISTOGRAM.upper()}


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
        for process, recorded in {**(payload.get("processes") or {}), "parent": payload}.items():
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
            if not record.endswith("distribution"):
                continue
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


def test_pairs_are_the_same_for_a_seed_and_number():
    assert numbered(1, 2)._asdict() == numbered(1, 2)._asdict()
    assert numbered(1, 2).spec != numbered(1, 3).spec != numbered(2, 3).spec


def test_every_option_occurs():
    """In thousands each often enough, which `make truth` counts."""
    seen, empty = Counter(), 0
    for number in range(500):
        pair = numbered(3, number)
        seen.update(options_of(pair))
        empty += not pair.expected
    assert set(all_options()) <= set(seen)
    assert empty <= 100


def test_pings_of_these_days():
    """`today: current` is asked on pings that were submitted until now."""
    pairs_of_now = (numbered(3, number) for number in count())
    pair = next(pair for pair in pairs_of_now if pair.spec.get("today") == "current")
    days = {ping["submission_timestamp"][:10] for ping in pair.pings}
    assert max(days) > (datetime.now(UTC) - timedelta(30)).date().isoformat()
