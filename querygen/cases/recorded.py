"""Histograms as test files write them, `{1: 2, 4: 1}`, in the form in which a table stores them."""

import json
import re
from collections.abc import Mapping
from typing import Any

from querygen.errors import Diagnostic, Loc, QuerygenError, similar_name_help
from querygen.recordings import Recording

# What a histogram has besides its buckets, where it is written out, by the form it is stored in.
_MEMBERS = {"text": ("bucket_count", "histogram_type", "sum", "range"), "array": ("sum", "count")}
_HELP = "write buckets and counts: {1: 2, 4: 1}; or {values: {1: 2}, sum: 2}, or the stored text"


def stored(recording: Recording, value: Any) -> Any:
    """A value as it stands in the column: JSON text, an array of keys and counts, or a number.

    Args:
        recording: the column.
        value: a number, the buckets of a histogram, all of it (`values`, `sum`, …), or its text; for keyed
            metrics a mapping of keys to these, or a list of key and value where a key occurs twice.

    Raises:
        QuerygenError: it is none of these; the path in its finding begins at the value.
    """
    if value is None:
        return None
    if not recording.is_keyed:
        return _one(recording, value)
    if isinstance(value, Mapping):
        return [{"key": key, "value": _one(recording, one, (key,))} for key, one in value.items()]
    if isinstance(value, list | tuple) and all(
        isinstance(item, Mapping) and set(item) == {"key", "value"} for item in value
    ):
        return [
            {"key": item["key"], "value": _one(recording, item["value"], (i, "value"))}
            for i, item in enumerate(value)
        ]
    name = recording.path.rpartition(".")[2]
    raise _bad(f"`{name}` is keyed, so that it has a value for each key", "write {key: {1: 2, 4: 1}}", ())


def _one(recording: Recording, value: Any, at: Loc = ()) -> Any:
    if value is None:
        return None
    if recording.form == "number":
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise _bad(f"a scalar is a whole number, not {value!r}", "write for example 5", at)
    if recording.form == "text" and isinstance(value, int | str) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, Mapping):
        raise _bad("this is no histogram", _HELP, at)
    whole = value if "values" in value else {"values": value}
    members = _MEMBERS[recording.form]
    for name in whole:
        if name not in (*members, "values"):
            help_ = similar_name_help(name, members, "a member") or f"it has values, {', '.join(members)}"
            raise _bad(f"a histogram has no `{name}`", help_, (*at, name), at_key=True)
    at = at if whole is not value else (*at, "values")
    if whole["values"] is not None and not isinstance(whole["values"], Mapping):
        raise _bad("these are no buckets", _HELP, at)
    entries = whole["values"] or {}
    for bucket, count in entries.items():
        if not re.fullmatch(r"-?\d+", bucket):
            message = f"`{bucket}` is no bucket, which is a whole number"
            raise _bad(message, _HELP, (*at, bucket), at_key=True)
        if not isinstance(count, int) or isinstance(count, bool):
            raise _bad(f"`{count}` is no count, which is a whole number", _HELP, (*at, bucket))
    of_all = {"sum": sum(int(bucket) * count for bucket, count in entries.items()), **whole}
    if recording.form == "text":
        return json.dumps({**of_all, "values": entries}, default=str)
    return {**of_all, "values": [{"key": bucket, "value": count} for bucket, count in entries.items()]}


def _bad(message: str, help_: str, at: Loc, *, at_key: bool = False) -> QuerygenError:
    return QuerygenError((Diagnostic("bad-recording", message, loc=at, help=help_, at_key=at_key),))
