"""Compares definitions with a table's schema: what each column is, and which have no counterpart and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from querygen.probes.definition import Definitions, ProbeDefinition, is_use_counter
from querygen.schema import Schema


@dataclass(frozen=True, slots=True)
class SchemaMatch:
    """What definitions say about the columns of a table, every one of which is in `columns` or `undefined`.

    Attributes:
        columns: a column's path, to its definition.
        undefined: the path of a column that no definition explains, to the reason.
        absent: the name of a definition that has no column, to the reason.
    """

    columns: Mapping[str, ProbeDefinition]
    undefined: Mapping[str, str]
    absent: Mapping[str, str]


def match_schema(definitions: Definitions, schema: Schema) -> SchemaMatch:
    """Ties every column where a probe's data stands to its definition.

    A legacy probe is looked for in every process, whatever `record_in_processes` says: schemas keep the
    columns of processes that a probe was once recorded in.
    """
    legacy = schema.find("payload") is not None
    ours = [probe for probe in definitions.probes if (probe.generation == "legacy") == legacy]
    by_place: dict[tuple[str, str], ProbeDefinition] = {}
    by_column: dict[str, ProbeDefinition] = {}
    for probe in ours:
        by_place.setdefault((_record(probe), probe.column.lower()), probe)
        by_column.setdefault(probe.column.lower(), probe)

    columns: dict[str, ProbeDefinition] = {}
    undefined: dict[str, str] = {}
    for path in _probe_columns(schema):
        *_, record, column = path.split(".")
        found = by_place.get((record, column.lower()))
        if found:
            columns[path] = found
        else:
            undefined[path] = _why_undefined(column, by_column.get(column.lower()), legacy)
    present = {id(probe) for probe in columns.values()}
    absent = {probe.name: _why_absent(probe) for probe in ours if id(probe) not in present}
    return SchemaMatch(columns, undefined, absent)


def _record(probe: ProbeDefinition) -> str:
    """The name of the record that a probe's column stands in, the same in all processes."""
    if probe.generation == "glean":
        return probe.paths()[0].split(".")[1]
    return ("keyed_" if probe.keyed else "") + ("histograms" if probe.is_distribution else "scalars")


def _probe_columns(schema: Schema) -> Iterator[str]:
    kinds = ("histograms", "keyed_histograms", "scalars", "keyed_scalars")
    processes = schema.find("payload.processes")
    groups = ["payload", *(f"payload.processes.{name}" for name in (processes.fields if processes else ()))]
    records = [f"{group}.{kind}" for group in groups for kind in kinds]
    metrics = schema.find("metrics")
    records += [f"metrics.{kind}" for kind in (metrics.fields if metrics else ())]
    for record in records:
        found = schema.find(record)
        for field in found.fields.values() if found else ():
            yield f"{record}.{field.name}"


def _why_undefined(column: str, other: ProbeDefinition | None, legacy: bool) -> str:
    if legacy and is_use_counter(column):
        return "a use counter: gecko generates their definitions"
    if other is None:
        return "not defined here: retired before, added after, or defined in a file left out"
    form = "keyed " if legacy and other.keyed else ""
    return f"of another version of Firefox: defined here as {form}{other.kind}"


def _why_absent(probe: ProbeDefinition) -> str:
    if "telemetry_test" in probe.column or probe.name.lower().startswith("telemetry.test."):
        return "a probe for tests"
    if probe.generation == "glean" and "metrics" not in probe.pings:
        return f"sent in other pings: {', '.join(probe.pings)}"
    return "the schema has no column for it"
