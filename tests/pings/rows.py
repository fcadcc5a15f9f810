"""Random rows of telemetry.main, with every corner case of their columns."""

import json
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pings.histograms import ODD_HISTOGRAMS, TIED_HISTOGRAMS, UNDECODABLE, random_histogram, wide_histogram

Ping = dict[str, Any]
HISTOGRAM = "fx_tab_switch_spinner_visible_ms"
OTHER_HISTOGRAM = "gc_ms"

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
# In their order as versions, which isn't that of text; then what is no version.
MORE_VERSIONS = ("9.0", "76.0a1", "76.0b3", "76.0b14", "76.0.1", "76.0.10", "77.0", "100.0", "102.15.1esr")
NO_VERSIONS = ("", "unknown", " 76.0", "76.0\n", "100000.0")
REASONS = ("daily", "shutdown")
ARCHITECTURES = ("aarch64", "x86", "x86-64")
LOCALES = ("de", "en-US", "nb-NO")
CORES = (1, 2, 4, 8)
APPS = ("Firefox", "Thunderbird")
MEMORIES = (0, 1024, 2047, 2047.5, 2048, 3000, 4095.999, 4096, 8191, 8192, 16384)
SAMPLES = (0, 7, 42, 99)


def random_pings(count: int, seed: int) -> list[Ping]:
    """Rows of telemetry.main, JSON-serialisable, the same for the same arguments.

    Some hundred pings hold every string above at least once; of fewer, a random part does. Missing values are
    null, missing fields or missing structs. Only the pings of `TIED_BUILD` have exact ties by construction.
    """
    rng, more = random.Random(seed), random.Random(f"more {seed}")
    pings = [_with_more(more, _random_ping(rng, number)) for number in range(count)]
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
        *(histogram(text) for text in (*ODD_HISTOGRAMS, *UNDECODABLE, wide_histogram(rng))),
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


def _with_more(rng: random.Random, ping: Ping) -> Ping:
    """The ping with columns that are less often asked for."""
    ping["normalized_app_name"] = rng.choice((*APPS, APPS[0], None))
    if ping.get("application"):
        ping["application"]["architecture"] = rng.choice((*ARCHITECTURES, None))
        if rng.random() < 0.4:
            ping["application"]["display_version"] = rng.choice((*MORE_VERSIONS * 2, *NO_VERSIONS))
    if ping.get("environment"):
        ping["environment"]["settings"] = {"locale": rng.choice((*LOCALES, None))}
        ping["environment"]["system"]["cpu"] = {"cores": rng.choice((*CORES, None))}
    return ping


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
