"""Random specs for telemetry.main's everyday columns: every key, operator and form of dimension."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

from pings.rows import (
    BUILDS,
    CHANNELS,
    CLIENTS,
    COUNTRIES,
    DAYS,
    HISTOGRAM,
    HOSTILE_TEXTS,
    MEMORIES,
    OS_VERSIONS,
    OTHER_HISTOGRAM,
    REASONS,
    SAMPLES,
    SYSTEMS,
    VERSIONS,
    Ping,
    random_pings,
)

POOL = 400


def chance(probability: float) -> st.SearchStrategy[bool]:
    """True about that often; shrinks to False."""
    return st.integers(0, 99).map(lambda number: number >= 100 * (1 - probability))


@lru_cache(maxsize=8)
def _pool(seed: int) -> list[Ping]:
    return random_pings(POOL, seed)


@st.composite
def ping_lists(draw: st.DrawFn, smallest: int = 60, largest: int = 200) -> list[Ping]:
    """A window of `smallest` to `largest` random pings, now and then of a few. Lists share pings."""
    size = draw(st.integers(0, min(smallest, 12)) if draw(chance(0.05)) else st.integers(smallest, largest))
    start = draw(st.integers(0, POOL - size))
    return _pool(draw(st.integers(0, 7)))[start : start + size]


FIRST, LAST = date(2020, 4, 6), date(2020, 4, 20)
PERCENTILES = (0, 0.001, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99, 1)
TITLES = tuple(text for text in HOSTILE_TEXTS if text.strip() and len(text) < 1000)
BANDS = ([2048], [2048, 4096, 8192], [1024, 2047.5, 4096], [0, 2048])


def _as_written(day: date) -> st.SearchStrategy[date | str]:
    """A date as YAML gives it, or as ISO text."""
    return st.sampled_from((day, day.isoformat()))


@st.composite
def _date_range(draw: st.DrawFn, narrow: bool = False) -> dict[str, Any]:
    """A bounded range of dates in one of its spellings, mostly as wide as the data."""
    low = FIRST + timedelta(draw(st.sampled_from((0, 0, 1, 4) if not narrow else (0, 3, 5))))
    high = LAST - timedelta(draw(st.sampled_from((0, 0, 1, 4) if not narrow else (0, 2, 6))))
    lower, upper = draw(
        st.sampled_from((("from", "to"), ("from", "to"), ("gte", "lte"), ("gt", "lt"), ("gte", "lt")))
    )
    return {lower: draw(_as_written(low)), upper: draw(_as_written(high))}


@st.composite
def submission_date(draw: st.DrawFn) -> dict[str, Any]:
    """The keys of a spec that bound the partition column, in every way there is."""
    form = draw(
        st.sampled_from(("range",) * 5 + ("last", "last", "several", "list", "full", "full and last"))
    )
    full = {"allow_full_scan": True}
    today = {"today": draw(_as_written(draw(st.sampled_from((LAST, date(2020, 4, 18))))))}
    match form:
        case "last":
            length = draw(st.sampled_from(("14 days", "2 weeks", "1 week", "10 days")))
            return {**today, "filters": {"submission_date": {"last": length}}}
        case "list":
            days = draw(st.lists(st.sampled_from(DAYS[4:16]), min_size=3, max_size=8, unique=True))
            return {"filters": {"submission_date": [draw(_as_written(day)) for day in days]}}
        case "several":
            condition = draw(_date_range()) | {"not": draw(_as_written(date(2020, 4, 13)))}
            return {"filters": {"submission_date": condition}}
        case "full":
            return full
        case "full and last":
            return {
                **full,
                **today,
                "filters": {"build_date": {"last": draw(st.sampled_from(("3 weeks", "14 days")))}},
            }
    return {"filters": {"submission_date": draw(_date_range())}}


def _text_condition(values: tuple[str, ...], hostile: bool = False) -> st.SearchStrategy[Any]:
    """Every operator on a text column; the values are the common ones first, then hostile ones if asked."""
    common = st.sampled_from(values)
    odd = st.sampled_from(TITLES) if hostile else common
    pair = st.tuples(common, odd).map(lambda two: list(dict.fromkeys(two)))
    ordered = sorted(values)
    return st.one_of(
        common,
        st.lists(common, min_size=2, max_size=3, unique=True),
        pair,
        st.builds(dict, **{"not": odd}),
        st.builds(dict, **{"not": pair}),
        st.builds(dict, is_null=st.just(False)),
        st.just({"gte": ordered[0], "lt": ordered[-1]}),
        st.just({"from": ordered[0]}),
        st.builds(dict, **{"not": common, "is_null": st.just(False)}),
        st.builds(dict, **{"from": st.just(ordered[0]), "to": st.just(ordered[-1]), "not": odd}),
    )


def _number_condition(values: tuple[float, ...]) -> st.SearchStrategy[Any]:
    """Every operator on a numeric column."""
    low, middle, high = values[0], values[len(values) // 2], values[-1]
    return st.one_of(
        st.lists(st.sampled_from(values), min_size=3, unique=True),
        st.sampled_from(values).map(lambda value: {"not": value}),
        st.sampled_from(
            (
                {"from": low, "to": middle},
                {"gt": low},
                {"gte": middle},
                {"lt": high},
                {"lte": middle},
                {"gt": low, "lte": high},
                {"is_null": False},
                {"is_null": True},
                {"gte": low, "not": [middle, high]},
            )
        ),
    )


BUILD_ID_CONDITIONS = st.sampled_from(
    (
        {"from": "20200406", "to": "20200416"},
        {"gt": "20200406", "lte": "20200420"},
        {"gte": "20200407", "lt": "20200420"},
        {"from": "20200407094500", "to": "20200420"},
        {"from": "202004", "to": "20200416094500"},
        {"gte": "2020"},
        "202004",
        BUILDS[2],
        ["20200407", "20200413", BUILDS[-1]],
        {"not": "20200413"},
        {"not": ["20200413", BUILDS[0], "local"]},
        {"from": "20200406", "to": "20200420", "not": BUILDS[3]},
        {"is_null": False},
    )
)

FILTERS: dict[str, st.SearchStrategy[Any]] = {
    "channel": _text_condition(CHANNELS),
    "os": _text_condition(SYSTEMS),
    "os_version": _text_condition(OS_VERSIONS, hostile=True),
    "country": st.one_of(_text_condition(COUNTRIES), st.just({"is_null": True})),
    "app_version": _text_condition(VERSIONS),
    "client_id": st.one_of(
        st.lists(st.sampled_from((*CLIENTS[:6], *HOSTILE_TEXTS)), min_size=4, max_size=9, unique=True),
        st.sampled_from((*CLIENTS[:3], *HOSTILE_TEXTS)).map(lambda client: {"not": client}),
        st.just({"is_null": False}),
    ),
    "build_id": BUILD_ID_CONDITIONS,
    "build_date": st.one_of(
        _date_range(narrow=True),
        st.lists(st.sampled_from(DAYS[3:14:3]).flatmap(_as_written), min_size=3, max_size=4),
        st.sampled_from(({"not": date(2020, 4, 13)}, {"is_null": False}, {"gte": "2020-04-07"})),
    ),
    "build_time": st.sampled_from(
        (
            {"from": datetime(2020, 4, 6), "to": datetime(2020, 4, 16, 9, 45)},
            {"gt": "2020-04-06T00:00:00", "lt": "2020-04-20 09:45:00"},
            {"not": datetime(2020, 4, 13, 0, 0)},
            {"is_null": False},
        )
    ),
    "sample_id": _number_condition(SAMPLES),
    "environment.system.memory_mb": _number_condition(MEMORIES),
    "environment.system.is_wow64": st.sampled_from((True, False, {"not": True}, {"is_null": False})),
    "payload.info.reason": _text_condition(REASONS),
}

FAMILIES = {
    "name": "os_family",
    "of": "os_version",
    "cases": {
        "Windows 7 or 8": ["6.1", "6.3"],
        "it's `10`": "10.0",
        "Mac": {"gte": "19", "lt": "2"},
        "the rest": {"is_null": False},
    },
}
OS_GROUP = {
    "name": "os_group",
    "of": "os",
    "cases": {"zz desktop": ["Windows", "Mac"], "any": {"not": "Linux"}, "Linux": "Linux"},
}
AGE = {
    "name": "age",
    "of": "build_id",
    "cases": {"old": {"lt": "20200409"}, "new": {"gte": "20200413"}},
    "else": "?",
}
MACHINE = {
    "name": "machine",
    "cases": [
        {"value": "small Windows", "when": {"os": "Windows", "environment.system.memory_mb": {"lt": 4096}}},
        {"value": "Windows", "when": {"os": ["Windows"], "country": {"not": "DE"}}},
        {
            "value": "{{ other }}; --",
            "when": {"channel": {"is_null": False}, "sample_id": {"gte": 7, "lte": 99}},
        },
    ],
    "else": "a rest",
}
RELEASED = {
    "name": "released",
    "cases": [
        {"value": "late", "when": {"build_date": {"from": date(2020, 4, 13), "to": date(2020, 4, 20)}}},
        {
            "value": "early",
            "when": {"build_id": {"to": "20200409"}, "submission_date": {"gte": "2020-04-06"}},
        },
    ],
}
# Definitions, and for each a few filters on its labels.
DEFINED: tuple[tuple[dict[str, Any], tuple[Any, ...]], ...] = (
    *(
        ({"name": "memory", "of": "environment.system.memory_mb", "bands": bands}, conditions)
        for bands in BANDS
        for conditions in ((f"{bands[-1]} and over", {"not": f"under {bands[0]}"}, {"is_null": False}),)
    ),
    (
        {"name": "sampled", "of": "sample_id", "bands": [1, 50]},
        (["under 1", "1 to 50"], {"not": "50 and over"}),
    ),
    ({"name": "reason_text", "of": "payload.info.reason"}, ("daily", {"not": "daily"}, {"is_null": False})),
    ({"name": "place", "of": "country"}, (["NO", "US"], {"not": ["NO"]}, {"is_null": True})),
    (FAMILIES, ("Windows 7 or 8", ["it's `10`", "the rest"], {"not": "Mac"})),
    (OS_GROUP, ("zz desktop", {"not": "Linux"}, {"is_null": False})),
    (AGE, ("old", {"not": ["?"]}, ["old", "new"])),
    (MACHINE, (["small Windows", "a rest"], {"not": "Windows"})),
    (RELEASED, ({"is_null": False}, {"not": "late"}, "late")),
)
NAMES = (
    *("channel", "os", "os_version", "country", "app_version", "build_id", "build_date", "build_time"),
    *("submission_date", "sample_id", "environment.system.memory_mb", "environment.system.is_wow64"),
    *("payload.info.reason", "payload.info.subsession_length", "normalized_channel", "application.build_id"),
)
FIELDS = (
    *(
        "document_id",
        "client_id",
        "histogram",
        "sum",
        "bucket_count",
        "histogram_type",
        "submission_timestamp",
    ),
    *("os", "build_id", "build_date", "submission_date", "environment.system.memory_mb", "sample_id"),
)
HISTOGRAMS = (
    *(HISTOGRAM.upper(), HISTOGRAM.upper(), HISTOGRAM, "Fx_Tab_Switch_Spinner_Visible_Ms", OTHER_HISTOGRAM),
    *(f"payload.histograms.{HISTOGRAM}", "payload.histograms.GC_MS"),
)


@st.composite
def _dimensions(draw: st.DrawFn) -> tuple[list[Any], dict[str, Any]]:
    """Up to four dimensions of any form under distinct names, and filters on some of the defined ones."""
    dimensions: list[Any] = draw(
        st.lists(st.sampled_from(NAMES), max_size=2, unique_by=lambda n: n.split(".")[-1])
    )
    filters = {}
    for definition, conditions in draw(
        st.lists(st.sampled_from(DEFINED), max_size=2, unique_by=lambda pair: pair[0]["name"])
    ):
        dimensions.insert(draw(st.integers(0, len(dimensions))), definition)
        if draw(chance(0.3)):
            filters[definition["name"]] = draw(st.sampled_from(conditions))
    return dimensions, filters


@st.composite
def _measure(draw: st.DrawFn) -> dict[str, Any]:
    """The keys that say what is asked for, with the defaults spelt out or not."""
    measure = draw(st.sampled_from(("percentiles",) * 3 + ("distribution", "summary", "counts", "pings")))
    histogram = {"histogram": draw(st.sampled_from(HISTOGRAMS))}
    written = {"measure": measure}
    match measure:
        case "percentiles":
            chosen = draw(st.lists(st.sampled_from(PERCENTILES), min_size=1, max_size=6, unique=True))
            return {**histogram, "percentiles": chosen, **(written if draw(chance(0.3)) else {})}
        case "distribution":
            return {**histogram, **(written if draw(chance(0.5)) else {})}
        case "counts":
            return {**written, **(histogram if draw(chance(0.2)) else {})}
        case "pings":
            fields = draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=5, unique=True))
            return {
                **histogram,
                **written,
                "fields": fields,
                "limit": draw(st.sampled_from((1, 3, 10, 1000))),
            }
    return {**histogram, **written}


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """A valid spec for telemetry.main, as YAML gives it; in all, every key and every operator occurs."""
    spec = draw(_measure()) | {"source": "telemetry.main"}
    if draw(chance(0.15)):
        spec["title"] = draw(st.sampled_from(TITLES))
    if draw(chance(0.1)):
        spec["description"] = draw(st.sampled_from(TITLES))
    if draw(chance(0.1)):
        spec["process"] = "parent"
    bounds = draw(submission_date())
    filters = bounds.pop("filters", {})
    measure = spec.get("measure")
    if measure != "pings":
        dimensions, on_defined = draw(_dimensions())
        filters |= on_defined
        if dimensions or draw(chance(0.1)):
            spec["dimensions"] = dimensions
    if measure not in ("pings", "counts") and draw(chance(0.75)):
        spec["normalization"] = draw(st.sampled_from(("client", "client_day", "none")))
    for name in draw(st.lists(st.sampled_from(tuple(FILTERS)), max_size=2, unique=True)):
        filters.setdefault(name, draw(FILTERS[name]))
    return spec | bounds | ({"filters": filters} if filters else {})


def specs_with_pings() -> st.SearchStrategy[tuple[dict[str, Any], list[Ping]]]:
    """Pairs to compile, run and judge; at most a fifth of the answers is empty."""
    return st.tuples(specs(), ping_lists())
