"""Test files: what rows mean, when an expectation holds, and what an unfit one is told."""

import datetime as dt
import json
import math
from decimal import Decimal
from pathlib import Path

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commandline import querygen
from harness import NEEDS_GOOGLESQL
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from querygen.cases import snapshots
from querygen.cases.compare import compare
from querygen.cases.model import Expectation, Tolerance, json_schema
from querygen.cases.read import read
from querygen.cases.run import Options, result_of, run_test
from querygen.cases.values import expected, shown
from querygen.catalog import catalog
from querygen.errors import QuerygenError
from querygen.yamltext import flow

ROOT = Path(__file__).parents[1]
TEST_FILES = sorted(
    path for path in (ROOT / "examples").rglob("*.test.yaml") if "failing" not in path.parent.name
)
NEAR = Tolerance()
UTC = dt.UTC
DAY, NOON = dt.date(2020, 4, 20), dt.datetime(2020, 4, 20, 12)

# ---- Cells --------------------------------------------------------------------------------------

HOLDS = [
    # written, column type, the values that it is, and some that it is not
    (4, pa.int64(), [4], [5, None]),
    (4.0, pa.int64(), [4], [5]),
    (0.5, pa.float64(), [0.5, 0.5 + 1e-10, 0.5 * (1 + 9e-7)], [0.5 * (1 + 2e-6), None, math.nan, math.inf]),
    (0, pa.float64(), [0.0, 1e-9], [2e-9, None]),
    (math.nan, pa.float64(), [math.nan], [None, 0.0, math.inf]),
    (math.inf, pa.float64(), [math.inf], [None, 1e308, -math.inf, math.nan]),
    (2, pa.decimal128(38, 9), [Decimal(2)], [Decimal("2.1"), None]),
    (None, pa.float64(), [None], [0.0, math.nan]),
    (None, pa.string(), [None], ["", "NULL"]),
    ("", pa.string(), [""], [None, " "]),
    ("Mac", pa.string(), ["Mac"], ["mac", "Mac ", None]),
    (True, pa.bool_(), [True], [False, None]),
    (DAY, pa.date32(), [DAY], [dt.date(2020, 4, 21), None]),
    ("2020-04-20", pa.date32(), [DAY], [dt.date(2020, 4, 21)]),
    (NOON, pa.timestamp("us"), [NOON], [NOON.replace(hour=13)]),
    (DAY, pa.timestamp("us"), [dt.datetime(2020, 4, 20)], [NOON]),
    (NOON, pa.timestamp("us", tz="UTC"), [NOON.replace(tzinfo=UTC)], [NOON.replace(hour=13, tzinfo=UTC)]),
    ("2020-04-20T14:00:00+02:00", pa.timestamp("us", tz="UTC"), [NOON.replace(tzinfo=UTC)], []),
    ([1, 2], pa.list_(pa.int64()), [[1, 2]], [[2, 1], [1], None]),
    ({"a": 1}, pa.struct([("a", pa.int64()), ("b", pa.int64())]), [{"a": 1, "b": 7}], [{"a": 2, "b": 1}]),
    ({"approx": 4, "rel": 0.1}, pa.int64(), [4], [5, None]),
    ({"approx": 4, "abs": 0.5}, pa.float64(), [3.5, 4.5], [3.4, 4.6, math.nan, None]),
    ({"approx": 4, "abs": 0}, pa.float64(), [4.0], [4.0000001]),
    ({"approx": 10, "abs": 0.1, "rel": 0.1}, pa.float64(), [10.9], [11.2]),  # either is enough
    ({"between": [0, 1]}, pa.float64(), [0.0, 0.5, 1.0], [-0.1, 1.1, None, math.nan]),
    ({"between": [0.5, 1.5]}, pa.int64(), [1], [0, 2]),
    ({"between": [DAY, DAY]}, pa.date32(), [DAY], [dt.date(2020, 4, 19)]),
    ({"matches": "^p"}, pa.string(), ["parent"], ["gpu", None]),
    ({"is_null": True}, pa.string(), [None], ["", "x"]),
    ({"is_null": False}, pa.string(), ["", "x"], [None]),
    ({"any": True}, pa.float64(), [None, 1.0, math.nan], []),
]


@pytest.mark.parametrize(("written", "kind", "good", "bad"), HOLDS, ids=lambda value: str(value)[:40])
def test_what_a_cell_may_be(written, kind, good, bad):
    one = expected(written, kind, NEAR, ())
    assert [value for value in good if not one.holds(value)] == []
    assert [value for value in bad if one.holds(value)] == []


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("4", pa.int64()),
        (True, pa.int64()),
        (4.5, pa.int64()),
        (6.1, pa.string()),
        (False, pa.string()),
        ("true", pa.bool_()),
        (1, pa.bool_()),
        ("soon", pa.date32()),
        (NOON, pa.date32()),
        (5, pa.timestamp("us")),
        (NOON.replace(tzinfo=UTC), pa.timestamp("us")),
        (7, pa.list_(pa.int64())),
        (7, pa.struct([("a", pa.int64())])),
        ({"b": 1}, pa.struct([("a", pa.int64())])),
        ({}, pa.int64()),
        ({"approx": "4", "rel": 1}, pa.int64()),
        ({"between": [0, None]}, pa.int64()),
        ({"between": [0, 1]}, pa.bool_()),
        ({"matches": "("}, pa.string()),
        ({"matches": 4}, pa.string()),
        ({"is_null": 1}, pa.int64()),
        ({"any": False}, pa.int64()),
        ({"rel": 1}, pa.int64()),
    ],
    ids=str,
)
def test_what_a_cell_cannot_be(written, kind):
    with pytest.raises(QuerygenError) as raised:
        expected(written, kind, NEAR, ("rows", 0))
    assert raised.value.diagnostics[0].loc[:2] == ("rows", 0)


DISTINCT = [None, "NULL", "null", "", " ", "a", "a ", " a", "6.1", 6.1, "true", True, math.nan, "NaN", "a\nb"]


def test_values_that_differ_read_differently():
    assert len({shown(value) for value in DISTINCT}) == len(DISTINCT)


ROUNDTRIP = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.dates()
ROUNDTRIP |= st.sampled_from(["yes", "no", "null", "~", "1e3", "2020-04-20", "0x1f", "a: b", "- a", "#", "*"])


@settings(max_examples=200)
@given(
    st.dictionaries(st.text("ab:#' 1", min_size=1, max_size=3), ROUNDTRIP | st.lists(ROUNDTRIP, max_size=2))
)
def test_written_yaml_is_read_as_it_was(value):
    read_again = YAML(typ="safe", pure=True).load(f"x: {flow(value)}")["x"]
    assert repr({str(key): inner for key, inner in read_again.items()}) == repr(value)


# ---- Rows ---------------------------------------------------------------------------------------

TABLE = pa.table({"os": ["Mac", "Windows", None], "p": [0.5, 0.5, 0.5], "value": [4, 1000, None]})


def differing(wanted, table=TABLE, key=("os", "p"), **more):
    return compare(table, Expectation(rows=wanted, **more), key, NEAR, ())


MAC, WINDOWS, NOBODY = (
    {"os": os, "p": 0.5, "value": value} for os, value in [("Mac", 4), ("Windows", 1000), (None, None)]
)


def test_rows_agree_in_any_order():
    assert differing([WINDOWS, NOBODY, MAC]).agrees
    assert differing([MAC, WINDOWS, NOBODY], order="strict").agrees
    assert differing([WINDOWS, NOBODY, MAC], order="strict").moved == (
        {"os": "Windows", "p": 0.5},
        {"os": "Mac", "p": 0.5},
    )


def test_one_changed_value_is_one_changed_cell():
    found = differing([{**MAC, "value": 5}, WINDOWS, NOBODY])
    assert [(row.name, row.cells) for row in found.changed] == [
        ({"os": "Mac", "p": 0.5}, (("value", "5", "4"),))
    ]
    assert not (found.missing or found.unexpected)


def test_missing_and_unexpected_rows():
    found = differing([MAC, {"os": "Linux", "p": 0.5}])
    assert found.missing == ({"os": "Linux", "p": 0.5},)
    assert [row["os"] for row in found.unexpected] == ["Windows", None]
    assert differing([MAC], other_rows="ignore").agrees
    assert not differing([]).agrees
    assert differing([], other_rows="ignore").agrees


def test_a_column_that_is_not_named_is_not_compared():
    assert differing([{"os": "Mac"}, {"os": "Windows", "value": 1000}, {"os": None}]).agrees
    with pytest.raises(QuerygenError, match="leaves out `p`, `value`"):
        differing([{"os": "Mac"}], columns="exact")


def test_several_rows_of_a_key_are_an_error_of_their_own():
    twice = pa.concat_tables([TABLE, TABLE])
    found = differing([MAC, WINDOWS, NOBODY], twice)
    assert [count for _, count in found.doubled] == [2, 2, 2]
    assert differing([{"p": 0.5, "value": 4}], key=("os", "p")).doubled == (({"p": 0.5}, 3),)


def test_a_result_of_one_row_has_an_empty_key():
    one = pa.table({"n": [3]})
    assert differing([{"n": 3}], one, ()).agrees
    assert differing([{"n": 4}], one, ()).changed[0].cells == (("n", "4", "3"),)
    assert differing([{"n": 3}], pa.table({"n": [3, 3]}), ()).doubled


def test_keys_of_fractions_are_near():
    table = pa.table({"bucket": [0.1 + 0.2, 0.6], "count": [1, 2]})
    assert differing([{"bucket": 0.3, "count": 1}, {"bucket": 0.6, "count": 2}], table, ("bucket",)).agrees


def test_rows_without_a_key_are_paired_by_likeness():
    table = pa.table({"a": [1, 1, 2], "b": ["x", "y", "z"], "c": [0, 0, 0]})
    rows = [{"a": 2, "b": "z", "c": 1}, {"a": 1, "b": "y", "c": 0}, {"a": 1, "b": "x", "c": 0}]
    found = differing(rows, table, None)
    assert [(row.name, row.cells) for row in found.changed] == [({"a": 2, "b": "z"}, (("c", "1", "0"),))]
    assert not (found.missing or found.unexpected)
    far = differing([*rows[1:], {"a": 9, "b": "q", "c": 0}], table, None)
    assert far.missing and far.unexpected and not far.changed
    assert not differing([rows[1], rows[1], rows[2]], table, None).agrees


def test_the_tolerance_of_an_expectation_is_its_own():
    table = pa.table({"share": [0.25]})
    assert not differing([{"share": 0.26}], table, ()).agrees
    assert differing([{"share": 0.26}], table, (), tolerance={"abs": 0.02}).agrees
    assert differing([{"share": 0.26}], table, (), tolerance={"rel": 0.05}).agrees


# ---- Given rows ---------------------------------------------------------------------------------


def answer(folder, text, name="it", engine="duckdb"):
    """What the spec of a test file answers to a test's rows."""
    path = folder / "spec.test.yaml"
    path.write_text(text, encoding="utf-8")
    return result_of(read(path), name, Options(engine=engine)).rows()


def counted(table, dimension, cell):
    return f"""
spec: {{source: {table}, measure: counts, allow_full_scan: true, dimensions: [{dimension}]}}
tests:
  it:
    given: {{{table}: [{{{cell}}}]}}
    expect: {{rows: []}}
"""


SAMPLES = {
    "STRING": ("'a b'", "a b"),
    "INT64": ("42", 42),
    "FLOAT64": ("4.5", 4.5),
    "DATE": ("2020-04-20", DAY),
    "DATETIME": ("2020-04-20 12:00:00", NOON),
}
FRIENDLY = [(table, name) for table in catalog().names for name in catalog().get(table).friendly]


@pytest.mark.parametrize(("table", "name"), FRIENDLY)
def test_every_short_name_of_a_row_is_the_dimension_of_that_name(table, name, tmp_path):
    kind = catalog().get(table).column(name).type
    written, value = SAMPLES[kind]
    (row,) = answer(tmp_path, counted(table, name, f"{name}: {written}"))
    assert row == {name: value, "n_clients": 0, "n_pings": 1}
    (row,) = answer(tmp_path, counted(table, name, f"{name}: null"))
    assert row[name] is None


@pytest.mark.parametrize("table", catalog().names)
def test_client_ids_have_one_name_in_all_tables(table, tmp_path):
    rows = answer(tmp_path, counted(table, "os", "client_id: a, os: Mac"))
    assert rows == [{"os": "Mac", "n_clients": 1, "n_pings": 1}]


@pytest.mark.parametrize(
    "cell",
    [
        "environment.system.memory_mb: 4096",
        "Environment.System.Memory_MB: 4096",
        "environment: {system: {memory_mb: 4096}}",
        "environment.system: {memory_mb: '4096'}",
        "memory_mb: 4096",
    ],
)
def test_ways_to_write_one_column(cell, tmp_path):
    path = "environment.system.memory_mb"
    text = counted("telemetry.main", path, f"{cell}, environment.system.cpu.cores: 4")
    assert answer(tmp_path, text)[0]["memory_mb"] == 4096.0


def test_what_a_row_says_goes_before_the_defaults(tmp_path):
    text = """
spec: {measure: counts, allow_full_scan: true, dimensions: [build_id, os, memory_mb]}
defaults: {row: {build_date: 2020-04-20, os: Mac, environment: {system: {memory_mb: 1}}}}
tests:
  it:
    given:
      telemetry.main: [{}, {build_id: "7"}, {application.build_id: null, os: null}, {memory_mb: 2}]
    expect: {rows: []}
"""
    assert [tuple(row.values())[:3] for row in answer(tmp_path, text)] == [
        (None, None, 1.0),
        ("20200420000000", "Mac", 1.0),
        ("20200420000000", "Mac", 2.0),
        ("7", "Mac", 1.0),
    ]


def test_a_record_that_is_null_has_no_fields_from_elsewhere(tmp_path):
    text = """
spec: {measure: counts, allow_full_scan: true, dimensions: [memory_mb]}
defaults: {row: {memory_mb: 1}}
tests:
  it: {given: {telemetry.main: [{}, {environment: null}, {environment: {system: null}}]}, expect: {rows: []}}
"""
    rows = answer(tmp_path, text)
    assert [(row["memory_mb"], row["n_pings"]) for row in rows] == [(None, 2), (1.0, 1)]
    twice = text.replace("{environment: null}", "{environment: null, memory_mb: 4}")
    with pytest.raises(QuerygenError, match="`memory_mb` and `environment` are the same column"):
        answer(tmp_path, twice)
    other_way = text.replace("{environment: null}", "{memory_mb: 4, environment: null}")
    with pytest.raises(QuerygenError, match="`environment` and `memory_mb` are the same column"):
        answer(tmp_path, other_way)


PINGS = """
spec: {{measure: pings, allow_full_scan: true, fields: [{path}]}}
tests:
  it:
    given: {{telemetry.main: [{row}]}}
    expect: {{rows: []}}
"""


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("{1: 2, 4: 1}", {"sum": 6, "values": {"1": 2, "4": 1}}),
        ("{values: {1: 2}, sum: 118}", {"sum": 118, "values": {"1": 2}}),
        ("{values: {1: 2}, bucket_count: 20, range: [1, 9], histogram_type: 0}",
         {"sum": 2, "values": {"1": 2}, "bucket_count": 20, "range": [1, 9], "histogram_type": 0}),
        ("{}", {"sum": 0, "values": {}}),
        ("'20;0;118;1,1000;1:2'", "20;0;118;1,1000;1:2"),
        ("5", "5"),
        ("null", None),
    ],
)  # fmt: skip
def test_how_a_legacy_histogram_is_stored(written, stored, tmp_path):
    row = f"{{histograms: {{GC_MS: {written}}}}}"
    (found,) = answer(tmp_path, PINGS.format(path="payload.histograms.gc_ms", row=row))
    text = found["gc_ms"]
    assert (json.loads(text) if isinstance(stored, dict) else text) == stored


def test_one_table_one_process_one_key_each_have_their_place(tmp_path):
    text = """
spec: {histogram: SEARCH_COUNTS, key: a, process: gpu, measure: summary, allow_full_scan: true}
tests:
  it:
    given:
      telemetry.main:
        - {client_id: a, hist: {a: {0: 1}, b: {0: 10}}}
        - {client_id: a, processes: {GPU: {hist: {a: {0: 100}}}, content: {hist: {a: {0: 1000}}}}}
        - {client_id: a, payload.processes.gpu.keyed_histograms.search_counts: [{key: a, value: "10000"}]}
    expect: {rows: []}
"""
    assert answer(tmp_path, text)[0]["count"] == 10101


def test_given_rows_mean_the_same_whatever_a_test_overrides(tmp_path):
    """`hist` stands for the histogram of the file's spec, in its process, also where a test asks another."""
    text = """
spec: {histogram: GC_MS, measure: summary, allow_full_scan: true}
tests:
  it:
    with: {process: content}
    given: {telemetry.main: [{client_id: a, hist: {1: 1}}]}
    expect: {rows: []}
"""
    assert answer(tmp_path, text) == []


FILES = """
spec: {measure: counts, allow_full_scan: true, dimensions: [os, cpu_cores]}
defaults: {row: {os: Mac}}
tests:
  it:
    given: {telemetry.main: {file: "rows.*"}}
    expect:
      rows: [{os: Windows, cpu_cores: 4, n_pings: 1}, {os: null, cpu_cores: null, n_pings: 1}]
"""


@pytest.mark.parametrize("form", ["ndjson", "json", "csv", "parquet"])
def test_files_are_read_as_data_is(form, tmp_path):
    path = tmp_path / f"rows.{form}"
    rows = [{"normalized_os": "Windows", "environment": {"system": {"cpu": {"cores": 4}}}}, {}]
    if form == "csv":
        path.write_text("normalized_os,environment.system.cpu.cores\nWindows,4\n,\n")
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        lines = map(json.dumps, rows)
        path.write_text(json.dumps(rows) if form == "json" else "\n".join(lines))
    (tmp_path / "spec.test.yaml").write_text(FILES)
    assert run_test(read(tmp_path / "spec.test.yaml"), "it", Options()).text == ""


def test_a_file_of_rows_in_yaml_is_as_rows_in_place(tmp_path):
    (tmp_path / "rows.yaml").write_text("rows:\n  - {os: Windows, cpu_cores: 4}\n  - {os: null}\n")
    (tmp_path / "spec.test.yaml").write_text(FILES.replace("rows.*", "rows.yaml"))
    assert run_test(read(tmp_path / "spec.test.yaml"), "it", Options()).text == ""


def test_several_fixtures_are_one_table(tmp_path):
    text = """
spec: {measure: counts, allow_full_scan: true, dimensions: [os]}
fixtures:
  here: {telemetry.main: [{os: Mac}]}
  beside: {telemetry.main: {file: rows.ndjson}, firefox_desktop.metrics: []}
tests:
  it: {given: [here, beside, here], expect: {rows: []}}
"""
    (tmp_path / "rows.ndjson").write_text('{"normalized_os": "Linux"}\n')
    assert [(row["os"], row["n_pings"]) for row in answer(tmp_path, text)] == [("Linux", 1), ("Mac", 2)]
    (tmp_path / "rows.csv").write_text("normalized_os\nLinux\n")
    with pytest.raises(QuerygenError, match="rows and a file of another format"):
        answer(tmp_path, text.replace("ndjson", "csv"))


OVERRIDES = """
spec:
  histogram: GC_MS
  filters: {os: Mac, submission_date: 2020-04-20}
  dimensions: [os]
  percentiles: [0.5]
defaults: {today: 2020-04-20, row: {client_id: a, submission_date: 2020-04-20, os: Mac, hist: {1: 1}}}
tests:
  replaced: {with: {percentiles: [0.25]}, given: {telemetry.main: [{}]}, expect: {rows: []}}
  taken out: {with: {percentiles: null, dimensions: null}, given: {telemetry.main: [{}]}, expect: {rows: []}}
  one filter: {with: {filters: {os: Linux}}, given: {telemetry.main: [{}, {os: Linux}]}, expect: {rows: []}}
  no filter: {with: {filters: {os: null}}, given: {telemetry.main: [{}, {os: Linux}]}, expect: {rows: []}}
  last days:
    with: {filters: {submission_date: {last: 2 days}}, measure: counts, percentiles: null}
    given: {telemetry.main: [{}, {submission_date: 2020-04-19}, {submission_date: 2020-04-18}]}
    expect: {rows: []}
  last days of another day:
    with: {filters: {submission_date: {last: 2 days}}, measure: counts, percentiles: null, today: 2020-04-18}
    given: {telemetry.main: [{}, {submission_date: 2020-04-19}, {submission_date: 2020-04-18}]}
    expect: {rows: []}
"""


@pytest.mark.parametrize(
    ("name", "column", "values"),
    [
        ("replaced", "percentile", [0.25]),
        ("taken out", "bucket", [1]),
        ("one filter", "os", ["Linux"]),
        ("no filter", "os", ["Linux", "Mac"]),
        ("last days", "n_pings", [2]),
        ("last days of another day", "n_pings", [1]),
    ],
)
def test_overrides(name, column, values, tmp_path):
    assert [row[column] for row in answer(tmp_path, OVERRIDES, name)] == values


ERRORS = """
spec: {{histogram: GC_MS, allow_full_scan: true, percentiles: [50, 95], dimensions: [oss]}}
tests:
  it: {{expect_error: {expected}, with: {changes}}}
"""


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("{code: percentile-range}", "passed"),
        ("{code: unknown-column}", "failed"),  # found only once the shape is right
        ("{path: 'percentiles[1]'}", "passed"),
        ("{path: 'percentiles[2]'}", "failed"),
        ("{code: percentile-range, path: percentiles}", "failed"),
        ("{matches: not 9}", "passed"),
        ("{matches: not 8}", "failed"),
        ("{path: 'percentiles[0]', matches: not 95}", "failed"),  # not of one error
    ],
)
def test_an_error_as_expected(wanted, status, tmp_path):
    (tmp_path / "spec.test.yaml").write_text(ERRORS.format(expected=wanted, changes="{}"))
    assert run_test(read(tmp_path / "spec.test.yaml"), "it", Options()).status == status


def test_an_error_of_the_rows_as_expected(tmp_path):
    text = """
spec: {measure: counts, allow_full_scan: true}
tests:
  it: {given: {telemetry.main: [{oss: Mac}]}, expect_error: {code: unknown-column}}
"""
    (tmp_path / "spec.test.yaml").write_text(text)
    assert run_test(read(tmp_path / "spec.test.yaml"), "it", Options()).status == "passed"


@pytest.mark.parametrize(
    ("of_file", "of_test", "of_rows", "status"),
    [
        ("", "", "", "failed"),
        ("tolerance: {abs: 0.1}", "", "", "passed"),
        ("tolerance: {abs: 0.1}", "tolerance: {rel: 1e-6}", "", "failed"),
        ("", "tolerance: {abs: 0.1}", "", "passed"),
        ("", "tolerance: {abs: 0.1}", "tolerance: {abs: 0.01}", "failed"),
        ("", "", "tolerance: {abs: 0.1}", "passed"),
    ],
)
def test_the_nearest_tolerance_holds(of_file, of_test, of_rows, status, tmp_path):
    text = f"""
spec: {{histogram: GC_MS, allow_full_scan: true}}
defaults: {{{of_file}}}
tests:
  it:
    {of_test}
    given: {{telemetry.main: [{{client_id: a, hist: {{1: 1, 2: 1}}}}]}}
    expect:
      {of_rows}
      rows: [{{bucket: 1, share: 0.55}}, {{bucket: 2, share: 0.45}}]
"""
    (tmp_path / "spec.test.yaml").write_text(text)
    assert run_test(read(tmp_path / "spec.test.yaml"), "it", Options()).status == status


# ---- The whole ----------------------------------------------------------------------------------


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_our_own_tests_pass_on_googlesql(path):
    file = read(path)
    told = [run_test(file, name, Options(engine="googlesql")).text for name in file.content.tests]
    assert told == [""] * len(file.content.tests)


def test_every_example_of_the_kinds_has_tests():
    for folder in ("kinds", "tutorial"):
        specs = [path for path in (ROOT / "examples" / folder).glob("*.yaml") if ".test" not in path.name]
        without = {path.stem for path in specs if not path.with_suffix(".test.yaml").exists()}
        assert without <= {"06-client-normalized-windows-7"}


def test_the_schema_takes_our_test_files_and_refuses_misspelt_ones():
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.check_schema(validator.schema)
    yaml = YAML(typ="safe", pure=True)
    contents = [plain(yaml.load(path)) for path in TEST_FILES]
    assert len(contents) > 20
    assert [list(validator.iter_errors(content)) for content in contents] == [[]] * len(contents)
    test = {"given": "x", "expect": {"rows": []}}
    for wrong in (
        {"tests": {"a": test}},
        {"spec": "a.yaml", "tests": {}},
        {"spec": {"histogramm": "GC_MS"}, "tests": {"a": test}},
        {"spec": "a.yaml", "tests": {"a": {**test, "with": {"histogramm": "GC_MS"}}}},
        {"spec": "a.yaml", "tests": {"a": {"expect": {"rows": [], "ordered": True}}}},
        {"spec": "a.yaml", "tests": {"a": {**test, "sql_snapshot": "redash"}}},
    ):
        assert not validator.is_valid(wrong), wrong
    nulls = {"spec": "a.yaml", "tests": {"a": {**test, "with": {"dimensions": None, "cube": None}}}}
    assert validator.is_valid(nulls)


def plain(content):
    """As JSON has it: keys and dates as text."""
    return json.loads(json.dumps(content, default=str))


def test_the_command_prints_the_schema():
    assert json.loads(querygen("schema", "--tests").text) == json_schema()


SNAPSHOTS = """
spec: {histogram: GC_MS, allow_full_scan: true, dimensions: [build_time, os], percentiles: [0.5, 0.95]}
tests:
  it is so:
    given: {telemetry.main: [{client_id: a, hist: {1: 2}, build_time: 2020-04-20 12:00:00}, {hist: {4: 1}}]}
    snapshot: true
  its SQL: {sql_snapshot: duckdb}
"""


def test_snapshots_hold_what_was_written_and_are_written_when_changed(tmp_path):
    path = tmp_path / "spec.test.yaml"
    path.write_text(SNAPSHOTS)
    file = read(path)
    rows, sql = snapshots.rows_path(file, "it is so"), snapshots.sql_path(file, "its SQL")
    assert [str(p.relative_to(tmp_path)) for p in (rows, sql)] == [
        "__querygen__/spec/it-is-so.yaml",
        "__querygen__/spec/its-sql.duckdb.sql",
    ]
    assert run_test(file, "it is so", Options()).status == "failed"
    assert run_test(file, "it is so", Options(update=True)).written == (rows,)
    assert run_test(file, "its SQL", Options(update=True)).written == (sql,)
    assert run_test(file, "it is so", Options(update=True)).written == ()
    assert {run_test(file, name, Options()).status for name in file.content.tests} == {"passed"}
    assert "querygen 0" not in sql.read_text()
    rows.write_text(rows.read_text().replace("value: 1,", "value: 2,", 1))
    assert "value  expected 2  got 1" in run_test(file, "it is so", Options()).text
    lines = rows.read_text().replace("value: 2,", "value: 1,", 1).splitlines()
    rows.write_text("\n".join([*lines[:-2], lines[-1], lines[-2]]) + "\n")
    assert "another order" in run_test(file, "it is so", Options()).text
    assert list(snapshots.unused(file)) == []
    (sql.parent / "gone.yaml").write_text("rows: []\n")
    assert [p.name for p in snapshots.unused(file)] == ["gone.yaml"]
    path.rename(tmp_path / "other.test.yaml")
    assert [p.name for p in snapshots.orphans(tmp_path)] == ["spec"]
