"""Runs one test of a test file, and tells what came of it."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from querygen import VERSION
from querygen.cases import snapshots
from querygen.cases.compare import compare
from querygen.cases.given import given_data
from querygen.cases.keep import keep
from querygen.cases.model import Expectation, Tolerance
from querygen.cases.read import TestFile
from querygen.cases.report import differences, indented, text_differences
from querygen.cases.trace import trace
from querygen.check import CheckedSql
from querygen.errors import Diagnostic, EngineError, Loc, QuerygenError, dotted, similar_name_help
from querygen.plan import Plan, Rows
from querygen.result import Result
from querygen.running import Attached, Engine
from querygen.translate import translate

Status = Literal["passed", "failed", "invalid", "error"]
_WRITE_IT = "`querygen test --update` or `pytest --querygen-update` writes it; read it before you commit it"
_RIGHT_NOW = f"If it is right now: {_WRITE_IT}"


@dataclass(frozen=True)
class Options:
    """How tests are run.

    Attributes:
        engine: what answers.
        update: whether snapshots are written instead of compared.
        keep: a folder for each test's SQL and tables, or None.
    """

    engine: Engine = "duckdb"
    update: bool = False
    keep: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a test.

    Attributes:
        status: `failed` where it ran and something differs, `invalid` where the spec or the test cannot be
            right, `error` where an engine failed.
        text: what differs, in words; empty where it passed.
        written: snapshots that were written.
    """

    file: str
    line: int
    name: str
    status: Status
    text: str = ""
    written: tuple[Path, ...] = ()


def run_test(file: TestFile, name: str, options: Options) -> Outcome:
    """Runs one test; whatever goes wrong is told by the outcome."""
    runner = _Runner(file, name, options)
    status: Status = "passed"
    text = ""
    try:
        runner.run()
        if runner.differing:
            status, text = "failed", runner.told()
    except EngineError as error:
        status, text = "error", str(error)
    except QuerygenError as error:
        status, text = "invalid", str(error)
    return Outcome(str(file.path), file.line(name), name, status, text, tuple(runner.written))


def result_of(file: TestFile, name: str, options: Options) -> Result:
    """What the spec answers to the rows of a test.

    Raises:
        QuerygenError: the spec, or a row, is not valid.
        EngineError: the engine failed.
    """
    checked = file.query(name).checked()
    with given_data(file, name, checked) as tables:
        return tables.run(checked, options.engine)


class _Runner:
    def __init__(self, file: TestFile, name: str, options: Options) -> None:
        self.file, self.name, self.options = file, name, options
        self.case = file.case(name)
        self.loc: Loc = ("tests", name)
        self.written: list[Path] = []
        self.differing: list[list[str]] = []
        self.kept: Path | None = None

    def told(self) -> str:
        """All differences in words, and how to look inside where rows differ."""
        parts = [*self.differing]
        if self.kept is not None:
            parts.append([f"SQL and tables: {self.kept}, with the text in .sql beside it"])
        elif self.case.given is not None:
            command = ["querygen", "test", str(self.file.path), "-k", self.name, "--keep", "kept"]
            parts.append([f"to look inside: {shlex.join(command)}"])
        return "\n\n".join(map(indented, parts))

    def run(self) -> None:
        if self.case.expect_error is not None:
            self._expect_error()
            return
        checked = self.file.query(self.name).checked()
        duck = translate(checked)  # the text must be good for both engines, whichever runs it
        if self.case.sql_snapshot is not None:
            text = checked.sql.text if self.case.sql_snapshot == "bigquery" else duck.text
            # A new version of querygen changes no snapshot by its number alone.
            self._compare_sql(text.replace(f"querygen {VERSION}", "querygen"))
        if self.case.given is None:
            return
        with given_data(self.file, self.name, checked) as tables:
            if self.options.keep is not None:
                self.kept = keep(self.options.keep, self.file, self.name, checked, tables)
            result = tables.run(checked, self.options.engine)
            for cte, expectation in (self.case.expect_cte or {}).items():
                self._compare_cte(checked, tables, cte, expectation)
            if self.case.expect is not None:
                self._compare(result, self.case.expect, checked, tables)
            if self.case.snapshot:
                self._compare_snapshot(result, checked, tables)

    @property
    def near(self) -> Tolerance:
        """The tolerance of this test."""
        return self.case.tolerance or self.file.content.defaults.tolerance

    # ---- rows -----------------------------------------------------------------------------------------

    def _compare(self, result: Result, wanted: Expectation, checked: CheckedSql, tables: Attached) -> None:
        with self._located():
            found = compare(result.table, wanted, own_key(result.plan), self.near, (*self.loc, "expect"))
        if not found.agrees:
            self.differing.append([*differences(found), *trace(found, checked, tables)])

    def _compare_cte(self, checked: CheckedSql, tables: Attached, cte: str, wanted: Expectation) -> None:
        names = [stage.cte for stage in checked.sql.plan.ctes]
        at = (*self.loc, "expect_cte", cte)
        if cte not in names:
            help_ = similar_name_help(cte, names, "a CTE") or f"it has {', '.join(names)}"
            told = Diagnostic("unknown-cte", f"the query has no CTE `{cte}`", help=help_)
            raise self.file.error(told, at, at_key=True)
        table = tables.cte(checked, cte, self.options.engine)
        with self._located():
            found = compare(table, wanted, None, self.near, at)
        if not found.agrees:
            summary, *lines = differences(found)
            self.differing.append([f"the CTE `{cte}`: {summary}", *lines])

    def _compare_snapshot(self, result: Result, checked: CheckedSql, tables: Attached) -> None:
        path = snapshots.rows_path(self.file, self.name)
        if self.options.update:
            self._write(path, snapshots.rows_text(self.file, self.name, result))
            return
        if not path.exists():
            self.differing.append([f"there is no snapshot {path} yet", _WRITE_IT])
            return
        source, columns, wanted = snapshots.read_rows(path)
        ours = snapshots.typed(result.plan.columns)
        head = f"the result is not the snapshot {path}"
        if columns != ours:
            lines = text_differences(_lines_of(columns), _lines_of(ours))
            self.differing.append([f"{head}: other columns", *lines, "", _RIGHT_NOW])
            return
        try:
            found = compare(result.table, wanted, own_key(result.plan), self.near, ())
        except QuerygenError as error:
            raise source.locate(error) from None
        if not found.agrees:
            lines = [*differences(found), *trace(found, checked, tables)]
            self.differing.append([head, *lines, "", _RIGHT_NOW])

    def _compare_sql(self, text: str) -> None:
        path = snapshots.sql_path(self.file, self.name)
        if self.options.update:
            self._write(path, text)
        elif not path.exists():
            self.differing.append([f"there is no snapshot {path} yet", _WRITE_IT])
        elif (stored := path.read_text(encoding="utf-8")) != text:
            lines = text_differences(stored, text)
            self.differing.append([f"the SQL is not the snapshot {path}", *lines, "", _RIGHT_NOW])

    def _write(self, path: Path, text: str) -> None:
        if snapshots.write(path, text):
            self.written.append(path)

    # ---- errors ---------------------------------------------------------------------------------------

    def _expect_error(self) -> None:
        """Looks for the expected error: of the spec, or of the data where rows are given."""
        try:
            checked = self.file.query(self.name).checked()
            if self.case.given is not None:
                with given_data(self.file, self.name, checked) as tables:
                    tables.run(checked, self.options.engine)
        except EngineError:
            raise
        except QuerygenError as error:
            if not any(self._is_expected(finding) for finding in error.diagnostics):
                lines = [f"expected {self._expected()}, got", "", *str(error).splitlines()]
                codes = ", ".join(
                    f"{finding.code}" + (f" at {dotted(finding.loc)}" if finding.loc else "")
                    for finding in error.diagnostics
                )
                self.differing.append([*lines, "", f"in short: {codes}"])
        else:
            self.differing.append([f"expected {self._expected()}, but the spec compiles and runs"])

    def _is_expected(self, finding: Diagnostic) -> bool:
        wanted = self.case.expect_error
        assert wanted is not None  # noqa: S101 asked for by _expect_error
        return (
            wanted.code in (None, finding.code)
            and wanted.path in (None, dotted(finding.loc))
            and (wanted.matches is None or re.search(wanted.matches, finding.message) is not None)
        )

    def _expected(self) -> str:
        wanted = self.case.expect_error
        assert wanted is not None  # noqa: S101 asked for by _expect_error
        parts = [f"the error `{wanted.code}`" if wanted.code else "an error"]
        parts += [f"at {wanted.path}"] if wanted.path else []
        parts += [f"that says `{wanted.matches}`"] if wanted.matches else []
        return " ".join(parts)

    # ---- places ---------------------------------------------------------------------------------------

    @contextmanager
    def _located(self) -> Iterator[None]:
        try:
            yield
        except QuerygenError as error:
            raise self.file.source.locate(error) from None


def own_key(plan: Plan) -> tuple[str, ...] | None:
    """The columns that tell the result's rows apart; None where nothing does."""
    return None if isinstance(plan.final, Rows) else plan.key


def _lines_of(columns: dict[str, str]) -> str:
    return "\n".join(f"{name} {kind}" for name, kind in columns.items())
