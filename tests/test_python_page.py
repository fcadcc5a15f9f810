"""The page on Python shows what Python prints."""

import doctest
import io
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/python.md"
SESSION = re.compile(r"(?<=```pycon\n)(.*?)(?=```\n)", re.S)
PROGRAM = re.compile(r"```python\n(.*?)```\n", re.S)

for needed in ("pandas", "polars", "vl_convert"):
    pytest.importorskip(needed, reason=f"{needed} is not installed")


def session(block, scope):
    """What is typed in a session, and what is printed after each statement."""
    lines = []
    for example in doctest.DocTestParser().get_examples(block):
        printed = io.StringIO()
        with redirect_stdout(printed), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "displayhook", sys.__displayhook__)
            exec(compile(example.source, "<python.md>", "single"), scope)
        first, *more = example.source.splitlines()
        lines += [f">>> {first}", *(f"... {line}".rstrip() for line in more)]
        lines += printed.getvalue().splitlines()
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


def test_sessions_print_what_the_page_shows(folder, golden):
    scope = {}
    text = PAGE.read_text(encoding="utf-8")
    golden(PAGE, SESSION.sub(lambda found: session(found[1], scope), text))
    assert sorted(file.name for file in folder.iterdir()) == ["examples", "versions.html", "versions.svg"]


def test_the_program_for_bigquery_runs(folder, monkeypatch, capsys):
    bigquery = pytest.importorskip("google.cloud.bigquery", reason="the extra `bigquery` is not installed")
    text = PAGE.read_text(encoding="utf-8")
    scope = {}
    for block in SESSION.findall(text)[:2]:
        session(block, scope)
    here = scope["windows"].run()

    class Client:
        """A client that knows one text."""

        total_bytes_processed = 2_500_000_000

        def query(self, query, job_config=None):
            assert query == scope["windows"].sql()
            return self

        def result(self):
            return self

        def to_arrow(self):
            return here.arrow()

    monkeypatch.setattr(bigquery, "Client", Client)
    (program,) = PROGRAM.findall(text)
    exec(compile(program, "<python.md>", "exec"), scope)
    assert capsys.readouterr().out.endswith("2.5 GB\n")
    assert scope["answer"].rows() == here.rows()


def test_every_verb_is_in_the_table():
    from querygen.builder import Verbs

    table = PAGE.read_text(encoding="utf-8").split("| verb |")[1].split("\n\n")[0]
    verbs = {name for name in vars(Verbs) if not name.startswith("_") and name != "data"}
    assert set(re.findall(r"^\| `(\w+)\(", table, re.M)) == verbs
