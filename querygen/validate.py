"""Validate: `Source` becomes `Spec`, or every finding at its line and column, in words of ours.

Parameters have their defaults then. pydantic finds the mistakes; this module says them. Where a misspelt
key makes two findings (an unknown key and a missing one) only the first is told, with the name that was
meant.
"""

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from querygen.amounts import Amount
from querygen.conditions import Case, Condition, DefinedDimension, Reference
from querygen.errors import Diagnostic, Loc, QuerygenError, similar_name_help, suggest
from querygen.filling import fill
from querygen.parameters import Days, Parameter
from querygen.source import Source
from querygen.spec import Spec
from querygen.spec_values import Alert, Alignment, BucketShape, DeclaredSource, ReleaseTable, TopKeys


def validate(source: Source) -> Spec:
    """Checks the spec's shape.

    Raises:
        QuerygenError: with all findings, in the order of the file.
    """
    for key in source.data:
        if not isinstance(key, str):
            raise QuerygenError.of("bad-key", f"the key {key!r} is no text", help="keys are names in quotes")
    try:
        return fill(Spec.model_validate(dict(source.data)))
    except ValidationError as error:
        found = findings(source.data, error, _keys_of)
    except QuerygenError as error:
        found = tuple(error.diagnostics)
    raise source.locate(QuerygenError(found))


def findings(
    data: Mapping[str, Any], error: ValidationError, keys_of: Callable[[Loc], list[str]]
) -> tuple[Diagnostic, ...]:
    """What pydantic found wrong in `data`, in words of ours.

    Args:
        data: what was validated.
        error: what pydantic says.
        keys_of: the keys that are known where a path (of pydantic's) leads.
    """
    details = error.errors(include_url=False)
    return tuple(_say(data, detail, keys_of) for detail in _without_echoes(details))


def _at(
    path: Loc,
    code: str,
    message: str,
    help: str | None = None,  # noqa: A002
    *,
    at_key: bool = False,
) -> Diagnostic:
    return Diagnostic(code, message, loc=path, help=help or None, at_key=at_key)


def _without_echoes(details: Sequence[Any]) -> list[Any]:
    """Drops what other findings explain: a key is missing, since it is misspelt; a list has no valid item."""
    unknown = [detail for detail in details if detail["type"] == "extra_forbidden"]

    def is_echo(detail: Any) -> bool:
        if detail["type"] == "too_short":
            return bool(detail["input"])
        return detail["type"] == "missing" and any(
            other["loc"][:-1] == detail["loc"][:-1]
            and suggest(str(other["loc"][-1]), [str(detail["loc"][-1])])
            for other in unknown
        )

    return [detail for detail in details if not is_echo(detail)]


def _say(
    data: Mapping[str, Any], detail: Mapping[str, Any], keys_of: Callable[[Loc], list[str]]
) -> Diagnostic:
    loc: Loc = tuple(detail["loc"])
    path = _real_path(data, loc)
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        keys = keys_of(loc)
        message = f"unknown key `{loc[-1]}`"
        help_ = similar_name_help(str(loc[-1]), keys, "a key") or f"the keys here are {', '.join(keys)}"
        return _at((*path[:-1], loc[-1]), "unknown-key", message, help_, at_key=True)
    if kind == "querygen":
        key = context["key"]
        place = (*path, key) if key else path
        return _at(place, context["code"], context["message"], context["help"], at_key=bool(key))
    if kind == "missing":
        return _at(path, "missing-key", f"the key `{loc[-1]}` is missing", f"add `{loc[-1]}: …`")
    if kind == "literal_error":
        return _literal(path, value, context["expected"])
    message, hint = _common(kind, value, context, detail["msg"], path)
    return _at(path, "wrong-type" if "type" in kind else "bad-value", message, hint)


def _literal(path: Loc, value: Any, expected: str) -> Diagnostic:
    choices = [word for word in expected.replace(" or ", ", ").replace("'", "").split(", ") if word]
    help_ = similar_name_help(str(value), choices, "a value") or f"the values are {', '.join(choices)}"
    shown = f"`{value}`" if isinstance(value, str) else _described(value)
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    return _at(path, "unknown-value", f"{shown} is no value of `{key}`", help_)


def _common(
    kind: str, value: Any, context: Mapping[str, Any], fallback: str, path: Loc
) -> tuple[str, str | None]:
    """Our sentence and help for pydantic's common kinds of error."""
    found = _described(value)
    key = next((str(part) for part in reversed(path) if isinstance(part, str)), "this")
    if value is None:
        hint = "for rows without a value write {is_null: true}" if kind == "querygen_value" else None
        return f"`{key}` has no value", hint or "leave the key out, or give it a value"
    if kind == "string_type":
        if isinstance(value, list | tuple | dict):
            return f"expected text, found {found}", "write a name here"
        shown = str(value).lower() if isinstance(value, bool) else value
        return f"expected text, found {found}", f'quote the value to keep it text: "{shown}"'
    if kind in ("tuple_type", "list_type"):
        return f"`{key}` is a list, found {found}", f"write [{value}]" if not isinstance(
            value, dict
        ) else None
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return (
            f"`{key}` is a mapping of names to values, found {found}",
            "write it as `name: value` lines below the key",
        )
    if kind == "bool_type":
        return f"expected true or false, found {found}", "write true or false without quotes"
    if kind in ("int_type", "float_type", "querygen_number", "int_from_float", "finite_number"):
        wanted = {"int_type": "a whole number", "int_from_float": "a whole number"}.get(kind, "a number")
        wanted = "a finite number" if kind == "finite_number" else wanted
        return f"expected {wanted}, found {found}", _number_help(value, key)
    if kind in ("too_short", "missing_values"):
        return f"`{key}` is empty", "leave the key out, or give at least one value"
    if kind in ("greater_than", "less_than_equal"):
        which = f"greater than {context['gt']}" if "gt" in context else f"at most {context['le']}"
        return f"`{key}` must be {which}, found {found}", "leave the key out, or write another number"
    if kind == "string_pattern_mismatch" and key == "table":
        return f"`{value}` is no name of a table", "write dataset.table or project.dataset.table"
    if kind == "string_pattern_mismatch":
        return f"`{value}` is no name that a column can have", "use letters, digits and underscores"
    if kind == "querygen_value":
        return f"expected a value, found {found}", "write a text, a number, a date, true or false"
    return fallback[:1].lower() + fallback[1:], None


def _number_help(value: Any, key: str) -> str:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            if math.isfinite(float(value)):
                return f"take off the quotes: {value}"
    if key == "percentiles":
        return "0.5 is the median, 0.95 the 95th percentile"
    return "write a number such as 100"


def _described(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text `{value}`"
    if isinstance(value, list | tuple):
        return "a list"
    return "a mapping" if isinstance(value, dict) else f"`{value}`"


def _real_path(data: Any, loc: Loc) -> Loc:
    """`loc` without pydantic's own parts, which name branches of unions and stand nowhere in the file."""
    path: list[str | int] = []
    for part in loc:
        key: Any = part.rstrip("_") if part in ("from_", "not_", "else_") else part
        in_list = isinstance(data, list | tuple) and isinstance(key, int) and key < len(data)
        if in_list or (isinstance(data, Mapping) and key in data):
            data = data[key]
            path.append(key)
    return tuple(path)


_PARTS: dict[str, type[BaseModel]] = {
    "source": DeclaredSource,
    "key": TopKeys,
    "buckets": BucketShape,
    "events": Amount,
    "exposure": Amount,
    "align": Alignment,
    "alert": Alert,
}


def _keys_of(loc: Loc) -> list[str]:
    """The keys that would have been known where `loc` ends."""
    model: type[BaseModel] = Spec
    if loc[0] == "parameters":
        model = Days if "days" in loc else Parameter
    elif "operators" in loc:
        model = Reference if "parameter" in loc[:-1] else Condition
    elif "cases" in loc:
        model = Case
    elif loc[0] == "dimensions":
        model = DefinedDimension
    elif "table" in loc[:-1]:
        model = DeclaredSource
    elif "dates" in loc[:-1]:
        model = ReleaseTable
    else:
        model = _PARTS.get(str(loc[0]), Spec)
    return [info.alias or name for name, info in model.model_fields.items()]
