"""Charts: what is drawn from which rows, that Vega-Lite takes it, and that texts stay texts."""

import datetime as dt
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from drawn import answered, found, layers, result_of, values_of

from querygen import Query, QuerygenError
from querygen.about import About, Split
from querygen.charts import as_text, chart, has_chart
from querygen.charts.axes import number, value_axis
from querygen.charts.draw import png, svg
from querygen.charts.frame import Frame, gaps, instant, shown
from querygen.charts.percentiles import Roles, ordinal
from querygen.charts.theme import COLOURS, SERIES, palette

ROOT = Path(__file__).parents[1]
ONE = ROOT / "examples/charts/counts-by-day.yaml"
# --- Drawing


def test_pictures_need_no_network(tmp_path):
    spec = chart(answered(ONE))
    assert not {"url", "href"} & {key for key in ("url", "href") if found(spec, key)}
    assert svg(spec) == svg(spec)
    assert svg(spec).startswith("<svg")
    assert png(spec)[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_picture_does_not_depend_on_those_drawn_before_it():
    made = chart(answered(ROOT / "examples" / "tutorial" / "05-client-normalized-by-build.yaml"))
    first = svg(made)
    assert first.count('id="clip') == 3
    assert svg(made) == first
    hostile = {**made, "title": 'a <clipPath id="clip7"> clip-path="url(#clip99)"'}
    assert {"clip7", "clip99"} <= set(re.findall(r"clip\d+", svg(hostile)))


def test_a_picture_is_drawn_where_there_is_no_network(tmp_path):
    (tmp_path / "chart.json").write_text(as_text(chart(answered(ONE))), encoding="utf-8")
    code = "import json; from querygen.charts.draw import svg; print(svg(json.load(open('chart.json')))[:4])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    alone = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody leave its network")
    ran = subprocess.run(
        [*alone, sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert (ran.stdout, ran.stderr) == (b"<svg\n", b"")


# --- Along time ------------------------------------------------------------------------------------

DAY = dt.datetime(2020, 4, 6)


def days(*numbers):
    return [DAY + dt.timedelta(days=number) for number in numbers]


def test_a_line_breaks_where_a_day_is_missing():
    assert gaps(days(0, 1, 2, 5, 6)) == [DAY + dt.timedelta(days=3.5)]
    assert gaps(days(0, 7, 14, 28)) == [DAY + dt.timedelta(days=21)]
    assert gaps(days(0, 1, 2, 3)) == []
    assert gaps(days(0, 30)) == []  # two points tell no rhythm


def test_builds_may_be_twice_as_far_apart_as_usual():
    hours = [10, 22, 34, 58, 70, 106]  # twice a day; one is missing, then two
    builds = [DAY + dt.timedelta(hours=hour) for hour in hours]
    assert gaps(builds) == [DAY + dt.timedelta(hours=88)]


def test_dropped_builds_leave_a_gap_in_lines_and_no_zero_bar():
    spec = chart(answered(ROOT / "examples/charts/dropped-builds.yaml"))
    rows = answered(ROOT / "examples/charts/dropped-builds.yaml").rows()
    there = {row["build_date"] for row in rows}
    first, last = min(there), max(there)
    missing = [
        first + dt.timedelta(days=i)
        for i in range((last - first).days)
        if first + dt.timedelta(days=i) not in there
    ]
    assert missing, "the example has no dropped build"
    (median, upper) = layers(spec, "line")
    for line in (median, upper):
        holes = [value["at"][:10] for value in line["data"]["values"] if value["y"] is None]
        assert len(holes) == 1 and min(missing).isoformat() <= holes[0] <= max(missing).isoformat()
    (bars,) = layers(spec, "bar")
    assert {value["at"][:10] for value in bars["data"]["values"]} == {day.isoformat() for day in there}


def test_bands_are_around_the_median_with_the_clients_under_them_on_one_axis():
    result = answered(ROOT / "examples/tutorial/05-client-normalized-by-build.yaml")
    spec = chart(result)
    outer, inner = layers(spec, "area")
    assert {value["band"] for value in outer["data"]["values"]} == {"5th to 95th percentile"}
    assert {value["band"] for value in inner["data"]["values"]} == {"25th to 75th percentile"}
    rows = {(row["build_time"], row["percentile"]): row["value"] for row in result.rows()}
    for low, high, layer in ((0.05, 0.95, outer), (0.25, 0.75, inner)):
        drawn = [(v["low"], v["high"]) for v in layer["data"]["values"] if v["low"] is not None]
        assert drawn == [(rows[at, low], rows[at, high]) for at in sorted({at for at, _ in rows})]
    (line,) = layers(spec, "line")
    (bars,) = layers(spec, "bar")
    assert line["encoding"]["x"]["scale"] == bars["encoding"]["x"]["scale"]
    counts = {row["build_time"]: row["n_clients"] for row in result.rows()}
    assert [v["n_clients"] for v in bars["data"]["values"]] == [counts[at] for at in sorted(counts)]


def test_marks_of_few_clients_are_hollow():
    result = answered(ROOT / "examples/charts/median-by-os.yaml")
    spec = chart(result)
    (points,) = layers(spec, "point")
    low = {(row["submission_date"].isoformat(), row["os"]) for row in result.rows() if row["low_data"]}
    assert low
    assert {(v["at"][:10], v["series"]) for v in points["data"]["values"] if v["low"]} == low
    hollow = {"test": "datum.low", "value": palette("light")["paper"]}
    assert points["encoding"]["fill"]["condition"] == hollow
    assert "Hollow marks: fewer than 60 clients." in spec["title"]["subtitle"]


def test_releases_are_marked_inside_the_axis_only():
    spec = chart(answered(ROOT / "examples/tutorial/05-client-normalized-by-build.yaml"))
    (text,) = layers(spec, "text")
    assert text["data"]["values"] == [{"at": "2020-04-07T00:00:00Z", "release": "Firefox 75"}]


@pytest.mark.parametrize(
    ("value", "time"),
    [
        (dt.date(2020, 4, 6), DAY),
        ("2020-04-06", DAY),
        ("20200406095352", DAY.replace(hour=9, minute=53, second=52)),
        (dt.datetime(2020, 4, 6, tzinfo=dt.UTC), DAY),
        ("*", None),
        (None, None),
        ("20201332000000", None),
        ("nightly", None),
    ],
)
def test_what_is_a_time(value, time):
    assert instant(value) == time


def pings(tmp_path, rows):
    path = tmp_path / "telemetry.main.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def ping(client, os_name, day, bucket):
    return {
        "client_id": client,
        "normalized_os": os_name,
        "submission_timestamp": f"2020-04-{day:02} 10:00:00",
        "payload": {"histograms": {"gc_ms": f'{{"values":{{"{bucket}":2}}}}'}},
    }


WINDOW = {"submission_date": {"from": "2020-04-06", "to": "2020-04-20"}}


def by_os_and_day(tmp_path, n, **spec):
    rows = [ping(f"c{i}", f"system {i}", day, i + 1) for i in range(n) for day in (6, 7, 8)]
    query = Query(histogram="GC_MS", filters=WINDOW, dimensions=["submission_date", "os"], **spec)
    return query.run(pings(tmp_path, rows))


@pytest.mark.parametrize(("n", "panels"), [(2, 0), (7, 0), (8, 8), (15, 12)])
def test_too_many_series_become_small_multiples_with_a_note(tmp_path, n, panels):
    spec = chart(by_os_and_day(tmp_path, n, percentiles=[0.5]))
    assert len(spec.get("concat", ())) == panels
    notes = " ".join(spec["title"].get("subtitle", ()))
    assert ("One panel for each os" in notes) is (panels > 0)
    assert (f"The 12 with most clients of {n} are shown." in notes) is (n > 12)
    if panels:
        assert [panel["title"]["text"] for panel in spec["concat"]][:3] == [
            "system 0",
            "system 1",
            "system 2",
        ]


def test_a_single_day_is_a_category(tmp_path):
    rows = [ping(f"c{i}", "Mac", 6, i + 1) for i in range(3)]
    query = Query(histogram="GC_MS", filters=WINDOW, dimensions=["submission_date"], percentiles=[0.5])
    (points,) = layers(chart(query.run(pings(tmp_path, rows))), "point")
    assert points["encoding"]["y"]["scale"]["domain"] == ["2020-04-06"]


def test_build_ids_that_are_no_times_are_categories(tmp_path):
    rows = [ping(f"c{i}", "Mac", 6, 5) for i in range(3)]
    for row, build in zip(rows, ("nonsense", "20201332000000", None), strict=True):
        row["application"] = {"build_id": build}
    result = Query(histogram="GC_MS", filters=WINDOW, dimensions=["build_id"], percentiles=[0.5]).run(
        pings(tmp_path, rows)
    )
    (points,) = layers(chart(result), "point")
    assert points["encoding"]["y"]["scale"]["domain"] == ["20201332000000", "nonsense", "(null)"]


def test_rows_without_a_time_are_left_out_and_counted(tmp_path):
    rows = [ping(f"c{i}", "Mac", 6, 5) for i in range(3)]
    for row, build in zip(rows, ("20200401000000", "20200402000000", "nonsense"), strict=True):
        row["application"] = {"build_id": build}
    query = Query(histogram="GC_MS", filters=WINDOW, dimensions=["build_time"], percentiles=[0.5])
    spec = chart(query.run(pings(tmp_path, rows)))
    assert "1 row without a build_time cannot be drawn." in spec["title"]["subtitle"]
    cubed = Query(
        histogram="GC_MS", filters=WINDOW, dimensions=["build_id", "os"], percentiles=[0.5], cube=True
    ).run(pings(tmp_path, rows[:2]))
    frame = Frame.of(cubed)
    assert [group.name for group in frame.groups] == ["*", "Mac"] and frame.n_timeless == 0
    assert all(len(group.rows) == 2 for group in frame.groups)


def test_of_very_many_categories_those_with_most_clients_are_drawn(tmp_path):
    rows = [ping(f"c{i}", f"system {i // 2 if i < 80 else 99}", 6, 5) for i in range(85)]
    query = Query(histogram="GC_MS", filters=WINDOW, dimensions=["os"], percentiles=[0.5])
    spec = chart(query.run(pings(tmp_path, rows)))
    domain = layers(spec, "point")[0]["encoding"]["y"]["scale"]["domain"]
    assert len(domain) == 40 and "system 99" in domain
    assert "The 40 groups with most clients of 41." in spec["title"]["subtitle"]
    assert layers(spec, "bar")[0]["encoding"]["y"]["scale"]["domain"] == domain


def test_panels_have_the_same_axes(tmp_path):
    spec = chart(by_os_and_day(tmp_path, 3, percentiles=[0.25, 0.5, 0.75]))
    for mark in ("line", "bar"):
        domains = {json.dumps(unit["encoding"]["x"]["scale"]) for unit in layers(spec["concat"], mark)}
        assert len(domains) == 1
    values = [unit["encoding"]["y"]["scale"] for unit in layers(spec["concat"], "line")]
    assert all(scale == values[0] and "domain" in scale for scale in values)
    assert len({json.dumps(bar["encoding"]["y"]["scale"]) for bar in layers(spec["concat"], "bar")}) == 1


# --- Percentiles and their axis --------------------------------------------------------------------


def test_the_innermost_pairs_are_bands_and_the_others_lines():
    roles = Roles.of([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    assert roles.bands == ((0.05, 0.95), (0.25, 0.75))
    assert roles.lines == (0.5, 0.01, 0.99)
    assert Roles.of([0.5, 0.95]) == Roles((), (0.5, 0.95))
    assert Roles.of([0.1, 0.9]).bands == ((0.1, 0.9),)


@pytest.mark.parametrize(
    ("percentile", "name"),
    [
        (0.01, "1st"),
        (0.11, "11th"),
        (0.22, "22nd"),
        (0.73, "73rd"),
        (0.95, "95th"),
        (0.999, "99.9th"),
        (1, "100th"),
    ],
)
def test_ordinals(percentile, name):
    assert ordinal(percentile) == name


BOUNDS = (0, 1, 2, 4, 10, 30, 100, 1000)


def test_buckets_that_widen_have_equal_steps_and_the_last_one_says_it_is_open():
    axis = value_axis(About("percentiles", "t", bounds=BOUNDS, overflow=1000), [4, 1000])
    assert [axis.place(bound) for bound in BOUNDS] == list(range(8))
    assert axis.place(20) == 4.5  # an interpolated percentile, half way from 10 to 30
    assert axis.scale["domain"] == [2, 7]
    assert '"7": "≥ 1,000"' in axis.axis["labelExpr"] and '"3": "4"' in axis.axis["labelExpr"]


def test_without_buckets_values_of_many_magnitudes_are_logarithmic_with_a_zero():
    axis = value_axis(About("percentiles", "t"), [0, 3, 4000])
    assert axis.scale["type"] == "symlog" and axis.scale["domain"] == [0, 4000]
    assert axis.axis["values"][0] == 0 or 0 in axis.axis["values"]
    assert value_axis(About("percentiles", "t"), [90, 100]).scale["zero"] is False
    assert value_axis(About("percentiles", "t"), [10, 100]).scale["zero"] is True


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1000, "1,000"),
        (0.5, "0.5"),
        (139.584, "140"),
        (2.5e6, "2.5M"),
        (3e9, "3G"),
        (4321.7, "4,322"),
    ],
)
def test_numbers_for_people(value, text):
    assert number(value) == text


# --- Distributions ---------------------------------------------------------------------------------


def test_a_distribution_has_all_buckets_of_the_probe_in_order():
    result = answered(ROOT / "examples/charts/distribution-by-os.yaml")
    spec = chart(result)
    share, added = layers(spec, "line")
    domain = share["encoding"]["x"]["scale"]["domain"]
    assert domain == [
        *map(str, (0, 1, 2, 3, 4, 6, 9, 13, 19, 27, 39, 56, 80, 115, 165, 237, 340, 487, 698)),
        "≥ 1,000",
    ]
    for name in ("Linux", "Mac", "Windows"):
        rows = {r["bucket"]: r["share"] for r in result.rows() if r["os"] == name}
        drawn = [v["share"] for v in share["data"]["values"] if v["series"] == name]
        assert drawn == pytest.approx([rows.get(bucket, 0.0) for bucket in result.plan.about.bounds])
        summed = list(itertools.accumulate(drawn))
        assert [v["cumulative"] for v in added["data"]["values"] if v["series"] == name] == pytest.approx(
            summed
        )


def test_the_open_bucket_is_marked():
    spec = chart(answered(ROOT / "examples/distributions/all-buckets.yaml"))
    (bars,) = layers(spec, "bar")
    assert [v["bucket"] for v in bars["data"]["values"] if v["open"]] == ["≥ 1,000"]
    assert any("open-ended" in line for line in spec["title"]["subtitle"])


def test_categories_have_their_names_and_are_not_added_up():
    spec = chart(answered(ROOT / "examples/kinds/categorical.yaml"))
    (bars,) = layers(spec, "bar")
    assert bars["encoding"]["x"]["scale"]["domain"] == ["HitMemory", "HitDisk", "Miss"]
    assert layers(spec, "line") == []


def test_buckets_that_nobody_defined_are_not_made_up(tmp_path):
    query = Query(histogram="GC_MS", filters=WINDOW)
    spec = chart(query.run(pings(tmp_path, [ping("a", "Mac", 6, 3), ping("b", "Mac", 6, 900)])))
    (bars,) = layers(spec, "bar")
    assert bars["encoding"]["x"]["scale"]["domain"] == ["3", "900"]
    assert any("--probes" in line for line in spec["title"]["subtitle"])


def test_a_distribution_along_time_has_a_cell_for_each_day_and_bucket():
    result = answered(ROOT / "examples/charts/distribution-by-day.yaml")
    (cells,) = layers(chart(result), "rect")
    assert len(cells["data"]["values"]) == len(result.rows())
    first, second = sorted({value["at"] for value in cells["data"]["values"]})[:2]
    assert {v["until"] for v in cells["data"]["values"] if v["at"] == first} == {second}


# --- What cannot be drawn, and texts ---------------------------------------------------------------


def test_listed_pings_have_a_panel_for_each_field():
    rows = [
        {"os": "Mac", "histogram": "a" * 50, "sum": 3},
        {"os": "Mac", "histogram": "a" * 49 + "b", "sum": 900},
        {"os": None, "histogram": "a" * 50, "sum": None},
    ]
    spec = chart(result_of(rows, histogram="GC_MS", measure="pings", filters=WINDOW, fields=[*rows[0]]))
    assert [panel["title"]["text"] for panel in spec["vconcat"]] == ["os", "histogram", "sum"]
    systems, histograms = layers(spec, "bar")
    assert [(v["group"], v["n_pings"]) for v in values_of(systems)] == [("Mac", 2), ("(null)", 1)]
    # Two texts that are cut to the same are two values.
    assert [(v["group"], v["n_pings"]) for v in values_of(histograms)] == [
        ("a" * 43 + "…", 2),
        ("a" * 43 + "… (2)", 1),
    ]
    (strokes,) = layers(spec, "tick")
    assert [value["value"] for value in values_of(strokes)] == [3, 900]
    assert "3 pings are listed. os: 2 different values." in spec["description"]
    assert "sum: 3 to 900, 1 without a value." in spec["description"]


def test_of_many_values_the_most_frequent_are_named_and_the_others_counted():
    rows = [{"os": f"system {i}"} for i in (0, 0, 0, *range(1, 9))]
    spec = chart(result_of(rows, measure="pings", filters=WINDOW, fields=["os"]))
    (bars,) = layers(spec, "bar")
    assert [v["n_pings"] for v in values_of(bars)] == [3, 1, 1, 1, 1, 1, 3]
    assert values_of(bars)[-1]["group"] == "(3 other values)"


def test_no_rows_have_no_chart(tmp_path):
    result = Query(histogram="GC_MS", filters=WINDOW).run(pings(tmp_path, [ping("a", "Mac", 25, 3)]))
    assert len(result) == 0 and not has_chart(result)
    with pytest.raises(QuerygenError, match="no rows to draw"):
        chart(result)


HOSTILE = [
    "<script>alert(1)</script>",
    "'];alert(1);//",
    '"}]).constructor("alert(1)")()',
    "datum.low",
    "a\u202eb",
    "\x00\x1b[31m",
    "</text></svg>",
]


@pytest.mark.parametrize(
    "spec",
    [
        {"percentiles": [0.25, 0.5, 0.75], "dimensions": ["os"]},
        {"percentiles": [0.5], "dimensions": ["submission_date", "os"]},
        {"percentiles": [0.25, 0.5, 0.75], "dimensions": ["submission_date", "os"]},
        {"measure": "summary", "dimensions": ["os"]},
        {"measure": "distribution", "dimensions": ["os"]},
    ],
    ids=["ranges", "lines", "panels", "bars", "shares"],
)
def test_texts_of_specs_and_data_are_never_expressions(tmp_path, spec):
    rows = [ping(f"c{i}", name, day, 5) for i, name in enumerate(HOSTILE) for day in (6, 7)]
    made = chart(
        Query(histogram="GC_MS", filters=WINDOW, title="".join(HOSTILE), **spec).run(pings(tmp_path, rows))
    )
    expressions = [
        text
        for key in ("test", "expr", "labelExpr", "calculate", "filter", "signal")
        for text in found(made, key)
    ]
    assert set(expressions) <= {
        "datum.low",
        "datum.open",
        "format(datum.value, abs(datum.value) < 10000 ? ',~r' : '~s')",
    }
    fields = set(found(made, "field"))
    assert fields <= {
        "at", "y", "low", "high", "band", "line", "series", "group", "value", "n_clients", "mean", "bucket",
        "share", "cumulative", "release",
    }  # fmt: skip
    written = as_text(made)
    assert "\u202e" not in written and "\\u202e" in written and "\\u0000" not in written
    svg(made)


def test_what_looks_the_same_keeps_its_own_name():
    plan = Query(measure="counts", filters=WINDOW, dimensions=["os"]).plan()
    assert [split.name for split in plan.about.splits] == ["os"]
    assert shown(None) == "(null)" and shown("a\x00") == "a\\x00"


def test_groups_are_in_a_natural_order(tmp_path):
    rows = [
        ping(f"c{i}", name, 6, 5) for i, name in enumerate(["10.0", "6.1", "(other)", None, "6.10", "6.3"])
    ]
    rows += [ping("d", "(null)", 6, 5)]
    result = Query(histogram="GC_MS", filters=WINDOW, dimensions=["os"], measure="summary").run(
        pings(tmp_path, rows)
    )
    names = [group.name for group in Frame.of(result).groups]
    assert names == ["6.1", "6.3", "6.10", "10.0", "(null)", "(other)", "(null) (2)"]


def test_bands_are_in_their_written_order():
    result = answered(ROOT / "examples/distributions/memory-bands.yaml")
    assert result.plan.about.splits == (
        Split("memory", labels=("under 4096", "4096 to 8192", "8192 to 16384", "16384 and over")),
    )
    names = [group.name for group in Frame.of(result).groups]
    assert names == list(result.plan.about.splits[0].labels)


# --- Colours ---------------------------------------------------------------------------------------


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_everything_can_be_seen(theme):
    paper = COLOURS["paper"][theme]
    for name in ("ink", "soft", "main", "mark"):
        assert contrast(COLOURS[name][theme], paper) >= 4.5, name
    for name, pair in SERIES.items():
        assert contrast(pair[theme], paper) >= 3, name
    assert contrast(COLOURS["bar"][theme], paper) >= 3
    # In grey print the order of percentiles stays: paper, outer, inner, median.
    order = [abs(luminance(COLOURS[name][theme]) - luminance(paper)) for name in ("outer", "inner", "main")]
    assert order == sorted(order)
    assert contrast(COLOURS["inner"][theme], COLOURS["outer"][theme]) >= 1.5
