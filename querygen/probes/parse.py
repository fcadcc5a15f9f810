"""Makes probe definitions out of the content of definition files, with gecko's and Glean's own defaults.

Histograms.json as gecko's parse_histograms.py reads it; Scalars.yaml as parse_scalars.py; metrics.yaml as
glean_parser does. Only what bears on querying is checked; a file that gecko builds with is accepted.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from querygen.errors import Diagnostic, QuerygenError
from querygen.probes.definition import UNITS, Definitions, ProbeDefinition, is_use_counter
from querygen.probes.files import DefinitionFile, definition_files

_LOW_HIGH = ("linear", "exponential")
_KINDS = (*_LOW_HIGH, "enumerated", "categorical", "boolean", "flag", "count")
_LEAST_CATEGORIES = 50
_MOST_BUCKETS = 100_000  # more is a slip of the pen; the greatest in use is 65,535

_PROCESSES = {"main": "parent"}
_CHILDREN = ("content", "gpu", "rdd", "socket", "utility", "extension")

# Glean keeps timings between 1 unit and this many, and memory up to 1 TiB.
_TIMING_MAX = 600 * 10**9
_MEMORY_MAX = 1 << 40

_WORDS = {
    "ns": "ns", "nanosecond": "ns", "us": "us", "microsecond": "us",
    "ms": "ms", "msec": "ms", "millisecond": "ms", "s": "s", "sec": "s", "second": "s",
    "min": "min", "minute": "min", "hour": "h", "day": "d",
    "byte": "bytes", "kb": "kilobytes", "kilobyte": "kilobytes", "mb": "megabytes", "megabyte": "megabytes",
    "gb": "gigabytes", "gigabyte": "gigabytes",
}  # fmt: skip
_NAME_ENDINGS = ("ms", "us", "ns", "sec", "seconds", "minutes", "hours", "days", "kb", "mb", "bytes")

# Constants that old Histograms.json files use for a number of values, and what they were.
_CONSTANTS = {"JS::GCReason::NUM_TELEMETRY_REASONS": 101, "mozilla::StartupTimeline::MAX_EVENT_ID": 12}
_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.floordiv,
    ast.LShift: lambda a, b: a << min(b, 64),
}


def read_probes(path: str | Path) -> Definitions:
    """Reads probe definitions: one file, an .xz or .tar.xz of them, or whatever a folder or checkout holds.

    Raises:
        UsageError: the path does not exist or holds no definitions.
        QuerygenError: a file is malformed; all findings of a file, each at its place.
    """
    probes: list[ProbeDefinition] = []
    for file in definition_files(path):
        findings: list[Diagnostic] = []
        for keys, entry, parse in _entries(file):
            try:
                probes.append(parse(".".join(keys), entry, file.name))
            except _InvalidError as error:
                place = file.span(*keys, *([error.key] if error.key in entry else []))
                message = f"{'.'.join(keys)}: {error}"
                findings.append(Diagnostic("bad-definition", message, place, help=error.help))
        if findings:
            raise QuerygenError(findings)
    return Definitions(tuple(probes))


class _InvalidError(Exception):
    """A definition that gecko would refuse too; `key` is the key of it that is at fault."""

    def __init__(self, message: str, key: str = "", help: str | None = None):  # noqa: A002
        super().__init__(message)
        self.key, self.help = key, help or "compare with the other definitions of its kind in the file"


_Parse = Callable[[str, Mapping[str, Any], str], ProbeDefinition]


def _entries(file: DefinitionFile) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any], _Parse]]:
    """Every definition in a file with the path of its keys and the function that reads its kind."""
    if file.is_json:
        for name, entry in file.content.items():
            yield (name,), _mapping(file, entry, name), _histogram
        return
    parse = _metric if "glean" in str(file.content.get("$schema", "")) else _scalar
    for category, entries in file.content.items():
        if category.startswith("$") or category == "no_lint":
            continue
        for name, entry in _mapping(file, entries, category).items():
            yield (category, name), _mapping(file, entry, category, name), parse


def _mapping(file: DefinitionFile, value: Any, *keys: str) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise QuerygenError.of(
        "not-definitions",
        f"`{'.'.join(keys)}` is no mapping",
        span=file.span(*keys),
        help="a definition is a mapping with a `kind` or `type`; in YAML, a category is one of definitions",
    )


def _histogram(name: str, entry: Mapping[str, Any], file: str) -> ProbeDefinition:
    kind = _one_of(entry, "kind", _KINDS)
    labels = _texts(entry, "labels")
    bucketing: Literal["exponential", "linear"] = "exponential" if kind == "exponential" else "linear"
    if kind in _LOW_HIGH:
        low, high, n_buckets = _number(entry, "low", 1), _number(entry, "high"), _number(entry, "n_buckets")
    elif kind in {"enumerated", "categorical"}:
        if kind == "categorical" and not labels:
            raise _InvalidError("a categorical histogram needs `labels`", "labels")
        # At least 50, so that labels can be added without changing the buckets.
        least = max(len(labels or ()), _LEAST_CATEGORIES) if kind == "categorical" else 0
        low, high = 1, max(least, _number(entry, "n_values", 0 if least else None))
        n_buckets = high + 1
    else:
        low, high, n_buckets = 1, 2, 3
    _check_shape(high, n_buckets, "n_buckets" if kind in _LOW_HIGH else "n_values")
    return ProbeDefinition(
        name,
        "legacy",
        "use_counter" if is_use_counter(name) else kind,
        file,
        keyed=str(entry.get("keyed")).lower() == "true",
        labels=labels,
        keys=_texts(entry, "keys"),
        bucketing=bucketing,
        low=low,
        high=high,
        n_buckets=n_buckets,
        unit=_stated_unit(name, str(entry.get("description", ""))) if kind in _LOW_HIGH else None,
        processes=_processes(entry),
        description=_description(entry),
        expires=str(entry.get("expires_in_version", "never")),
        bugs=tuple(map(str, entry.get("bug_numbers") or ())),
    )


def _scalar(name: str, entry: Mapping[str, Any], file: str) -> ProbeDefinition:
    return ProbeDefinition(
        name,
        "legacy",
        _one_of(entry, "kind", ("uint", "string", "boolean")),
        file,
        keyed=entry.get("keyed") is True,
        keys=_texts(entry, "keys"),
        processes=_processes(entry),
        description=_description(entry),
        expires=str(entry.get("expires", "never")),
        bugs=tuple(map(str, entry.get("bug_numbers") or ())),
    )


def _metric(name: str, entry: Mapping[str, Any], file: str) -> ProbeDefinition:
    kind = entry.get("type")
    if not isinstance(kind, str):
        raise _InvalidError("a metric needs a `type`", "type", "such as `type: timing_distribution`")
    unit = _unit(entry, kind)
    bucketing: Literal["exponential", "linear", "functional"] | None = None
    low = high = n_buckets = None
    if kind.endswith("custom_distribution"):
        written = _one_of(entry, "histogram_type", _LOW_HIGH, "exponential")
        bucketing = "linear" if written == "linear" else "exponential"
        low, high = _number(entry, "range_min", 1), _number(entry, "range_max")
        n_buckets = _number(entry, "bucket_count")
        _check_shape(high, n_buckets, "bucket_count")
    elif kind.endswith("timing_distribution"):
        one = UNITS[unit or "ns"][1]
        bucketing, low, high = "functional", one, _TIMING_MAX * one
    elif kind.endswith("memory_distribution"):
        bucketing, low, high = "functional", 0, _MEMORY_MAX
    dual = entry.get("dual_labels") or {}
    return ProbeDefinition(
        name,
        "glean",
        kind,
        file,
        keyed="labeled_" in kind,
        labels=_texts(dual.get("category") or {} if dual else entry, "labels"),
        keys=_texts(dual.get("key") or {}, "labels"),
        bucketing=bucketing,
        low=low,
        high=high,
        n_buckets=n_buckets,
        unit=unit,
        pings=_pings(entry, kind),
        description=_description(entry),
        expires=str(entry.get("expires", "never")),
        bugs=tuple(map(str, entry.get("bugs") or ())),
        mirror=entry.get("telemetry_mirror"),
    )


def _unit(entry: Mapping[str, Any], kind: str) -> str | None:
    """A metric's unit; the defaults are glean_parser's."""
    if kind.endswith("timing_distribution"):
        return _WORDS[_one_of(entry, "time_unit", _spelt("ns"), "nanosecond")]
    if kind.endswith("memory_distribution"):
        return _WORDS[_one_of(entry, "memory_unit", _spelt("bytes"), "byte")]
    if kind == "timespan":
        return _WORDS[_one_of(entry, "time_unit", _spelt("ns"), "millisecond")]
    written = entry.get("unit")
    return None if written is None else _WORDS.get(str(written).lower().removesuffix("s"), str(written))


def _spelt(base: str) -> tuple[str, ...]:
    """Glean's own words for the units of one dimension."""
    return tuple(word for word, unit in _WORDS.items() if UNITS[unit][0] == base and len(word) > 2)


def _stated_unit(name: str, description: str) -> str | None:
    """The unit that a legacy name ends in (but for a version), or that its description has in brackets."""
    for part in name.lower().split("_")[:-3:-1]:
        if part in _NAME_ENDINGS:
            return _WORDS.get(part) or _WORDS[part.removesuffix("s")]
    for word in re.findall(r"\((?:in )?([A-Za-z]+)\)", description):
        unit = _WORDS.get(word.lower()) or _WORDS.get(word.lower().removesuffix("s"))
        if unit:
            return unit
    return None


def _processes(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The processes in the table's names, parent first; none if the definition doesn't say."""
    named: list[str] = []
    for process in _texts(entry, "record_in_processes") or ():
        if process in {"all", "all_childs", "all_children"}:
            named += ([] if process != "all" else ["parent"]) + [*_CHILDREN]
        else:
            named.append(_PROCESSES.get(process, process))
    return tuple(dict.fromkeys(named))


def _pings(entry: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    default = "events" if kind == "event" else "metrics"
    pings = _texts(entry, "send_in_pings") or (default,)
    return tuple(default if ping == "default" else ping for ping in pings)


def _description(entry: Mapping[str, Any]) -> str:
    return " ".join(str(entry.get("description") or "").split())


def _texts(entry: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _InvalidError(f"`{key}` must be a list of texts", key, "put numbers in quotes")
    return tuple(value)


def _one_of(entry: Mapping[str, Any], key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    value = entry.get(key, default)
    if value not in allowed:
        what = f"`{key}` is missing" if value is None else f"the {key} `{value}` is unknown"
        raise _InvalidError(what, key, f"it is one of {', '.join(allowed)}")
    return str(value)


def _number(entry: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """A whole number, perhaps written as text or arithmetic (`"64 * 1024"`), as older files have it."""
    value = entry.get(key, default)
    if value is None:
        raise _InvalidError(f"`{key}` is missing", key)
    try:
        if type(value) is int:
            return value
        written = str(value).strip()
        return _CONSTANTS.get(written) or _calculated(ast.parse(written, mode="eval").body)
    except (TypeError, ValueError, SyntaxError, RecursionError, MemoryError, ZeroDivisionError):
        raise _InvalidError(f"`{key}: {value}` is not a whole number", key, "write it in digits") from None


def _check_shape(high: int, n_buckets: int, key: str) -> None:
    if high < 1 or not 3 <= n_buckets <= _MOST_BUCKETS:
        raise _InvalidError(f"there can't be {n_buckets} buckets up to {high}", key)


def _calculated(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_calculated(node.left), _calculated(node.right))
    raise ValueError(ast.dump(node))
