"""What comparisons tell beside p-values: a placebo's, pings as units, what could have been seen at all."""

import json
from collections import defaultdict
from fractions import Fraction

import pytest
from harness import NEEDS_GOOGLESQL, answer_of, query, rows_of
from replay import Draws, added, benjamini_hochberg, distance, distances, holm, p_value, share_as_far
from test_compare import HISTOGRAM, SCALAR, SLUG, assert_same, clients_of, numbers_of, pings
from test_populations import share_below

from querygen import QuerygenError

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
PLACEBO = "gpu"  # before SLUG in the alphabet
FEW = {"permutations": 20, "cells": 30}


def enrolled(rows, slug):
    """(row, its branch in the experiment) of all pings that are of one of its clients."""
    for row in rows:
        for entry in row["environment"]["experiments"]:
            if entry["key"] == slug:
                yield row, entry["value"]["branch"]


def added_up(pairs, branch, unit="client_id"):
    """{unit: {bucket: samples}} of one branch."""
    found = defaultdict(lambda: defaultdict(Fraction))
    for row, its_branch in pairs:
        if its_branch == branch and row[unit] is not None:
            for bucket, count in json.loads(row["payload"]["histograms"]["gc_ms"])["values"].items():
                found[row[unit]][int(bucket)] += count
    return found


def in_two(seed, names=("on", "off", "control")):
    """Pings of two experiments: every third client is in the placebo alone, every other third in both."""
    rows = pings(seed, {"on": 16, "off": 10, "control": 22}, shift=0.4)
    for i, client in enumerate(dict.fromkeys(row["client_id"] for row in rows)):
        for row in rows:
            if row["client_id"] == client and i % 3:
                entry = {"key": PLACEBO, "value": {"branch": names[i % 7 % 3]}}
                own = row["environment"]["experiments"]
                row["environment"]["experiments"] = [entry] if i % 3 == 1 else [entry, *own]
    return rows


def expected_rows(arms, draws, statistics=("chi2",)):
    """Rows as the result has them, of (experiment, branch, control, treated clients, control clients)."""
    made = []
    for slug, branch, name, treated, control in arms:
        for statistic in statistics:
            shown, p = p_value(statistic, treated, control, draws)
            made.append([slug, branch, name, str(statistic), shown, p, len(treated), len(control)])
    return made


KEYS = ("experiment", "branch", "control", "statistic", "difference", "p_value", "n_clients", "n_control")


def assert_rows(found, expected):
    assert_same([[row[key] for key in KEYS] for row in found], expected)
    assert tuple(found[0])[:4] == KEYS[:4]
    tests = [row[5] for row in expected]
    assert [row["p_holm"] for row in found] == pytest.approx(holm(tests))
    assert [row["p_bh"] for row in found] == pytest.approx(benjamini_hochberg(tests))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_placebo_is_compared_in_the_same_way(engine):
    rows = in_two(1)
    asked = {"branches": ["on", "off"], "statistics": ["chi2", "median"]}
    found = rows_of({**HISTOGRAM, **asked, **FEW, "placebo": PLACEBO}, rows, engine)
    arms = [
        (
            slug,
            branch,
            "control",
            added_up(enrolled(rows, slug), branch),
            added_up(enrolled(rows, slug), "control"),
        )
        for slug in (SLUG, PLACEBO)
        for branch in ("off", "on")
    ]
    assert set(arms[0][3]) & set(arms[2][4]) | set(arms[1][3]) & set(arms[3][3]), "some clients are in both"
    assert_rows(found, expected_rows(arms, Draws(20, 30), ("chi2", "median")))
    assert len({row["difference"] for row in found}) > 4


@pytest.mark.parametrize("engine", ENGINES)
def test_a_placebo_with_branches_of_its_own(engine):
    rows = in_two(2, names=("new", "on", "old"))
    own = {"slug": PLACEBO, "control": "on", "branches": ["new"]}
    found = rows_of({**HISTOGRAM, "branches": ["on", "off"], **FEW, "placebo": own}, rows, engine)
    of, other = list(enrolled(rows, SLUG)), list(enrolled(rows, PLACEBO))
    arms = [(SLUG, b, "control", added_up(of, b), added_up(of, "control")) for b in ("off", "on")]
    arms.append((PLACEBO, "new", "on", added_up(other, "new"), added_up(other, "on")))
    assert_rows(found, expected_rows(arms, Draws(20, 30)))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("of_its_own", [False, True])
def test_a_placebo_has_the_synthetic_control_unless_it_has_one_of_its_own(of_its_own, engine):
    rows = in_two(3)
    experiment = {"slug": SLUG, "control": {"sample": "60%"}}
    placebo = {"slug": PLACEBO, "control": {"sample": "80%", "name": "not in it"}} if of_its_own else PLACEBO

    def members(slug, percent, name):
        inside = list(enrolled(rows, slug))
        out = [row for row in rows if all(row is not other for other, _ in inside)]
        sampled = [
            row for row in out if row["client_id"] and share_below(row["client_id"], "control", percent)
        ]
        return [*inside, *((row, name) for row in sampled)]

    spec = {**HISTOGRAM, "branches": ["on"], **FEW, "experiment": experiment, "placebo": placebo}
    found = rows_of(spec, rows, engine)
    arms = []
    other = (PLACEBO, 80, "not in it") if of_its_own else (PLACEBO, 60, "control")
    for slug, percent, name in ((SLUG, 60, "control"), other):
        of = members(slug, percent, name)
        arms.append((slug, "on", name, added_up(of, "on"), added_up(of, name)))
    assert_rows(found, expected_rows(arms, Draws(20, 30)))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_placebo_that_is_recorded_elsewhere(engine):
    rows = in_two(4)
    for row in rows:
        of = [e for e in row["environment"]["experiments"] if e["key"] == PLACEBO]
        row["environment"]["addons"] = {
            "active_experiment": {"id": PLACEBO, "branch": of[0]["value"]["branch"]} if of else None
        }
    spec = {**HISTOGRAM, "branches": ["on"], **FEW}
    placebo = {"slug": PLACEBO, "recorded_in": "active_experiment"}
    once = rows_of({**spec, "placebo": PLACEBO}, rows, engine)
    for row in rows:
        own = row["environment"]["experiments"]
        row["environment"]["experiments"] = [entry for entry in own if entry["key"] != PLACEBO]
    again = rows_of({**spec, "placebo": placebo}, rows, engine)
    assert [pytest.approx(row) for row in again] == once
    assert [row["experiment"] for row in once] == [SLUG, PLACEBO]


def test_a_placebo_of_groups_stands_beside_the_experiment_in_each():
    rows = in_two(5)
    spec = {**HISTOGRAM, "branches": ["on"], **FEW, "placebo": PLACEBO, "dimensions": ["os"]}
    found = rows_of(spec, rows)
    order = [(os, slug) for os in (None, "Mac", "Windows") for slug in (SLUG, PLACEBO)]
    assert [(row["os"], row["experiment"]) for row in found] == order
    for row in found:
        of = [pair for pair in enrolled(rows, row["experiment"]) if pair[0]["normalized_os"] == row["os"]]
        ours, theirs = added_up(of, "on"), added_up(of, "control")
        assert (row["n_clients"], row["n_control"]) == (len(ours), len(theirs))
        difference = distance("chi2", added(ours.values()), added(theirs.values()))
        assert row["difference"] == pytest.approx(difference)
    listed = rows_of({**spec, "dimensions": ["experiment", "os"]}, rows)
    assert [row["experiment"] for row in listed] == [PLACEBO] * 3 + [SLUG] * 3
    by_experiment = sorted(found, key=lambda row: row["experiment"])
    assert [row["difference"] for row in listed] == pytest.approx(
        [row["difference"] for row in by_experiment]
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_placebo_and_the_keys_with_most_samples(engine):
    rows = in_two(6)
    for row in rows:
        text = row["payload"]["histograms"]["gc_ms"]
        row["payload"]["keyed_histograms"] = {
            "by_key": [{"key": k, "value": text if k == "a" else '{"values":{"1":1}}'} for k in ("a", "b")]
        }
    spec = {**HISTOGRAM, "histogram": "BY_KEY", "dimensions": ["key"], "branches": ["on"], **FEW}
    found = rows_of({**spec, "key": {"top": 1}, "placebo": PLACEBO}, rows, engine)
    order = [(key, slug) for key in ("a", "(other)") for slug in (SLUG, PLACEBO)]
    assert [(row["key"], row["experiment"]) for row in found] == order
    plain = rows_of({**HISTOGRAM, "branches": ["on"], **FEW, "placebo": PLACEBO}, rows, engine)
    assert [row["difference"] for row in found[:2]] == pytest.approx([row["difference"] for row in plain])


def test_nobody_in_the_placebo_is_told():
    rows = pings(7, {"on": 6, "control": 6})
    spec = {**HISTOGRAM, "branches": ["on"], **FEW}
    assert answer_of({**spec, "placebo": PLACEBO}, rows).notes == (
        f"no client of the branches of {PLACEBO} has data",
    )
    placebo = {"slug": PLACEBO, "control": {"sample": "100%"}}
    found = answer_of({**spec, "placebo": placebo}, rows)
    assert found.notes == (f"no client of the branch on of {PLACEBO} has data",)
    assert [(row["experiment"], row["n_clients"]) for row in found.rows()] == [(SLUG, 6), (PLACEBO, 0)]


def test_the_header_says_what_a_placebo_is():
    spec = {**HISTOGRAM, "branches": ["on"], "placebo": PLACEBO}
    assert f"{PLACEBO} is a placebo, which should show no difference" in query(spec).sql()
    tests = {**HISTOGRAM, "branches": [f"b{i}" for i in range(30)], "placebo": PLACEBO}
    assert "m = 2400 permutations" in query(tests).sql()


@pytest.mark.parametrize(
    ("spec", "code", "at"),
    [
        ({"experiment": None, "placebo": PLACEBO}, "unused-key", ("placebo",)),
        ({"placebo": SLUG}, "same-experiment", ("placebo",)),
        ({"placebo": ""}, "bad-value", ("placebo",)),
        ({"placebo": {"slug": PLACEBO, "control": "on"}}, "duplicate-branch", ("placebo",)),
        ({"placebo": {"slug": PLACEBO, "branches": ["a", "a"]}}, "duplicate-branch", ("placebo",)),
        (
            {"placebo": {"slug": PLACEBO, "recorded_in": "there"}},
            "unknown-enrolment",
            ("placebo", "recorded_in"),
        ),
        (
            {"placebo": PLACEBO, "dimensions": [{"name": "branch", "of": "os"}]},
            "reserved-name",
            ("dimensions",),
        ),
        (
            {"placebo": PLACEBO, "dimensions": ["environment.addons.active_experiment.branch"]},
            "reserved-name",
            ("dimensions",),
        ),
        (
            {"placebo": PLACEBO, "dimensions": [{"name": "experiment", "of": "os"}]},
            "reserved-name",
            ("dimensions",),
        ),
        ({"analysis_unit": "session"}, "unknown-value", ("analysis_unit",)),
        ({"analysis_unit": "ping", "normalization": "client"}, "unused-key", ("normalization",)),
        ({"analysis_unit": "ping", "min_clients": 5}, "unused-key", ("min_clients",)),
        (
            {"measure": "summary", "control": None, "branches": None, "placebo": "x"},
            "unused-key",
            ("placebo",),
        ),
        (
            {"measure": "summary", "control": None, "branches": None, "analysis_unit": "ping"},
            "unused-key",
            ("analysis_unit",),
        ),
    ],
)
def test_findings(spec, code, at):
    with pytest.raises(QuerygenError) as raised:
        query({**HISTOGRAM, "branches": ["on"], **spec}).sql()
    assert [(finding.code, finding.loc) for finding in raised.value.diagnostics] == [(code, at)]


# --- Pings as units --------------------------------------------------------------------------------------


def with_ids(rows):
    for i, row in enumerate(rows):
        row["document_id"] = f"ping-{i}" if i % 17 else None
    return rows


@pytest.mark.parametrize("engine", ENGINES)
def test_pings_as_units_reproduce_the_notebook(engine):
    rows = with_ids(pings(8, {"on": 12, "control": 20}, shift=0.5))
    spec = {**HISTOGRAM, "branches": ["on"], **FEW, "analysis_unit": "ping"}
    (row,) = rows_of(spec, rows, engine)
    ours, theirs = (added_up(enrolled(rows, SLUG), branch, "document_id") for branch in ("on", "control"))
    shown, p = p_value("chi2", ours, theirs, Draws(20, 30))
    assert (row["difference"], row["p_value"]) == pytest.approx((shown, p))
    assert (row["n_pings"], row["n_control"]) == (len(ours), len(theirs))
    assert "n_clients" not in row
    assert len(ours) > len(clients_of(rows, "on"))
    scalar = {**SCALAR, "branches": ["on"], **FEW, "analysis_unit": "ping", "statistics": ["mean"]}
    (row,) = rows_of(scalar, rows, engine)
    arms = [
        {
            r["document_id"]: {r["payload"]["processes"]["parent"]["scalars"]["opened"]: Fraction(1)}
            for r, its_branch in enrolled(rows, SLUG)
            if its_branch == branch and r["document_id"]
        }
        for branch in ("on", "control")
    ]
    shown, p = p_value("mean", *arms, Draws(20, 30))
    assert (row["difference"], row["p_value"]) == pytest.approx((shown, p))


def test_pings_as_units_say_what_they_assume():
    spec = {**HISTOGRAM, "branches": ["on"]}
    words = "which assumes that pings of one client are independent"
    assert words in query({**spec, "analysis_unit": "ping"}).sql()
    assert words not in query(spec).sql()


@pytest.mark.parametrize(
    ("asked", "permutations", "smaller"),
    [
        ({}, 200, 100),
        ({"permutations": 30, "cells": 60}, 30, 30),
        ({"permutations": 9999, "cells": 9999}, 200, 100),
    ],
)
def test_verify_draws_few_permutations(asked, permutations, smaller, monkeypatch):
    texts = []
    monkeypatch.setattr("querygen.verify.verify", lambda checked, *_, **__: texts.append(checked[0].sql.text))
    query({**HISTOGRAM, "branches": ["on"], **asked}).verify()
    assert f"m = {permutations} permutations" in texts[0]
    assert f"about {smaller} of the smaller branch" in texts[0]


# --- What could have been seen ---------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_the_smallest_difference_that_could_have_been_seen(engine):
    rows = pings(9, {"on": 20, "control": 30}, shift=0.2)
    draws, common = Draws(60, 30), {"branches": ["on"], "permutations": 60, "cells": 30}
    histograms = rows_of({**HISTOGRAM, **common, "statistics": ["chi2", 0.9]}, rows, engine)
    numbers = rows_of({**SCALAR, **common, "statistics": ["mean", "median"]}, rows, engine)
    of = clients_of(rows, "on"), clients_of(rows, "control")
    of_numbers = numbers_of(rows, "on"), numbers_of(rows, "control")
    for row in (*histograms, *numbers):
        name = row["statistic"]
        statistic = name if name.isalpha() or name == "chi2" else float(name)
        arms, grid = (of, ()) if row in histograms else (of_numbers, [0.5])
        _, _, found = distances(statistic, *arms, draws, grid)
        assert share_as_far(row["detectable"] * (1 + 1e-6) + 1e-12, found) <= 0.05
        assert share_as_far(row["detectable"], found) > 0.05
        assert row["detectable"] > 0


def test_it_is_in_the_unit_of_the_difference():
    rows = [
        {
            "client_info": {"client_id": f"c{i}"},
            "submission_timestamp": "2020-04-20T01:00:00Z",
            "ping_info": {"experiments": [{"key": SLUG, "value": {"branch": ["on", "control"][i % 2]}}]},
            "metrics": {
                "timing_distribution": {
                    "browser_tabswitch_spinner_visible": {
                        "sum": 1,
                        "values": [{"key": str((i * 7 % 40) * 1_000_000), "value": 1}],
                    }
                }
            },
        }
        for i in range(60)
    ]
    spec = {
        **HISTOGRAM,
        "histogram": "browser.tabswitch.spinner_visible",
        "source": "firefox_desktop.metrics",
        "branches": ["on"],
        "statistics": ["median"],
        "permutations": 100,
        "confidence": 0.9,
    }
    (in_ns,), (in_ms,) = (rows_of({**spec, "unit": unit}, rows, defined=True) for unit in ("ns", "ms"))
    assert in_ms["detectable"] * 1e6 == pytest.approx(in_ns["detectable"])
    assert in_ms["detectable"] > 1
    assert (in_ms["lower"] * 1e6, in_ms["upper"] * 1e6) == pytest.approx((in_ns["lower"], in_ns["upper"]))
    assert in_ms["lower"] < in_ms["difference"] < in_ms["upper"]
    assert in_ms["p_value"] == in_ns["p_value"]


def warnings_of(spec, rows, tmp_path):
    """The codes and words of what the rows are warned of."""
    from pings import write_ndjson

    write_ndjson(rows, tmp_path / "telemetry.main.ndjson")
    return {finding.code: finding.message for finding in query(spec).run(tmp_path).warnings}


def test_events_that_are_too_rare(tmp_path):
    rows = pings(10, {"on": 60, "control": 60}, per_client=0)
    scalars = [row["payload"]["processes"]["parent"]["scalars"] for row in rows]
    for i, each in enumerate(scalars):
        each["opened"] = int(i % 40 == 0)
    spec = {**SCALAR, "branches": ["on"], "permutations": 200}
    mean = warnings_of({**spec, "statistics": ["mean"]}, rows, tmp_path)
    assert set(mean) == {"too-rare"}
    (row,) = rows_of({**spec, "statistics": ["mean"]}, rows)
    words = f"only a difference above {row['detectable']:.3g} could have been seen in a mean of "
    assert words + f"{row['control_value']:.3g} (on, " in mean["too-rare"]
    assert set(warnings_of({**spec, "statistics": ["median"]}, rows, tmp_path)) == {"too-rare"}
    for i, each in enumerate(scalars):
        each["opened"] = 5 + i % 7
    assert warnings_of({**spec, "statistics": ["mean", "median"]}, rows, tmp_path) == {}
    few = {**HISTOGRAM, "branches": ["on"], "permutations": 200}
    assert warnings_of(few, rows, tmp_path) == {}
    scattered = pings(11, {"on": 5, "control": 6}, per_client=0)
    for i, row in enumerate(scattered):
        row["payload"]["histograms"]["gc_ms"] = f'{{"values":{{"{i}":1}}}}'
    assert "too-rare" in warnings_of(few, scattered, tmp_path)
    silent = {**few, "silence": ["too-rare"]}
    assert warnings_of(silent, scattered, tmp_path) == {}


def test_too_few_permutations(tmp_path):
    """Known beforehand, it is a warning of the spec; else of the result, once the keys are known."""
    rows = pings(12, {"on": 40, "control": 40})
    for row in rows:
        text = row["payload"]["histograms"]["gc_ms"]
        row["payload"]["keyed_histograms"] = {"by_key": [{"key": f"k{i}", "value": text} for i in range(8)]}
    keys = {**HISTOGRAM, "histogram": "BY_KEY", "dimensions": ["key"], "key": "*", "branches": ["on"]}
    words = "the permutations are too few for any of 8 tests to have a p_holm below 0.05"
    found = warnings_of({**keys, "permutations": 158}, rows, tmp_path)
    assert found == {"few-permutations": words}
    assert warnings_of({**keys, "permutations": 160}, rows, tmp_path) == {}
    assert warnings_of({**keys, "permutations": 20, "p_value": "raw"}, rows, tmp_path) == {}
    many = {**HISTOGRAM, "branches": [f"b{i}" for i in range(60)]}
    found = {n: [w.code for w in query({**many, "permutations": n}).warnings()] for n in (1198, 1199, None)}
    assert found == {1198: ["full-scan", "few-permutations"], 1199: ["full-scan"], None: ["full-scan"]}
    told = {**HISTOGRAM, "branches": ["on", "off"], "permutations": 20}
    assert "few-permutations" not in warnings_of(told, rows, tmp_path), "the spec's warning says it"


def of_numbers(on, control):
    """Pings of clients with these numbers."""
    return [
        {
            "client_id": f"{branch}-{i}",
            "submission_timestamp": "2020-04-20T01:00:00Z",
            "environment": {"experiments": [{"key": SLUG, "value": {"branch": branch}}]},
            "payload": {
                "histograms": {"gc_ms": json.dumps({"sum": number, "values": {"1": 1}})},
                "processes": {"parent": {"scalars": {"opened": number}}},
            },
        }
        for branch, numbers in (("on", on), ("control", control))
        for i, number in enumerate(numbers)
    ]


SUMMARY = {"scalar": SCALAR["scalar"], "measure": "summary"}


@pytest.mark.parametrize("confidence", [0.9, 0.99])
def test_limits_of_means_that_rest_on_few_clients(confidence, tmp_path):
    """The square of the variation, divided by the root of the number of clients, is above or below 0.1."""
    common = {"confidence": confidence, "allow_full_scan": True, "silence": ["too-rare"]}
    for largest in (9, 60, 90, 900):
        values = [1 + i % 9 for i in range(150)] + [largest]
        rows = of_numbers(values, [])
        mean = sum(values) / len(values)
        variation = sum((v - mean) ** 2 for v in values) / (len(values) - 1) / mean**2
        expected = {"unsteady-mean"} if variation / len(values) ** 0.5 > 0.1 else set()
        assert bool(expected) == (largest > 60)
        for probe in ({"scalar": SCALAR["scalar"]}, {"histogram": "GC_MS"}):
            summary = {**common, **probe, "measure": "summary"}
            assert set(warnings_of(summary, rows, tmp_path)) == expected
            assert warnings_of({**common, **probe, "percentiles": [0.5]}, rows, tmp_path) == {}
    compared = {**SCALAR, "branches": ["on"], "statistics": ["mean"], "permutations": 99, **common}
    median = {**compared, "statistics": ["median"]}
    uneven, even = [1 + i % 9 for i in range(30)] + [60], [1 + i % 9 for i in range(300)]
    assert set(warnings_of(compared, of_numbers(uneven, even), tmp_path)) == {"unsteady-mean"}
    assert warnings_of(median, of_numbers(uneven, even), tmp_path) == {}
    both = warnings_of({**compared, "statistics": [0.9, "mean"]}, of_numbers(uneven, even), tmp_path)
    assert both["unsteady-mean"].startswith("in 1 of 2 rows")
    assert warnings_of(compared, of_numbers(uneven, uneven), tmp_path) == {}, "skewness cancels out"
    assert warnings_of(compared, of_numbers([], even), tmp_path) == {}
    for nothing in (of_numbers([0, 0, 0], []), of_numbers([0, 0, 0], [0, 0])):
        assert set(warnings_of({**common, **SUMMARY}, nothing, tmp_path)) == {"unsteady-mean"}
    alone = [{**row, "client_id": None} for row in of_numbers([1, 1, 900], [])]
    nobody = {**common, "histogram": "GC_MS", "measure": "summary"}
    assert warnings_of(nobody, alone, tmp_path) == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_few_clients_in_either_branch(engine):
    rows = pings(13, {"on": 12, "off": 5, "control": 9})
    counts = {branch: len(clients_of(rows, branch)) for branch in ("on", "off", "control")}
    spec = {**HISTOGRAM, "branches": ["on", "off"], **FEW}
    everything = rows_of(spec, rows, engine)
    for least in (counts["off"] + 1, counts["control"], counts["control"] + 1):
        marked = rows_of({**spec, "min_clients": least}, rows, engine)
        expected = [min(counts[row["branch"]], counts["control"]) < least for row in marked]
        assert [row.pop("low_data") for row in marked] == expected
        assert [pytest.approx(row) for row in marked] == everything
        kept = rows_of({**spec, "min_clients": least, "low_data": "drop"}, rows, engine)
        assert [row.pop("n_dropped") for row in kept] == [sum(expected)] * (2 - sum(expected))
        rest = [row for row, is_low in zip(everything, expected, strict=True) if not is_low]
        assert [pytest.approx(row) for row in kept] == rest
