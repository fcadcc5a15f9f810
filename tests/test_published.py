"""Dates of releases from a table: the answer is that of the same dates in the spec, on both engines."""

import datetime as dt
import json

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness import NEEDS_GOOGLESQL
from oracle import answer, same_rows
from pings import write_ndjson
from test_rates import SENT, hourly

from querygen import Query, QuerygenError, load
from querygen.catalog import catalog
from querygen.schema import Field, Schema
from querygen.source import from_mapping

BOTH = pytest.mark.parametrize("engine", ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)])
SPEC = SENT | {"measure": "rate", "allow_full_scan": True, "dimensions": ["app_version"]}
FIREFOX = {
    "table": "telemetry.releases",
    "filters": {"product": "firefox", "category": ["major", "stability"]},
}
PINGS = hourly("57.0", 0, 9) + hourly("58.0", 2, 9) + hourly("58.0.1", 4, 9) + hourly("59.0", 6, 9)


def row(version, date, product="firefox", category="major", **more):
    return {"version": version, "date": date, "product": product, "category": category} | more


# A version has several dates, or none; another product's count for nothing, nor does a nightly.
ROWS = [
    row("57.0", "2018-01-02"),
    row("57.0", "2018-01-05"),
    row("58.0", "2018-01-04", category="major"),
    row("58.0", "2018-01-01", product="fenix"),
    row("58.0", "2018-01-01", category="dev"),
    row("58.0", None),
    row("58.0.1", None),
    row("59.0", "2018-01-08", category="stability"),
    row(None, "2018-01-01"),
    row("60.0", "2018-02-01"),
]


def earliest(rows, passes=lambda one: one["product"] == "firefox" and one["category"] != "dev"):
    """The dates that a reader of the table would write into the spec."""
    found = {}
    for one in rows:
        if passes(one) and one["version"] is not None and one["date"] is not None:
            found[one["version"]] = min(one["date"], found.get(one["version"], one["date"]))
    return found


@pytest.fixture
def run(tmp_path):
    def run_(dates, pings=PINGS, rows=ROWS, engine="duckdb", schemas=None, **spec):
        table = dates["table"]
        name = table if isinstance(table, str) else table["table"]
        write_ndjson(pings, tmp_path / "telemetry.main.ndjson")
        (tmp_path / f"{name}.ndjson").write_text("".join(f"{json.dumps(one)}\n" for one in rows))
        align = {"dates": dates, **spec.pop("align", {})}
        return load(SPEC | {"align": align} | spec, schemas=schemas).run(tmp_path, engine=engine)

    return run_


def agree(result, dates, kind=dt.date.fromisoformat, pings=PINGS, **spec):
    """The rows are those of the same dates in the spec, beside the date that the table has."""
    align = {"dates": dates, **spec.pop("align", {})}
    asked = SPEC | {"align": align} | spec
    version = asked["dimensions"][0]
    expected = answer(asked, pings)
    for one in expected:
        date = dates.get(str(one[version]))
        one["release_date"] = None if date is None else kind(date)
    rows = result.rows()
    assert [set(one) for one in rows] == [set(one) for one in expected]
    assert (difference := same_rows(rows, [{k: one[k] for k in rows[0]} for one in expected])) is None, (
        difference
    )
    return rows


@BOTH
def test_the_earliest_of_each_version_counts(run, engine):
    result = run(FIREFOX, engine=engine)
    assert earliest(ROWS) == {
        "57.0": "2018-01-02",
        "58.0": "2018-01-04",
        "59.0": "2018-01-08",
        "60.0": "2018-02-01",
    }
    rows = agree(result, earliest(ROWS))
    assert {one["app_version"]: one["adjusted_events"] for one in rows} == {
        "57.0": 49, "58.0": 25, "58.0.1": 49, "59.0": 49
    }  # fmt: skip
    assert result.notes == ("telemetry.releases has no date of 58.0.1: its first ping stands for it",)


@BOTH
@pytest.mark.parametrize(
    "spec",
    [
        {"confidence": 0.9, "align": {"skip_hours": 24}},
        {"trim": 0.1},
        {"dimensions": ["major_version"], "min_usage_hours": 60},
        {"confidence": 0.9, "alert": {"max_change": 0.25, "max_rate": 900}},
        {"interval": "day"},
        {"interval": "day", "fill": True, "dimensions": ["major_version"]},
    ],
    ids=str,
)
def test_with_other_options(run, engine, spec):
    dates = earliest(ROWS)
    if "major_version" in spec.get("dimensions", ()):
        dates = {version.partition(".")[0]: day for version, day in sorted(dates.items(), reverse=True)}
    agree(run(FIREFOX, engine=engine, **json.loads(json.dumps(spec))), dates, **json.loads(json.dumps(spec)))


@BOTH
def test_each_platform_is_released_on_the_same_day(run, engine):
    pings = [ping | {"normalized_os": os} for os in ("Mac", None) for ping in PINGS]
    spec = {"dimensions": ["app_version", "os"]}
    agree(run(FIREFOX, pings, engine=engine, **spec), earliest(ROWS), pings=pings, **spec)


def test_what_is_no_version_has_no_date(run):
    pings = [*PINGS, *hourly("unknown", 0, 3), *hourly(None, 0, 3)]
    rows = agree(run(FIREFOX, pings, rows=[*ROWS, row("", "2018-01-01")]), earliest(ROWS), pings=pings)
    assert [one["app_version"] for one in rows][:2] == [None, "unknown"]


@BOTH
def test_a_table_without_rows(run, engine):
    """Then every version was released when its first ping came."""
    result = run(FIREFOX, rows=[], engine=engine)
    agree(result, {})
    assert "57.0, 58.0, 58.0.1, 59.0: the first ping of each stands for it" in result.notes[0]


def schema_of(tmp_path, **types):
    path = tmp_path / "schema.json"
    path.write_text(json.dumps([{"name": name, "type": kind} for name, kind in types.items()]))
    return {"analysis.releases": path}


KINDS = {
    "TIMESTAMP": ("2018-01-02T06:30:00Z", dt.datetime.fromisoformat),
    "DATETIME": ("2018-01-02T06:30:00", dt.datetime.fromisoformat),
    "DATE": ("2018-01-02", dt.date.fromisoformat),
}


@BOTH
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("whole", [False, True], ids=["text", "numbers"])
def test_tables_of_one_s_own(run, tmp_path, engine, kind, whole):
    """Of which a schema tells the columns; times count to the second, versions may be whole numbers."""
    shown, read = KINDS[kind]
    name = "major_version" if whole else "app_version"
    schemas = schema_of(tmp_path, release="INTEGER" if whole else "STRING", out=kind, channel="STRING")
    rows = [
        {"release": 57 if whole else "57.0", "out": shown, "channel": "release"},
        {"release": 57 if whole else "57.0", "out": shown.replace("2018", "2017"), "channel": "beta"},
    ]
    dates = {
        "table": "analysis.releases",
        "version": "RELEASE",
        "date": "out",
        "filters": {"channel": "release"},
    }
    result = run(dates, rows=rows, engine=engine, schemas=schemas, dimensions=[name])
    found = agree(result, {"57" if whole else "57.0": shown}, read, dimensions=[name])
    assert found[0]["adjusted_events"] == found[0]["adjusted_exposure"] > 17


@pytest.mark.parametrize("form", ["csv", "parquet", "ndjson.gz"])
def test_files_of_every_format(run, tmp_path, form):
    expected = run(FIREFOX).rows()
    (tmp_path / "telemetry.releases.ndjson").unlink()
    path = tmp_path / f"telemetry.releases.{form}"
    table = pa.Table.from_pylist(
        [one | {"date": one["date"] and dt.date.fromisoformat(one["date"])} for one in ROWS]
    )
    if form == "parquet":
        pq.write_table(table, path)
    else:
        format_ = "CSV, HEADER" if form == "csv" else "JSON, COMPRESSION gzip"
        duckdb.from_arrow(table).query("rows", f"COPY (FROM rows) TO '{path}' (FORMAT {format_})")
    assert load(SPEC | {"align": {"dates": FIREFOX}}).run(tmp_path).rows() == expected


def test_a_connection_of_the_user_s_whatever_its_time_zone():
    """A date is the first moment of its day in UTC."""
    query = load(SPEC | {"align": {"dates": FIREFOX}})
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/New_York'")
    connection.execute("CREATE SCHEMA telemetry")
    connection.execute(
        "CREATE TABLE telemetry.main AS SELECT 'c' || h % 7 AS client_id, "
        "to_timestamp(1514764800 + h * 3600) AS submission_timestamp, "
        "{'display_version': CASE WHEN h < 96 THEN '57.0' ELSE '58.0' END} AS application, "
        "{'info': {'subsession_length': 3600}, "
        "'processes': {'parent': {'scalars': {'crashes': 1}}}} AS payload "
        "FROM range(145) AS hours (h)"
    )
    connection.execute(
        "CREATE TABLE telemetry.releases AS SELECT '58.0' AS version, DATE '2018-01-05' AS date, "
        "'firefox' AS product, 'major' AS category"
    )
    rows = query.run(connection=connection).rows()
    assert [one["adjusted_events"] for one in rows] == [49, 49]
    assert rows[1]["release_date"] == dt.date(2018, 1, 5)


def test_the_header_says_whose_dates_they_are():
    header = load(SPEC | {"align": {"dates": FIREFOX}}).plan().header
    where = "telemetry.releases where product is firefox and category is major or stability"
    otherwise = "what it doesn't have was released when its first ping came"
    assert f"Note: release_date is the earliest date of each version in {where}; {otherwise}" in header


def test_a_table_by_another_name_of_the_same_shape(run):
    dates = FIREFOX | {"table": {"table": "p-1.telemetry.releases_v1", "like": "telemetry.releases"}}
    agree(run(dates), earliest(ROWS))


def test_parameters_choose_what_counts(run):
    dates = FIREFOX | {"filters": {"product": {"parameter": "product"}}}
    parameters = {"product": {"kind": "enum", "options": ["fenix", "firefox"]}}
    query = load(SPEC | {"align": {"dates": dates}, "parameters": parameters})
    assert (
        "AND product = '{{ product }}'" in query.redash().sql if False else "product = 'fenix'" in query.sql()
    )
    agree(run(dates, parameters=parameters), {"58.0": "2018-01-01"})


def test_the_built_in_releases_are_those_of_the_days_that_are_known():
    found = load(SPEC | {"events": "pings", "align": {"dates": {"table": "telemetry.releases"}}}).run()
    dates = {one["app_version"]: one["release_date"] for one in found.rows()}
    assert dates["75.0"] == dt.date(2020, 4, 7) and dates["77.0a1"] is None


def test_the_walls_hold_for_names_of_a_user_s_schema():
    """A column of the user's own schema whose name is no name cannot stand in the SQL."""
    evil = "version` FROM x; --"
    schema = Schema(
        "a.b", Field("", "RECORD", fields={evil.lower(): Field(evil, "STRING"), "day": Field("day", "DATE")})
    )
    dates = {"table": "a.b", "version": evil, "date": "day"}
    with pytest.raises(QuerygenError) as caught:
        Query.of(from_mapping(SPEC | {"align": {"dates": dates}}), catalog({"a.b": schema})).sql()
    assert caught.value.diagnostics[0].code == "bad-name"
