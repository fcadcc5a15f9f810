"""What the README shows is what happens."""

import re
from pathlib import Path
from typing import get_args

from commandline import querygen

from querygen.api import load
from querygen.cli.parser import HOMES
from querygen.show import as_table
from querygen.spec import Spec
from querygen.spec_values import Measure

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, containing: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.S)
    (found,) = [text for text in blocks if containing in text]
    return str(found)


def test_the_first_spec_prints_what_it_says(tmp_path):
    path = tmp_path / "spinner.yaml"
    path.write_text(block("yaml", "# spinner.yaml"))
    shown = block("console", "querygen run spinner.yaml").split("\n", 1)[1]
    assert as_table(load(path).run()).decode() == shown


def test_the_python_runs(capsys):
    scope = {}
    exec(block("python", "from querygen import"), scope)
    assert "SELECT" in capsys.readouterr().out
    assert len(scope["result"].rows()) == 2


def test_the_keys_are_those_of_specs():
    table = README.split("| what | keys |")[1].split("\n\n")[0]
    cells = re.findall(r"\| ([^|]*) \|$", table, re.M)
    named = {name for code in re.findall(r"`(.*?)`", " ".join(cells)) for name in re.findall(r"\w+", code)}
    measures = set(get_args(Measure))
    assert measures < named
    assert named - measures - {"none", "client", "client_day"} < set(Spec.model_fields)


def test_every_command_is_listed():
    table = README.split("| command | what it does |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `querygen (\w+)", table, re.M)) == set(HOMES)


def test_every_page_is_listed():
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} - {"docs/README.md"}
    assert pages <= set(re.findall(r"\]\((docs/\w+\.md)\)", README))


def test_the_test_file_passes(tmp_path):
    (tmp_path / "spinner.yaml").write_text(block("yaml", "# spinner.yaml"))
    (tmp_path / "spinner.test.yaml").write_text(block("yaml", "# spinner.test.yaml"))
    ran = querygen("test", str(tmp_path))
    assert (ran.code, ran.stdout.splitlines()[-1]) == (0, b"1 passed")
