"""What can be asked for: tables, their columns, and the friendly names of their dimensions.

A source is a file in `sources/`; its column types come from a schema, the built-in one or the user's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import sqlglot
from ruamel.yaml import YAML
from sqlglot import exp

from querygen.errors import QuerygenError, similar_name_help
from querygen.schema import Schema, builtin_schema
from querygen.sqltext import NAME, Node, path

_FOLDER = Path(__file__).parent / "sources"


@dataclass(frozen=True, slots=True)
class Column:
    """Something that has a value in each ping: a column, or an expression over columns.

    Attributes:
        expression: GoogleSQL, over the columns of the table.
        type: BigQuery's name of the type (`STRING`, `DATE`, …).
        needs: the paths of the table's columns that the expression reads.
        whole_length: where the text is a prefix code (a build id's 14 digits), its full length.
    """

    expression: Node
    type: str
    needs: tuple[str, ...]
    whole_length: int | None = None

    @property
    def node(self) -> Node:
        """The expression, free to be put into another one."""
        return self.expression.copy()


@dataclass(frozen=True)
class SourceTable:
    """One table that specs can name.

    Attributes:
        table: the name that is printed and that data is given for.
        known_as: the source that declares its shape; the same name, but for tables that a spec declares.
        strict: whether the schema is the user's own, and so knows every column.
        client_id, timestamp: paths of the client's id and of the partition column.
        histograms: path of the record that holds the parent process's histograms, one column a probe.
        friendly: names of dimensions, to a path or to `{sql, type}`.
        prefixes: columns whose shorter values are prefixes, to their full length.
    """

    table: str
    known_as: str
    schema: Schema
    strict: bool
    client_id: str
    timestamp: str
    histograms: str
    friendly: Mapping[str, str | Mapping[str, str]]
    prefixes: Mapping[str, int]

    def column(self, reference: str) -> Column | None:
        """The column of a friendly name or a path, case-insensitively; None if there is none.

        Raises:
            QuerygenError: the path leads to a record or an array, which has no single value.
        """
        declared = self.friendly.get(reference.lower())
        if isinstance(declared, Mapping):
            expression = sqlglot.parse_one(declared["sql"], dialect="bigquery")
            return Column(expression, declared["type"], tuple(_paths_in(expression)))
        found = self.schema.resolve(declared or reference)
        if found is None:
            return None
        spelling, field = found
        if field.repeated or field.type == "RECORD":
            kind = "an array" if field.repeated else "a record"
            inner = ", ".join(f"`{spelling}.{name}`" for name in list(field.fields)[:3])
            raise QuerygenError.of(
                "not-a-value",
                f"`{reference}` is {kind}, which has no single value",
                help=f"name a column inside it, such as {inner}" if inner and not field.repeated else None,
            )
        return Column(path(spelling), field.type, (spelling,), self.prefixes.get(spelling))

    def names(self) -> list[str]:
        """The friendly names."""
        return list(self.friendly)

    def nearest(self, reference: str) -> str | None:
        """A help line with the names that an unknown one may have been meant to be."""
        near = similar_name_help(reference, self.friendly, "a dimension")
        if near:
            return near
        paths = self.schema.nearest(reference)
        if paths:
            return "a column with a similar name exists: " + ", ".join(f"`{p}`" for p in paths)
        return f"the dimensions are {', '.join(self.friendly)}; any column path is one too"


def _paths_in(expression: Node) -> Iterable[str]:
    """The column paths that an expression reads, as dotted text."""
    for node in expression.find_all(exp.Column):
        yield ".".join(part.name for part in node.parts)


@dataclass(frozen=True)
class Catalog:
    """The tables that specs may name, by the name they are known under."""

    tables: Mapping[str, SourceTable]

    def get(self, name: str) -> SourceTable | None:
        """The table of that name, or None."""
        return self.tables.get(name)

    def like(self, table: str, known: str) -> SourceTable | None:
        """The known table's shape under another table's name."""
        found = self.tables.get(known)
        return replace(found, table=table) if found else None


@cache
def _builtin(name: str) -> SourceTable:
    declared = YAML(typ="safe", pure=True).load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    schema = builtin_schema(name)
    if schema is None:
        raise QuerygenError.of("no-schema", f"the source {name} has no built-in schema")
    friendly, prefixes = {}, {}
    for dimension, definition in declared["dimensions"].items():
        if not NAME.fullmatch(dimension):
            raise QuerygenError.of(
                "bad-source", f"the source {name} declares `{dimension}`, which is no name"
            )
        if isinstance(definition, dict) and "of" in definition:
            prefixes[definition["of"]] = definition["whole_length"]
            definition = definition["of"]  # noqa: PLW2901 the shorter form of the same
        friendly[dimension] = definition
    return SourceTable(
        table=declared["table"],
        known_as=declared["table"],
        schema=schema,
        strict=False,
        client_id=declared["client_id"],
        timestamp=declared["timestamp"],
        histograms=declared["histograms"],
        friendly=friendly,
        prefixes=prefixes,
    )


def builtin_names() -> list[str]:
    """The tables that querygen knows by itself."""
    return sorted(file.stem for file in _FOLDER.glob("*.yaml"))


def catalog(schemas: Mapping[str, Schema] | None = None) -> Catalog:
    """The built-in tables, those in `schemas` with the user's schema instead of the built-in one.

    Raises:
        QuerygenError: a schema is given for a table that no source declares.
    """
    tables = {name: _builtin(name) for name in builtin_names()}
    for name, schema in (schemas or {}).items():
        if name not in tables:
            raise QuerygenError.of(
                "unknown-table",
                f"a schema is given for `{name}`, which no source declares",
                help=similar_name_help(name, tables, "a table") or f"the tables are {', '.join(tables)}",
            )
        tables[name] = replace(tables[name], schema=schema, strict=True)
    return Catalog(tables)
