"""Raw pings into rows: names, shapes, what is derived, what is left over, and what is no ping."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from zlib import crc32

import duckdb
import pyarrow.parquet as pq
import pytest

from querygen import data
from querygen.errors import QuerygenError, UsageError
from querygen.ingest import column_name, convert, ingest
from querygen.ingest.derive import normalized_channel, normalized_os, normalized_os_version
from querygen.ingest.read import LARGEST
from querygen.schema import Field, Schema, builtin_schema, read_schema

SHARED = Path(__file__).parents[2] / "shared"
PINGS = SHARED / "pings"
REAL = {"telemetry.main": "main.5.bq.xz", "firefox_desktop.metrics": "metrics.1.bq.xz"}

needs_pings = pytest.mark.skipif(not PINGS.is_dir(), reason=f"{PINGS} is not there")

CLIENT = "6FD3EB50-8bec-4b9c-8778-59406171312a"
NOON = datetime(2020, 4, 20, 12, tzinfo=UTC)


def real_schema(table: str) -> Schema:
    path = SHARED / "schemas" / REAL[table]
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return read_schema(table, path)


def main_ping(**payload: Any) -> dict[str, Any]:
    return {
        "type": "main",
        "id": "0fdac909-d2ec-454c-b625-261a3e5d5c9b",
        "creationDate": "2020-04-20T10:25:43.312Z",
        "version": 4,
        "clientId": CLIENT,
        "application": {
            "name": "Firefox",
            "version": "77.0a1",
            "buildId": "20200420095352",
            "channel": "nightly",
        },
        "environment": {"system": {"os": {"name": "Windows_NT", "version": "10.0"}}},
        "payload": payload,
    }


def glean_ping(**metrics: Any) -> dict[str, Any]:
    return {
        "client_info": {
            "client_id": CLIENT,
            "os": "Darwin",
            "os_version": "19.4.0",
            "app_channel": "nightly",
        },
        "ping_info": {"seq": 7, "end_time": "2020-04-20T12:34:56.7+02:00"},
        "metrics": metrics,
    }


def written(path: Path, *pings: object) -> Path:
    """A file with one ping, or one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(ping)}\n" for ping in pings))
    return path


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def row_of(tmp_path: Path, ping: dict, **options: Any) -> dict:
    """The row of one ping."""
    report = ingest([written(tmp_path / "ping.json", ping)], tmp_path / "rows.ndjson", **options)
    assert (report.pings, report.skipped, report.files) == (1, 0, 1)
    (row,) = rows_of(tmp_path / "rows.ndjson")
    return row


def left_of(row: dict) -> dict:
    return json.loads(row.get("additional_properties", "{}"))


# --- Names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clientId", "client_id"),
        ("FX_TAB_SWITCH_SPINNER_VISIBLE_MS", "fx_tab_switch_spinner_visible_ms"),
        ("A11Y_INSTANTIATED_FLAG", "a11y_instantiated_flag"),
        ("browser.engagement.total_uri_count", "browser_engagement_total_uri_count"),
        ("activeGMPlugins", "active_gm_plugins"),
        ("l2cacheKB", "l2cache_kb"),
        ("speedMHz", "speed_m_hz"),
        ("D2DEnabled", "d2d_enabled"),
        ("DWriteEnabled", "d_write_enabled"),
        ("GPUActive", "gpu_active"),
        ("subsysID", "subsys_id"),
        ("slowSQL", "slow_sql"),
        ("UIMeasurements", "ui_measurements"),
        ("submissionURL", "submission_url"),
        ("isWow64", "is_wow64"),
        ("isWowARM64", "is_wow_arm64"),
        ("some-name with$signs", "some_name_with_signs"),
        ("__x__", "x"),
        ("64bit", "_64bit"),
        ("naïve", "na_ve"),
        ("$", ""),
    ],
)
def test_names_are_the_pipelines(name: str, expected: str) -> None:
    assert column_name(name) == expected


def test_names_of_the_real_tables_are_already_columns() -> None:
    for table in REAL:
        for path, _ in real_schema(table).leaves():
            for name in path.split("."):
                assert column_name(name) in (name, name.strip("_"))


@needs_pings
def test_real_names_are_in_the_real_schema() -> None:
    """All names of the environment and of the ping itself are columns; those of old probes need not be."""
    schema = real_schema("telemetry.main")
    gone = {"payload", "scanMS"}
    for file in PINGS.glob("main*.json"):
        ping = json.loads(file.read_text())
        _, left = convert(ping, schema)
        assert set(left) <= gone
        known = {
            name for name, _ in pairs(left.get("payload", {})) if schema.find(f"payload.{column_name(name)}")
        }
        assert known <= {"histograms", "keyedHistograms", "processes", "simpleMeasurements"}


def pairs(value: dict) -> Iterator[tuple[str, Any]]:
    yield from value.items()


# --- The built-in schema of Glean pings -----------------------------------------------------------------


LEFT_OUT = {"bucket_count", "histogram_type", "overflow", "range", "time_unit", "underflow"}


def test_the_built_in_schema_of_metrics_agrees_with_the_real_one() -> None:
    real, builtin = real_schema("firefox_desktop.metrics"), builtin_schema("firefox_desktop.metrics")
    assert builtin is not None
    for path, field in builtin.leaves():
        found = real.find(path)
        assert found is not None, path
        assert agree(field, found, LEFT_OUT), path
    kinds = real.find("metrics")
    assert kinds is not None
    metrics = [
        (f"metrics.{kind.name}.{metric.name}", metric)
        for kind in kinds.fields.values()
        if not kind.repeated  # those got the wrong type, see `url2`
        for metric in kind.fields.values()
    ]
    assert len(metrics) > 2_000
    for path, field in metrics:
        found = builtin.find(path)
        assert found is not None, path
        assert (path, found.type, found.repeated) == (path, field.type, field.repeated)
        assert agree(found, field, LEFT_OUT), path


def agree(ours: Field, real: Field, extra: set[str]) -> bool:
    """Whether the types are the same but for fields of `extra` names."""
    if (ours.type, ours.repeated) != (real.type, real.repeated) or set(real.fields) - set(
        ours.fields
    ) - extra:
        return False
    return all(agree(field, real.fields[name], extra) for name, field in ours.fields.items())


# --- Shapes ---------------------------------------------------------------------------------------------


def test_a_main_ping_becomes_a_row(tmp_path: Path) -> None:
    histogram = {
        "range": [1, 1000],
        "bucket_count": 20,
        "histogram_type": 0,
        "values": {"115": 1},
        "sum": 118,
    }
    ping = main_ping(
        histograms={"FX_TAB_SWITCH_SPINNER_VISIBLE_MS": histogram},
        keyedHistograms={"SUBPROCESS_CRASHES_WITH_DUMP": {"content": histogram, "gpu": histogram}},
        processes={
            "parent": {"scalars": {"browser.engagement.tab_open_event_count": 3}},
            "content": {"histograms": {"GC_MS": histogram}},
        },
        info={"subsessionLength": 3600, "timezoneOffset": None},
    )
    ping["environment"]["experiments"] = {"tab-warming": {"branch": "control"}}
    ping["environment"]["settings"] = {"userPrefs": {"browser.startup.page": 3, "a.b": True, "c": "text"}}
    row = row_of(tmp_path, ping)
    text = '{"range":[1,1000],"bucket_count":20,"histogram_type":0,"values":{"115":1},"sum":118}'
    assert row["payload"] == {
        "histograms": {"fx_tab_switch_spinner_visible_ms": text},
        "keyed_histograms": {
            "subprocess_crashes_with_dump": [{"key": "content", "value": text}, {"key": "gpu", "value": text}]
        },
        "processes": {
            "parent": {"scalars": {"browser_engagement_tab_open_event_count": 3}},
            "content": {"histograms": {"gc_ms": text}},
        },
        "info": {"subsession_length": 3600},
    }
    assert row["environment"]["experiments"] == [{"key": "tab-warming", "value": {"branch": "control"}}]
    assert row["environment"]["settings"]["user_prefs"] == [
        {"key": "browser.startup.page", "value": "3"},
        {"key": "a.b", "value": "true"},
        {"key": "c", "value": "text"},
    ]
    assert "additional_properties" not in row


def test_a_crash_ping_becomes_a_row(tmp_path: Path) -> None:
    """The documented structure: firefox-source-docs, toolkit/components/telemetry/data/crash-ping."""
    payload = {
        "crashDate": "2020-04-20",
        "version": 1,
        "sessionId": "5a0d2f1e-3f6c-4c0e-9b5e-2f1d3c4b5a69",
        "crashId": "0b8f0d3c-1d57-4f0e-8a3d-6f4e5c1b2a97",
        "minidumpSha256Hash": "abc",
        "processType": "content",
        "stackTraces": {"status": "OK", "crash_info": {"crashing_thread": 3}},
        "metadata": {"StartupCrash": "1", "SecondsSinceLastCrash": "12", "NewAnnotation": "x"},
        "hasCrashEnvironment": True,
        "crashTime": "2020-04-20T10:00:00.000Z",
    }
    row = row_of(tmp_path, main_ping() | {"type": "crash", "payload": payload})
    assert row["payload"] == {
        "crash_date": "2020-04-20",
        "version": 1,
        "session_id": payload["sessionId"],
        "crash_id": payload["crashId"],
        "minidump_sha256_hash": "abc",
        "process_type": "content",
        "stack_traces": {"status": "OK", "crash_info": {"crashing_thread": 3}},
        "metadata": {"startup_crash": "1", "seconds_since_last_crash": "12"},
        "has_crash_environment": True,
        "crash_time": "2020-04-20T10:00:00.000Z",
    }
    assert left_of(row) == {"payload": {"metadata": {"NewAnnotation": "x"}}}
    assert (row["client_id"], row["sample_id"]) == (
        CLIENT.lower(),
        crc32(CLIENT.lower().encode()) % 100,
    )
    other = ingest([written(tmp_path / "main.json", main_ping())], tmp_path / "main.ndjson")
    assert other.table == "telemetry.main"
    with pytest.raises(QuerygenError, match="a crash ping, where main pings go"):
        row_of(tmp_path, main_ping() | {"type": "crash", "payload": payload}, table="telemetry.main")


def test_a_glean_ping_becomes_a_row(tmp_path: Path) -> None:
    values = {"values": {"1000": 2, "2000": 1}, "sum": 4100, "count": 3}
    ping = glean_ping(
        timing_distribution={"browser.tabswitch.spinner_visible": values},
        labeled_timing_distribution={"network.http_fetch_duration": {"h1_others": values}},
        labeled_counter={"subprocess.crashes_with_dump": {"content": 2}},
        counter={"browser.engagement.tab_open_event_count": 5},
        boolean={"browser.default_at_launch": True},
        quantity={"system.memory": 8192},
        string_list={"a.b": ["x", "y"]},
        text={"c.d": "long"},
        url={"e.f": "https://example.org"},
        object={"addons.active": {"rows": [1, {"x": None}]}},
        dual_labeled_counter={"g.h": {"one": {"two": 2}}},
    )
    ping["ping_info"]["experiments"] = {"slug": {"branch": "b", "extra": {"type": "t"}}}
    row = row_of(tmp_path, ping)
    shaped = {"values": [{"key": "1000", "value": 2}, {"key": "2000", "value": 1}], "sum": 4100, "count": 3}
    assert row["metrics"] == {
        "timing_distribution": {"browser_tabswitch_spinner_visible": shaped},
        "labeled_timing_distribution": {
            "network_http_fetch_duration": [{"key": "h1_others", "value": shaped}]
        },
        "labeled_counter": {"subprocess_crashes_with_dump": [{"key": "content", "value": 2}]},
        "counter": {"browser_engagement_tab_open_event_count": 5},
        "boolean": {"browser_default_at_launch": True},
        "quantity": {"system_memory": 8192},
        "string_list": {"a_b": ["x", "y"]},
        "text2": {"c_d": "long"},
        "url2": {"e_f": "https://example.org"},
        "object": {"addons_active": {"rows": [1, {"x": None}]}},
        "dual_labeled_counter": {"g_h": [{"key": "one", "value": [{"key": "two", "value": 2}]}]},
    }
    assert row["ping_info"]["experiments"] == [
        {"key": "slug", "value": {"branch": "b", "extra": {"type": "t"}}}
    ]
    assert "additional_properties" not in row


def test_use_counters_stay_json(tmp_path: Path) -> None:
    histogram = {"histogram_type": 2, "sum": 5, "values": {"1": 5}}
    row = row_of(tmp_path, main_ping(histograms={"USE_COUNTER2_X_DOCUMENT": histogram}))
    assert json.loads(row["payload"]["histograms"]["use_counter2_x_document"]) == histogram


SHAPES = Schema(
    "telemetry.shapes",
    Field(
        "",
        "RECORD",
        fields={
            field.name: field
            for field in (
                Field("additional_properties", "STRING"),
                Field(
                    "payload",
                    "RECORD",
                    fields={
                        field.name: field
                        for field in (
                            Field("text", "STRING"),
                            Field("texts", "STRING", repeated=True),
                            Field("whole", "INT64"),
                            Field("wholes", "INT64", repeated=True),
                            Field("number", "FLOAT64"),
                            Field("truth", "BOOL"),
                            Field("day", "DATE"),
                            Field("record", "RECORD", fields={"inner_one": Field("inner_one", "INT64")}),
                            Field("records", "RECORD", True, {"inner_one": Field("inner_one", "INT64")}),
                            Field(
                                "tuple",
                                "RECORD",
                                fields={"f0_": Field("f0_", "INT64"), "f1_": Field("f1_", "STRING")},
                            ),
                            Field(
                                "events",
                                "RECORD",
                                True,
                                {"f0_": Field("f0_", "INT64"), "f1_": Field("f1_", "STRING")},
                            ),
                            Field("lists", "RECORD", True, {"list": Field("list", "INT64", True)}),
                            Field(
                                "map",
                                "RECORD",
                                True,
                                {"value": Field("value", "INT64"), "key": Field("key", "STRING")},
                            ),
                            Field("keys", "RECORD", True, {"key": Field("key", "STRING")}),
                        )
                    },
                ),
            )
        },
    ),
)


@pytest.mark.parametrize(
    ("name", "value", "kept", "left"),
    [
        ("text", "x", "x", None),
        ("text", 5, "5", None),
        ("text", True, "true", None),
        ("text", [1, "é"], '[1,"é"]', None),
        ("text", None, None, None),
        ("texts", ["x", 1], ["x", "1"], None),
        ("texts", ["x", None], None, ["x", None]),
        ("texts", "x", None, "x"),
        ("texts", [], None, None),
        ("whole", 5, 5, None),
        ("whole", True, 1, None),
        ("whole", 5.0, None, 5.0),
        ("whole", 2**63, None, 2**63),
        ("whole", "5", None, "5"),
        ("whole", {"a": 1}, None, {"a": 1}),
        ("wholes", [1, 2], [1, 2], None),
        ("wholes", [1, "2"], None, [1, "2"]),
        ("number", 5, 5, None),
        ("number", 1.5, 1.5, None),
        ("number", False, 0, None),
        ("number", "1.5", None, "1.5"),
        ("number", 10**400, None, 10**400),
        ("truth", False, False, None),
        ("truth", 0, None, 0),
        ("day", "2020-04-20", "2020-04-20", None),
        ("day", "20 April", None, "20 April"),
        ("record", {"innerOne": 1}, {"inner_one": 1}, None),
        ("record", {"innerOne": 1, "other": 2}, {"inner_one": 1}, {"other": 2}),
        ("record", {"innerOne": 1, "inner_one": 2}, {"inner_one": 1}, {"inner_one": 2}),
        ("record", {"innerOne": None}, None, None),
        ("record", 5, None, 5),
        ("record", [1], None, [1]),
        ("records", [{"innerOne": 1}, {}], [{"inner_one": 1}, {}], None),
        ("records", [{"innerOne": 1}, {"x": 2}, 3], [{"inner_one": 1}, {}, {}], [{}, {"x": 2}, 3]),
        ("records", {"a": 1}, None, {"a": 1}),
        ("tuple", [1, "a"], {"f0_": 1, "f1_": "a"}, None),
        ("tuple", [1, "a", "b"], {"f0_": 1, "f1_": "a"}, [None, None, "b"]),
        ("tuple", ["x", "a"], {"f1_": "a"}, ["x", None]),
        ("events", [[1, "a"], [2, "b", 3]], [{"f0_": 1, "f1_": "a"}, {"f0_": 2, "f1_": "b"}],
            [{}, [None, None, 3]]),
        ("lists", [[1, 2], [3]], [{"list": [1, 2]}, {"list": [3]}], None),
        ("lists", [[1], ["x"]], [{"list": [1]}, {}], [None, ["x"]]),
        ("map", {"a": 1, "b": True}, [{"key": "a", "value": 1}, {"key": "b", "value": 1}], None),
        ("map", {"a": 1, "b": "x"}, [{"key": "a", "value": 1}, {"key": "b"}], {"b": "x"}),
        ("map", {"key": 3}, [{"key": "key", "value": 3}], None),
        ("map", [["a", 1]], None, [["a", 1]]),
        ("map", {}, None, None),
        ("keys", {"a": 1}, [{"key": "a"}], {"a": 1}),
        ("unheardOf", [], None, []),
        ("unheardOf", None, None, None),
    ],
)  # fmt: skip
def test_values_have_their_columns_type_or_are_left_over(
    name: str, value: object, kept: object, left: object
) -> None:
    row, rest = convert({"payload": {name: value}}, SHAPES)
    expected_left = {name: left} if left is not None or name == "unheardOf" else {}
    assert row == ({"payload": {column_name(name): kept}} if kept is not None else {})
    assert rest == ({"payload": expected_left} if expected_left else {})


def test_what_has_no_column_and_no_place_is_an_error(tmp_path: Path) -> None:
    root = Field("", "RECORD", fields={"payload": Field("payload", "RECORD", fields={})})
    with pytest.raises(QuerygenError, match=r"`type` has no column in telemetry\.bare"):
        row_of(tmp_path, main_ping(x=1), schema=Schema("telemetry.bare", root), received=NOON)


# --- What is derived ------------------------------------------------------------------------------------


def test_what_the_pipeline_adds_to_a_main_ping(tmp_path: Path) -> None:
    row = row_of(tmp_path, main_ping(info={"reason": "daily"}))
    client_id = CLIENT.lower()
    derived = {
        "client_id": client_id,
        "sample_id": crc32(client_id.encode()) % 100,
        "document_id": "0fdac909-d2ec-454c-b625-261a3e5d5c9b",
        "submission_timestamp": "2020-04-20T10:25:43.312000Z",
        "normalized_app_name": "Firefox",
        "normalized_channel": "nightly",
        "normalized_os": "Windows",
        "normalized_os_version": "10.0",
        "metadata": {
            "uri": {
                "app_name": "Firefox",
                "app_version": "77.0a1",
                "app_update_channel": "nightly",
                "app_build_id": "20200420095352",
            }
        },
    }
    assert {name: row.get(name) for name in derived} == derived
    assert "normalized_country_code" not in row


def test_what_the_pipeline_adds_to_a_glean_ping(tmp_path: Path) -> None:
    row = row_of(tmp_path, glean_ping(counter={"a.b": 1}))
    derived = {
        "sample_id": crc32(CLIENT.lower().encode()) % 100,
        "submission_timestamp": "2020-04-20T10:34:56.700000Z",
        "normalized_app_name": "Firefox",
        "normalized_channel": "nightly",
        "normalized_os": "Mac",
        "normalized_os_version": "19.4.0",
    }
    assert {name: row.get(name) for name in derived} == derived
    assert row["client_info"]["client_id"] == CLIENT.lower()
    assert row["client_info"]["os"] == "Darwin"
    assert "document_id" not in row


@pytest.mark.parametrize("ping", [main_ping(), glean_ping()])
def test_received_is_when_it_came(tmp_path: Path, ping: dict) -> None:
    row = row_of(tmp_path, ping, received=NOON)
    assert row["submission_timestamp"] == "2020-04-20T12:00:00.000000Z"
    row = row_of(tmp_path, ping, received=datetime.fromisoformat("2020-04-20T12:00:00.5+02:00"))
    assert row["submission_timestamp"] == "2020-04-20T10:00:00.500000Z"
    row = row_of(tmp_path, ping, received=NOON.replace(tzinfo=None))
    assert row["submission_timestamp"] == "2020-04-20T12:00:00.000000Z"


def test_a_ping_that_was_in_the_pipeline_keeps_what_it_got_there(tmp_path: Path) -> None:
    ping = main_ping() | {
        "metadata": {"geo": {"country": "NO"}, "uri": {"app_version": "1"}},
        "submission_timestamp": "2021-01-02 03:04:05 UTC",
        "sample_id": 3,
        "document_id": "x",
        "normalized_channel": "esr",
        "additional_properties": '{"a":1}',
    }
    row = row_of(tmp_path, ping)
    assert row["submission_timestamp"] == "2021-01-02T03:04:05.000000Z"
    assert (row["sample_id"], row["document_id"], row["normalized_channel"]) == (3, "x", "esr")
    assert (row["normalized_country_code"], row["normalized_os"]) == ("NO", "Windows")
    assert row["metadata"] == {"geo": {"country": "NO"}, "uri": {"app_version": "1"}}
    assert left_of(row) == {"additional_properties": '{"a":1}'}
    assert row_of(tmp_path, ping, received=NOON)["submission_timestamp"].startswith("2020-04-20T12:00")


@pytest.mark.parametrize(
    ("date", "problem"),
    [(None, "no `creationDate`"), ("yesterday", "is no date"), ("0001-01-01T00:00:00+05:00", "is no date")],
)
def test_without_a_date_somebody_must_say_when(tmp_path: Path, date: str | None, problem: str) -> None:
    ping = main_ping() | {"creationDate": date}
    with pytest.raises(QuerygenError, match=problem):
        row_of(tmp_path, ping)
    assert row_of(tmp_path, ping, received=NOON)["submission_timestamp"] == "2020-04-20T12:00:00.000000Z"


def test_ids_that_are_no_uuids_stay(tmp_path: Path) -> None:
    row = row_of(tmp_path, main_ping() | {"clientId": "Client-1"})
    assert (row["client_id"], row["sample_id"]) == ("Client-1", crc32(b"Client-1") % 100)
    row = row_of(tmp_path, main_ping() | {"clientId": "{" + CLIENT + "}"})
    assert row["client_id"] == CLIENT.lower()
    row = row_of(tmp_path, {name: value for name, value in main_ping().items() if name != "clientId"})
    assert not {"client_id", "sample_id"} & set(row)


def test_normalized_values() -> None:
    channels = {
        "release": "release",
        "esr": "esr",
        "aurora": "aurora",
        "beta-cck-x": "beta",
        "Nightly": "Other",
    }
    channels |= {"nightly-cck-mint": "nightly", "nightly-autoland": "Other", "default": "Other"}
    assert {name: normalized_channel(name) for name in channels} == channels
    systems = {
        "Windows_NT": "Windows",
        "WINNT": "Windows",
        "Darwin": "Mac",
        "GNU/Linux": "Linux",
        "FreeBSD": "Linux",
    }
    systems |= {"Android": "Android", "iOS": "iOS", "Haiku": "Other", "SunOS": "Linux", "darwin": "Other"}
    assert {name: normalized_os(name) for name in systems} == systems
    versions = {"10.0": "10.0", "5.4.0-26-generic": "5.4.0", "6.1.7601.1": "6.1.7601", "x": "", "10": "10"}
    assert {name: normalized_os_version(name) for name in versions} == versions


# --- Real pings -----------------------------------------------------------------------------------------


def shares(histogram: dict) -> dict[int, Fraction]:
    """By plain Python: the share of each value that was recorded."""
    counts = {int(key): count for key, count in histogram["values"].items() if count > 0}
    return {key: Fraction(count, sum(counts.values())) for key, count in counts.items()}


def histograms_of(ping: dict) -> Iterator[tuple[str, str, str | None, dict]]:
    """Every histogram of a main ping: process, column, key, and the histogram."""
    payload = ping["payload"]
    for process, content in [("parent", payload), *payload["processes"].items()]:
        for name, histogram in content.get("histograms", {}).items():
            yield process, column_name(name), None, histogram
        for name, by_key in content.get("keyedHistograms", {}).items():
            for key, histogram in by_key.items():
                yield process, column_name(name), key, histogram


def stored_histograms(payload: dict) -> Iterator[tuple[str, str, str | None, str]]:
    """Every histogram of a row that has a value."""
    for process, content in [("parent", payload), *payload["processes"].items()]:
        for name, text in ((content or {}).get("histograms") or {}).items():
            if isinstance(text, str):
                yield process, name, None, text
        for name, entries in ((content or {}).get("keyed_histograms") or {}).items():
            for entry in entries or []:
                yield process, name, entry["key"], entry["value"]


def read_back(path: Path, schema: Schema, column: str, as_type: str = "") -> list[Any]:
    """A column of the rows, as a query on them sees it."""
    with duckdb.connect() as con:
        notes = data.attach(con, schema.table, [path], schema, [column], strict_schema=True).notes
        assert notes == ()
        table = data.table_name(schema.table)
        return [row for (row,) in con.execute(f"SELECT {column}{as_type} FROM {table}").fetchall()]


@needs_pings
@pytest.mark.parametrize("extension", ["ndjson", "parquet"])
def test_every_histogram_of_the_real_pings_has_its_shares(tmp_path: Path, extension: str) -> None:
    files = sorted(PINGS.glob("main*.json"))
    output = tmp_path / f"rows.{extension}"
    ingest(files, output)
    schema = builtin_schema("telemetry.main")
    assert schema is not None
    total = 0
    with duckdb.connect() as con:
        con.execute("CREATE TABLE stored (process VARCHAR, name VARCHAR, key VARCHAR, histogram VARCHAR)")
        for file, payload in zip(files, read_back(output, schema, "payload"), strict=True):
            con.execute("DELETE FROM stored")
            con.executemany("INSERT INTO stored VALUES (?, ?, ?, ?)", list(stored_histograms(payload)))
            found: dict[tuple, dict[int, Fraction]] = {
                place: {} for place in con.execute("SELECT process, name, key FROM stored").fetchall()
            }
            answers = con.execute(
                """
                SELECT process, name, s.key, b.key::BIGINT, b.value::BIGINT,
                  sum(b.value::BIGINT) OVER (PARTITION BY process, name, s.key)::BIGINT
                FROM stored AS s, json_each(histogram, '$.values') AS b WHERE b.value::BIGINT > 0
                """
            ).fetchall()
            for process, name, key, bucket, count, of in answers:
                found[process, name, key][bucket] = Fraction(count, of)
            ping = json.loads(file.read_text())
            expected = {
                (process, name, key): shares(histogram)
                for process, name, key, histogram in histograms_of(ping)
            }
            assert found == expected
            total += len(found)
    assert total > 800


@needs_pings
def test_nothing_of_the_real_pings_is_lost(tmp_path: Path) -> None:
    """With the real schema each histogram is in its column, or in what is left over."""
    schema = real_schema("telemetry.main")
    files = sorted(PINGS.glob("main*.json"))
    ingest(files, tmp_path / "rows.ndjson", schema=schema)
    in_columns = in_rest = 0
    for file, row in zip(files, rows_of(tmp_path / "rows.ndjson"), strict=True):
        stored = {
            (process, name, key): json.loads(text)
            for process, name, key, text in stored_histograms(row["payload"])
        }
        in_columns += len(stored)
        payload = left_of(row)["payload"]
        payload = {"processes": {}} | payload
        for process, name, key, histogram in histograms_of({"payload": payload}):
            assert (process, name, key) not in stored
            stored[process, name, key] = histogram
            in_rest += 1
        expected = {
            (process, name, key): histogram
            for process, name, key, histogram in histograms_of(json.loads(file.read_text()))
        }
        assert stored == expected
    assert in_columns > 600
    assert in_rest > 0


@needs_pings
def test_old_pings_keep_what_no_column_holds(tmp_path: Path) -> None:
    (file,) = PINGS.glob("main.4.sample*.json")
    ping = json.loads(file.read_text())
    ingest([file], tmp_path / "rows.ndjson", schema=real_schema("telemetry.main"))
    (row,) = rows_of(tmp_path / "rows.ndjson")
    left = left_of(row)["payload"]
    for name in ("childPayloads", "log", "threadHangStats", "addonDetails"):
        assert left[name] == ping["payload"][name]
    events = row["payload"]["processes"]["parent"]["events"]
    assert events[0]["f0_"] == 12141232
    assert events[0]["f5_"] == [{"key": "engine", "value": "google"}]
    assert row["environment"]["addons"]["active_addons"][0]["key"] == "adbhelper@mozilla.org"
    assert row["environment"]["experiments"] == [{"key": "test_id123", "value": {"branch": "brunch"}}]
    assert row["payload"]["slow_sql"]["other_threads"][0]["value"] == {"f0_": 1, "f1_": 1137}
    assert row["normalized_os"] == "Mac"


@needs_pings
def test_metrics_in_no_schema_reach_additional_properties(tmp_path: Path) -> None:
    (file,) = PINGS.glob("glean*.json")
    metrics = json.loads(file.read_text())["metrics"]
    ingest([file], tmp_path / "rows.ndjson", schema=real_schema("firefox_desktop.metrics"))
    (row,) = rows_of(tmp_path / "rows.ndjson")
    assert "metrics" not in row
    assert left_of(row)["metrics"] == metrics
    assert row["events"] == [{"timestamp": 123456791, "category": "examples", "name": "event_example"}]
    assert row["ping_info"]["experiments"][1]["value"] == {
        "branch": "branch_b", "extra": {"type": "experiment_type"}
    }  # fmt: skip
    assert row["submission_timestamp"] == "2018-10-23T15:48:15.000000Z"


@needs_pings
def test_the_open_schema_keeps_metrics_as_columns(tmp_path: Path) -> None:
    (file,) = PINGS.glob("glean*.json")
    ingest([file], tmp_path / "rows.ndjson")
    (row,) = rows_of(tmp_path / "rows.ndjson")
    found = row["metrics"]["timing_distribution"]["examples_timespan_distribution_example"]
    assert (found["count"], found["sum"], found["values"][1]) == (4, 21, {"key": "16", "value": 2})
    assert set(left_of(row)["metrics"]) == {"timing_distribution"}  # range, bucket_count, … have no column


@pytest.mark.parametrize("extension", ["ndjson", "ndjson.gz", "parquet"])
@pytest.mark.parametrize("real", [False, True])
def test_a_metrics_ping_is_read_back_with_its_values(tmp_path: Path, extension: str, real: bool) -> None:
    table = "firefox_desktop.metrics"
    schema = real_schema(table) if real else builtin_schema(table)
    assert schema is not None
    distribution = {"values": {"1000000": 2, "20000000": 1}, "sum": 22_400_000, "count": 3}
    ping = glean_ping(
        timing_distribution={"browser.tabswitch.spinner_visible": distribution},
        memory_distribution={"memory.heap_allocated": distribution},
        labeled_timing_distribution={"network.http_fetch_duration": {"h2_others": distribution}},
        labeled_counter={"subprocess.crashes_with_dump": {"content": 2}},
    )
    output = tmp_path / f"rows.{extension}"
    ingest([written(tmp_path / "pings.json", ping, glean_ping(), ping)], output, schema=schema)
    metric = "metrics.timing_distribution.browser_tabswitch_spinner_visible"
    one, none, other = read_back(output, schema, metric)
    assert one == other
    buckets = [{"key": "1000000", "value": 2}, {"key": "20000000", "value": 1}]
    assert (one["count"], one["sum"], one["values"]) == (3, 22_400_000, buckets)
    assert none is None or none["values"] is None
    labelled = read_back(output, schema, "metrics.labeled_timing_distribution.network_http_fetch_duration")
    assert labelled[0][0]["key"] == "h2_others"
    assert labelled[0][0]["value"]["values"] == buckets
    counts = read_back(output, schema, "metrics.labeled_counter.subprocess_crashes_with_dump")
    assert counts[0] == [{"key": "content", "value": 2}]
    times = read_back(output, schema, "submission_timestamp", " AT TIME ZONE 'UTC'")
    assert times == [datetime(2020, 4, 20, 10, 34, 56, 700_000)] * 3


# --- Files ----------------------------------------------------------------------------------------------


def numbered(number: int) -> dict:
    return main_ping(info={"profileSubsessionCounter": number})


def numbers(output: Path) -> list[int]:
    return [row["payload"]["info"]["profile_subsession_counter"] for row in rows_of(output)]


def test_streams_folders_and_single_pings_in_their_order(tmp_path: Path) -> None:
    folder = tmp_path / "pings"
    written(folder / "a.json", numbered(1), numbered(2))
    (folder / "b.json").write_text(json.dumps(numbered(3), indent=2))
    (folder / "deeper").mkdir()
    with gzip.open(folder / "deeper" / "c.ndjson.gz", "wt") as file:
        file.write(f"\n{json.dumps(numbered(4))}\n\n{json.dumps(numbered(5))}")
    (folder / "notes.txt").write_text("no ping")
    (folder / ".hidden.json").write_text("no ping")
    single = tmp_path / "ping"
    single.write_text("\ufeff" + json.dumps(numbered(6)))
    told: list[tuple[int, float]] = []
    output = folder / "rows.ndjson"
    for _ in range(2):  # the second time the output itself stands in the folder
        told.clear()
        report = ingest([folder, single], output, progress=lambda *now: told.append(now))
        assert numbers(output) == [1, 2, 3, 4, 5, 6]
        assert (report.table, report.files, report.pings) == ("telemetry.main", 4, 6)
    assert [done for done, _ in told] == [1, 2, 3, 4, 5, 6]
    shares_told = [share for _, share in told]
    assert shares_told == sorted(shares_told)
    assert shares_told[-1] == 1


def test_memory_stays_bounded_for_streams(tmp_path: Path) -> None:
    import tracemalloc

    line = json.dumps(numbered(1) | {"padding": "x" * 20_000}) + "\n"
    (tmp_path / "pings.ndjson").write_text(line * 1_000)
    tracemalloc.start()
    try:
        ingest([tmp_path / "pings.ndjson"], tmp_path / "rows.ndjson")
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


MALFORMED = {
    "broken": ('{"type": "main", "payload": {', "not valid JSON"),
    "number": ("12", "a value, where a ping is expected"),
    "array": ("[{}]", "an array, where a ping is expected"),
    "NaN": (json.dumps(main_ping(x=float("nan"))), "NaN is no number"),
    "infinite": (json.dumps(main_ping()).replace('"version": 4', '"version": 1e999'), "more than a FLOAT64"),
    "digits": (json.dumps(main_ping()).replace('"version": 4', f'"version": {"9" * 5000}'), "not valid JSON"),
    "deep": ('{"payload":' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    "neither": ('{"a": 1}', "neither a main ping"),
    "payload": ('{"type": "main", "payload": 3}', "neither a main ping"),
    "event": (json.dumps(main_ping() | {"type": "event"}), "a ping of type `event`"),
    "Glean": (json.dumps(glean_ping()), "a Glean ping, where main pings go into telemetry.main"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_ping_is_reported_with_its_line(tmp_path: Path, name: str) -> None:
    text, message = MALFORMED[name]
    stream = tmp_path / "pings.ndjson"
    stream.write_text(f"{json.dumps(numbered(1))}\n\n{text}\n{json.dumps(numbered(2))}\n")
    output = tmp_path / "rows.ndjson"
    with pytest.raises(QuerygenError) as caught:
        ingest([stream], output)
    assert message in str(caught.value)
    assert f"{stream}:3:" in str(caught.value)
    assert caught.value.exit_code == 1
    assert not output.exists()

    report = ingest([stream], output, skip_malformed=True)
    assert numbers(output) == [1, 2]
    assert (report.pings, report.skipped) == (2, 1)
    assert message in str(report.problems[0])


def test_a_broken_ping_of_many_lines_is_reported_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "ping.json"
    file.write_text(json.dumps(main_ping(), indent=2).replace('"version": 4', '"version" 4'))
    with pytest.raises(QuerygenError, match=r"ping\.json:5:13: error: not valid JSON"):
        ingest([file], tmp_path / "rows.ndjson")


def test_a_stream_may_begin_with_what_is_no_ping(tmp_path: Path) -> None:
    stream = tmp_path / "pings.json"
    stream.write_text(f"oops\n{json.dumps(numbered(2))}\n")
    report = ingest([stream], tmp_path / "rows.ndjson", skip_malformed=True)
    assert (numbers(tmp_path / "rows.ndjson"), report.skipped) == ([2], 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"a": 1}' + b" " * LARGEST, "more than 64 MB"),
    ],
)
def test_files_without_a_ping(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "ping.json"
    file.write_bytes(content)
    with pytest.raises(QuerygenError, match=message):
        ingest([file], tmp_path / "rows.ndjson")
    with pytest.raises(QuerygenError, match="there is no ping to write a row of") as caught:
        ingest([file], tmp_path / "rows.ndjson", skip_malformed=True)
    assert message in str(caught.value)


def test_a_damaged_file_can_be_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(numbered(1)).encode())[:-20])
    written(tmp_path / "b.json", numbered(2))
    output = tmp_path / "rows.ndjson"
    with pytest.raises(QuerygenError, match=r"a\.json\.gz"):
        ingest([tmp_path], output)
    report = ingest([tmp_path], output, skip_malformed=True)
    assert (numbers(output), report.skipped) == ([2], 1)


def test_the_first_ping_or_the_caller_names_the_table(tmp_path: Path) -> None:
    both = written(tmp_path / "both.ndjson", glean_ping(), main_ping())
    output = tmp_path / "rows.ndjson"
    with pytest.raises(
        QuerygenError, match=r"both\.ndjson:2:1.*a main ping, where Glean pings go into firefox"
    ):
        ingest([both], output)
    for table in ("telemetry.main", "firefox_desktop.metrics"):
        report = ingest([both], output, table=table, skip_malformed=True)
        assert (report.table, report.pings, report.skipped) == (table, 1, 1)
    with pytest.raises(UsageError, match=r"no schema of `telemetry\.mian` is known") as caught:
        ingest([both], output, table="telemetry.mian")
    assert "`telemetry.main`" in str(caught.value)


@pytest.mark.parametrize("name", ["rows.csv", "rows", "rows.parquet.gz", "rows.json"])
def test_the_outputs_name_says_its_format(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="ends in no format"):
        ingest([written(tmp_path / "ping.json", main_ping())], tmp_path / name)


def test_paths_that_cannot_be_are_errors(tmp_path: Path) -> None:
    ping = written(tmp_path / "ping.json", main_ping())
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="doesn't exist"):
        ingest([tmp_path / "none.json"], tmp_path / "rows.ndjson")
    with pytest.raises(UsageError, match="there are no pings in the folder"):
        ingest([tmp_path / "empty"], tmp_path / "rows.ndjson")
    with pytest.raises(UsageError, match="cannot write"):
        ingest([ping], tmp_path / "none" / "rows.ndjson")
    rows = written(tmp_path / "rows.ndjson", main_ping())
    with pytest.raises(UsageError, match="both read and written"):
        ingest([rows], rows)


@pytest.mark.parametrize("extension", ["ndjson", "parquet"])
def test_an_interruption_leaves_what_was_there(tmp_path: Path, extension: str) -> None:
    stream = written(tmp_path / "pings.json", numbered(1), numbered(2), numbered(3))
    output = tmp_path / f"rows.{extension}"
    ingest([stream], output)
    before = output.read_bytes()

    def interrupt(done: int, _: float) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest([stream], output, progress=interrupt)
    assert output.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [stream, output]


def test_the_same_pings_give_the_same_file(tmp_path: Path) -> None:
    stream = written(tmp_path / "pings.json", numbered(1), numbered(2))
    for extension in ("ndjson", "ndjson.gz", "parquet"):
        one, other = tmp_path / f"one.{extension}", tmp_path / f"other.{extension}"
        ingest([stream], one)
        ingest([stream], other)
        assert one.read_bytes() == other.read_bytes()


def test_parquet_has_the_columns_that_are_used(tmp_path: Path) -> None:
    big = main_ping(histograms={"B": {"x": 1}, "A": {"x": 2}}) | {"version": 2**60 + 1}
    other = main_ping(histograms={"C": {"x": 3}})
    other["environment"]["experiments"] = {}
    ingest([written(tmp_path / "pings.json", big, other)], tmp_path / "rows.parquet", schema=None)
    rows = pq.read_table(tmp_path / "rows.parquet")
    assert [field.name for field in rows.schema.field("payload").type.field("histograms").type] == [
        "a",
        "b",
        "c",
    ]
    assert str(rows.schema.field("submission_timestamp").type) == "timestamp[us, tz=UTC]"
    assert rows["version"].to_pylist() == [float(2**60), 4.0]
    assert [row["histograms"]["c"] for row in rows["payload"].to_pylist()] == [None, '{"x":3}']


def test_halves_of_characters_become_whole(tmp_path: Path) -> None:
    text = json.dumps(main_ping(info={"reason": "x"})).replace('"x"', '"a\\ud800b\\ud83d\\ude00"')
    (tmp_path / "ping.json").write_text(text)
    ingest([tmp_path / "ping.json"], tmp_path / "rows.ndjson")
    (row,) = rows_of(tmp_path / "rows.ndjson")
    assert row["payload"]["info"]["reason"] == "a\ufffdb😀"
