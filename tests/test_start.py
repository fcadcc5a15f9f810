"""`querygen init`: what it writes is valid, commented, and answered by the built-in sample."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from commandline import querygen
from ruamel.yaml import YAML
from terminal import Session

from querygen.api import catalog_of, load
from querygen.start import QUESTIONS, SCHEMA_FILE, Start, first_spec

ROOT = Path(__file__).parents[1]
SCHEMA = jsonschema.Draft202012Validator(json.loads(querygen("schema").text))
PROBES = ROOT / "examples/glean/probes"
COLUMNS = {
    "percentiles": "value",
    "distribution": "share",
    "summary": "mean",
    "counts": "n_pings",
    "compare": "p_value",
    "rate": "rate",
}


def as_json(text):
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text), default=str))


@pytest.mark.parametrize("source", ["telemetry.main", "firefox_desktop.metrics"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_is_answered_at_once(question, source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrote = querygen("init", "--question", question, "--source", source, "--by", "os", "-o", "first.yaml")
    assert (wrote.code, wrote.text) == (0, "")
    assert "note: first.yaml is written; try `querygen run first.yaml`\n" in wrote.stderr
    checked = querygen("check", "--no-analyze", "first.yaml")
    assert (checked.code, checked.text, checked.stderr) == (0, "first.yaml: ok\n", "")
    ran = querygen("run", "first.yaml", "--format", "json")
    rows = json.loads(ran.text)
    assert ran.code == 0 and {row["os"] for row in rows} >= {"Windows", "Mac"}
    assert all(COLUMNS[question] in row for row in rows)
    text = Path("first.yaml").read_text()
    SCHEMA.validate(as_json(text))
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize("source", ["telemetry.main", "firefox_desktop.metrics"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_only_proposed_is_right_too(question, source, tmp_path):
    """Each line that is commented out can be taken as it is."""
    text = Start(question, source=source).text(catalog_of(None), "a.yaml")
    taken = re.sub(r"(?m)^( *)# (channel|dimensions|confidence):", r"\1\2:", text)
    assert taken.count("#") < text.count("#")
    (tmp_path / "a.yaml").write_text(taken)
    assert load(tmp_path / "a.yaml").sql("duckdb")


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("probe", ["browser.engagement.tab_open_event_count", "GC_MS"])
def test_a_probe_is_asked_about_as_what_it_is(question, probe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrote = querygen("init", "--question", question, "--probe", probe, "-o", "a.yaml")
    assert wrote.code == 0, wrote.stderr
    spec = load("a.yaml").spec
    asked = spec.events if question == "rate" else spec
    assert (asked.histogram, asked.scalar) == ((None, probe) if "." in probe else (probe, None))
    assert load("a.yaml").warnings() == ()


def test_definitions_tell_what_a_probe_is(tmp_path):
    flags = ["--source", "firefox_desktop.metrics", "--probes", PROBES]
    wrote = querygen("init", "--probe", "browser.tabswitch.spinner_visible", *flags)
    assert wrote.code == 0 and "\nhistogram: browser.tabswitch.spinner_visible " in wrote.text
    wrong = querygen("init", "--probe", "browser.tabswitch.spiner_visible", *flags)
    assert (wrong.code, wrong.text) == (1, "")
    assert "a metric with a similar name exists: `browser.tabswitch.spinner_visible`" in wrong.stderr
    unheard = querygen("init", "--probe", "some.made_up_metric", *flags)
    assert "help: name its column path, such as metrics.timing_distribution.some" in unheard.stderr


def test_a_probe_that_the_sample_does_not_have_is_noted_with_the_nearest():
    told = querygen("init", "--probe", "FX_TAB_SWITCH_SPINER_VISIBLE_MS")
    assert told.code == 0
    assert told.stderr.startswith(
        "note: the built-in sample has no `FX_TAB_SWITCH_SPINER_VISIBLE_MS`: run it with --data, if you "
        "didn't mean FX_TAB_SWITCH_SPINNER_VISIBLE_MS"
    )
    other = querygen("init", "--probe", "SOMETHING_ELSE_ENTIRELY")
    assert other.stderr == "note: the built-in sample has no `SOMETHING_ELSE_ENTIRELY`: run it with --data\n"
    assert querygen("init").stderr == ""


def test_flags_are_what_the_spec_says():
    flags = "--question compare --from 2020-04-08 --to 2020-04-09 --by os --by country --channel beta"
    wrote = querygen(
        "init", *flags.split(), "--experiment", "x", "--control", "a", "--branch", "b", "--branch", "c: d"
    )
    spec = as_json(wrote.text)
    assert spec["filters"] == {
        "channel": "beta",
        "submission_date": {"from": "2020-04-08", "to": "2020-04-09"},
    }
    assert "each os" not in wrote.text
    assert (spec["dimensions"], spec["experiment"]) == (["os", "country"], "x")
    assert (spec["control"], spec["branches"]) == ("a", ["b", "c: d"])
    assert spec["measure"] == "compare"
    one_day = as_json(querygen("init", "--from", "2024-01-02").text)["filters"]["submission_date"]
    assert one_day == {"from": "2024-01-02", "to": "2024-01-02"}


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (["--question", "median"], 2, "invalid choice"),
        (["--from", "yesterday"], 2, "`--from yesterday` is no date [bad-flag]"),
        (["--from", "2020-04-20", "--to", "2020-04-06"], 2, "is before 2020-04-20 [bad-flag]"),
        (["--by", "osx"], 1, "[unknown-column]"),
        (["--source", "telemetry.mian"], 1, "[unknown-source]"),
        (["--probe", "x y"], 1, "error"),
    ],
)
def test_mistakes_write_nothing(flags, code, says, tmp_path):
    ran = querygen("init", *flags, "-o", tmp_path / "a.yaml")
    assert (ran.code, ran.text) == (code, "")
    assert says in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_file_is_lost(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("mine")
    ran = querygen("init", "-o", path)
    assert ran.code == 2 and f"{path} exists already [file-exists]" in ran.stderr
    assert path.read_text() == "mine"
    assert not (tmp_path / SCHEMA_FILE).exists()
    assert querygen("init", "-o", path, "--force").code == 0
    assert path.read_text().startswith("# yaml-language-server")


def test_the_schema_that_the_first_line_names_is_beside_it(tmp_path):
    querygen("init", "-o", tmp_path / "a.yaml")
    first = (tmp_path / "a.yaml").read_text().splitlines()[0]
    schema = tmp_path / first.rpartition("=")[2]
    assert schema.read_text() == querygen("schema").text
    schema.write_text("{}")
    ran = querygen("init", "-o", tmp_path / "b.yaml")
    assert f"`querygen schema --output {schema}` writes this one's" in ran.stderr
    assert schema.read_text() == "{}"


def test_a_text_in_the_spec_stays_a_text(tmp_path):
    for nasty in ('a"b', "a: b # c", "- x", "{", "null", "2020-04-20"):
        text, _ = first_spec(
            Start("compare", branches=(nasty,), control="x"), catalog_of(None), tmp_path / "a.yaml"
        )
        assert as_json(text)["branches"] == [nasty]


# --- On a terminal ----------------------------------------------------------------------------------------


def test_asks_for_what_is_missing(tmp_path):
    session = Session("init", "-o", "mine.yaml", cwd=tmp_path)
    session.wait_for("What is asked [percentiles]: ").type("medians")
    session.wait_for("one of percentiles, distribution").type("compare")
    session.wait_for("The probe or metric of telemetry.main [").type("GC_MS")
    session.wait_for("The first day of pings [2020-04-06]: ").type("8 April")
    session.wait_for("a date such as 2020-04-20").type("2020-04-08")
    session.wait_for("The last day [2020-04-20]: ").type("2020-04-01")
    session.wait_for("not before 2020-04-08").type("")
    session.wait_for("An answer for each (such as os, or os build_date) [all together]: ").type("os, country")
    session.wait_for("The experiment's slug [tab-warming-nightly-77]: ").type("")
    session.wait_for("control [control]: ").type("")
    session.wait_for("compare with it [treatment]: ").type("")
    assert session.end() == 0, session.shown
    spec = as_json((tmp_path / "mine.yaml").read_text())
    assert (spec["measure"], spec["histogram"], spec["dimensions"]) == ("compare", "GC_MS", ["os", "country"])
    assert spec["filters"]["submission_date"] == {"from": "2020-04-08", "to": "2020-04-20"}
    assert load(tmp_path / "mine.yaml").warnings() == ()


def test_asks_nothing_that_flags_say(tmp_path):
    session = Session("init", "--question", "counts", "-o", "mine.yaml", cwd=tmp_path)
    assert session.end() == 0
    assert "[percentiles]" not in session.shown
    assert as_json((tmp_path / "mine.yaml").read_text())["measure"] == "counts"


def test_the_end_of_the_input_ends_it(tmp_path):
    session = Session("init", "-o", "mine.yaml", cwd=tmp_path)
    session.wait_for("[percentiles]: ").type("\x04")
    assert session.end() == 2
    assert "[no-answer]" in session.shown and "Traceback" not in session.shown
    assert list(tmp_path.iterdir()) == []
