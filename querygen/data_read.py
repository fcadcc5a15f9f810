"""What columns data files have, and the SQL that reads them: a `Group` for each set of like files."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from querygen.data_coerce import Node, cell_spec, json_type
from querygen.data_locate import csv_header, file_format, find_bad_value, find_name, is_array, is_closed
from querygen.errors import Diagnostic, QuerygenError, Span
from querygen.schema import Field, excerpt, quote_identifier

_ROW = Field("", "RECORD")


@dataclass(frozen=True)
class Group:
    """Files that one SELECT reads: alike in format and, unless they are NDJSON, in columns.

    Attributes:
        names: what messages call them.
        root: the columns, as a record.
        source: writes the FROM clause that reads the wanted columns of a row.
        text: the files, where they are text and so have lines to point at.
    """

    names: tuple[str, ...]
    root: Node
    source: Callable[[Field], str]
    text: tuple[Path, ...] = ()


def read_groups(con: duckdb.DuckDBPyConnection, files: Sequence[Path], schema: Field) -> Iterator[Group]:
    """What the files have. Reads all rows of text files once, and the footers of Parquet files.

    Args:
        con: any connection; it is not changed.
        files: of one format; one without even a header gives no group.
        schema: the row's record, down to whose values the files are looked into.

    Raises:
        QuerygenError: a file cannot be read, or spells one column in two ways.
    """
    form = file_format(files[0]) if files else None
    if form == "parquet":
        yield from _parquet_groups(con, files)
    elif form == "csv":
        yield from _csv_groups(con, files, schema)
    else:
        arrays = [file for file in files if is_array(file)]
        lines = [file for file in files if file not in arrays]
        for some, layout in ((lines, "newline_delimited"), (arrays, "array")):
            if some:
                yield _json_group(con, some, layout, schema)


def at_name(files: Sequence[Path], keys: Sequence[str], code: str, message: str, advice: str) -> Diagnostic:
    """A finding about the name that `keys` lead to, at its first place in the (text) files."""
    found = find_name(files, keys)
    if found is None:
        return Diagnostic(code, f"{message} ({files[0]})", help=advice)
    span, line = found
    return excerpt(code, message, span, line, advice)


def unreadable(names: Sequence[str], error: duckdb.Error) -> QuerygenError:
    """The finding that DuckDB cannot read what messages call `names`."""
    reason, advice = next(
        ((reason, advice) for words, reason, advice in _REASONS if words in str(error)), ("", _DAMAGED)
    )
    if not reason:
        reason = str(error).split("\n", maxsplit=1)[0]
        reason = reason.partition(": ")[2] or reason
    what = f"`{names[0]}`" if len(names) == 1 else f"one of `{names[0]}` … `{names[-1]}`"
    return QuerygenError.of(
        "unreadable-data",
        f"{what} cannot be read: {reason[:1].lower()}{reason[1:]}",
        help=advice,
    )


_DAMAGED = "write the file anew; it is damaged, or not of the format that its extension says"
# What DuckDB says, in words of ours: a part of its message, the reason and the help.
_REASONS = (
    ("Maximum line size", "a row is longer than 2 MB", "leave out columns that the query doesn't need"),
    ("maximum_object_size", "a row is longer than 16 MB", "leave out columns that the query doesn't need"),
)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _paths(files: Iterable[Path]) -> str:
    """The files as a SQL list, absolute, with the characters of globs taken literally."""
    escaped = (re.sub(r"([*?\[])", r"[\1]", str(file.absolute())) for file in files)
    return f"[{', '.join(map(_literal, escaped))}]"


# ---------------------------------------------------------------------------------------------------------
# JSON


def _json_group(con: duckdb.DuckDBPyConnection, files: Sequence[Path], layout: str, schema: Field) -> Group:
    objects = f"read_json_objects({_paths(files)}, format='{layout}', hive_partitioning=false)"
    structure, others = _structure(con, "json", objects, files)
    # DuckDB takes an array for whole that was cut off behind a comma.
    is_cut = layout == "array" and not all(map(is_closed, files))
    if not isinstance(structure, dict) or others or is_cut:  # not a dict either if all rows are {}
        located = find_bad_value(files, _ROW)
        if located:
            raise located
        structure = structure if isinstance(structure, dict) else {}
    root = _json_node("", structure, schema, files, ())

    def source(wanted: Field) -> str:
        types = [
            f"{_literal(node.name)}: {_literal(json_type(field, node))}"
            for name, field in wanted.fields.items()
            if (node := root.fields.get(name))
        ]
        if not types:
            return objects
        return (
            f"read_json({_paths(files)}, format='{layout}', columns={{{', '.join(types)}}}, "
            "hive_partitioning=false)"
        )

    return Group(tuple(map(str, files)), root, source, tuple(files))


def _structure(
    con: duckdb.DuckDBPyConnection, value: str, source: str, files: Sequence[Path], row: Field = _ROW
) -> tuple[Any, int]:
    """What all rows together have, as DuckDB's json_group_structure puts it; None where there is nothing.

    And how many of them are no objects. `row` is the record of what is read, where a fault is looked for.
    """
    others = f"count(*) FILTER (coalesce(json_type({value}), '') <> 'OBJECT')"
    try:
        query = f"SELECT json_group_structure({value}), {others} FROM {source}"  # noqa: S608
        found = con.execute(query).fetchone() or (None, 0)
    except duckdb.Error as error:
        raise find_bad_value(files, row) or unreadable([str(file) for file in files], error) from None
    return json.loads(found[0]) if found[0] else None, found[1]


def _json_node(
    name: str, structure: Any, schema: Field | None, files: Sequence[Path], keys: tuple[str, ...]
) -> Node:
    """The tree of a structure, down to where the schema has values."""
    if structure == "NULL":
        return Node(name, "nothing")
    if schema is None or (schema.type in ("STRING", "JSON") and not schema.repeated):
        return Node(name, "value", "JSON" if schema and schema.type == "JSON" else "VARCHAR")
    if isinstance(structure, list):
        element = _json_node("", structure[0], replace(schema, repeated=False), files, keys)
        return Node(name, "array", element=element)
    if not isinstance(structure, dict) or schema.type != "RECORD":
        return Node(name, "value", "VARCHAR")
    fields: dict[str, Node] = {}
    for key, inner in structure.items():
        known, twin = schema.child(key), fields.get(key.lower())
        if twin is not None and known:
            one, other = ".".join((*keys, twin.name)), ".".join((*keys, key))
            message = f"`{other}` is the same column as `{one}`, since case does not matter"
            advice = "spell it alike in all rows"
            raise QuerygenError((at_name(files, (*keys, key), "two-spellings", message, advice),))
        fields[key.lower()] = _json_node(key, inner, known, files, (*keys, key))
    return Node(name, "record", fields=fields)


# ---------------------------------------------------------------------------------------------------------
# CSV


def _csv_groups(con: duckdb.DuckDBPyConnection, files: Sequence[Path], schema: Field) -> Iterator[Group]:
    by_header: dict[tuple[str, ...], list[Path]] = {}
    for file in files:
        header = tuple(csv_header(file))
        if header:
            by_header.setdefault(header, []).append(file)
    for header, alike in by_header.items():
        yield _csv_group(con, alike, header, schema)


def _csv_group(
    con: duckdb.DuckDBPyConnection, files: Sequence[Path], header: Sequence[str], schema: Field
) -> Group:
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(header)))
    source = (
        f"read_csv({_paths(files)}, columns={{{columns}}}, header=true, auto_detect=false, delim=',', "
        "quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false, hive_partitioning=false)"
    )

    def describe(name: str, known: Field | None, sql: str, path: str) -> Node:
        if known is None or (known.type == "STRING" and not known.repeated):
            return Node(name, "value", "VARCHAR", sql=sql)
        text = f"nullif({sql}, '')"  # only a STRING can be empty
        if known.type != "RECORD" and not known.repeated:
            return Node(name, "value", "VARCHAR", sql=text)
        # Invalid JSON counts as a value, so that it is found where an array or record is expected.
        cells = f"CASE WHEN json_valid({text}) THEN CAST({text} AS JSON) WHEN {text} <> '' THEN 'false' END"
        structure, _ = _structure(con, cells, source, files, _alone(path, known))
        if structure is None:
            return Node(name, "nothing", sql=text)
        node = _json_node(name, structure, known, files, (name,))
        return replace(node, sql=f"from_json({text}, {_literal(json.dumps(cell_spec(node)))})")

    def insert(parent: Node, known: Field | None, segments: Sequence[str], sql: str, path: str) -> Node:
        name, *rest = segments
        inner_known = known.child(name) if known and known.type == "RECORD" and not known.repeated else None
        twin = parent.fields.get(name.lower())
        if twin is not None and (not rest or twin.sql != ""):
            raise QuerygenError.of(
                "two-spellings",
                f"two columns of the header give `{name}`",
                span=Span(str(files[0]), 1, 1),
                help="leave one of them out",
            )
        if rest:
            node = insert(twin or Node(name, "record", sql=""), inner_known, rest, sql, path)
        else:
            node = describe(name, inner_known, sql, path)
        return replace(parent, fields={**parent.fields, name.lower(): node})

    root = Node("", "record", sql="")
    for i, path in enumerate(header):
        root = insert(root, schema, path.split("."), quote_identifier(f"c{i}"), path)
    return Group(tuple(map(str, files)), root, lambda _: source, tuple(files))


def _alone(path: str, known: Field) -> Field:
    """A row's record that has the field at a path and no other."""
    for name in reversed(path.split(".")):
        known = replace(_ROW, fields={name.lower(): replace(known, name=name)})
    return known


# ---------------------------------------------------------------------------------------------------------
# Typed rows: Parquet, Arrow


def _parquet_groups(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> Iterator[Group]:
    by_columns: dict[str, tuple[Node, list[Path]]] = {}
    for file in files:
        root = typed_columns(con, _parquet_source([file]), str(file))
        by_columns.setdefault(repr(root), (root, []))[1].append(file)
    for root, alike in by_columns.values():
        yield typed_group(root, _parquet_source(alike), map(str, alike))


def typed_columns(con: duckdb.DuckDBPyConnection, source: str, name: str) -> Node:
    """The columns of a relation whose types DuckDB knows, as a record.

    Raises:
        QuerygenError: DuckDB cannot read it; the message calls it `name`.
    """
    try:
        relation = con.sql(f"FROM {source}")
        columns = list(zip(relation.columns, relation.types, strict=True))
    except duckdb.Error as error:
        raise unreadable([name], error) from None
    return Node("", "record", fields={column.lower(): _typed_node(column, kind) for column, kind in columns})


def typed_group(root: Node, source: str, names: Iterable[str]) -> Group:
    """The group of a relation whose types DuckDB knows."""
    return Group(tuple(names), root, lambda _: source)


def _parquet_source(files: Iterable[Path]) -> str:
    return f"read_parquet({_paths(files)}, hive_partitioning=false)"


def _typed_node(name: str, kind: Any) -> Node:
    if kind.id == "struct":
        return Node(name, "record", fields={n.lower(): _typed_node(n, k) for n, k in kind.children})
    if kind.id in ("list", "array"):
        return Node(name, "array", element=_typed_node("", kind.children[0][1]))
    text = str(kind)
    return Node(name, "nothing") if text.strip('"') == "NULL" else Node(name, "value", text)
