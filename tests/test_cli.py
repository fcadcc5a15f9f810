"""The command line: what goes to stdout, what to stderr, and the exit code that programs go by."""

import csv
import io
import json
import lzma
from pathlib import Path

import duckdb
import jsonschema
import pyarrow.parquet as pq
import pytest
from commandline import querygen
from harness import NEEDS_GOOGLESQL
from hypothesis import given, settings
from pings import pairs
from ruamel.yaml import YAML
from specs import EXAMPLE_FILES

REPOSITORY = Path(__file__).parents[1]
SPEC = """\
histogram: GC_MS
filters: {submission_date: {from: 2020-04-06, to: 2020-04-20}}
dimensions: [os]
percentiles: [0.5]
"""
ROWS = [
    {
        "client_id": client,
        "submission_timestamp": "2020-04-07 10:00:00",
        "normalized_os": system,
        "payload": {"histograms": {"gc_ms": f'{{"values":{{"{key}":2}}}}'}},
    }
    for client, system, key in [("a", "Mac", 7), ("b", "Mac", 9), ("c", "", 5), ("d", None, 3)]
]
EXPECTED = [
    {"os": None, "percentile": 0.5, "value": 3, "n_clients": 1, "n_samples": 2},
    {"os": "", "percentile": 0.5, "value": 5, "n_clients": 1, "n_samples": 2},
    {"os": "Mac", "percentile": 0.5, "value": 7, "n_clients": 2, "n_samples": 4},
]
SCHEMA = [
    {"name": "client_id", "type": "STRING"},
    {"name": "submission_timestamp", "type": "TIMESTAMP"},
    {"name": "normalized_os", "type": "STRING"},
    {
        "name": "payload",
        "type": "RECORD",
        "fields": [{"name": "histograms", "type": "RECORD", "fields": [{"name": "gc_ms", "type": "STRING"}]}],
    },
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with spec.yaml, the rows as one file, and in two parts."""
    lines = [json.dumps(row) + "\n" for row in ROWS]
    (tmp_path / "spec.yaml").write_text(SPEC)
    for name, part in {
        "telemetry.main.ndjson": lines,
        "parts/1.ndjson": lines[:3],
        "parts/2.ndjson": lines[3:],
        "schema.json": [json.dumps(SCHEMA)],
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("".join(part))
    (tmp_path / "schema.json.xz").write_bytes(lzma.compress(json.dumps({"fields": SCHEMA}).encode()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answered(*flags):
    ran = querygen("run", "spec.yaml", "--format", "json", *flags)
    assert (ran.code, ran.stderr) == (0, "")
    return json.loads(ran.stdout)


# --- Commands and exit codes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["render", "spec.yaml"], 0),
        (["check", "spec.yaml"], 0),
        (["check", "spec.yaml", "bad.yaml"], 1),
        (["render", "bad.yaml"], 1),
        (["run", "bad.yaml"], 1),
        (["run", "spec.yaml", "--data", "telemetry.main=bad.ndjson"], 1),
        (["render", "spec.yaml", "--schema", "telemetry.main=bad.ndjson"], 1),
        ([], 2),
        (["rendr", "spec.yaml"], 2),
        (["render"], 2),
        (["render", "nowhere.yaml"], 2),
        (["check", "spec.yaml", "nowhere.yaml"], 2),
        (["render", "spec.yaml", "--dialect", "postgres"], 2),
        (["render", "spec.yaml", "--dial", "duckdb"], 2),
        (["render", "spec.yaml", "--today", "20.4.2020"], 2),
        (["render", "spec.yaml", "--schema", "main.bq"], 2),
        (["render", "spec.yaml", "--schema", "telemetry.main=nowhere"], 2),
        (["render", "spec.yaml", "-o", "nowhere/x.sql"], 2),
        (["render", "spec.yaml", "-o", "."], 2),
        (["run", "spec.yaml", "--data", "telemetry.main=nowhere.ndjson"], 2),
        (["run", "spec.yaml", "--data", "nowhere"], 2),
        (["run", "spec.yaml", "--engine", "sqlite"], 2),
        (["sample"], 2),
        (["sample", "--pings", "0", "-o", "sample"], 2),
        (["sample", "--pings", "many", "-o", "sample"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_exit_codes(folder, arguments, code):
    (folder / "bad.yaml").write_text("histogram: [")
    (folder / "bad.ndjson").write_text("{")
    before = sorted(folder.rglob("*"))
    ran = querygen(*arguments)
    assert ran.code == code, ran.stderr
    assert bool(ran.stderr) == (code != 0)
    assert "Traceback" not in ran.stderr
    assert "_positive" not in ran.stderr
    assert sorted(folder.rglob("*")) == before


def test_an_internal_failure_is_3_and_says_how_to_see_it(folder, monkeypatch):
    def fail(*_):
        raise RuntimeError("what nobody thought of")

    monkeypatch.setattr("querygen.api.resolve", fail)
    ran = querygen("render", "spec.yaml")
    assert ran.code == 3
    assert "RuntimeError: what nobody thought of" in ran.stderr
    assert "QUERYGEN_DEBUG=1" in ran.stderr
    monkeypatch.setenv("QUERYGEN_DEBUG", "1")
    with pytest.raises(RuntimeError):
        querygen("render", "spec.yaml")


def test_an_engine_that_fails_is_3(folder, monkeypatch):
    (folder / "pings.yaml").write_text("measure: counts\nfilters: {submission_date: 2020-04-07}\n")

    monkeypatch.setattr("querygen.engines.duckdb.connect", lambda **_: _Failing())
    monkeypatch.setattr("querygen.running._attach", lambda *_: ())
    ran = querygen("run", "pings.yaml")
    assert (ran.code, ran.stdout) == (3, b"")
    assert ran.stderr.startswith("error: DuckDB cannot run the query: Out of Memory Error: no room")


class _Failing:
    def sql(self, _text):
        raise duckdb.Error("Out of Memory Error: no room")

    def close(self):
        pass


def test_check_skips_the_tests_beside_specs():
    specs = sorted((Path(__file__).parents[1] / "examples" / "ci" / "specs").glob("*.yaml"))
    ran = querygen("check", *specs, "--today", "2020-04-20")
    assert (ran.code, ran.text.count(": ok\n")) == (0, 2)
    assert f"note: {specs[0]}: skipped, a test and no spec\n" in ran.stderr


def test_check_tells_the_findings_of_all_specs(folder):
    (folder / "one.yaml").write_text(SPEC.replace("GC_MS", "GC-MS"))
    (folder / "two.yaml").write_text(SPEC.replace("os", "oss"))
    ran = querygen("check", "one.yaml", "spec.yaml", "two.yaml")
    assert (ran.code, ran.text) == (1, "spec.yaml: ok\n")
    assert ran.stderr.startswith("one.yaml:1:12: error: ")
    assert "\ntwo.yaml:3:14: error: " in ran.stderr


# --- Where specs, data, schemas and dates come from ----------------------------------------------


def test_a_spec_from_stdin(folder):
    assert querygen("render", "-", stdin=SPEC).stdout == querygen("render", "spec.yaml").stdout
    assert querygen("check", "-", stdin="histogram: GC_MS").stderr.startswith("<stdin>:1:1: error: no range")


@pytest.mark.parametrize(
    "flags",
    [
        ["--data", "telemetry.main=telemetry.main.ndjson"],
        ["--data", "telemetry.main=parts"],
        ["--data", "telemetry.main=parts/*.ndjson"],
        ["--data", "telemetry.main=parts/1.ndjson", "--data", "telemetry.main=parts/2.ndjson"],
        ["--data", "."],
    ],
    ids=lambda flags: " ".join(flags[1::2]),
)
def test_data(folder, flags):
    assert answered(*flags) == EXPECTED


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("udfs", ["inline", "temp", "mozfun"])
def test_the_other_engine(folder, udfs):
    assert answered("--data", ".", "--engine", "googlesql", "--udfs", udfs) == EXPECTED


@pytest.mark.parametrize("file", ["schema.json", "schema.json.xz"])
def test_a_schema(folder, file):
    assert answered("--data", ".", "--schema", f"telemetry.main={file}") == EXPECTED
    (folder / "spec.yaml").write_text(SPEC.replace("GC_MS", "GC_MSS"))
    assert querygen("run", "spec.yaml", "--data", ".").code == 0
    ran = querygen("run", "spec.yaml", "--data", ".", "--schema", f"telemetry.main={file}")
    assert ran.code == 1
    assert "`GC_MS`" in ran.stderr


def test_today(folder):
    (folder / "last.yaml").write_text("measure: counts\nfilters: {submission_date: {last: 7 days}}\n")
    (folder / "dated.yaml").write_text((folder / "last.yaml").read_text() + "today: 2019-01-01\n")
    (folder / "current.yaml").write_text((folder / "last.yaml").read_text() + "today: current\n")
    assert querygen("render", "last.yaml").code == 1
    week = "BETWEEN DATE '2020-04-14' AND DATE '2020-04-20'"
    assert week in querygen("render", "last.yaml", "--today", "2020-04-20").text
    assert week in querygen("render", "dated.yaml", "--today", "2020-04-20").text
    assert "BETWEEN DATE '2018-12-26' AND DATE '2019-01-01'" in querygen("render", "dated.yaml").text
    assert "CURRENT_DATE" in querygen("render", "current.yaml").text


def test_without_data_the_sample_says_that_it_is_synthetic(folder):
    ran = querygen("run", "spec.yaml", "--format", "csv")
    assert ran.stderr == (
        "note: the built-in sample was used: it is synthetic, its numbers say nothing about Firefox\n"
    )
    assert ran.text.startswith('"os","percentile"') or ran.text.startswith("os,percentile")
    assert "synthetic" not in ran.text


# --- Formats and files ---------------------------------------------------------------------------


def test_json_is_a_list_of_row_objects(folder):
    assert answered("--data", ".") == EXPECTED


def test_csv_tells_null_from_empty_text(folder):
    text = querygen("run", "spec.yaml", "--data", ".", "--format", "csv").text
    header, *rows = text.splitlines()
    assert [next(csv.reader(io.StringIO(row)))[1:] for row in rows] == [
        ["0.5", "3", "1", "2"],
        ["0.5", "5", "1", "2"],
        ["0.5", "7", "2", "4"],
    ]
    assert rows[0].startswith(",")
    assert rows[1].startswith('"",')
    assert next(csv.reader(io.StringIO(header))) == list(EXPECTED[0])


def test_parquet_has_the_types_of_the_plan(folder):
    ran = querygen("run", "spec.yaml", "--data", ".", "--format", "parquet")
    table = pq.read_table(io.BytesIO(ran.stdout))
    assert table.to_pylist() == EXPECTED
    assert [str(field.type) for field in table.schema] == ["string", "double", "int64", "int64", "int64"]


def test_output_is_what_would_be_printed(folder):
    for arguments in (
        ["render", "spec.yaml"],
        ["render", "spec.yaml", "--dialect", "duckdb"],
        ["run", "spec.yaml", "--data", ".", "--format", "json"],
        ["udfs"],
        ["schema"],
    ):
        ran = querygen(*arguments, "--output", "written")
        assert (ran.code, ran.stdout) == (0, b"")
        assert (folder / "written").read_bytes() == querygen(*arguments).stdout


def test_output_is_complete_or_as_it_was(folder, monkeypatch):
    (folder / "old.sql").write_text("as it was")
    write_bytes = Path.write_bytes

    def full_disk(path, content):
        write_bytes(path, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    ran = querygen("render", "spec.yaml", "-o", "old.sql")
    assert (ran.code, ran.stderr.splitlines()[0]) == (
        2,
        "error: old.sql cannot be written: no space left on device [unwritable]",
    )
    assert (folder / "old.sql").read_text() == "as it was"
    assert [path.name for path in folder.glob(".*")] == []


def test_output_replaces_the_file_at_once(folder):
    """Another name of the old file keeps it: nobody ever sees half of the new one."""
    (folder / "old.sql").write_text("as it was")
    (folder / "kept.sql").hardlink_to(folder / "old.sql")
    assert querygen("render", "spec.yaml", "-o", "old.sql").code == 0
    assert (folder / "old.sql").read_text().startswith("/* ")
    assert (folder / "kept.sql").read_text() == "as it was"


# --- sample, udfs, schema ------------------------------------------------------------------------


def test_a_story_has_its_own_size_and_tables(folder):
    for flag in ("--pings", "--table"):
        value = {"--pings": "5", "--table": "telemetry.main"}[flag]
        ran = querygen("sample", "--story", "releases", flag, value, "-o", "story")
        assert (ran.code, f"`{flag}` means nothing to a story" in ran.stderr) == (2, True)
    assert not (folder / "story").exists()


def test_a_sample_is_read_back_and_the_same_every_time(folder):
    for name, seed in {"one": 7, "again": 7, "other": 8}.items():
        ran = querygen("sample", "--pings", 300, "--seed", seed, "-o", name)
        assert (ran.code, ran.text) == (0, f"{name}/telemetry.main.parquet\n")
    counts = "measure: counts\nallow_full_scan: true\n"
    rows = {
        name: querygen("run", "-", "--data", name, "--format", "json", stdin=counts).stdout
        for name in ("one", "again", "other")
    }
    assert json.loads(rows["one"])[0]["n_pings"] == 300
    assert rows["one"] == rows["again"]
    assert (folder / "one/telemetry.main.parquet").read_bytes() == (
        folder / "again/telemetry.main.parquet"
    ).read_bytes()
    assert (folder / "one/telemetry.main.parquet").read_bytes() != (
        folder / "other/telemetry.main.parquet"
    ).read_bytes()
    assert querygen("sample", "--pings", 9, "--format", "ndjson", "-o", "text").code == 0
    assert len((folder / "text/telemetry.main.ndjson").read_text().splitlines()) == 9


def test_the_script_of_functions_works_in_anyones_duckdb():
    connection = duckdb.connect()
    connection.execute(querygen("udfs").text)
    connection.execute(querygen("udfs", "--dialect", "duckdb").text)  # again, and the default
    found = connection.execute('SELECT mozfun.hist.extract(\'{"sum":9,"values":{"4":2,"5":0}}\')').fetchone()
    assert found[0]["sum"] == 9
    assert [(entry["key"], entry["value"]) for entry in found[0]["values"]] == [(4, 2), (5, 0)]
    assert "CREATE OR REPLACE FUNCTION hist.extract" in querygen("udfs", "--dialect", "bigquery").text


PING = {
    "type": "main",
    "id": "0fdac909-d2ec-454c-b625-261a3e5d5c9b",
    "creationDate": "2020-04-20T10:25:43.312Z",
    "version": 4,
    "clientId": "6fd3eb50-8bec-4b9c-8778-59406171312a",
    "application": {"buildId": "20200420095352", "channel": "nightly"},
    "environment": {"system": {"os": {"name": "Windows_NT"}}},
    "payload": {},
}


def test_ingest_makes_rows_that_run_reads(folder):
    (folder / "raw.json").write_text(json.dumps(PING) + "\nno ping\n")
    ran = querygen("ingest", "raw.json", "-o", "rows.ndjson")
    assert (ran.code, ran.stdout) == (1, b"")
    ran = querygen("ingest", "raw.json", "-o", "rows.ndjson", "--skip-malformed")
    assert (ran.code, ran.stdout) == (0, b"")
    assert ran.stderr.splitlines()[-1] == "note: 1 rows of telemetry.main, 1 malformed pings skipped"
    (folder / "counts.yaml").write_text("measure: counts\nfilters: {submission_date: 2020-04-20}\n")
    rows = querygen("run", "counts.yaml", "--data", "telemetry.main=rows.ndjson", "--format", "csv")
    assert rows.stdout == b"n_clients,n_pings\n1,1\n"


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--received", "noon"], "`--received noon` is no time"),
        (["--schema", "a.b=schema.json", "--schema", "c.d=schema.json"], "need one --schema"),
    ],
    ids=["no time", "two schemas"],
)
def test_flags_of_ingest_that_mean_nothing(folder, flags, says):
    (folder / "raw.json").write_text(json.dumps(PING))
    ran = querygen("ingest", "raw.json", "-o", "rows.ndjson", *flags)
    assert (ran.code, ran.stdout) == (2, b"")
    assert says in ran.stderr


SPEC_SCHEMA = jsonschema.Draft202012Validator(json.loads(querygen("schema").stdout))


def as_json(spec):
    return json.loads(json.dumps(spec, default=str))


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.stem)
def test_the_schema_accepts_every_example(path):
    SPEC_SCHEMA.validate(as_json(YAML(typ="safe", pure=True).load(path)))


@settings(max_examples=100)
@given(pairs())
def test_the_schema_accepts_whatever_is_valid(pair):
    SPEC_SCHEMA.validate(as_json(pair.spec))


@pytest.mark.parametrize(
    "change",
    [
        {"histgram": "GC_MS"},
        {"measure": "median"},
        {"percentiles": []},
        {"percentiles": ["0.5"]},
        {"filters": {"os": {"form": "a"}}},
        {"filters": {"os": []}},
        {"dimensions": [{"nmae": "x"}]},
        {"dimensions": "os"},
        {"limit": 0},
        {"today": 7},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_not_valid(change):
    SPEC_SCHEMA.validate({"histogram": "GC_MS"})
    with pytest.raises(jsonschema.ValidationError):
        SPEC_SCHEMA.validate({"histogram": "GC_MS", **change})
