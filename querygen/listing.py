"""What can be asked for: the distributions and scalars of a catalog, as `querygen catalog` lists them."""

import fnmatch
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from querygen.catalog import Catalog, SourceTable
from querygen.facts import definition_of
from querygen.recordings import Recording, all_names, find_recordings

if TYPE_CHECKING:
    from querygen.probes import ProbeDefinition


@dataclass(frozen=True)
class Entry:
    """One distribution or scalar of one table.

    Attributes:
        recordings: the columns that hold it, one for each process or metric type.
        definition: what it is, where definitions are given and know it.
        mirror: its name in the other generation of telemetry.
    """

    table: str
    name: str
    recordings: tuple[Recording, ...]
    definition: "ProbeDefinition | None"
    mirror: str | None = None

    def row(self) -> dict[str, Any]:
        """The entry as a row of the listing; what definitions tell only where there are some."""
        first = self.recordings[0]
        row: dict[str, Any] = {
            "name": self.name,
            "ask_as": "scalar" if first.form == "number" else "histogram",
            "kind": first.kind if self.definition is None else self.definition.kind,
            "processes": " ".join(r.process for r in self.recordings if r.process) or None,
            "keyed": first.is_keyed,
            "path": first.path,
        }
        if self.definition is None:
            return row
        bounds = self.definition.bounds() or ()
        return row | {
            "buckets": f"{bounds[0]}..{bounds[-1]} ({len(bounds)})" if bounds else None,
            "labels": " ".join(self.definition.labels) if self.definition.labels else None,
            "unit": self.definition.unit,
            "expires": self.definition.expires,
            "mirror": self.mirror,
            "description": " ".join(self.definition.description.split()) or None,
        }


def entries(catalog: Catalog, tables: list[str], pattern: str) -> Iterator[Entry]:
    """The distributions and scalars whose name matches, sorted by name within each table.

    Args:
        catalog: the tables.
        tables: those to list.
        pattern: a part of the name, or a glob (`GC_*`); without regard to case, dots
            being the same as underscores.
    """
    plain = pattern.lower().replace(".", "_")
    wanted = plain if any(c in pattern for c in "*?[") else f"*{plain}*"
    for table in tables:
        source = catalog.get(table)
        if source is None:
            continue
        names = [(name, numbers) for numbers in (False, True) for name in _names(catalog, source, numbers)]
        for name, numbers in sorted(names):
            if fnmatch.fnmatchcase(name.lower().replace(".", "_"), wanted):
                found = _entry(catalog, source, name, numbers)
                if found is not None:
                    yield found


def known_names(catalog: Catalog, tables: Iterable[str]) -> list[str]:
    """The names of all that can be asked for, as a list that people choose from."""
    found: set[str] = set()
    for source in filter(None, map(catalog.get, tables)):
        found |= {name for numbers in (False, True) for name in _names(catalog, source, numbers)}
        told = catalog.definitions.probes if catalog.definitions else ()
        generation = "glean" if source.dotted_names else "legacy"
        found |= {probe.name for probe in told if probe.generation == generation}
    return sorted(found)


def _names(catalog: Catalog, source: SourceTable, numbers: bool) -> set[str]:
    """All names that are known: histograms' in capitals, Glean's with dots where definitions tell them."""
    known = set(all_names(source, numbers=numbers))
    if not source.dotted_names:
        return known if numbers else {name.upper() for name in known}
    if catalog.definitions is None:
        return known
    dotted = {probe.column: probe.name for probe in catalog.definitions.probes if probe.generation == "glean"}
    return {dotted.get(name, name) for name in known}


def _entry(catalog: Catalog, source: SourceTable, name: str, numbers: bool) -> Entry | None:
    """The entry of that name; None where its columns hold text or truth values, which are no scalars here."""
    column = name.replace(".", "_").lower()
    recordings = find_recordings(source, column, several=True, numbers=numbers)
    if not recordings:
        return None
    if catalog.definitions is None:
        return Entry(source.table, name, recordings, None)
    definition = definition_of(catalog.definitions, source, name, numbers=numbers)
    pairs = catalog.definitions.mirrors_of(definition) if definition else ()
    others = [pair.legacy.name if source.dotted_names else pair.glean.name for pair in pairs]
    return Entry(source.table, name, recordings, definition, " ".join(others) or None)
