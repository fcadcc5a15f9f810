"""Comparisons of branches are those that plain Python makes of the same clients."""

import itertools
import json
import math
import random
import statistics
from collections import defaultdict
from fractions import Fraction

import pytest
from harness import NEEDS_GOOGLESQL, answer_of, query, rows_of
from replay import (
    CELLS,
    PRIMES,
    Draws,
    added,
    benjamini_hochberg,
    distance,
    holm,
    on_grid,
    p_value,
    percentile,
)
from scipy.stats import t as student
from simulate_compare import Arms, ks, p_values, simulated

from querygen import QuerygenError, permutations

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
SLUG = "tls13"
EVERYTHING = {"allow_full_scan": True, "experiment": SLUG, "measure": "compare", "control": "control"}
HISTOGRAM = {"histogram": "GC_MS", **EVERYTHING}
SCALAR = {"scalar": "payload.processes.parent.scalars.opened", **EVERYTHING}
BUCKETS = [0, 1, 3, 9, 27]


def pings(seed, branches, shift=0, per_client=2):
    """Clients of unequal activity; `branches` says how many are in each. The first is shifted upwards."""
    chance = random.Random(seed)
    made = []
    for place, (branch, count) in enumerate(branches.items()):
        for i in range(count):
            level = chance.random()
            for n in range(1 + int(per_client * chance.random() ** 3 * 4)):
                moved = [min(4, int(5 * level * chance.random() + (place == 0) * shift)) for _ in range(6)]
                values = defaultdict(int)
                for b in moved:
                    values[BUCKETS[b]] += chance.choice([1, 1, 1, 7])
                made.append(
                    {
                        "client_id": f"{seed}-{branch}-{i}" if chance.random() < 0.98 else None,
                        "submission_timestamp": f"2020-04-{10 + n % 9}T01:00:00Z",
                        "normalized_os": ["Mac", "Windows", None][i % 3],
                        "environment": {"experiments": [{"key": SLUG, "value": {"branch": branch}}]},
                        "payload": {
                            "histograms": {
                                "gc_ms": json.dumps({"values": {str(b): v for b, v in values.items()}})
                            },
                            "processes": {
                                "parent": {
                                    "scalars": {"opened": int(100 * level**4 + 20 * (place == 0) * shift)}
                                }
                            },
                        },
                    }
                )
    return made


def clients_of(rows, branch, normalization="none"):
    """{client: {bucket: votes}} of one branch."""
    days = defaultdict(lambda: defaultdict(int))
    for row in rows:
        if row["client_id"] and row["environment"]["experiments"][0]["value"]["branch"] == branch:
            day = row["submission_timestamp"][:10] if normalization == "client_day" else None
            for bucket, count in json.loads(row["payload"]["histograms"]["gc_ms"])["values"].items():
                days[row["client_id"], day][int(bucket)] += count
    found = defaultdict(lambda: defaultdict(Fraction))
    for (client, _), values in days.items():
        for bucket, count in values.items():
            found[client][bucket] += Fraction(count, 1 if normalization == "none" else sum(values.values()))
    return found


def numbers_of(rows, branch):
    """{client: {its number: 1}} of one branch."""
    sums = defaultdict(int)
    for row in rows:
        if row["client_id"] and row["environment"]["experiments"][0]["value"]["branch"] == branch:
            sums[row["client_id"]] += row["payload"]["processes"]["parent"]["scalars"]["opened"]
    return {client: {number: Fraction(1)} for client, number in sums.items()}


def by_os(rows):
    systems = sorted({row["normalized_os"] for row in rows}, key=lambda os: (os is not None, os or ""))
    return [(os, [row for row in rows if row["normalized_os"] == os]) for os in systems]


def assert_same(found, expected):
    """Rows are equal, numbers to the last digits that summing in another order leaves."""
    assert len(found) == len(expected)
    for row, other in zip(found, expected, strict=True):
        for cell, wanted in zip(row, other, strict=True):
            close = isinstance(wanted, float | Fraction) and cell is not None
            assert cell == (pytest.approx(float(wanted), rel=1e-9, abs=1e-15) if close else wanted), (
                row,
                other,
            )


def test_the_numbers_of_cells():
    assert set(CELLS) <= set(PRIMES)
    assert permutations.CELLS == CELLS
    assert all(high / low < 1.4 for low, high in itertools.pairwise(CELLS[7:]))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("normalization", ["none", "client", "client_day"])
def test_distributions(normalization, engine):
    rows = pings(1, {"on": 20, "control": 30, "other": 10, "unasked": 4}, shift=0.4)
    asked = {
        "branches": ["on", "other"],
        "statistics": ["chi2", "median", 0.9],
        "normalization": normalization,
    }
    few = {"permutations": 20, "cells": 30, "seed": "a.b-1"}
    found = rows_of({**HISTOGRAM, **asked, **few}, rows, engine)
    expected = []
    control = clients_of(rows, "control", normalization)
    for branch in ("on", "other"):
        treated = clients_of(rows, branch, normalization)
        ours, theirs = added(treated.values()), added(control.values())
        for statistic in asked["statistics"]:
            p = None if statistic == "chi2" else 0.5 if statistic == "median" else statistic
            values = [None, None] if p is None else [percentile(ours, p), percentile(theirs, p)]
            difference = distance(statistic, ours, theirs)
            _, p = p_value(statistic, treated, control, Draws(20, 30, "a.b-1"))
            expected.append(
                [branch, "control", str(statistic), *values, difference, p, len(treated), len(control)]
            )
    keys = ("branch", "control", "statistic", "value", "control_value", "difference", "p_value")
    assert_same([[row[k] for k in (*keys, "n_clients", "n_control")] for row in found], expected)
    assert len({row[6] for row in expected}) > 3
    assert any(row[3] != row[4] for row in expected)
    tests = [row[6] for row in expected]
    assert [row["p_holm"] for row in found] == pytest.approx(holm(tests))
    assert [row["p_bh"] for row in found] == pytest.approx(benjamini_hochberg(tests))


@pytest.mark.parametrize("engine", ENGINES)
def test_numbers(engine):
    rows = pings(2, {"on": 24, "control": 40}, shift=0.3)
    asked = {"branches": ["on"], "statistics": ["median", "mean", 0.9], "dimensions": ["branch", "os"]}
    found = rows_of({**SCALAR, **asked, "permutations": 20, "cells": 30}, rows, engine)
    expected = []
    for os, members in by_os(rows):
        treated, control = numbers_of(members, "on"), numbers_of(members, "control")
        for statistic in asked["statistics"]:
            shown, p = p_value(statistic, treated, control, Draws(20, 30), [0.5, 0.9])
            expected.append(["on", os, "control", str(statistic), shown, p, len(treated), len(control)])
    keys = ("branch", "os", "control", "statistic", "difference", "p_value", "n_clients", "n_control")
    assert_same([[row[k] for k in keys] for row in found], expected)
    for row in found:
        assert row["value"] - row["control_value"] == pytest.approx(row["difference"])


def test_many_different_numbers_are_shown_exactly_and_tested_on_the_grid():
    chance = random.Random(3)
    rows = pings(3, {"on": 700, "control": 1400}, per_client=0)
    for row in rows:
        row["payload"]["processes"]["parent"]["scalars"]["opened"] = chance.randrange(10**6)
    treated, control = numbers_of(rows, "on"), numbers_of(rows, "control")
    assert len({n for votes in (*treated.values(), *control.values()) for n in votes}) > 2000
    assert len({n for votes in on_grid(treated, control, [0.5])[0].values() for n in votes}) < 600
    found = rows_of({**SCALAR, "branches": ["on"], "permutations": 100, "cells": 60}, rows)
    shown, p = p_value("median", treated, control, Draws(100, 60), [0.5])
    assert [(row["difference"], row["p_value"]) for row in found] == [(shown, pytest.approx(p))]


def limits_in_arm(clients, p, confidence):
    """(limit, value, limit) of a percentile of {client: {bucket: votes}}: Woodruff's, by Student's t."""
    parts, buckets = [*clients.values()], sorted({b for votes in clients.values() for b in votes})
    totals = [float(sum(votes.values())) for votes in parts]
    squares = sum(t**2 for t in totals)
    freedom = max(1, squares**2 / sum(t**4 for t in totals) - 1)
    reached = []
    for bucket in buckets:
        below = [float(sum(v for b, v in votes.items() if b <= bucket)) for votes in parts]
        share = sum(below) / sum(totals)
        residuals = [c - share * t for c, t in zip(below, totals, strict=True)]
        error = math.sqrt(sum(e * e for e in residuals) * len(parts) / (len(parts) - 1)) / sum(totals)
        reached.append((bucket, share, student.ppf((1 + confidence) / 2, freedom) * error))
    return [
        next((b for b, share, away in reached if share + sign * away >= p - 1e-9), buckets[-1])
        for sign in (1, 0, -1)
    ]


def limits_of_mean(clients, confidence):
    """(limit, value, limit) of the mean of clients {client: {number: 1}}."""
    values = [float(number) for votes in clients.values() for number in votes]
    away = student.ppf((1 + confidence) / 2, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return [statistics.mean(values) + sign * away for sign in (-1, 0, 1)]


def mover(ours, theirs):
    """The limits of a difference (Zou and Donner) from those of either side."""
    (low, value, high), (their_low, their_value, their_high) = ours, theirs
    difference = value - their_value
    return (
        difference - math.hypot(value - low, their_high - their_value),
        difference + math.hypot(high - value, their_value - their_low),
    )


def limits_of(rows):
    return [(row["lower"], row["upper"]) for row in rows]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("normalization", ["none", "client", "client_day"])
def test_limits_of_differences_of_distributions(normalization, engine):
    rows = pings(4, {"on": 30, "control": 24, "other": 15}, shift=0.3, per_client=1)
    asked = [0.1, "median", "chi2", 0.9]
    spec = {**HISTOGRAM, "normalization": normalization, "branches": ["on", "other"], "permutations": 1}
    found = rows_of(
        {**spec, "statistics": asked, "confidence": 0.8, "dimensions": ["os", "branch"]}, rows, engine
    )
    expected = []
    for _, members in by_os(rows):
        control = clients_of(members, "control", normalization)
        for branch in ("on", "other"):
            treated = clients_of(members, branch, normalization)
            for one in asked:
                p = 0.5 if one == "median" else one
                arms = [limits_in_arm(arm, p, 0.8) for arm in (treated, control)] if one != "chi2" else None
                expected.append(mover(*arms) if arms else (None, None))
    assert len(found) == len(expected) == 24
    for (lower, upper), wanted in zip(limits_of(found), expected, strict=True):
        assert (lower, upper) == (pytest.approx(wanted) if wanted[0] is not None else wanted)
    known = [limits for limits in expected if limits[0] is not None]
    assert len(set(known)) > 9
    assert any(upper - lower == 0 for lower, upper in known)
    plain = rows_of({**spec, "statistics": asked, "dimensions": ["os", "branch"]}, rows, engine)
    for row, without in zip(found, plain, strict=True):
        del row["lower"], row["upper"]
        assert row == pytest.approx(without)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("asked", [["median", "mean", 0.9], ["mean"], [0.25]])
def test_limits_of_differences_of_numbers(asked, engine):
    rows = pings(4, {"on": 30, "control": 50})
    spec = {**SCALAR, "branches": ["on"], "statistics": asked, "permutations": 5, "confidence": 0.9}
    found = rows_of(spec, rows, engine)
    arms = [numbers_of(rows, branch) for branch in ("on", "control")]
    for row, one in zip(found, asked, strict=True):
        p = 0.5 if one == "median" else one
        sides = [limits_of_mean(arm, 0.9) if one == "mean" else limits_in_arm(arm, p, 0.9) for arm in arms]
        lower, upper = mover(*sides)
        assert row["difference"] == pytest.approx(sides[0][1] - sides[1][1])
        assert (row["lower"], row["upper"]) == pytest.approx((lower, upper), abs=1e-4 * (upper - lower))
        assert lower < row["difference"] < upper


@pytest.mark.parametrize("engine", ENGINES)
def test_one_client_leaves_a_difference_without_limits(engine):
    rows = [row for row in pings(14, {"on": 8, "control": 8}) if row["client_id"]]
    alone = next(row for row in rows if row["environment"]["experiments"][0]["value"]["branch"] == "on")
    few = [
        row for row in rows if row["client_id"] in {None, alone["client_id"]} or "control" in row["client_id"]
    ]
    for probe, asked in ((HISTOGRAM, ["median"]), (SCALAR, ["median", "mean"])):
        spec = {**probe, "statistics": asked, "permutations": 5, "confidence": 0.9}
        for branches in (["on"], ["nowhere"]):
            found = rows_of({**spec, "branches": branches}, few, engine)
            assert set(limits_of(found)) == {(None, None)}
        found = rows_of({**spec, "control": "on", "branches": ["control"]}, few, engine)
        assert [row["n_control"] for row in found] == [1] * len(asked)
        assert set(limits_of(found)) == {(None, None)}


def by_client(statistic, treated, control, permutations, seed=0):
    """The share of shuffles of all clients, one by one, that differ as much."""
    chance = random.Random(seed)
    members = [*treated.values(), *control.values()]
    observed = abs(distance(statistic, added(treated.values()), added(control.values())))
    as_far = 0
    for _ in range(permutations):
        chance.shuffle(members)
        split = added(members[: len(treated)]), added(members[len(treated) :])
        as_far += abs(distance(statistic, *split)) >= observed * (1 - 1e-9)
    return (as_far + 1) / (permutations + 1)


@pytest.mark.parametrize("shift", [0, 0.12, 0.6])
@pytest.mark.parametrize("branches", [{"on": 120, "control": 120}, {"on": 24, "control": 240}])
def test_p_values_are_those_of_a_test_that_shuffles_clients(branches, shift):
    rows = pings(5, branches, shift)
    (row,) = rows_of({**HISTOGRAM, "branches": ["on"], "permutations": 3000}, rows)
    treated, control = clients_of(rows, "on"), clients_of(rows, "control")
    p = by_client("chi2", treated, control, 300)
    error = (p * (1 - p) * (1 / 300 + 1 / 3000)) ** 0.5
    assert abs(row["p_value"] - p) < 4 * error + 0.005
    (row,) = rows_of({**SCALAR, "branches": ["on"], "statistics": ["mean"], "permutations": 3000}, rows)
    p = by_client("mean", numbers_of(rows, "on"), numbers_of(rows, "control"), 300)
    error = (p * (1 - p) * (1 / 300 + 1 / 3000)) ** 0.5
    assert abs(row["p_value"] - p) < 4 * error + 0.005


def test_p_values_are_uniform_under_no_difference():
    """In small; `python tests/simulate_compare.py` has more experiments, larger ones, and real effects."""
    found = p_values(simulated(Arms(12, 120), 100, seed=1), 99)
    assert set(found) == {"chi2", "median", "mean"}
    for values in found.values():
        assert len(values) == 100
        assert 1 <= sum(values <= 0.05) <= 10
        assert ks(values, 99) > 0.01


@pytest.mark.parametrize("engine", ENGINES)
def test_raw_p_values(engine):
    rows = pings(6, {"on": 12, "control": 12}, shift=0.9)
    spec = {**HISTOGRAM, "branches": ["on"], "permutations": 8}
    (row,) = rows_of({**spec, "p_value": "raw"}, rows, engine)
    assert (row["p_value"], row["p_holm"], row["p_bh"]) == (0, 0, 0)
    (row,) = rows_of(spec, rows, engine)
    assert row["p_value"] == pytest.approx(1 / 9)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_branch_without_clients_is_told(engine):
    rows = pings(7, {"on": 5, "control": 4})
    result = answer_of({**HISTOGRAM, "branches": ["onn", "on"], "permutations": 20}, rows, engine)
    on, onn = result.rows()
    assert on["p_holm"] == on["p_value"] is not None
    assert {onn[k] for k in ("value", "difference", "p_value", "p_holm", "p_bh")} == {None}
    assert (onn["n_clients"], onn["n_control"]) == (0, 4)
    assert "no client of the branch onn has data" in result.notes


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "branches", [{"on": 1, "control": 1}, {"on": 1, "control": 5}, {"control": 2, "on": 1}]
)
def test_few_clients_differ_by_chance(branches, engine):
    rows = pings(8, branches)
    for row in rows:
        row["client_id"] = (
            row["client_id"] or f"8-{row['environment']['experiments'][0]['value']['branch']}-0"
        )
    (row,) = rows_of({**HISTOGRAM, "branches": ["on"], "permutations": 30}, rows, engine)
    assert row["p_value"] >= 1 / (1 + sum(branches.values())) / 2


@pytest.mark.parametrize("engine", ENGINES)
def test_several_histograms_processes_and_keys(engine):
    rows = pings(9, {"on": 8, "control": 8})
    for row in rows:
        text = row["payload"]["histograms"]["gc_ms"]
        row["payload"]["processes"]["content"] = {"histograms": {"gc_ms": text, "dom_ms": text}}
        row["payload"]["keyed_histograms"] = {"by_key": [{"key": k, "value": text} for k in ("a", "b")]}
    asked = {"branches": ["on"], "permutations": 10}
    single = rows_of({**HISTOGRAM, **asked}, rows, engine)[0]
    spec = {"process": ["parent", "content"], "dimensions": ["histogram", "process"]}
    result = answer_of({**HISTOGRAM, **asked, **spec, "histogram": ["GC_MS", "NOWHERE_MS"]}, rows, engine)
    assert "there is no data of NOWHERE_MS" in result.notes
    assert [(row["histogram"], row["process"]) for row in result.rows()] == [
        ("GC_MS", "content"),
        ("GC_MS", "parent"),
    ]
    for row in result.rows():
        assert (row["difference"], row["p_value"]) == pytest.approx((single["difference"], single["p_value"]))
    keys = rows_of(
        {**HISTOGRAM, **asked, "histogram": "BY_KEY", "dimensions": ["key"], "key": "*"}, rows, engine
    )
    assert [(row["key"], row["p_value"]) for row in keys] == [
        ("a", single["p_value"]),
        ("b", single["p_value"]),
    ]


def test_a_defined_branch_needs_no_experiment():
    rows = pings(10, {"on": 20, "control": 20})
    branch = {"name": "branch", "of": "os", "cases": {"on": "Mac", "control": "Windows"}}
    spec = {**HISTOGRAM, "experiment": None, "branches": ["on"], "dimensions": [branch], "permutations": 20}
    (row,) = rows_of(spec, rows)
    ours = {row["client_id"] for row in rows if row["normalized_os"] == "Mac"} - {None}
    assert row["n_clients"] == len(ours)


def test_the_seed_draws_other_permutations():
    rows = pings(11, {"on": 60, "control": 60})
    spec = {**HISTOGRAM, "branches": ["on"], "permutations": 50}
    assert len({rows_of({**spec, "seed": seed}, rows)[0]["p_value"] for seed in "abc"}) == 3


def test_the_number_of_permutations():
    many = {**HISTOGRAM, "branches": [f"b{i}" for i in range(60)]}
    assert "m = 2400 permutations" in query(many).sql()
    assert "m = 1000 permutations" in query({**HISTOGRAM, "branches": ["on"]}).sql()
    words = "100 permutations are too few for any of these tests"
    assert words in query({**many, "permutations": 100}).sql()
    assert words not in query({**HISTOGRAM, "branches": ["on"], "permutations": 100}).sql()


@pytest.mark.parametrize(
    ("spec", "code", "at"),
    [
        ({"control": None}, "no-control", ()),
        ({"branches": None}, "no-branches", ()),
        ({"branches": ["control"]}, "duplicate-branch", ("branches",)),
        ({"branches": ["on", "on"]}, "duplicate-branch", ("branches",)),
        ({"statistics": ["median", "median"]}, "duplicate-statistic", ("statistics",)),
        ({"statistics": ["mean"]}, "unused-key", ("statistics",)),
        ({"statistics": [95]}, "percentile-range", ("statistics", 0)),
        ({"statistics": [1.0]}, "percentile-range", ("statistics",)),
        ({"statistics": ["mode"]}, "unknown-value", ("statistics", 0)),
        ({"confidence": 0.9}, "unused-key", ("confidence",)),
        ({"experiment": None}, "no-branch", ("measure",)),
        (
            {"experiment": None, "dimensions": [{"name": "branch", "of": "memory_mb"}]},
            "wrong-type",
            ("dimensions",),
        ),
        ({"cube": True, "dimensions": ["os"]}, "unused-key", ("cube",)),
        ({"measure": "distribution", "control": None}, "unused-key", ("branches",)),
        ({"measure": "distribution", "branches": None}, "unused-key", ("control",)),
        ({"measure": "summary", "branches": None, "control": None, "seed": "x"}, "unused-key", ("seed",)),
        ({"permutations": 0}, "bad-value", ("permutations",)),
        ({"seed": "it's"}, "bad-seed", ("seed",)),
    ],
)
def test_findings(spec, code, at):
    with pytest.raises(QuerygenError) as raised:
        query({**HISTOGRAM, "branches": ["on"], **spec}).sql()
    assert [(finding.code, finding.loc) for finding in raised.value.diagnostics] == [(code, at)]


def test_chi2_is_of_histograms_and_categories_have_no_median():
    with pytest.raises(QuerygenError) as raised:
        query({**SCALAR, "branches": ["on"], "statistics": ["chi2"]}).sql()
    assert [finding.loc for finding in raised.value.diagnostics] == [("statistics",)]
    with pytest.raises(QuerygenError) as raised:
        spec = {"histogram": "LOGIN_VERDICT", "branches": ["on"], "statistics": ["median"]}
        query({**EVERYTHING, **spec}, defined=True).sql()
    assert [finding.code for finding in raised.value.diagnostics] == ["percentiles-of-categories"]
