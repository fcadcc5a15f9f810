"""Ctrl-C and progress: one line while it works, one when it is told to stop, and never half a file."""

import json
import re
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from commandline import querygen
from harness import NEEDS_GOOGLESQL
from terminal import REPOSITORY, Session

from querygen import Query
from querygen.atomic import appearing_when_complete, discard_unfinished
from querygen.cli import entry, output
from querygen.cli.interrupt import Interrupts, interruptible

LONG = """\
histogram: FX_TAB_SWITCH_SPINNER_VISIBLE_MS
experiment: tab-warming-nightly-77
filters: {submission_date: {from: 2020-04-06, to: 2020-04-20}}
measure: compare
control: control
branches: [treatment]
permutations: 100000
"""
DAYS = {"submission_date": {"from": "2020-04-06", "to": "2020-04-20"}}
# What a terminal shows at the end: the line of progress emptied, and one line.
ENDED = re.compile(r"\r\x1b\[Kinterrupted\r\n\Z")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "long.yaml").write_text(LONG)
    return tmp_path


@pytest.fixture
def pings(folder):
    ping = {
        "type": "main",
        "clientId": "c0ffeec0-ffee-c0ff-eec0-ffeec0ffeec0",
        "creationDate": "2020-04-20T10:00:00.000Z",
        "payload": {"info": {}, "histograms": {"GC_MS": {"values": {"1": 2}}}},
    }
    (folder / "pings.ndjson").write_text(f"{json.dumps(ping)}\n" * 150_000)
    return folder


def stopped(folder, *arguments, at):
    """Ctrl-C after the text is shown: the command ends at once, says so, and leaves nothing behind."""
    before = sorted(path.name for path in folder.iterdir())
    session = Session(*arguments, cwd=folder).wait_for(at, 120)
    pressed = time.monotonic()
    code = session.press_ctrl_c().end()
    assert (code, bool(ENDED.search(session.shown))) == (130, True), session.shown
    assert "Traceback" not in session.shown and "error" not in session.shown
    assert time.monotonic() - pressed < 10
    assert sorted(path.name for path in folder.iterdir()) == before


def test_ingest_stops(pings):
    stopped(pings, "ingest", "pings.ndjson", "-o", "rows.ndjson", at=" pings")


def test_sample_stops(folder):
    stopped(folder, "sample", "--pings", "600000", "-o", ".", at=" of 600,000 pings")


@pytest.mark.parametrize("command", [["run"], ["run", "-o", "rows.txt"], ["report", "-o", "report.html"]])
def test_a_run_stops(folder, command):
    stopped(folder, *command, "long.yaml", at="running the query")


@NEEDS_GOOGLESQL
def test_googles_evaluator_stops_in_the_middle(folder):
    stopped(folder, "run", "--engine", "googlesql", "long.yaml", at="running the query: ")


@NEEDS_GOOGLESQL
def test_verify_stops(folder):
    stopped(folder, "verify", "long.yaml", at="1 of 1: long.yaml")


def started(folder, *arguments):
    """A process whose output goes into pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "querygen", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": ""},
    )


def test_a_pipe_gets_one_line_and_no_escape(pings):
    process = started(pings, "ingest", "pings.ndjson", "-o", "rows.parquet")
    until = time.monotonic() + 60
    while not list(pings.glob(".rows.parquet.*.partial")):  # it is at work
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.02)
    process.send_signal(2)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout, stderr) == (130, b"", b"interrupted\n")
    assert list(pings.glob("*rows*")) == [] and list(pings.glob(".*")) == []


def test_what_was_there_is_kept(pings):
    (pings / "rows.ndjson").write_text("mine")
    stopped(pings, "ingest", "pings.ndjson", "-o", "rows.ndjson", at=" pings")
    assert (pings / "rows.ndjson").read_text() == "mine"


def test_who_is_to_ignore_ctrl_c_does():
    ignoring = (
        "import signal, os, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from querygen.cli.interrupt import interruptible\n"
        "with interruptible() as interrupts:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    sys.exit(7 if not interrupts.came else 1)\n"
    )
    ran = subprocess.run([sys.executable, "-c", ignoring], cwd=REPOSITORY, check=False, timeout=60)
    assert ran.returncode == 7


def test_an_engines_error_about_an_interrupt_is_one():
    """Engines make errors of their own of it: DuckDB's is a RuntimeError."""
    failing = (
        "import os, signal, sys\n"
        "import querygen.cli.entry as entry\n"
        "def call():\n"
        "    try: os.kill(os.getpid(), signal.SIGINT); signal.pause()\n"
        "    except KeyboardInterrupt: raise RuntimeError('Query interrupted') from None\n"
        "entry._call = call\n"
        "entry.main()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", failing], cwd=REPOSITORY, capture_output=True, check=False, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (130, b"interrupted\n")


def test_a_command_leaves_no_thread_and_no_handler_behind():
    import signal
    import threading

    before = (threading.active_count(), signal.getsignal(signal.SIGINT))
    with interruptible() as interrupts:
        assert signal.getsignal(signal.SIGINT) is not before[1]
        assert threading.active_count() == before[0] + 1
    assert (threading.active_count(), signal.getsignal(signal.SIGINT)) == before
    assert not interrupts.came


def test_unfinished_files_are_known_until_they_are_finished(tmp_path):
    with appearing_when_complete(tmp_path / "a") as partial:
        partial.write_text("half")
        discard_unfinished()
        assert not partial.exists()
        partial.write_text("whole")
    discard_unfinished()
    assert (tmp_path / "a").read_text() == "whole"


# --- Progress ---------------------------------------------------------------------------------------------


def test_progress_is_gone_before_anything_else_is_written(folder):
    (folder / "bad.yaml").write_text(
        "histogram: GC_MS\nfilters: {submission_date: 2020-04-20}\ndimensions: [oss]\n"
    )
    (folder / "good.yaml").write_text("measure: counts\nfilters: {submission_date: 2020-04-20}\n")
    session = Session("check", "--no-analyze", "good.yaml", "bad.yaml", cwd=folder)
    assert session.end() == 1
    lines = session.shown.split("\r\n")
    assert lines[0] == "\r\x1b[K1 of 2: good.yaml\r\x1b[Kgood.yaml: ok"
    assert lines[1].startswith("\r\x1b[K2 of 2: bad.yaml\r\x1b[Kbad.yaml:3:14: error: ")


def test_a_run_on_a_terminal_ends_with_its_answer_alone(folder):
    (folder / "long.yaml").write_text(LONG.replace("100000", "3000"))
    session = Session("run", "long.yaml", "--format", "csv", cwd=folder)
    assert session.end() == 0
    assert "running the query" in session.shown
    shown = [line.rpartition("\x1b[K")[2] for line in session.shown.replace("\r\n", "\n").split("\n")]
    assert [line for line in shown if "running" in line or "reading" in line] == []
    assert [line.split(",")[0] for line in shown if "," in line][-2:] == ["branch", "treatment"]


def test_emit_shows_how_far_its_run_is(folder):
    example = REPOSITORY / "examples/stmo/buckets-by-os.yaml"
    session = Session("emit", "redash-json", example, "--data-source", "1", cwd=folder)
    assert session.end() == 0
    assert "reading the data: " in session.shown.split("{")[0]
    assert session.shown.split("{")[0].endswith("\r\x1b[K")


@pytest.mark.parametrize("variable", [{"CI": "true"}, {"TERM": "dumb"}])
def test_is_quiet_where_nobody_looks(monkeypatch, variable):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("CI", "")
    monkeypatch.setenv("TERM", "xterm")
    assert output.is_terminal()
    for name, value in variable.items():
        monkeypatch.setenv(name, value)
    assert not output.is_terminal()


def test_a_pipe_is_quiet(folder):
    (folder / "counts.yaml").write_text("measure: counts\nfilters: {submission_date: 2020-04-20}\n")
    ran = querygen("check", "--no-analyze", folder / "counts.yaml")
    assert (ran.code, ran.stderr) == (0, "")


def test_a_run_tells_what_it_does_and_how_far_it_is():
    told = []
    query = Query(
        histogram="FX_TAB_SWITCH_SPINNER_VISIBLE_MS",
        experiment="tab-warming-nightly-77",
        filters=DAYS,
        measure="compare",
        control="control",
        branches=["treatment"],
        permutations=4000,
    )
    rows = query.run(progress=lambda what, share: told.append((what, share)), repeatable=True).rows()
    assert rows == query.run(repeatable=True).rows()
    assert {what for what, _ in told} <= {"reading the data", "running the query"}
    assert told and all(share is None or 0 <= share <= 1 for _, share in told)


def test_a_line_is_no_longer_than_the_terminal(folder):
    long_name = folder / f"{'x' * 90}.yaml"
    long_name.write_text("measure: counts\nfilters: {submission_date: 2020-04-20}\n")
    session = Session("check", "--no-analyze", long_name.name, cwd=folder, columns=40)
    assert session.end() == 0
    shown = session.shown.split("\r\x1b[K")[1]
    assert len(shown) == 39 and shown.startswith("1 of 1: xxx")


def test_the_last_moment_is_no_traceback(monkeypatch, capsys):
    @contextmanager
    def late():
        yield Interrupts()
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "interruptible", late)
    monkeypatch.setattr(sys, "argv", ["querygen", "udfs"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "interrupted\n")
