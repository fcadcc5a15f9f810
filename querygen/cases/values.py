"""Expected values: what a cell may be, whether it is that, and how both are written in a report."""

import base64
import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa

from querygen.cases.model import Tolerance
from querygen.errors import Diagnostic, Loc, QuerygenError, similar_name_help

NUMBERS = ("INT64", "FLOAT64", "NUMERIC")
_TIMES = ("DATE", "DATETIME", "TIMESTAMP")


def kind_of(kind: pa.DataType) -> str:
    """BigQuery's name of an Arrow type; `ARRAY` and `STRUCT` for nested ones."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return "ARRAY"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "DATETIME"
    for name, test in _KINDS.items():
        if test(kind):
            return name
    return "STRING"


_KINDS: Mapping[str, Callable[[pa.DataType], bool]] = {
    "STRUCT": pa.types.is_struct,
    "BOOL": pa.types.is_boolean,
    "INT64": pa.types.is_integer,
    "FLOAT64": pa.types.is_floating,
    "NUMERIC": pa.types.is_decimal,
    "DATE": pa.types.is_date,
    "TIME": pa.types.is_time,
    "BYTES": pa.types.is_binary,
}


@dataclass(frozen=True)
class Expected:
    """What a cell shall be.

    Attributes:
        text: as a report says it.
        holds: whether a value is so.
        value: the very value, where only one is meant; such cells can be keys.
        is_exact: whether it is one.
    """

    text: str
    holds: Callable[[Any], bool]
    value: Any = None
    is_exact: bool = False


def expected(written: Any, kind: pa.DataType, near: Tolerance, loc: Loc) -> Expected:
    """What a test file says of a cell.

    Args:
        written: a value, or a matcher.
        kind: the column's type.
        near: how far a FLOAT64 may be off.
        loc: where it stands, for errors.

    Raises:
        QuerygenError: the column cannot have such a value, or there is no such matcher.
    """
    if isinstance(written, Mapping) and kind_of(kind) != "STRUCT":
        return _matcher(written, kind, loc)
    value = _typed(written, kind, loc)
    return Expected(shown(value), lambda got: same(got, value, near), value, is_exact=True)


def same(got: Any, wanted: Any, near: Tolerance) -> bool:
    """Whether two values are one: NULL only NULL, NaN only NaN; fractions within the tolerance."""
    if got is None or wanted is None:
        return got is wanted
    if isinstance(got, Mapping) and isinstance(wanted, Mapping):
        return all(name in got and same(got[name], value, near) for name, value in wanted.items())
    if isinstance(got, list) and isinstance(wanted, list):
        return len(got) == len(wanted) and all(same(g, w, near) for g, w in zip(got, wanted, strict=True))
    if isinstance(got, float) and isinstance(wanted, int | float | Decimal) and not isinstance(wanted, bool):
        if math.isnan(got) or math.isnan(wanted) or math.isinf(got) or math.isinf(wanted):
            return got == wanted or (math.isnan(got) and math.isnan(wanted))
        return abs(got - float(wanted)) <= max(near.abs, near.rel * abs(float(wanted)))
    return bool(got == wanted) and isinstance(got, bool) == isinstance(wanted, bool)


def shown(value: Any) -> str:
    """A value as reports write it: text in quotes where it could be taken for something else."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        is_short = value.is_integer() and abs(value) < 1e15
        return "NaN" if math.isnan(value) else str(int(value)) if is_short else repr(value)
    if isinstance(value, dt.datetime):
        text = value.strftime("%Y-%m-%d %H:%M:%S")
        text += f".{value.microsecond:06}".rstrip("0") if value.microsecond else ""
        return f"{text} UTC" if value.tzinfo else text
    if isinstance(value, str):
        is_plain = re.fullmatch(r"[^\W\d](?:.*\S)?", value) and value.isprintable()
        if is_plain and value.lower() not in ("null", "true", "false", "nan"):
            return value
        return json.dumps(value, ensure_ascii=not value.isprintable())
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {shown(inner)}' for name, inner in value.items())}}}"
    return str(value)


# ---------------------------------------------------------------------------------------------------------
# Values as YAML has them


def _typed(written: Any, kind: pa.DataType, loc: Loc) -> Any:
    """A value as the column's type has it in Python."""
    name = kind_of(kind)
    if written is None:
        return None
    if name == "ARRAY":
        if not isinstance(written, list | tuple):
            raise _wrong(written, "holds arrays", "write [a, b]", loc)
        return [_typed(item, kind.value_type, (*loc, i)) for i, item in enumerate(written)]
    if name == "STRUCT":
        return _struct(written, kind, loc)
    if name in _TIMES:
        return _time(written, name, loc)
    if name in _BY_TEXT:
        read, holds, example = _BY_TEXT[name]
        try:
            return read(written)
        except (TypeError, ValueError):  # a number, say, or an hour 25
            raise _wrong(written, holds, f'write it as "{example}"', loc) from None
    if name in NUMBERS:
        if isinstance(written, bool) or not isinstance(written, int | float):
            is_number = isinstance(written, str) and re.fullmatch(r"-?\d+(\.\d+)?", written)
            help_ = f"take off the quotes: {written}" if is_number else "write a number"
            raise _wrong(written, "holds numbers", help_, loc)
        if name == "INT64" and isinstance(written, float) and not written.is_integer():
            raise _wrong(written, "holds whole numbers", "write a whole number", loc)
        return int(written) if name == "INT64" else written
    if name == "BOOL":
        if not isinstance(written, bool):
            raise _wrong(written, "holds true and false", "write true or false", loc)
        return written
    if not isinstance(written, str):
        text = str(written).lower() if isinstance(written, bool) else written
        raise _wrong(written, "holds text", f'quote the value to make it text: "{text}"', loc)
    return written


# Types whose values YAML has as text: how that is read, what the column holds, and an example.
_BY_TEXT: Mapping[str, tuple[Callable[[Any], Any], str, str]] = {
    "TIME": (dt.time.fromisoformat, "holds TIMEs", "10:30:00"),
    "BYTES": (partial(base64.b64decode, validate=True), "holds bytes, in Base64", "aGVsbG8="),
}


def _struct(written: Any, kind: pa.DataType, loc: Loc) -> dict[str, Any]:
    if not isinstance(written, Mapping):
        raise _wrong(written, "holds structs", "write {name: value}", loc)
    fields = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
    made = {}
    for name, value in written.items():
        if name not in fields:
            help_ = similar_name_help(name, fields, "a field") or f"it has {', '.join(fields)}"
            finding = Diagnostic("unknown-column", f"the struct has no field `{name}`", help=help_)
            raise QuerygenError(
                (Diagnostic(finding.code, finding.message, loc=(*loc, name), help=help_, at_key=True),)
            )
        made[name] = _typed(value, fields[name], (*loc, name))
    return made


def _time(written: Any, name: str, loc: Loc) -> Any:
    layout = {"DATE": "2020-04-20", "DATETIME": "2020-04-20 10:30:00", "TIMESTAMP": "2020-04-20T10:30:00Z"}
    value = written
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            value = None
        if name == "DATE" and value is not None and value == dt.datetime.combine(value.date(), dt.time()):
            value = value.date()
    if isinstance(value, dt.datetime) and name != "DATE":
        if name == "TIMESTAMP":
            return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
        if value.tzinfo is None:
            return value
    elif isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        if name == "DATE":
            return value
        return dt.datetime.combine(value, dt.time(), dt.UTC if name == "TIMESTAMP" else None)
    raise _wrong(written, f"holds {name}s", f"write it as {layout[name]}", loc)


def _wrong(written: Any, holds: str, help_: str, loc: Loc) -> QuerygenError:
    what = "the text" if isinstance(written, str) else "the number"
    if isinstance(written, bool) or not isinstance(written, str | int | float):
        what = "the value"
    value = f"`{written}`" if isinstance(written, str) else written
    value = shown(written) if not isinstance(written, str | float) else value
    return QuerygenError.of("wrong-type", f"this column {holds}, found {what} {value}", help=help_, loc=loc)


# ---------------------------------------------------------------------------------------------------------
# Matchers


def _matcher(written: Mapping[str, Any], kind: pa.DataType, loc: Loc) -> Expected:
    found = [name for name in written if name in MATCHERS]
    others = [name for name in written if name not in MATCHERS and (name not in _MORE or not found)]
    if others:
        known = (*MATCHERS, *_MORE) if found else MATCHERS
        help_ = similar_name_help(others[0], known, "a matcher") or f"the matchers are {', '.join(MATCHERS)}"
        message = f"`{others[0]}` is no matcher"
        told = Diagnostic("unknown-matcher", message, loc=(*loc, others[0]), help=help_, at_key=True)
        raise QuerygenError((told,))
    if len(found) != 1:
        what = " and ".join(f"`{name}`" for name in found) or "nothing"
        raise QuerygenError.of("bad-matcher", f"a cell takes one matcher, found {what}", loc=loc, help=_HELP)
    return MATCHERS[found[0]](written, kind, loc)


_HELP = "write for example {approx: 4.2, rel: 0.01}"
_MORE = ("rel", "abs")


def _approx(written: Mapping[str, Any], kind: pa.DataType, loc: Loc) -> Expected:
    _needs(kind, NUMBERS, "approx", loc)
    near = {name: written[name] for name in _MORE if name in written}
    numbers = {"approx": written["approx"], **near}
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise QuerygenError.of("bad-matcher", f"`{name}` is a number", loc=(*loc, name), help=_HELP)
    if not near:
        raise QuerygenError.of("bad-matcher", "`approx` needs to know how near", loc=loc, help=_HELP)
    within = Tolerance(abs=near.get("abs", 0), rel=near.get("rel", 0))
    text = f"{shown(written['approx'])} ± {' or '.join(f'{name} {shown(by)}' for name, by in near.items())}"
    number = float(written["approx"])
    return Expected(text, lambda got: got is not None and same(float(got), number, within))


def _between(written: Mapping[str, Any], kind: pa.DataType, loc: Loc) -> Expected:
    _needs(kind, (*NUMBERS, *_TIMES, "STRING"), "between", loc)
    ends = written["between"]
    if not isinstance(ends, list | tuple) or len(ends) != 2 or None in ends:
        raise QuerygenError.of(
            "bad-matcher", "`between` is a list of two", loc=loc, help="write {between: [0, 1]}"
        )
    low, high = (_typed(end, kind if kind_of(kind) != "INT64" else pa.float64(), loc) for end in ends)
    return Expected(f"{shown(low)} to {shown(high)}", lambda got: got is not None and low <= got <= high)


def _matches(written: Mapping[str, Any], kind: pa.DataType, loc: Loc) -> Expected:
    _needs(kind, ("STRING",), "matches", loc)
    try:
        pattern = re.compile(written["matches"])
    except (re.error, TypeError) as error:
        message = f"`matches` is no regular expression: {error}"
        raise QuerygenError.of("bad-matcher", message, loc=(*loc, "matches"), help="quote it: '^p'") from None
    return Expected(
        f"text that matches {written['matches']}", lambda got: got is not None and bool(pattern.search(got))
    )


def _is_null(written: Mapping[str, Any], _kind: pa.DataType, loc: Loc) -> Expected:
    null = _flag(written, "is_null", loc)
    return Expected("NULL" if null else "any value but NULL", lambda got: (got is None) is null)


def _any(written: Mapping[str, Any], _kind: pa.DataType, loc: Loc) -> Expected:
    if not _flag(written, "any", loc):
        raise QuerygenError.of("bad-matcher", "`any` is true", loc=loc, help="write {any: true}")
    return Expected("any value", lambda _: True)


MATCHERS: Mapping[str, Callable[[Mapping[str, Any], pa.DataType, Loc], Expected]] = {
    "approx": _approx,
    "between": _between,
    "matches": _matches,
    "is_null": _is_null,
    "any": _any,
}


def _flag(written: Mapping[str, Any], name: str, loc: Loc) -> bool:
    if not isinstance(written[name], bool):
        raise QuerygenError.of("bad-matcher", f"`{name}` is true or false", loc=(*loc, name))
    return bool(written[name])


def _needs(kind: pa.DataType, kinds: tuple[str, ...], matcher: str, loc: Loc) -> None:
    if kind_of(kind) not in kinds:
        raise QuerygenError.of(
            "bad-matcher", f"`{matcher}` means nothing to a column of {kind_of(kind)}", loc=loc
        )
