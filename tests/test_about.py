"""What a plan says of itself: words for people, and what the result's numbers mean."""

from fractions import Fraction
from pathlib import Path

import pytest

from querygen import Query
from querygen.about import Split
from querygen.api import load
from querygen.units import unit_after

EXAMPLES = Path(__file__).parents[1] / "examples"
DAYS = {"submission_date": {"from": "2020-04-06", "to": "2020-04-20"}}


def about(probes=None, **spec):
    spec = {"histogram": "FX_TAB_SWITCH_SPINNER_VISIBLE_MS", "filters": DAYS, **spec}
    return load(spec, probes=probes).plan().about


def test_the_words_of_the_header_are_there_unflattened():
    made = about(title="a: b,\nc */", description="why", filters={**DAYS, "os": ["Mac", "Linux"]})
    assert (made.title, made.description) == ("a: b,\nc */", "why")
    assert made.filters == ("submission_date from 2020-04-06 to 2020-04-20", "os is Mac or Linux")
    assert made.counted.startswith("every recorded sample once")
    assert about().title == "Distribution of FX_TAB_SWITCH_SPINNER_VISIBLE_MS"


def test_notes_are_what_was_decided_for_the_user():
    scaled = about(filters={**DAYS, "sample_id": {"lt": 10}}, scale=True, measure="summary")
    assert scaled.notes == ("of 10% of all clients, chosen by sample_id; counts are scaled to all clients",)


@pytest.mark.parametrize(
    ("spec", "note"),
    [
        (
            {"sample": "10%"},
            "of 10% of all clients, chosen by a hash of their ids; counts are those of this sample",
        ),
        (
            {"sample": "0.5%", "scale": True, "measure": "summary"},
            "of 0.5% of all clients, chosen by a hash of their ids; counts are scaled to all clients",
        ),
        (
            {"sample": "20%", "filters": {**DAYS, "sample_id": [3, 4]}, "percentiles": [0.5]},
            "of 0.4% of all clients, chosen by sample_id and a hash of their ids; "
            "counts are those of this sample",
        ),
        (
            {"filters": {**DAYS, "sample_id": {"not": 42}}, "measure": "pings", "fields": ["client_id"]},
            "of 99% of all clients, chosen by sample_id; rows are those of this sample",
        ),
        (
            {"source": {"table": "telemetry.main_1pct", "like": "telemetry.main"}},
            "telemetry.main_1pct holds 1% of all clients; counts are theirs",
        ),
        ({"sample": "100%"}, None),
        ({"filters": {**DAYS, "sample_id": {"gte": 0}}}, None),
    ],
    ids=str,
)
def test_a_sample_is_told_whatever_is_measured(spec, note):
    assert about(**spec).notes == (() if note is None else (note,))


@pytest.mark.parametrize("measure", ["rate", "summary", "compare"])
def test_a_sample_is_told_of_events_too(measure):
    branches = {"experiment": "a", "control": "c", "branches": ["b"]} if measure == "compare" else {}
    spec = {"events": "pings", "measure": measure, "filters": DAYS, "sample": "10%"} | branches
    assert any(line.startswith("Note: of 10% of all clients") for line in load(spec).plan().header)


@pytest.mark.parametrize(
    ("dimension", "is_time"),
    [
        ("submission_date", True),
        ("build_time", True),
        ("build_id", True),
        ("os_version", False),
        ("process", False),
    ],
)
def test_which_dimensions_are_times(dimension, is_time):
    (split,) = about(dimensions=[dimension]).splits
    assert split == Split(dimension, is_time)


def test_bands_and_cases_have_their_order():
    dimension = {"name": "kind", "of": "os", "cases": {"z": "Mac", "a": "Linux"}, "else": "m"}
    (split,) = about(dimensions=[dimension]).splits
    assert split == Split("kind", labels=("z", "a", "m"))


def test_buckets_and_unit_are_those_of_the_definition():
    made = about(probes=EXAMPLES / "distributions" / "probes")
    assert (made.unit, made.overflow, made.bounds[:4]) == ("ms", 1000, (0, 1, 2, 3))
    assert len(made.bounds) == 20 and made.bounds[-1] == 1000
    assert not made.is_categories
    unknown = about(histogram="GC_REASON_2")
    assert (unknown.unit, unknown.overflow, unknown.bounds) == (None, None, ())


def test_buckets_and_unit_are_given_as_the_spec_asks():
    made = load(EXAMPLES / "glean/timing.yaml", probes=EXAMPLES / "glean/probes").plan().about
    assert made.unit == "ms"
    seconds = (
        Query(
            histogram="FX_TAB_SWITCH_SPINNER_VISIBLE_MS",
            filters=DAYS,
            unit="s",
            buckets={"linear": [500, 2000, 5]},
        )
        .plan()
        .about
    )
    assert (seconds.unit, seconds.bounds, seconds.overflow) == ("s", (0, 0.5, 1, 1.5, 2), 2)
    mirrored = (
        load(EXAMPLES / "glean/legacy-probe-as-glean.yaml", probes=EXAMPLES / "glean/probes").plan().about
    )
    assert mirrored.unit == "ms"


@pytest.mark.parametrize(
    ("recorded", "by", "unit"),
    [
        ("ns", Fraction(1, 10**6), "ms"),
        ("ns", Fraction(1), "ns"),
        ("bytes", Fraction(1, 2**20), "MiB"),
        ("d", Fraction(1), "d"),
        ("ns", Fraction(1, 7), None),
        ("d", Fraction(24), None),
    ],
)
def test_the_unit_after_a_conversion(recorded, by, unit):
    assert unit_after(recorded, by) == unit


def test_categories_and_few_clients_are_told():
    made = load(EXAMPLES / "kinds/categorical.yaml", probes=EXAMPLES / "kinds/probes").plan().about
    assert made.is_categories
    assert about(measure="summary", min_clients=30).min_clients == 30
    assert about(
        percentiles=[0.5], percentile_method="interpolated", buckets={"linear": [1, 9, 5]}
    ).is_interpolated


def test_a_query_has_the_text_of_its_file(tmp_path):
    text = "# why\nmeasure: counts\nfilters: {submission_date: 2020-04-20}\n"
    (tmp_path / "spec.yaml").write_text(text)
    read = load(tmp_path / "spec.yaml")
    assert (read.text, read.name) == (text, str(tmp_path / "spec.yaml"))
    made = Query(measure="counts", filters={"submission_date": "2020-04-20"})
    assert made.name is None
    (tmp_path / "again.yaml").write_text(made.text)
    assert load(tmp_path / "again.yaml").spec == made.spec
