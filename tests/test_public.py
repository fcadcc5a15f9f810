"""The public names: each has an example that runs, is typed, and is shown by IPython as it should be."""

import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import querygen
from querygen import Query, QuerygenError

ROOT = Path(__file__).parents[1]
CLASSES = [name for name in querygen.__all__ if inspect.isclass(getattr(querygen, name))]
HOMES = sorted({getattr(querygen, name).__module__ for name in querygen.__all__ if name != "VERSION"})


def test_the_names_are_all_there():
    assert len(set(querygen.__all__)) == len(querygen.__all__)
    assert {name for name in querygen.__all__ if name != "VERSION"} == set(querygen._HOMES) - {
        "load_ipython_extension"
    }
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = querygen.nothing


@pytest.mark.parametrize("home", [*HOMES, "querygen.builder"])
def test_examples_in_documentation_run(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    ran = doctest.testmod(importlib.import_module(home))
    assert ran.failed == 0


# What needs BigQuery or Google's evaluator, or is for the command line.
ELSEWHERE = {"Query.cost", "Query.analyze", "Query.verify", "Query.redash", "Query.checked", "Query.located"}


def public_of(name):
    kind = getattr(querygen, name)
    yield name, kind
    if inspect.isclass(kind):
        for inner, member in inspect.getmembers(kind):
            if not inner.startswith("_") and member.__doc__ and hasattr(str, inner) <= (name != "Sql"):
                yield f"{name}.{inner}", member


def test_every_name_has_an_example():
    found = {
        dotted: bool(doctest.DocTestParser().get_examples(inspect.getdoc(member) or ""))
        for name in querygen.__all__
        if name != "VERSION"
        for dotted, member in public_of(name)
        if dotted == name or inspect.isfunction(member)
    }
    assert {name for name, has in found.items() if not has} <= ELSEWHERE


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_the_types_are_a_user_s():
    """What `make lint` has checked before is not checked again."""
    assert (ROOT / "querygen/py.typed").exists()
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "tests/typed_script.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.stdout == "Success: no issues found in 1 source file\n"


# --- IPython -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        made = interactive.InteractiveShell()
    made.run_line_magic("load_ext", "querygen")
    return made


CELL = "measure: counts\ndimensions: [os]\nfilters: {submission_date: 2020-04-20}\n"
ASKED = Query(measure="counts", dimensions=["os"]).where(submission_date="2020-04-20")


def test_a_cell_of_yaml_is_a_query(shell):
    made = shell.run_cell_magic("querygen", "", CELL)
    assert made.to_yaml() == CELL
    assert made == querygen.load({"measure": "counts", "dimensions": ["os"], "filters": made.data["filters"]})


def test_a_cell_can_be_run_and_named(shell, tmp_path):
    shell.run_cell_magic("querygen", "--run -o answer", CELL)
    assert shell.user_ns["answer"].rows() == shell.user_ns["answer"].query.run().rows()
    (tmp_path / "telemetry.main.ndjson").write_text(
        '{"client_id": "a", "submission_timestamp": "2020-04-20 10:00:00"}\n'
    )
    made = shell.run_cell_magic("querygen", f"--run --data '{tmp_path}'", CELL)
    assert made.rows() == [{"os": None, "n_clients": 1, "n_pings": 1}]


@pytest.mark.parametrize(
    ("line", "cell", "says"),
    [
        ("", "measure: count\n", "cell:1:10: error: `count` is no value of `measure`"),
        ("", "measure: [\n", "cell:2:1: error"),
        ("--runn", CELL, "[bad-flag]"),
        ("--data", CELL, "[bad-flag]"),
    ],
)
def test_mistakes_in_a_cell_are_said_without_a_traceback(shell, capsys, line, cell, says):
    result = shell.run_cell(f"%%querygen {line}\n{cell}")
    assert isinstance(result.error_in_exec, QuerygenError)
    said = "".join(capsys.readouterr())
    assert says in said
    assert "Traceback" not in said


def test_mistakes_in_python_are_said_without_a_traceback(shell, capsys):
    shell.run_cell("from querygen import Query\nQuery(measure='count')")
    said = "".join(capsys.readouterr())
    assert said.splitlines() == [
        "measure: error: `count` is no value of `measure` [unknown-value]",
        "  help: a value with a similar name exists: `counts`",
    ]


def test_ipython_shows_words_svg_and_html(shell):
    shell.run_cell_magic("querygen", "--run -o answer", "# s\n" + CELL)
    answer = shell.user_ns["answer"]
    format_of = shell.display_formatter.format
    for thing in (answer, answer.query, answer.query.sql()):
        data, _ = format_of(thing)
        assert data["text/html"].startswith('<div class="querygen')
        assert data["text/plain"] == repr(thing) or len(repr(thing)) > 200
    data, metadata = format_of(answer.plot())
    assert data["image/svg+xml"].startswith("<svg")
    assert metadata["image/svg+xml"]["alt"] == answer.plot().description
