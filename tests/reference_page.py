"""The pages of reference, made of what the project knows: models, tables, plans and explanations."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from ruamel.yaml import YAML
from specs import ALL, query_of

from querygen import Query, amounts, conditions, enrolments, explain, parameters, spec_values
from querygen.catalog import catalog
from querygen.errors import QuerygenError
from querygen.explain import Explanation, explanations
from querygen.spec import Spec, json_schema
from querygen.spec_rules import MEANT_FOR, ONLY_OF_HISTOGRAMS
from querygen.spec_values import Measure

COLUMNS: dict[str, dict[str, str]] = YAML(typ="safe", pure=True).load(
    Path(explain.__file__).parent / "explanations" / "columns.yaml"
)
MODELS: dict[str, type[BaseModel]] = {
    name: model
    for module in (amounts, conditions, enrolments, parameters, spec_values)
    for name, model in vars(module).items()
    if isinstance(model, type) and issubclass(model, BaseModel)
}
_SCHEMA = json_schema()
_MEASURES = get_args(Measure)
TOLD: dict[str, Any] = YAML(typ="safe", pure=True).load(Path(__file__).parent / "data" / "reference.yaml")
"""The page's own words: sections, and specs that examples are valid in."""


# ---- Words for types ----------------------------------------------------------------------------


def flow(value: Any) -> str:
    """A value in YAML's short form, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        is_plain = (
            value.replace("_", "")
            .replace("-", "")
            .replace(".", "")
            .replace("@", "")
            .replace(" ", "")
            .replace("%", "")
        )
        is_number = value.replace(".", "").isdigit()
        return value if is_plain.isalnum() and not is_number else json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


def example_lines(key: str, value: Any) -> str:
    """The key with a value as a spec has it: filters and the like with an entry a line."""
    if key in ("filters", "parameters"):
        return f"{key}:\n" + "\n".join(f"  {flow(name)}: {flow(item)}" for name, item in value.items())
    if key == "dimensions":
        return f"{key}:\n" + "\n".join(f"  - {flow(item)}" for item in value)
    return f"{key}: {flow(value)}"


def type_words(schema: dict[str, Any]) -> str:
    """What a JSON Schema lets in, in words."""
    for several in ("anyOf", "oneOf"):
        if several in schema:
            options = [type_words(one) for one in schema[several] if one.get("type") != "null"]
            *others, last = dict.fromkeys(options)
            return f"{', '.join(others)} or {last}" if others else last
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        keys = [field.alias or key for key, field in MODELS[name].model_fields.items()]
        braces = ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")
        return f"`{{{braces}}}`"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    kind = schema.get("type")
    if kind == "array" and "prefixItems" in schema:
        return f"a list of {len(schema['prefixItems'])} whole numbers"
    if kind == "array":
        inner = type_words(schema["items"])
        return f"a list of {inner.removeprefix('a ')}s" if inner in _PLURAL else f"a list, each ({inner})"
    if kind == "object":
        return f"a mapping of names, each to ({type_words(schema['additionalProperties'])})"
    if kind == "boolean":
        return "`true` or `false`"
    if kind in ("number", "integer"):
        return ("a whole number" if kind == "integer" else "a number") + _limits(schema)
    if isinstance(kind, list):
        return "a value"
    return {"date": "a date", "date-time": "a time"}.get(schema.get("format", ""), "a text")


_PLURAL = ("a text", "a number", "a whole number", "a value")


def _limits(schema: dict[str, Any]) -> str:
    """The ends of a range; the largest INT64 is none."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if schema["type"] == "integer" and "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + 1
    given = {
        "above": None if low is not None else schema.get("exclusiveMinimum"),
        "from": low,
        "below": schema.get("exclusiveMaximum"),
        "to": None if high == 2**63 - 1 else high,
    }
    return "".join(f" {word} {end}" for word, end in given.items() if end is not None)


def default_words(default: Any) -> str:
    """A default as a spec would have it; none where there is none."""
    return (
        "" if default in (None, (), {}, "") or repr(default) == "PydanticUndefined" else f"`{flow(default)}`"
    )


# ---- The pages ----------------------------------------------------------------------------------


def reference() -> str:
    """The page of keys, dimensions and columns."""
    parts = [TOLD["texts"]["reference"].rstrip()]
    for title, keys in TOLD["sections"].items():
        parts.append(f"## {title}")
        parts += [_key(key) for key in keys]
    parts += [
        "## Dimensions",
        TOLD["texts"]["dimensions"].rstrip(),
        _dimensions(),
        "## Columns of results",
        TOLD["texts"]["columns"].rstrip(),
        _columns(),
    ]
    return "\n\n".join(parts) + "\n"


def _key(key: str) -> str:
    field = Spec.model_fields[key]
    schema = _SCHEMA["properties"][key]
    facts = [f"Type: {type_words(schema)}."]
    default = default_words(field.get_default(call_default_factory=True))
    facts.append(f"Default: {default}." if default else "")
    if key in MEANT_FOR:
        facts.append(f"For `measure`: {', '.join(f'`{one}`' for one in MEANT_FOR[key])}.")
    if key in ONLY_OF_HISTOGRAMS:
        facts.append("Not for scalars and `events`.")
    lines = "\n# or\n".join(example_lines(key, value) for value in examples(key))
    parts = [f"### `{key}`", _sentence(field.description or ""), " ".join(filter(None, facts))]
    parts += [TOLD["more"][key].rstrip()] if key in TOLD["more"] else []
    parts.append(f"```yaml\n{lines}\n```")
    parts += [_model(name) for name, at in TOLD["tables"].items() if at == key]
    return "\n\n".join(parts)


def examples(key: str) -> list[Any]:
    """Values that the key may have."""
    return Spec.model_fields[key].examples or []


def spec_with(key: str, value: Any) -> dict[str, Any]:
    """A valid spec in which the key has the value."""
    bases = TOLD["bases"]
    measure = MEANT_FOR.get(key, ("percentiles",))[0]
    return {**bases.get(key, bases[measure]), key: value}


def _sentence(text: str) -> str:
    """The text as a sentence; one that begins with YAML stays as it is."""
    first = text[:1] if text.split(" ")[0].endswith(":") else text[:1].upper()
    return first + text[1:] + ("" if text.endswith(".") else ".")


def _model(name: str) -> str:
    schema = _SCHEMA["$defs"][name]["properties"]
    rows = []
    for key, field in MODELS[name].model_fields.items():
        known = field.alias or key
        default = default_words(field.get_default(call_default_factory=True))
        example = " or ".join(f"`{flow(value)}`" for value in field.examples or ())
        rows.append((f"`{known}`", type_words(schema[known]), default, field.description or "", example))
    intro = (MODELS[name].__doc__ or "").split("\n")[0]
    return f"{intro}\n\n" + _table(("key", "type", "default", "meaning", "example"), rows)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _dimensions() -> str:
    tables = [
        catalog().get(name) for name in ("telemetry.main", "firefox_desktop.metrics", "telemetry.crash")
    ]
    rows = []
    for name in dict.fromkeys(name for table in tables for name in table.friendly):
        needs = [table.column(name).needs if name in table.friendly else () for table in tables]
        rows.append((f"`{name}`", *(", ".join(f"`{path}`" for path in paths) for paths in needs)))
    return _table(("name", *(f"`{table.table}`" for table in tables)), rows)


def columns_by_measure() -> dict[str, dict[str, None]]:
    """The columns that results of each measure have somewhere, but for dimensions, in order."""
    found: dict[str, dict[str, None]] = {name: {} for name in _MEASURES}
    for query in (*map(query_of, ALL), *_with_more_columns()):
        if query.spec.measure == "pings":
            continue
        plan = query.plan()
        names = [column.name for column in plan.columns]
        own = set(names) - set(plan.key) | {"percentile", "bucket", "control", "statistic"} & set(names)
        found[query.spec.measure] |= {name: None for name in names if name in own}
    return found


def _with_more_columns() -> Iterator[Query]:
    """Each measure with the keys that add columns, where it has a use for them."""
    for measure in _MEASURES:
        base = {**TOLD["bases"].get(measure, TOLD["bases"]["distribution"]), "measure": measure}
        for keys in TOLD["adding"]:
            with suppress(QuerygenError):
                yield Query(**{**base, **keys})


def _columns() -> str:
    parts = []
    for measure, columns in columns_by_measure().items():
        if columns:
            rows = [(f"`{column}`", *_meanings(measure, column)) for column in columns]
            table = _table(("column", "meaning", "in some answers"), rows)
            parts.append(f"### Columns of `{measure}`\n\n{table}")
    return "\n\n".join(parts)


def _meanings(measure: str, column: str) -> tuple[str, str]:
    """What a column means in most answers, and in those of scalars, of votes and the like."""
    usual = COLUMNS.get(measure, {}).get(column) or COLUMNS["all"].get(column, "")
    others = [
        f"{section.removeprefix(f'{measure} ')}: {texts[column]}"
        for section, texts in COLUMNS.items()
        if section.startswith(f"{measure} ") and column in texts
    ]
    return usual, "; ".join(others)


def codes() -> str:
    """The page of warnings and errors."""
    pages = explanations()
    groups = {
        "Warnings": [page for page in pages.values() if page.severity == "warning"],
        "Errors of specs": [page for page in pages.values() if page.severity == "error" and page.spec],
        "Errors of files, flags and engines": [
            page for page in pages.values() if page.severity == "error" and not page.spec
        ],
    }
    parts = [TOLD["texts"]["codes"].rstrip()]
    for title, group in groups.items():
        parts.append(f"## {title}")
        if title == "Warnings":
            parts.append(TOLD["texts"]["warnings"].rstrip())
        parts += [_code(page) for page in sorted(group, key=lambda page: page.code)]
    return "\n\n".join(parts) + "\n"


def _code(page: Explanation) -> str:
    parts = [f"### {page.code}", f"**{_sentence(page.title)}** {page.means.strip()}"]
    if page.spec:
        parts.append(f"```yaml\n{page.spec.rstrip()}\n```")
        parts += [f"With `{name}`:\n\n```\n{text.rstrip()}\n```" for name, text in page.files.items()]
        parts.append(f"Repaired:\n\n```yaml\n{page.repaired.rstrip()}\n```")
    return "\n\n".join(parts)
