"""Queries over several tables: their data, made-up rows, tests, warnings, and rates as an oracle has them."""

import json
import math
import random
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from commandline import querygen
from harness import NEEDS_GOOGLESQL

from querygen import Query
from querygen.catalog import catalog
from querygen.corners import corners
from querygen.errors import QuerygenError
from querygen.running import attached
from querygen.schema import builtin_schema
from querygen.verify import few

CRASH, MAIN = "telemetry.crash", "telemetry.main"
DAYS = {"submission_date": {"from": "2020-04-06", "to": "2020-04-07"}}
EVENTS = {"table": CRASH, "filters": {"process_type": "main"}}
SPEC = {"measure": "rate", "events": EVENTS, "dimensions": ["os"], "filters": DAYS, "confidence": 0.95}
ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]


# ---- The schema ---------------------------------------------------------------------------------

# What crash.4 types otherwise than main.5 does.
OTHERWISE = {
    "environment.addons.theme.user_disabled",
    "environment.addons.active_addons",
    "environment.system.gfx.monitors",
}


def test_the_crash_table_s_columns_are_the_main_table_s_but_for_the_payload():
    crash, main = builtin_schema(CRASH), builtin_schema(MAIN)
    for path, field in crash.leaves():
        if not path.startswith("payload."):
            found = main.find(path)
            assert found, path
            assert (found.bigquery_type() == field.bigquery_type()) is (path not in OTHERWISE), path
    assert crash.find("payload.process_type").type == "STRING"
    assert crash.find("payload.histograms") is None


def test_dimensions_are_those_of_the_main_table_and_the_process():
    crash, main = catalog().get(CRASH), catalog().get(MAIN)
    assert {**main.friendly, "process_type": "payload.process_type"} == dict(crash.friendly)


def test_only_tables_that_are_scanned_are_asked_for(tmp_path):
    """The spec's own source tells what names mean; its rows are needed by some options only."""
    elsewhere = {"events": EVENTS, "exposure": {"count": "pings", "table": CRASH}, "confidence": None}

    def read(spec):
        return [table.table for table in Query(**SPEC | elsewhere | spec).plan().reads]

    assert read({}) == [CRASH]
    assert read({"trim": 0.1}) == [CRASH]
    assert read({"align": "release", "dimensions": ["app_version"]}) == [MAIN, CRASH]
    assert read({"exposure": "usage_hours"}) == [MAIN, CRASH]
    ping = {"submission_timestamp": "2020-04-06 10:00:00", "payload": {"process_type": "main"}}
    (tmp_path / f"{CRASH}.ndjson").write_text(json.dumps(ping))
    (row,) = Query(**SPEC | elsewhere).run(tmp_path).rows()
    assert (row["events"], row["exposure"], row["rate"]) == (1, 1, 1)


# ---- Rates ---------------------------------------------------------------------------------------


def pings(seed=4, count=150):
    """Rows of both tables on three days, of clients in one or both, or without an id, or a system."""
    rng = random.Random(seed)
    clients = {
        MAIN: [*(f"both {n}" for n in range(6)), "only main", None],
        CRASH: [*(f"both {n}" for n in range(6)), "only crash", None],
    }
    systems = {"only main": ["Haiku"], "only crash": ["BeOS"]}
    rows = {MAIN: [], CRASH: []}
    for table, n in ((MAIN, count), (CRASH, count // 2)):
        for i in range(n):
            client = rng.choice(clients[table])
            at = datetime(2020, 4, 6, tzinfo=UTC) + timedelta(
                seconds=rng.randrange(3 * 86400), microseconds=i
            )
            row = {
                "client_id": client,
                "submission_timestamp": at.isoformat(),
                "normalized_os": rng.choice(systems.get(client, ["Windows", "Mac", None])),
            }
            if table == MAIN:
                length = rng.choice([None, -5, 0, 60, 3600, 7200, 200_000])
                row["payload"] = {"info": {"subsession_length": length}}
            else:
                row["payload"] = {"process_type": rng.choice(["main", "main", "content", None])}
            rows[table].append(row)
    return rows


def written(folder, rows):
    for table, of_table in rows.items():
        Path(folder, f"{table}.ndjson").write_text("".join(f"{json.dumps(row)}\n" for row in of_table))
    return folder


def in_days(row):
    return row["submission_timestamp"] < "2020-04-08"


def expected(rows, per=1000, z=1.9599639845400545):
    """Rates by system, from their definition: sums over clients, in plain Python."""
    units = defaultdict(lambda: [0, 0])
    for row in filter(in_days, rows[MAIN]):
        who = row["client_id"] or ("alone", row["submission_timestamp"])
        length = row["payload"]["info"]["subsession_length"] or 0
        units[row["normalized_os"], who][1] += min(max(length, 0), 86400)
    for row in filter(in_days, rows[CRASH]):
        if row["payload"]["process_type"] == "main":
            who = row["client_id"] or ("alone", row["submission_timestamp"])
            units[row["normalized_os"], who][0] += 1
    made = {}
    for system in {system for system, _ in units}:
        of_system = {who: sums for (its, who), sums in units.items() if its == system}
        events, seconds = (sum(sums[i] for sums in of_system.values()) for i in (0, 1))
        row = {
            "events": events,
            "exposure": seconds / 3600,
            "n_clients": sum(isinstance(who, str) for who in of_system),
            "rate": events * 3600 * per / seconds if seconds else None,
        }
        n = len(of_system)
        row |= {"lower": None, "upper": None}
        if seconds and n > 1:
            ratio = events / seconds
            squares = sum((e - ratio * s) ** 2 for e, s in of_system.values())
            away = z * math.sqrt(squares * n / (n - 1)) / seconds
            row |= {
                "lower": max((ratio - away) * 3600 * per, 0),
                "upper": (ratio + away) * 3600 * per,
            }
        made[system] = row
    return made


@pytest.mark.parametrize("engine", ENGINES)
def test_events_are_rows_of_another_table(engine, tmp_path):
    rows = pings()
    wanted = expected(rows)
    assert wanted["BeOS"]["rate"] is None and wanted["BeOS"]["events"] > 0
    assert wanted["Haiku"]["rate"] == 0
    shown = {row.pop("os"): row for row in Query(**SPEC).run(written(tmp_path, rows), engine=engine).rows()}
    assert shown.keys() == wanted.keys() == {"Windows", "Mac", None, "Haiku", "BeOS"}
    for system, row in shown.items():
        known = {name: value for name, value in wanted[system].items() if value is not None}
        assert {name for name in row if row[name] is None} == wanted[system].keys() - known.keys(), system
        assert {name: row[name] for name in known} == pytest.approx(known, rel=1e-6, abs=1e-9), system


def test_all_together(tmp_path):
    rows = pings()
    (shown,) = Query(**{**SPEC, "dimensions": []}).run(written(tmp_path, rows)).rows()
    every = expected({table: [{**row, "normalized_os": 1} for row in of] for table, of in rows.items()})
    assert shown == pytest.approx(every[1], rel=1e-6)


def test_on_a_connection_of_one_s_own(tmp_path):
    rows = pings()
    written(tmp_path, rows)
    with closing(duckdb.connect()) as connection:
        connection.execute("CREATE SCHEMA telemetry")
        for table in rows:
            connection.execute(f"CREATE TABLE {table} AS FROM '{tmp_path}/{table}.ndjson'")
        own = Query(**SPEC).run(connection=connection).rows()
    assert own == Query(**SPEC).run(tmp_path).rows()


def test_a_report_tells_of_all_tables(tmp_path):
    (tmp_path / "spec.yaml").write_text(json.dumps(SPEC))
    written(tmp_path, pings())
    ran = querygen("report", tmp_path / "spec.yaml", "--data", tmp_path, "-o", tmp_path / "report.html")
    assert ran.code == 0, ran.stderr
    text = (tmp_path / "report.html").read_text()
    assert all(word in text for word in (MAIN, CRASH, f"{MAIN}.ndjson", f"{CRASH}.ndjson"))


def test_data_of_a_table_that_is_missing_is_asked_for(tmp_path):
    (tmp_path / "spec.yaml").write_text(json.dumps(SPEC))
    written(tmp_path, {MAIN: pings()[MAIN]})
    ran = querygen("run", tmp_path / "spec.yaml", "--data", tmp_path)
    assert ran.code == 2
    assert "no data for the table `telemetry.crash`, only for telemetry.main" in ran.stderr
    assert "--data telemetry.crash=PATH" in ran.stderr


def test_a_table_has_one_shape():
    with pytest.raises(QuerygenError) as caught:
        Query(**{**SPEC, "events": {"table": {"table": MAIN, "like": CRASH}}}).plan()
    assert [finding.code for finding in caught.value.diagnostics] == ["two-shapes"]


def test_samples_of_both_tables_are_of_the_same_clients(tmp_path):
    for table in (MAIN, CRASH):
        ran = querygen("sample", "--table", table, "--pings", 3_000, "--output", tmp_path)
        assert (ran.code, ran.text) == (0, f"{tmp_path / table}.parquet\n")
    rows = {
        table: duckdb.sql(f"SELECT client_id, payload FROM '{tmp_path}/{table}.parquet'").fetchall()
        for table in (MAIN, CRASH)
    }
    clients = {table: {client for client, _ in of_table} for table, of_table in rows.items()}
    assert clients[CRASH] < clients[MAIN]
    hours = sum(payload["info"]["subsession_length"] for _, payload in rows[MAIN]) / 3600
    crashes = sum(payload["process_type"] == "main" for _, payload in rows[CRASH])
    spec = {
        **SPEC,
        "dimensions": [],
        "filters": {"submission_date": {"from": "2020-04-06", "to": "2020-04-20"}},
    }
    (found,) = Query(**spec).run(tmp_path).rows()
    assert found["events"] == crashes > 20
    assert found["rate"] == pytest.approx(1000 * crashes / hours)


# ---- Comparing engines ---------------------------------------------------------------------------


def made_up(spec):
    query = Query(**spec)
    (part,) = corners(query.spec, query.plan(), catalog()).parts
    return query, {table: rows.to_pylist() for table, rows in part.items()}


def test_made_up_rows_of_both_tables_meet():
    query, rows = made_up(SPEC)
    assert rows.keys() == {MAIN, CRASH}
    clients = {table: {row["client_id"] for row in of_table} for table, of_table in rows.items()}
    assert len(clients[MAIN] & clients[CRASH]) > 10 and None in clients[MAIN] & clients[CRASH]
    processes = {(row["payload"] or {}).get("process_type") for row in rows[CRASH]}
    assert {"main", "mai", None} < processes
    with closing(duckdb.connect()) as connection:
        connection.execute("CREATE SCHEMA telemetry")
        (part,) = corners(query.spec, query.plan(), catalog()).parts
        for table, of_table in part.items():
            connection.register("rows", of_table)
            connection.execute(f"CREATE TABLE {table} AS FROM rows")
            connection.unregister("rows")
        found = query.run(connection=connection).rows()
    assert sum(bool(row["rate"]) for row in found) > 3
    assert {None, "a"} < {row["os"] for row in found if row["rate"]}


@NEEDS_GOOGLESQL
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"interval": "hour", "fill": True, "dimensions": ["time", "os"]},
        {"events": {"histogram": "SUBPROCESS_CRASHES_WITH_DUMP", "take": "sum", "key": "content"}},
        {"exposure": {"table": CRASH, "count": "client_days"}, "method": "poisson"},
        {"events": {"count": "pings", "filters": {"os": "Windows"}}},
    ],
    ids=["plain", "by time", "a histogram", "both of another table", "of the same table"],
)
def test_engines_agree_on_made_up_rows(changes):
    verdict = Query(**{**SPEC, **changes}).verify(udfs=["inline"])
    assert verdict.agrees, str(verdict)
    assert verdict.n_rows > 3


def test_of_much_data_the_same_clients_are_compared(tmp_path):
    rows = pings(count=600)
    with attached(Query(**SPEC).plan(), catalog(), [str(written(tmp_path, rows))]) as tables:
        every = {table: of["client_id"].to_pylist() for table, of in tables.rows.items()}
        some = few(tables, catalog(), 300).rows
    kept = {table: of["client_id"].to_pylist() for table, of in some.items()}
    assert sum(map(len, kept.values())) == 300
    whole = {
        client
        for client in {*every[MAIN], *every[CRASH]} - {None}
        if all(kept[table].count(client) == every[table].count(client) > 0 for table in kept)
    }
    partly = {client for of_table in kept.values() for client in of_table} - {None} - whole
    assert whole and len(partly - {"only main", "only crash"}) <= 1


# ---- Tests of specs ------------------------------------------------------------------------------

TEST = """\
spec: spec.yaml
tests:
  crashes by hours:
    given:
      telemetry.main:
        - {client_id: a, os: Mac, submission_date: 2020-04-06, payload: {info: {subsession_length: 7200}}}
      telemetry.crash:
        - {client_id: a, os: Mac, submission_date: 2020-04-06, process_type: main}
        - {client_id: a, os: Mac, submission_date: 2020-04-06, process_type: content}
    expect:
      rows:
        - {os: Mac, events: 1, exposure: 2.0, rate: 500.0, n_clients: 1}
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(json.dumps(SPEC))
    Path("spec.test.yaml").write_text(TEST)
    return tmp_path


def test_a_test_is_given_rows_of_both_tables(home):
    ran = querygen("test", "spec.test.yaml", "--keep", "kept")
    assert (ran.code, ran.text.splitlines()[-1]) == (0, "1 passed")
    with closing(duckdb.connect(str(home / "kept" / "spec" / "crashes-by-hours.duckdb"))) as kept:
        assert kept.sql("SELECT COUNT(*) FROM telemetry.crash").fetchall() == [(2,)]
        assert kept.sql("SELECT rate FROM result").fetchall() == [(500,)]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("telemetry.crash:", "telemetry.crush:", "of which there are no rows, only of"),
        ("process_type: content", "procss_type: content", "spec.test.yaml:9:"),
        ("process_type: content", "process_type: 5", "holds text, found the number 5"),
        ("subsession_length: 7200", "subsession_length: long", "spec.test.yaml:6:"),
        ("events: 1", "events: 2", "given 3"),
    ],
)
def test_what_is_wrong_with_a_test_is_told_at_its_place(home, old, new, told):
    Path("spec.test.yaml").write_text(TEST.replace(old, new))
    ran = querygen("test", "spec.test.yaml")
    assert ran.code != 0
    assert told in ran.text


def test_a_first_test_has_rows_of_the_same_clients(home):
    Path("spec.test.yaml").unlink()
    ran = querygen("test", "--new", "spec.yaml", "--from", written(home, pings()), "--rows", 4)
    assert (ran.code, ran.stderr) == (0, "")
    text = Path("spec.test.yaml").read_text()
    main, crash = text.split("telemetry.crash:")[0], text.split("telemetry.crash:")[1].split("expect:")[0]
    assert (main.count("- {"), crash.count("- {")) == (4, 4)
    assert "client 1" in main and "both" not in text
    assert querygen("test", "spec.test.yaml").code == 0


# ---- Warnings ------------------------------------------------------------------------------------


def codes(**changes):
    return {(finding.code, finding.loc) for finding in Query(**{**SPEC, **changes}).warnings()}


def test_warnings_look_at_amounts_too():
    assert codes() == set()
    events = {"table": {"table": "telemetry.crash_1pct", "like": CRASH}, "filters": {"build_id": "75.0"}}
    assert codes(events=events) == {
        ("unscaled-sample", ("events", "table")),
        ("build-id-as-text", ("events", "filters", "build_id")),
    }
    late = {"submission_date": {"from": "2026-10-01", "to": "2026-10-02"}}
    assert ("legacy-probe", ("events", "histogram")) in codes(events={"histogram": "GC_MS"}, filters=late)


# ---- Google's analyzer ---------------------------------------------------------------------------


@NEEDS_GOOGLESQL
def test_the_analyzer_knows_all_tables(tmp_path):
    Query(**SPEC).analyze()
    schema = [
        {"name": "client_id", "type": "STRING"},
        {"name": "normalized_os", "type": "STRING"},
        {"name": "submission_timestamp", "type": "TIMESTAMP"},
        {"name": "payload", "type": "RECORD", "fields": [{"name": "process_type", "type": "INTEGER"}]},
    ]
    (tmp_path / "crash.json").write_text(json.dumps(schema))
    (tmp_path / "spec.yaml").write_text(json.dumps(SPEC, indent=1))
    ran = querygen("check", tmp_path / "spec.yaml", "--schema", f"telemetry.crash={tmp_path / 'crash.json'}")
    assert ran.code == 1
    assert "process_type" in ran.stderr
