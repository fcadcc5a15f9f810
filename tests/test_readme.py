"""What the README shows is what happens."""

import re
from pathlib import Path

from commandline import querygen
from ruamel.yaml import YAML

from querygen import Query
from querygen.api import load
from querygen.catalog import catalog
from querygen.show import as_table
from querygen.source import load_text
from querygen.spec import Spec
from querygen.validate import validate

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


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


def test_the_dimensions_compile():
    spec = YAML(typ="safe", pure=True).load(block("yaml", "bands: [4096, 8192]"))
    query = Query(**spec, measure="counts", filters={"submission_date": "2020-04-20"})
    assert {row["machine"] for row in query.run().rows()} == {"small", "mac", None}


def test_every_key_of_the_spec_is_explained():
    table = README.split("| key | meaning |")[1].split("**Filters**")[0]
    explained = {
        name for cell in re.findall(r"^\| (.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", cell)
    }
    assert set(Spec.model_fields) - explained == {"low_data"} and "`low_data: drop`" in table
    assert explained <= set(Spec.model_fields)


def test_the_friendly_dimensions_are_the_source_s():
    text = README.split("**Dimensions** are names (")[1].split(";")[0]
    names = set(re.findall(r"`(\w+)`", text))
    source = catalog().get("telemetry.main")
    assert names == set(source.friendly)


def test_the_filters_in_the_table_are_valid():
    table = README.split("| operator | meaning |")[1].split("A value of")[0]
    for example in re.findall(r"`(\{.*?\})`", table):
        text = (
            example.replace(": a", ": 2020-04-06")
            .replace(": b", ": 2020-04-20")
            .replace("[a, b]", "[2020-04-06]")
        )
        validate(load_text(f"measure: counts\nfilters: {{submission_date: {text}}}", "readme"))


def test_the_test_file_passes(tmp_path):
    (tmp_path / "spinner.yaml").write_text(block("yaml", "# spinner.yaml"))
    (tmp_path / "spinner.test.yaml").write_text(block("yaml", "# spinner.test.yaml"))
    ran = querygen("test", str(tmp_path))
    assert (ran.code, ran.stdout.splitlines()[-1]) == (0, b"1 passed")
