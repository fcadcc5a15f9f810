"""Lints: what each fires on and leaves alone, how it is silenced, and what the text is guarded against."""

import datetime as dt
import json
import re
from pathlib import Path
from typing import get_args

import pytest
from commandline import querygen
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from specs import ALL, EXAMPLE_FILES, query_of

from querygen import Query, QuerygenError, load
from querygen.spec_values import Lint

ROOT = Path(__file__).parents[1]
DAY = {"submission_date": "2020-04-20"}
GC = {"histogram": "GC_MS", "filters": DAY}


def counts(*, dimensions=(), **filters):
    return {"measure": "counts", "filters": {**DAY, **filters}, "dimensions": list(dimensions)}


def found(spec, **options):
    """The code and place of each warning."""
    return [(warning.code, warning.loc) for warning in load(spec, **options).warnings()]


# --- What fires, and what doesn't ----------------------------------------------------------------

BUILD = "environment.build.build_id"
FIRES = {
    "permutations that are too few": (
        {
            **GC,
            "experiment": "a",
            "measure": "compare",
            "control": "c",
            "branches": ["b"],
            "statistics": ["chi2", "median"],
            "permutations": 38,
        },
        "few-permutations",
        ("permutations",),
    ),
    "a version as a build id": (
        counts(build_id={"gte": "75.0"}),
        "build-id-as-text",
        ("filters", "build_id", "gte"),
    ),
    "a date as a build id": (counts(build_id="2020-04-20"), "build-id-as-text", ("filters", "build_id")),
    "a number that is no time": (
        counts(build_id=["20200420", 75]),
        "build-id-as-text",
        ("filters", "build_id", 1),
    ),
    "a thirteenth month": (
        counts(build_id={"not": "202013"}),
        "build-id-as-text",
        ("filters", "build_id", "not"),
    ),
    "a 61st minute": (counts(build_id="202004200061"), "build-id-as-text", ("filters", "build_id")),
    "too many digits": (counts(build_id="202004200000000"), "build-id-as-text", ("filters", "build_id")),
    "the column's path": (
        counts(**{"application.build_id": "75"}),
        "build-id-as-text",
        ("filters", "application.build_id"),
    ),
    "a short bound without prefixes": (
        counts(**{BUILD: {"to": "20200420"}}),
        "build-id-as-text",
        ("filters", BUILD, "to"),
    ),
    "a short id without prefixes": (counts(**{BUILD: "20200420"}), "build-id-as-text", ("filters", BUILD)),
    "a build id of a case": (
        counts(dimensions=[{"name": "b", "of": "build_id", "cases": {"new": {"gte": "75"}}}]),
        "build-id-as-text",
        ("dimensions", 0, "cases", "new", "gte"),
    ),
    "versions from": (
        counts(os_version={"gte": "6.1"}),
        "version-as-text",
        ("filters", "os_version", "gte"),
    ),
    "versions to": (
        counts(**{"environment.system.os.version": {"lt": "10"}}),
        "version-as-text",
        ("filters", "environment.system.os.version", "lt"),
    ),
    "versions of one and two digits": (
        counts(os_version={"from": "10.0", "to": "6.3"}),
        "version-as-text",
        ("filters", "os_version", "from"),
    ),
    "versions of a case with `when`": (
        counts(dimensions=[{"name": "v", "cases": [{"value": "x", "when": {"os_version": {"lt": "7"}}}]}]),
        "version-as-text",
        ("dimensions", 0, "cases", 0, "when", "os_version", "lt"),
    ),
    "versions under another name": (
        counts(dimensions=[{"name": "v", "of": "os_version"}], v={"gt": "9.0"}),
        "version-as-text",
        ("filters", "v", "gt"),
    ),
    "one sample id": (counts(sample_id=42), "unscaled-sample", ("filters", "sample_id")),
    "most sample ids": (counts(sample_id={"not": 42}), "unscaled-sample", ("filters", "sample_id")),
    "a table of one percent": (
        {**GC, "source": {"table": "telemetry.main_1pct", "like": "telemetry.main"}},
        "unscaled-sample",
        ("source",),
    ),
    "no date": ({"histogram": "GC_MS", "allow_full_scan": True}, "full-scan", ("allow_full_scan",)),
    "all dates but one": (
        {"measure": "counts", "allow_full_scan": True, "filters": {"submission_date": {"not": "2020-04-20"}}},
        "full-scan",
        ("allow_full_scan",),
    ),
    "the dates of builds": (
        {"measure": "counts", "allow_full_scan": True, "filters": {"build_date": "2020-04-20"}},
        "full-scan",
        ("allow_full_scan",),
    ),
    "braces in a filter": (counts(country="{{c}}"), "redash-braces", ("filters", "country")),
    "braces in a list": (counts(country=["a", "}}"]), "redash-braces", ("filters", "country", 1)),
    "braces in a key": (
        {"histogram": "SEARCH_COUNTS", "key": "{{", "filters": DAY},
        "redash-braces",
        ("key",),
    ),
    "braces in a label": (
        counts(dimensions=[{"name": "o", "of": "os", "cases": {"{{x}}": "Mac"}}]),
        "redash-braces",
        ("dimensions", 0, "cases", "{{x}}"),
    ),
    "a backslash at the end": (counts(country="a\\"), "redash-split", ("filters", "country")),
    "a backslash at the end of a label": (
        counts(dimensions=[{"name": "o", "of": "os", "cases": {"\\": "Mac"}}]),
        "redash-split",
        ("dimensions", 0, "cases", "\\"),
    ),
    "a time": (
        counts(dimensions=["os", {"name": "t", "of": "submission_timestamp"}]),
        "redash-type",
        ("dimensions", 1),
    ),
    "legacy telemetry of the day": (
        {"histogram": "GC_MS", "filters": {"submission_date": "2026-01-26"}},
        "legacy-probe",
        ("histogram",),
    ),
    "legacy telemetry until now": (
        {
            "histogram": ["GC_MS"],
            "filters": {"submission_date": {"last": "14 days"}},
            "today": "current",
        },
        "legacy-probe",
        ("histogram", 0),
    ),
    "legacy telemetry from a day on": (
        {
            "histogram": {"telemetry.main": "GC_MS"},
            "filters": {"submission_date": {"from": "2020-01-01"}},
            "allow_full_scan": True,
        },
        "legacy-probe",
        ("histogram", "telemetry.main"),
    ),
    "a legacy scalar": (
        {
            "scalar": "a.b",
            "filters": {"submission_timestamp": {"lt": "2026-01-28 00:00:00", "gte": "2026-01-01 00:00:00"}},
        },
        "legacy-probe",
        ("scalar",),
    ),
}
QUIET = {
    "prefixes of build ids": counts(build_id={"from": "20200406", "to": "20200420095959"}),
    "the beginning of a build id": counts(build_id=["2", "2020", "20201", "202004", "2020043", "2020042023"]),
    "a whole build id without prefixes": counts(**{BUILD: {"gte": "20200420095234"}}),
    "a build id that is missing": counts(build_id={"is_null": True}),
    "a date of the build": counts(build_date={"to": "2020-04-20"}),
    "listed versions": counts(app_version=["75.0", "100.0"], os_version={"not": "6.1"}),
    "versions of one digit": counts(os_version={"from": "6.1", "to": "6.3"}),
    "versions of the application": counts(
        app_version={"gte": "75.0"}, **{"application.version": {"lt": "9"}}
    ),
    "a number that is called version": counts(version={"gte": 4}),
    "all sample ids": counts(sample_id={"gte": 0}),
    "a sample that is scaled": {**GC, "filters": {**DAY, "sample_id": {"lt": 10}}, "scale": True},
    "pings of a sample": {"measure": "pings", "filters": {**DAY, "sample_id": 42}},
    "a sample of cases": counts(
        dimensions=[{"name": "s", "cases": [{"value": "a", "when": {"sample_id": 1}}]}]
    ),
    "a table of percentages": {
        **GC,
        "source": {"table": "telemetry.main_pct", "like": "telemetry.main"},
    },
    "a permission that isn't needed": {**GC, "allow_full_scan": True},
    "dates from": {
        "measure": "counts",
        "allow_full_scan": True,
        "filters": {"submission_date": {"gt": "2020-04-20"}},
    },
    "braces in a title": {**GC, "title": "{{x}}", "description": "}} {{"},
    "single braces": counts(country=["{c}", "} }", "{ {"]),
    "a time of a ping": {"measure": "pings", "filters": DAY, "fields": ["submission_timestamp"]},
    "the day before the end": {
        "histogram": "GC_MS",
        "filters": {"submission_date": {"from": "2026-01-01", "lt": "2026-01-26"}},
    },
    "counts of today": {"measure": "counts", "filters": {"submission_date": "2026-03-01"}},
    "Glean of today": {
        "histogram": "browser.tabswitch.spinner_visible",
        "source": "firefox_desktop.metrics",
        "filters": {"submission_date": "2026-03-01"},
    },
}


@pytest.mark.parametrize("case", FIRES)
def test_fires_alone_and_at_its_place(case):
    spec, code, loc = FIRES[case]
    assert found(spec) == [(code, loc)]


@pytest.mark.parametrize("case", QUIET)
def test_leaves_alone(case):
    assert found(QUIET[case]) == []


def test_every_lint_of_specs_is_among_the_cases():
    fired = {code for _, code, _ in FIRES.values()}
    of_results = {"percentile-in-overflow", "too-rare", "unsteady-mean"}
    assert fired | of_results | {"probe-ended"} == set(get_args(Lint))


def test_the_numbers_that_are_told():
    def told(spec):
        (warning,) = load(spec).warnings()
        return warning.message

    assert "the 10% of clients" in told(counts(sample_id={"gte": 90}))
    assert "the 99% of clients" in told(counts(sample_id={"not": 42}))
    table = {"table": "telemetry.main_10pct", "like": "telemetry.main"}
    assert "the 10% of clients" in told({**GC, "source": table})


# --- Probes that ended ---------------------------------------------------------------------------


def definitions(folder, expires="72", glean="never", mirror="GC_OLD_MS"):
    old = {"kind": "exponential", "high": 10000, "n_buckets": 50, "expires_in_version": expires}
    old |= {"record_in_processes": ["main"], "description": "Time"}
    (folder / "Histograms.json").write_text(json.dumps({"GC_OLD_MS": old}))
    metric = {"type": "timing_distribution", "time_unit": "millisecond", "description": "Time"}
    metric |= {"telemetry_mirror": mirror, "expires": glean}
    schema = "moz://mozilla.org/schemas/glean/metrics/2-0-0"
    with (folder / "metrics.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump({"$schema": schema, "javascript.gc": {"old_time": metric}}, file)
    return folder


def asked(to="2020-04-20", **keys):
    return {
        "histogram": "GC_OLD_MS",
        "filters": {"submission_date": {"from": "2019-01-01", "to": to}},
        **keys,
    }


@pytest.mark.parametrize(
    ("expires", "to", "codes"),
    [
        ("72", "2020-01-06", []),  # Firefox 72 was released on 2020-01-07
        ("72", "2020-01-07", ["probe-ended"]),
        ("75", "2020-04-06", []),
        ("75", "2020-04-07", ["probe-ended"]),
        ("4", "2019-02-01", ["probe-ended"]),
        ("never", "2020-04-20", []),
        ("default", "2020-04-20", []),
        ("2000", "2025-12-31", []),  # not released yet
        ("2000", "2026-01-26", ["legacy-probe"]),
        ("149", "2026-03-23", ["legacy-probe"]),
        ("149", "2026-03-24", ["probe-ended"]),
    ],
)
def test_a_probe_ends_with_the_release_that_it_expires_in(tmp_path, expires, to, codes):
    assert [code for code, _ in found(asked(to), probes=definitions(tmp_path, expires))] == codes


@pytest.mark.parametrize("to", ["2020-04-20", "2026-02-01"])
def test_the_successor_is_named_where_it_records(tmp_path, to):
    def helped(**options):
        (warning,) = load(asked(to), probes=definitions(tmp_path, **options)).warnings()
        return warning.help.split(";")[0]

    successor = (
        "ask for `javascript.gc.old_time`, which records the same, with `--source firefox_desktop.metrics`"
    )
    assert helped() == successor
    assert helped(glean="200") == successor
    assert helped(glean="73") == helped(mirror="OTHER_MS") == "end the range of dates before 2020-01-07"


def test_the_successor_works(tmp_path):
    probes = definitions(tmp_path)
    assert found(asked(), probes=probes, source="firefox_desktop.metrics") == []
    renamed = {**asked(), "histogram": "javascript.gc.old_time"}
    assert found(renamed, probes=probes, source="firefox_desktop.metrics") == []


def test_a_glean_metric_ends_too(tmp_path):
    probes = definitions(tmp_path, glean="73")
    glean = {"probes": probes, "source": "firefox_desktop.metrics"}
    assert found(asked(), **glean) == [("probe-ended", ("histogram",))]
    assert found({**asked(), "histogram": "javascript.gc.old_time"}, **glean) == [
        ("probe-ended", ("histogram",))
    ]


def test_there_is_nothing_to_say_where_no_metric_records_a_probe_of_today(tmp_path):
    probes = definitions(tmp_path, expires="never", mirror="OTHER_MS")
    assert found(asked("2026-03-01"), probes=probes) == []


def test_releases_follow_each_other():
    days = YAML(typ="safe", pure=True).load(ROOT / "querygen" / "releases.yaml")
    assert list(days) == list(range(57, max(days) + 1))
    gaps = [(days[version + 1] - days[version]).days for version in list(days)[:-1]]
    assert min(gaps) >= 27 and max(gaps) <= 77
    assert days[75] == dt.date(2020, 4, 7) and days[100] == dt.date(2022, 5, 3)
    assert all(day.weekday() in (0, 1, 2, 3) for day in days.values())


# --- Percentiles in the overflow bucket ----------------------------------------------------------

OVERFLOW = {**GC, "buckets": {"exponential": [1, 1000, 20]}, "percentiles": [0.1, 0.5, 0.9]}


def pings_of(folder, *texts):
    rows = [
        {
            "submission_timestamp": "2020-04-20T00:00:00Z",
            "client_id": str(i),
            "payload": {"histograms": {"gc_ms": text}},
        }
        for i, text in enumerate(texts)
    ]
    (folder / "telemetry.main.ndjson").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ("0:9", None),
        ("0:99,1000:1", None),
        ("0:8,1000:2", "in 1 of 3 rows the percentile (0.9) is in the overflow bucket: it is 1000 or more"),
        (
            "1000:2",
            "in 3 of 3 rows the percentile (0.1, 0.5, 0.9) is in the overflow bucket: it is 1000 or more",
        ),
    ],
)
def test_percentiles_in_the_overflow_bucket_are_told_of_the_result(tmp_path, counts, message):
    data = pings_of(tmp_path, f"20;0;0;1,1000;{counts}")
    query = Query(**OVERFLOW)
    assert query.warnings() == ()
    assert [warning.message for warning in query.run(data).warnings] == ([message] if message else [])
    assert Query(**OVERFLOW, silence=["percentile-in-overflow"]).run(data).warnings == ()


def test_nothing_is_said_where_bounds_are_not_known(tmp_path):
    data = pings_of(tmp_path, "20;0;0;1,1000;1000:2")
    without = {key: value for key, value in OVERFLOW.items() if key != "buckets"}
    assert Query(**without).run(data).warnings == ()


# --- Silence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", FIRES)
def test_is_silenced_by_its_code(case):
    spec, code, _ = FIRES[case]
    assert found({**spec, "silence": [code]}) == []
    others = [other for other in get_args(Lint) if other != code]
    assert [fired for fired, _ in found({**spec, "silence": others})] == [code]
    (warning,) = load(spec).warnings()
    assert warning.severity == "warning"
    assert str(warning).endswith(f"; or accept it: `silence: [{code}]`")


def test_silencing_what_never_fires_is_no_error():
    assert found({**GC, "silence": ["full-scan", "unscaled-sample"]}) == []


def test_an_unknown_code_is_an_error():
    with pytest.raises(QuerygenError) as raised:
        Query(**GC, silence=["full-scan", "unscaled-sampel"])
    (finding,) = raised.value.diagnostics
    assert (finding.code, finding.loc) == ("unknown-value", ("silence", 1))
    assert finding.help == "a value with a similar name exists: `unscaled-sample`"


def test_silence_changes_nothing_in_the_text():
    assert Query(**GC, silence=["full-scan"]).sql() == Query(**GC).sql()


# --- The command line ----------------------------------------------------------------------------

SAMPLED = "histogram: GC_MS\nfilters: {submission_date: 2020-04-20, sample_id: 42}\n"
SILENT = f"{SAMPLED}silence: [unscaled-sample]\n"


@pytest.mark.parametrize("command", ["render", "run"])
def test_warnings_do_not_stop_a_command_nor_reach_its_output(command):
    warned, silent = querygen(command, "-", stdin=SAMPLED), querygen(command, "-", stdin=SILENT)
    assert warned.code == silent.code == 0
    assert warned.stdout == silent.stdout
    assert "[unscaled-sample]" in warned.stderr
    assert "warning" not in silent.stderr


def test_check_finds_warnings(tmp_path):
    for name, text in (("good.yaml", SILENT), ("warned.yaml", SAMPLED), ("broken.yaml", "histogram: GC_MS")):
        (tmp_path / name).write_text(text)
    ran = querygen("check", tmp_path / "good.yaml")
    assert (ran.code, ran.text) == (0, f"{tmp_path / 'good.yaml'}: ok\n")
    ran = querygen("check", tmp_path / "warned.yaml", tmp_path / "broken.yaml", tmp_path / "good.yaml")
    assert (ran.code, ran.text) == (1, f"{tmp_path / 'good.yaml'}: ok\n")
    assert re.findall(r"(\w+)\.yaml:\d+:\d+: (\w+):", ran.stderr) == [
        ("warned", "warning"),
        ("broken", "error"),
    ]


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.stem)
def test_examples_have_no_warnings(path):
    probes, data = path.parent / "probes", path.parent / "data"
    query = load(path, probes=probes if probes.is_dir() else None)
    assert query.warnings() == ()
    if any(column.name == "at_least" for column in query.plan().columns):
        assert query.run(data if data.is_dir() else None).warnings == ()


@pytest.mark.parametrize(
    "path", [path for path in EXAMPLE_FILES if "silence:" in path.read_text()], ids=lambda path: path.stem
)
def test_examples_say_why_they_silence(path):
    assert re.search(r"^silence: \[.+\] +# \w+", path.read_text(), re.MULTILINE)


# --- What Redash does to a text (research of its parser; RD numbers are those of our list) --------

TOKENS = re.compile(
    r"""(?P<block>/\*.*?\*/) | (?P<line>--[^\n]*) | (?P<triple>'''|\"\"\")
      | (?P<text>'(?:\\.|[^'\\\n])*' | "(?:\\.|[^"\\\n])*" | `[^`\n]*`) | (?P<word>\w+) | (?P<other>\S)""",
    re.VERBOSE | re.DOTALL,
)


def tokens(sql):
    return [(match.lastgroup, match[0]) for match in TOKENS.finditer(sql)]


def check_redash(sql, n_functions):
    """The rules that hold for every text that is printed; what a spec's own values do is left out."""
    found = tokens(sql)
    code = [text for kind, text in found if kind in ("word", "other")]
    # RD002: no script. RD004: the last statement begins with WITH, so that no LIMIT is added.
    assert not {"DECLARE", "SET", "BEGIN", "EXECUTE", "CALL"} & {text.upper() for text in code}
    assert code.count(";") == n_functions
    last = code[len(code) - code[::-1].index(";") :] if n_functions else code
    assert last[0] == "WITH"
    # RD003: a `;` elsewhere is inside plain quotes or a comment, which the splitter leaves whole, but for
    # quotes with a backslash at the end, of which `redash-split` warns.
    assert not [text for kind, text in found if kind == "triple"]
    # RD007: comments behind a statement are lost.
    assert found[-1][0] in ("word", "other", "text")
    # RD011: the header is one-line block comments, of which the first has no label of a job.
    header = sql[: sql.index("CREATE TEMP" if n_functions else "\nWITH\n")].strip().split("\n")
    assert all(re.fullmatch(r"/\* .* \*/", line) and line.count("*/") == 1 for line in header)
    assert not re.search("[:,]", header[0])
    # RD001: outside of the spec's own values nothing is a parameter.
    assert not any("{{" in text or "}}" in text for kind, text in found if kind != "text")


@pytest.mark.parametrize("udfs", ["inline", "temp"])
@pytest.mark.parametrize("name", ALL)
def test_every_text_keeps_the_rules_of_redash(name, udfs):
    checked = query_of(name).checked(udfs)
    check_redash(checked.sql.text, len(checked.sql.functions) if udfs == "temp" else 0)
    # RD005: only types that Redash maps.
    mapped = {"STRING", "INT64", "FLOAT64", "BOOL", "DATE", "DATETIME", "TIMESTAMP"}
    assert {column.type for column in checked.sql.plan.columns} <= mapped
    # RD010: a bound on the partition column, or the warning that there is none.
    scan = checked.sql.text.split("\npings AS (\n")[1].split("\n)")[0]
    bounded = "submission_timestamp" in scan.partition("WHERE")[2]
    codes = {warning.code for warning in query_of(name).warnings()}
    assert bounded != ("full-scan" in codes)


NASTY = st.text(st.sampled_from("{}%;'\"`\\-*/# \n\r:,aé"), max_size=12)


@settings(max_examples=60)
@given(value=NASTY, label=NASTY, title=NASTY, description=NASTY)
def test_no_value_breaks_a_rule_without_a_warning(value, label, title, description):
    spec = counts(dimensions=[{"name": "o", "of": "os", "cases": {label: value}}], country=["x", value])
    query = Query(**spec, title=title, description=description)
    text = query.sql()
    check_redash(text, 0)
    codes = {warning.code for warning in query.warnings()}
    assert ("{{" in text or "}}" in text) == ("redash-braces" in codes)
    assert (value.endswith("\\") or label.endswith("\\")) == ("redash-split" in codes)
    assert codes <= {"redash-braces", "redash-split"}


@pytest.mark.parametrize(
    "broken",
    [
        "/* A */\n/* B\n*/\nWITH\na AS (\n  SELECT\n    1\n)\nSELECT\n  *\nFROM\n  a\n",
        "/* A: b */\nWITH\na AS (\n  SELECT\n    1\n)\nSELECT\n  *\nFROM\n  a\n",
        "/* A */\nWITH\na AS (\n  SELECT\n    1\n)\nSELECT\n  *\nFROM\n  a\n-- The end\n",
        "/* A */\nWITH\na AS (\n  SELECT\n    1\n)\nSELECT\n  *\nFROM\n  a;\n",
        "/* A */\nWITH\na AS (\n  SELECT\n    '''x'''\n)\nSELECT\n  *\nFROM\n  a\n",
        "/* {{A}} */\nWITH\na AS (\n  SELECT\n    1\n)\nSELECT\n  *\nFROM\n  a\n",
    ],
)
def test_the_rules_can_fail(broken):
    with pytest.raises(AssertionError):
        check_redash(broken, 0)
