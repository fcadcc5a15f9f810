"""Validate: `Source` becomes `Spec`, or every finding at its line and column, in words of ours.

pydantic finds the mistakes; this module says them. Where a misspelt key makes two findings (an unknown key
and a missing one) only the first is told, with the name that was meant.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from querygen.errors import Diagnostic, Loc, QuerygenError, similar_name_help, suggest
from querygen.source import Source
from querygen.spec import Case, Condition, DeclaredSource, DefinedDimension, Spec


def validate(source: Source) -> Spec:
    """Checks the spec's shape.

    Raises:
        QuerygenError: with all findings, in the order of the file.
    """
    for key in source.data:
        if not isinstance(key, str):
            raise QuerygenError((_at(source, (key,), "bad-key", f"the key {key} is no name", at_key=True),))
    try:
        return Spec.model_validate(dict(source.data))
    except ValidationError as error:
        details = error.errors(include_url=False)
    findings = [_say(source, detail) for detail in _without_echoes(details)]
    findings.sort(key=lambda d: (d.span.line, d.span.column) if d.span else (0, 0))
    raise QuerygenError(tuple(findings))


def _at(
    source: Source,
    path: Loc,
    code: str,
    message: str,
    help: str | None = None,  # noqa: A002
    *,
    at_key: bool = False,
) -> Diagnostic:
    return Diagnostic(code, message, source.span(path, at_key=at_key), path, help or None)


def _without_echoes(details: Sequence[Any]) -> list[Any]:
    """Drops `missing` findings that a misspelt key beside them explains."""
    unknown = [detail for detail in details if detail["type"] == "extra_forbidden"]
    return [
        detail
        for detail in details
        if detail["type"] != "missing"
        or not any(
            other["loc"][:-1] == detail["loc"][:-1]
            and suggest(str(other["loc"][-1]), [str(detail["loc"][-1])])
            for other in unknown
        )
    ]


def _say(source: Source, detail: Mapping[str, Any]) -> Diagnostic:
    loc: Loc = tuple(detail["loc"])
    path = _real_path(source.data, loc)
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        keys = _keys_of(loc)
        message = f"unknown key `{loc[-1]}`"
        help_ = similar_name_help(str(loc[-1]), keys, "a key") or f"the keys here are {', '.join(keys)}"
        return _at(source, (*path[:-1], loc[-1]), "unknown-key", message, help_, at_key=True)
    if kind == "querygen":
        at_key = context["code"] in ("unused-percentiles", "unused-key") and len(path) == 0
        if at_key:
            key = context["message"].split("`")[1]
            return _at(source, (key,), context["code"], context["message"], context["help"], at_key=True)
        return _at(source, path, context["code"], context["message"], context["help"])
    if kind == "missing":
        return _at(source, path, "missing-key", f"the key `{loc[-1]}` is missing", f"add `{loc[-1]}: …`")
    if kind == "literal_error":
        return _literal(source, path, value, context["expected"])
    message, hint = _common(kind, value, context, detail["msg"], path)
    return _at(source, path, "wrong-type" if "type" in kind else "bad-value", message, hint)


def _literal(source: Source, path: Loc, value: Any, expected: str) -> Diagnostic:
    choices = [word for word in expected.replace(" or ", ", ").replace("'", "").split(", ") if word]
    help_ = similar_name_help(str(value), choices, "a value") or f"the values are {', '.join(choices)}"
    if path and path[-1] == "today":
        help_ = "write a date such as 2020-04-20, or `current`"
    return _at(source, path, "unknown-value", f"`{value}` is no value of `{path[-1] if path else ''}`", help_)


def _common(
    kind: str, value: Any, context: Mapping[str, Any], fallback: str, path: Loc
) -> tuple[str, str | None]:
    """Our sentence and help for pydantic's common kinds of error."""
    found = _described(value)
    key = next((str(part) for part in reversed(path) if isinstance(part, str)), "this")
    if kind == "string_type":
        help_ = f'quote the value to keep it text: "{value}"' if isinstance(value, int | float) else None
        return f"expected text, found {found}", help_
    if kind in ("tuple_type", "list_type"):
        return f"`{key}` is a list, found {found}", f"write [{value}]" if not isinstance(
            value, dict
        ) else None
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return (
            f"`{key}` is a mapping of names to values, found {found}",
            "write it as `name: value` lines below the key",
        )
    if kind in ("int_type", "float_type", "int_from_float", "bool_type"):
        wanted = {"int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number"}
        return f"expected {wanted.get(kind, 'true or false')}, found {found}", None
    if kind == "finite_number":
        return f"expected a finite number, found {found}", None
    if kind in ("too_short", "missing_values"):
        return f"`{key}` is empty", "leave the key out, or give at least one value"
    if kind == "greater_than":
        return f"`{key}` must be greater than {context['gt']}, found {found}", None
    if kind == "string_pattern_mismatch":
        return f"`{value}` is no name that a column can have", "use letters, digits and underscores"
    if kind == "querygen_value":
        hint = "for rows without a value write {is_null: true}" if value is None else None
        return f"expected a value, found {found}", hint
    if kind.startswith("date"):
        return f"expected a date, found {found}", "write it as 2020-04-20"
    return fallback[:1].lower() + fallback[1:], None


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


def _keys_of(loc: Loc) -> list[str]:
    """The keys that would have been known where `loc` ends."""
    model: type[BaseModel] = Spec
    if "operators" in loc:
        model = Condition
    elif "cases" in loc:
        model = Case
    elif loc[0] == "dimensions":
        model = DefinedDimension
    elif loc[0] == "source":
        model = DeclaredSource
    return [info.alias or name for name, info in model.model_fields.items()]
