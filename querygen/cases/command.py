"""`querygen test`: finds test files, runs their tests, and reports to people, GitHub and JUnit."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from querygen.atomic import appearing_when_complete
from querygen.cases import snapshots
from querygen.cases.read import SUFFIX, read
from querygen.cases.run import Options, Outcome, run_test
from querygen.errors import QuerygenError, UsageError

# What the process ends with, the worst of all tests.
EXIT_CODES: Mapping[str, int] = {"passed": 0, "failed": 1, "invalid": 2, "error": 3}
_WORDS: Mapping[str, str] = {"failed": "FAILED", "invalid": "INVALID", "error": "ERROR"}


@dataclass(frozen=True)
class Request:
    """What is to be tested, and how.

    Attributes:
        paths: test files, or folders of them.
        only: a part of the name that tests must have.
        options: how they run.
        junit: a file for a report in JUnit's format.
    """

    paths: Sequence[Path]
    options: Options
    only: str = ""
    junit: Path | None = None


def test(request: Request, say: Callable[[str], None]) -> int:
    """Runs tests and says what came of them, line by line.

    Returns:
        0 if all passed, 1 if one failed, 2 if a test or its spec is invalid, 3 if an engine failed.

    Raises:
        UsageError: a path does not exist, there is no test, or snapshots are to be written in CI.
    """
    if request.options.update:
        refuse_in_ci("--update")
    outcomes: list[Outcome] = []
    stray: list[Path] = []
    files = list(find(request.paths))
    for path in files:
        try:
            file = read(path)
        except QuerygenError as error:
            outcomes.append(Outcome(str(path), 1, "", "invalid", str(error)))
            _tell(outcomes[-1], say)
            continue
        stray += snapshots.unused(file)
        for name in file.content.tests:
            if request.only.lower() in name.lower():
                outcomes.append(run_test(file, name, request.options))
                _tell(outcomes[-1], say)
    for folder in dict.fromkeys(path.parent for path in files):
        stray += snapshots.orphans(folder)
    if not outcomes:
        if files:
            help_, message = "give another part of a name", f"no test is called `{request.only}`"
        else:
            help_, message = "`querygen test --new SPEC` writes a first one", f"there is no file *{SUFFIX}"
        raise UsageError.of("no-tests", message, help=help_)
    for line in summary(outcomes, stray):
        say(line)
    if request.junit is not None:
        _write_junit(request.junit, outcomes)
    return max(EXIT_CODES[outcome.status] for outcome in outcomes)


def find(paths: Sequence[Path]) -> Iterator[Path]:
    """The test files at the paths: files themselves, and all in folders that aren't hidden.

    Raises:
        UsageError: a path does not exist, or is no test file.
    """
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob(f"*{SUFFIX}")):
                if not any(part.startswith(".") for part in file.relative_to(path).parts):
                    yield file
        elif not path.exists():
            raise UsageError.of(
                "no-such-file", f"the path {path} does not exist", help="give files or folders"
            )
        elif not path.name.endswith(SUFFIX):
            raise UsageError.of(
                "no-test-file", f"{path} is no test file", help=f"the name of a test file ends in {SUFFIX}"
            )
        else:
            yield path


def refuse_in_ci(flag: str) -> None:
    """Snapshots are for people to read before they are believed, which nobody does in CI.

    Raises:
        UsageError: the variable CI is set.
    """
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        raise UsageError.of(
            "update-in-ci",
            f"`{flag}` does nothing in CI (the variable CI is set)",
            help="write snapshots on your machine, read and commit them",
        )


def summary(outcomes: Sequence[Outcome], stray: Sequence[Path]) -> Iterator[str]:
    """The last lines: snapshots that were written or that nothing uses, and how many tests passed."""
    for path in [path for outcome in outcomes for path in outcome.written]:
        yield f"wrote {path}"
    for path in stray:
        yield f"unused snapshot: {path}; delete it"
    counts = {status: sum(one.status == status for one in outcomes) for status in EXIT_CODES}
    yield ", ".join(f"{count} {status}" for status, count in counts.items() if count)


def annotations(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """GitHub's lines that mark a failure in the pull request, if this is a GitHub workflow."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for outcome in outcomes:
            if outcome.status != "passed":
                title = _escaped(f"{outcome.name or 'test file'}: {outcome.status}", also=":,")
                place = f"file={_escaped(outcome.file, also=':,')},line={outcome.line},title={title}"
                yield f"::error {place}::{_escaped(outcome.text)}"


def _escaped(text: str, also: str = "") -> str:
    """GitHub takes the rest of a line; line breaks and its own signs are written as percent codes."""
    for sign in f"%\r\n{also}":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def _tell(outcome: Outcome, say: Callable[[str], None]) -> None:
    if outcome.status == "passed":
        say(f"passed  {outcome.file}:{outcome.line}  {outcome.name}")
        return
    say(f"{_WORDS[outcome.status]}  {outcome.file}:{outcome.line}  {outcome.name}".rstrip())
    say(outcome.text)
    for line in annotations([outcome]):
        say(line)


def _write_junit(path: Path, outcomes: Sequence[Outcome]) -> None:
    suite = ET.Element(
        "testsuite",
        name="querygen",
        tests=str(len(outcomes)),
        failures=str(sum(one.status == "failed" for one in outcomes)),
        errors=str(sum(one.status in ("invalid", "error") for one in outcomes)),
    )
    for one in outcomes:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=one.file,
            name=one.name or one.file,
            file=one.file,
            line=str(one.line),
        )
        if one.status != "passed":
            kind = "failure" if one.status == "failed" else "error"
            told = ET.SubElement(case, kind, message=one.text.strip().split("\n", 1)[0], type=one.status)
            told.text = "".join(c for c in one.text if c.isprintable() or c == "\n")
    try:
        with appearing_when_complete(path) as partial:
            ET.ElementTree(suite).write(partial, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise UsageError.of(
            "unwritable",
            f"{path} cannot be written: {error.strerror}",
            help="name a file in a folder that is there",
        ) from None
