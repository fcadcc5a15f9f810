"""Random pings and random specs for tests: small domains, so that groups hold several clients.

`random_pings` gives rows of telemetry.main with every corner case; the pairs of `specs_with_pings` cover
every key and operator of a spec.
"""

import json
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Ping = dict[str, Any]
HISTOGRAM = "fx_tab_switch_spinner_visible_ms"
OTHER_HISTOGRAM = "gc_ms"

# --- Histogram strings ---------------------------------------------------------------------------

BUCKETS = (0, 1, 2, 3, 4, 6, 9, 13, 19, 27, 39, 56, 80, 115, 165, 237, 340, 487, 698, 1000)

# Decodable, with all the grammar's liberties; then each count's edge.
ODD_HISTOGRAMS = (
    "{}",
    " \t{ }\n",
    '{"values":{}}',
    '{"values":null,"sum":7}',
    '{"sum":null,"bucket_count":null,"histogram_type":null,"range":[1,2],"values":{"56":2}}',
    '{"values":{"1":7},"range":[1,2],"histogram_type":4,"bucket_count":3,"sum":7}',
    '\n{ "bucket_count" : 20 ,\t"histogram_type":0, "sum" : 34,\r\n"range":[ 1 , 1000 ], '
    '"values":{ "13" : 1 , "19":1 } } ',
    '{"bucket_count":20,"histogram_type":0,"sum":26,"sum":99,"range":[1,1000],"values":{"13":1,"13":1}}',
    '{"bucket_count":20,"histogram_type":0,"sum":118,"log_sum":4.75359,"log_sum_squares":22.5966,'
    '"range":[1,1000],"values":{"80":0,"115":1,"165":0}}',
    '{"bucket_count":20,"histogram_type":1,"sum":6,"sum_squares_lo":36,"sum_squares_hi":0,"values":{"6":1}}',
    '{"bucket_count":20,"histogram_type":0,"sum":0,"range":[1,1000],"values":{"0":0,"1":0,"1000":0}}',
    '{"bucket_count":20,"histogram_type":0,"sum":5,"range":[1,1000],"values":{"-0":1,"0":1,"-5":1,"9":1}}',
    '{"sum":12,"values":{"56":-3,"80":2,"115":0}}',
    '{"sum":-4,"values":{"3":-1}}',
    f'{{"sum":12,"values":{{"56":{2**40},"80":2}}}}',
    f'{{"sum":12,"values":{{"56":{2**40 + 1},"80":2}}}}',
    f'{{"sum":12,"values":{{"56":{2**40 + 1},"80":{2**41}}}}}',
    '{"sum":999999999999999999,"values":{"999999999999999999":1,"1":1}}',
    "20;0;118;1,1000;80:0,115:1,165:0",
    " 20;0;0;1,1000; ",
    "20;0;26;1,1000;13:1,13:1,27:-2",
    "3;2;5;1,2;0:0,1:5,2:0\n",
    "0,31",
    "5,0",
    "0,0",
    "-1,3",
    f" {2**40},{2**40 + 1} ",
    "37",
    "0",
    "-5",
    " 2\t",
    "999999999999999999",
)

UNDECODABLE = (
    "",
    "  ",
    "null",
    "true",
    "NaN",
    "Infinity",
    "foo",
    "a,b",
    "1,2,3",
    "1;2",
    "1.5",
    "1e3",
    "+1",
    "007",
    "0x10",
    "1_000",
    "1,",
    "1, 2",
    "٣",
    "1000000000000000000",
    "[]",
    '"37"',
    "{",
    "{]",
    '{"values":{"1":1}',
    '{"values":{"1":1}}}',
    '{"values":{"1":1},}',
    '{"values":{"1":1,}}',
    '{"values":{1:1}}',
    '{"values":{"1":"1"}}',
    '{"values":{"1":1.5}}',
    '{"values":{"1":1e2}}',
    '{"values":{"01":1}}',
    '{"values":{" 1":1}}',
    '{"values":{"a":1}}',
    '{"values":{"1":null}}',
    '{"values":{"1":{"2":3}}}',
    '{"values":{"1":[1]}}',
    '{"values":[1,2]}',
    '{"values":{"1":1},"values":{"1":1}}',
    '{"values":{"1":1000000000000000000}}',
    '{"values":{"1":NaN}}',
    '{"sum":"5","values":{"1":1}}',
    '{"sum":5.0,"values":{"1":1}}',
    '{"sum":NaN,"values":{"1":1}}',
    '{"range":[1],"values":{"1":1}}',
    '{"range":null,"values":{"1":1}}',
    '{"range":[1,2,3],"values":{"1":1}}',
    '{"log_sum":1.,"values":{"1":1}}',
    '{"extra":1,"values":{"1":1}}',
    '{"SUM":1,"values":{"1":1}}',
    "{'values':{'1':1}}",
    '{"\\u0073um":5,"values":{"1":1}}',
    '\u00a0{"values":{"1":1}}',
    '\ufeff{"values":{"1":1}}',
    '\v{"values":{"1":1}}',
    '{"values":{"1":1}} x',
    "20;0;118;1,1000",
    "20;0;118;1,1000;80:0;",
    "20;0;118;1,1000;80:0,",
    "20;0;118;1,1000;80",
    "20;0;118;1;80:0",
    "20;0;;1,1000;80:1",
    "20; 0;118;1,1000;80:1",
    '{"a":' * 200 + "1" + "}" * 200,
)

# Cumulative shares of exactly p, which sums of floats miss: tenths, sixths and thirds of a client's vote.
TIED_HISTOGRAMS = (
    json.dumps({"sum": 10, "values": {str(key): 1 for key in BUCKETS[:10]}}),
    json.dumps({"sum": 6, "values": {str(key): 1 for key in BUCKETS[:6]}}),
    *[json.dumps({"sum": 3, "values": {"0": 1, "1": 2}})] * 3,
    json.dumps({"sum": 1, "values": {"1": 1}}),
)


def _counts(rng: random.Random) -> dict[int, int]:
    """A few neighbouring buckets with small counts, now and then a large one."""
    start = rng.randrange(len(BUCKETS) - 4)
    keys = rng.sample(BUCKETS[start : start + 8], rng.randint(1, 4))
    return {key: rng.choice((1, 1, 1, 2, 2, 3, 4, 10, 97)) for key in keys}


def _json_histogram(rng: random.Random) -> str:
    """As Firefox writes it: ascending keys between two empty buckets; `sum` is at least the keys' total."""
    counts = _counts(rng)
    low, high = BUCKETS.index(min(counts)), BUCKETS.index(max(counts))
    padding = {BUCKETS[max(low - 1, 0)]: 0, BUCKETS[min(high + 1, len(BUCKETS) - 1)]: 0}
    values = {str(key): count for key, count in sorted((padding | counts).items())}
    total = sum(key * count for key, count in counts.items()) + rng.randint(0, 9)
    members = {"bucket_count": 20, "histogram_type": 0, "sum": total, "range": [1, 1000], "values": values}
    return json.dumps(members, separators=(",", ":"))


def _compact_histogram(rng: random.Random) -> str:
    counts = _counts(rng)
    total = sum(key * count for key, count in counts.items())
    return f"20;0;{total};1,1000;" + ",".join(f"{key}:{count}" for key, count in counts.items())


def _wide_histogram(rng: random.Random) -> str:
    return json.dumps({"sum": 900, "values": {str(key): rng.randint(0, 2) for key in range(300)}})


HISTOGRAM_MAKERS: tuple[tuple[Callable[[random.Random], str | None], int], ...] = (
    (_json_histogram, 60),
    (_compact_histogram, 8),
    (lambda rng: f"{rng.randint(0, 3)},{rng.randint(0, 9)}", 6),
    (lambda rng: str(rng.randint(0, 9)), 5),
    (lambda _: None, 10),
    (lambda rng: rng.choice(ODD_HISTOGRAMS), 7),
    (lambda rng: rng.choice(UNDECODABLE), 7),
)


def random_histogram(rng: random.Random) -> str | None:
    """The string of one ping, NULL for one in ten."""
    makers, weights = zip(*HISTOGRAM_MAKERS, strict=True)
    return rng.choices(makers, weights)[0](rng)


# --- Other columns -------------------------------------------------------------------------------

HOSTILE_TEXTS = (
    "",
    " ",
    "O'Brien",
    "it''s",
    '"quoted"',
    "`tick`",
    "new\nline",
    "carriage\rreturn",
    "tab\there",
    "back\\slash\\",
    "\\' OR 1=1 --",
    "{{ client }}",
    "{% raw %}",
    "{# comment #}",
    "'; DROP TABLE telemetry.main; --",
    "-- comment",
    "/* comment */",
    "*/ SELECT 1 /*",
    "'''",
    "@param ? $1 :name",
    "%s %(x)s",
    "NULL",
    "caf\u00e9",
    "cafe\u0301",
    "\u202etfel ot thgir",
    "line\u2028separator\u2029",
    "\u0085next\x1bcontrol\x7f",
    "zero\u200bwidth\ufeff",
    "\U0001f98a\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\uffff\U00010000",
    "x" * 5000,
)
CLIENTS = tuple(f"{number:08x}-aaaa-4bbb-8ccc-{number * 7:012x}" for number in range(24))
BUILDS = tuple(
    f"202004{day:02}{time}"
    for day, time in zip((6, 7, 9, 13, 16, 20), ("000000", "214507", "094500") * 2, strict=True)
)
TIED_BUILD = "20200414101112"
ODD_BUILDS = (
    "",
    "20200410",
    "2020041",
    "202004101",
    "20200230120000",
    "20200431",
    "20201301000000",
    "20200410240000",
    "20200410236000",
    "20200410235960",
    "20200410235959",
    "09991231235959",
    "30000101000000",
    "00000000000000",
    "2020041a094500",
    "2020-04-10",
    " 20200410094500",
    "202004100945001",
    "+2020041009450",
    "\u0662\u0660\u0662\u0660\u0660\u0664\u0661\u0660",
    "local-build",
)
DAYS = tuple(date(2020, 4, 3) + timedelta(days) for days in range(21))
EDGES = (
    "2020-04-05T23:59:59.999999Z",
    "2020-04-06T00:00:00Z",
    "2020-04-20T00:00:00Z",
    "2020-04-20T23:59:59.999999Z",
    "2020-04-21T00:00:00Z",
    "2019-12-31T23:59:59Z",
    "2020-02-29T12:00:00Z",
)
CHANNELS = ("nightly", "beta", "release")
SYSTEMS = ("Windows", "Mac", "Linux")
OS_VERSIONS = ("6.1", "6.3", "10.0", "19.4.0")
COUNTRIES = ("DE", "NO", "US")
VERSIONS = ("76.0", "77.0a1")
REASONS = ("daily", "shutdown")
MEMORIES = (0, 1024, 2047, 2047.5, 2048, 3000, 4095.999, 4096, 8191, 8192, 16384)
SAMPLES = (0, 7, 42, 99)


def random_pings(count: int, seed: int) -> list[Ping]:
    """Rows of telemetry.main, JSON-serialisable, the same for the same arguments.

    Some hundred pings hold every string above at least once; of fewer, a random part does. Missing values are
    null, missing fields or missing structs. Only the pings of `TIED_BUILD` have exact ties by construction.
    """
    rng = random.Random(seed)
    pings = [_random_ping(rng, number) for number in range(count)]
    corners = _corners(rng)
    rng.shuffle(corners)
    for ping, change in zip(rng.sample(pings, min(count, len(corners))), corners, strict=False):
        change(ping)
    return pings


def _corners(rng: random.Random) -> list[Callable[[Ping], None]]:
    """Changes that put one corner case each into a ping."""

    def histogram(text: str) -> Callable[[Ping], None]:
        return lambda ping: ping.update(payload={"histograms": {HISTOGRAM: text, OTHER_HISTOGRAM: text}})

    def tie(client: int, text: str) -> Callable[[Ping], None]:
        application = {"build_id": TIED_BUILD, "display_version": VERSIONS[1]}
        time = "2020-04-15T08:00:00Z"
        payload = {"histograms": {HISTOGRAM: text, OTHER_HISTOGRAM: text}, "info": {"reason": REASONS[0]}}
        same = {"normalized_channel": "nightly", "normalized_os": "Windows", "submission_timestamp": time}
        return lambda ping: ping.update(
            client_id=CLIENTS[client], application=application, payload=payload, **same
        )

    def top(name: str, value: str) -> Callable[[Ping], None]:
        return lambda ping: ping.update({name: value})

    def build(text: str) -> Callable[[Ping], None]:
        return lambda ping: ping.update(application={"build_id": text, "display_version": VERSIONS[0]})

    return [
        *(histogram(text) for text in (*ODD_HISTOGRAMS, *UNDECODABLE, _wide_histogram(rng))),
        *(tie(client, text) for client, text in enumerate(TIED_HISTOGRAMS)),
        *(top("client_id", text) for text in HOSTILE_TEXTS),
        *(top("normalized_os_version", text) for text in rng.sample(HOSTILE_TEXTS[:-1], 6)),
        *(top("submission_timestamp", text) for text in EDGES),
        *(build(text) for text in ODD_BUILDS),
    ]


def _random_ping(rng: random.Random, number: int) -> Ping:
    """An everyday ping: a few busy clients, some NULLs, all values from small domains."""

    def pick(values: tuple[Any, ...], missing: float = 0.06) -> Any:
        return None if rng.random() < missing else rng.choice(values)

    day = rng.choice(DAYS)
    time = datetime(day.year, day.month, day.day) + timedelta(seconds=rng.randrange(86400))
    busy = rng.random() < 0.4
    ping = {
        "document_id": f"document-{number:06}",
        "submission_timestamp": f"{time.isoformat()}Z",
        "client_id": pick(CLIENTS[:3] if busy else CLIENTS, missing=0.08),
        "sample_id": pick(SAMPLES),
        "normalized_channel": pick(("nightly", "nightly", *CHANNELS)),
        "normalized_os": pick(("Windows", "Windows", *SYSTEMS)),
        "normalized_os_version": pick(OS_VERSIONS),
        "normalized_country_code": pick(COUNTRIES, missing=0.15),
        "application": {"build_id": pick(BUILDS), "display_version": pick(VERSIONS)},
        "environment": {
            "system": {"memory_mb": pick(MEMORIES, missing=0.12), "is_wow64": pick((False, True))},
        },
        "payload": {
            "histograms": {HISTOGRAM: random_histogram(rng), OTHER_HISTOGRAM: random_histogram(rng)},
            "info": {"reason": pick(REASONS), "subsession_length": pick((0, 60, 3600, 86400))},
        },
    }
    return _leave_out(rng, ping)


def _leave_out(rng: random.Random, ping: Ping) -> Ping:
    """Now and then a struct is null, or fields that are null are missing altogether."""
    for struct in ("application", "environment", "payload"):
        if rng.random() < 0.02:
            ping[struct] = None
    if rng.random() < 0.2:
        ping = {name: value for name, value in ping.items() if value is not None}
    return ping


def write_ndjson(rows: list[Ping], path: Path) -> None:
    """Writes the rows as newline-delimited JSON in UTF-8."""
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    Path(path).write_text("".join(lines), encoding="utf-8", newline="\n")


# --- Strategies: pings ---------------------------------------------------------------------------

POOL = 400


def _chance(probability: float) -> st.SearchStrategy[bool]:
    """True about that often; shrinks to False."""
    return st.integers(0, 99).map(lambda number: number >= 100 * (1 - probability))


@lru_cache(maxsize=8)
def _pool(seed: int) -> list[Ping]:
    return random_pings(POOL, seed)


@st.composite
def ping_lists(draw: st.DrawFn, smallest: int = 60, largest: int = 200) -> list[Ping]:
    """A window of `smallest` to `largest` random pings, now and then of a few. Lists share pings."""
    size = draw(st.integers(0, min(smallest, 12)) if draw(_chance(0.05)) else st.integers(smallest, largest))
    start = draw(st.integers(0, POOL - size))
    return _pool(draw(st.integers(0, 7)))[start : start + size]


# --- Strategies: specs ---------------------------------------------------------------------------

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
def _submission_date(draw: st.DrawFn) -> dict[str, Any]:
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
        if draw(_chance(0.3)):
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
            return {**histogram, "percentiles": chosen, **(written if draw(_chance(0.3)) else {})}
        case "distribution":
            return {**histogram, **(written if draw(_chance(0.5)) else {})}
        case "counts":
            return {**written, **(histogram if draw(_chance(0.2)) else {})}
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
    if draw(_chance(0.15)):
        spec["title"] = draw(st.sampled_from(TITLES))
    if draw(_chance(0.1)):
        spec["description"] = draw(st.sampled_from(TITLES))
    if draw(_chance(0.1)):
        spec["process"] = "parent"
    bounds = draw(_submission_date())
    filters = bounds.pop("filters", {})
    measure = spec.get("measure")
    if measure != "pings":
        dimensions, on_defined = draw(_dimensions())
        filters |= on_defined
        if dimensions or draw(_chance(0.1)):
            spec["dimensions"] = dimensions
    if measure not in ("pings", "counts") and draw(_chance(0.75)):
        spec["normalization"] = draw(st.sampled_from(("client", "client_day", "none")))
    for name in draw(st.lists(st.sampled_from(tuple(FILTERS)), max_size=2, unique=True)):
        filters.setdefault(name, draw(FILTERS[name]))
    return spec | bounds | ({"filters": filters} if filters else {})


def specs_with_pings() -> st.SearchStrategy[tuple[dict[str, Any], list[Ping]]]:
    """Pairs to compile, run and judge; at most a fifth of the answers is empty."""
    return st.tuples(specs(), ping_lists())
