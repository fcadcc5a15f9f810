"""What each test reaches: which stages it renders, which bodies of UDFs it calls, which lines it runs.

It is learnt by running each test once, without a mutant. That takes long, so it can be kept in a file beside
the log. What is kept of a test holds until a file changes that the test read: its own, or one it reached.
What Google's evaluator, the slower engine, answered to the same text on the same rows is kept along with it.
"""

import hashlib
import os
import pickle
import sys
import time
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from _pytest.runner import runtestprotocol
from mutation_log import digest
from mutation_mutants import ROOT, Mutant

from querygen import render
from querygen.engines import googlesql
from querygen.plan import Stage
from querygen.udfs import Udf, load_udf, load_udfs

Answers = dict[bytes, pa.Table]
Stages = dict[str, tuple[Stage, bool]]


@dataclass(frozen=True)
class Reached:
    """What a test does without a mutation.

    Attributes:
        files: templates and bodies of UDFs, relative to the project, as all paths here.
        lines: of modules.
        stages: that it renders, each with whether it is the last one, by their text.
    """

    passed: bool
    seconds: float
    files: frozenset[str]
    lines: frozenset[tuple[str, int]]
    stages: Stages

    def read(self, test: str) -> dict[str, str]:
        """The digests of the files that this depends on."""
        paths = {path for path, _ in self.lines} | self.files | {test.partition("::")[0]}
        return {path: digest(ROOT / path) for path in sorted(paths)}

    def by(self, made: Mutant) -> bool:
        """Whether the test runs what a mutant changes."""
        if not made.file.endswith(".py"):
            return made.file in self.files
        if made.reach:
            return any((made.file, line) in self.lines for line in made.reach)
        return any(file == made.file for file, _ in self.lines)


def failure_of(item: pytest.Item) -> str:
    """What the test says when it fails, else nothing. Its time is limited by that of the process."""
    for report in runtestprotocol(item, log=False, nextitem=None):
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            return str(getattr(crash, "message", None) or "error")
    return ""


# ---- Answers of Google's evaluator -----------------------------------------------------------------------

answers: Answers = {}
_evaluate = googlesql.run


def remembered(sql: str, tables: Mapping[str, pa.Table], functions: Sequence[Udf] = ()) -> pa.Table:
    """Evaluates, unless the same was evaluated before."""
    asked = (sql, sorted(tables.items()), [udf.bigquery for udf in functions])
    key = hashlib.sha256(pickle.dumps(asked)).digest()
    if key not in answers:
        answers[key] = _evaluate(sql, tables, functions)
    return answers[key]


# ---- A test run once -------------------------------------------------------------------------------------


def trace_all(items: Iterable[pytest.Item]) -> tuple[dict[str, Reached], Answers]:
    """What each of the tests reaches, and the answers that Google's evaluator gave to them."""
    known = set(answers)
    found = {item.nodeid: _trace(item) for item in items}
    return found, {key: answer for key, answer in answers.items() if key not in known}


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
        passed = not failure_of(item)
    finally:
        sys.settrace(None)
    seconds = time.process_time() - began
    stages = {text_of(stage, last): (stage, last) for stage, last in rendered}
    places = frozenset((_relative(path), line) for path, line in lines)
    return Reached(passed, seconds, frozenset(map(_relative, files)), places, stages)


def _relative(path: str) -> str:
    return Path(path).relative_to(ROOT).as_posix()


def text_of(stage: Stage, last: bool) -> str:
    """The text of a stage's CTE."""
    return str(render._part(stage, render._environment(), last=last).body)


def _bodies(calling: dict[str, Any]) -> list[str]:
    """The bodies that a test of UDFs calls: of the function that it names, or else of any."""
    name = calling.get("name")
    udfs = [load_udf(name)] if name else load_udfs().values()
    return [str(udf.folder / f"{_dialect(calling['engine'])}.sql") for udf in udfs]


def _dialect(engine: str) -> str:
    return "duckdb" if engine == "duckdb" else "bigquery"


# ---- What was learnt before ------------------------------------------------------------------------------


def kept(path: Path | None) -> Iterator[tuple[dict[str, Reached], Answers]]:
    """What a file holds that is still so."""
    if not path or not path.exists():
        return
    with path.open("rb") as file:
        while True:
            try:
                found, answered = pickle.load(file)
            except (EOFError, pickle.UnpicklingError):  # the last part, where a run was interrupted
                return
            yield {test: reached for test, part in found.items() for reached in _still(test, *part)}, answered


def _still(test: str, read: dict[str, str], pickled: bytes) -> list[Reached]:
    """What is kept of a test, if it is still so. What isn't may be of classes that are no more."""
    if any(digest(ROOT / path) != before for path, before in read.items()):
        return []
    return [pickle.loads(pickled)]


def keep(path: Path | None, found: Mapping[str, Reached], answered: Answers) -> None:
    """Adds what was learnt to a file; nothing of tests that failed."""
    if path:
        lasting = {
            test: (reached.read(test), pickle.dumps(reached))
            for test, reached in found.items()
            if reached.passed
        }
        with path.open("ab") as file:
            pickle.dump((lasting, answered), file)
