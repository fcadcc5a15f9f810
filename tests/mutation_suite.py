"""The tests that must notice a mutant, run in forked copies of one process that has everything loaded.

Pytest collects once. Then each test runs alone to learn how long it takes and what it reaches: which stages
it renders, which functions of udfs/, which lines of the modules that make nodes. For a mutant, a copy of the
process puts it into effect and runs the tests that reach it, the likeliest to fail first, until one fails.
What Google's evaluator, the slower engine, answered to the same text on the same rows is kept from before.

The tests are those that execute queries and hold the rows against an independent expectation. Expected texts
don't count ("goldens show stability, executions show truth"), and what is drawn at random only adds to them.
"""

import gc
import hashlib
import os
import pickle
import re
import select
import signal
import sys
import tempfile
import time
import traceback
import types
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from _pytest.runner import runtestprotocol
from mutation_effect import take_effect
from mutation_mutants import ROOT, Mutant

import querygen
from querygen import render
from querygen.engines import googlesql
from querygen.plan import Stage
from querygen.udfs import Udf, load_udf, load_udfs

# A file of tests executes if it has rows of a spec, or answers of functions; and these, in ways of their own.
_TAKES_ROWS = re.compile(r"\b(?:rows_of|answer_of)\(|^from udf_calls import", re.MULTILINE)
_OTHERS = ("examples", "recordings", "refused", "scalars", "spec")
_LONGEST = 300  # seconds until a copy of the process is ended: it is in an endless loop


@dataclass(frozen=True)
class Reached:
    """What a test does without a mutation.

    Attributes:
        files: templates and bodies of UDFs.
        lines: of modules.
        stages: that it renders, each with whether it is the last one, by their text.
    """

    passed: bool
    seconds: float
    files: frozenset[str]
    lines: frozenset[tuple[str, int]]
    stages: dict[str, tuple[Stage, bool]]


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


@dataclass(eq=False)
class Suite:
    """A plugin of pytest that runs mutants instead of tests.

    Attributes:
        seconds: after which no further test of a mutant is begun.
        outcomes: of all mutants, after the run.
        left_out: tests that fail as things are.
    """

    mutants: Sequence[Mutant]
    workers: int
    seconds: float
    progress: Callable[[int, int], None]
    outcomes: list[Outcome] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be collected would be missed in silence."""
        if report.failed:
            self.problems.append(report.longreprtext)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keeps the tests that execute, always the same."""
        items[:] = [item for item in items if _executes(item)]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs all mutants."""
        if self.problems:
            return True
        _warm()
        reached = _reached(session.items, self.workers)
        self.left_out = [item.nodeid for item in session.items if not reached[item.nodeid].passed]
        passing = [item for item in session.items if reached[item.nodeid].passed]
        try:
            self.outcomes = list(self._run(passing, reached))
        except RuntimeError as error:
            self.problems.append(str(error))
        return True

    def _run(self, items: Sequence[pytest.Item], reached: dict[str, Reached]) -> Iterator[Outcome]:
        kills: dict[object, Counter[str]] = defaultdict(Counter)  # of a file, and of a place in it
        running: list[_Child] = []
        waiting = list(self.mutants)
        done = 0
        while waiting or running:
            while waiting and len(running) < self.workers:
                made = waiting.pop(0)
                near = [item for item in items if _reaches(reached[item.nodeid], made)]
                known, here = kills[made.file], kills[_place(made)]
                near.sort(key=lambda i: -(known[i.nodeid] + 0.1) / (reached[i.nodeid].seconds + 0.02))
                near.sort(key=lambda i: -here[i.nodeid])
                work = partial(_judge, made, near, reached, self.seconds)
                running.append(_Child(work, made))
            for child in _finished(running):
                outcome = child.result or Outcome(
                    child.about, "(the process died, or its time was over)", False, (0, 0)
                )
                if outcome.killed_by:
                    kills[outcome.mutant.file][outcome.killed_by] += 1
                    kills[_place(outcome.mutant)][outcome.killed_by] += 1
                done += 1
                self.progress(done, len(self.mutants))
                yield outcome


def _place(made: Mutant) -> tuple[object, ...]:
    """What mutants share that the same tests notice: the line, or the lines that use it."""
    return (made.file, made.reach or made.line)


def executing_tests() -> list[Path]:
    """The files of tests that execute queries, or hold a spec to be refused."""
    return [
        path
        for path in sorted((ROOT / "tests").glob("test_*.py"))
        if _TAKES_ROWS.search(path.read_text(encoding="utf-8")) or path.stem.removeprefix("test_") in _OTHERS
    ]


def _executes(item: pytest.Item) -> bool:
    function = getattr(item, "function", None)
    is_random = getattr(function, "is_hypothesis_test", False)
    return not is_random and "golden" not in getattr(item, "fixturenames", ())


def _warm() -> None:
    """What every copy of the process needs, loaded before it is copied. DuckDB has threads, so not here."""
    with suppress(querygen.QuerygenError):
        googlesql.run("SELECT 1 AS one", {})
    from harness import query

    for defined in (False, True):
        query({"measure": "counts", "allow_full_scan": True}, defined).checked()
    googlesql.run = _remembered  # type: ignore[assignment]
    gc.collect()
    gc.freeze()


_answers: dict[bytes, pa.Table] = {}
_evaluate = googlesql.run


def _remembered(sql: str, tables: Mapping[str, pa.Table], functions: Sequence[Udf] = ()) -> pa.Table:
    """Evaluates, unless the same was evaluated before."""
    asked = (sql, sorted(tables.items()), [udf.bigquery for udf in functions])
    key = hashlib.sha256(pickle.dumps(asked)).digest()
    if key not in _answers:
        _answers[key] = _evaluate(sql, tables, functions)
    return _answers[key]


# ---- Copies of the process -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Broken:
    """What went wrong, not with a test, but with the run itself."""

    words: str


class _Child:
    """A copy of this process that works something out and ends."""

    def __init__(self, work: Callable[[], Any], about: Any) -> None:
        self.about, self.result = about, None
        self._read, written = os.pipe()
        self._began, self._received = time.monotonic(), b""
        self._pid = os.fork()
        if not self._pid:
            os.close(self._read)
            try:
                os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.mkdtemp()  # what tests write is no one else's
                answer = work()
            except BaseException:  # whatever it is, the process ends here
                answer = _Broken(traceback.format_exc())
            with os.fdopen(written, "wb") as pipe:
                pipe.write(pickle.dumps(answer))
            os._exit(0)
        os.close(written)

    def fileno(self) -> int:
        return self._read

    def ended(self) -> bool:
        """Takes what has arrived; whether that was all."""
        received = os.read(self._read, 1 << 20)
        self._received += received
        if received:
            return False
        self._close()
        self.result = pickle.loads(self._received) if self._received else None
        if isinstance(self.result, _Broken):
            raise RuntimeError(f"{self.about}: {self.result.words}")  # noqa: TRY004 no wrong type, a failure
        return True

    def ended_late(self) -> bool:
        """Ends it after its time."""
        if time.monotonic() - self._began < _LONGEST:
            return False
        os.kill(self._pid, signal.SIGKILL)
        self._close()
        return True

    def _close(self) -> None:
        os.close(self._read)
        os.waitpid(self._pid, 0)


def _finished(running: list[_Child]) -> Iterable[_Child]:
    ready, _, _ = select.select(running, [], [], 1)
    ended = [child for child in running if (child.ended() if child in ready else child.ended_late())]
    for child in ended:
        running.remove(child)
    return ended


# ---- What a test reaches ---------------------------------------------------------------------------------


def _reached(items: Sequence[pytest.Item], workers: int) -> dict[str, Reached]:
    """What each test reaches, run without a mutation."""
    running = [_Child(partial(_trace_all, items[start::workers]), "the tests") for start in range(workers)]
    found: dict[str, Reached] = {}
    while running:
        select.select(running, [], [])
        for child in [child for child in running if child in select.select(running, [], [], 0)[0]]:
            if child.ended():
                running.remove(child)
                reached, answers = child.result
                found |= reached
                _answers.update(answers)
    return found


def _trace_all(items: Sequence[pytest.Item]) -> tuple[dict[str, Reached], dict[bytes, pa.Table]]:
    return {item.nodeid: _trace(item) for item in items}, _answers


def _trace(item: pytest.Item) -> Reached:
    files: set[str] = set()
    lines: set[tuple[str, int]] = set()
    rendered: list[tuple[Stage, bool]] = []
    package, templates = f"{ROOT / 'querygen'}{os.sep}", f"{ROOT / 'templates'}{os.sep}"

    def in_module(frame: types.FrameType, event: str, _: object) -> Any:
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
        return in_module

    def called(frame: types.FrameType, _event: str, _: object) -> Any:
        name = frame.f_code.co_filename
        if name.startswith(templates):
            files.add(name)
        elif name.startswith(package):
            body = {"_body": "bigquery.sql", "_duckdb_body": "duckdb.sql"}.get(frame.f_code.co_name)
            if body:
                files.add(str(load_udf(frame.f_locals["call"].function).folder / body))
            if frame.f_code is render._part.__code__:
                rendered.append((frame.f_locals["stage"], frame.f_locals["last"]))
            return in_module
        elif frame.f_code.co_name in ("call", "answers_to_texts") and "engine" in frame.f_locals:
            files.update(_bodies(frame.f_locals))
        return None

    began = time.process_time()
    sys.settrace(called)
    try:
        passed = not _failure(item)
    finally:
        sys.settrace(None)
    seconds = time.process_time() - began
    stages = {_text_of(stage, last): (stage, last) for stage, last in rendered}
    return Reached(passed, seconds, frozenset(files), frozenset(lines), stages)


def _text_of(stage: Stage, last: bool) -> str:
    return str(render._part(stage, render._environment(), last=last).body)


def _bodies(calling: dict[str, Any]) -> list[str]:
    """The bodies that a test of UDFs calls: of the function that it names, or else of any."""
    name = calling.get("name")
    udfs = [load_udf(name)] if name else load_udfs().values()
    return [str(udf.folder / f"{_dialect(calling['engine'])}.sql") for udf in udfs]


def _dialect(engine: str) -> str:
    return "duckdb" if engine == "duckdb" else "bigquery"


def _reaches(reached: Reached, made: Mutant) -> bool:
    path = str(ROOT / made.file)
    if not path.endswith(".py"):
        return path in reached.files
    if made.reach:
        return any((path, line) in reached.lines for line in made.reach)
    return any(file == path for file, _ in reached.lines)


# ---- A mutant judged -------------------------------------------------------------------------------------


def _judge(
    made: Mutant, items: Sequence[pytest.Item], reached: dict[str, Reached], seconds: float
) -> Outcome:
    """Runs the tests until one fails, or the time is over."""
    take_effect(made)
    if made.file.startswith("templates/stages/"):
        items = [item for item in items if _changes_text(reached[item.nodeid], Path(made.file).name)]
    end = time.process_time() + seconds
    for count, item in enumerate(items, 1):
        if failure := _failure(item):
            by_rows = failure.startswith(("assert", "AssertionError", "Failed"))
            return Outcome(made, item.nodeid, by_rows, (count, len(items)))
        if time.process_time() > end:
            return Outcome(made, None, False, (count, len(items)))
    return Outcome(made, None, False, (len(items), len(items)))


def _changes_text(reached: Reached, template: str) -> bool:
    """Whether one of the stages that a test renders by this template is another text now."""
    for text, (stage, last) in reached.stages.items():
        if f"{stage.name}.sql.j2" == template:
            try:
                if _text_of(stage, last) != text:
                    return True
            except Exception:  # an error is another text, too
                return True
    return False


def _failure(item: pytest.Item) -> str:
    """What the test says when it fails, else nothing. Its time is limited by that of the process."""
    for report in runtestprotocol(item, log=False, nextitem=None):
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            return str(getattr(crash, "message", None) or "error")
    return ""


def run(
    mutants: Sequence[Mutant],
    tests: Sequence[Path],
    workers: int,
    seconds: float,
    progress: Callable[[int, int], None],
) -> Suite:
    """Collects the tests and judges the mutants."""
    suite = Suite(mutants, workers, seconds, progress)
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder  # also of copies that are ended before they tidy up
        flags = ["-o", "addopts=", "-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:xdist", "-s"]
        # querygen's own plugin, where it is installed, was imported before pytest could rewrite its asserts.
        flags += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        pytest.main([*flags, f"--rootdir={ROOT}", *map(str, tests)], [suite])
        tempfile.tempdir = None
    gc.unfreeze()
    return suite
