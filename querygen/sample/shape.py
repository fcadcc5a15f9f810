"""What the synthetic tables look like: period, buckets, curves. Their columns are in `columns`."""

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any, Final

EXPERIMENT: Final = "tab-warming-nightly-77"
"""The slug of the experiment that a quarter of the clients is in."""

PLACEBO: Final = "startup-cache-nightly-77"
"""The slug of another one, whoever is in the first."""

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

COMPOSITE_KEYS: Final = [
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 23, 26, 29, 33, 37, 42, 47, 53),
    *(60, 67, 75, 84, 95, 107, 120, 135, 152, 171, 192, 216, 243, 273, 307, 345, 388, 437, 492),
    *(554, 623, 701, 789, 888, 1000),
]
"""COMPOSITE_TIME: exponential (1, 1000, 50)."""

TAB_KEYS: Final = [
    *range(30),
    *(31, 33, 35, 37, 39, 41, 43, 45, 47, 49, 52, 55, 58, 61, 64, 67, 70, 74, 78, 82, 86, 90, 95),
    *(100, 105, 110, 116, 122, 128, 135, 142, 149, 157, 165, 173, 182, 191, 201, 211, 222, 233, 245),
    *(258, 271, 285, 300, 315, 331, 348, 366, 385, 405, 426, 448, 471, 495, 520, 547, 575, 605, 636),
    *(669, 703, 739, 777, 817, 859, 904, 951, 1000),
]
"""browser.engagement.tab_count: exponential (1, 1000, 100), in tabs."""


def functional_keys(per_magnitude: int, low: int, high: int) -> list[int]:
    """Where Glean's buckets begin, so many of them to a power of two: those from `low` to `high`.

    Glean raises a rounded root to whole powers; so does this, with both results rounded as an exact
    machine rounds them.
    """
    context = Context(prec=40)
    root = Decimal(float(context.power(2, context.divide(1, per_magnitude))))
    first, last = (number.bit_length() * per_magnitude for number in (low, high))
    powers = (float(context.power(root, index)) for index in range(first - per_magnitude, last + 1))
    return [key for key in dict.fromkeys(map(int, powers)) if low <= key <= high]


NANO_KEYS: Final = functional_keys(8, 2**18, 2**36)
"""Timing distributions: 8 buckets to a power of two of nanoseconds."""

MEMORY_KEYS: Final = functional_keys(16, 2**26, 2**32)
"""Memory distributions: 16 buckets to a power of two of bytes."""


def _as_nanos(keys: list[int]) -> list[int]:
    """For buckets of milliseconds, the bucket of nanoseconds that holds the middle of each."""
    middles = [500_000 * (low + high) for low, high in zip(keys, [*keys[1:], 2 * keys[-1]], strict=True)]
    return [max(key for key in NANO_KEYS if key <= middle) for middle in middles]


SPINNER_NANOS: Final = _as_nanos(SPINNER_KEYS)
"""browser.tabswitch.spinner_visible: one bucket of Glean's for each of SPINNER_KEYS."""

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
    """The parameters of the SQL that hold for every sample; a table takes those that it names."""
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
        "small_curve": [0, *_curve(1, 3, 4), 0],
        "jumps": [pow(16807, bucket, 2**31 - 1) for bucket in range(1, buckets + 1)],
        "spinner_keys": SPINNER_KEYS,
        "long_keys": LONG_KEYS,
        "gc_keys": GC_KEYS,
        "composite_keys": COMPOSITE_KEYS,
        "nano_keys": NANO_KEYS,
        "spinner_nanos": SPINNER_NANOS,
        "fetch_keys": [key for key in NANO_KEYS if key > 4_000_000],
        "memory_keys": MEMORY_KEYS,
        "tab_keys": TAB_KEYS,
        "experiment": EXPERIMENT,
        "placebo": PLACEBO,
        "countries": [country for country, _ in _PLACES],
        "locales": [locale for _, locale in _PLACES],
    }
