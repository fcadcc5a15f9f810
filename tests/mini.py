"""Schemas and probe definitions in small, with the oddities of the real ones, for checkouts without them."""

import json
from pathlib import Path
from typing import Any

Fields = list[dict[str, Any]]


def _column(name: str, kind: str = "STRING") -> dict[str, Any]:
    return {"name": name, "type": kind, "mode": "NULLABLE"}


def _record(name: str, fields: Fields, mode: str = "NULLABLE") -> dict[str, Any]:
    return {"name": name, "type": "RECORD", "mode": mode, "fields": fields}


def _texts(*names: str) -> Fields:
    return [_column(name) for name in names]


def _keyed_texts(*names: str) -> Fields:
    return [_record(name, _texts("key", "value"), "REPEATED") for name in names]


def _keyed_numbers(*names: str) -> Fields:
    pair = [_column("key"), _column("value", "INTEGER")]
    return [_record(name, pair, "REPEATED") for name in names]


_VALUES = _record("values", [_column("key"), _column("value", "INTEGER")], "REPEATED")
_DISTRIBUTION = [_column("sum", "INTEGER"), _VALUES]


def _distributions(*names: str) -> Fields:
    return [_record(name, _DISTRIBUTION) for name in names]


def _labelled(*names: str) -> Fields:
    return [_record(name, [_column("key"), _record("value", _DISTRIBUTION)], "REPEATED") for name in names]


_PING = [_column("submission_timestamp", "TIMESTAMP"), *_texts("normalized_channel", "normalized_os")]

# TABS is a scalar, with and without keys, and THEME is a text.
# LATE_ACK stands twice in its process, as the real schema has it for what `socket` and `gpu` record by key.
MAIN = [
    *_PING,
    _column("client_id"),
    _record("application", _texts("build_id", "display_version")),
    _record(
        "payload",
        [
            _record("histograms", _texts("gc_ms", "gc_reason", "gc_wait", "audible_percent")),
            _record("keyed_histograms", _keyed_texts("search_counts", "late_ack")),
            _record(
                "processes",
                [
                    _record(
                        "parent",
                        [
                            _record("scalars", [_column("tabs", "INTEGER"), *_texts("theme")]),
                            _record("keyed_scalars", _keyed_numbers("clicks", "tabs")),
                        ],
                    ),
                    _record(
                        "content",
                        [
                            _record("histograms", _texts("gc_ms", "dom_ms")),
                            _record("scalars", [_column("crashes", "INTEGER")]),
                            _record("keyed_scalars", _keyed_numbers("clicks")),
                        ],
                    ),
                    _record("gpu", [_record("histograms", _texts("gc_ms"))]),
                    _record(
                        "socket",
                        [
                            _record("histograms", _keyed_texts("late_ack")),
                            _record("keyed_histograms", _keyed_texts("late_ack")),
                        ],
                    ),
                ],
            ),
        ],
    ),
]

# gc.slice stands under two types, one of which is the one that is defined.
METRICS = [
    *_PING,
    _record("client_info", _texts("client_id", "app_build", "app_display_version")),
    _record(
        "metrics",
        [
            _record("counter", [_column("gc_count", "INTEGER"), _column("tab_open", "INTEGER")]),
            _record("quantity", [_column("tab_most", "INTEGER")]),
            _record("labeled_counter", _keyed_numbers("tab_open")),
            _record("timing_distribution", _distributions("gc_time", "gc_slice", "gc_wait")),
            _record("memory_distribution", _distributions("gc_heap")),
            _record("custom_distribution", _distributions("media_audible_percent", "gc_reason")),
            _record("labeled_timing_distribution", _labelled("gc_slice")),
            _record("labeled_custom_distribution", _labelled("net_late_ack")),
        ],
    ),
]

HISTOGRAMS = {
    "GC_MS": {"kind": "exponential", "high": 10000, "n_buckets": 50, "record_in_processes": ["all"]},
    "GC_SLICE_MS": {"kind": "exponential", "high": 1000, "n_buckets": 20, "record_in_processes": ["main"]},
    "GC_WAIT": {"kind": "exponential", "high": 100, "n_buckets": 20, "record_in_processes": ["main"]},
    "LOST_COUNT": {"kind": "linear", "high": 9, "n_buckets": 10, "record_in_processes": ["main"]},
    "GC_REASON": {"kind": "categorical", "labels": ["Full", "Idle"], "record_in_processes": ["main"]},
    "AUDIBLE_PERCENT": {"kind": "linear", "high": 100, "n_buckets": 10, "record_in_processes": ["main"]},
    "LATE_ACK": {
        "kind": "linear", "high": 9, "n_buckets": 10, "keyed": True,
        "record_in_processes": ["main", "socket"],
    },
}  # fmt: skip

METRICS_YAML = """\
$schema: moz://mozilla.org/schemas/glean/metrics/2-0-0
gc:
  time: {type: timing_distribution, time_unit: millisecond, telemetry_mirror: GC_MS}
  slice: {type: timing_distribution, time_unit: millisecond, telemetry_mirror: GC_SLICE_MS}
  wait: {type: timing_distribution, time_unit: second, telemetry_mirror: GC_WAIT}
  heap: {type: memory_distribution, memory_unit: kilobyte}
  reason:
    {type: custom_distribution, range_max: 50, bucket_count: 51, histogram_type: linear,
     telemetry_mirror: GC_REASON}
media:
  audible_percent:
    {type: custom_distribution, range_max: 100, bucket_count: 10, histogram_type: linear,
     telemetry_mirror: AUDIBLE_PERCENT}
net:
  late_ack:
    {type: labeled_custom_distribution, range_max: 9, bucket_count: 10, histogram_type: linear,
     telemetry_mirror: LATE_ACK}
  lost:
    {type: custom_distribution, range_max: 9, bucket_count: 10, histogram_type: linear,
     telemetry_mirror: LOST_COUNT}
"""


def write_schemas(folder: Path) -> dict[str, Path]:
    """The files of both tables, named as the real ones."""
    files = {"telemetry.main": folder / "main.1.bq", "firefox_desktop.metrics": folder / "metrics.1.bq"}
    for file, fields in zip(files.values(), (MAIN, METRICS), strict=True):
        file.write_text(json.dumps(fields))
    return files


def write_definitions(folder: Path) -> Path:
    """The folder, with a Histograms.json and a metrics.yaml in it."""
    (folder / "Histograms.json").write_text(json.dumps(HISTOGRAMS))
    (folder / "metrics.yaml").write_text(METRICS_YAML)
    return folder
