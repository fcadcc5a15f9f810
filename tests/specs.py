"""Specs of every shape, for tests that hold for all of them."""

from functools import cache
from pathlib import Path

from harness import query
from ruamel.yaml import YAML

from querygen import Query, load

DAYS = {"submission_date": {"from": "2020-04-06", "to": "2020-04-20"}}
HISTOGRAM = "FX_TAB_SWITCH_SPINNER_VISIBLE_MS"
BANDS = {"name": "memory", "of": "memory_mb", "bands": [2048, 4096.5, 8192]}
CASES = {
    "name": "family",
    "cases": [
        {"value": "old", "when": {"os": "Windows", "os_version": {"lt": "10.0", "not": "6.3"}}},
        {"value": "new", "when": {"build_id": {"gte": "202004"}}},
    ],
    "else": "other",
}
OPERATORS = {
    **DAYS,
    "os": ["Windows", "Mac"],
    "os_version": {"not": ["6.1", "6.2"]},
    "country": {"is_null": False},
    "build_id": {"from": "20200406", "to": "20200420"},
    "build_time": {"gte": "2020-04-06 00:00:00", "lt": "2020-04-21 00:00:00"},
    "memory_mb": {"gt": -0.5, "lte": 65536},
    "sample_id": 42,
    "submission_timestamp": {"lt": "2020-04-21 00:00:00"},
}


def _by_measure() -> dict[str, dict]:
    made = {}
    for measure in ("percentiles", "distribution", "summary"):
        for normalization in ("none", "client", "client_day"):
            for dimensions in ([], ["build_time", BANDS]):
                name = f"{measure} by {normalization}{' of groups' if dimensions else ''}"
                made[name] = {
                    "histogram": HISTOGRAM,
                    "filters": DAYS,
                    "measure": measure,
                    "normalization": normalization,
                    "dimensions": dimensions,
                }
    return made


SPECS: dict[str, dict] = {
    **_by_measure(),
    "operators": {
        "histogram": HISTOGRAM,
        "filters": OPERATORS,
        "dimensions": ["submission_date", "os", CASES],
    },
    "today": {
        "histogram": HISTOGRAM,
        "filters": {"submission_date": {"last": "2 weeks"}, "build_date": {"last": "14 days"}},
        "today": "current",
    },
    "full scan": {"histogram": HISTOGRAM, "allow_full_scan": True},
    "counts": {"filters": DAYS, "measure": "counts"},
    "counts of groups": {"filters": DAYS, "measure": "counts", "dimensions": ["os", "build_date"]},
    "a share of clients": {"filters": DAYS, "measure": "counts", "sample": "10%"},
    "an experiment": {
        "histogram": HISTOGRAM,
        "filters": {**DAYS, "branch": {"not": "c"}},
        "measure": "counts",
        "experiment": {"slug": "a", "recorded_in": "active_experiment", "control": {"sample": "50%"}},
        "sample": "40%",
        "dimensions": ["branch"],
        "has_samples": True,
    },
    "limits of means": {
        "histogram": HISTOGRAM,
        "filters": DAYS,
        "measure": "summary",
        "dimensions": ["os"],
        "confidence": 0.9,
    },
    "branches": {
        "histogram": HISTOGRAM,
        "filters": DAYS,
        "measure": "compare",
        "experiment": "a",
        "control": "c",
        "branches": ["b", "d"],
        "dimensions": ["os", "branch"],
        "statistics": ["chi2", 0.5, 0.9],
        "permutations": 20,
        "cells": 40,
        "seed": "z",
        "p_value": "raw",
    },
    "events": {
        "filters": DAYS,
        "measure": "summary",
        "events": {"histogram": "SEARCH_COUNTS", "take": "sum"},
        "exposure": "client_days",
        "dimensions": ["key", "os"],
        "cube": True,
    },
    "hours": {
        "filters": DAYS,
        "measure": "percentiles",
        "events": {"column": "payload.info.subsession_length", "unit": "s", "filters": {"os": "Mac"}},
        "confidence": 0.9,
    },
    "rate": {
        "filters": DAYS,
        "measure": "rate",
        "events": {"histogram": HISTOGRAM, "at_least": 1000, "process": ["parent"]},
        "dimensions": ["os", "app_version"],
        "interval": "day",
        "fill": True,
        "align": "release",
        "confidence": 0.9,
        "method": "poisson",
        "min_usage_hours": 10,
    },
    "trimmed": {
        "filters": DAYS,
        "measure": "rate",
        "events": {"scalar": "browser.engagement.tab_open_event_count"},
        "exposure": {"histogram": "GC_MS", "bucket": 3},
        "dimensions": ["major_version"],
        "align": {"dates": {"75": "2020-04-07"}, "skip_hours": 24},
        "trim": 0.001,
    },
    "dates of a table": {
        "filters": DAYS,
        "measure": "rate",
        "events": {"table": "telemetry.crash"},
        "dimensions": ["app_version", "os"],
        "align": {
            "dates": {
                "table": "telemetry.releases",
                "filters": {"product": "firefox", "date": {"lt": "2020-05-01"}},
            }
        },
    },
    "dates of a table in a series": {
        "filters": DAYS,
        "measure": "rate",
        "events": "GC_MS",
        "dimensions": ["major_version"],
        "interval": "hour",
        "align": {
            "dates": {
                "table": {"table": "p-1.telemetry.releases", "like": "telemetry.releases"},
                "filters": {"category": ["major", "stability"]},
            }
        },
    },
    "alerts": {
        "filters": DAYS,
        "measure": "rate",
        "events": {"histogram": HISTOGRAM},
        "per": 10,
        "dimensions": ["app_version", "os"],
        "align": "release",
        "confidence": 0.95,
        "alert": {"max_rate": 900, "max_change": 0.25, "expected": 0.98},
    },
    "a placebo": {
        "histogram": HISTOGRAM,
        "filters": DAYS,
        "measure": "compare",
        "experiment": {"slug": "a", "control": {"sample": "50%"}},
        "placebo": {"slug": "p", "recorded_in": "active_experiment", "branches": ["e"]},
        "control": "control",
        "branches": ["b"],
        "permutations": 20,
        "cells": 40,
        "min_clients": 3,
    },
    "pings as units": {
        "scalar": "browser.engagement.tab_open_event_count",
        "filters": DAYS,
        "measure": "compare",
        "experiment": "a",
        "placebo": "p",
        "control": "c",
        "branches": ["b"],
        "permutations": 20,
        "cells": 40,
        "analysis_unit": "ping",
    },
    "pings": {"filters": DAYS, "measure": "pings", "fields": ["client_id", "build_id"], "limit": 3},
    "fields": {
        "histogram": HISTOGRAM,
        "filters": DAYS,
        "measure": "pings",
        "fields": [
            "sum",
            "histogram",
            "bucket_count",
            "histogram_type",
            "range_low",
            "range_high",
            "n_samples",
        ],
    },
    "reserved words": {
        "histogram": HISTOGRAM,
        "filters": DAYS,
        "dimensions": [
            {"name": "order", "of": "os"},
            {"name": "select", "of": "country"},
            {"name": "End", "of": "channel"},
        ],
    },
    "processes": {
        "histogram": HISTOGRAM,
        "filters": DAYS,
        "process": ["parent", "content"],
        "dimensions": ["process", "os"],
    },
    "children": {"histogram": HISTOGRAM, "filters": DAYS, "process": "children", "measure": "summary"},
    "several histograms": {
        "histogram": ["GC_MS", "GC_SLICE_MS"],
        "filters": DAYS,
        "normalization": "client_day",
    },
    "keys": {"histogram": "SEARCH_COUNTS", "filters": DAYS, "key": "*", "dimensions": ["key"]},
    "a key": {"histogram": "SEARCH_COUNTS", "filters": DAYS, "key": "it's", "normalization": "client"},
    "cube": {"histogram": HISTOGRAM, "filters": DAYS, "dimensions": ["os", "build_date"], "cube": True},
    "few clients": {
        "histogram": HISTOGRAM,
        "filters": DAYS,
        "dimensions": ["os", "country"],
        "min_clients": 5,
        "low_data": "drop",
    },
    "glean": {
        "source": "firefox_desktop.metrics",
        "histogram": "browser.tabswitch.spinner_visible",
        "filters": DAYS,
        "dimensions": ["os", "build_date"],
        "unit": "ms",
        "percentiles": [0.5],
    },
    "lines": {
        "histogram": HISTOGRAM,
        "filters": DAYS,
        "dimensions": ["build_date", "os", "cpu_cores"],
        "percentiles": [0.001, 0.5],
        "series": True,
    },
    "parameters": {
        "filters": {
            "submission_date": {"parameter": "days"},
            "country": {"parameter": "country"},
            "os": {"parameter": "systems"},
            "sample_id": {"gte": {"parameter": "from_id"}, "lt": {"parameter": "to_id"}},
        },
        "parameters": {
            "days": {"kind": "date range", "default": {"from": "2020-04-06", "to": "2020-04-20"}},
            "country": {"kind": "enum", "options": ["DE", "FR"], "all": True},
            "systems": {
                "kind": "enum",
                "options": ["Mac", "Linux", "Windows"],
                "all": True,
                "multiple": True,
            },
            "from_id": {"kind": "number", "default": -1},
            "to_id": {"kind": "enum", "options": [50, 100]},
        },
        "measure": "counts",
        "dimensions": ["os"],
    },
    "words": {
        "histogram": HISTOGRAM,
        "filters": DAYS,
        "title": "One, two: three",
        "description": "A description, with a colon: here",
    },
}

# What definitions must tell; `test_examples` compiles and runs these.
NEED_PROBES = {"all-buckets", "smoothed", "legacy-probe-as-glean"}
_EXAMPLES = Path(__file__).parents[1] / "examples"
EXAMPLE_FILES = [path for path in sorted(_EXAMPLES.glob("*/*.yaml")) if not path.name.endswith(".test.yaml")]
_BY_NAME = {path.stem: path for path in EXAMPLE_FILES}
EXAMPLES = {name: YAML(typ="safe", pure=True).load(path) for name, path in _BY_NAME.items()}
ALL = {**SPECS, **EXAMPLES}


@cache
def query_of(name: str) -> Query:
    """The query of one of ALL; an example's with the probe definitions beside it."""
    if name in SPECS:
        return query(SPECS[name])
    probes = _BY_NAME[name].parent / "probes"
    return load(_BY_NAME[name], probes=probes if probes.is_dir() else None)
