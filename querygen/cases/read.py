"""Reads test files: text becomes a `TestFile`, with every error at its line and column."""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from querygen.api import Query, catalog_of
from querygen.cases.model import PARTS, CaseFile, TestCase
from querygen.catalog import Catalog
from querygen.errors import Diagnostic, Loc, QuerygenError, UsageError, similar_name_help
from querygen.source import Kind, Source, from_mapping, load_file
from querygen.validate import findings

SUFFIX = ".test.yaml"
TEST_FILE = Kind("test file", "start with `spec: PATH`, and `tests:` below it", number_keys=True)


@dataclass(frozen=True)
class TestFile:
    """A test file that was read, and the spec that it tests.

    Attributes:
        path: the file; paths in it are relative to its folder.
        source: its content and places.
        content: the same as a model.
        spec: the spec, as it was written.
    """

    __test__ = False  # no class of tests, whatever pytest thinks of its name

    path: Path
    source: Source
    content: CaseFile
    spec: Source

    @cached_property
    def catalog(self) -> Catalog:
        """The tables and probes that the spec may name.

        Raises:
            QuerygenError: a schema or a probe definition cannot be read.
        """
        schemas = {table: self.beside(file) for table, file in self.content.schema_.items()}
        probes = self.content.probes
        try:
            return catalog_of(schemas, self.beside(probes) if probes is not None else None)
        except UsageError as error:
            raise self.error(error.diagnostics[0], ("probes",) if probes and not schemas else ()) from None

    @property
    def stem(self) -> str:
        """The file's name without `.test.yaml`."""
        return self.path.name.removesuffix(SUFFIX)

    def case(self, name: str) -> TestCase:
        """The test of that name."""
        return self.content.tests[name]

    def line(self, name: str) -> int:
        """The line that the test begins in, from 1."""
        span = self.source.span(("tests", name), at_key=True)
        return span.line if span else 1

    def beside(self, path: str) -> str:
        """A path that the file names, as seen from here."""
        return os.path.normpath(self.path.parent / path)

    def error(self, finding: Diagnostic, loc: Loc, *, at_key: bool = False) -> QuerygenError:
        """The finding, at a place of this file."""
        told = Diagnostic(finding.code, finding.message, loc=loc, help=finding.help, at_key=at_key)
        return self.source.locate(QuerygenError((told,)))

    def query(self, name: str) -> Query:
        """The spec as the test asks it: with its overrides.

        Raises:
            QuerygenError: the spec is not valid so; findings stand in the file that says what is wrong.
        """
        case = self.case(name)
        today = None if "today" in case.with_ else self.content.defaults.today
        changed = from_mapping(overridden(self.spec.data, case.with_))
        try:
            query = Query.of(changed, self.catalog, today)
            query.plan()
        except QuerygenError as error:
            raise self._in_its_file(error, name, case) from None
        return query

    def own_query(self) -> Query:
        """The spec as it was written, without any test's overrides.

        Raises:
            QuerygenError: the spec is not valid.
        """
        return Query.of(self.spec, self.catalog, self.content.defaults.today)

    def _in_its_file(self, error: QuerygenError, name: str, case: TestCase) -> QuerygenError:
        placed: list[Diagnostic] = []
        for finding in error.diagnostics:
            at = self.source.part("tests", name, "with") if _is_in(case.with_, finding.loc) else self.spec
            placed += at.locate(QuerygenError((finding,))).diagnostics
        return type(error)(tuple(placed))


def overridden(spec: Any, changes: Any) -> dict[str, Any]:
    """The spec's keys with others' values in their place; of `filters` each by itself; None takes out."""
    made = {**spec, **changes}
    if isinstance(spec.get("filters"), dict) and isinstance(changes.get("filters"), dict):
        filters = {**spec["filters"], **changes["filters"]}
        made["filters"] = {name: value for name, value in filters.items() if value is not None}
    return {key: value for key, value in made.items() if value is not None or key not in changes}


def _is_in(changes: Any, loc: Loc) -> bool:
    """Whether what a path of the spec leads to was written in `changes`."""
    if not loc or loc[0] not in changes:
        return False
    inner = changes[loc[0]]
    return loc[0] != "filters" or len(loc) == 1 or not isinstance(inner, dict) or loc[1] in inner


def slug(name: str) -> str:
    """A test's name as a file's: `One client, one vote` is `one-client-one-vote`."""
    return re.sub(r"\W+", "-", name).strip("-").lower() or "test"


def read(path: str | Path) -> TestFile:
    """Reads a test file and the spec that it names. The spec is not yet validated.

    Raises:
        UsageError: the file does not exist.
        QuerygenError: it is no test file; with all findings.
    """
    source = load_file(path, TEST_FILE)
    try:
        content = CaseFile.model_validate(dict(source.data))
    except ValidationError as error:
        raise source.locate(QuerygenError(findings(source.data, error, _keys_of))) from None
    problems = [*_unknown_fixtures(content), *_like_names(content)]
    if problems:
        raise source.locate(QuerygenError(tuple(problems)))
    return TestFile(Path(path), source, content, _spec(Path(path), source, content))


def _spec(path: Path, source: Source, content: CaseFile) -> Source:
    if not isinstance(content.spec, str):
        return source.part("spec")
    file = os.path.normpath(path.parent / content.spec)
    try:
        return load_file(file)
    except UsageError as error:
        told = error.diagnostics[0]
        help_ = "the path is relative to the test file's folder"
        raise source.locate(
            QuerygenError((Diagnostic(told.code, told.message, loc=("spec",), help=help_),))
        ) from None


def _keys_of(loc: Loc) -> list[str]:
    model = next((PARTS[part] for part in reversed(loc[:-1]) if part in PARTS), CaseFile)
    return [info.alias or name for name, info in model.model_fields.items()]


def _unknown_fixtures(content: CaseFile) -> list[Diagnostic]:
    found = []
    for name, case in content.tests.items():
        listed = isinstance(case.given, tuple)
        names = case.given if isinstance(case.given, tuple) else (case.given,)
        for i, fixture in enumerate(names):
            if isinstance(fixture, str) and fixture not in content.fixtures:
                loc: Loc = ("tests", name, "given", *((i,) if listed else ()))
                known = ", ".join(content.fixtures)
                help_ = similar_name_help(fixture, content.fixtures, "a fixture") or (
                    f"the fixtures are {known}" if known else "add it below `fixtures:`, or write rows here"
                )
                found.append(
                    Diagnostic("unknown-fixture", f"there is no fixture `{fixture}`", loc=loc, help=help_)
                )
    return found


def _like_names(content: CaseFile) -> list[Diagnostic]:
    """Tests whose snapshots would stand in the same file."""
    seen: dict[str, str] = {}
    found = []
    for name in content.tests:
        other = seen.setdefault(slug(name), name)
        if other != name:
            message = f"`{name}` and `{other}` differ only in case or punctuation"
            help_ = "name them by what sets them apart"
            found.append(Diagnostic("like-names", message, loc=("tests", name), help=help_, at_key=True))
    return found
