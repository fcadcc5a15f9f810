"""What a file has, made into what the schema says: SQL that reads a value as a BigQuery type.

A file's columns are a tree of `Node`s; a schema is a tree of `Field`s. `convert` walks both and writes the
DuckDB expression of the schema's type; `bad_value` writes the one that finds a value which is no such thing.

The rules, the same for every format. Numbers of a narrower type widen; everything else goes through text:
- INT64: a whole number, also as text ("5", as BigQuery exports it) or as 5.0; 5.5 is an error.
- FLOAT64: a number, also as text, Infinity; NaN is NULL. BOOL: true or false, also as text.
- TIMESTAMP: ISO 8601 with an offset, Z or UTC ("2020-04-20 12:00:00 UTC"), or without: UTC. Never a number.
- DATE, DATETIME, TIME: ISO 8601 without an offset. BYTES: Base64. NUMERIC: a decimal number.
- TIMESTAMP, DATE, DATETIME: in the years 1 to 9999, as in BigQuery.
- STRING: text; a number becomes its text, an object or array its JSON text (so histograms may be pasted).
- JSON: any valid JSON text.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from querygen.schema import Field, quote_identifier

_DATE = r"\d{4}-\d\d-\d\d"
_TIME = r"([01]\d|2[0-3]):\d\d(:\d\d(\.\d{1,9})?)?"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
# The spellings of each type; understood alike by RE2 and by Python's re (with re.ASCII).
PATTERNS: Mapping[str, str] = {
    "INT64": r"[+-]?\d{1,19}(\.0*)?",
    "FLOAT64": rf"{_NUMBER}|[+-]?([iI]nf(inity)?|[nN]a[nN])",
    "BOOL": r"[tT]rue|[fF]alse|TRUE|FALSE",
    "TIMESTAMP": rf"{_DATE}([T ]{_TIME}( ?(Z|UTC)|[+-](0\d|1[0-4])(:?[0-5]\d)?)?)?",
    "DATE": _DATE,
    "DATETIME": rf"{_DATE}([T ]{_TIME})?",
    "TIME": _TIME,
    "BYTES": r"[A-Za-z0-9+/]*={0,2}",
    "NUMERIC": r"[+-]?\d+(\.\d+)?",
    "JSON": r"(?s).*",
}
_OFFSET = r":\d\d(\.\d+)?[+-]\d\d(:?\d\d)?$"

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_WIDENED = {
    "INT64": _INTEGERS,
    "FLOAT64": {*_INTEGERS, "UBIGINT", "HUGEINT", "FLOAT"},
    "NUMERIC": _INTEGERS,
    "DATETIME": {"TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"},
}
_WITHOUT_ZONE = {"TIMESTAMP", *_WIDENED["DATETIME"]}
# What BigQuery holds; DuckDB has years before and after, and infinity.
_RANGES = {
    "TIMESTAMP": "TIMESTAMPTZ '0001-01-01 00:00:00+00' AND TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'",
    "DATETIME": "TIMESTAMP '0001-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999'",
    "DATE": "DATE '0001-01-01' AND DATE '9999-12-31'",
}


@dataclass(frozen=True)
class Node:
    """What a file has at one place.

    Attributes:
        name: as the file spells it.
        kind: a value, a record or an array; `nothing` where only NULLs were seen.
        type: a value's DuckDB type.
        fields: a record's fields by lower-case name.
        element: an array's elements.
        sql: where the value stands, if it isn't simply the parent's field of that name; "" for a record
            that is only made up of columns with dotted names.
    """

    name: str
    kind: Literal["value", "record", "array", "nothing"]
    type: str = ""
    fields: Mapping[str, "Node"] = field(default_factory=dict)
    element: "Node | None" = None
    sql: str | None = None

    def at(self, parent: str) -> str:
        """The SQL for this field of the record that `parent` stands for ("" is the row)."""
        name = quote_identifier(self.name)
        if self.sql is not None:
            return self.sql
        return f"{parent}.{name}" if parent else name


def fits(wanted: Field, node: Node) -> bool:
    """Whether the shapes agree: a record where one is wanted, an array where one is wanted.

    Whether the values do is for `bad_value` to find out.
    """
    if node.kind == "nothing" or (wanted.type in ("STRING", "JSON") and not wanted.repeated):
        return True
    kind = "array" if wanted.repeated else "record" if wanted.type == "RECORD" else "value"
    return node.kind == kind


def misfits(wanted: Field, node: Node, path: str = "") -> Iterable[tuple[str, Field, Node]]:
    """The places, wanted and had, where a file's shape isn't what the schema says."""
    if not fits(wanted, node):
        yield path, wanted, node
    elif wanted.repeated and node.element:
        yield from misfits(replace(wanted, repeated=False), node.element, path)
    elif wanted.type == "RECORD" and not wanted.repeated:
        for name, child in wanted.fields.items():
            if name in node.fields:
                yield from misfits(child, node.fields[name], f"{path}.{child.name}" if path else child.name)


def is_same(wanted: Field, node: Node) -> bool:
    """Whether the file has exactly the wanted type, field by field and in the schema's spelling."""
    if wanted.repeated:
        return node.element is not None and is_same(replace(wanted, repeated=False), node.element)
    if wanted.type == "RECORD":
        names = [child.name for child in wanted.fields.values()]
        return names == [child.name for child in node.fields.values()] and all(
            is_same(child, node.fields[name]) for name, child in wanted.fields.items()
        )
    return node.kind == "value" and node.type == wanted.duckdb_type() and wanted.type != "FLOAT64"


Whole = bool | Mapping[str, "Whole"]  # which records are asked for as such: all, none, or those inside


def convert(wanted: Field, node: Node | None, sql: str, whole: Whole = False, depth: int = 0) -> str:
    """The SQL expression that reads `sql`, which is what `node` says, as the wanted type.

    Records are rebuilt with struct_pack, which DuckDB's optimizer sees through: a query on one field reads
    that field alone. Only where a record is asked for as a `whole` is a NULL record kept apart from a record
    of NULLs, since the CASE that it takes bars the optimizer's view.
    """
    if node is None or node.kind == "nothing" or not fits(wanted, node):
        return f"CAST(NULL AS {wanted.duckdb_type()})"
    is_record = wanted.type == "RECORD" and not wanted.repeated
    if sql and is_same(wanted, node) and (whole is True or not is_record):
        return sql
    if wanted.repeated:
        each = f"element_{depth}"
        inner = convert(replace(wanted, repeated=False), node.element, each, True, depth + 1)
        return f"list_transform({sql}, lambda {each}: {inner})"
    if wanted.type == "RECORD":
        if not wanted.fields:
            return f"CAST(NULL AS {wanted.duckdb_type()})"
        members = []
        for name, child in wanted.fields.items():
            found = node.fields.get(name)
            inside = whole if isinstance(whole, bool) else whole.get(name, False)
            inner = convert(child, found, found.at(sql) if found else "", inside, depth)
            members.append(f"{quote_identifier(child.name)} := {inner}")
        packed = f"struct_pack({', '.join(members)})"
        return f"CASE WHEN {sql} IS NOT NULL THEN {packed} END" if whole is True and sql else packed
    value = _convert_value(wanted, node, sql)
    # Engines disagree on what NaN is equal to, greater than and sorted behind. Where data has it at all, it
    # was written for a missing number.
    return f"nullif({value}, CAST('NaN' AS DOUBLE))" if wanted.type == "FLOAT64" else value


def _convert_value(wanted: Field, node: Node, sql: str) -> str:
    kind = wanted.type
    if node.type in _WIDENED.get(kind, ()):
        return f"CAST({sql} AS {wanted.duckdb_type()})"
    if kind == "TIMESTAMP" and node.type in _WITHOUT_ZONE:
        return f"(CAST({sql} AS TIMESTAMP) AT TIME ZONE 'UTC')"
    if kind == "JSON" and node.kind != "value":
        return f"to_json({sql})"
    text = _text(node, sql)
    if kind == "STRING":
        return text
    if kind == "BYTES":
        return f"from_base64({text})"
    if kind == "TIMESTAMP":  # each branch independent of the session's time zone
        utc = rf"CAST(regexp_replace({text}, ' ?(Z|UTC)$', '') AS TIMESTAMP) AT TIME ZONE 'UTC'"
        has_offset = f"regexp_matches({text}, '{_OFFSET}')"
        return f"(CASE WHEN {has_offset} THEN CAST({text} AS TIMESTAMPTZ) ELSE {utc} END)"
    return f"CAST({text} AS {wanted.duckdb_type()})"


def _text(node: Node, sql: str) -> str:
    """The value as text."""
    if node.kind != "value":
        return f"CAST(to_json({sql}) AS VARCHAR)"
    if node.type == "VARCHAR":
        return sql
    if node.type == "BLOB":
        return f"decode({sql})"
    if node.type == "TIMESTAMP WITH TIME ZONE":
        return f"(CAST({sql} AT TIME ZONE 'UTC' AS VARCHAR) || ' UTC')"
    return f"CAST({sql} AS VARCHAR)"


def _is_checked(wanted: Field, node: Node) -> bool:
    """Whether a value could be something else than the schema says."""
    if wanted.type == "STRING":
        return node.type == "BLOB"
    if wanted.type == "JSON":
        return node.kind == "value" and node.type != "JSON"
    if node.type in _WIDENED.get(wanted.type, ()) or node.type == wanted.duckdb_type():
        return False
    return not (wanted.type == "TIMESTAMP" and node.type in _WITHOUT_ZONE)


def bad_value(wanted: Field, node: Node | None, sql: str, depth: int = 0) -> str | None:
    """The SQL of a text: a value in `sql` that isn't of the wanted type, else NULL.

    None where no such value is possible, as of numbers in a Parquet column of that very type.
    """
    if node is None or node.kind == "nothing" or not fits(wanted, node):
        return None
    if wanted.repeated:
        each = f"element_{depth}"
        inner = bad_value(replace(wanted, repeated=False), node.element, each, depth + 1)
        if inner is None:
            return None
        return f"list_filter(list_transform({sql}, lambda {each}: {inner}), lambda bad: bad IS NOT NULL)[1]"
    if wanted.type == "RECORD":
        found = ((child, node.fields.get(name)) for name, child in wanted.fields.items())
        inners = [bad_value(child, had, had.at(sql), depth) for child, had in found if had]
        texts = [inner for inner in inners if inner]
        return f"coalesce({', '.join(texts)})" if texts else None
    if not _is_checked(wanted, node):
        if wanted.type not in _RANGES:
            return None
        within = f"{_convert_value(wanted, node, sql)} BETWEEN {_RANGES[wanted.type]}"
        return f"CASE WHEN NOT ({within}) THEN {_text(node, sql)} END"
    if wanted.type == "STRING":
        return f"CASE WHEN TRY({_text(node, sql)}) IS NULL THEN CAST({sql} AS VARCHAR) END"
    text = _text(node, sql)
    if wanted.type == "JSON":
        return f"CASE WHEN NOT json_valid({text}) THEN {text} END"
    spelt = f"regexp_full_match({text}, '{PATTERNS[wanted.type]}')"
    valid = f"TRY({_convert_value(wanted, node, sql)}) IS NOT NULL"
    if wanted.type in _RANGES:
        valid = f"coalesce(TRY({_convert_value(wanted, node, sql)}) BETWEEN {_RANGES[wanted.type]}, false)"
    return f"CASE WHEN {sql} IS NOT NULL AND NOT ({spelt} AND {valid}) THEN {text} END"


def is_spelt_as(kind: str, text: str) -> bool:
    """Whether the text is spelt as a value of the BigQuery type `kind`."""
    return re.fullmatch(PATTERNS[kind], text, re.ASCII) is not None


def json_type(wanted: Field, node: Node | None) -> str:
    """The DuckDB type as which to read JSON: the wanted fields in the file's spelling, values as text."""
    if node is None or node.kind == "nothing" or not fits(wanted, node):
        return "JSON"
    if wanted.repeated:
        return json_type(replace(wanted, repeated=False), node.element) + "[]"
    if wanted.type == "RECORD":
        members = [
            f"{quote_identifier(node.fields[name].name)} {json_type(child, node.fields[name])}"
            for name, child in wanted.fields.items()
            if name in node.fields
        ]
        return f"STRUCT({', '.join(members)})" if members else "JSON"
    return "JSON" if wanted.type == "JSON" else "VARCHAR"


def closed(wanted: Field, nodes: Iterable[Node]) -> Field:
    """The field with its open records closed around the names that the files have."""
    nodes = list(nodes)
    if wanted.repeated:
        return replace(
            closed(replace(wanted, repeated=False), [n.element for n in nodes if n.element]), repeated=True
        )
    if wanted.type != "RECORD":
        return wanted
    names = dict.fromkeys(wanted.fields)
    if wanted.open:
        names |= dict.fromkeys(name for node in nodes for name in node.fields)
    fields = {}
    for name in names:
        child = wanted.child(name)
        if child is not None:
            fields[name] = closed(child, [node.fields[name] for node in nodes if name in node.fields])
    return replace(wanted, fields=fields, open=None)


def cell_spec(node: Node) -> object:
    """The structure, as DuckDB's from_json takes it, of a CSV cell with JSON: values as text."""
    if node.kind == "record" and node.fields:
        return {child.name: cell_spec(child) for child in node.fields.values()}
    if node.kind == "array":
        return [cell_spec(node.element) if node.element else "JSON"]
    return node.type if node.kind == "value" else "JSON"
