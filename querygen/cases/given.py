"""Given rows: short or nested, in the test file or beside it, become data as `--data` takes it."""

import datetime as dt
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from querygen.cases.model import RowsFile
from querygen.cases.names import PROCESSES, RECORDED, Kind, Names, written_time
from querygen.cases.read import TEST_FILE, TestFile
from querygen.cases.recorded import stored
from querygen.check import CheckedSql
from querygen.data_coerce import is_spelt_as
from querygen.data_locate import Misfit, file_format, misfit_message, wanted_help
from querygen.errors import Diagnostic, Loc, QuerygenError, UsageError, similar_name_help
from querygen.plan import Read
from querygen.running import Attached, attached
from querygen.schema import Field
from querygen.sides import spec_of
from querygen.source import Source, load_file

Path_ = tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """A value of a row, at the path of its column, and where it was written."""

    value: Any
    loc: Loc


@dataclass(frozen=True)
class Written:
    """Rows as they were written, and the place of the first of them."""

    source: Source
    rows: Sequence[Mapping[str, Any]]
    loc: Loc


@contextmanager
def given_data(file: TestFile, name: str, checked: CheckedSql) -> Iterator[Attached]:
    """The rows that a test is given, on a connection.

    Raises:
        QuerygenError: a row has an unknown name or a wrong value, or a file cannot be read; at its place.
    """
    plan = checked.sql.plan
    with tempfile.TemporaryDirectory(prefix="querygen-") as folder, ExitStack() as stack:
        given = [_of_table(file, name, read) for read in plan.reads]
        tables = [_written(file, one, Path(folder) / f"rows-{i}.ndjson") for i, one in enumerate(given)]
        flags = {
            f"{one.read.table}={path}": loc
            for one, table in zip(given, tables, strict=True)
            for path, loc in table.files
        }
        try:
            found = stack.enter_context(attached(plan, file.catalog, list(flags)))
        except UsageError as error:
            told = error.diagnostics[0]
            if "relative to" in (told.help or ""):
                told = replace(told, help="the path is relative to the test file's folder")
            first, *_ = [loc for flag, loc in flags.items() if _names_path(told, flag)] or flags.values()
            raise file.error(told, first) from None
        except QuerygenError as error:
            raise _at_its_row(error, {str(table.inline): table.places for table in tables}) from None
        yield found


@dataclass(frozen=True)
class _Given:
    """What is given for one table: rows, and files with the places that name them."""

    read: Read
    rows: list[Written]
    files: list[tuple[str, Loc]]


@dataclass(frozen=True)
class _Table:
    """The same as files alone, `inline` those of the rows, whose lines were written at `places`."""

    files: list[tuple[str, Loc]]
    inline: Path
    places: list[tuple[Source, Loc]]


def _written(file: TestFile, given: _Given, inline: Path) -> _Table:
    """Writes the rows to a file, if there are any, or nothing else is given."""
    if given.files and not given.rows:
        return _Table(given.files, inline, [])
    mixed = next((loc for path, loc in given.files if file_format(Path(path)) in ("csv", "parquet")), ())
    writer = RowWriter(_names(file, given.read), file)
    places: list[tuple[Source, Loc]] = []
    lines = []
    for written in given.rows:
        for i, row in enumerate(written.rows):
            lines.append(json.dumps(writer.nested(written, i, row), default=str))
            places.append((written.source, (*written.loc, i)))
    if mixed:
        told = Diagnostic("mixed-rows", "rows and a file of another format cannot be of one table")
        raise file.error(replace(told, help="write the rows to a file of this format"), mixed)
    inline.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return _Table([*given.files, (str(inline), ())], inline, places)


def _names_path(told: Diagnostic, flag: str) -> bool:
    """Whether a finding about files is about those of a flag."""
    return flag.partition("=")[2] in told.message


def _names(file: TestFile, read: Read) -> Names:
    """The short names of one of the plan's tables, as the spec itself gives them a meaning."""
    table = file.catalog.table(read.like, read.table)
    assert table is not None  # noqa: S101 there would be no plan
    return Names(spec_of(file.own_query().spec, read.table), table, file.catalog)


def _of_table(file: TestFile, name: str, read: Read) -> _Given:
    """What is given for one of the plan's tables."""
    rows: list[Written] = []
    files: list[tuple[str, Loc]] = []
    others: dict[str, None] = {}
    for tables, at in _all_given(file, name):
        others |= dict.fromkeys(tables)
        found = tables.get(read.table)
        loc: Loc = (*at, read.table)
        if isinstance(found, RowsFile):
            path = file.beside(found.file)
            if Path(path).suffix in (".yaml", ".yml"):
                rows.append(_yaml_rows(file, path, (*loc, "file")))
            else:
                files.append((path, (*loc, "file")))
        elif found is not None:
            rows.append(Written(file.source, found, loc))
    if not rows and not files:
        told = Diagnostic(
            "no-data",
            f"the spec asks {read.table}, of which there are no rows, only of {' and '.join(sorted(others))}"
            if others
            else f"there are no rows of {read.table}, which the spec asks",
            help=f"write {read.table}: […]; an empty list is a table without rows",
        )
        raise file.error(told, ("tests", name, "given"))
    return _Given(read, rows, files)


def _all_given(file: TestFile, name: str) -> Iterator[tuple[Mapping[str, Any], Loc]]:
    given = file.case(name).given
    if isinstance(given, Mapping):
        yield given, ("tests", name, "given")
    elif given is not None:
        for fixture in [given] if isinstance(given, str) else given:
            yield file.content.fixtures[fixture], ("fixtures", fixture)


def _yaml_rows(file: TestFile, path: str, loc: Loc) -> Written:
    try:
        source = load_file(path, replace(TEST_FILE, name="file of rows", start="start with `rows:`"))
    except UsageError as error:
        raise file.error(error.diagnostics[0], loc) from None
    rows = source.data.get("rows")
    listed = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    if not listed or len(source.data) > 1:
        told = Diagnostic("bad-rows", "a file of rows has `rows`, a list of mappings, and nothing else")
        raise source.locate(QuerygenError((told,)))
    return Written(source, rows or [], ("rows",))


def _at_its_row(error: QuerygenError, places: Mapping[str, Sequence[tuple[Source, Loc]]]) -> QuerygenError:
    """The error with places of the test file for those of the files that its rows were written to."""
    told: list[Diagnostic] = []
    for finding in error.diagnostics:
        lines = places.get(finding.span.file, ()) if finding.span else ()
        if finding.span and finding.span.line <= len(lines):
            source, loc = lines[finding.span.line - 1]
            bare = replace(finding, span=None, loc=loc)
            told += source.locate(QuerygenError((bare,))).diagnostics
        else:
            told.append(finding)
    return type(error)(tuple(told))


@dataclass(frozen=True)
class RowWriter:
    """Makes rows of the table's shape out of what a test file says."""

    names: Names
    file: TestFile

    def nested(self, written: Written, i: int, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row as nested mappings, filled up with the file's defaults.

        Raises:
            QuerygenError: a name is unknown, a value is of a wrong type, or a column is given twice.
        """
        cells = self._cells(written.source, row, (*written.loc, i))
        usual = self.file.content.defaults.row if self.names.pings else {}
        defaults = self._cells(self.file.source, usual, ("defaults", "row"))
        for path, cell in defaults.items():
            if not any(_overlap(path, given) for given in cells):
                cells[path] = cell
        made: dict[str, Any] = {}
        for path, cell in cells.items():
            here = made
            for part in path[:-1]:
                here = here.setdefault(part, {})
            here[path[-1]] = cell.value
        return made

    def _cells(self, source: Source, row: Mapping[str, Any], loc: Loc) -> dict[Path_, Cell]:
        cells: dict[Path_, Cell] = {}
        for key, value in row.items():
            at = (*loc, key)
            try:
                entries = self._entry(key, value, at)
            except QuerygenError as error:
                raise source.locate(error) from None
            for path, cell in entries:
                twin = next((other for other in cells if _overlap(path, other)), None)
                if twin is not None:
                    message = f"`{key}` and `{cells[twin].loc[-1]}` are the same column, {'.'.join(path)}"
                    told = Diagnostic("given-twice", message, loc=at, help="keep one of the two", at_key=True)
                    raise source.locate(QuerygenError((told,)))
                cells[path] = cell
        return cells

    def _entry(self, key: str, value: Any, loc: Loc) -> list[tuple[Path_, Cell]]:
        """The cells that one key of a row stands for."""
        lower = key.lower()
        if lower in RECORDED:
            return self._recorded(lower, value, loc, None)
        if lower == PROCESSES:
            return self._in_processes(value, loc)
        name = self.names.columns.get(lower)
        if name is not None and name.written is not None and value is not None:
            value = written_time(value, name.written)
            if value is None:
                help_ = "write it as 2020-04-20, or as 2020-04-20 10:30:00"
                raise QuerygenError.of("bad-value", f"`{key}` is a day or a time", loc=loc, help=help_)
        if name is not None and name.is_begun and type(value) is int:
            value = f"{value}.0"
        found = self.names.table.schema.resolve(name.path if name else key)
        if found is None:
            raise _unknown(key, loc, self.names.table.nearest(key, self.names.all()), self.names.table.table)
        spelling, field = found
        return list(_leaves(tuple(spelling.split(".")), field, value, loc))

    def _in_processes(self, value: Any, loc: Loc) -> list[tuple[Path_, Cell]]:
        if not self.names.has_processes:
            message = f"{self.names.table.table} doesn't tell which process recorded what"
            raise _at_key("no-processes", message, loc, f"leave out `{PROCESSES}`")
        entries = []
        for process, inside in _mapping(value, loc, "a mapping of processes: {content: {hist: …}}").items():
            at = (*loc, process)
            for short, recorded in _mapping(inside, at, "what it recorded: {hist: …}").items():
                if short.lower() not in RECORDED:
                    raise _unknown(short, (*at, short), f"a process has {', '.join(RECORDED)}")
                entries += self._recorded(short.lower(), recorded, (*at, short), at)
        return entries

    def _recorded(self, short: str, value: Any, loc: Loc, process: Loc | None) -> list[tuple[Path_, Cell]]:
        """What is recorded, by whom: `process` is where it is named."""
        kind, several = RECORDED[short]
        if not several:
            return [self._one(kind, None, value, loc, process)]
        named = _mapping(value, loc, "a mapping of names: {GC_MS: …}")
        return [self._one(kind, name, one, (*loc, name), process) for name, one in named.items()]

    def _one(
        self, kind: Kind, name: str | None, value: Any, loc: Loc, process: Loc | None
    ) -> tuple[Path_, Cell]:
        try:
            recording = self.names.recording(kind, name, str(process[-1]).lower() if process else None)
        except QuerygenError as error:
            told = error.diagnostics[0]
            at = process if process and told.code == "unknown-process" else loc
            raise _at_key(told.code, told.message, at, told.help) from None
        try:
            return tuple(recording.path.split(".")), Cell(stored(recording, value), loc)
        except QuerygenError as error:
            told = error.diagnostics[0]
            raise QuerygenError((replace(told, loc=(*loc, *told.loc)),)) from None


def _overlap(one: Path_, other: Path_) -> bool:
    """Whether one path is the other, or leads into it."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _mapping(value: Any, loc: Loc, what: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise QuerygenError.of("wrong-type", f"`{loc[-1]}` is {what}", loc=loc)


def _unknown(key: str, loc: Loc, help_: str | None, table: str | None = None) -> QuerygenError:
    message = f"{table} has no column `{key}`" if table else f"`{key}` is not known here"
    return _at_key("unknown-column", message, loc, help_)


def _at_key(code: str, message: str, loc: Loc, help_: str | None) -> QuerygenError:
    return QuerygenError((Diagnostic(code, message, loc=loc, help=help_, at_key=True),))


def _leaves(path: Path_, field: Field, value: Any, loc: Loc) -> Iterator[tuple[Path_, Cell]]:
    """The values of a column, those of a record each by itself, checked against the schema."""
    if field.type == "RECORD" and not field.repeated and isinstance(value, Mapping) and value:
        for key, inner in value.items():
            child = _child(field, key, ".".join(path), (*loc, key))
            yield from _leaves((*path, child.name), child, inner, (*loc, key))
    else:
        yield path, Cell(_plain(field, value, ".".join(path), loc), loc)


def _plain(field: Field, value: Any, path: str, loc: Loc) -> Any:
    """A value as JSON has it.

    Raises:
        QuerygenError: it isn't of the column's type.
    """
    if value is None:
        return None
    if field.repeated:
        if not isinstance(value, list | tuple):
            raise _misfit(field, value, path, loc)
        element = replace(field, repeated=False)
        return [_plain(element, item, f"{path}[{i}]", (*loc, i)) for i, item in enumerate(value)]
    if field.type == "RECORD":
        if not isinstance(value, Mapping):
            raise _misfit(field, value, path, loc)
        made = {}
        for key, inner in value.items():
            child = _child(field, key, path, (*loc, key))
            made[child.name] = _plain(child, inner, f"{path}.{child.name}", (*loc, key))
        return made
    if isinstance(value, dt.datetime) and value.tzinfo:
        value = value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    elif isinstance(value, dt.date) and field.type != "STRING":
        value = value.isoformat()
    if field.type == "STRING" and not isinstance(value, str | Mapping | list):
        shown = str(value).lower() if isinstance(value, bool) else value
        what = "number" if isinstance(value, int | float) and not isinstance(value, bool) else "value"
        raise QuerygenError.of(
            "wrong-type",
            f"`{path}` holds text, found the {what} {shown}",
            loc=loc,
            help=f'quote the value to keep it text: "{shown}"',
        )
    if field.type in ("STRING", "JSON"):
        return value if isinstance(value, str) else json.dumps(value, default=str)
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    if not is_spelt_as(field.type, text) or (field.type in _DAYS and not _is_day(text[:10])):
        raise _misfit(field, value, path, loc)
    return value


_DAYS = ("DATE", "DATETIME", "TIMESTAMP")


def _is_day(text: str) -> bool:
    try:
        return bool(dt.date.fromisoformat(text))
    except ValueError:
        return False


def _child(field: Field, key: str, path: str, loc: Loc) -> Field:
    found = field.child(key)
    if found is None:
        names = ", ".join(list(field.fields)[:8])
        raise _unknown(key, loc, similar_name_help(key, field.fields, "a field") or f"it has {names}", path)
    return found


def _misfit(field: Field, value: Any, path: str, loc: Loc) -> QuerygenError:
    message = misfit_message(Misfit((), path, value, field))
    return QuerygenError.of("bad-value", message, loc=loc, help=wanted_help(field))
