"""Answers: rows for every library, pictures, reports, and where they come from."""

import hashlib
import json
import pickle
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from querygen import VERSION, Answer, EngineError, Query, QuerygenError, Result, UsageError, load
from querygen.report import report
from querygen.show import as_json

ROOT = Path(__file__).parents[1]
MEANS = ROOT / "examples/charts/means-by-os.yaml"
TUTORIAL = ROOT / "examples/tutorial/03-percentiles-of-one-day.yaml"


@pytest.fixture(scope="module")
def means():
    return load(MEANS).run(repeatable=True)


# --- Rows --------------------------------------------------------------------------------------------


def test_an_answer_is_a_result_of_its_query(means):
    assert isinstance(means, Result)
    assert means.query == load(MEANS)
    assert (means.engine, means.origin, means.udfs, means.files) == ("duckdb", "sample", "inline", [])


def test_rows_can_be_counted_and_walked_through(means):
    assert len(means) == means.table.num_rows == 45
    assert list(means) == means.rows() == means.arrow().to_pylist()
    assert bool(means)


def test_the_arrow_stream_can_be_read_twice(means):
    for _ in range(2):
        assert pa.table(means).equals(means.table)
        counted = duckdb.sql("SELECT count(*), sum(n_clients) FROM means").fetchall()
        assert counted == [(45, sum(row["n_clients"] for row in means))]


def test_pandas_and_polars_have_the_same_rows(means):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for _ in range(2):
        frame = means.df()
        assert isinstance(frame, pandas.DataFrame)
        assert frame["n_clients"].tolist() == means.table["n_clients"].to_pylist()
        assert means.pl().to_dicts() == polars.DataFrame(means).to_dicts() == means.rows()
        assert means.pl().schema["submission_date"] == polars.Date


@pytest.mark.parametrize(
    ("module", "call", "says"),
    [
        ("pandas", lambda answer: answer.df(), "pip install 'pandas'"),
        ("polars", lambda answer: answer.pl(), "pip install 'polars'"),
        ("altair", lambda answer: answer.plot().altair(), "pip install 'altair>=6'"),
        ("google.cloud.bigquery", lambda answer: answer.query.cost(object()), "querygen[bigquery]"),
    ],
)
def test_what_is_not_installed_is_named(means, monkeypatch, module, call, says):
    from querygen import extras

    real = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == module else real(name))
    with pytest.raises(EngineError) as caught:
        call(means)
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.message) == ("missing-extra", f"{module} is not installed")
    assert says in finding.help


def test_a_package_that_is_not_there_at_all_is_named():
    from querygen.extras import require

    with pytest.raises(EngineError, match=r"no_such_package\.inside is not installed"):
        require("no_such_package.inside", "it")


def test_answers_are_told_in_short(means):
    text = repr(means)
    assert text.startswith(
        "Summary of FX_TAB_SWITCH_SPINNER_VISIBLE_MS by submission_date and os\n\nsubmission_date"
    )
    assert text.endswith("\n(the first 20 of 45 rows)")
    assert len(text.splitlines()) == 2 + 2 + 20 + 1
    assert repr(load(TUTORIAL).run()).endswith("\n(5 rows)")
    assert repr(Result(means.table, means.plan)) == (
        "Result(45 rows: submission_date, os, count, sum, mean, n_clients)"
    )


def test_an_answer_can_be_pickled(means):
    again = pickle.loads(pickle.dumps(means))
    assert isinstance(again, Answer)
    assert (again.rows(), again.query, again.provenance) == (means.rows(), means.query, means.provenance)


# --- Where the rows are ------------------------------------------------------------------------------


def rows_in(folder):
    file = folder / "telemetry.main.ndjson"
    pings = [
        {"client_id": client, "normalized_os": os, "submission_timestamp": "2020-04-20 10:00:00"}
        for client, os in (("a", "Mac"), ("b", "Mac"), ("c", "Linux"))
    ]
    file.write_text("".join(json.dumps(ping) + "\n" for ping in pings), encoding="utf-8")
    return file


COUNTS = Query(measure="counts", dimensions=["os"], filters={"submission_date": "2020-04-20"})
COUNTED = [{"os": "Linux", "n_clients": 1, "n_pings": 1}, {"os": "Mac", "n_clients": 2, "n_pings": 2}]


def test_of_files(tmp_path):
    file = rows_in(tmp_path)
    content = file.read_bytes()
    for data in (tmp_path, str(tmp_path), [f"telemetry.main={file}"]):
        answer = COUNTS.run(data)
        assert (answer.rows(), answer.origin) == (COUNTED, "files")
        (read,) = answer.provenance.files
        assert (read.name, read.size) == (file.name, len(content))
        assert read.sha256 == hashlib.sha256(content).hexdigest()


def test_files_that_changed_have_no_hash(tmp_path):
    file = rows_in(tmp_path)
    changed, removed = COUNTS.run(tmp_path), COUNTS.run(tmp_path)
    file.write_text(file.read_text() + "\n")
    assert changed.provenance.files[0].sha256 is None
    file.unlink()
    assert removed.provenance.files[0].sha256 is None
    (data,) = [told for term, told in removed.provenance.lines() if term == "Data"]
    assert data.endswith("bytes, changed or removed since it was read")


def test_of_a_connection():
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA telemetry")
    connection.execute(
        "CREATE TABLE telemetry.main AS SELECT * FROM (VALUES ('a', 'Mac'), ('b', 'Mac'), ('c', 'Linux')) "
        "AS t(client_id, normalized_os), (SELECT TIMESTAMPTZ '2020-04-20 10:00:00Z' AS submission_timestamp)"
    )
    answer = COUNTS.run(connection=connection)
    assert (answer.rows(), answer.origin) == (COUNTED, "connection")
    assert ("Data", "the tables of a DuckDB connection, as they were at the run") in answer.provenance.lines()


def test_rows_are_in_one_place():
    with pytest.raises(UsageError) as caught:
        COUNTS.run("here", connection=duckdb.connect())
    assert caught.value.diagnostics[0].message == "`data` and `connection` are given"


@pytest.mark.parametrize(
    "data", [duckdb.connect(), {"telemetry.main": "here"}, [1]], ids=["connection", "dict", "list"]
)
def test_data_is_paths(data):
    for run in (COUNTS.run, COUNTS.verify):
        with pytest.raises(UsageError) as caught:
            run(data)
        assert caught.value.diagnostics[0].code == "bad-data-flag"
        assert "connection=…" in caught.value.diagnostics[0].help


# --- Provenance --------------------------------------------------------------------------------------


def test_provenance_is_that_of_the_report(means):
    found = means.provenance
    assert (found.querygen, found.tables, found.origin, found.files) == (
        VERSION,
        ("telemetry.main",),
        "sample",
        (),
    )
    assert found.packages["duckdb"] == duckdb.__version__
    assert found.spec_sha256 == hashlib.sha256(MEANS.read_bytes()).hexdigest()
    assert found.sql_sha256 == hashlib.sha256(MEANS.with_suffix(".sql").read_bytes()).hexdigest()
    assert found.rows_sha256 == hashlib.sha256(as_json(means)).hexdigest()
    page = report([means])
    for _, told in found.lines():
        assert told in page


def test_provenance_is_of_the_sql_that_was_run():
    answer = load(TUTORIAL).run(udfs="temp")
    sql = load(TUTORIAL).sql(udfs="temp")
    assert answer.provenance.sql_sha256 == hashlib.sha256(sql.encode()).hexdigest()


# --- Pictures and pages ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "begins"),
    [("a.svg", b"<svg"), ("a.png", b"\x89PNG"), ("a.html", b"<!DOCTYPE html>"), ("a.JSON", b"{")],
)
def test_a_picture_is_saved_as_its_name_says(means, tmp_path, name, begins):
    pytest.importorskip("vl_convert")
    means.plot().save(tmp_path / name)
    means.plot().save(str(tmp_path / name))
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "code"), [("a.gif", "bad-flag"), ("none/a.json", "unwritable"), ("a", "bad-flag")]
)
def test_a_picture_that_cannot_be_saved(means, tmp_path, name, code):
    with pytest.raises(UsageError) as caught:
        means.plot().save(tmp_path / name)
    assert caught.value.diagnostics[0].code == code
    assert not list(tmp_path.iterdir())


def test_a_picture_is_vega_lite(means):
    plot = means.plot()
    assert plot.spec["$schema"].endswith("/v6.json")
    plot.spec.clear()  # a copy
    assert plot.spec["description"] == plot.description != ""
    assert means.plot("dark").spec["config"]["background"] != plot.spec["config"]["background"]


def test_altair_has_the_same_picture(means):
    altair = pytest.importorskip("altair")
    made = means.plot().altair()
    assert isinstance(made, altair.TopLevelMixin)
    assert made.to_dict()["description"] == means.plot().description


def test_what_has_no_picture_says_so_at_once(tmp_path):
    rows_in(tmp_path)
    answer = COUNTS.where(os="Windows").run(tmp_path)
    with pytest.raises(QuerygenError) as caught:
        answer.plot()
    assert caught.value.diagnostics[0].code == "nothing-to-draw"


def test_a_report_is_the_one_of_the_command_line(means, tmp_path):
    pytest.importorskip("vl_convert")
    means.report(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == report([means])


# --- What it needs -----------------------------------------------------------------------------------

ALONE = """
import sys

for name in ("pandas", "polars", "altair", "IPython", "vl_convert", "google", "numpy"):
    sys.modules[name] = None
import querygen
for name in querygen.__all__:
    getattr(querygen, name)
query = querygen.Query(measure="counts", dimensions=["os"], filters={"submission_date": "2020-04-20"})
answer = query.by("os", "channel").run()
assert len(answer) and answer.provenance and "<table" in answer._repr_html_() and query._repr_html_()
assert answer.plot().as_bytes(".json")
"""


def test_the_base_needs_nothing_more():
    subprocess.run([sys.executable, "-c", ALONE], cwd=ROOT, check=True, timeout=60)
