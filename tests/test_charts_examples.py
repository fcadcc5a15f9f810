"""Charts of the examples: as they were, valid, described, with units and UTC, aligned."""

import json
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
from drawn import answered, found, layers, vega_lite
from specs import EXAMPLE_FILES

from querygen.charts import CHARTS, as_text, chart
from querygen.spec_values import Measure

ROOT = Path(__file__).parents[1]
DRAWN = [path for path in EXAMPLE_FILES if path.parent.name == "charts"] + [
    ROOT / "examples" / name
    for name in (
        "tutorial/05-client-normalized-by-build.yaml",
        "distributions/all-buckets.yaml",
        "distributions/boolean.yaml",
        "distributions/cube.yaml",
        "distributions/keyed-scalar.yaml",
        "distributions/interpolated.yaml",
        "kinds/categorical.yaml",
        "experiments/compare.yaml",
        "experiments/compare-scalar.yaml",
        "experiments/limits.yaml",
        "experiments/placebo.yaml",
        "mission_control/1-platforms.yaml",
        "mission_control/2-newest.yaml",
        "mission_control/7-alerts.yaml",
        "mission_control/9-since-release.yaml",
        "mission_control/10-limit.yaml",
        "tls13/3-handshakes.yaml",
        "tls13/6-times.yaml",
        "tls13/11-processes.yaml",
        "tutorial/02-sum-and-bucket-count.yaml",
    )
]


def is_aged(result):
    """Whether its axis is that of hours since a release."""
    return any(column.name == "hours_since_release" for column in result.plan.columns)


def joined(title):
    return title if isinstance(title, str) else " ".join(title)


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_draws_what_it_drew(path, golden):
    golden(ROOT / "tests" / "charts" / f"{path.parent.name}-{path.stem}.json", as_text(chart(answered(path))))


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_is_vega_lite_that_compiles_without_a_warning(path, capfd):
    converter = pytest.importorskip("vl_convert", reason="vl-convert, which draws, is not installed")
    for theme in ("light", "css"):
        spec = chart(answered(path), theme)
        error = jsonschema.exceptions.best_match(vega_lite().iter_errors(spec))
        assert error is None, (error.message, list(error.absolute_path))
        converter.vegalite_to_vega(json.dumps(spec), vl_version="6.4", show_warnings=True)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_every_axis_of_time_says_utc_and_every_axis_of_values_its_unit(path):
    result = answered(path)
    titles = {joined(axis["title"]) for axis in found(chart(result), "axis") if axis and axis.get("title")}
    if is_aged(result):
        assert "hours since the release" in titles
    elif any(split.is_time for split in result.plan.about.splits):
        assert any(title.endswith("(UTC)") for title in titles)
    about = result.plan.about
    if about.measure == "rate":
        assert "per 1,000 usage hours" in titles and "usage hours" in titles
    if about.measure == "compare" and about.exposure:
        assert any(title.endswith("(per usage hour)") for title in titles)
    if result.plan.about.unit and about.measure not in ("counts", "pings"):
        assert any(title.endswith(f"({result.plan.about.unit})") for title in titles)


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_is_described_in_words(path):
    result = answered(path)
    told = chart(result)["description"]
    assert told.startswith(result.plan.about.title)
    most = max(row.get("n_clients", len(result)) for row in result.rows())
    assert f"{most:,}" in told


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_nothing_that_is_absent_is_drawn_as_zero(path):
    """A line breaks where a value is missing; other marks have no value that is none."""
    spec = chart(answered(path))
    for mark in ("bar", "point", "rule", "rect", "text"):
        for unit in layers(spec, mark):
            fields = {channel["field"] for channel in unit["encoding"].values() if "field" in channel}
            for value in unit["data"]["values"]:
                assert all(value.get(field) is not None for field in fields - {"series"}), (mark, value)


def test_each_measure_has_a_chart():
    assert set(CHARTS) == set(get_args(Measure))


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_panels_above_each_other_are_aligned(path):
    """Vega-Lite pads the axis of bars, unless it is told not to: then builds stood beside their clients."""
    converter = pytest.importorskip("vl_convert", reason="vl-convert, which draws, is not installed")
    vega = converter.vegalite_to_vega(json.dumps(chart(answered(path))), vl_version="6.4")
    scales = [scale for inner in found(vega, "scales") for scale in inner if scale["type"] == "utc"]
    looks = [
        {key: value for key, value in scale.items() if key not in ("name", "domain")} for scale in scales
    ]
    assert all({**look, "range": None} == {**looks[0], "range": None} for look in looks)
    result = answered(path)
    times = any(split.is_time for split in result.plan.about.splits) and not is_aged(result)
    assert bool(scales) is times
