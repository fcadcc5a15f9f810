"""DuckDB gives the rows that BigQuery would: each rewriter by rows that are wrong without it."""

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import sqlglot
from harness import HISTOGRAM, NEEDS_GOOGLESQL, query, rows_of
from oracle import answer, same_rows
from pings import random_pings
from specs import SPECS
from sqlglot import exp

from querygen import EngineError, QuerygenError, data, translate
from querygen.calls import place
from querygen.catalog import catalog
from querygen.check import CheckedSql, check
from querygen.render import SqlText, render

NEW_YORK = "America/New_York"
KIRITIMATI, PAGO_PAGO = "Pacific/Kiritimati", "Pacific/Pago_Pago"  # at any time, one of them has another day
COUNTS = {"measure": "counts", "allow_full_scan": True}


def users_duckdb(tmp_path, pings, zone="UTC", columns=("submission_timestamp", "client_id", "normalized_os")):
    """A user's own connection that has telemetry.main, in their time zone."""
    path = tmp_path / "pings.ndjson"
    path.write_text("".join(json.dumps(ping, default=str) + "\n" for ping in pings))
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = '{zone}'")
    needed = [*columns, f"payload.histograms.{HISTOGRAM.lower()}"]
    data.attach(connection, "telemetry.main", [path], catalog().get("telemetry.main").schema, needed)
    return connection


def without(monkeypatch, rewriter):
    kept = tuple(other for other in translate.REWRITERS if other is not rewriter)
    assert len(kept) == len(translate.REWRITERS) - 1
    monkeypatch.setattr(translate, "REWRITERS", kept)


def value_of(sql):
    """The one value of a BigQuery SELECT, on DuckDB."""
    plan = query(SPECS["counts"]).plan()
    text = translate.translate(
        CheckedSql(SqlText(sql, plan, "inline", (), sql), sqlglot.parse_one(sql, "bigquery"))
    ).text
    ((value,),) = duckdb.connect().execute(text).fetchall()
    return value


# --- Each rewriter -------------------------------------------------------------------------------


def midnight_pings():
    """One ping on either side of New York's midnight, on one day in UTC; and one after UTC's."""
    times = ["2020-04-20 02:00:00", "2020-04-20 06:00:00", "2020-04-21 01:00:00"]
    return [{"client_id": "a", "submission_timestamp": time} for time in times]


def test_dates_are_utc(tmp_path, monkeypatch):
    connection = users_duckdb(tmp_path, midnight_pings(), NEW_YORK)
    spec = query({**COUNTS, "dimensions": ["submission_date"]})
    expected = [(dt.date(2020, 4, 20), 2), (dt.date(2020, 4, 21), 1)]

    def days():
        return [(row["submission_date"], row["n_pings"]) for row in spec.run(connection=connection).rows()]

    assert days() == expected
    without(monkeypatch, translate.dates_are_utc)
    assert days() != expected


def test_today_is_utc(tmp_path, monkeypatch):
    today = dt.datetime.now(dt.UTC)
    noons = [today.replace(hour=12) + dt.timedelta(days=days) for days in (-2, -1, 0, 1, 2)]
    pings = [
        {"client_id": f"{noon:%Y-%m-%d}", "submission_timestamp": f"{noon:%Y-%m-%d %H:%M:%S}"}
        for noon in noons
    ]
    spec = query(
        {
            "measure": "pings",
            "fields": ["client_id"],
            "filters": {"submission_date": {"last": "2 days"}},
            "today": "current",
        }
    )

    def found():
        return [
            [row["client_id"] for row in spec.run(connection=connection).rows()]
            for connection in (users_duckdb(tmp_path, pings, zone) for zone in (KIRITIMATI, PAGO_PAGO, "UTC"))
        ]

    rows = found()
    if dt.datetime.now(dt.UTC).date() != today.date():  # midnight passed during the test
        pytest.skip("another day began")
    assert rows == [[pings[1]["client_id"], pings[2]["client_id"]]] * 3
    without(monkeypatch, translate.today_is_utc)
    rows = found()
    assert rows[0] != rows[2] or rows[1] != rows[2]


def test_subtracted_days_stay_dates(monkeypatch):
    sql = "WITH pings AS (SELECT DATE_SUB(DATE '2020-03-01', INTERVAL 1 DAY) AS day) SELECT day FROM pings"
    assert value_of(sql) == dt.date(2020, 2, 29)
    assert type(value_of(sql)) is dt.date
    without(monkeypatch, translate.subtracted_days_stay_dates)
    assert type(value_of(sql)) is dt.datetime


def test_decimals_are_doubles(monkeypatch):
    sql = "WITH pings AS (SELECT 0.1 + 0.2 = 0.3 AS same) SELECT same FROM pings"
    assert value_of(sql) is False
    assert value_of("WITH pings AS (SELECT -0.1 AS x) SELECT x FROM pings") == -0.1
    without(monkeypatch, translate.decimals_are_doubles)
    assert value_of(sql) is True


def test_what_is_unknown_is_not_counted(monkeypatch):
    unknown = "(SELECT CAST(NULL AS INT64) AS x)"
    sql = f"WITH pings AS (SELECT COUNTIF(x > 0) AS n FROM {unknown}) SELECT n FROM pings"
    assert value_of(sql) == 0
    without(monkeypatch, translate.what_is_unknown_is_not_counted)
    assert value_of(sql) is None


def test_text_that_is_no_json_has_no_values(monkeypatch):
    broken = "(SELECT '{\"a\":' AS x)"
    sql = f"WITH pings AS (SELECT JSON_VALUE(x, '$.a') AS n FROM {broken}) SELECT n FROM pings"
    assert value_of(sql) is None
    without(monkeypatch, translate.text_that_is_no_json_has_no_values)
    with pytest.raises(duckdb.Error):
        value_of(sql)


def test_arrays_unnest_in_projection(monkeypatch):
    """Entries count from 0, so that a client is counted at its first."""
    pings = random_pings(60, 1)
    spec = {"histogram": HISTOGRAM, "allow_full_scan": True, "percentiles": [0.5], "dimensions": ["os"]}
    assert same_rows(rows_of(spec, pings), answer(spec, pings)) is None
    without(monkeypatch, translate.arrays_unnest_in_projection)
    assert "n_clients" in same_rows(rows_of(spec, pings), answer(spec, pings))


def test_every_rewriter_has_its_test():
    for rewriter in translate.REWRITERS:
        assert f"test_{rewriter.__name__}" in globals(), (
            f"{rewriter.__name__} has no test that fails without it"
        )
        assert rewriter.__doc__


# --- Time zones ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["client_day", "build_time", "submission_timestamp"])
def test_rows_are_the_same_in_any_time_zone(name, tmp_path):
    base = {"histogram": HISTOGRAM, "allow_full_scan": True}
    spec = {
        "client_day": {**base, "measure": "summary", "normalization": "client_day"},
        "build_time": {**base, "measure": "counts", "dimensions": ["build_time", "build_date"]},
        "submission_timestamp": {
            "measure": "pings",
            "fields": ["client_id", "submission_timestamp", "submission_date"],
            "filters": {
                "submission_date": {"from": "2020-04-07", "to": "2020-04-09"},
                "submission_timestamp": {"gte": "2020-04-07 12:00:00"},
            },
        },
    }[name]
    if name == "submission_timestamp":  # its name belongs to the query
        spec = {**spec, "fields": ["client_id", "submission_date"]}
    pings = random_pings(150, 9)
    columns = ["submission_timestamp", "client_id", "application.build_id"]
    for zone in ("UTC", NEW_YORK, KIRITIMATI):
        connection = users_duckdb(tmp_path, pings, zone, columns)
        assert same_rows(query(spec).run(connection=connection).rows(), answer(spec, pings)) is None
        assert connection.execute("SELECT current_setting('TimeZone')").fetchone() == (zone,)


def test_the_machines_time_zone_changes_nothing():
    code = (
        "from harness import rows_of; from pings import random_pings\n"
        "spec = {'measure': 'counts', 'allow_full_scan': True}\n"
        "spec['dimensions'] = ['submission_date', 'build_time']\n"
        "print(rows_of(spec, random_pings(80, 2)))"
    )
    tests = Path(__file__).parent
    path = f"{tests}{os.pathsep}{tests.parent}"
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "TZ": zone, "PYTHONPATH": path},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for zone in ("UTC", NEW_YORK)
    }
    assert len(printed) == 1


# --- What cannot be translated -------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["pings", "counts"])
def test_what_cannot_be_translated_is_an_error_with_its_stage(stage):
    """Were a construct let through that has no translation, no SQL would come of it."""
    sql = render(query(SPECS["counts of groups"]).plan())
    tree = check(sql).query.copy()
    select = tree.ctes[0].this if stage == "pings" else tree
    select.selects[0].replace(exp.alias_(exp.ApproxTopK(this=exp.column("os")), "os"))
    with pytest.raises(EngineError) as refused:
        translate.translate(CheckedSql(sql, tree))
    assert refused.value.exit_code == 3
    assert f"in stage {stage}: the SQL cannot be translated to DuckDB: APPROX_TOP_K" in str(refused.value)


@pytest.mark.parametrize("udfs", ["inline", "temp", "mozfun"])
def test_all_forms_translate_to_one_text(udfs):
    for name in ("percentiles by client of groups", "summary by none", "fields"):
        checked = check(render(query(SPECS[name]).plan(), udfs))
        assert translate.translate(checked).text == query(SPECS[name]).sql("duckdb")


# --- Names ---------------------------------------------------------------------------------------

TRICKY = [
    "order",
    "select",
    "End",
    "from",
    "user",
    "table",
    "current_date",
    "offset",
    "all",
    "t",
    "x",
    "main",
]
TRICKY += [
    "normalized_os",
    "payload",
    "telemetry",
    "whole_group",
    "up_to_bucket",
    "unnest",
    "list",
    "values",
    "null",
]


@pytest.mark.parametrize("engine", ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)])
@pytest.mark.parametrize("measure", ["percentiles", "counts"])
def test_dimensions_may_have_any_name(measure, engine):
    pings = random_pings(120, 4)
    spec = {"allow_full_scan": True, "measure": measure, "filters": {"os": ["Windows", "Mac"]}}
    if measure != "counts":
        spec |= {"histogram": HISTOGRAM, "normalization": "client"}
    if measure == "percentiles":
        spec["percentiles"] = [0.5]
    plain = rows_of({**spec, "dimensions": [{"name": "place", "of": "country"}]}, pings, "duckdb")
    assert len(plain) > 1
    for name in TRICKY if engine == "duckdb" else TRICKY[::4]:
        rows = rows_of({**spec, "dimensions": [{"name": name, "of": "country"}]}, pings, engine)
        renamed = [{"place": row[name], **{k: v for k, v in row.items() if k != name}} for row in rows]
        assert same_rows(renamed, plain) is None, name


# --- A user's own connection ---------------------------------------------------------------------


def state_of(connection):
    """Everything that a query could leave behind."""
    queries = {
        "tables": "SELECT * FROM duckdb_tables()",
        "views": "SELECT * FROM duckdb_views()",
        "schemas": "SELECT * FROM duckdb_schemas()",
        "databases": "SELECT database_name, path FROM duckdb_databases()",
        "functions": "SELECT function_name, database_name FROM duckdb_functions() WHERE NOT internal",
        "types": "SELECT type_name FROM duckdb_types() WHERE NOT internal",
        "settings": "SELECT name, value FROM duckdb_settings()",
        "path": "SELECT current_schema(), current_database()",
    }
    return {what: sorted(map(str, connection.execute(text).fetchall())) for what, text in queries.items()}


@pytest.mark.parametrize(
    "name", ["percentiles by client of groups", "summary by client_day", "fields", "counts"]
)
def test_a_users_connection_is_left_as_it_was(name, tmp_path):
    pings = random_pings(60, 3)
    spec = query(SPECS[name])
    connection = users_duckdb(tmp_path, pings, NEW_YORK, spec.plan().needs)
    connection.execute("CREATE TABLE pings AS SELECT 1 AS theirs")
    connection.execute("CREATE VIEW histograms AS SELECT 2 AS theirs")
    connection.execute("CREATE MACRO list(x) AS 3")
    connection.execute("CREATE TEMP TABLE clients AS SELECT 4 AS theirs")
    before = state_of(connection)
    rows = spec.run(connection=connection).rows()
    assert same_rows(rows, rows_of(SPECS[name], pings)) is None
    assert len(rows) > 0
    assert state_of(connection) == before
    theirs = [
        connection.execute(f"SELECT * FROM {name}").fetchone() for name in ("pings", "histograms", "clients")
    ]
    assert theirs == [(1,), (2,), (4,)]


def test_a_users_table_that_lacks_a_column_is_a_clear_error():
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA telemetry; CREATE TABLE telemetry.main AS SELECT 'a' AS client_id")
    with pytest.raises(QuerygenError) as refused:
        query(SPECS["counts"]).run(connection=connection)
    assert "submission_timestamp" in str(refused.value)
    assert "\\n" not in str(refused.value)
    with pytest.raises(QuerygenError) as refused:
        query(SPECS["counts"]).run(connection=duckdb.connect())
    assert "main" in str(refused.value)


def test_a_users_catalog_called_telemetry(tmp_path):
    """A file telemetry.duckdb with a table `main` is fine; beside a schema `telemetry` it is refused."""
    rows = "SELECT 'a' AS client_id, TIMESTAMPTZ '2020-04-07 12:00:00+00' AS submission_timestamp"
    with duckdb.connect(str(tmp_path / "telemetry.duckdb")) as theirs:
        theirs.execute(f"CREATE TABLE main AS {rows}")
        assert query(SPECS["counts"]).run(connection=theirs).rows() == [{"n_clients": 1, "n_pings": 1}]
    connection = duckdb.connect()
    connection.execute(f"CREATE SCHEMA telemetry; CREATE TABLE telemetry.main AS {rows} UNION ALL {rows}")
    assert query(SPECS["counts"]).run(connection=connection).rows() == [{"n_clients": 1, "n_pings": 2}]
    connection.execute(f"ATTACH '{tmp_path}/telemetry.duckdb'")
    with pytest.raises(EngineError) as refused:
        query(SPECS["counts"]).run(connection=connection)
    assert "DuckDB cannot run the query: Binder Error: Ambiguous reference" in str(refused.value)
    assert "telemetry" in str(refused.value)


def test_a_literal_of_several_lines_stays_as_it_is_where_a_body_is_placed():
    """The body's own lines are indented like the call's line; those inside a text are the text."""
    literal = "'one\n  two\n\nthree''s -- (\n'"
    text = f"SELECT\n    querygen.x({literal}) AS found"
    placed = place(text, "duckdb", lambda call: f"CASE\n  WHEN TRUE\n\n  THEN {call.argument}\nEND")
    expected = f"SELECT\n    CASE\n      WHEN TRUE\n\n      THEN {literal}\n    END AS found"
    assert placed == expected
    assert duckdb.sql(placed).fetchall() == [("one\n  two\n\nthree's -- (\n",)]
