"""What the pages in docs show is what happens: their commands, specs, pictures and links."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import querygen

from querygen import alerts, comparisons, intervals, permutations, quantiles, row_lints
from querygen.scan import LARGEST_COUNT

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
PICTURES = ROOT / "docs" / "pictures"
BLOCK = re.compile(r"(?<=```console\n)(.*?)(?=```\n)", re.S)
PICTURE = re.compile(r"!\[[^\]]+\]\(pictures/([^)]+)\)")
MADE = {"reference", "codes"}
"""Pages whose specs `test_reference` and `test_explain` compile."""
WITH_COMMANDS = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


def named(page):
    return page.stem


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=named)
def test_every_command_prints_what_its_page_shows(page, tmp_path, monkeypatch, golden):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    text = page.read_text(encoding="utf-8")
    golden(page, BLOCK.sub(Shell().block, text))
    for name in PICTURE.findall(text):
        golden(PICTURES / name, Path(name).read_text(encoding="utf-8"))


class Shell:
    """What a reader types, one command after the other, in a folder that has the examples in it."""

    def __init__(self):
        self.code = 0

    def block(self, block):
        """A block as it should be: its commands, each with what it prints."""
        assert block[0].startswith("$ ")
        typed = [line for line in block[0].splitlines() if line.startswith("$ ")]
        shown = "".join(f"{line}\n{self.printed(line.removeprefix('$ '))}" for line in typed)
        assert self.code == 0, typed[-1]
        return shown

    def printed(self, command):
        """What it prints, notes and warnings first; if it fails, the next command must ask for the code."""
        if command == "echo $?":
            code, self.code = self.code, 0
            return f"{code}\n"
        assert self.code == 0, f"before {command}"
        first, *pipe = command.split(" | ", 1)
        program, *arguments = shlex.split(first)
        if program == "querygen":
            found = querygen(*arguments)
            self.code, out, err = found.code, found.text, found.stderr
        elif program == "pytest":
            plugin = ["-m", "pytest", "-p", "querygen.pytest_plugin", "-p", "no:cacheprovider"]
            out, err = self.other([sys.executable, *plugin, *arguments])
            out = re.sub(r"in \d+\.\d+s", "in 0.10s", out)
        elif program == "python":
            out, err = self.other([sys.executable, *arguments], cwd=ROOT)
        else:
            out, err = self.other(["sh", "-c", first])
        for filters in pipe:
            out, _ = self.other(["sh", "-c", filters], stdin=out)
        return err + out

    def other(self, arguments, *, cwd=None, stdin=""):
        """Any other program, in a process of its own: what it prints, and its errors."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", "COLUMNS": "80"}
        ran = subprocess.run(
            arguments,
            cwd=cwd,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            env=environment,
            check=False,
        )
        self.code = ran.returncode
        return ran.stdout, ran.stderr


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem not in MADE], ids=named)
def test_every_spec_is_the_file_that_it_names(page):
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```\n", text, re.S)
    for block in blocks:
        name, content = block.split("\n", 1)
        file = (ROOT / name.removeprefix("# ")).read_text(encoding="utf-8")
        assert content == re.sub(r"\A(# yaml-language-server: .*\n)+", "", file), name


def test_every_picture_is_on_a_page():
    shown = {name for page in PAGES for name in PICTURE.findall(page.read_text(encoding="utf-8"))}
    assert shown == {path.name for path in PICTURES.iterdir()}


def test_links_lead_somewhere():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([^)#]*)(#[^)]*)?\)", text):
            assert (page.parent / target).exists() or target.startswith("https://"), (page, target)
            if anchor and not target.startswith("https://"):
                there = page.parent / target if target else page
                assert anchor[1:] in anchors(there.read_text(encoding="utf-8")), (page, target, anchor)


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    listed = [f"{name}.md" for name in re.findall(r"\]\((\w+)\.md\)", index)]
    assert sorted(listed) == [page.name for page in PAGES if page.stem != "README"]


def test_tests_that_are_named_are_there():
    for page in PAGES:
        for name, test in re.findall(r"`(tests/\w+\.py)(?:::(\w+))?`", page.read_text(encoding="utf-8")):
            assert f"def {test}" in (ROOT / name).read_text(encoding="utf-8"), (page, name, test)


def test_the_method_has_the_constants_of_the_code():
    page = " ".join((ROOT / "docs" / "method.md").read_text(encoding="utf-8").split())
    said = [
        f"modulo {permutations.PLACES:,}",
        f"max(`cells`/2, {permutations.LEAST_CELLS})",
        f"p ≤ {permutations.SIGNIFICANT}",
        f"one of {2 * comparisons.BINS} quantiles",
        f"(equal up to {float(intervals.TOLERANCE):.0e} of it)".replace("e-0", "e-"),
        f"within {float(intervals.TOLERANCE):.0e} of p has".replace("e-0", "e-"),
        f"{intervals.NOISE}·R²·Σt²",
        f"Below {quantiles.EXACT} events they are exact",
        f"above {row_lints.MOST_SKEWED}",
        f"the n ≥ {alerts.LEAST_BEFORE} versions before it",
    ]
    assert [words for words in said if words not in page] == []
    assert "counts from 1 to 2⁴⁰" in page and LARGEST_COUNT == 2**40


def anchors(text):
    """What GitHub calls a page's headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
