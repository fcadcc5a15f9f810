"""Random rows of telemetry.main whose histograms are recorded in several processes and under keys."""

import json
import random
from typing import Any

from pings.histograms import random_histogram
from pings.probes import DELAY, GC, HANDSHAKE, OVERUSE, SECURE, SPINNER, TAB_SIZE, VERDICT
from pings.rows import Ping, random_pings

# Of subsessions, in seconds.
LENGTHS = (-5, -(10**9), 1, 1800, 86_401, 10**12)
CHILDREN = ("content", "gpu")
SCALAR, KEYED_SCALAR = "browser_engagement_tab_open_event_count", "browser_search_counts"
# Of scalars: those beyond 0 and 2^40 are no numbers of anything.
NUMBERS = (0, 1, 1, 2, 3, 5, 8, 40, 2**40, 2**40 + 1, -3, None)
# NULL is a key, too; `**` sorts behind the `*` of cubes, " " before it.
KEYS = ("a", "a", "b", "it's", "", " ", "**", "\u00e9", "e\u0301", None)


def recording_pings(count: int, seed: int) -> list[Ping]:
    """`random_pings` with the same histograms in child processes, and further kinds of histograms.

    A process that recorded nothing is NULL or missing, an array of keys empty or missing.
    """
    rng, usage = random.Random(f"recordings {seed}"), random.Random(f"usage {seed}")
    return [_with_usage(usage, _with_recordings(rng, ping)) for ping in random_pings(count, seed)]


def _with_usage(rng: random.Random, ping: Ping) -> Ping:
    """A subsession may seem shorter than nothing, or longer than the day that it counts as."""
    if rng.random() < 0.3 and (ping.get("payload") or {}).get("info"):
        ping["payload"]["info"]["subsession_length"] = rng.choice(LENGTHS)
    return ping


def _with_recordings(rng: random.Random, ping: Ping) -> Ping:
    if ping.get("payload", {}) is None and rng.random() < 0.5:
        return ping
    payload = dict(ping.get("payload") or {})
    payload["histograms"] = (payload.get("histograms") or {}) | _plain(rng)
    payload["keyed_histograms"] = _keyed(rng)
    payload["processes"] = {child: _process(rng) for child in CHILDREN if rng.random() < 0.95}
    payload["processes"]["parent"] = scalars(rng)
    for child in CHILDREN:
        if payload["processes"].get(child) is not None:
            payload["processes"][child] |= scalars(rng)
    return ping | {"payload": payload}


def scalars(rng: random.Random) -> Ping:
    """A scalar and a keyed one, as a process records them."""
    if rng.random() < 0.1:
        return {"scalars": None, "keyed_scalars": {KEYED_SCALAR: []}}
    return {"scalars": {SCALAR: rng.choice(NUMBERS)}, "keyed_scalars": {KEYED_SCALAR: numbers_by_key(rng)}}


def numbers_by_key(rng: random.Random) -> list[dict[str, Any]]:
    """Some keys with a number each; a key can occur twice."""
    keys = [rng.choice(KEYS) for _ in range(rng.choice((0, 1, 2, 3)))]
    return [{"key": key, "value": rng.choice(NUMBERS)} for key in keys]


def _process(rng: random.Random) -> Ping | None:
    if rng.random() < 0.1:
        return None
    both = {SPINNER.lower(): random_histogram(rng), GC.lower(): random_histogram(rng)}
    return {"histograms": both | _plain(rng), "keyed_histograms": _keyed(rng)}


def _plain(rng: random.Random) -> dict[str, str | None]:
    """Histograms of the other kinds, with buckets that their definitions don't know now and then."""

    def made(keys: tuple[int, ...]) -> str | None:
        if rng.random() < 0.2:
            return rng.choice((None, "foo", "0,0"))
        chosen = sorted({rng.choice(keys) for _ in range(rng.randint(1, 4))})
        values = {str(key): rng.choice((0, 1, 1, 2, 5)) for key in chosen}
        return json.dumps({"sum": rng.randint(0, 99), "values": values})

    return {
        TAB_SIZE.lower(): made((0, 10, 20, 30, 50, 90, 100, 15, 150)),
        HANDSHAKE.lower(): made((1, 2, 3, 4, 4, 16)),
        VERDICT.lower(): made((0, 1, 2, 3, 50)),
        SECURE.lower(): rng.choice((made((0, 1)), f"{rng.randint(0, 3)},{rng.randint(0, 3)}")),
    }


def _keyed(rng: random.Random) -> dict[str, Any]:
    return {OVERUSE.lower(): _entries(rng), DELAY.lower(): _entries(rng)}


def _entries(rng: random.Random) -> list[dict[str, Any]]:
    """Some keys with a histogram each; a key can occur twice."""
    keys = [rng.choice(KEYS) for _ in range(rng.choice((0, 1, 1, 2, 3, 4)))]
    return [{"key": key, "value": random_histogram(rng)} for key in keys]
