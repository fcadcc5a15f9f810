"""What became of mutants in earlier runs: a file with a JSON object a line, the last of a mutant counts.

An entry holds as long as what it is about: a mutant that was noticed, until its file changes or the test
which noticed it; a survivor, until its file or any of the tests does. What is excused in writing claims
that no test whatever can tell, so such a survivor is not asked again for new tests.
"""

import ast
import hashlib
import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from mutation_mutants import ROOT, Mutant


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant.

    Attributes:
        killed_by: the test that failed; None where it survived.
        by_rows: whether that was a wrong answer, not an error.
        n_tests: how many tests ran, of how many that reach it.
    """

    mutant: Mutant
    killed_by: str | None
    by_rows: bool
    n_tests: tuple[int, int]


@dataclass(frozen=True)
class Entry:
    """A line of the log.

    Attributes:
        id: of the mutant.
        file: the digest of the file that it changes.
        judge: the digest of the test that noticed it; of a survivor, of all files of tests that were asked.
        killed_by, by_rows, n_tests: of the outcome.
    """

    id: str
    file: str
    judge: str
    killed_by: str | None
    by_rows: bool
    n_tests: tuple[int, int]

    def holds(self, made: Mutant, tests: Sequence[Path], excused: Collection[str]) -> bool:
        """Whether the mutant need not be judged again by the tests."""
        if self.file != digest(ROOT / made.file):
            return False
        if self.killed_by or made.id not in excused:
            return self.judge == _judge(self.killed_by, tests)
        return True

    def outcome(self, made: Mutant) -> Outcome:
        """What became of the mutant, as if it were judged now."""
        return Outcome(made, self.killed_by, self.by_rows, self.n_tests)


def entry_of(outcome: Outcome, tests: Sequence[Path]) -> Entry:
    """The line of an outcome, judged by these files of tests as they are now."""
    made = outcome.mutant
    judge = _judge(outcome.killed_by, tests)
    return Entry(
        made.id, digest(ROOT / made.file), judge, outcome.killed_by, outcome.by_rows, outcome.n_tests
    )


def read(path: Path) -> dict[str, Entry]:
    """The last entry of each mutant; none where there is no such file."""
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        with suppress(json.JSONDecodeError):  # an interrupted run may have ended within its last line
            entry = json.loads(line)
            found[entry["id"]] = Entry(**entry | {"n_tests": tuple(entry["n_tests"])})
    return found


def append(path: Path, entry: Entry) -> None:
    """Writes an entry at once, so that an interrupted run has it."""
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * (file.tell() > 0) + json.dumps(asdict(entry), ensure_ascii=False))


def _judge(killed_by: str | None, tests: Sequence[Path]) -> str:
    if killed_by is None:
        asked = [f"{test.name} {_digest_of(str(test))}" for test in sorted(tests)]
        return hashlib.sha256("\n".join(asked).encode()).hexdigest()[:16]
    return _digest_of(killed_by)  # nothing where it is no test: of a mutant whose process died


def _digest_of(test: str) -> str:
    """Tells a test's text from others, or that of a file of tests."""
    file, _, name = test.partition("::")
    if not name:
        return digest(ROOT / file)
    text = _tests_of(ROOT / file).get(name.partition("[")[0])
    return hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""


@cache
def _tests_of(path: Path) -> dict[str, str]:
    """The text of each function of a file, with its decorators."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {
        node.name: "\n".join(
            lines[min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1 : node.end_lineno]
        )
        for node in ast.parse("\n".join(lines)).body
        if isinstance(node, ast.FunctionDef)
    }


@cache
def digest(path: Path) -> str:
    """Tells a file's text from others; empty where there is no such file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""
