"""The run of random pairs: that it passes, and that it notices what is wrong."""

import json
import random

import pytest
import truth_options
import truth_run
from harness import NEEDS_GOOGLESQL
from pings import Pair, numbered
from ruamel.yaml import YAML
from truth_check import ENGINES, Failure, judged, smallest

from querygen import grouping

pytestmark = NEEDS_GOOGLESQL


def run(capsys, *flags):
    code = truth_run.main([*flags, "--workers=1"])
    return code, capsys.readouterr().out


def test_pairs_agree_three_ways(capsys):
    code, shown = run(capsys, "--pairs=8", "--seed=1")
    assert code == 0, shown
    assert "\n8 pairs of a spec and pings, three ways each, in " in shown
    assert ": 0 failures, " in shown
    assert shown.endswith("seed 1\n")
    counts = {tuple(line.split()[:2]): line.split()[-2:] for line in shown.splitlines()}
    given, none = (int(counts["probes", option][0]) for option in ("given", "none"))
    assert given + none == 8


def test_workers_judge_the_same_pairs(capsys):
    assert truth_run.main(["--pairs=4", "--seed=1", "--workers=2"]) == 0
    assert "\n4 pairs of a spec and pings" in capsys.readouterr().out


def test_a_wrong_query_is_noticed(capsys, monkeypatch, tmp_path):
    """Here counts above 3 are dropped. What is left of the pair still fails."""
    monkeypatch.setattr(grouping, "LARGEST_COUNT", 3)
    number = next(at for at in range(99) if judged(numbered(3, at), ["duckdb"])[0])
    code, shown = run(capsys, "--seed=3", f"--only={number}", f"--failures={tmp_path}")
    assert code == 1
    assert f"\npair {number}: duckdb: " in shown
    assert f"python tests/truth_run.py --seed 3 --only {number}\n" in shown
    spec = YAML(typ="safe", pure=True).load(tmp_path / f"3-{number}" / "spec.yaml")
    lines = (tmp_path / f"3-{number}" / "pings.ndjson").read_text(encoding="utf-8").splitlines()
    original = numbered(3, number)
    assert len(lines) < len(original.pings)
    assert len(spec) < len(original.spec)
    failure, _ = judged(original._replace(spec=spec, pings=[json.loads(line) for line in lines]))
    assert failure


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("oracle.measures.percentile_value", lambda counts, percentile: max(counts)),
        ("oracle.answers.places", lambda dimensions, group: random.random()),
    ],
)
def test_a_wrong_judge_is_noticed(name, wrong, monkeypatch):
    monkeypatch.setattr(name, wrong)
    failures = [judged(numbered(4, number), ["duckdb"])[0] for number in range(12)]
    assert any(failures)
    assert {failure.where for failure in failures if failure} == {"duckdb"}


def test_a_query_that_must_end_is_noticed(monkeypatch):
    """Ended with the id of a damaged ping, it is no failure; otherwise it is."""
    pairs = (numbered(3, at) for at in range(300))
    ends = next(pair for pair in pairs if pair.damaged)
    assert judged(ends) == (None, 0)
    answers = next(pair for pair in pairs if not pair.spec.get("strict") and pair.expected)
    for pair, damaged, difference in [
        (ends, set(), "QuerygenError: undecodable: error: the ping document-"),
        (ends, {"document", None}, "ends with another ping: the ping document-"),
        (answers, {"document"}, f"{len(answers.expected)} rows, though a ping is damaged: document"),
    ]:
        monkeypatch.setattr(Pair, "damaged", damaged)
        for engine in ENGINES:
            failure, _ = judged(pair, [engine])
            assert failure.where == engine
            assert failure.difference.startswith(difference)


def test_a_spec_that_is_refused_is_noticed():
    pair = numbered(4, 1)
    failure, _ = judged(pair._replace(spec=pair.spec | {"normalisation": "client"}))
    assert failure.where == "spec"
    assert failure.difference.startswith("QuerygenError: unknown-key: ")


def test_the_smallest_has_nothing_that_is_not_needed(monkeypatch):
    """The judge of this test objects to one key and one ping."""
    pair = next(
        pair for pair in (numbered(5, at) for at in range(99)) if "title" in pair.spec and len(pair.pings) > 9
    )
    culprit = pair.pings[7]

    def objects(pair, engines):
        wrong = "title" in pair.spec and any(
            ping.get("document_id") == culprit["document_id"] for ping in pair.pings
        )
        return (Failure("duckdb", "row 1") if wrong else None), 1

    monkeypatch.setattr("truth_check.judged", objects)
    small, failure = smallest(pair, Failure("duckdb", "row 1"))
    assert failure == Failure("duckdb", "row 1")
    assert small.spec == {"title": pair.spec["title"]}
    assert small.pings == [{"document_id": culprit["document_id"]}]
    assert (small.defined, small.udfs) == (False, "inline")


def without(*options):
    """Pairs that have all options but these, and no rows if their number is divisible by 4."""
    had = [option for option in truth_options.all_options() if option not in options]
    return lambda place: truth_run.Judged(place[1], had, place[1] % 4, None)


def test_what_is_rare_is_told(capsys, monkeypatch):
    monkeypatch.setattr(truth_run, "ENOUGH", 40)
    monkeypatch.setattr(truth_run, "MOST_EMPTY", 0.3)
    monkeypatch.setattr(truth_run, "judge", without())
    assert run(capsys, "--pairs=40")[0] == 0
    monkeypatch.setattr(truth_run, "judge", without(("unit", "ns"), ("key", "top")))
    code, shown = run(capsys, "--pairs=40")
    assert code == 1
    assert "\ntoo rare: key, top; unit, ns\n" in shown
    assert run(capsys, "--pairs=39")[0] == 0


def test_too_many_empty_answers_are_told(capsys, monkeypatch):
    monkeypatch.setattr(truth_run, "ENOUGH", 40)
    monkeypatch.setattr(truth_run, "judge", without())
    code, shown = run(capsys, "--pairs=40")
    assert code == 1
    assert "25.0% of the answers empty" in shown
    assert "\ntoo many answers are empty\n" in shown
