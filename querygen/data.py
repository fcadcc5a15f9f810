"""Files of rows as tables inside a DuckDB connection, typed by a schema and never guessed from the rows.

`parse_locations` finds the files that `--data` means; `attach` checks them against the schema and makes a
view of exactly the columns that a query needs. Views hold no rows: files of any size are read by the query
itself, and of a Parquet file only the needed columns and row groups.

How a value of one type is taken for another is written in `data_coerce`.
"""

import difflib
import glob
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from querygen.data_coerce import Node, Whole, bad_value, closed, convert, misfits
from querygen.data_locate import Misfit, file_format, find_bad_value, misfit_message, wanted_help
from querygen.data_read import Group, at_name, read_groups, typed_columns, typed_group, unreadable
from querygen.errors import Diagnostic, QuerygenError, UsageError, suggest
from querygen.schema import Field, Schema, quote_identifier

if TYPE_CHECKING:
    import pyarrow

_TABLE = re.compile(r"(?:[A-Za-z0-9_-]+\.)?[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_FORMATS = ".ndjson, .jsonl, .json, .csv (these also as .gz or .zst) and .parquet"
_MISSPELT = 0.85  # how alike an unknown name and an absent known one must be
_SHOWN = 10


@dataclass(frozen=True)
class Attached:
    """What there is to say, on stderr, about data that was attached."""

    notes: tuple[str, ...] = ()


# ---------------------------------------------------------------------------------------------------------
# Which files


def parse_locations(flags: Sequence[str]) -> Mapping[str, tuple[Path, ...]]:
    """The files of each table, from the values of `--data`: `TABLE=PATH` or a folder.

    PATH is a file, a glob, or a folder of parts; a bare folder has files named `dataset.table.ext`. The same
    table may be given several times.

    Raises:
        UsageError: a flag is malformed, matches no file, or mixes formats.
    """
    found: dict[str, list[Path]] = {}
    for flag in flags:
        table, equals, path = flag.partition("=")
        if equals and _TABLE.fullmatch(table):
            if not path:
                raise _usage(f"`--data {flag}` names no file", f"write `--data {table}=rows.ndjson`")
            found.setdefault(table, []).extend(_files_at(table, path))
        elif Path(flag).is_dir():
            for file in _named_files(Path(flag)):
                found.setdefault(file.name[: _extension_start(file.name)], []).append(file)
        elif Path(flag).exists():
            raise _usage(
                f"`--data {flag}` doesn't say which table it is", f"write `--data telemetry.main={flag}`"
            )
        elif equals:
            raise _usage(
                f"`{table}` in `--data {flag}` is not the name of a table",
                "write it as dataset.table, such as `--data telemetry.main=rows.ndjson`",
            )
        else:
            raise _usage(
                f"`--data {flag}`: there is no such folder",
                "write `--data TABLE=PATH`, or the path of a folder with files such as telemetry.main.ndjson",
            )
    for table, files in found.items():
        formats = sorted({str(file_format(file)) for file in files})
        if len(formats) > 1:
            example = next(file for file in files if file_format(file) != file_format(files[0]))
            raise _usage(
                f"the files of {table} are of several formats: `{files[0]}`, `{example}`",
                f"choose one with a glob, such as `--data '{table}={example.parent}/*{example.suffix}'`",
            )
    return {table: tuple(dict.fromkeys(files)) for table, files in found.items()}


def _usage(message: str, advice: str) -> QuerygenError:
    return UsageError.of("bad-data-flag", message, help=advice)


def _files_at(table: str, text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        files = [
            f for f in sorted(path.iterdir()) if f.is_file() and f.name[0] not in "._" and file_format(f)
        ]
        if not files:
            raise _usage(
                f"the folder `{text}` has no data files",
                f"data files end in {_FORMATS}; "
                f"for those in its subfolders write `--data '{table}={text}/**/*.parquet'`",
            )
        return files
    if path.is_file():
        files = [path]
    else:
        files = [f for f in map(Path, sorted(glob.glob(text, recursive=True))) if f.is_file()]  # noqa: PTH207
    if not files:
        is_glob = glob.has_magic(text)
        raise _usage(
            f"`{text}` matches no file" if is_glob else f"the data file `{text}` doesn't exist",
            f"check the path; it is relative to the folder {Path.cwd()}",
        )
    for file in files:
        if file_format(file) is None:
            raise _usage(
                f"`{file}` has an extension that querygen doesn't read", f"data files end in {_FORMATS}"
            )
    return files


def _named_files(folder: Path) -> list[Path]:
    files = [
        file
        for file in sorted(folder.iterdir())
        if file.is_file() and file_format(file) and _TABLE.fullmatch(file.name[: _extension_start(file.name)])
    ]
    if not files:
        raise _usage(
            f"the folder `{folder}` has no files named dataset.table.ext",
            f"name them such as telemetry.main.ndjson, or write `--data telemetry.main={folder}`",
        )
    return files


def _extension_start(name: str) -> int:
    found = re.search(r"\.(ndjson|jsonl|json|csv|parquet)(\.gz|\.zst)?$", name, re.IGNORECASE)
    return found.start() if found else len(name)


# ---------------------------------------------------------------------------------------------------------
# Tables


def attach(  # noqa: PLR0917
    con: duckdb.DuckDBPyConnection,
    table: str,
    files: Sequence[Path],
    schema: Schema,
    needed: Iterable[str],
    strict_schema: bool = False,
) -> Attached:
    """Makes the view `table` over the files, with the `needed` columns of the schema and no others.

    Column and field names are matched without regard to case; what the files don't have, at any depth, is
    NULL. All rows' names are checked against the schema, the values of the needed columns against its types.

    Args:
        con: the connection; the dataset becomes a DuckDB schema in it.
        table: such as `telemetry.main`.
        files: of one format, as `parse_locations` gives them.
        schema: the table's; its open records take any name.
        needed: column paths of the schema. A path to a record means all of its fields.
        strict_schema: whether a name that the schema doesn't know is an error; else it is noted, unless it
            looks like a misspelt one, which is an error.

    Raises:
        QuerygenError: a file cannot be read, or has unknown or misspelt names or values of a wrong type. The
            message names the file, and in text files the line.
    """
    groups = list(read_groups(con, files, schema.root))
    notes = _check_names(schema, groups, strict_schema)
    _attach_groups(con, table, groups, schema, list(needed))
    return Attached(notes)


def attach_arrow(
    con: duckdb.DuckDBPyConnection, table: str, rows: "pyarrow.Table", schema: Schema, needed: Iterable[str]
) -> None:
    """Makes the view `table` over an Arrow table, as `attach` does over files; other columns are left unused.

    The rows are not copied; they stay registered with the connection.

    Raises:
        QuerygenError: a needed column is of a wrong type, or has a value of a wrong type.
    """
    name = f"rows of {table}"
    con.register(name, rows)
    source = quote_identifier(name)
    group = typed_group(typed_columns(con, source, name), source, [name])
    _attach_groups(con, table, [group], schema, list(needed))


def _attach_groups(
    con: duckdb.DuckDBPyConnection, table: str, groups: Sequence[Group], schema: Schema, needed: Sequence[str]
) -> None:
    wanted = closed(schema.prune(needed).root, [group.root for group in groups])
    whole = _whole_records(needed)
    for group in groups:
        _check_values(con, group, wanted)
    selects = [
        f"SELECT {_columns(wanted, group.root, whole)} FROM {group.source(wanted)}"  # noqa: S608
        for group in groups
    ]
    if selects:
        _create_view(con, table, " UNION ALL ".join(selects))
    else:
        empty(con, table, schema, needed)


def empty(con: duckdb.DuckDBPyConnection, table: str, schema: Schema, needed: Iterable[str]) -> None:
    """Makes the view `table` with the `needed` columns, typed by the schema, and no rows."""
    wanted = closed(schema.prune(needed).root, [])
    _create_view(con, table, f"SELECT {_columns(wanted, Node('', 'record'), {})} WHERE false")


def _columns(wanted: Field, root: Node, whole: Mapping[str, Whole]) -> str:
    """The select list; a view needs at least one column."""
    columns = []
    for name, field in wanted.fields.items():
        node = root.fields.get(name)
        value = convert(field, node, node.at("") if node else "", whole.get(name, False))
        columns.append(f"{value} AS {quote_identifier(field.name)}")
    return ", ".join(columns) or "NULL AS nothing"


def table_name(table: str) -> str:
    """The view's name as DuckDB takes it: `"telemetry"."main"`."""
    return ".".join(map(quote_identifier, table.split(".")))


def _create_view(con: duckdb.DuckDBPyConnection, table: str, select: str) -> None:
    *project, dataset, _ = table.split(".")
    for name in project:
        con.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {quote_identifier(name)}")
    schema = ".".join(map(quote_identifier, [*project, dataset]))
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    con.execute(f"CREATE OR REPLACE VIEW {table_name(table)} AS {select}")


def _whole_records(needed: Iterable[str]) -> dict[str, Whole]:
    """The needed paths as a tree: True where a path ends."""
    tree: dict[str, Any] = {}
    for path in needed:
        *parents, last = path.lower().split(".")
        here: Any = tree
        for segment in parents:
            here = here if here is True else here.setdefault(segment, {})
        if here is not True:
            here[last] = True
    return tree


# ---------------------------------------------------------------------------------------------------------
# Whether the files have what the schema says


def _check_names(schema: Schema, groups: Iterable[Group], strict: bool) -> tuple[str, ...]:
    """The notes on names that the schema doesn't know; an error where one is misspelt, or all are wanted."""
    unused: dict[str, None] = {}
    for group in groups:
        findings = []
        for keys, known, had in _unknown(schema.root, group.root, ()):
            absent = [field.name for name, field in known.fields.items() if name not in had.fields]
            meant = _misspelt(keys[-1], absent)
            if meant or strict:
                findings.append(_unknown_name(schema, group, keys, meant, absent))
            else:
                unused[".".join(keys)] = None
        if findings:
            raise QuerygenError(tuple(findings[:_SHOWN]))
    if not unused:
        return ()
    names = ", ".join(list(unused)[:_SHOWN])
    more = f" and {len(unused) - _SHOWN} more" if len(unused) > _SHOWN else ""
    return (f"columns left unused: {names}{more} (not in the schema of {schema.table})",)


def _unknown(
    known: Field, node: Node, keys: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Field, Node]]:
    """The unknown names: the keys that lead there, and the record they are in, as known and as had."""
    if known.repeated and node.element:
        yield from _unknown(replace(known, repeated=False), node.element, keys)
    elif known.type == "RECORD" and not known.repeated:
        for child in node.fields.values():
            field = known.child(child.name)
            if field is None:
                yield (*keys, child.name), known, node
            else:
                yield from _unknown(field, child, (*keys, child.name))


def _misspelt(name: str, absent: Sequence[str]) -> str | None:
    """The known name, absent from the file, that `name` can hardly be anything but a misspelling of."""
    by_lower = {other.lower(): other for other in absent}
    near = difflib.get_close_matches(name.lower(), by_lower, 1, _MISSPELT)
    return by_lower[near[0]] if near else None


def _unknown_name(
    schema: Schema, group: Group, keys: tuple[str, ...], meant: str | None, absent: Sequence[str]
) -> Diagnostic:
    path = ".".join(keys)
    near = [meant] if meant else suggest(keys[-1], absent, 1)
    paths = [".".join((*keys[:-1], name)) for name in near] or schema.nearest(path, 1)
    advice = f"rename it to `{paths[0]}`, or leave it out" if paths else "leave it out"
    message = f"`{path}` is no column of {schema.table}"
    if group.text:
        return at_name(group.text, keys, "unknown-column", message, advice)
    return Diagnostic("unknown-column", f"{message} ({group.names[0]})", help=advice)


def _check_values(con: duckdb.DuckDBPyConnection, group: Group, wanted: Field) -> None:
    """Reads the wanted columns once, where they could hold something else than the schema says."""
    for path, field, node in misfits(wanted, group.root):
        if not group.text:
            raise _wrong_type(group.names[0], path, field, node)
        located = find_bad_value(group.text, wanted)
        if located:
            raise located
    checks = list(_checks(wanted, group.root, "", ""))
    outputs = [f"min({sql})" for *_, sql in checks]
    if group.text:  # count() has DuckDB read the columns, so that whatever it cannot read shows now
        columns = [node.at("") for name, node in group.root.fields.items() if name in wanted.fields]
        outputs += [f"count({column})" for column in columns if column] or ["count(*)"]
    if not outputs:
        return
    try:
        query = f"SELECT {', '.join(outputs)} FROM {group.source(wanted)}"  # noqa: S608
        found = con.execute(query).fetchone() or ()
    except duckdb.Error as error:
        located = find_bad_value(group.text, wanted) if group.text else None
        raise located or unreadable(group.names, error) from None
    for (path, field, _), value in zip(checks, found, strict=False):
        if value is not None:
            located = find_bad_value(group.text, wanted) if group.text else None
            message = f"{misfit_message(Misfit((), path, value, field))} ({group.names[0]})"
            raise located or QuerygenError.of("bad-value", message, help=wanted_help(field))


def _wrong_type(file: str, path: str, field: Field, node: Node) -> QuerygenError:
    had = {"record": "a STRUCT", "array": "a LIST"}.get(node.kind, node.type)
    expected = "an array" if field.repeated else field.type
    message = f"`{path}` is {had} in `{file}`, where {expected} is expected"
    return QuerygenError.of(
        "bad-value", message, help=f"the column's type should be {field.duckdb_type()[:200]}"
    )


def _checks(wanted: Field, node: Node, sql: str, path: str) -> Iterator[tuple[str, Field, str]]:
    """For each wanted column that could hold a wrong value: its path, field, and the SQL that finds one."""
    for name, field in wanted.fields.items():
        child = node.fields.get(name)
        if child is None:
            continue
        here = child.at(sql)
        full = f"{path}.{field.name}" if path else field.name
        if field.type == "RECORD" and not field.repeated and child.kind == "record":
            yield from _checks(field, child, here, full)
        elif found := bad_value(field, child, here):
            yield full, field, found
