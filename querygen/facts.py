"""What probe definitions say about the histograms asked for: units, bounds, labels, and Glean's mirrors."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from querygen.catalog import SourceTable

if TYPE_CHECKING:
    from querygen.probes import Definitions, Mirror, ProbeDefinition


@dataclass(frozen=True)
class Facts:
    """What is known about the buckets of all histograms asked for together.

    Attributes:
        unit: of the buckets as recorded.
        scale: what buckets are multiplied by if the spec asks for no unit: not 1 where a Glean metric
            answers for the legacy probe that it mirrors.
        bounds: the lower bound of each bucket, ascending; empty where they are not known.
        overflow: the bound of the open-ended last bucket.
        labels: the names of buckets that stand for categories.
        is_categories: whether buckets are categories, so that percentiles mean nothing.
    """

    unit: str | None = None
    scale: Fraction = Fraction(1)
    bounds: tuple[int, ...] = ()
    overflow: int | None = None
    labels: tuple[tuple[int, str], ...] = ()
    is_categories: bool = False


def common(known: Sequence[Facts]) -> Facts:
    """What several histograms have in common: each fact that is the same for all of them.

    They are categories if any one is.
    """
    first = known[0]
    different = {
        f.name for f in fields(Facts) if any(getattr(one, f.name) != getattr(first, f.name) for one in known)
    }
    bare = Facts()
    shared = replace(first, **{name: getattr(bare, name) for name in different})
    return replace(shared, is_categories=any(one.is_categories for one in known))


def definition_of(
    definitions: "Definitions", source: SourceTable, name: str, *, numbers: bool = False
) -> "ProbeDefinition | None":
    """The definition of a histogram, or scalar, of this table, by its name or its column's path."""
    generation: Literal["glean", "legacy"] = "glean" if source.dotted_names else "legacy"
    found = definitions.find(name, generation)
    column = source.schema.resolve(name) if found is None and "." in name else None
    if column:
        found = definitions.find(name.rpartition(".")[2], generation)
        # A column of the same name under another type is that of another version of Firefox.
        if found and _in_record(column[0]) not in map(_in_record, found.paths()):
            return None
    return found if found and found.is_distribution is not numbers else None


def _in_record(path: str) -> str:
    """The column and its record, which are the same in all processes."""
    return ".".join(path.split(".")[-2:])


def mirror_in(definitions: "Definitions", source: SourceTable, name: str) -> "Mirror | None":
    """The pair by which the probe `name` of the other generation of telemetry is recorded in this table."""
    probe = definitions.find(name, "legacy" if source.dotted_names else "glean")
    if probe is None:
        return None
    return next((pair for pair in definitions.mirrors_of(probe) if pair.form == "distribution"), None)


def facts_of(definitions: "Definitions", probe: "ProbeDefinition", scale: Fraction) -> Facts:
    """What one definition says."""
    bounds = probe.bounds() or ()
    labels = [(bound, label) for bound in bounds if (label := probe.label(bound)) is not None]
    stored = probe.stored_unit if probe.generation == "glean" else definitions.unit_of(probe)
    unit = _UNIT_NAMES.get(stored or "")
    return Facts(unit, scale, bounds, probe.overflow, tuple(labels), definitions.is_categories(probe))


# The units that definitions state, as specs spell them.
_UNIT_NAMES = {name: name for name in ("ns", "us", "ms", "s", "min", "h", "bytes")} | {
    "kilobytes": "KiB",
    "megabytes": "MiB",
    "gigabytes": "GiB",
}
