"""Made-up pings for the tests of events and exposure, with every corner of what is counted."""

import json
import random
from collections.abc import Sequence

SCALAR = "payload.processes.parent.scalars"
KEYED = "payload.processes.parent.keyed_scalars"
# Lengths of subsessions in seconds; each counts as 0 to 24 hours.
LENGTHS = (None, -1, -(10**9), 0, 1, 1800, 3600, 7200, 86_399, 86_400, 86_401, 10**12)
HISTOGRAMS = (
    *(None, "", "foo", '{"values":{"0":1}', "{}", '{"values":{}}', "0,0", "3", "2,5", "-1,3"),
    *('{"sum":7,"values":{"0":2,"1":1,"5":1}}', '{"sum":100,"values":{"10":3,"20":2}}'),
    *('{"sum":null,"values":{"5":2}}', f'{{"sum":9,"values":{{"0":{2**40 + 1},"5":4}}}}'),
    *('{"sum":-4,"values":{"-3":2,"2":1}}', '{"sum":12,"values":{"5":0,"6":2,"6":3}}'),
)
NUMBERS = (None, 0, 1, 1, 2, 3, 40, 2**40, 2**40 + 1, -3)
KEYS = ("content", "plugin", "gmplugin", "", None)
VERSIONS = ("58.0", "58.0.2", "58.0.10", "59.0", "59.0b3", "9.0", "unknown", None)


def derived_pings(
    count: int = 80, seed: int = 1, *, days: int = 6, clients: str = "abcdefgh", versions: Sequence = VERSIONS
) -> list[dict]:
    """Pings of few clients, one in twelve without an id; the same for the same arguments."""
    chance = random.Random(seed)
    return [_ping(chance, number, days, clients, versions) for number in range(count)]


def _ping(chance: random.Random, number: int, days: int, clients: str, versions: Sequence) -> dict:
    at = f"2018-01-{20 + chance.randrange(days):02}T{chance.randrange(24):02}:{chance.randrange(60):02}:00Z"
    process = {"keyed_histograms": {"crashes": _by_key(chance)}, "histograms": {"pauses": histogram(chance)}}
    return {
        "document_id": f"document-{number}",
        "client_id": None if number % 12 == 0 else chance.choice(clients),
        "submission_timestamp": None if number % 40 == 39 else at,
        "sample_id": chance.choice((7, 42)),
        "normalized_os": chance.choice(("Mac", "Windows", None)),
        "application": {"display_version": chance.choice(versions)},
        "payload": {
            "info": {
                "subsession_length": chance.choice(LENGTHS),
                "subsession_counter": chance.choice((None, -1, 0, 1, 2, 2**40, 2**40 + 1)),
                "reason": chance.choice(("daily", "shutdown")),
            },
            "simple_measurements": {"total_time": LENGTHS[number % len(LENGTHS)]},
            "histograms": process["histograms"],
            "keyed_histograms": {"crashes": _by_key(chance)},
            "processes": {
                "parent": {
                    "scalars": {
                        "opened": chance.choice(NUMBERS),
                        "seconds": chance.choice((None, 0, 50, 70)),
                    },
                    "keyed_scalars": {"searches": _numbers_by_key(chance)},
                },
                "content": process,
                "gpu": {"keyed_histograms": {"crashes": _by_key(chance)}},
            },
        },
    }


def histogram(chance: random.Random) -> str | None:
    """A string of any form, undecodable ones among them."""
    if chance.random() < 0.6:
        return chance.choice(HISTOGRAMS)
    values = {str(key): chance.choice((1, 1, 2, 9)) for key in chance.sample((0, 1, 5, 10, 20), 3)}
    return json.dumps({"sum": chance.randrange(99), "values": values})


def _by_key(chance: random.Random) -> list[dict]:
    return [{"key": chance.choice(KEYS), "value": histogram(chance)} for _ in range(chance.choice((0, 1, 2)))]


def _numbers_by_key(chance: random.Random) -> list[dict]:
    keys = [chance.choice(KEYS) for _ in range(chance.choice((0, 1, 2)))]
    return [{"key": key, "value": chance.choice(NUMBERS)} for key in keys]
