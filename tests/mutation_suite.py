"""The tests that must notice a mutant, run in forked copies of one process that has everything loaded.

Pytest collects once. Then each test runs alone to learn how long it takes and what it reaches: which stages
it renders, which functions of udfs/, which lines of the modules that make nodes. For a mutant, a copy of the
process puts it into effect and runs the tests that reach it, the likeliest to fail first, until one fails.
What Google's evaluator, the slower engine, answered to the same text on the same rows is kept from before.

The tests are those that execute queries and hold the rows against an independent expectation. Expected texts
don't count ("goldens show stability, executions show truth"), and what is drawn at random only adds to them.
"""

import gc
import os
import pickle
import re
import resource
import select
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mutation_effect import take_effect
from mutation_log import Outcome
from mutation_mutants import ROOT, Mutant
from mutation_reach import Reached, Stages, answers, failure_of, keep, kept, remembered, text_of, trace_all

import querygen
from querygen import render
from querygen.engines import googlesql

# A file of tests executes if it has rows of a spec, or answers of functions; and these, in ways of their own.
_TAKES_ROWS = re.compile(r"\b(?:rows_of|answer_of)\(|^from udf_calls import", re.MULTILINE)
_OTHERS = ("emit", "examples", "recordings", "refused", "scalars", "spec")
_AT_ONCE = 25  # tests whose reach one copy of the process learns
_LONGEST = 300  # seconds of work until a copy of the process is ended: it is in an endless loop


@dataclass(eq=False)
class Suite:
    """A plugin of pytest that runs mutants instead of tests.

    Attributes:
        tests: the files that are collected.
        seconds: after which no further test of a mutant is begun.
        reach: a file that keeps what each test reaches, for the next run.
        before: the tests that noticed mutants in an earlier run, by the mutants' ids.
        judged: is told each outcome at once.
        progress: is told what is done, how much of it, and of how much.
        outcomes: of all mutants, after the run.
        left_out: tests that fail as things are.
    """

    mutants: Sequence[Mutant]
    tests: Sequence[Path]
    workers: int
    seconds: float
    reach: Path | None
    before: Mapping[str, str]
    judged: Callable[[Outcome], None]
    progress: Callable[[str, int, int], None]
    outcomes: list[Outcome] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _reached: dict[str, Reached] = field(default_factory=dict)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Failures are short, which saves half of their time."""
        config.option.tbstyle = "line"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be collected would be missed in silence."""
        if report.failed:
            self.problems.append(report.longreprtext)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keeps the tests that execute, always the same."""
        items[:] = [item for item in items if _executes(item)]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs all mutants: first each by the test that noticed it before, the others by all tests."""
        if self.problems or not session.items:
            return True
        _warm()
        for found, answered in kept(self.reach):
            self._reached |= found
            answers.update(answered)
        by_name = {item.nodeid: item for item in session.items}
        again = [made for made in self.mutants if self.before.get(made.id) in by_name]
        try:
            self._learn([by_name[name] for name in {self.before[made.id] for made in again}])
            self._judge_all(again, [[by_name[self.before[made.id]]] for made in again], survivors=False)
            noticed = {outcome.mutant.id for outcome in self.outcomes}
            rest = [made for made in self.mutants if made.id not in noticed]
            if rest:
                self._learn(session.items)
                self._judge_all(rest, [session.items] * len(rest), survivors=True)
        except RuntimeError as error:
            self.problems.append(str(error))
        failed = {name for name, reached in self._reached.items() if not reached.passed}
        self.left_out = [item.nodeid for item in session.items if item.nodeid in failed]
        return True

    def _learn(self, items: Sequence[pytest.Item]) -> None:
        """What each test reaches, run without a mutation, as far as that is not known."""
        unknown = [item for item in items if item.nodeid not in self._reached]
        parts = [unknown[start : start + _AT_ONCE] for start in range(0, len(unknown), _AT_ONCE)]
        running: list[_Child] = []
        done = 0
        while parts or running:
            while parts and len(running) < self.workers:
                part = parts.pop(0)
                running.append(_Child(partial(trace_all, part), len(part)))
            for child in _finished(running):
                if child.result is None:
                    raise RuntimeError("the process died that ran the tests without a mutant")
                found, answered = child.result
                self._reached |= found
                answers.update(answered)
                keep(self.reach, found, answered)
                done += child.about
                self.progress("tests", done, len(unknown))

    def _judge_all(
        self, mutants: Sequence[Mutant], tests: Sequence[Sequence[pytest.Item]], survivors: bool
    ) -> None:
        """Judges mutants by tests; `survivors` says whether those that nothing notices are outcomes, too."""
        odds = _Odds()
        for name, test in self.before.items():
            odds.learn(name.partition(" | ")[0], None, [test], test)
        running: list[_Child] = []
        waiting = list(zip(mutants, tests, strict=True))
        while waiting or running:
            while waiting and len(running) < self.workers:
                made, items = waiting.pop(0)
                near = self._nearest(made, items, odds)
                stages = {item.nodeid: self._reached[item.nodeid].stages for item in near}
                running.append(_Child(partial(_judge, made, near, stages, self.seconds), made))
            for child in _finished(running):
                died = Outcome(child.about, "(the process died, or its time was over)", False, (0, 0))
                outcome, asked = child.result or (died, [])
                odds.learn(outcome.mutant.file, _place(outcome.mutant), asked, outcome.killed_by)
                if outcome.killed_by or survivors:
                    self.outcomes.append(outcome)
                    self.judged(outcome)
                    self.progress("mutants", len(self.outcomes), len(self.mutants))

    def _nearest(self, made: Mutant, items: Sequence[pytest.Item], odds: "_Odds") -> list[pytest.Item]:
        """The tests that reach a mutant, the likeliest to notice it soon first."""
        reached = self._reached
        near = [item for item in items if reached[item.nodeid].passed and reached[item.nodeid].by(made)]
        near.sort(key=lambda i: -odds.of(made.file, i.nodeid) / (reached[i.nodeid].seconds + 0.02))
        near.sort(key=lambda i: -odds.noticed[_place(made), i.nodeid])
        return near


class _Odds:
    """How likely a test notices a mutant, by those of the same file and of any that it was asked about.

    Attributes:
        noticed, asked: how often, by what mutants share (a file, a place, nothing) and the test.
    """

    def __init__(self) -> None:
        self.noticed: Counter[tuple[object, str]] = Counter()
        self.asked: Counter[tuple[object, str]] = Counter()

    def learn(self, file: str, place: object, asked: Sequence[str], killed_by: str | None) -> None:
        """Counts the tests that were asked about a mutant, of which one may have noticed it."""
        for shared in (file, place, None):
            self.asked.update((shared, test) for test in asked)
            if killed_by:
                self.noticed[shared, killed_by] += 1

    def of(self, file: str, test: str) -> float:
        """The share of mutants that it notices; of few in this file, mostly as in others."""
        anywhere = (self.noticed[None, test] + 0.1) / (self.asked[None, test] + 1)
        return (self.noticed[file, test] + 2 * anywhere) / (self.asked[file, test] + 2)


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
        query({"measure": "counts", "allow_full_scan": True}, defined).sql("duckdb")
    templates = render._environment()
    for name in templates.list_templates():
        templates.get_template(name)
    googlesql.run = remembered  # type: ignore[assignment]
    gc.collect()
    gc.freeze()


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
                resource.setrlimit(resource.RLIMIT_CPU, (_LONGEST, _LONGEST))
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
        """Ends it where it waits for ever; on a busy machine, work takes longer than on its own."""
        if time.monotonic() - self._began < 6 * _LONGEST:
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


# ---- A mutant judged -------------------------------------------------------------------------------------


def _judge(
    made: Mutant, items: Sequence[pytest.Item], stages: Mapping[str, Stages], seconds: float
) -> tuple[Outcome, list[str]]:
    """Runs the tests until one fails, or the time is over; not those that a template gives the same text.

    Returns the outcome and the tests that ran.
    """
    take_effect(made)
    template = Path(made.file).name if made.file.startswith("templates/stages/") else None
    changed: dict[str, bool] = {}
    end = time.process_time() + seconds
    of = len(items)
    asked: list[str] = []
    for item in items:
        if template and not _changes_text(stages[item.nodeid], template, changed):
            of -= 1
            continue
        asked.append(item.nodeid)
        if failure := failure_of(item):
            by_rows = failure.startswith(("assert", "AssertionError", "Failed"))
            return Outcome(made, item.nodeid, by_rows, (len(asked), of)), asked
        if time.process_time() > end:
            break
    return Outcome(made, None, False, (len(asked), of)), asked


def _changes_text(stages: Stages, template: str, known: dict[str, bool]) -> bool:
    """Whether one of the stages that a test renders by this template is another text now."""
    for text, (stage, last) in stages.items():
        if f"{stage.name}.sql.j2" == template:
            if text not in known:
                try:
                    known[text] = text_of(stage, last) != text
                except Exception:  # an error is another text, too
                    known[text] = True
            if known[text]:
                return True
    return False


def run(suite: Suite) -> None:
    """Collects the tests and judges the mutants."""
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder  # also of copies that are ended before they tidy up
        flags = ["-o", "addopts=", "-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:xdist", "-s"]
        flags += ["--assert=plain"]  # no one reads why a test fails
        pytest.main([*flags, f"--rootdir={ROOT}", *map(str, suite.tests)], [suite])
        tempfile.tempdir = None
    gc.unfreeze()
