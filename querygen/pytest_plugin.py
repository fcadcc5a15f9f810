"""pytest collects `*.test.yaml` files: each of their tests is an item, and its failure says what differs.

Loaded by pytest at its start in whatever project querygen is installed, so nothing of querygen's is imported
before there is a test file.
"""

import os
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from querygen.cases.read import TestFile
    from querygen.cases.run import Options, Outcome

_SUFFIX = ".test.yaml"


class _Notes:
    """What the summary tells at the end: files that were written, or that nothing uses."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.unused: list[str] = []
        self.annotations: list[str] = []


_NOTES = pytest.StashKey[_Notes]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's flags."""
    group = parser.getgroup("querygen", "tests of specs (*.test.yaml)")
    group.addoption("--querygen-update", action="store_true", help="write snapshots anew")
    group.addoption(
        "--querygen-engine",
        choices=["duckdb", "googlesql"],
        default="duckdb",
        help="what answers the specs (duckdb)",
    )
    group.addoption(
        "--querygen-keep",
        metavar="DIR",
        type=Path,
        help="leave each test's SQL there, and a DuckDB file with its tables",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuses to write snapshots in CI."""
    config.stash[_NOTES] = _Notes()
    if config.getoption("querygen_update"):
        from querygen.cases.command import refuse_in_ci
        from querygen.errors import UsageError

        try:
            refuse_in_ci("--querygen-update")
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "SpecTests | None":
    """Takes files that are called `*.test.yaml`."""
    return SpecTests.from_parent(parent, path=file_path) if file_path.name.endswith(_SUFFIX) else None


class SpecTests(pytest.File):
    """A test file."""

    def collect(self) -> Iterator["SpecTest"]:
        """The file's tests.

        Raises:
            CollectError: the file is no test file; with all findings at their places.
        """
        from querygen.cases import snapshots
        from querygen.cases.read import read
        from querygen.errors import QuerygenError

        try:
            file = read(os.path.relpath(self.path, self.config.invocation_params.dir))
        except QuerygenError as error:
            raise self.CollectError(str(error)) from None
        notes = self.config.stash[_NOTES]
        strays = (*snapshots.unused(file), *snapshots.orphans(file.path.parent))
        notes.unused += [str(path) for path in strays if str(path) not in notes.unused]
        for name in file.content.tests:
            yield SpecTest.from_parent(self, name=name, file=file)


class SpecTest(pytest.Item):
    """One test of a test file."""

    def __init__(self, *, file: "TestFile", **more: Any) -> None:
        super().__init__(**more)
        self.file = file

    def runtest(self) -> None:
        """Runs it on the engine asked for.

        Raises:
            NotPassedError: it did not pass.
        """
        from querygen.cases.command import annotations
        from querygen.cases.run import run_test

        outcome = run_test(self.file, self.name, self._options())
        notes = self.config.stash[_NOTES]
        notes.written += map(str, outcome.written)
        notes.annotations += annotations([outcome])
        if outcome.status != "passed":
            raise NotPassedError(outcome)

    def _options(self) -> "Options":
        from querygen.cases.run import Options

        return Options(
            engine=self.config.getoption("querygen_engine"),
            update=self.config.getoption("querygen_update"),
            keep=self.config.getoption("querygen_keep"),
        )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What differs, instead of a traceback."""
        if isinstance(excinfo.value, NotPassedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The file and the line (from 0) that the test begins in."""
        return self.path, self.file.line(self.name) - 1, self.name


class NotPassedError(Exception):
    """A test that failed, or could not run, in words."""

    def __init__(self, outcome: "Outcome") -> None:
        super().__init__(
            f"{textwrap.dedent(outcome.text)}\n\n{outcome.file}:{outcome.line}: {outcome.status}"
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Sends a worker's notes to the process that reports (with pytest-xdist)."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["querygen"] = vars(session.config.stash[_NOTES])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes a worker's notes."""
    notes = node.config.stash[_NOTES]
    for name, lines in getattr(node, "workeroutput", {}).get("querygen", {}).items():
        ours = getattr(notes, name)
        ours += [line for line in lines if line not in ours]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tells which snapshots were written, and which nothing uses."""
    notes = terminalreporter.config.stash[_NOTES]
    lines = [f"wrote {path}" for path in notes.written]
    lines += [f"unused snapshot: {path}; delete it" for path in notes.unused]
    if lines:
        terminalreporter.section("querygen snapshots")
    for line in (*lines, *notes.annotations):
        terminalreporter.line(line)
