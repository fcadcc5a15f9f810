"""What the pages in docs show is what happens."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import querygen

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"(?<=```console\n)(.*?)(?=```\n)", re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_prints_what_its_page_shows(page, tmp_path, monkeypatch, golden):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    text = page.read_text(encoding="utf-8")
    assert BLOCK.search(text)
    golden(page, BLOCK.sub(lambda block: "".join(map(ran, commands(block[0]))), text))


def commands(block):
    """The lines of a block that are typed; the others are what is printed."""
    typed = [line for line in block.splitlines() if line.startswith("$ ")]
    assert block.startswith("$ ")
    return typed


def ran(line):
    """A command, and what it prints: notes and warnings come first."""
    program, *arguments = shlex.split(line.removeprefix("$ "))
    if program == "python":
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return f"{line}\n{done.stdout}"
    assert program == "querygen"
    found = querygen(*arguments)
    assert found.code == 0, line
    return f"{line}\n{found.stderr}{found.text}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_spec_is_the_file_that_it_names(page):
    specs = re.findall(r"```yaml\n# (\S+)\n(.*?)```\n", page.read_text(encoding="utf-8"), re.S)
    assert specs or "```yaml" not in page.read_text(encoding="utf-8")
    for name, spec in specs:
        modeline, _, text = (ROOT / name).read_text(encoding="utf-8").partition("\n")
        assert modeline.startswith("# yaml-language-server: ")
        assert text == spec


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists() or target.startswith("https://"), (page, target)
