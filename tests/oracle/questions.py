"""A spec with what its names mean: table, dimensions, histograms, and what is known of their buckets."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from oracle.columns import TABLES, Row, Table, table_name
from oracle.definitions import Probe, Probes, factor, shape
from oracle.dimensions import OTHER, Dimension, dimensions_of, groups
from oracle.filters import Reader, passes, today_of
from oracle.measures import Facts, measure_of
from oracle.recordings import Asked, Recorded, asked, is_several, recorded

Spec = Mapping[str, Any]  # a spec, as YAML gives it
Group = tuple[Any, ...]  # the values of the dimensions


@dataclass(frozen=True)
class Question:
    """A spec with what its names mean.

    `read` gives the value of a name in a row; `top` are the keys of `{top: …}`, where the spec asks so.
    """

    spec: Spec
    table: Table
    dimensions: tuple[Dimension, ...]
    fields: tuple[Dimension, ...]
    read: Reader
    columns: tuple[Asked, ...]
    today: date | None
    top: frozenset[str] | None = field(default=None)

    @classmethod
    def of(cls, spec: Spec, probes: Probes) -> "Question":
        table, today = TABLES[table_name(spec)], today_of(spec)
        definitions = [*(spec.get("dimensions") or ()), *fields_of(spec)]
        made, read = dimensions_of(definitions, table, today, top_keys=isinstance(spec.get("key"), Mapping))
        n_dimensions = len(definitions) - len(fields_of(spec))
        dimensions, fields = made[:n_dimensions], made[n_dimensions:]
        if is_several(spec) and "histogram" not in {dimension.name for dimension in dimensions}:
            # "several histograms → first column `histogram`"
            dimensions = [Dimension("histogram", of_recording=True), *dimensions]
        columns = tuple(asked(spec, probes))
        return cls(spec, table, tuple(dimensions), tuple(fields), read, columns, today)

    def passes(self, row: Row) -> bool:
        """Whether a ping passes the spec's filters."""
        return passes(row, self.spec.get("filters") or {}, self.read, self.today)

    def client(self, row: Row) -> str | None:
        return self.table.client(row)

    def recorded(self, row: Row) -> list[Recorded]:
        """The histograms that a ping carries, of those asked for."""
        found = recorded(self.spec, self.columns, row)
        if self.top is None:
            return found
        return [one if one.key in self.top else one._replace(key=OTHER) for one in found]

    def has_say(self, row: Row) -> bool:
        """Whether a ping counts as far as its client goes: clients' votes and numbers need an id."""
        of_clients = self.is_scalar or self.spec.get("normalization", "none") != "none"
        return self.client(row) is not None or not of_clients or measure_of(self.spec) in ("counts", "pings")

    def is_carried(self, row: Row) -> bool:
        """Whether a ping carries a histogram that is asked for, if one is."""
        return not self.columns or bool(self.recorded(row))

    @property
    def is_scalar(self) -> bool:
        return self.spec.get("scalar") is not None

    @property
    def splits_pings(self) -> bool:
        """Whether a ping may be in several groups by what is recorded in it."""
        return any(dimension.of_recording for dimension in self.dimensions)

    def groups(self, values: tuple[Any, ...]) -> list[Group]:
        """The groups of these values of the dimensions: of a cube several."""
        return groups(values, cube=bool(self.spec.get("cube")))

    def by_group(self, row: Row) -> dict[Group, list[Recorded]]:
        """The histograms of a ping in each of the groups that it belongs to, each once in a group."""
        found: dict[Group, dict[Any, Recorded]] = defaultdict(dict)
        for one in self.recorded(row):
            values = tuple(dimension.value_of(row, one) for dimension in self.dimensions)
            for group in self.groups(values):
                found[group][one.place] = one
        return {group: list(ones.values()) for group, ones in found.items()}


def fields_of(spec: Spec) -> Sequence[Any]:
    """The fields of `measure: pings`: by default the histogram, or the table's column of the client id."""
    if spec.get("measure") != "pings":
        return ()
    default = "histogram" if spec.get("histogram") else TABLES[table_name(spec)].client_id
    return tuple(spec.get("fields") or (default,))


def top_keys(question: Question, rows: Iterable[Row]) -> frozenset[str]:
    """`{top: N}`: "the keys with the most samples" of all that is asked for, the first by name of equals.

    No sample of a ping without a vote counts. What has no key is among the others.
    """
    samples: dict[str, int] = defaultdict(int)
    for row in filter(question.has_say, rows):
        for one in {one.place: one for one in question.recorded(row)}.values():
            if one.key is not None and one.held:
                samples[one.key] += sum(count for _, count in one.held.counted())
    ranked = sorted((key for key in samples if samples[key]), key=lambda key: (-samples[key], key))
    return frozenset(ranked[: question.spec["key"]["top"]])


def facts_of(spec: Spec, columns: Sequence[Asked]) -> Facts:
    """What is known about the buckets: each fact "if it is the same for all histograms asked for".

    Bounds that the spec states itself stand for those of definitions.
    """
    scales, bounds, overflows, labels = set(), set(), set(), set()
    for one in columns:
        probe = one.probe or Probe("unknown", ())
        is_mirrored = one.histogram.lower() == (probe.mirrors or "").lower()
        scale = Fraction(1, probe.scale) if is_mirrored else Fraction(1)
        scales.add(factor(str(one.unit), spec["unit"]) if spec.get("unit") else scale)
        bounds.add(probe.bounds)
        overflows.add(probe.overflow)
        labels.add(tuple(probe.labels.items()))
    (scale,) = scales
    known = _only(bounds, ()), _only(overflows, None)
    return Facts(scale, *(shape(spec.get("buckets")) or known), _only(labels, ()))


def _only(values: set[Any], otherwise: Any) -> Any:
    return next(iter(values)) if len(values) == 1 else otherwise
