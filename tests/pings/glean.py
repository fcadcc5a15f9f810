"""Random rows of firefox_desktop.metrics, of the same clients, days and builds as those of telemetry.main."""

import random
from typing import Any

from oracle import functional

from pings.histograms import BUCKETS
from pings.probes import PROBES
from pings.recordings import KEYS, NUMBERS, numbers_by_key
from pings.rows import Ping, random_pings

# Glean's keys are text. None of these is an integer of at most 18 digits, as the grammar writes them.
ODD_KEYS = ("", "a", "007", "1.0", "1e3", " 5", "5 ", "+5", "0x1f", "٣", "-", "1000000000000000000", None)
FEW_KEYS = ("-5", "-0", "999999999999999999")  # integers all the same
COUNTS = (1, 1, 1, 2, 2, 3, 4, 10, 97)
ODD_COUNTS = (0, -3, 2**40, 2**40 + 1, 2**41, None)
# Counters and quantities: their types and names.
PLAIN_NUMBERS = {"counter": "browser_engagement_tab_open_event_count", "quantity": "system_memory"}
LABELLED_NUMBERS = {"labeled_counter": "subprocess_crashes_with_dump", "labeled_quantity": "queue_length"}
NANOSECONDS = tuple(bound for bound in functional(8, 10**6, 10**9) if bound % 3)
BYTES = functional(16, 2**10, 2**24)[::9]


def glean_pings(count: int, seed: int) -> list[Ping]:
    """Rows with every Glean type of distribution; each oddity of keys and counts in some of them."""
    rng = random.Random(f"glean {seed}")
    return [as_glean(ping, _metrics(rng)) for ping in random_pings(count, seed)]


def as_glean(ping: Ping, metrics: Ping | None) -> Ping:
    """The same ping of the same client, as Glean sends it, with these metrics."""
    application = ping.get("application")
    info = {"client_id": ping.get("client_id")}
    if application:
        info |= {
            "app_build": application["build_id"],
            "app_display_version": application["display_version"],
            "architecture": application.get("architecture"),
            "locale": ((ping.get("environment") or {}).get("settings") or {}).get("locale"),
        }
    kept = {name: value for name, value in ping.items() if name.startswith(("normalized_", "s", "document"))}
    reason = ((ping.get("payload") or {}).get("info") or {}).get("reason")
    return kept | {
        "client_info": info if any(info.values()) else None,
        "ping_info": {"reason": reason},
        "metrics": metrics,
    }


def _metrics(rng: random.Random) -> Ping | None:
    if rng.random() < 0.03:
        return None
    metrics: dict[str, dict[str, Any]] = {}
    for name, probe in PROBES.items():
        if not probe.record.endswith("distribution"):
            continue
        keys = BUCKETS if "custom" in probe.record else BYTES if "memory" in probe.record else NANOSECONDS
        value: Any = _distribution(rng, keys)
        if probe.is_keyed:
            labels = [rng.choice(KEYS) for _ in range(rng.choice((0, 1, 1, 2, 3)))]
            value = [{"key": label, "value": _distribution(rng, keys)} for label in labels]
        if rng.random() < 0.9:
            metrics.setdefault(probe.record, {})[name.replace(".", "_")] = value
    for record, name in PLAIN_NUMBERS.items():
        metrics[record] = {name: rng.choice(NUMBERS)}
    for record, name in LABELLED_NUMBERS.items():
        metrics[record] = {name: numbers_by_key(rng)}
    return metrics


def _distribution(rng: random.Random, keys: tuple[int, ...]) -> Ping | None:
    """A distribution of a few neighbouring buckets, now and then NULL, empty or odd."""
    kind = rng.random()
    if kind < 0.08:
        return None
    if kind < 0.12:
        return {"count": 0, "sum": 0, "values": []}
    start = rng.randrange(max(len(keys) - 8, 1))
    chosen = sorted(set(rng.choices(keys[start : start + 8], k=rng.randint(1, 4))))
    values: list[Ping] = [{"key": str(key), "value": rng.choice(COUNTS)} for key in chosen]
    total: int | None = sum(chosen)
    if kind < 0.32:
        odd: list[Ping] = [
            {"key": rng.choice((*ODD_KEYS, *FEW_KEYS)), "value": 2},
            {"key": str(rng.choice(keys)), "value": rng.choice(ODD_COUNTS)},
            {"key": str(chosen[0]), "value": 1},
        ]
        values += rng.sample(odd, rng.randint(1, 3))
        rng.shuffle(values)
        total = rng.choice((None, total, -7))
    return {"count": len(values), "sum": total, "values": values}
