"""Every error as its user reads it: the cases of `errors/*.txt`, word for word.

A case is

    === what is wrong
    $ run spec.yaml --data telemetry.main=pings.ndjson      (`check spec.yaml` where this line is absent)
    --- spec.yaml
    the file's text
    --- pings.ndjson
    …
    --- exit 1
    what stands on stderr

`pytest --update-goldens` writes the last part anew; read it aloud before you keep it.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from commandline import querygen

FOLDER = Path(__file__).parent / "errors"
SCHEMA = Path(__file__).parents[2] / "shared" / "schemas" / "main.5.bq.xz"


@dataclass(frozen=True)
class Case:
    home: Path
    title: str
    command: str
    files: dict[str, str]
    exit_code: int | None
    stderr: str

    def written(self, exit_code: int, stderr: str) -> str:
        """The case as it stands in its file, with this outcome."""
        command = "" if self.command == "check spec.yaml" else f"$ {self.command}\n"
        files = "".join(f"--- {name}\n{text}" for name, text in self.files.items())
        return f"=== {self.title}\n{command}{files}--- exit {exit_code}\n{stderr}\n"


def read_cases(path: Path) -> list[Case]:
    cases = []
    for block in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        head, *parts = re.split(r"^--- (.+)\n", block, flags=re.MULTILINE)
        title, _, command = head.strip().partition("\n$ ")
        sections = dict(zip(parts[::2], parts[1::2], strict=True))
        outcome = next((name for name in sections if name.startswith("exit ")), None)
        stderr = sections.pop(outcome)[:-1] if outcome else ""
        code = int(outcome.removeprefix("exit ")) if outcome else None
        cases.append(Case(path, title, command or "check spec.yaml", sections, code, stderr))
    return cases


CASES = [case for path in sorted(FOLDER.glob("*.txt")) for case in read_cases(path)]


def outcome_of(case: Case, folder: Path, monkeypatch) -> tuple[int, str]:
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="")
    monkeypatch.chdir(folder)
    ran = querygen(*shlex.split(case.command.replace("$SCHEMA", str(SCHEMA))))
    return ran.code, ran.stderr.replace(str(folder), "FOLDER")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.home.stem}: {case.title}")
def test_reads_word_for_word(case, tmp_path, monkeypatch, request):
    if "$SCHEMA" in case.command and not SCHEMA.exists():
        pytest.skip("the production schema is not here")
    code, stderr = outcome_of(case, tmp_path, monkeypatch)
    if request.config.getoption("--update-goldens"):
        text = case.home.read_text(encoding="utf-8")
        start = text.index(f"=== {case.title}\n")
        end = text.find("\n=== ", start) + 1 or len(text)
        case.home.write_text(text[:start] + case.written(code, stderr) + text[end:], encoding="utf-8")
        return
    assert stderr == case.stderr
    assert code == case.exit_code


def test_titles_are_unique():
    titles = [(case.home, case.title) for case in CASES]
    assert len(set(titles)) == len(titles)
