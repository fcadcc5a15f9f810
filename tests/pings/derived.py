"""Random specs of events and exposure: numbers of clients, and rates in all their options."""

import random
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

from pings.conditions import KINDS, TITLES, bounds, condition
from pings.dimensions import MAIN, Spec, dimensions
from pings.probes import DELAY, GC, OVERUSE, SECURE, SPINNER, TAB_SIZE
from pings.recordings import KEYED_SCALAR, SCALAR

LENGTH, COUNTER = "payload.info.subsession_length", "cpu_cores"
PLAIN: tuple[Any, ...] = ("pings", "clients", "client_days", "usage_hours")
HISTOGRAMS = (SPINNER, GC, TAB_SIZE, SECURE)
KEYED = (OVERUSE, DELAY)
PROCESSES: tuple[Any, ...] = ("content", "gpu", "children", "combined", ["parent", "content"], ["gpu"])
KEYS: tuple[Any, ...] = ("*", "*", "*", "a", "b", ["a", "b", "it's"], ["", "no"])
TAKEN: tuple[Spec, ...] = (
    {},
    {"take": "sum"},
    {"bucket": 0},
    {"bucket": 1},
    {"at_least": 3},
    {"at_least": -5},
)
DATES = ("2020-04-08", date(2020, 4, 12), "2020-04-10T06:00:00")
VERSIONS = ("76.0", "77.0a1", "76.0.1", "9.0")


class Drawn(NamedTuple):
    """A spec in the making, and what is known of it."""

    rng: random.Random
    spec: Spec

    def maybe(self, probability: float) -> bool:
        return self.rng.random() < probability

    @property
    def is_rate(self) -> bool:
        return self.spec["measure"] == "rate"

    @property
    def amounts(self) -> tuple[Any, Any]:
        """Events, and what they are divided by."""
        return self.spec["events"], self.spec.get("exposure") or ("usage_hours" if self.is_rate else None)


def is_recorded(amount: Any) -> bool:
    return (
        isinstance(amount, str | dict)
        and amount not in PLAIN
        and bool({"histogram", "scalar"} & set(_of(amount)))
    )


def is_hours(amount: Any) -> bool:
    return "unit" in _of(amount) or _of(amount).get("count") == "usage_hours"


def _of(amount: Any) -> Spec:
    """An amount as a mapping."""
    if isinstance(amount, str):
        return {"count" if amount in PLAIN else "histogram": amount}
    return amount or {}


def amount(rng: random.Random, *, keyed: bool | None = None) -> Any:
    """An amount of any kind; with `keyed`, one that has keys, or none that has."""
    kinds = ("histogram", "histogram", "keyed", "scalar", "keyed scalar", "column", "hours", *PLAIN)
    if keyed is not None:
        kinds = ("keyed", "keyed scalar") if keyed else ("histogram", "scalar", "column", "hours", *PLAIN)
    kind = rng.choice(kinds)
    made: Spec = {}
    match kind:
        case "histogram" | "keyed":
            made = {"histogram": rng.choice(HISTOGRAMS if kind == "histogram" else KEYED)} | rng.choice(TAKEN)
        case "scalar":
            made = {"scalar": rng.choice((SCALAR, f"payload.processes.parent.scalars.{SCALAR}"))}
        case "keyed scalar":
            made = {"scalar": KEYED_SCALAR}
        case "column":
            made = {"column": rng.choice((COUNTER, LENGTH))}
        case "hours":
            made = {"column": LENGTH, "unit": rng.choice(("ms", "s", "min", "h"))}
        case _:
            made = {"count": kind}
    if kind.startswith("keyed"):
        made["key"] = rng.choice(KEYS)
    is_path = "." in made.get("scalar", "")
    if {"histogram", "scalar"} & set(made) and not is_path and rng.random() < 0.4:
        made["process"] = rng.choice(PROCESSES)
    if rng.random() < 0.15:
        name = rng.choice(("os", "channel", "payload.info.reason", "sample_id"))
        made["filters"] = {name: condition(rng, KINDS[MAIN][name])}
    (first, *others) = made.items()
    is_short = first[0] in ("histogram", "count") and not others
    return first[1] if is_short and rng.random() < 0.6 else made


def derived_spec_of(rng: random.Random) -> tuple[Spec, bool]:
    """A random spec with `events`, as YAML gives it; and that it is asked without probe definitions."""
    measure = rng.choice(("rate",) * 7 + ("percentiles", "distribution", "summary"))
    drawn = Drawn(rng, {"measure": measure, "events": amount(rng)})
    for step in (_exposure, _dimensions, _time, _limits, _dates, _extras):
        step(drawn)
    names = list(drawn.spec)
    rng.shuffle(names)
    return {name: drawn.spec[name] for name in names}, False


def _exposure(drawn: Drawn) -> None:
    rng, spec = drawn.rng, drawn.spec
    if drawn.maybe(0.6):
        spec["exposure"] = amount(rng, keyed=None if "key" in _of(spec["events"]) else False)
    if drawn.amounts[1] is not None and drawn.maybe(0.3):
        spec["per"] = rng.choice((1, 0.1, 1000, 7, 2.5))
    if spec["measure"] == "percentiles" and drawn.maybe(0.7):
        spec["percentiles"] = rng.sample((0, 0.1, 0.25, 0.5, 0.9, 1), rng.randint(1, 4))


def _dimensions(drawn: Drawn) -> None:
    rng, spec = drawn.rng, drawn.spec
    cubed = drawn.maybe(0.15)
    aligned = drawn.is_rate and not cubed and drawn.maybe(0.75)
    chosen, _ = dimensions(rng, MAIN, 1 if aligned else 2, cubed=cubed)
    taken = {one.split(".")[-1].lower() if isinstance(one, str) else one["name"] for one in chosen}
    if aligned:
        version = rng.choice(("app_version", "app_version", "major_version"))
        if not taken & {"app_version", "display_version", "version"}:
            chosen.insert(rng.randint(0, len(chosen)), version)
            _align(drawn, version)
    if "key" in _of(spec["events"]) and drawn.maybe(0.6):
        chosen.append("key")
    if isinstance(_of(spec["events"]).get("process"), list | str) and drawn.maybe(0.4):
        chosen.append("process")
    if chosen:
        spec["dimensions"] = chosen
    if cubed and chosen:
        spec["cube"] = True


def _align(drawn: Drawn, version: str) -> None:
    """Versions at the same age, with dates of some."""
    rng = drawn.rng
    align: Any = "release"
    if drawn.maybe(0.6):
        align = {"skip_hours": rng.choice((0, 5, 24, 24))}
        if drawn.maybe(0.6):
            names = rng.sample(VERSIONS if version == "app_version" else ("76", "77", "9"), rng.randint(1, 2))
            align["dates"] = {name: rng.choice(DATES) for name in names}
    drawn.spec["align"] = align


def _time(drawn: Drawn) -> None:
    """Intervals, gaps, and points that are trimmed."""
    rng, spec = drawn.rng, drawn.spec
    if not spec.get("cube") and drawn.maybe(0.35):
        spec["interval"] = rng.choice(("5 minutes", "hour", "day", "week"))
        if drawn.maybe(0.3):
            spec.setdefault("dimensions", []).append("time")
        if drawn.is_rate and spec["interval"] in ("day", "week") and drawn.maybe(0.8):
            spec["fill"] = True
    counts_clients = any(_of(one).get("count") in ("clients", "client_days") for one in drawn.amounts)
    if drawn.is_rate and "interval" not in spec and not counts_clients and drawn.maybe(0.4):
        spec["trim"] = rng.choice((0.001, 0.1, 0.45))


def _limits(drawn: Drawn) -> None:
    """Limits of rates, and what they are judged by."""
    rng, spec = drawn.rng, drawn.spec
    if not drawn.is_rate:
        return
    if "trim" not in spec and drawn.maybe(0.7):
        spec["confidence"] = rng.choice((0.5, 0.9, 0.95, 0.99))
        # Of huge counts the exact limits are beyond what can be told from them.
        is_small = _of(spec["events"]).get("count") in ("pings", "clients", "client_days")
        if is_small and drawn.maybe(0.6):
            spec["method"] = "poisson"
    if drawn.maybe(0.6):
        alert: Spec = {"max_rate": rng.choice((0.5, 20, 1000))}
        if "align" in spec and "interval" not in spec:
            alert = alert if drawn.maybe(0.5) else {}
            alert["max_change"] = rng.choice((0.01, 0.25, 2))
            if "confidence" in spec and drawn.maybe(0.95):
                alert["expected"] = rng.choice((0.6, 0.9, 0.98))
        spec["alert"] = alert


def _dates(drawn: Drawn) -> None:
    drawn.spec.update(bounds(drawn.rng))
    names = [name for name in ("os", "channel", "build_date", "app_version") if drawn.maybe(0.08)]
    filters = {name: condition(drawn.rng, KINDS[MAIN][name]) for name in names}
    if filters:
        drawn.spec["filters"] = drawn.spec.get("filters", {}) | filters


class Extra(NamedTuple):
    """A key with its values, how often it is given, and to which specs."""

    key: str
    chance: float
    values: tuple[Any, ...]
    applies: Callable[[Drawn], bool] = lambda _: True


EXTRAS: tuple[Extra, ...] = (
    Extra("title", 0.05, TITLES),
    Extra("min_clients", 0.15, (1, 2, 3, 5)),
    Extra("min_usage_hours", 0.3, (0.5, 3, 40), lambda drawn: drawn.is_rate and is_hours(drawn.amounts[1])),
    Extra("low_data", 0.5, ("drop", "mark"), lambda drawn: "min_clients" in drawn.spec),
    Extra("n_undecodable", 0.25, (True,), lambda drawn: is_recorded(drawn.amounts[0])),
    Extra(
        "strict",
        0.12,
        (True,),
        lambda drawn: any(map(is_recorded, drawn.amounts)) and "n_undecodable" not in drawn.spec,
    ),
)


def _extras(drawn: Drawn) -> None:
    for extra in EXTRAS:
        if extra.applies(drawn) and drawn.maybe(extra.chance):
            drawn.spec.setdefault(extra.key, drawn.rng.choice(extra.values))
    if drawn.maybe(0.1):
        drawn.spec["scale"] = True
        drawn.spec["filters"] = drawn.spec.get("filters", {}) | {"sample_id": {"lt": 50}}
