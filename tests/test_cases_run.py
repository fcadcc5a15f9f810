"""Test files as people run them: `querygen test`, pytest's plugin, the starter, and examples/ci."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import duckdb
import pytest
from commandline import querygen
from harness import NEEDS_GOOGLESQL
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import EXAMPLE_FILES

from querygen import running
from querygen.cases import command, model
from querygen.cases.names import PROCESSES, RECORDED
from querygen.cases.read import read
from querygen.cases.run import Options, run_test
from querygen.cases.values import MATCHERS
from querygen.errors import EngineError
from querygen.yamltext import flow

ROOT = Path(__file__).parents[1]
FILE = """
spec: {histogram: GC_MS, allow_full_scan: true, percentiles: [0.5]}
fixtures: {a ping: {telemetry.main: [{client_id: a, hist: {1: 1}}]}}
tests:
  first:
    given: a ping
    expect: {rows: [{percentile: 0.5, value: 1}]}
  second, "quoted":
    given: a ping
    expect: {rows: [{percentile: 0.5, value: 2}]}
  third:
    given: a ping
    snapshot: true
"""
WRONG = "value  expected 2  got 1"


@pytest.fixture(autouse=True)
def on_a_desk(monkeypatch):
    """As on somebody's machine, whatever runs this."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


@pytest.fixture
def home(tmp_path, monkeypatch):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "gc.test.yaml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- querygen test ------------------------------------------------------------------------------


def test_finds_files_in_folders_that_are_not_hidden(home):
    for folder in (".venv", "kept", "deep/er"):
        (home / folder).mkdir(parents=True)
        shutil.copy(home / "specs" / "gc.test.yaml", home / folder / "x.test.yaml")
    found = [str(path) for path in command.find([Path()])]
    assert found == ["deep/er/x.test.yaml", "kept/x.test.yaml", "specs/gc.test.yaml"]
    assert [str(path) for path in command.find([Path("specs/gc.test.yaml")])] == found[2:]


@pytest.mark.parametrize(
    ("only", "code"), [("first", 0), ("second", 1), ("third", 1), ("r", 1), ("", 1)], ids=str
)
def test_exit_codes(home, only, code):
    assert querygen("test", "specs", "-k", only).code == code


def test_what_is_invalid_or_fails_inside_goes_before_what_differs(home, monkeypatch):
    (home / "specs" / "bad.test.yaml").write_text(FILE.replace("GC_MS", "GC MS"))
    ran = querygen("test")
    assert (ran.code, ran.text.splitlines()[-1]) == (2, "1 passed, 2 failed, 3 invalid")

    def fails(*_):
        raise EngineError.of("duckdb", "DuckDB cannot run the query: out of memory")

    monkeypatch.setattr("querygen.running.Attached.run", fails)
    ran = querygen("test")
    assert (ran.code, ran.text.splitlines()[-1]) == (3, "3 invalid, 3 error")
    assert (
        "ERROR  specs/gc.test.yaml:5  first\nerror: DuckDB cannot run the query: out of memory [duckdb]\n"
        in ran.text
    )


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--from", "data"], "`--from` belongs to `--new` [bad-flag]"),
        (["--rows", "3"], "`--rows` belongs to `--new` [bad-flag]"),
        (["--probes", "probes"], "`--probes` belongs to `--new` [bad-flag]"),
        (["--today", "2020-04-20"], "`--today` belongs to `--new` [bad-flag]"),
        (["specs", "nowhere"], "the path nowhere does not exist [no-such-file]"),
    ],
)
def test_bad_flags(home, flags, said):
    ran = querygen("test", *flags)
    assert ran.code == 2
    assert ran.stderr.startswith(f"error: {said}\n  help: ")


def test_snapshots_are_written_on_a_desk_and_never_in_ci(home, monkeypatch):
    assert querygen("test", "-k", "third").code == 1
    monkeypatch.setenv("CI", "true")
    ran = querygen("test", "-k", "third", "--update")
    assert (ran.code, ran.text) == (2, "")
    assert "`--update` does nothing in CI (the variable CI is set)" in ran.stderr
    assert not list(home.rglob("__querygen__"))
    monkeypatch.setenv("CI", "false")
    ran = querygen("test", "-k", "third", "--update")
    assert (ran.code, ran.text.splitlines()[1:]) == (
        0, ["wrote specs/__querygen__/gc/third.yaml", "1 passed"]
    )  # fmt: skip
    assert querygen("test", "-k", "third").code == 0


def test_hand_written_rows_are_never_rewritten(home):
    assert querygen("test", "--update").code == 1
    assert (home / "specs" / "gc.test.yaml").read_text() == FILE


def test_a_report_in_junit_s_format(home):
    ran = querygen("test", "--junit", "report.xml")
    assert ran.code == 1
    suite = ET.parse("report.xml").getroot()
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "3", "failures": "2", "errors": "0"
    }  # fmt: skip
    cases = {case.get("name"): case for case in suite}
    assert list(cases) == ["first", 'second, "quoted"', "third"]
    assert WRONG in cases['second, "quoted"'].find("failure").text
    assert (cases["first"].get("file"), cases["first"].get("line"), len(cases["first"])) == (
        "specs/gc.test.yaml", "5", 0
    )  # fmt: skip
    assert querygen("test", "--junit", "no/such/report.xml").code == 2


def test_marks_failures_for_github(home, monkeypatch):
    assert "::error" not in querygen("test", "-k", "second").text
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (line,) = [line for line in querygen("test", "-k", "second").text.splitlines() if line[:2] == "::"]
    assert line.startswith(
        '::error file=specs/gc.test.yaml,line=8,title=second%2C "quoted"%3A failed::  1 of 1 expected rows'
    )
    assert f"percentile=0.5%0A      {WRONG}%0A" in line


def test_leaves_everything_to_look_at(home):
    ran = querygen("test", "-k", "second", "--keep", "kept")
    database = Path("kept/gc/second-quoted.duckdb")
    assert f"SQL and tables: {database}, with the text in .sql beside it" in ran.text
    connection = duckdb.connect(str(database), read_only=True)
    assert connection.execute("SELECT count(*) FROM telemetry.main").fetchone() == (1,)
    assert connection.execute("SELECT value FROM result").fetchone() == (1,)
    assert connection.execute("SELECT bucket, n_samples FROM buckets").fetchone() == (1, 1)
    text = database.with_suffix(".duckdb.sql").read_text()
    assert connection.execute(text).fetchone()[:2] == (0.5, 1)
    assert database.with_suffix(".sql").read_text().startswith("/* Percentiles of GC_MS */")
    connection.close()
    assert querygen("test", "-k", "second", "--keep", "kept").code == 1  # over what is there


@NEEDS_GOOGLESQL
def test_asks_google_s_evaluator(home, monkeypatch):
    def fails(*_):
        raise AssertionError("DuckDB was asked")

    monkeypatch.setattr("querygen.engines.duckdb.run", fails)
    assert querygen("test", "-k", "first", "--engine", "googlesql").text.endswith("1 passed\n")


# ---- The starter --------------------------------------------------------------------------------

STARTED = [path for path in EXAMPLE_FILES if path.parent.name in ("kinds", "glean", "distributions")]


@pytest.mark.parametrize("path", STARTED[::5], ids=lambda path: path.stem)
def test_a_starter_passes_at_once_and_shows_no_client(path, tmp_path):
    shutil.copy(path, tmp_path)
    beside = path.parent
    flags = ["--probes", beside / "probes"] if (beside / "probes").is_dir() else []
    flags += ["--from", beside / "data"] if (beside / "data").is_dir() else []
    ran = querygen("test", "--new", tmp_path / path.name, "--rows", 4, *flags)
    made = tmp_path / f"{path.stem}.test.yaml"
    assert (ran.code, ran.text, ran.stderr) == (0, f"{made}\n", "")
    file = read(made)
    assert len(file.content.tests["first pings"].given[file.own_query().plan().table]) <= 4
    update = file.content.tests["first pings"].snapshot
    assert run_test(file, "first pings", Options(update=update)).text == ""
    text = made.read_text()
    assert "TODO" in text
    assert "aaaaaaaa-0000" not in text
    assert querygen("test", "--new", tmp_path / path.name, *flags).code == 2  # never over a file


def test_a_starter_has_the_day_that_last_ends_on(tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text("histogram: GC_MS\nfilters: {submission_date: {last: 3 days}}\n")
    ran = querygen("test", "--new", spec)
    assert ran.code == 1 and "or --today 2020-04-20" in ran.stderr
    ran = querygen("test", "--new", spec, "--today", "2020-04-10", "--rows", 2)
    assert (ran.code, ran.stderr) == (0, "")
    file = read(tmp_path / "spec.test.yaml")
    assert str(file.content.defaults.today) == "2020-04-10"
    assert {str(file.content.defaults.row["submission_date"])} <= {"2020-04-08", "2020-04-09", "2020-04-10"}
    assert run_test(file, "first pings", Options()).text == ""


def test_a_starter_without_rows_writes_nothing(tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text("histogram: GC_MS\nfilters: {submission_date: 1999-01-01}\n")
    ran = querygen("test", "--new", spec)
    assert ran.code == 1 and "no row of the data passes the spec's filters" in ran.stderr
    assert list(tmp_path.iterdir()) == [spec]


def test_a_starter_reads_back_what_real_rows_hold(tmp_path):
    """Real rows through the starter's short form answer as the rows themselves do."""
    spec, data = tmp_path / "spec.yaml", ROOT / "examples" / "kinds" / "data"
    shutil.copy(ROOT / "examples" / "kinds" / "linear.yaml", spec)
    querygen("test", "--new", spec, "--from", data, "--rows", 100)
    file = read(tmp_path / "spec.test.yaml")
    assert len(file.content.tests["first pings"].given["telemetry.main"]) == 3
    assert "null" not in (tmp_path / "spec.test.yaml").read_text()
    rows = file.content.tests["first pings"].expect.rows
    shown = querygen("run", spec, "--data", data, "--format", "json").text
    assert [dict(row) for row in rows] == json.loads(shown)


def test_a_starter_keeps_the_sums_that_pings_state(tmp_path):
    (tmp_path / "rows.ndjson").write_text(
        '{"client_id": "x", "submission_timestamp": "2020-04-20", "payload": {"histograms": '
        '{"gc_ms": "{\\"sum\\": 118, \\"values\\": {\\"1\\": 2, \\"4\\": 0}}"}}}\n'
        '{"submission_timestamp": "2020-04-20", "payload": {"histograms": {"gc_ms": "20;0;9;1,9;1:2"}}}\n'
        '{"client_id": "y", "submission_timestamp": "2020-04-20"}\n'
        '{"submission_timestamp": "2020-04-21", "payload": {"histograms": {"gc_ms": "1"}}}\n'
    )
    spec = tmp_path / "spec.yaml"
    spec.write_text("histogram: GC_MS\nfilters: {submission_date: 2020-04-20}\nmeasure: summary\n")
    assert querygen("test", "--new", spec, "--from", f"telemetry.main={tmp_path / 'rows.ndjson'}").code == 0
    test = read(tmp_path / "spec.test.yaml").content.tests["first pings"]
    assert test.given["telemetry.main"] == (
        {"client_id": "client 1", "hist": {"values": {"1": 2}, "sum": 118}},
        {"hist": "20;0;9;1,9;1:2"},
    )
    assert test.expect.rows == ({"count": 4, "sum": 127.0, "mean": 31.75, "n_clients": 1},)


# ---- pytest -------------------------------------------------------------------------------------

PLUGIN = ["-p", "querygen.pytest_plugin", "-p", "no:cacheprovider"]


@pytest.fixture
def repository(pytester):
    (pytester.path / "gc.test.yaml").write_text(FILE)
    return pytester


def test_pytest_collects_runs_and_tells(repository):
    result = repository.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines([
        "1 of 1 expected rows differs (aligned by percentile)",
        f"    {WRONG}",
        "gc.test.yaml:8: failed",
        'FAILED gc.test.yaml::second, "quoted" - 1 of 1 expected rows differs*',
    ])  # fmt: skip
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*run.py*")


def test_pytest_names_tests_by_line(repository):
    items, _ = repository.inline_genitems(*PLUGIN)
    assert [item.nodeid for item in items] == [
        "gc.test.yaml::first", 'gc.test.yaml::second, "quoted"', "gc.test.yaml::third"
    ]  # fmt: skip
    assert [item.reportinfo()[1] for item in items] == [4, 7, 10]


def test_pytest_writes_snapshots_and_names_unused_ones(repository):
    result = repository.runpytest_inprocess(*PLUGIN, "--querygen-update", "-k", "third")
    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["*querygen snapshots*", "wrote __querygen__/gc/third.yaml"])
    (repository.path / "__querygen__" / "gc" / "old.yaml").write_text("rows: []")
    result = repository.runpytest_inprocess(*PLUGIN, "-k", "third")
    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["unused snapshot: __querygen__/gc/old.yaml; delete it"])


def test_pytest_writes_no_snapshots_in_ci(repository, monkeypatch):
    monkeypatch.setenv("CI", "1")
    result = repository.runpytest_inprocess(*PLUGIN, "--querygen-update")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: error: `--querygen-update` does nothing in CI*"])
    assert not (repository.path / "__querygen__").exists()


def test_pytest_tells_what_is_wrong_with_a_file(repository):
    (repository.path / "gc.test.yaml").write_text(FILE.replace("expect:", "expects:", 1))
    result = repository.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["gc.test.yaml:7:5: error: unknown key `expects` [[]unknown-key[]]", "*expects: {rows*", "*^^^^^^^"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_pytest_keeps_and_chooses_the_engine(repository, monkeypatch):
    asked = []
    run = running.Attached.run
    monkeypatch.setattr(
        "querygen.running.Attached.run", lambda self, sql, engine: (asked.append(engine), run(self, sql))[1]
    )
    flags = ["--querygen-keep", "kept", "--querygen-engine", "googlesql", "-k", "first"]
    repository.runpytest_inprocess(*PLUGIN, *flags).assert_outcomes(passed=1, deselected=2)
    assert asked == ["googlesql"]
    assert (repository.path / "kept" / "gc" / "first.duckdb").exists()


def test_pytest_marks_failures_for_github(repository, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = repository.runpytest_inprocess(*PLUGIN)
    result.stdout.fnmatch_lines(["::error file=gc.test.yaml,line=8,title=second*"])


def in_a_process(folder, *arguments, **variables):
    """pytest in a process of its own, where nothing is imported yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_workers_tell_their_notes(home):
    (home / "specs" / "__querygen__" / "gone").mkdir(parents=True)
    ran = in_a_process(home, "-p", "querygen.pytest_plugin", "-n", "1", "--querygen-update", "-k", "third")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("wrote specs/__querygen__/gc/third.yaml") == 1
    assert ran.stdout.count("unused snapshot: specs/__querygen__/gone; delete it") == 1


def test_the_plugin_costs_nothing_where_there_is_no_test_file(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    loaded = {name for name in sys.modules if name.startswith('querygen')}\n"
        "    assert loaded == {'querygen', 'querygen.pytest_plugin'}\n"
        "    assert not {'duckdb', 'pyarrow', 'pydantic', 'sqlglot'} & set(sys.modules)\n"
    )
    ran = in_a_process(tmp_path, "-p", "querygen.pytest_plugin")
    assert ran.returncode == 0, ran.stdout


def test_the_plugin_is_installed_under_its_module_s_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"querygen.pytest_plugin": "querygen.pytest_plugin"}


# ---- The repository in examples/ci --------------------------------------------------------------


@pytest.fixture
def team(tmp_path):
    return shutil.copytree(ROOT / "examples" / "ci", tmp_path / "ci")


def test_the_team_s_repository_passes_with_pytest_alone(team):
    ran = in_a_process(team, "-p", "querygen.pytest_plugin", CI="true")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "6 passed" in ran.stdout
    assert "snapshots" not in ran.stdout


def test_its_failure_is_what_its_page_says(team, monkeypatch):
    page = (team / "README.md").read_text(encoding="utf-8")
    shown = page.split("$ querygen test failing\n")[1].split("```")[0]
    monkeypatch.chdir(team)
    ran = querygen("test", "failing")
    assert (ran.code, ran.text) == (1, shown)
    failure = textwrap.dedent("\n".join(shown.splitlines()[1:-1]))
    told = in_a_process(team, "-p", "querygen.pytest_plugin", "failing")
    assert told.returncode == 1
    assert failure in told.stdout


def test_its_page_names_what_is_there(team):
    page = (team / "README.md").read_text(encoding="utf-8")
    files = page.split("## When a test fails")[0]
    named = [line.split("`")[1] for line in files.splitlines() if line.startswith("| `")]
    assert len(named) == 8
    assert [name for name in named if not (team / name).exists()] == []
    assert "failing/without-votes.test.yaml" in page and "at line 8" in page
    assert read(team / "failing" / "without-votes.test.yaml").line("a busy client has one vote") == 8


def test_its_page_explains_every_key(team):
    page = (team / "README.md").read_text(encoding="utf-8").split("## The format")[1]
    explained = set(re.findall(r"`(\w+)[`:]", page))
    names = ("CaseFile", "Defaults", "TestCase", "Expectation", "ExpectedError", "RowsFile")
    models = [getattr(model, name) for name in names]
    keys = {field.alias or name for one in models for name, field in one.model_fields.items()}
    assert keys - explained == set()
    assert set(MATCHERS) | set(RECORDED) | {PROCESSES} <= set(re.findall(r"\w+", page))


# ---- Damaged files ------------------------------------------------------------------------------

WHOLE = {
    "spec": {"histogram": "GC_MS", "allow_full_scan": True, "percentiles": [0.5], "dimensions": ["os"]},
    "defaults": {"today": "2020-04-20", "tolerance": {"abs": 0.1}, "row": {"os": "Mac", "hist": {"1": 1}}},
    "fixtures": {"one": {"telemetry.main": [{"client_id": "a", "memory_mb": 4}]}},
    "tests": {
        "first": {
            "given": "one",
            "with": {"filters": {"os": "Mac"}},
            "expect": {
                "key": ["os"],
                "order": "strict",
                "rows": [{"os": "Mac", "value": {"between": [0, 4]}}],
            },
            "expect_cte": {"buckets": {"rows": [{"bucket": 1, "votes": 1}]}},
        },
        "second": {"expect_error": {"code": "no-such", "path": "filters"}},
        "third": {
            "given": {
                "telemetry.main": [
                    {"processes": {"content": {"histograms": {"GC_MS": {"values": {"1": 2}, "sum": 2}}}}},
                    {"submission_date": "2020-04-20", "environment": {"settings": {"locale": "de"}}},
                ]
            },
            "expect": {"rows": []},
        },
    },
}
ANYTHING = st.sampled_from(
    [None, True, 0, -1, 0.5, 2**70, float("nan"), "", "x", "one", [], [[]], {}, {"a": 1}]
)
ANYTHING |= st.text(max_size=3) | st.dates()


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def changed(value, path, change):
    if not path:
        return change
    made = value.copy()
    made[path[0]] = changed(value[path[0]], path[1:], change)
    return made


@settings(max_examples=25)
@given(st.sampled_from(list(places(WHOLE))[1:]), ANYTHING, st.booleans())
def test_any_value_anywhere_is_run_or_told(path, value, is_added):
    where = WHOLE
    for key in path[:-1]:
        where = where[key]
    change = {**where, "added": value} if is_added and isinstance(where, dict) else None
    content = changed(WHOLE, path[:-1], change) if change else changed(WHOLE, path, value)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "any.test.yaml"
        file.write_text(flow(content), encoding="utf-8")
        ran = querygen("test", folder)
    assert ran.code in (0, 1, 2), ran.text + ran.stderr
    if "invalid" in ran.text.splitlines()[-1]:
        assert re.search(r"any\.test\.yaml:\d+:\d+: error: ", ran.text), ran.text
