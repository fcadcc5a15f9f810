"""Charts of rates: every number from its row, gaps as gaps, states as marks of their own."""

import datetime as dt
from pathlib import Path

import pytest
from drawn import answered, found, layers, result_of, values_of

from querygen.charts import as_text, chart
from querygen.charts.draw import svg
from querygen.charts.frame import Frame
from querygen.charts.limits import most_shown
from querygen.charts.rates import per_words
from querygen.charts.theme import DASHES, STATES, palette

EXAMPLES = Path(__file__).parents[1] / "examples/mission_control"
DAYS = {"submission_date": {"from": "2018-01-01", "to": "2018-03-01"}}
CRASHES = {
    "measure": "rate",
    "events": {"table": "telemetry.crash"},
    "filters": DAYS,
}
DAY = dt.datetime(2018, 1, 1, tzinfo=dt.UTC)


def rates(rows, **spec):
    """The chart of rates with these rows, each of 1,000 hours unless it says otherwise."""
    made = [{"events": row.get("rate") or 0, "exposure": 1000.0, "n_clients": 9, **row} for row in rows]
    return chart(result_of(made, **{**CRASHES, **spec}))


def lines_of(spec):
    """The values of each line of the first panel, by its series."""
    return {
        values_of(unit)[0].get("series"): [value for value in values_of(unit) if value["rate"] is not None]
        for unit in layers(spec["vconcat"][0], "line")
    }


# --- Along time ------------------------------------------------------------------------------------


def test_lines_are_the_rows_and_what_they_are_of_is_below_on_one_axis():
    result = answered(EXAMPLES / "2-newest.yaml")
    spec = chart(result)
    rows = result.rows()
    for version, values in lines_of(spec).items():
        mine = [row for row in rows if row["app_version"] == version]
        assert [value["at"][:10] for value in values] == [f"{row['time']:%Y-%m-%d}" for row in mine]
        assert [value["rate"] for value in values] == pytest.approx([row["rate"] for row in mine])
    rate, events, exposure = spec["vconcat"]
    for panel, name in ((events, "events"), (exposure, "exposure")):
        drawn = {
            (value["series"], value["at"][:10]): value[name]
            for unit in layers(panel, "line")
            for value in values_of(unit)
        }
        expected = {(row["app_version"], f"{row['time']:%Y-%m-%d}"): row[name] for row in rows}
        assert drawn == pytest.approx(expected)
    scales = [
        unit["encoding"]["x"]["scale"] for panel in (rate, events, exposure) for unit in layers(panel, "line")
    ]
    assert all(scale == scales[0] for scale in scales)


def test_versions_are_in_their_order_and_the_newest_is_drawn_plainly():
    spec = chart(answered(EXAMPLES / "2-newest.yaml"))
    assert list(lines_of(spec)) == ["56.0", "56.0.1", "56.0.2"]
    dashes = [unit["mark"]["strokeDash"] for unit in layers(spec["vconcat"][0], "line")]
    assert dashes == [DASHES[2], DASHES[1], DASHES[0]] and DASHES[0] == [1, 0]


@pytest.mark.parametrize("kind", ["app_version", "os"])
def test_versions_sort_as_versions_and_other_texts_as_texts(kind):
    names = ["9.0", "10.0", "58.0", "58.0.2", "58.0b3", "58.0a1", "58.0.10", "102.0esr"]
    made = [{"events": 1, "exposure": 1.0, "rate": 1.0, kind: name} for name in names]
    frame = Frame.of(result_of(made, **CRASHES, dimensions=[kind]))
    versions = ["9.0", "10.0", "58.0a1", "58.0b3", "58.0", "58.0.2", "58.0.10", "102.0esr"]
    assert ([group.name for group in frame.groups] == versions) is (kind == "app_version")


def test_hours_without_a_ping_are_gaps_of_the_line_and_have_no_bar():
    result = answered(EXAMPLES / "10-limit.yaml")
    spec = chart(result)
    rows = result.rows()
    empty = {f"{row['time']:%Y-%m-%dT%H:%M:%SZ}" for row in rows if row["exposure"] == 0}
    assert empty, "the example has no hour without a ping"
    (line,) = layers(spec["vconcat"][0], "line")
    assert {value["at"] for value in values_of(line) if value["rate"] is None} == empty
    for panel, name in zip(spec["vconcat"][1:], ("events", "exposure"), strict=True):
        (bars,) = layers(panel, "bar")
        drawn = {value["at"]: value[name] for value in values_of(bars)}
        there = {f"{row['time']:%Y-%m-%dT%H:%M:%SZ}": row[name] for row in rows if row["exposure"]}
        assert drawn == pytest.approx(there)


def test_without_filling_a_line_breaks_after_one_interval():
    rows = [{"time": DAY + dt.timedelta(days=i), "rate": 2.0} for i in (0, 1, 3)]
    (line,) = layers(rates(rows, interval="day")["vconcat"][0], "line")
    assert [value["at"] for value in values_of(line) if value["rate"] is None] == ["2018-01-03T00:00:00Z"]


def test_bands_are_the_limits():
    rows = [
        {"time": DAY + dt.timedelta(days=i), "rate": 2.0, "lower": 1.0 - i / 8, "upper": 3.0 + i}
        for i in range(3)
    ]
    spec = rates(rows, interval="day", confidence=0.9)
    (band,) = layers(spec, "area")
    assert [(v["lower"], v["upper"]) for v in values_of(band)] == [
        (row["lower"], row["upper"]) for row in rows
    ]
    assert "Bands: limits of 90% confidence." in spec["title"]["subtitle"]


@pytest.mark.parametrize(("n", "bands", "is_told"), [(3, 3, False), (4, 0, True), (7, 0, True)])
def test_bands_that_would_hide_each_other_are_left_out_with_a_note(n, bands, is_told):
    rows = [
        {"time": DAY + dt.timedelta(days=i), "os": f"s{k}", "rate": 2.0, "lower": 1.0, "upper": 3.0}
        for k in range(n)
        for i in range(2)
    ]
    spec = rates(rows, interval="day", dimensions=["time", "os"], confidence=0.9)
    assert len(layers(spec, "area")) == bands and "concat" not in spec
    assert any("would hide each other" in note for note in spec["title"]["subtitle"]) is is_told


def test_of_too_many_series_each_has_its_panel_with_what_it_is_of():
    rows = [
        {"time": DAY + dt.timedelta(days=i), "os": f"s{k}", "rate": 2.0} for k in range(8) for i in range(2)
    ]
    spec = rates(rows, interval="day", dimensions=["time", "os"])
    assert len(spec["concat"]) == 8 and all(len(panel["vconcat"]) == 3 for panel in spec["concat"])
    assert any("One panel for each os" in note for note in spec["title"]["subtitle"])


def test_a_rate_of_next_to_no_usage_does_not_say_how_long_the_axis_is():
    hours = [1000.0, 900.0, 3.0]
    rows = [
        {"time": DAY + dt.timedelta(days=i), "rate": rate, "exposure": hours[i], "events": 1}
        for i, rate in enumerate((2.0, 5.0, 400.0))
    ]
    spec = rates(rows, interval="day")
    line, *_ = layers(spec["vconcat"][0], "line")
    assert line["encoding"]["y"]["scale"]["domain"] == [0, 5.0]
    (points, beyond) = layers(spec["vconcat"][0], "point")
    assert [value["rate"] for value in values_of(points)] == [2.0, 5.0]
    assert [value["at"] for value in values_of(beyond)] == ["2018-01-03T00:00:00Z"]
    assert "1 rate of few usage hours is beyond the axis: a triangle at its end." in spec["title"]["subtitle"]


@pytest.mark.parametrize(
    ("values", "limits", "most", "is_cut"),
    [
        ([1, 2], [3], 3, False),
        ([1, 2], [], 2, False),
        ([1, 10], [500], 30, True),
        ([0, 0], [4], 4, False),
        ([], [], 1, False),
    ],
)
def test_an_axis_shows_all_values_and_limits_that_are_not_far_off(values, limits, most, is_cut):
    assert most_shown(values, limits) == (pytest.approx(most), is_cut)


def test_marks_of_few_hours_are_hollow():
    rows = [
        {"time": DAY + dt.timedelta(days=i), "rate": 2.0, "exposure": hours, "low_data": hours < 100}
        for i, hours in enumerate((500.0, 50.0))
    ]
    spec = rates(rows, interval="day", min_usage_hours=100)
    (points,) = layers(spec["vconcat"][0], "point")
    assert [value["low"] for value in values_of(points)] == [False, True]
    hollow = {"test": "datum.low", "value": palette("light")["paper"]}
    assert points["encoding"]["fill"]["condition"] == hollow
    assert "Hollow marks: fewer than 100 usage hours." in spec["title"]["subtitle"]


# --- States ----------------------------------------------------------------------------------------


def test_states_have_a_shape_and_a_colour_each_with_one_legend():
    rows = [
        {"time": DAY + dt.timedelta(days=i), "rate": 2.0 + i, "state": state, "low_data": state == "low_data"}
        for i, state in enumerate(STATES)
    ]
    spec = rates(rows, interval="day", alert={"max_rate": 3.5}, min_clients=10)
    (points,) = layers(spec["vconcat"][0], "point")
    assert [value["state"] for value in values_of(points)] == [words for words, _, _ in STATES.values()]
    shape, stroke, fill = (points["encoding"][channel] for channel in ("shape", "stroke", "fill"))
    assert {channel["field"] for channel in (shape, stroke, fill)} == {"state"}
    looks = list(zip(shape["scale"]["range"], fill["scale"]["range"], stroke["scale"]["range"], strict=True))
    assert len(set(looks)) == len(STATES)
    # Whoever sees no colour tells them by shape and filling.
    paper = palette("light")["paper"]
    assert len({(one, two == paper) for one, two, _ in looks}) == len(STATES)
    (limit,) = [
        unit for unit in layers(spec["vconcat"][0], "rule") if unit["data"]["values"] == [{"rate": 3.5}]
    ]
    assert limit["encoding"]["y"]["field"] == "rate"
    assert "The dashed line is the limit of 3.5." in spec["title"]["subtitle"]
    assert "all at 2018-01-01 00:00:00: alert." in spec["description"]


def test_only_states_that_there_are_have_a_legend():
    rows = [{"os": name, "rate": 2.0, "state": "ok"} for name in ("Mac", "Linux")]
    spec = rates(rows, dimensions=["os"], alert={"max_rate": 3.5})
    (points,) = layers(spec, "point")
    assert points["encoding"]["shape"]["scale"]["domain"] == ["ok"]


# --- Since a release -------------------------------------------------------------------------------


def aged(n_versions, **spec):
    rows = [
        {
            "time": DAY + dt.timedelta(days=i),
            "major_version": version,
            "rate": float(version + i),
            "hours_since_release": 24.0 * i,
            "share_of_exposure": 0.1 * i,
            **{name: value for name in spec.get("dimensions", ())[2:] for value in ["Mac"]},
        }
        for version in range(50, 50 + n_versions)
        for i in range(3)
    ]
    return rates(rows, align="release", interval="day", **{"dimensions": ["time", "major_version"], **spec})


def test_versions_are_laid_over_each_other_by_the_hours_since_their_release():
    spec = aged(2)
    assert {name: [(v["at"], v["rate"]) for v in values] for name, values in lines_of(spec).items()} == {
        "50": [(0, 50), (24, 51), (48, 52)],
        "51": [(0, 51), (24, 52), (48, 53)],
    }
    _, exposure, uptake = spec["vconcat"]
    assert [v["share_of_exposure"] for v in values_of(layers(uptake, "line")[0])] == pytest.approx(
        [0, 0.1, 0.2]
    )
    assert layers(exposure, "line")[0]["encoding"]["y"]["field"] == "exposure"
    xs = [unit["encoding"]["x"] for panel in spec["vconcat"] for unit in layers(panel, "line")]
    assert {x["type"] for x in xs} == {"quantitative"}
    assert xs[-1]["axis"]["title"] == "hours since the release" and xs[-1]["axis"]["values"][:3] == [0, 6, 12]
    assert not found(spec, "release")


def test_of_very_many_versions_the_oldest_are_thin_and_grey():
    spec = aged(10)
    lines = layers(spec["vconcat"][0], "line")
    assert [unit["mark"]["strokeWidth"] for unit in lines] == [1] * 3 + [2] * 7
    assert list(lines_of(spec))[1:] == [str(version) for version in range(53, 60)]
    assert "The thin grey lines are older versions (50 to 52)." in spec["title"]["subtitle"]


def test_versions_of_several_groups_have_a_panel_for_each_group():
    spec = aged(2, dimensions=["time", "major_version", "os"])
    (panel,) = spec["concat"]
    assert panel["title"]["text"] == "Mac"
    assert set(lines_of(panel)) == {"50", "51"}


def test_a_version_looks_the_same_in_all_panels_also_where_only_old_ones_are():
    versions = {"Mac": range(50, 60), "Linux": range(50, 52), "Android": (59, 56)}
    rows = [
        {
            "time": DAY + dt.timedelta(days=i),
            "major_version": version,
            "os": name,
            "rate": 1.0,
            "hours_since_release": 24.0 * i,
            "share_of_exposure": 0.1,
        }
        for name, some in versions.items()
        for version in some
        for i in range(2)
    ]
    spec = rates(rows, align="release", interval="day", dimensions=["time", "major_version", "os"])
    looks = {}
    for panel in spec["concat"]:
        for unit in layers(panel["vconcat"][0], "line"):
            if "series" in values_of(unit)[0]:
                scale = unit["encoding"]["color"]["scale"]
                name = values_of(unit)[0]["series"]
                ink = scale["range"][scale["domain"].index(name)]
                looks.setdefault(name, set()).add((ink, str(unit["mark"]["strokeDash"])))
    assert sorted(looks) == [str(version) for version in range(53, 60)]
    assert all(len(found_looks) == 1 for found_looks in looks.values())
    linux = next(panel for panel in spec["concat"] if panel["title"]["text"] == "Linux")
    assert [unit["mark"]["strokeWidth"] for unit in layers(linux["vconcat"][0], "line")] == [1, 1]


# --- Without a time --------------------------------------------------------------------------------


def test_groups_are_points_with_their_limits_and_what_they_are_of():
    result = answered(EXAMPLES / "1-platforms.yaml")
    spec = chart(result)
    rows = {row["os"]: row for row in result.rows()}
    (points,) = layers(spec, "point")
    assert {value["group"]: value["rate"] for value in values_of(points)} == pytest.approx(
        {name: row["rate"] for name, row in rows.items()}
    )
    (whiskers,) = layers(spec, "rule")
    assert {v["group"]: (v["lower"], v["upper"]) for v in values_of(whiskers)} == {
        name: (pytest.approx(row["lower"]), pytest.approx(row["upper"])) for name, row in rows.items()
    }
    events, exposure = layers(spec, "bar")
    for bars, name in ((events, "events"), (exposure, "exposure")):
        assert {v["group"]: v["amount"] for v in values_of(bars)} == pytest.approx(
            {group: row[name] for group, row in rows.items()}
        )
    assert "Windows: 5.42 (3.17 to 7.67)." in spec["description"]


def test_versions_have_their_plain_and_their_adjusted_rate_side_by_side():
    result = answered(EXAMPLES / "7-alerts.yaml")
    spec = chart(result)
    plain, adjusted, *_ = spec["hconcat"]
    rows = result.rows()
    assert (plain["title"]["text"], adjusted["title"]["text"]) == ("over all time", "over the same time")
    for panel, prefix in ((plain, ""), (adjusted, "adjusted_")):
        (points,) = layers(panel, "point")
        assert [v["rate"] for v in values_of(points)] == pytest.approx([row[f"{prefix}rate"] for row in rows])
        (whiskers,) = layers(panel, "rule")
        assert [v["upper"] for v in values_of(whiskers)] == pytest.approx(
            [row[f"{prefix}upper"] for row in rows]
        )
    # States judge the adjusted rates, and the expected range stands behind these.
    assert "state" not in found(plain, "field") and "state" in found(adjusted, "field")
    (expected,) = layers(adjusted, "bar")
    (row,) = [row for row in rows if row["expected_upper"] is not None]
    (value,) = values_of(expected)
    assert (value["group"], value["lower"], value["upper"]) == (
        str(row["major_version"]),
        pytest.approx(row["expected_lower"]),
        pytest.approx(row["expected_upper"]),
    )
    x = [layers(panel, "point")[0]["encoding"]["x"]["scale"] for panel in (plain, adjusted)]
    assert x[0] == x[1]


def test_a_rate_of_everything_has_one_row():
    spec = rates([{"rate": 2.0}])
    (points,) = layers(spec, "point")
    assert [(v["group"], v["rate"]) for v in values_of(points)] == [("all", 2.0)]


def test_without_any_exposure_there_is_no_point_but_its_events():
    spec = rates([{"os": "Mac", "rate": None, "events": 3, "exposure": 0.0}], dimensions=["os"])
    (points,) = layers(spec, "point")
    assert values_of(points) == []
    assert [v["amount"] for v in values_of(layers(spec, "bar")[0])] == [3]
    assert "Mac: no rate." in spec["description"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "per 1,000 usage hours"),
        ({"per": 1}, "per usage hour"),
        ({"exposure": "pings"}, "per ping"),
        ({"exposure": "clients", "per": 100}, "per 100 clients"),
    ],
)
def test_what_a_rate_is_per(spec, words):
    assert per_words(result_of([], **CRASHES, **spec).plan.about) == words


HOSTILE = ["<script>alert(1)</script>", "'];alert(1);//", "datum.low", "a\u202eb", "</text></svg>", "\x00"]


@pytest.mark.parametrize("kind", ["time", "groups"])
def test_what_is_counted_is_text_too(kind):
    """Keys are any text, and stand in titles of axes and in notes."""
    amount = {"scalar": "browser.engagement.navigation.urlbar", "key": "".join(HOSTILE)}
    rows = [{"os": "Mac", "rate": 2.0}]
    spec = {"dimensions": ["os"]}
    if kind == "time":
        rows = [{"time": DAY + dt.timedelta(days=i), "rate": 2.0} for i in range(2)]
        spec = {"interval": "day"}
    made = rates(rows, **spec, events=amount, exposure=amount)
    text = as_text(made)
    assert "alert(1)" in text and not set("\u202e\x00") & set(text) and "\\\\u202e" in text
    svg(made)


@pytest.mark.parametrize("kind", ["time", "aged", "groups"])
def test_texts_are_never_expressions(kind):
    rows = [
        {"os": name, "rate": 2.0, "lower": 1.0, "upper": 3.0, "state": "watch", "low_data": True}
        for name in HOSTILE
    ]
    spec = {"alert": {"max_rate": 3}, "min_clients": 10, "confidence": 0.9, "title": "".join(HOSTILE)}
    if kind == "groups":
        made = rates(rows, dimensions=["os"], **spec)
    else:
        spec |= {"interval": "day", "dimensions": ["time", "os"]}
        more = {}
        if kind == "aged":
            spec |= {"align": "release", "dimensions": ["time", "app_version"]}
            more = {"hours_since_release": 0.0, "share_of_exposure": 0.1}
            del spec["alert"]
            rows = [{**row, "app_version": row["os"]} for row in rows]
            for row in rows:
                del row["os"], row["state"]
        twice = [{**row, **more, "time": DAY + dt.timedelta(days=i)} for row in rows for i in range(2)]
        if kind == "aged":
            for i, row in enumerate(twice):
                row["hours_since_release"] = 24.0 * (i % 2)
        made = rates(twice, **spec)
    expressions = {
        text for key in ("test", "expr", "labelExpr", "calculate", "filter") for text in found(made, key)
    }
    assert expressions <= {"datum.low", "format(datum.value, abs(datum.value) < 10000 ? ',~r' : '~s')"}
    assert "\u202e" not in as_text(made)
    assert svg(made).startswith("<svg")
