"""Random dimensions: names, paths, and definitions of every form, with filters on what they define."""

import random
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

from pings.conditions import COUNTRIES, Kind
from pings.rows import SAMPLES

Spec = dict[str, Any]
MAIN, METRICS = "telemetry.main", "firefox_desktop.metrics"


class Defined(NamedTuple):
    """Definitions that belong together, each made of the table's columns or those before; what filters them.

    `kinds`: by a definition's name, its labels or values. `cubed`: whether a cube takes them.
    """

    definitions: tuple[Spec, ...]
    kinds: Mapping[str, Kind] = {}
    cubed: bool = True


def _bands(edges: tuple[Any, ...]) -> tuple[str, ...]:
    inner = (f"{low} to {high}" for low, high in pairwise(edges))
    return (f"under {edges[0]}", *inner, f"{edges[-1]} and over")


def _labels(*labels: str) -> Kind:
    return Kind("label", tuple(sorted(labels)))


def _memory(*edges: float) -> Defined:
    definition = {"name": "memory", "of": "environment.system.memory_mb", "bands": list(edges)}
    return Defined((definition,), {"memory": _labels(*_bands(edges))})


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
GENERATION = {
    "name": "generation",
    "of": "app_version",
    "cases": {"old": {"lt": "76.0b14"}, "new": {"gte": "76.0b14"}},
    "else": "odd",
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
        {"value": "early", "when": {"build_id": {"to": "20200409"}, "os": {"not": "Mac"}}},
    ],
}
RENAMED_SAMPLE, PARTS_OF_SAMPLE = ("sample", "same_sample"), ("sampled", "tenths")
TENTHS = {
    "name": "tenths",
    "of": "sample_id",
    "cases": {"first": {"lt": 10}, "middle": {"from": 10, "to": 79}},
    "else": "last",
}
SHARED = (
    Defined((TENTHS,), {"tenths": _labels("first", "middle", "last")}),
    *(
        Defined(
            ({"name": "sample", "of": "sample_id"}, {"name": "same_sample", "of": "sample"}),
            dict.fromkeys(RENAMED_SAMPLE, Kind("whole number", SAMPLES)),
        ),
        Defined(
            ({"name": "sampled", "of": "sample_id", "bands": [1, 50]},),
            {"sampled": _labels(*_bands((1, 50)))},
        ),
    )
    * 2,
    Defined(({"name": "place", "of": "country"},), {"place": Kind("text", COUNTRIES)}),
    Defined((FAMILIES,), {"os_family": _labels(*FAMILIES["cases"])}),
    Defined((OS_GROUP,), {"os_group": _labels(*OS_GROUP["cases"])}),
    Defined((AGE,), {"age": _labels("old", "new", "?")}),
    Defined((RELEASED,), {"released": _labels("late", "early")}),
    Defined((GENERATION,), {"generation": _labels("old", "new", "odd")}),
    Defined(({"name": "version", "of": "app_version"},), {"version": Kind("version", ())}),
    Defined(({"name": "built", "of": "build_id"},), {"built": Kind("build id", ())}),
    *(Defined(({"name": "at", "of": "submission_timestamp"},), cubed=False),) * 2,  # not asked of a cube
    Defined(
        (OS_GROUP, {"name": "kind", "of": "os_group", "cases": {"desktop": "zz desktop"}, "else": "none"}),
        {"kind": _labels("desktop", "none")},
    ),
)
OF_MAIN = (
    _memory(2048),
    _memory(2048, 4096, 8192),
    _memory(1024, 2047.5, 4096),
    _memory(0, 2048),
    Defined((MACHINE,), {"machine": _labels("small Windows", "Windows", "a rest")}),
    Defined(
        ({"name": "reason_text", "of": "payload.info.reason"},), {"reason_text": Kind("text", ("daily", "x"))}
    ),
    Defined(({"name": "cores", "of": "cpu_cores", "bands": [2, 4]},), {"cores": _labels(*_bands((2, 4)))}),
)
DEFINED = {MAIN: (*SHARED, *OF_MAIN), METRICS: SHARED}

NAMES = ("channel", "os", "os_version", "country", "app_name", "app_version", "architecture", "locale")
NAMES = (*NAMES, "build_id", "build_date", "build_time", "build_time", "submission_date", "sample_id")
PATHS = {
    MAIN: (
        *("cpu_cores", *("environment.system.is_wow64",) * 3, "payload.info.reason", "normalized_channel"),
        *("payload.info.subsession_length", "application.build_id"),
    ),
    METRICS: ("ping_info.reason", "normalized_channel", "client_info.app_build"),
}
FRACTIONS = {MAIN: ("memory_mb", "environment.system.memory_mb") * 2, METRICS: ()}  # not in a cube


def dimensions(
    rng: random.Random, table: str, most: int, *, cubed: bool
) -> tuple[list[Any], dict[str, Kind]]:
    """Up to `most` dimensions of any form under different names, and what filters those defined."""
    chosen: list[Any] = []
    kinds: dict[str, Kind] = {}
    names: set[str] = set()
    plain = (*NAMES, *PATHS[table], *(() if cubed else FRACTIONS[table]))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3))):
        if rng.random() < 0.5:
            name = rng.choice(plain)
            made = Defined(({"name": name.split(".")[-1]},))
            written: tuple[Any, ...] = (name.upper() if rng.random() < 0.04 else name,)
        else:
            made = rng.choice([d for d in DEFINED[table] if d.cubed or not cubed])
            written = made.definitions
        called = {definition["name"].lower() for definition in made.definitions}
        if names & called or len(chosen) + len(written) > most:
            continue
        chosen += written
        names |= called
        kinds |= made.kinds
    return chosen, kinds
