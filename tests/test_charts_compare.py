"""Charts of comparisons: the distributions that were compared, the differences, and what chance does."""

from pathlib import Path

import pytest
from drawn import answered, found, layers, result_of, values_of

from querygen import Query, load
from querygen.charts import as_text, chart
from querygen.charts.differences import lines_of
from querygen.charts.draw import svg
from querygen.charts.theme import DASHES, palette

EXAMPLES = Path(__file__).parents[1] / "examples"
DAYS = {"submission_date": {"from": "2020-04-06", "to": "2020-04-20"}}
SPEC = {
    "histogram": "GC_MS",
    "experiment": "slug",
    "filters": DAYS,
    "normalization": "client",
    "measure": "compare",
    "control": "control",
    "branches": ["a"],
}
NUMBER = {**{key: value for key, value in SPEC.items() if key not in ("histogram", "normalization")}}
NUMBER |= {"scalar": "browser.engagement.tab_open_event_count", "statistics": ["mean"]}
ROW = {
    "branch": "a",
    "control": "control",
    "statistic": "chi2",
    "difference": 0.02,
    "detectable": 0.01,
    "p_value": 0.001,
    "p_holm": 0.03,
    "p_bh": 0.02,
    "n_clients": 40,
    "n_control": 50,
}
MEAN = {
    **ROW,
    "statistic": "mean",
    "value": 12.0,
    "control_value": 10.0,
    "difference": 2.0,
    "detectable": 1.5,
}


def overlaid(shares, spec=SPEC, **places):
    """The distributions of branches: their shares by bucket."""
    asked = Query(**spec).overlays()["slug"].spec
    given = {"histogram": asked.histogram, "experiment": "slug", "filters": DAYS, "normalization": "client"}
    rows = [
        {
            **places,
            "branch": branch,
            "bucket": bucket,
            "share": share,
            "count": share,
            "n_clients": 40,
            "n_samples": 9,
        }
        for branch, by_bucket in shares.items()
        for bucket, share in by_bucket.items()
    ]
    return result_of(rows, **given, measure="distribution", dimensions=list(asked.dimensions))


SHARES = {"control": dict.fromkeys(range(10), 0.1), "a": {i: i / 45 for i in range(1, 10)}}


def compared(rows, shares=SHARES, **spec):
    overlays = {"slug": overlaid(shares, SPEC | spec)} if shares else {}
    return chart(result_of(rows, overlays, **SPEC | spec))


def texts(spec):
    """The columns of numbers beside the differences, by their names."""
    units = layers(spec, "text")
    heads, columns = units[::2], units[1::2]
    return {
        head["mark"]["text"]: [value["text"] for value in values_of(column)]
        for head, column in zip(heads, columns, strict=True)
    }


def forest_marks(spec):
    """Of the last statistic: what chance does, the limits, and the differences."""
    plot = spec["vconcat"][-1]["hconcat"][0]
    (chance,), (points,) = layers(plot, "bar"), layers(plot, "point")
    return values_of(chance), [values_of(unit) for unit in layers(plot, "rule")][-1], values_of(points)


# --- The distributions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["experiments/compare", "experiments/placebo", "tls13/6-times", "tls13/11-processes"]
)
def test_what_is_drawn_is_what_was_compared(name):
    """chi2 of the drawn shares is the distance of the rows, which other SQL computed."""
    result = answered(EXAMPLES / f"{name}.yaml")
    spec = chart(result)
    drawn = []
    for unit in layers(spec, "line") + layers(spec, "bar"):
        if unit["encoding"].get("y", {}).get("field") == "share":
            for value in values_of(unit):
                drawn.append((id(unit["encoding"]["x"]), value["series"], value["bucket"], value["share"]))
    places = {place: {} for place, *_ in drawn}
    for place, series, bucket, share in drawn:
        places[place].setdefault(bucket, {})[series] = share
    distances = sorted(distance(buckets.values()) for buckets in places.values())
    expected = sorted(row["difference"] for row in result.rows() if row["statistic"] == "chi2")
    assert distances == pytest.approx(expected, rel=1e-6)


def distance(buckets):
    pairs = [tuple(shares.values()) for shares in buckets]
    return sum((a - b) ** 2 / (a + b + 1e-10) for a, b in pairs) / 2


def test_overlays_ask_of_the_same_clients():
    query = load(EXAMPLES / "experiments/placebo.yaml")
    overlays = query.overlays()
    assert list(overlays) == ["tab-warming-nightly-77", "startup-cache-nightly-77"]
    for slug, overlay in overlays.items():
        assert overlay.spec.measure == "distribution" and overlay.spec.experiment.slug == slug
        assert (overlay.spec.normalization, overlay.spec.filters) == ("client", query.spec.filters)
    assert load(EXAMPLES / "experiments/compare-scalar.yaml").overlays() == {}
    assert load(EXAMPLES / "charts/means-by-os.yaml").overlays() == {}


def test_pings_without_a_client_are_in_no_overlay_if_they_are_in_no_comparison():
    plain = Query(**SPEC | {"normalization": "none"})
    (overlay,) = plain.overlays().values()
    assert overlay.spec.filters["client_id"].is_null is False
    (overlay,) = Query(**SPEC | {"normalization": "none", "analysis_unit": "ping"}).overlays().values()
    assert "client_id" not in overlay.spec.filters


def test_results_have_overlays_only_if_they_are_asked_for():
    query = load(EXAMPLES / "experiments/compare.yaml")
    few = Query.of(query._source.with_value("permutations", 20), query._catalog)
    assert few.run().overlays == {}
    assert list(few.run(overlays=True).overlays) == ["tab-warming-nightly-77"]


def test_branches_are_laid_over_the_control_and_their_difference_stands_below():
    spec = compared([ROW])
    overlay = spec["vconcat"][0]
    shares, differences = overlay["vconcat"]
    lines = {values_of(unit)[0]["series"]: values_of(unit) for unit in layers(shares, "line")}
    assert list(lines) == ["control", "a"]
    assert [value["share"] for value in lines["a"]] == pytest.approx([i / 45 for i in range(10)])
    (area,) = layers(shares, "area")
    assert values_of(area) == lines["control"]
    (bars,) = layers(differences, "bar")
    assert [value["points"] for value in values_of(bars)] == pytest.approx(
        [100 * (i / 45 - 0.1) for i in range(10)]
    )
    low, high = bars["encoding"]["y"]["scale"]["domain"]
    assert low == -high and high >= 10
    assert shares["layer"][0]["encoding"]["x"]["scale"] == bars["encoding"]["x"]["scale"]
    assert bars["encoding"]["y"]["axis"]["title"] == ["difference", "(% points)"]
    assert lines["control"][0]["bucket"] == "0" and lines["a"][0]["share"] == 0


def test_the_control_is_grey_and_branches_differ_by_colour_and_dash():
    shares = dict.fromkeys(("control", "a", "b", "c"), SHARES["a"])
    rows = [{**ROW, "branch": name} for name in "abc"]
    spec = compared(rows, shares, branches=["a", "b", "c"])
    top, below = spec["vconcat"][0]["vconcat"]
    lines = layers(top, "line")
    scale = lines[0]["encoding"]["color"]["scale"]
    assert scale["domain"] == ["control", "a", "b", "c"]
    assert scale["range"] == [palette("light")[name] for name in ("control", "series1", "series2", "series3")]
    assert [unit["mark"]["strokeDash"] for unit in lines] == [[1, 0], *DASHES[:3]]
    assert [values_of(unit)[0]["series"] for unit in layers(below, "line")] == ["a", "b", "c"]
    # The tests of several branches do not fit above a picture.
    assert texts(spec)["distance"] == ["0.02"] * 3


def test_more_branches_than_can_be_told_apart_have_a_panel_each():
    names = [f"b{i}" for i in range(7)]
    shares = {"control": SHARES["control"], **dict.fromkeys(names, SHARES["a"])}
    spec = compared([{**ROW, "branch": name} for name in names], shares, branches=names)
    panels = spec["vconcat"][0]["concat"]
    assert [panel["title"]["text"] for panel in panels] == [[name] for name in names]
    assert all(len(layers(panel["vconcat"][0], "line")) == 2 for panel in panels)


def test_of_very_many_distributions_those_of_most_clients_are_drawn_with_a_note():
    names = [f"P{i}" for i in range(14)]
    rows = [{**ROW, "key": name, "n_clients": 100 - i} for i, name in enumerate(names)]
    spec = {"dimensions": ["key"], "key": "*"}
    parts = [overlaid(SHARES, SPEC | spec, key=name) for name in names]
    plan_rows = [row for part in parts for row in part.rows()]
    asked = Query(**SPEC | spec).overlays()["slug"].spec
    every = result_of(
        plan_rows, histogram="GC_MS", experiment="slug", filters=DAYS, normalization="client", key="*",
        measure="distribution", dimensions=list(asked.dimensions),
    )  # fmt: skip
    made = chart(result_of(rows, {"slug": every}, **SPEC | spec))
    panels = made["vconcat"][0]["concat"]
    assert [panel["title"]["text"] for panel in panels] == [[name] for name in names[:12]]
    assert "The 12 with most clients of 14 are shown." in made["title"]["subtitle"]
    # The tests of all stand below, also of those that have no panel.
    assert len(texts(made)["distance"]) == 14


def test_few_buckets_are_bars_beside_each_other():
    spec = compared([ROW], {"control": {0: 0.4, 1: 0.6}, "a": {0: 0.5, 1: 0.5}})
    top, below = spec["vconcat"][0]["vconcat"]
    (bars,) = layers(top, "bar")
    assert bars["encoding"]["xOffset"]["scale"]["domain"] == ["control", "a"]
    assert layers(top, "line") == []
    assert [value["points"] for value in values_of(layers(below, "bar")[0])] == pytest.approx([10, -10])


def test_the_test_is_told_in_words():
    spec = compared([ROW])
    told = "a: distance 0.02, p = 0.001; 40 and 50 clients."
    assert told in spec["title"]["subtitle"]
    assert "Chance alone would hardly do this (p = 0.001)." in spec["title"]["subtitle"]
    none = compared([{**ROW, "p_value": 0.4}])
    assert "Chance alone would do as much (p = 0.40)." in none["title"]["subtitle"]


# --- Differences -----------------------------------------------------------------------------------


def test_differences_stand_beside_their_limits_and_what_chance_does():
    rows = [
        {**MEAN, "os": "Mac", "lower": 1.0, "upper": 3.0},
        {**MEAN, "os": "Linux", "difference": -1.0, "lower": -2.5, "upper": 0.5, "p_holm": 0.2},
    ]
    spec = chart(result_of(rows, **NUMBER, dimensions=["os"], confidence=0.95))
    chance, limits, points = forest_marks(spec)
    assert {(v["group"], v["from"], v["to"]) for v in chance} == {("Mac", -1.5, 1.5), ("Linux", -1.5, 1.5)}
    assert {(v["group"], v["lower"], v["upper"]) for v in limits} == {("Mac", 1, 3), ("Linux", -2.5, 0.5)}
    assert {(v["group"], v["difference"], v["sure"]) for v in points} == {
        ("Mac", 2, True),
        ("Linux", -1, False),
    }
    plot = spec["vconcat"][-1]["hconcat"][0]
    low, high = layers(plot, "point")[0]["encoding"]["x"]["scale"]["domain"]
    assert low == -high and high >= 3
    assert texts(spec) == {
        "control": ["10", "10"],
        "a": ["12", "12"],
        "difference": ["−1", "+2"],
        "limits": ["−2.5 to +0.5", "+1 to +3"],
        "p (Holm)": ["0.20", "0.03"],
        "clients": ["50 : 40", "50 : 40"],
    }
    notes = spec["title"]["subtitle"]
    assert "Grey bars: differences that chance alone makes of these clients 19 times in 20." in notes
    assert "Of 2 tests 1 has a p (corrected by Holm for all of them) of at most 0.05." in notes
    assert "Mac · a: mean 12, 10 of control, +1 to +3, p = 0.03." in spec["description"]


def test_rows_of_few_clients_are_hollow():
    spec = chart(result_of([{**MEAN, "low_data": True}], **NUMBER, min_clients=60))
    (points,) = layers(spec, "point")
    paper = palette("light")["paper"]
    assert points["encoding"]["fill"]["condition"][0] == {"test": "datum.low", "value": paper}
    assert values_of(points)[0]["low"] is True
    assert "Hollow marks: fewer than 60 clients." in spec["title"]["subtitle"]


def test_what_a_few_clients_leave_open_does_not_say_how_long_the_axis_is():
    rows = [
        {**MEAN, "os": "Mac", "lower": 1.0, "upper": 3.0, "low_data": False},
        {**MEAN, "os": "Linux", "difference": -4.0, "detectable": 600.0, "low_data": True},
    ]
    spec = chart(result_of(rows, **NUMBER, dimensions=["os"], confidence=0.95, min_clients=9))
    plot = spec["vconcat"][-1]["hconcat"][0]
    (points,), (chance,) = layers(plot, "point"), layers(plot, "bar")
    assert points["encoding"]["x"]["scale"]["domain"] == pytest.approx([-4 * 1.08, 4 * 1.08])
    assert chance["mark"]["clip"] is True
    assert texts(spec)["limits"] == ["–", "+1 to +3"]


def test_histograms_of_different_units_are_compared_in_percent_of_the_control():
    rows = [
        {
            **MEAN,
            "statistic": "median",
            "histogram": name,
            "value": v,
            "control_value": c,
            "difference": v - c,
        }
        for name, v, c in (("A", 11.0, 10.0), ("B", 990.0, 1000.0), ("C", 1.0, 0.0))
    ]
    given = SPEC | {"histogram": ["A", "B", "C"], "dimensions": ["histogram"], "statistics": ["median"]}
    spec = chart(result_of(rows, **given))
    _, _, points = forest_marks(spec)
    # Nothing is a percent of zero; its numbers are in the table.
    assert {v["group"]: v["difference"] for v in points} == {"A": 10, "B": -1}
    assert texts(spec)["difference"] == ["+1", "−10", "+1"]


def test_without_their_distributions_distances_are_multiples_of_what_chance_does():
    rows = [{**ROW, "os": "Mac"}, {**ROW, "os": "Linux", "difference": 0.0, "detectable": 0.0, "p_holm": 1.0}]
    spec = compared(rows, None, dimensions=["os"])
    chance, _, points = forest_marks(spec)
    assert {v["group"]: v["difference"] for v in points} == {"Mac": 2, "Linux": 0}
    assert {(v["from"], v["to"]) for v in chance} == {(0, 1)}
    assert texts(spec)["by chance"] == ["≤ 0", "≤ 0.01"]


def test_pings_are_counted_where_they_are_the_unit():
    row = {name: value for name, value in MEAN.items() if name != "n_clients"} | {"n_pings": 70}
    spec = chart(result_of([row], **NUMBER, analysis_unit="ping"))
    assert texts(spec)["pings"] == ["50 : 70"]


def test_what_could_not_be_tested_says_so():
    empty = dict.fromkeys(("difference", "detectable", "p_value", "p_holm", "p_bh"))
    spec = chart(result_of([{**MEAN, **empty}], **NUMBER))
    assert "Nothing could be tested." in spec["title"]["subtitle"]
    assert forest_marks(spec)[2] == [] and texts(spec)["difference"] == ["–"]


# --- A placebo -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("p", "is_told"), [(0.01, True), (0.5, False)])
def test_a_placebo_is_named_comes_last_and_its_difference_is_no_effect(p, is_told):
    rows = [
        {**MEAN, "experiment": "slug"},
        {**MEAN, "experiment": "another", "p_holm": p},
    ]
    spec = chart(result_of(rows, **NUMBER, placebo="another"))
    assert [v["group"] for v in forest_marks(spec)[2]] == ["slug", "another (placebo)"]
    assert any("The placebo differs, too" in note for note in spec["title"]["subtitle"]) is is_told


def test_the_distributions_of_a_placebo_stand_beside_those_of_the_experiment():
    spec = chart(answered(EXAMPLES / "experiments/placebo.yaml"))
    titles = [panel["title"]["text"] for panel in spec["vconcat"][0]["concat"]]
    assert titles == [["tab-warming-nightly-77"], ["startup-cache-nightly-77 (placebo)"]]


# --- Texts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("short", ["short"]),
        ("SSL_TIME_UNTIL_HANDSHAKE_FINISHED", ["SSL_TIME_UNTIL_", "HANDSHAKE_FINISHED"]),
        ("x" * 50, ["x" * 23, "x" * 23, "xxxx"]),
        ("", [""]),
    ],
)
def test_names_are_broken_where_words_part(name, lines):
    assert lines_of(name, 24) == lines


HOSTILE = [
    "<script>alert(1)</script>",
    "'];alert(1);//",
    "datum.low",
    "a\u202eb\n\\n",
    "</text></svg>",
    "\x00",
]


@pytest.mark.parametrize("with_overlays", [True, False])
def test_texts_are_never_expressions(with_overlays):
    shares = {"control": SHARES["control"], **dict.fromkeys(HOSTILE, SHARES["a"])}
    rows = [{**ROW, "branch": name} for name in HOSTILE]
    made = compared(rows, shares if with_overlays else None, branches=HOSTILE, title="".join(HOSTILE))
    expressions = {
        text for key in ("test", "expr", "labelExpr", "calculate", "filter") for text in found(made, key)
    }
    assert expressions <= {
        "datum.low",
        "datum.sure",
        "split(datum.label, '\\n')",
        "datum.value == 0 ? '0' : format(datum.value, '+,~r')",
    }
    assert "\u202e" not in as_text(made)
    assert svg(made).startswith("<svg")
