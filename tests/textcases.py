"""Cases that stand in a text file: files, a command, and what it prints, word for word.

A case is

    === what is shown
    $ run spec.yaml --data telemetry.main=pings.ndjson      (the usual command where this line is absent)
    --- spec.yaml
    the file's text
    --- pings.ndjson
    …
    --- exit 1
    what is printed
"""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    home: Path
    title: str
    command: str
    usual: str
    files: dict[str, str]
    exit_code: int | None
    printed: str

    def written(self, exit_code: int, printed: str) -> str:
        """The case as it stands in its file, with this outcome."""
        command = "" if self.command == self.usual else f"$ {self.command}\n"
        files = "".join(f"--- {name}\n{text}" for name, text in self.files.items())
        return f"=== {self.title}\n{command}{files}--- exit {exit_code}\n{printed}\n"

    def rewrite(self, exit_code: int, printed: str) -> None:
        """Writes this outcome into the case's file."""
        text = self.home.read_text(encoding="utf-8")
        start = text.index(f"=== {self.title}\n")
        end = text.find("\n=== ", start) + 1 or len(text)
        self.home.write_text(text[:start] + self.written(exit_code, printed) + text[end:], encoding="utf-8")

    def write_files(self, folder: Path) -> None:
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", newline="")


def read_cases(path: Path, usual: str) -> list[Case]:
    """The cases of a file whose usual command is `usual`."""
    cases = []
    for block in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        head, *parts = re.split(r"^--- (.+)\n", block, flags=re.MULTILINE)
        title, _, command = head.strip().partition("\n$ ")
        sections = dict(zip(parts[::2], parts[1::2], strict=True))
        outcome = next((name for name in sections if name.startswith("exit ")), None)
        printed = sections.pop(outcome)[:-1] if outcome else ""
        code = int(outcome.removeprefix("exit ")) if outcome else None
        cases.append(Case(path, title, command or usual, usual, sections, code, printed))
    return cases
