"""The three pings whose histograms the STMO tutorial prints, so that its first queries answer as printed."""

from datetime import timedelta
from typing import Any, Final

import pyarrow as pa

from querygen.sample.columns import CRASH, GLEAN, MAIN, SCHEMAS
from querygen.sample.shape import DAYS, NANO_KEYS, START

SAMPLE_ID: Final = 42
"""The sample that the tutorial asks for.

No generated client belongs to it: the tutorial takes any three pings of it (LIMIT 3 without an order), and
only where these three are alone is the answer the one that it prints.
"""

HISTOGRAMS: Final = (
    '{"bucket_count":20,"histogram_type":0,"sum":118,"range":[1,1000],"values":{"80":0,"115":1,"165":0}}',
    '{"bucket_count":20,"histogram_type":0,"sum":19145,"range":[1,1000],"values":{"237":0,"340":1,"1000":1}}',
    '{"bucket_count":20,"histogram_type":0,"sum":1996,"range":[1,1000],"values":{"698":0,"1000":1}}',
)
"""FX_TAB_SWITCH_SPINNER_VISIBLE_MS, verbatim and in the tutorial's order."""

SPINNERS_MS: Final = ((118,), (399, 18_746), (1996,))
"""Spinners that make these histograms, in milliseconds; the tutorial doesn't say which they were."""

PINGS: Final = len(HISTOGRAMS)

# Client and document ids; the CRC-32 of each client id leaves 42 modulo 100.
_IDS = (
    ("159393be-26cd-42a9-261b-8923d5fd6283", "431765dc-e61b-49b9-a46f-10faf2aeb578"),
    ("187477e9-fe72-4ef1-148f-c8f74bd888f0", "88e1a288-4530-4540-7324-ce94d86f3966"),
    ("ab8ff34d-9c7e-4dbc-3097-989a0bb80047", "db0f6816-f23a-4fd1-8f94-5f553a3d03ec"),
)
_BUILD_ID = "20200420095352"  # one that generated pings have too


def table(name: str = MAIN) -> pa.Table:
    """The three pings, sent in the last microseconds of the period. What is not set here is NULL.

    In Glean's table they are told as Glean would have: the same spinners, in nanoseconds. None has a crash.
    """
    if name == CRASH:
        return SCHEMAS[CRASH].empty_table()
    of_table = _glean_ping if name == GLEAN else _main_ping
    rows = [_any_ping(number) | of_table(number) for number in range(PINGS)]
    return pa.Table.from_pylist(rows, schema=SCHEMAS[name])


def _any_ping(number: int) -> dict[str, Any]:
    return {
        # After every generated ping, so that the sample stays in order of submission.
        "submission_timestamp": START + timedelta(days=DAYS, microseconds=number - PINGS),
        "sample_id": SAMPLE_ID,
        "normalized_app_name": "Firefox",
        "normalized_channel": "nightly",
        "normalized_country_code": "US",
        "normalized_os": "Windows",
        "normalized_os_version": "10.0",
        "metadata": {"geo": {"country": "US"}},
    }


def _main_ping(number: int) -> dict[str, Any]:
    client_id, document_id = _IDS[number]
    build = {"architecture": "x86-64", "build_id": _BUILD_ID, "version": "77.0a1"}
    return {
        "client_id": client_id,
        "document_id": document_id,
        "application": build | {"channel": "nightly", "display_version": "77.0a1", "name": "Firefox"},
        "environment": {
            "build": build,
            "settings": {
                "e10s_enabled": True,
                "is_default_browser": True,
                "locale": "en-US",
                "telemetry_enabled": True,
            },
            "system": {
                "cpu": {"cores": 4, "count": 8},
                "memory_mb": 8106.0,
                "os": {"name": "Windows_NT", "version": "10.0"},
            },
        },
        "payload": {
            "histograms": {"fx_tab_switch_spinner_visible_ms": HISTOGRAMS[number]},
            "info": {"profile_subsession_counter": 1, "reason": "shutdown", "subsession_length": 3600},
        },
    }


def _glean_ping(number: int) -> dict[str, Any]:
    client_id, document_id = _IDS[number]
    nanos = [spinner * 1_000_000 for spinner in SPINNERS_MS[number]]
    buckets = [max(key for key in NANO_KEYS if key <= time) for time in nanos]
    spinners = {
        "count": len(nanos),
        "sum": sum(nanos),
        "values": [{"key": str(key), "value": 1} for key in buckets],
    }
    return {
        "document_id": f"{document_id[:-1]}f",
        "client_info": {
            "app_build": _BUILD_ID,
            "app_channel": "nightly",
            "app_display_version": "77.0a1",
            "architecture": "x86_64",
            "client_id": client_id,
            "locale": "en-US",
            "os": "Windows",
            "os_version": "10.0",
        },
        "metrics": {"timing_distribution": {"browser_tabswitch_spinner_visible": spinners}},
        "ping_info": {"reason": "overdue", "seq": 1},
    }
