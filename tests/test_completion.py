"""Completion in the shell: asked of a real bash, with what people have typed so far."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commandline import querygen

from querygen.cli import completing
from querygen.cli.completing import files
from querygen.cli.parser import HOMES

ROOT = Path(__file__).parents[1]
REAL = ROOT / "../shared/schemas/main.5.bq.xz"
BASH = shutil.which("bash")
# What bash does when somebody presses Tab at the end of the line.
PRESS_TAB = """
eval "$(querygen completion bash)"
read -r -a COMP_WORDS <<< "$1"
case "$1" in *" ") COMP_WORDS+=("");; esac
COMP_LINE="$1" COMP_POINT=${#1} COMP_TYPE=9 COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p querygen | sed 's/.*-F \\([^ ]*\\).*/\\1/') querygen
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Presses Tab after a line; what is offered."""
    if BASH is None:
        pytest.skip("there is no bash")
    home = tmp_path_factory.mktemp("home")
    (home / "bin").mkdir()
    command = home / "bin" / "querygen"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m querygen "$@"\n')
    command.chmod(0o755)
    environment = {
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(home / "cache"),
        "HOME": str(home),
    }

    def press_tab(line, cwd=ROOT):
        ran = subprocess.run(
            [BASH, "--norc", "-c", PRESS_TAB, "bash", line],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert ran.stderr == ""
        return [word.rstrip() for word in ran.stdout.splitlines() if word]

    press_tab.environment = environment
    return press_tab


def test_commands(shell):
    assert sorted(shell("querygen ")) == sorted(HOMES)
    assert shell("querygen re") == ["render", "report"]


def test_flags_and_their_values(shell):
    assert shell("querygen run --for") == ["--format"]
    assert shell("querygen run --format ") == ["table", "json", "csv", "parquet"]
    assert shell("querygen verify --udfs m") == ["mozfun"]
    assert shell("querygen completion ") == ["bash", "zsh", "fish"]
    assert shell("querygen init --channel n") == ["nightly"]
    assert shell("querygen init --experiment ") == []


def test_files_of_the_right_kind(shell, tmp_path):
    for name in ("a.yaml", "b.json", "c.sql", ".hidden.yaml"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder").mkdir()
    assert shell("querygen render ", tmp_path) == ["a.yaml", "b.json", "folder/"]
    assert shell("querygen check a.yaml ", tmp_path) == ["a.yaml", "b.json", "folder/"]
    assert shell("querygen run a.yaml --output ", tmp_path) == ["a.yaml", "b.json", "c.sql", "folder/"]
    assert shell("querygen render .h", tmp_path) == [".hidden.yaml"]
    assert shell("querygen render nothing/in/there", tmp_path) == []


def test_tables_and_their_files(shell, tmp_path):
    (tmp_path / "main.ndjson").write_text("")
    assert shell("querygen run --data telemetry.m", tmp_path) == ["telemetry.main="]
    # Bash divides words at `=`, so that only what stands after it is offered.
    assert shell("querygen run --data telemetry.main=ma", tmp_path) == ["main.ndjson"]
    assert shell("querygen run --source fire") == ["firefox_desktop.metrics"]


def test_names(shell):
    offered = shell("querygen init --probe FX_TAB")
    assert offered == ["FX_TAB_SWITCH_SPINNER_VISIBLE_LONG_MS", "FX_TAB_SWITCH_SPINNER_VISIBLE_MS"]
    assert shell("querygen init --probe gc_m") == ["GC_MS"]
    glean = "querygen init --source firefox_desktop.metrics"
    assert shell(f"{glean} --probe browser.tabs") == ["browser.tabswitch_spinner_visible"]
    assert shell(f"{glean} --by os") == ["os", "os_version"]
    probes = ROOT / "examples/glean/probes"
    assert "browser.tabswitch.spinner_visible" in shell(f"{glean} --probes {probes} --probe browser.tabs")
    assert shell("querygen catalog MEMORY_") == ["memory_heap_allocated"]


def test_codes_and_specs(shell, tmp_path):
    (tmp_path / "few.yaml").write_text("")
    assert shell("querygen explain few", tmp_path) == ["few-permutations", "few.yaml"]


def test_what_cannot_be_read_offers_nothing(shell, tmp_path):
    (tmp_path / "bad.json").write_text("{")
    for flag in ("telemetry.main=bad.json", "telemetry.main=none.json", "bad.json"):
        assert shell(f"querygen init --schema {flag} --probe G", tmp_path) == []


@pytest.mark.skipif(not REAL.exists(), reason="the production schema is not at ../shared")
def test_names_of_a_production_schema_come_fast(shell):
    line = f"querygen init --schema telemetry.main={REAL} --probe FX_TAB_SWITCH_SPINNER_V"
    found = shell(line)
    assert found == [f"FX_TAB_SWITCH_SPINNER_VISIBLE_{end}" for end in ("LONG_MS", "MS", "TRIGGER")]
    used = []
    for _ in range(3):
        asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
        process = subprocess.Popen(
            [sys.executable, "-m", "querygen"],
            env={**shell.environment, **asked, "_ARGCOMPLETE_STDOUT_FILENAME": os.devnull},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        used.append(usage.ru_utime + usage.ru_stime)
    assert min(used) < 0.3


def test_a_changed_schema_is_read_anew(shell, tmp_path):
    fields = [{"name": "gc_ms", "type": "STRING"}]
    schema = tmp_path / "main.json"

    def written():
        inner = {"name": "histograms", "type": "RECORD", "fields": fields}
        client = {"name": "client_id", "type": "STRING"}
        time_ = {"name": "submission_timestamp", "type": "TIMESTAMP"}
        whole = [client, time_, {"name": "payload", "type": "RECORD", "fields": [inner]}]
        schema.write_text(str(whole).replace("'", '"'))
        return shell(f"querygen init --schema telemetry.main={schema} --probe G")

    assert written() == ["GC_MS"]
    fields.append({"name": "gc_reason_2", "type": "STRING"})
    assert written() == ["GC_MS", "GC_REASON_2"]


def test_a_folder_of_definitions_is_looked_through_once_a_day(tmp_path, monkeypatch):
    state = completing._state(str(tmp_path))
    (tmp_path / "Histograms.json").write_text("{}")
    assert completing._state(str(tmp_path)) == state
    later = time.time() + completing._DAY
    monkeypatch.setattr(completing.time, "time", lambda: later)
    assert completing._state(str(tmp_path)) != state


def test_a_home_folder_stays_as_it_was_typed(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.yaml").write_text("")
    assert files("~/a") == ["~/a.yaml"]


@pytest.mark.parametrize("shell_", ["bash", "zsh", "fish"])
def test_the_script_says_how_to_install_it(shell_):
    ran = querygen("completion", shell_)
    assert ran.code == 0 and ran.text.startswith("# ") and "querygen" in ran.text.splitlines()[0]
    assert "_ARGCOMPLETE" in ran.text
