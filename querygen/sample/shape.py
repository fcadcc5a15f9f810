"""What the synthetic telemetry.main looks like: columns, period, buckets, curves."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

_HISTOGRAMS = (
    "devtools_toolbox_opened_count",
    "fx_tab_switch_spinner_visible_long_ms",
    "fx_tab_switch_spinner_visible_ms",
    "gc_ms",
    "http_pageload_is_ssl",
)
_BUILD = {"architecture": pa.string(), "build_id": pa.string()}


def _struct(**fields: pa.DataType) -> pa.DataType:
    return pa.struct(list(fields.items()))


SCHEMA: Final = pa.schema(
    {
        "submission_timestamp": pa.timestamp("us", tz="UTC"),
        "client_id": pa.string(),
        "document_id": pa.string(),
        "sample_id": pa.int64(),
        "normalized_app_name": pa.string(),
        "normalized_channel": pa.string(),
        "normalized_country_code": pa.string(),
        "normalized_os": pa.string(),
        "normalized_os_version": pa.string(),
        "application": _struct(
            **_BUILD, channel=pa.string(), display_version=pa.string(), name=pa.string(), version=pa.string()
        ),
        "environment": _struct(
            build=_struct(**_BUILD, version=pa.string()),
            settings=_struct(
                e10s_enabled=pa.bool_(),
                is_default_browser=pa.bool_(),
                locale=pa.string(),
                telemetry_enabled=pa.bool_(),
            ),
            system=_struct(
                cpu=_struct(cores=pa.int64(), count=pa.int64()),
                memory_mb=pa.float64(),
                os=_struct(name=pa.string(), version=pa.string()),
            ),
        ),
        "metadata": _struct(geo=_struct(country=pa.string())),
        "payload": _struct(
            histograms=_struct(**dict.fromkeys(_HISTOGRAMS, pa.string())),
            info=_struct(
                profile_subsession_counter=pa.int64(), reason=pa.string(), subsession_length=pa.int64()
            ),
        ),
    }
)
"""The columns, a subset of the real telemetry.main under its own names, nesting and types."""

START: Final = datetime(2020, 4, 6, tzinfo=UTC)
DAYS: Final = 15
"""The submissions: the two weeks that the tutorial looks at, with both their first and their last day."""

# Lower bounds of the buckets, as Firefox lays them out: (low, high, count) in milliseconds.
SPINNER_KEYS: Final = [0, 1, 2, 3, 4, 6, 9, 13, 19, 27, 39, 56, 80, 115, 165, 237, 340, 487, 698, 1000]
"""FX_TAB_SWITCH_SPINNER_VISIBLE_MS: exponential (1, 1000, 20)."""

LONG_KEYS: Final = [
    *(0, 1000, 1260, 1587, 2000, 2520, 3175, 4000, 5040, 6350),
    *(8000, 10079, 12699, 16000, 20159, 25399, 32001, 40318, 50797, 64000),
]
"""FX_TAB_SWITCH_SPINNER_VISIBLE_LONG_MS: exponential (1000, 64000, 20)."""

GC_KEYS: Final = [
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 29, 34, 40, 48, 57, 68, 81, 96, 114, 135),
    *(160, 190, 226, 268, 318, 378, 449, 533, 633, 752, 894, 1062, 1262, 1500, 1782, 2117, 2516),
    *(2990, 3553, 4222, 5017, 5961, 7083, 8416, 10000),
]
"""GC_MS: exponential (1, 10000, 50)."""

_WHOLE = 65536

# Where clients are and the language of their Firefox, as often as they stand here.
_PLACES = [
    *[("US", "en-US")] * 6,
    *[("DE", "de")] * 4,
    *[("FR", "fr")] * 2,
    *[("RU", "ru")] * 2,
    *[("CN", "zh-CN"), ("PL", "pl"), ("JP", "ja"), ("GB", "en-GB"), ("CA", "en-US"), ("BR", "pt-BR")],
    *[("IN", "en-US"), ("IT", "it"), ("ES", "es-ES"), ("NL", "nl"), ("SE", "sv-SE"), ("NO", "nb-NO")],
]


def _curve(centre: int, reach: int, buckets: int) -> list[int]:
    """Weights that add up to 65536: a hill around bucket `centre`, nothing `reach` buckets away from it.

    What would lie beyond the first or the last bucket falls into that one. Integers, since the sample is the
    same on every machine.
    """
    weights = [0] * buckets
    for place in range(centre - reach, centre + reach + 1):
        weights[min(max(place, 0), buckets - 1)] += (reach - abs(place - centre)) ** 2
    total = sum(weights)
    shares = [weight * _WHOLE // total for weight in weights]
    shares[shares.index(max(shares))] += _WHOLE - sum(shares)
    return shares


def constants() -> dict[str, Any]:
    """The parameters of pings.sql that hold for every sample."""
    buckets = len(SPINNER_KEYS)
    ordinary = [_curve(centre, 6, buckets) for centre in range(4, 24)]
    # Two thirds like those of other people, if slower, and one third that hang.
    slow, hanging = _curve(13, 9, buckets), _curve(19, 4, buckets)
    heavy_user = [(2 * one + other) // 3 for one, other in zip(slow, hanging, strict=True)]
    return {
        "start": int(START.timestamp()) * 1_000_000,
        "length": timedelta(days=DAYS) // timedelta(microseconds=1),
        "spinner_curves": [*ordinary, heavy_user],
        "gc_curve": [0, *_curve(6, 4, 12), 0],
        "jumps": [pow(16807, bucket, 2**31 - 1) for bucket in range(1, buckets + 1)],
        "spinner_keys": SPINNER_KEYS,
        "long_keys": LONG_KEYS,
        "gc_keys": GC_KEYS,
        "countries": [country for country, _ in _PLACES],
        "locales": [locale for _, locale in _PLACES],
    }
