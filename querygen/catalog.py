"""What can be asked for: tables, their columns, and the friendly names of their dimensions.

A source is a file in `sources/`; its column types come from a schema, the built-in one or the user's.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlglot
from ruamel.yaml import YAML
from sqlglot import exp

from querygen.errors import EngineError, QuerygenError, similar_name_help
from querygen.schema import Schema, builtin_schema
from querygen.sqltext import Node, path

if TYPE_CHECKING:
    from querygen.probes import Definitions

OTHERS = ("telemetry.releases",)
"""The tables of other rows than pings whose columns are known."""

_FOLDER = Path(__file__).parent / "sources"
_TABLE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){1,2}", re.ASCII)
_MISSPELT = 0.85  # how alike a table's name and a known one must be


@dataclass(frozen=True, slots=True)
class Column:
    """Something that has a value in each ping: a column, or an expression over columns.

    Attributes:
        expression: GoogleSQL, over the columns of the table.
        type: BigQuery's name of the type (`STRING`, `DATE`, …).
        needs: the paths of the table's columns that the expression reads.
        whole_length: where the text is a prefix code (a build id's 14 digits), its full length.
        is_version: whether the text is a version of the application, so that ranges compare versions.
    """

    expression: Node
    type: str
    needs: tuple[str, ...]
    whole_length: int | None = None
    is_version: bool = False

    @property
    def node(self) -> Node:
        """The expression, free to be put into another one."""
        return self.expression.copy()


@dataclass(frozen=True, slots=True)
class Place:
    """A record of the table whose fields are distributions, or scalars.

    Attributes:
        at: its path; `*` stands for each process.
        process: the process that recorded them, where the path doesn't say.
        unit: of the buckets, where it is the same for all fields.
    """

    at: str
    process: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Table:
    """One table that specs can name.

    Attributes:
        table: the name that is printed and that data is given for.
        known_as: the table whose shape it has; the same name, but for tables that a spec declares.
        schema: its columns.
        strict: whether the schema is the user's own, and so knows every column.
    """

    table: str
    known_as: str
    schema: Schema
    strict: bool

    def node(self, dotted: str) -> Node:
        """A column of the table as SQL."""
        return path(dotted)

    def column(self, reference: str) -> Column | None:
        """The column at a path, case-insensitively; None if there is none.

        Raises:
            QuerygenError: the path leads to a record or an array, which has no single value.
        """
        found = self.schema.resolve(reference)
        if found is None:
            return None
        spelling, column = found
        if column.repeated or column.type == "RECORD":
            kind = "an array" if column.repeated else "a record"
            inner = ", ".join(f"`{spelling}.{name}`" for name in list(column.fields)[:3])
            raise QuerygenError.of(
                "not-a-value",
                f"`{reference}` is {kind}, which has no single value",
                help=f"name a column inside it, such as {inner}"
                if inner and not column.repeated
                else "name a column that has one value per ping",
            )
        return Column(self.node(spelling), column.type, (spelling,))

    def nearest(self, reference: str, also: Iterable[str] = ()) -> str | None:
        """A help line with the columns, `also` those, that an unknown one may have been meant to be."""
        columns = [path for path, _ in self.schema.leaves()]
        near = similar_name_help(reference, [*columns, *also], "a column")
        return near or f"its columns are {', '.join(columns)}"


@dataclass(frozen=True)
class SourceTable(Table):
    """A table of pings.

    Attributes:
        alias: the table's name inside the query, where one is needed.
        client_id, timestamp, ping_id: paths of the client's id, the partition column, and the ping's id.
        dotted_names: whether probes are named as Glean's metrics are, `category.metric`.
        recorded: where distributions stand.
        numbers: where scalars and counters stand.
        units: the unit of buckets, by the end of a probe's name.
        processes: what `*` in a place stands for, unless the schema is the user's own.
        friendly: names of dimensions, to a path or to `{sql, type}`.
        prefixes: columns whose shorter values are prefixes, to their full length.
        versions: columns that hold a version of the application.
        experiments: where enrolments stand: a `map` of slugs, or the `record` of a single one.
        usage: the `column` of how long the application was used until a ping, and its `unit`; or nothing.
    """

    alias: str | None
    client_id: str
    timestamp: str
    ping_id: str
    dotted_names: bool
    recorded: tuple[Place, ...]
    numbers: tuple[Place, ...]
    units: Mapping[str, str]
    processes: tuple[str, ...]
    friendly: Mapping[str, str | Mapping[str, str]]
    prefixes: Mapping[str, int]
    versions: frozenset[str]
    experiments: Mapping[str, Mapping[str, str]]
    usage: Mapping[str, str]

    def node(self, dotted: str) -> Node:
        """A column of the table as SQL."""
        return path(f"{self.alias}.{dotted}" if self.alias else dotted)

    def column(self, reference: str) -> Column | None:
        """The column of a friendly name or a path, case-insensitively; None if there is none.

        Raises:
            QuerygenError: the path leads to a record or an array, which has no single value.
        """
        if ".$" in reference:
            return self._inside(reference)
        declared = self.friendly.get(reference.lower())
        if isinstance(declared, Mapping):
            expression = sqlglot.parse_one(declared["sql"], dialect="bigquery")
            return Column(expression, declared["type"], tuple(self._paths_in(expression)))
        found = super().column(declared or reference)
        if found is None:
            return None
        (spelling,) = found.needs
        length = self.prefixes.get(spelling)
        return replace(found, whole_length=length, is_version=spelling in self.versions)

    def _inside(self, reference: str) -> Column | None:
        """The text at a path of a column of JSON text: `additional_properties.$.payload.info.reason`.

        NULL where the text is no JSON, or has an object, an array or nothing there.
        """
        dotted, _, inner = reference.partition(".$")
        found = self.schema.resolve(dotted)
        if found is None or found[1].repeated or found[1].type != "STRING":
            return None
        if not re.fullmatch(r"(\.[A-Za-z_][A-Za-z0-9_]{0,99}|\[[0-9]{1,4}\])+", inner, re.ASCII):
            raise QuerygenError.of(
                "bad-path",
                f"`${inner}` is no path in JSON",
                help="write for example additional_properties.$.payload.log[0][2]",
            )
        at = sqlglot.parse_one(f"JSON_VALUE(a, '${inner}')", dialect="bigquery")
        at.set("this", self.node(found[0]))
        return Column(at, "STRING", (found[0],))

    def _paths_in(self, expression: Node) -> Iterable[str]:
        """The column paths that an expression reads, as dotted text."""
        prefix = f"{self.alias}." if self.alias else ""
        for found in expression.find_all(exp.Column):
            yield ".".join(part.name for part in found.parts).removeprefix(prefix)

    def names(self) -> list[str]:
        """The friendly names."""
        return list(self.friendly)

    def nearest(self, reference: str, also: Iterable[str] = ()) -> str | None:
        """A help line with the names, `also` those, that an unknown one may have been meant to be."""
        near = similar_name_help(reference, [*self.friendly, *also], "a field" if also else "a dimension")
        if near:
            return near
        paths = self.schema.nearest(reference)
        if paths:
            return "a column with a similar name exists: " + ", ".join(f"`{p}`" for p in paths)
        return f"the dimensions are {', '.join(self.friendly)}; any column path is one too"


@dataclass(frozen=True)
class Catalog:
    """The tables that specs may name. Each is read when it is first asked for.

    Those of pings are sources; others only tell something about them, as telemetry.releases does.

    Attributes:
        schemas: the user's own, in place of the built-in ones.
        definitions: what the probes are, where the user says where that is written.
    """

    schemas: Mapping[str, Schema] = field(default_factory=dict)
    definitions: "Definitions | None" = None

    @property
    def names(self) -> tuple[str, ...]:
        """The tables of pings that are known."""
        return tuple(sorted(file.stem for file in _FOLDER.glob("*.yaml")))

    @property
    def others(self) -> tuple[str, ...]:
        """The tables of other rows that are known."""
        return (*OTHERS, *(name for name in self.schemas if name not in (*self.names, *OTHERS)))

    def get(self, name: str) -> SourceTable | None:
        """The table of pings of that name, or None."""
        if name not in self.names:
            return None
        found = _builtin(name)
        return replace(found, schema=self.schemas[name], strict=True) if name in self.schemas else found

    def table(self, known: str, name: str | None = None) -> Table | None:
        """The known table, whatever its rows are, perhaps under another name; None if it has no schema."""
        if known in self.names:
            return self.like(name or known, known)
        given = self.schemas.get(known)
        schema = builtin_schema(known) if given is None else given
        return None if schema is None else Table(name or known, known, schema, given is not None)

    def like(self, table: str, known: str) -> SourceTable | None:
        """The known table's shape under another table's name."""
        found = self.get(known)
        return replace(found, table=table) if found else None


@cache
def _builtin(name: str) -> SourceTable:
    declared = YAML(typ="safe", pure=True).load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    schema = builtin_schema(name)
    if schema is None:
        raise EngineError.of("no-schema", f"the source {name} has no built-in schema")
    friendly, prefixes = {}, {}
    for dimension, definition in declared["dimensions"].items():
        if isinstance(definition, dict) and "of" in definition:
            prefixes[definition["of"]] = definition["whole_length"]
            friendly[dimension] = definition["of"]
        else:
            friendly[dimension] = definition
    return SourceTable(
        table=declared["table"],
        known_as=declared["table"],
        alias=declared.get("alias"),
        schema=schema,
        strict=False,
        client_id=declared["client_id"],
        timestamp=declared["timestamp"],
        ping_id=declared["ping_id"],
        dotted_names=declared["names"] == "dotted",
        recorded=tuple(Place(**place) for place in declared["recorded"]),
        numbers=tuple(Place(**place) for place in declared["numbers"]),
        units=declared["units"],
        processes=tuple(declared["processes"]),
        friendly=friendly,
        prefixes=prefixes,
        versions=frozenset(declared["versions"]),
        experiments=declared["experiments"],
        usage=declared.get("usage", {}),
    )


def misspelt(name: str, known: Iterable[str]) -> list[str]:
    """The tables that a name can hardly be anything but a misspelling of."""
    return difflib.get_close_matches(name, list(known), n=3, cutoff=_MISSPELT)


def catalog(schemas: Mapping[str, Schema] | None = None, definitions: "Definitions | None" = None) -> Catalog:
    """The built-in tables, those in `schemas` with the user's schema instead of the built-in one.

    A schema may be of another table, too: one that `align: {dates: {table: …}}` names.

    Raises:
        QuerygenError: a schema is given for what is no table's name, or a misspelt one.
    """
    made = Catalog(schemas or {}, definitions)
    known = (*made.names, *OTHERS)
    for name in made.schemas:
        near = misspelt(name, known)
        if name not in known and (near or not _TABLE.fullmatch(name)):
            raise QuerygenError.of(
                "unknown-table",
                f"a schema is given for `{name}`, which no source declares",
                help=similar_name_help(name, near, "a table")
                or "write dataset.table or project.dataset.table",
            )
    return made
