"""Which histograms or scalars of a ping a spec asks for, and what each holds."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from oracle.columns import Row, column, table_name
from oracle.decoding import CAP, Decoded, decode
from oracle.definitions import Probe, Probes

Spec = Mapping[str, Any]

GLEAN = "firefox_desktop.metrics"
# "Built-in schema: children = content + gpu"; a table that declares its own is not judged here.
PROCESSES = ("parent", "content", "gpu")
SETS = {"children": PROCESSES[1:], "combined": PROCESSES}
# What the built-in schema knows without a definition.
KNOWN_TYPES = {
    "browser_tabswitch_spinner_visible": "timing_distribution",
    "browser_engagement_tab_open_event_count": "counter",
    "system_memory": "quantity",
    "subprocess_crashes_with_dump": "labeled_counter",
}
GLEAN_UNITS = {"timing": "ns", "memory": "bytes"}
# Without a definition the end of a probe's name says its unit.
UNITS_BY_NAME = ("ms", "us", "ns")


class Recorded(NamedTuple):
    """One histogram or scalar of one ping: of one probe, process and key.

    `place` tells it from the ping's others; under several labels the same histogram has the same place.
    `is_damaged`: it "cannot be decoded, or not all of it".
    """

    histogram: str
    process: str | None
    key: str | None
    place: tuple[Any, ...]
    text: str | None
    held: Decoded | int | None  # None where the text is undecodable; a scalar's number
    is_damaged: bool


class Asked(NamedTuple):
    """One column that the spec asks for, and the label of its process.

    `form`: whether it holds a string, a Glean distribution, or a number.
    """

    histogram: str
    process: str | None
    path: str
    is_keyed: bool
    form: Literal["text", "distribution", "number"]
    probe: Probe | None
    unit: str | None


def histograms_of(spec: Spec) -> list[str]:
    """The histograms that the spec names for its table, in any of the three forms; or its scalar."""
    wanted = spec.get("histogram") or spec.get("scalar")
    if isinstance(wanted, Mapping):
        wanted = wanted[table_name(spec)]
    if wanted is None:
        return []
    return [wanted] if isinstance(wanted, str) else list(wanted)


def is_several(spec: Spec) -> bool:
    """Whether the result has a column `histogram`: the spec lists the histograms of this table."""
    wanted = spec.get("histogram")
    wanted = wanted.get(table_name(spec)) if isinstance(wanted, Mapping) else wanted
    return wanted is not None and not isinstance(wanted, str)


def asked(spec: Spec, probes: Probes) -> list[Asked]:
    """The columns that the spec asks for."""
    made = _glean if table_name(spec) == GLEAN else _legacy
    return [one for name in histograms_of(spec) for one in made(spec, name, probes)]


def probe_of(spec: Spec, name: str, probes: Probes) -> tuple[str, Probe | None]:
    """A histogram's name in the spec's table, by its mirror if need be, and its definition."""
    glean = table_name(spec) == GLEAN
    here = {known: probe for known, probe in probes.items() if probe.is_glean == glean}
    if name.lower() in here:
        return name, here[name.lower()]
    for metric, probe in here.items():
        if probe.mirrors and probe.mirrors.lower() == name.lower():
            return metric, probe
    last = name.rsplit(".", 1)[-1].lower()  # of a path
    return name, next((probe for known, probe in here.items() if known.replace(".", "_") == last), None)


def _wants_keys(spec: Spec, probe: Probe | None) -> bool:
    names = [name.lower() for name in spec.get("dimensions") or () if isinstance(name, str)]
    asked_for = spec.get("key") is not None or "key" in names
    return asked_for or bool(probe and probe.is_keyed)


def _legacy(spec: Spec, name: str, probes: Probes) -> Iterable[Asked]:
    _, probe = probe_of(spec, name, probes)
    by_name = next((unit for unit in UNITS_BY_NAME if name.lower().endswith(f"_{unit}")), None)
    unit = probe.unit if probe else by_name
    is_scalar = "scalar" in spec
    form = "number" if is_scalar else "text"
    if name.lower().startswith("payload."):  # a column of one process
        parts = name.lower().split(".")
        process = parts[2] if parts[1] == "processes" else "parent"
        yield Asked(name, process, name, parts[-2].startswith("keyed_"), form, probe, unit)
        return
    is_keyed = _wants_keys(spec, probe)
    kind = "scalars" if is_scalar else "histograms"
    record = f"{'keyed_' if is_keyed else ''}{kind}.{name.replace('.', '_')}"
    for label, process in processes(spec):
        in_payload = process == "parent" and not is_scalar
        path = f"payload.{record}" if in_payload else f"payload.processes.{process}.{record}"
        yield Asked(name, label, path, is_keyed, form, probe, unit)


def processes(spec: Spec) -> list[tuple[str, str]]:
    """The processes that the spec asks for, each with the label that the dimension `process` shows.

    "With dimension `process` and a *list* in `process`, each row's process is the list item's name
    (`children`, `combined` stand for their sets; a recording counts once under each item that contains it);
    with a plain `children`/`combined`, real process names are shown."
    """
    wanted = spec.get("process", "parent")
    if isinstance(wanted, str):
        return [(process, process) for process in SETS.get(wanted, (wanted,))]
    return [(item, process) for item in dict.fromkeys(wanted) for process in SETS.get(item, (item,))]


def _glean(spec: Spec, name: str, probes: Probes) -> Iterable[Asked]:
    here, probe = probe_of(spec, name, probes)
    parts = here.lower().split(".")
    if parts[0] == "metrics":
        record, metric = parts[1], parts[2]
    else:
        metric = here.lower().replace(".", "_")
        record = probe.record if probe else KNOWN_TYPES[metric]
    unit = GLEAN_UNITS.get(record.removeprefix("labeled_").removesuffix("_distribution"))
    form = "number" if "scalar" in spec else "distribution"
    yield Asked(name, None, f"metrics.{record}.{metric}", record.startswith("labeled_"), form, probe, unit)


def recorded(spec: Spec, columns: Sequence[Asked], row: Row) -> list[Recorded]:
    """The histograms that a ping carries, of those that the spec asks for.

    A keyed histogram is one for each key, all keys if the spec names none, `*`, or `{top: …}`.
    """
    wanted = spec.get("key")
    keys = [wanted] if isinstance(wanted, str) else ["*"] if isinstance(wanted, Mapping) else wanted
    found: list[Recorded] = []
    for one in columns:
        value = column(row, one.path)
        entries = [(None, value)]
        if one.is_keyed:
            entries = [(entry.get("key"), entry.get("value")) for entry in value or ()]
        for at, (key, stored) in enumerate(entries):
            if one.is_keyed and keys is not None and "*" not in keys and key not in keys:
                continue
            if not one.is_keyed and not _is_carried(one, stored):
                continue
            held = {"text": decode, "distribution": distribution, "number": number}[one.form](stored)
            place = (one.histogram, one.path, at)
            text = stored if one.form == "text" else None
            damaged = DAMAGED[one.form](stored)
            found.append(Recorded(one.histogram, one.process, key, place, text, held, damaged))
    return found


def _is_carried(one: Asked, stored: Any) -> bool:
    """A ping carries what isn't NULL; "a Glean distribution if its values array is not empty"."""
    return bool((stored or {}).get("values")) if one.form == "distribution" else stored is not None


def number(stored: Any) -> int | None:
    """A scalar: an INT64, or NULL."""
    return None if stored is None else int(stored)


def distribution(stored: Mapping[str, Any] | None) -> Decoded:
    """A Glean distribution, whose keys are text.

    "Glean keys that are no integers of ≤ 18 digits and counts outside 1..2^40 contribute nothing."
    """
    stored = stored or {}
    entries = tuple(
        (int(entry["key"]), entry["value"])
        for entry in stored.get("values") or ()
        if _is_integer(entry.get("key")) and entry.get("value") is not None
    )
    return Decoded(stored.get("sum"), None, None, None, entries)


def _is_integer(key: str | None) -> bool:
    return re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", key or "") is not None


def _is_possible(count: int) -> bool:
    """Whether a count, or a scalar's number, is within 0…2^40."""
    return 0 <= count <= CAP


def _is_damaged_text(stored: str | None) -> bool:
    """Whether a text has "no written form", or a count that is impossible."""
    held = decode(stored)
    if held is None:
        return stored is not None
    return not all(_is_possible(count) for _, count in held.entries)


def _is_damaged_distribution(stored: Mapping[str, Any] | None) -> bool:
    """Whether a count is impossible or NULL, or above 0 "of a key that is no integer"."""
    for entry in (stored or {}).get("values") or ():
        count = entry.get("value")
        if count is None or not _is_possible(count) or (count > 0 and not _is_integer(entry.get("key"))):
            return True
    return False


def _is_damaged_number(stored: Any) -> bool:
    return stored is not None and not _is_possible(int(stored))


DAMAGED: Mapping[str, Callable[[Any], bool]] = {
    "text": _is_damaged_text,
    "distribution": _is_damaged_distribution,
    "number": _is_damaged_number,
}
