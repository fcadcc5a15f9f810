"""One ping's JSON as a row: the schema decides what is a column, and what is left over.

The rules are those of the pipeline that fills the real tables, but for three. Nothing may be lost where the
pipeline rejects a ping or overwrites a value: a value that does not fit its record or array is left over, and
so is the second of two names that mean the same column. And a use counter's histogram stays JSON like any
other: the one number that the pipeline stores for it no longer says that it counted what is true.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from querygen.data_coerce import is_spelt_as
from querygen.names import column_name
from querygen.schema import Field, Schema

_LEFT: Final = object()  # stands for a value that has no place in the row
# Metric types whose first tables got a wrong type, and so have their columns under another name since.
_RENAMED: Final = {"url": "url2", "text": "text2", "jwe": "jwe2", "labeled_rate": "labeled_rate2"}

Json = dict[str, Any]


def compact(value: object) -> str:
    """The JSON text as the pipeline writes it: no spaces, names in their order, Unicode as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def convert(ping: Mapping[str, Any], schema: Schema) -> tuple[Json, Json]:
    """The row of a ping, and what has no place in it, under the ping's own names.

    Values are as in JSON. What is null or an empty array or record is not in the row: in BigQuery that is all
    the same.
    """
    return _record(schema.root, ping)


def _record(record: Field, value: Mapping[str, Any]) -> tuple[Json, Json]:
    row: Json = {}
    left: Json = {}
    for name, inner in value.items():
        field = _field(record, name)
        if field is None or field.name in row:
            left[name] = inner
            continue
        kept, rest = _value(field, inner)
        if kept is not _LEFT and not _is_nothing(kept):
            row[field.name] = kept
        if rest is not _LEFT:
            left[name] = rest
    return row, left


def _field(record: Field, name: str) -> Field | None:
    """The record's field of a JSON name: the very same name, or its snake case."""
    renamed = record.fields.get(_RENAMED.get(name, ""))
    if renamed is not None:
        return renamed
    exact = record.fields.get(name.lower())
    if exact is not None and exact.name == name:
        return exact
    return record.child(column_name(name))


def _is_nothing(value: object) -> bool:
    return value is None or value in ([], {})


def _value(field: Field, value: Any) -> tuple[Any, Any]:
    """What a field holds of a value, and what is left over of it; `_LEFT` for either where it is nothing."""
    if value is None:
        return None, _LEFT
    if field.type != "RECORD":
        kept = _array(field, value) if field.repeated else _scalar(field, value)
        return (_LEFT, value) if kept is _LEFT else (kept, _LEFT)
    if not field.repeated:
        return _single_record(field, value)
    if _is_map(field):
        return _pairs(field, value) if isinstance(value, dict) else (_LEFT, value)
    if not isinstance(value, list):
        return _LEFT, value
    if list(field.fields) == ["list"]:  # BigQuery has no arrays of arrays; each inner one is put in a record
        value = [{"list": inner} for inner in value]
        kept, rest = _records(field, value)
        return kept, rest if rest is _LEFT else [inner.get("list") for inner in rest]
    return _records(field, value)


def _single_record(field: Field, value: Any) -> tuple[Any, Any]:
    if isinstance(value, list) and "f0_" in field.fields:
        kept, rest = _record(field, {f"f{place}_": inner for place, inner in enumerate(value)})
        return kept, [rest.get(f"f{place}_") for place in range(len(value))] if rest else _LEFT
    if not isinstance(value, dict):
        return _LEFT, value
    kept, rest = _record(field, value)
    return kept, rest or _LEFT


def _records(field: Field, value: list[Any]) -> tuple[Any, Any]:
    """An array of records; what is left over is an array of as many, with {} where nothing is."""
    kept: list[Any] = []
    left: list[Any] = []
    for inner in value:
        record, rest = _single_record(field, inner)
        kept.append({} if record is _LEFT else record)
        left.append({} if rest is _LEFT else rest)
    return kept, left if any(rest != {} for rest in left) else _LEFT


def _is_map(field: Field) -> bool:
    return set(field.fields) in ({"key", "value"}, {"key"})


def _pairs(field: Field, value: Json) -> tuple[Any, Any]:
    """The pairs of a map. A key whose value has no place is there without it."""
    pairs: list[Json] = []
    left: Json = {}
    inner_field = field.fields.get("value")
    for key, inner in value.items():
        pair: Json = {"key": key}
        kept, rest = (_LEFT, inner) if inner_field is None else _value(inner_field, inner)
        if kept is not _LEFT and not _is_nothing(kept):
            pair["value"] = kept
        pairs.append(pair)
        if rest is not _LEFT:
            left[key] = rest
    return pairs, left or _LEFT


def _array(field: Field, value: Any) -> Any:
    """All of an array, or nothing of it if one value doesn't fit: places matter."""
    if not isinstance(value, list):
        return _LEFT
    kept = [_LEFT if inner is None else _scalar(field, inner) for inner in value]
    return _LEFT if any(inner is _LEFT for inner in kept) else kept


def _scalar(field: Field, value: Any) -> Any:
    kind = field.type
    if kind == "STRING":
        return value if isinstance(value, str) else compact(value)
    if kind == "INT64":
        # The pipeline takes true for 1; 1.0 is no whole number to it.
        return int(value) if isinstance(value, int) and -(2**63) <= value < 2**63 else _LEFT
    if kind == "FLOAT64":
        return _float(value)
    if kind == "BOOL":
        return value if isinstance(value, bool) else _LEFT
    if kind == "JSON":
        return value
    return value if isinstance(value, str) and is_spelt_as(kind, value) else _LEFT


def _float(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if abs(value) < 1 << 1023 else _LEFT
    return value if isinstance(value, float) else _LEFT
