"""Random filters: every operator on columns of every type, with values that random pings have."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from pings.rows import (
    APPS,
    ARCHITECTURES,
    BUILDS,
    CHANNELS,
    CLIENTS,
    CORES,
    COUNTRIES,
    DAYS,
    HOSTILE_TEXTS,
    LOCALES,
    MEMORIES,
    OS_VERSIONS,
    REASONS,
    SAMPLES,
    SYSTEMS,
)

FIRST, LAST = date(2020, 4, 6), date(2020, 4, 20)
TITLES = tuple(text for text in HOSTILE_TEXTS if text.strip() and len(text) < 1000)
TIMES = tuple(datetime(2020, 4, day, hour) for day in (6, 9, 13, 16, 20) for hour in (0, 11))
BUILD_TIMES = (*(datetime.strptime(build, "%Y%m%d%H%M%S") for build in BUILDS), datetime(2020, 4, 17))
LENGTHS = ("1 day", "5 days", "10 days", "14 days", "1 week", "2 weeks")


class Kind(NamedTuple):
    """How a column's values are filtered: its type, common values in ascending order, and odd ones."""

    type: str
    values: tuple[Any, ...]
    odd: tuple[Any, ...] = ()


TEXT = {
    "channel": Kind("text", tuple(sorted(CHANNELS))),
    "os": Kind("text", tuple(sorted(SYSTEMS))),
    "os_version": Kind("text", tuple(sorted(OS_VERSIONS)), TITLES),
    "country": Kind("text", COUNTRIES),
    "app_name": Kind("text", APPS),
    "architecture": Kind("text", ARCHITECTURES),
    "locale": Kind("text", LOCALES),
    "normalized_channel": Kind("text", tuple(sorted(CHANNELS))),
}
COMMON = {
    **TEXT,
    "sample_id": Kind("whole number", SAMPLES),
    "app_version": Kind("version", ()),
    "build_id": Kind("build id", ()),
    "submission_date": Kind("date", DAYS[1:18]),
    "build_date": Kind("date", DAYS[3:18]),
    "build_time": Kind("time", tuple(sorted(BUILD_TIMES))),
    "submission_timestamp": Kind("timestamp", TIMES),
}
MAIN = {
    **COMMON,
    "client_id": Kind("text", tuple(sorted(CLIENTS[:9])), HOSTILE_TEXTS),
    "application.display_version": Kind("version", ()),
    "payload.info.reason": Kind("text", REASONS),
    "application.build_id": Kind("build id", ()),
    "cpu_cores": Kind("whole number", CORES),
    "payload.info.subsession_length": Kind("whole number", (0, 60, 3600, 86400)),
    "memory_mb": Kind("number", MEMORIES),
    "environment.system.memory_mb": Kind("number", MEMORIES),
    "environment.system.is_wow64": Kind("true or false", (False, True)),
}
METRICS = {
    **COMMON,
    "client_info.client_id": Kind("text", tuple(sorted(CLIENTS[:9])), HOSTILE_TEXTS),
    "ping_info.reason": Kind("text", REASONS),
    "client_info.app_build": Kind("build id", ()),
}
KINDS: Mapping[str, Mapping[str, Kind]] = {"telemetry.main": MAIN, "firefox_desktop.metrics": METRICS}

BUILD_IDS = (
    {"from": "20200406", "to": "20200416"},
    {"gt": "20200406", "lte": "20200420"},
    {"gte": "20200407", "lt": "20200420"},
    {"from": "20200407094500", "to": "20200420"},
    {"from": "202004", "to": "20200416094500"},
    {"gte": "2020"},
    {"lt": "20200416"},
    "202004",
    20200407,
    BUILDS[2],
    ["20200407", "20200413", BUILDS[-1]],
    {"not": "20200413"},
    {"not": ["20200413", BUILDS[0], "local"]},
    {"from": "20200406", "to": "20200420", "not": BUILDS[3]},
    {"is_null": False},
    {"is_null": True},
)

RANGES_OF_VERSIONS = (
    {"gte": "76", "lt": "77"},
    {"from": "9", "to": "76.0"},
    {"from": "76.0.1", "to": "100"},
    {"gt": "76.0b3", "lte": "77"},
    {"gt": "76"},
    {"lt": "76.0"},
    {"lte": "102esr"},
    {"gte": "76.0b14", "not": "77.0"},
    {"gt": "9.0", "lt": "76.0.10"},
)
CURATED = {
    "build id": BUILD_IDS,
    "version": (
        *RANGES_OF_VERSIONS,
        *RANGES_OF_VERSIONS,
        *("76.0", ["77.0a1", "9.0", "76.0"], {"not": "76.0"}, {"not": ["77.0", "unknown"]}),
        *({"is_null": False}, {"is_null": True}),
    ),
}

# The forms of a condition, as functions of a common, a low and a high value, and a list.
Make = Callable[[Any, Any, Any, list[Any]], Any]
EQUALITIES: tuple[Make, ...] = (
    lambda one, low, high, some: one,
    lambda one, low, high, some: some,
    lambda one, low, high, some: {"not": one},
    lambda one, low, high, some: {"not": some},
    lambda one, low, high, some: {"is_null": False},
    lambda one, low, high, some: {"is_null": True},
    lambda one, low, high, some: {"not": one, "is_null": False},
)
COMPARISONS: tuple[Make, ...] = (
    lambda one, low, high, some: {"from": low, "to": high},
    lambda one, low, high, some: {"from": low},
    lambda one, low, high, some: {"to": high},
    lambda one, low, high, some: {"gte": low, "lt": high},
    lambda one, low, high, some: {"gt": low, "lte": high},
    lambda one, low, high, some: {"gt": low},
    lambda one, low, high, some: {"gte": low},
    lambda one, low, high, some: {"lt": high},
    lambda one, low, high, some: {"lte": high},
    lambda one, low, high, some: {"from": low, "to": high, "not": one},
)


def condition(rng: random.Random, kind: Kind) -> Any:
    """A condition on a column, of any form that its type permits."""
    if kind.type in CURATED:
        return rng.choice(CURATED[kind.type])
    is_ordered = kind.type != "true or false"
    make = rng.choice((*EQUALITIES, *COMPARISONS) if is_ordered else EQUALITIES)
    places = sorted(rng.sample(range(len(kind.values)), 2))
    low, high = (kind.values[place] for place in places)
    common = (*kind.values, *kind.values, *kind.odd) if rng.random() < 0.5 else kind.values
    one = rng.choice(common)
    some = list(dict.fromkeys(rng.choice(common) for _ in range(rng.randint(2, 4))))
    return written(rng, make(one, low, high, some))


def written(rng: random.Random, made: Any) -> Any:
    """The condition with each date or time as YAML gives it, or as text."""
    if isinstance(made, Mapping):
        return {operator: written(rng, value) for operator, value in made.items()}
    if isinstance(made, list):
        return [written(rng, value) for value in made]
    if isinstance(made, datetime):
        return rng.choice((made, made.isoformat(), made.isoformat(" ")))
    return rng.choice((made, made.isoformat())) if isinstance(made, date) else made


def bounds(rng: random.Random) -> dict[str, Any]:
    """The keys of a spec that bound its dates, in every way there is."""
    forms = ("range",) * 8 + ("last", "last", "list", "one", "several", "times", "full", "full and last")
    form = rng.choice((*forms, "current"))
    today = {"today": written(rng, rng.choice((LAST, LAST, date(2020, 4, 18))))}
    match form:
        case "last":
            return today | {"filters": {"submission_date": {"last": rng.choice(LENGTHS)}}}
        case "current":
            return {"today": "current", "filters": {"submission_date": {"last": rng.choice(LENGTHS[1:])}}}
        case "list":
            days = rng.sample(DAYS[4:16], rng.randint(3, 8))
            return {"filters": {"submission_date": written(rng, days)}}
        case "one":
            return {"filters": {"submission_date": written(rng, rng.choice(DAYS[5:15]))}}
        case "several":
            return {"filters": {"submission_date": _range(rng) | {"not": written(rng, date(2020, 4, 13))}}}
        case "times":
            low, high = (TIMES[place] for place in (rng.randrange(4), rng.randrange(5, 10)))
            pair = rng.choice((("from", "to"), ("gt", "lt"), ("gte", "lte")))
            high = rng.choice((high, high.replace(tzinfo=UTC)))
            made = written(rng, dict(zip(pair, (low, high), strict=True)))
            return {"filters": {"submission_timestamp": made}}
        case "full":
            return {"allow_full_scan": True}
        case "full and last":
            last = {"build_date": {"last": rng.choice(LENGTHS[2:])}}
            return today | {"allow_full_scan": True, "filters": last}
    return {"filters": {"submission_date": _range(rng)}} | (
        {"allow_full_scan": False} if rng.random() < 0.1 else {}
    )


def _range(rng: random.Random) -> dict[str, Any]:
    """A range of dates in one of its spellings, mostly as wide as the data."""
    ends: Sequence[tuple[str, str]] = (
        *(("from", "to"), ("from", "to")),
        *(("gte", "lte"), ("gt", "lt"), ("gte", "lt")),
    )
    lower, upper = rng.choice(ends)
    low, high = FIRST + timedelta(rng.choice((0, 0, 1, 4))), LAST - timedelta(rng.choice((0, 0, 1, 4)))
    return {lower: written(rng, low), upper: written(rng, high)}
