"""Every key and option of a spec: how to tell that a pair has it. `truth_run` counts them.

A new option is a line in `OPTIONS`; a new key with one value is one, too.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from oracle import measure_of
from oracle.amounts import WORDS
from oracle.columns import table_name
from oracle.dimensions import OF_RECORDING
from oracle.questions import fields_of
from oracle.recordings import SETS, histograms_of, is_several
from pings import Pair
from pings.conditions import KINDS
from pings.dimensions import METRICS, PARTS_OF_SAMPLE, RENAMED_SAMPLE

Spec = Mapping[str, Any]
Test = Callable[[Spec], Any]  # whether a spec has the option


# --- What specs consist of -----------------------------------------------------------------------


def histogram(spec: Spec) -> Any:
    """What `histogram` names for the spec's table."""
    wanted = spec.get("histogram")
    return wanted[table_name(spec)] if isinstance(wanted, Mapping) else wanted


def is_path(name: Any) -> bool:
    return isinstance(name, str) and name.lower().startswith(("payload.", "metrics."))


def scalar(spec: Spec) -> str:
    """The scalar's name in lower case, as far as there is one."""
    return str(spec.get("scalar") or "").lower()


def glean_scalar(spec: Spec, *names: str) -> bool:
    return table_name(spec) == METRICS and any(name in scalar(spec).replace(".", "_") for name in names)


def given_filters(spec: Spec) -> Iterator[tuple[str, Any]]:
    """All filters of a spec, those of cases among them."""
    yield from (spec.get("filters") or {}).items()
    for dimension in definitions(spec):
        cases = dimension.get("cases") or ()
        if isinstance(cases, Mapping):
            yield from ((dimension["of"], condition) for condition in cases.values())
        else:
            for case in cases:
                yield from case["when"].items()


def has_operator(name: str, *kinds: type) -> Test:
    """Whether a filter has the operator, with a value of such a type if one is given."""

    def has(spec: Spec) -> bool:
        for _, condition in given_filters(spec):
            operators = condition if isinstance(condition, Mapping) else {"is": condition}
            if name in operators and (not kinds or type(operators[name]) in kinds):
                return True
        return False

    return has


VALUES = (str, int, float, bool, dt.date, dt.datetime)


def filtered_type(kind: str) -> Test:
    """Whether a column of that type is filtered by `filters`."""

    def has(spec: Spec) -> bool:
        kinds = KINDS[table_name(spec)]
        return any(name in kinds and kinds[name].type == kind for name in spec.get("filters") or ())

    return has


def filters_any(*names: str) -> Test:
    return lambda spec: bool(set(names) & set(spec.get("filters") or ()))


def filters_a_definition(spec: Spec) -> bool:
    names = {definition["name"] for definition in definitions(spec)}
    return bool(names & set(spec.get("filters") or ()))


def dimensions(spec: Spec) -> list[Any]:
    return list(spec.get("dimensions") or ())


def named(spec: Spec) -> list[str]:
    """The dimensions that are names or paths."""
    return [one.lower() for one in dimensions(spec) if isinstance(one, str)]


def definitions(spec: Spec) -> list[Mapping[str, Any]]:
    return [one for one in dimensions(spec) if isinstance(one, Mapping)]


def splits_by_type(kind: str) -> Test:
    """Whether a dimension is a column of that type."""

    def has(spec: Spec) -> bool:
        kinds = KINDS[table_name(spec)]
        of = [*named(spec), *(one.get("of", "") for one in definitions(spec) if set(one) == {"name", "of"})]
        return any(name in kinds and kinds[name].type == kind for name in of)

    return has


def has_key_form(key: Any) -> str | None:
    """The form of `key`."""
    if isinstance(key, Mapping):
        return "top"
    return "list" if isinstance(key, list) else "*" if key == "*" else "one" if key is not None else None


def is_top(spec: Spec) -> bool:
    return has_key_form(spec.get("key")) == "top"


def overlaps(spec: Spec) -> bool:
    """Whether items of `process` hold the same."""
    listed = spec["process"] if isinstance(spec.get("process"), list) else []
    members = [one for item in dict.fromkeys(listed) for one in SETS.get(item, (item,))]
    return len(set(members)) < len(members)


def equals(key: str, value: Any) -> Test:
    return lambda spec: key in spec and spec[key] == value and type(spec[key]) is type(value)


def gives(key: str) -> Test:
    return lambda spec: key in spec


def each(key: str, *values: Any) -> dict[str, Test]:
    """An option for each value of a key."""
    return {str(value).lower(): equals(key, value) for value in values}


KINDS_OF_AMOUNTS = ("histogram", "scalar", "column")


def amount_of(spec: Spec, key: str) -> Spec:
    """What is counted as `events` or `exposure`, as a mapping."""
    written = spec.get(key) or {}
    if isinstance(written, str):
        return {"count" if written in WORDS else "histogram": written}
    return written


def counts(key: str, kind: str) -> Test:
    return lambda spec: kind in amount_of(spec, key) or amount_of(spec, key).get("count") == kind


def in_amount(key: str, part: str) -> Test:
    return lambda spec: part in amount_of(spec, key)


def of_events(measure: str) -> Test:
    return lambda spec: bool(spec.get("events")) and measure_of(spec) == measure


def in_alert(name: str) -> Test:
    return lambda spec: name in (spec.get("alert") or {})


def shaped(name: str) -> Test:
    return lambda spec: isinstance(spec.get("buckets"), Mapping) and name in spec["buckets"]


# --- The table -----------------------------------------------------------------------------------

HISTOGRAM_FIELDS = (
    *("histogram", "bucket_count", "histogram_type", "sum"),
    *("range_low", "range_high", "n_samples"),
)
TYPES = (
    *("text", "build id", "version", "whole number", "number", "true or false"),
    *("date", "time", "timestamp"),
)
OPERATORS = ("from", "to", "gte", "gt", "lte", "lt", "last")

OPTIONS: dict[str, dict[str, Test]] = {
    "histogram": {
        "a name": lambda spec: isinstance(histogram(spec), str) and not is_path(histogram(spec)),
        "a path": lambda spec: is_path(histogram(spec)),
        "a list": lambda spec: isinstance(histogram(spec), list),
        "by table": lambda spec: isinstance(spec.get("histogram"), Mapping),
        "the other table's name": lambda spec: (
            table_name(spec) == METRICS and any(name.upper() == name for name in histograms_of(spec))
        ),
        "none": lambda spec: not {"histogram", "scalar", "events"} & set(spec),
    },
    "scalar": {
        "a scalar": lambda spec: "payload" in scalar(spec) or "tab_open_event_count" in scalar(spec),
        "a keyed scalar": lambda spec: "browser_search_counts" in scalar(spec),
        "a counter": lambda spec: glean_scalar(spec, "browser_engagement"),
        "a quantity": lambda spec: glean_scalar(spec, "system_memory"),
        "a labelled counter": lambda spec: glean_scalar(spec, "subprocess"),
        "a labelled quantity": lambda spec: glean_scalar(spec, "labeled_quantity"),
        "a path": lambda spec: is_path(spec.get("scalar")),
    },
    "source": {
        "default": lambda spec: "source" not in spec,
        "main": equals("source", "telemetry.main"),
        "metrics": equals("source", METRICS),
        "with its project": lambda spec: "source" in spec and _names_project(spec["source"]),
        "declared, like main": lambda spec: "source" in spec and spec["source"] == _declared(spec, "main"),
        "declared, like metrics": lambda spec: (
            "source" in spec and spec["source"] == _declared(spec, "metrics")
        ),
    },
    "process": {
        **each("process", "parent", "content", "gpu", "children", "combined"),
        "a list": lambda spec: isinstance(spec.get("process"), list),
        "a list with a set": lambda spec: (
            isinstance(spec.get("process"), list) and bool({"children", "combined"} & set(spec["process"]))
        ),
    },
    "key": {
        **{
            form: lambda spec, form=form: has_key_form(spec.get("key")) == form
            for form in ("one", "list", "*", "top")
        },
        "top, of overlapping processes": lambda spec: (
            is_top(spec) and overlaps(spec) and "process" in named(spec)
        ),
        "top, and Key": lambda spec: is_top(spec) and "Key" in dimensions(spec),
    },
    "filters": {
        "value": has_operator("is", *VALUES),
        "list": has_operator("is", list),
        **{name: has_operator(name) for name in OPERATORS},
        "not a value": has_operator("not", *VALUES),
        "not a list": has_operator("not", list),
        "is_null: true": lambda spec: _says_null(spec, is_null=True),
        "is_null: false": lambda spec: _says_null(spec, is_null=False),
        **{f"on {kind}": filtered_type(kind) for kind in TYPES},
        "on a definition": filters_a_definition,
        "on the sample, renamed": filters_any(*RENAMED_SAMPLE),
        "on parts of the sample": filters_any(*PARTS_OF_SAMPLE),
    },
    "dimensions": {
        "none": lambda spec: not dimensions(spec) and measure_of(spec) != "pings",
        "a name": lambda spec: any("." not in name and name not in OF_RECORDING for name in named(spec)),
        "a path": lambda spec: any("." in name for name in named(spec)),
        "renamed": lambda spec: any(set(one) == {"name", "of"} for one in definitions(spec)),
        "bands": lambda spec: any("bands" in one for one in definitions(spec)),
        "cases with when": lambda spec: any(isinstance(one.get("cases"), list) for one in definitions(spec)),
        "cases of": lambda spec: any(isinstance(one.get("cases"), Mapping) for one in definitions(spec)),
        "else": lambda spec: any("else" in one for one in definitions(spec)),
        "of another": lambda spec: any(one.get("of") == "os_group" for one in definitions(spec)),
        "several": lambda spec: len(dimensions(spec)) > 1,
        **{name: lambda spec, name=name: name in named(spec) for name in OF_RECORDING},
        **{f"of {kind}": splits_by_type(kind) for kind in TYPES},
    },
    "normalization": {
        "default": lambda spec: "normalization" not in spec,
        **each("normalization", "none", "client", "client_day"),
    },
    "percentiles": {
        "given": gives("percentiles"),
        "default": lambda spec: measure_of(spec) == "percentiles" and "percentiles" not in spec,
        "0 and 1": lambda spec: bool({0, 1} & set(spec.get("percentiles") or ())),
    },
    "percentile_method": each("percentile_method", "bucket", "interpolated"),
    "buckets": {
        **each("buckets", "observed", "all"),
        **{name: shaped(name) for name in ("exponential", "linear", "functional")},
    },
    "prior": each("prior", "dirichlet"),
    "measure": {
        "by default": lambda spec: "measure" not in spec,
        **{
            name: lambda spec, name=name: measure_of(spec) == name
            for name in ("percentiles", "distribution", "summary", "counts", "pings")
        },
        "pings of several": lambda spec: measure_of(spec) == "pings" and is_several(spec),
        "summary of scalars": lambda spec: measure_of(spec) == "summary" and bool(scalar(spec)),
        "summary of scalars, cubed": lambda spec: (
            measure_of(spec) == "summary" and bool(scalar(spec)) and bool(spec.get("cube"))
        ),
    },
    "fields": {
        "default": lambda spec: measure_of(spec) == "pings" and "fields" not in spec,
        "default of metrics": lambda spec: (
            table_name(spec) == METRICS and measure_of(spec) == "pings" and "fields" not in spec
        ),
        "a column": lambda spec: bool(set(fields_of(spec)) - set(HISTOGRAM_FIELDS)),
        **{name: lambda spec, name=name: name in fields_of(spec) for name in HISTOGRAM_FIELDS},
    },
    "limit": {"given": gives("limit")},
    "unit": each("unit", "ns", "us", "ms", "s", "min", "h", "bytes", "KiB", "MiB", "GiB"),
    "cube": each("cube", True),
    "scale": {
        **each("scale", True),
        "by the renamed sample": lambda spec: bool(spec.get("scale")) and filters_any(*RENAMED_SAMPLE)(spec),
        "with parts of it": lambda spec: bool(spec.get("scale")) and filters_any(*PARTS_OF_SAMPLE)(spec),
    },
    "min_clients": {"given": gives("min_clients")},
    "low_data": each("low_data", "mark", "drop"),
    "today": {
        "a date": lambda spec: type(spec.get("today")) is dt.date,
        "text": lambda spec: isinstance(spec.get("today"), str) and spec["today"] != "current",
        "current": equals("today", "current"),
    },
    "allow_full_scan": each("allow_full_scan", True, False),
    "n_undecodable": {
        **each("n_undecodable", True, False),
        **{
            f"of {name}": lambda spec, name=name: bool(spec.get("n_undecodable")) and measure_of(spec) == name
            for name in ("percentiles", "distribution", "summary", "counts")
        },
        "of scalars": lambda spec: bool(spec.get("n_undecodable") and scalar(spec)),
        "of Glean": lambda spec: bool(spec.get("n_undecodable")) and table_name(spec) == METRICS,
        "cubed": lambda spec: bool(spec.get("n_undecodable") and spec.get("cube")),
        "scaled": lambda spec: bool(spec.get("n_undecodable") and spec.get("scale")),
    },
    "strict": each("strict", True, False),
    "events": {
        **{kind: counts("events", kind) for kind in (*KINDS_OF_AMOUNTS, *WORDS)},
        "a name": lambda spec: isinstance(spec.get("events"), str),
        **{key: in_amount("events", key) for key in ("take", "bucket", "at_least", "process", "key", "unit")},
        "filters": in_amount("events", "filters"),
        **{f"for {name}": of_events(name) for name in ("percentiles", "distribution", "summary", "rate")},
        "by keys, shared": lambda spec: bool(
            spec.get("events") and "key" in named(spec) and "key" not in amount_of(spec, "exposure")
        ),
    },
    "exposure": {
        "none": lambda spec: bool(spec.get("events")) and not spec.get("exposure"),
        **{kind: counts("exposure", kind) for kind in (*KINDS_OF_AMOUNTS, *WORDS)},
        "filters": in_amount("exposure", "filters"),
    },
    "per": {"given": gives("per")},
    "interval": {
        **each("interval", "5 minutes", "hour", "day", "week"),
        "time among dimensions": lambda spec: "time" in named(spec),
    },
    "fill": {**each("fill", True), "by age": lambda spec: bool(spec.get("fill") and spec.get("align"))},
    "align": {
        **each("align", "release"),
        "skip_hours": lambda spec: isinstance(spec.get("align"), Mapping) and "skip_hours" in spec["align"],
        "dates": lambda spec: isinstance(spec.get("align"), Mapping) and "dates" in spec["align"],
        "by age": lambda spec: bool(spec.get("align") and spec.get("interval")),
        "of major_version": lambda spec: bool(spec.get("align")) and "major_version" in named(spec),
    },
    "trim": {"given": gives("trim"), "aligned": lambda spec: bool(spec.get("trim") and spec.get("align"))},
    "confidence": {"given": gives("confidence"), "poisson": equals("method", "poisson")},
    "alert": {name: in_alert(name) for name in ("max_rate", "max_change", "expected")},
    "min_usage_hours": {"given": gives("min_usage_hours")},
    "silence": {"given": gives("silence")},
    "title": {"given": gives("title")},
    "description": {"given": gives("description")},
}
# What isn't the spec's alone: what becomes of it with the pings, and how it is compiled.
RUN_OPTIONS: dict[str, dict[str, Callable[[Pair], bool]]] = {
    "strict": {
        "ends": lambda pair: bool(pair.damaged),
        "passes": lambda pair: bool(pair.spec.get("strict")) and not pair.damaged,
    },
    "udfs": {form: lambda pair, form=form: pair.udfs == form for form in ("inline", "temp", "mozfun")},
    "probes": {"given": lambda pair: pair.defined, "none": lambda pair: not pair.defined},
}


def _declared(spec: Spec, like: str) -> Any:
    source = spec["source"]
    return source if isinstance(source, Mapping) and source["like"].endswith(like) else None


def _names_project(source: Any) -> bool:
    return isinstance(source, Mapping) and source["table"].count(".") == 2


def _says_null(spec: Spec, *, is_null: bool) -> bool:
    conditions = (condition for _, condition in given_filters(spec) if isinstance(condition, Mapping))
    return any(condition.get("is_null") is is_null for condition in conditions)


def all_options() -> list[tuple[str, str]]:
    """Each key with each of its options, in order."""
    both = (*OPTIONS.items(), *RUN_OPTIONS.items())
    return [(key, option) for key, options in both for option in options]


def options_of(pair: Pair) -> list[tuple[str, str]]:
    """Those that a pair has."""
    of_spec = [
        (key, option) for key, tests in OPTIONS.items() for option, test in tests.items() if test(pair.spec)
    ]
    return of_spec + [
        (key, option) for key, tests in RUN_OPTIONS.items() for option, test in tests.items() if test(pair)
    ]
