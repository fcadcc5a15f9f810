"""What a probe is: its kind, buckets, labels and unit, where its data stands, and what mirrors it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

from querygen import buckets
from querygen.names import column_name

Generation = Literal["legacy", "glean"]

UNITS: Mapping[str, tuple[str, int]] = {
    "ns": ("ns", 1),
    "us": ("ns", 1_000),
    "ms": ("ns", 1_000_000),
    "s": ("ns", 1_000_000_000),
    "min": ("ns", 60 * 1_000_000_000),
    "h": ("ns", 3_600 * 1_000_000_000),
    "d": ("ns", 86_400 * 1_000_000_000),
    "bytes": ("bytes", 1),
    "kilobytes": ("bytes", 1 << 10),
    "megabytes": ("bytes", 1 << 20),
    "gigabytes": ("bytes", 1 << 30),
}
"""Units of time and memory: what Glean stores them in, and how many of those one is."""

_PER_MAGNITUDE = {"timing": 8, "memory": 16}
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ProbeDefinition:
    """One histogram, scalar or Glean metric as its definition file declares it.

    Attributes:
        name: `FX_TAB_SWITCH_TOTAL_E10S_MS`, `browser.engagement.active_ticks` or `browser.tabswitch.total`.
        generation: legacy (`telemetry.main`) or glean (`firefox_desktop.metrics` and other Glean tables).
        kind: for legacy histograms exponential, linear, enumerated, categorical, boolean, flag, count or
            use_counter; for scalars uint, string or boolean; for Glean the metric type.
        source: the file that defines it.
        keyed: whether there is a value per key (legacy) or label (Glean).
        labels: the names of a categorical histogram's values, or the labels of a labelled Glean metric;
            None where there are none or any label is allowed.
        keys: the keys that a keyed legacy probe or a dual-labelled counter is limited to, or None.
        bucketing: exponential, linear or functional; None for what has no buckets (scalars, counters, …).
        low, high, n_buckets: what the bounds are computed from, in stored units. Functional buckets have
            no n_buckets: low and high are the smallest and greatest sample.
        unit: a key of UNITS, or the definition's own words; None where it states none. For legacy probes
            taken from the end of the name (`_MS`) or a remark in the description (`(ms)`).
        processes: where a legacy probe is recorded, in the table's names (parent, content, …).
        pings: the Glean pings that send it.
        description, expires, bugs: as written.
        mirror: the legacy C++ name in a Glean metric's `telemetry_mirror`; `h#NAME` is a histogram.
    """

    name: str
    generation: Generation
    kind: str
    source: str
    keyed: bool = False
    labels: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None
    bucketing: Literal["exponential", "linear", "functional"] | None = None
    low: int | None = None
    high: int | None = None
    n_buckets: int | None = None
    unit: str | None = None
    processes: tuple[str, ...] = ()
    pings: tuple[str, ...] = ()
    description: str = ""
    expires: str = "never"
    bugs: tuple[str, ...] = ()
    mirror: str | None = None

    @property
    def is_distribution(self) -> bool:
        """Whether its values are counts per bucket: any legacy histogram, any Glean distribution."""
        return self.bucketing is not None

    @property
    def is_categories(self) -> bool:
        """Whether its buckets are single values with a meaning each, not ranges of a quantity.

        Glean's custom distributions don't tell; `Definitions.is_categories` asks their mirrors.
        """
        return self.is_distribution and self.kind in {
            "enumerated", "categorical", "boolean", "flag", "use_counter",
        }  # fmt: skip

    @property
    def stored_unit(self) -> str | None:
        """The unit of the keys in the table: Glean stores any timing in ns and any memory in bytes."""
        if self.bucketing == "functional" and self.unit:
            return UNITS[self.unit][0]
        return self.unit

    @property
    def column(self) -> str:
        """The name of its column in BigQuery, without the record it stands in."""
        return column_name(self.name) if self.generation == "legacy" else self.name.replace(".", "_")

    def paths(self) -> tuple[str, ...]:
        """The paths of its columns: one for each process (legacy), or the one of its Glean type."""
        if self.generation == "glean":
            # Types whose columns had to change their shape have a new name for it.
            record = {"url": "url2", "text": "text2"}.get(self.kind, self.kind)
            return (f"metrics.{record}.{self.column}",)
        record = ("keyed_" if self.keyed else "") + ("histograms" if self.is_distribution else "scalars")
        return tuple(
            f"payload.{record}.{self.column}"
            if process == "parent" and self.is_distribution
            else f"payload.processes.{process}.{record}.{self.column}"
            for process in self.processes
        )

    def bounds(self) -> tuple[int, ...] | None:
        """The lower bound of each bucket in stored units, ascending; None for what has no buckets."""
        if self.bucketing is None or self.low is None or self.high is None:
            return None
        if self.bucketing == "functional":
            magnitude = _PER_MAGNITUDE["timing" if "timing" in self.kind else "memory"]
            every = buckets.functional(2, magnitude, min(self.high, _INT64_MAX))
            # The first bucket is the one that the smallest sample falls into.
            first = max((i for i, bound in enumerate(every) if bound <= self.low), default=0)
            return every[first:]
        if self.n_buckets is None:
            return None
        if self.bucketing == "exponential":
            return buckets.exponential(self.low, self.high, self.n_buckets)
        return buckets.linear(self.low, self.high, self.n_buckets, truncated=self.generation == "glean")

    @property
    def overflow(self) -> int | None:
        """The bound of the open-ended last bucket; None where there is none to be hit."""
        bounds = self.bounds()
        if not bounds or self.bucketing == "functional" or bounds == buckets.MINIMAL:
            return None
        return bounds[-1]

    def label(self, bucket: int) -> str | None:
        """The real name of a bucket of categories, such as `false`, a category or `(other)`; or None.

        None for use counters: the pipeline stores them as one number, which decodes as bucket 0 but counts
        what a boolean has in bucket 1.
        """
        if not self.is_categories:
            return None
        if self.kind in {"boolean", "flag"}:
            return {0: "false", 1: "true"}.get(bucket)
        if self.kind == "categorical" and bucket == self.overflow:
            return "(other)"
        return self.labels[bucket] if self.labels and 0 <= bucket < len(self.labels) else None


@dataclass(frozen=True, slots=True)
class Mirror:
    """A Glean metric and the legacy probe that Firefox records at the same time.

    Attributes:
        form: how one's values are the other's:
            distribution  buckets are buckets, keys are labels; only units and bounds differ
            count         a count histogram is the counter, a keyed one the labelled counter
            categorical   a categorical histogram's values are the labels
            boolean       a boolean histogram's buckets 0 and 1 are the labels `false` and `true`
            scalar        the same value, for keyed scalars per label
        scale: how many stored Glean units one legacy unit is (1 ms is 1,000,000 ns); whole for distributions.
    """

    glean: ProbeDefinition
    legacy: ProbeDefinition
    form: Literal["distribution", "count", "categorical", "boolean", "scalar"]
    scale: Fraction

    @property
    def same_buckets(self) -> bool:
        """Whether both sides have the same bounds in the same unit, so that their rows can be equal."""
        return self.form == "distribution" and self.glean.bounds() == self.legacy.bounds()


@dataclass(frozen=True)
class Definitions:
    """All probes of some definition files. Names are matched without regard to case."""

    probes: tuple[ProbeDefinition, ...]

    def find(self, name: str, generation: Generation | None = None) -> ProbeDefinition | None:
        """The probe of that name, of either generation unless one is asked for; None if there is none.

        Legacy scalars and Glean metrics may share a name; without `generation` the legacy probe is found.
        A column's name (`fx_tab_switch_total_e10s_ms`, `browser_tabswitch_total`) is found too, if exactly
        one probe has it.
        """
        named = self._chosen(self._by_name.get(name.lower(), ()), generation)
        if named:
            return named[0]
        columns = self._chosen(self._by_column.get(name.lower(), ()), generation)
        return columns[0] if len(columns) == 1 else None

    def names(self, generation: Generation | None = None) -> list[str]:
        """Every name, for suggestions and listings."""
        return [probe.name for probe in self._chosen(self.probes, generation)]

    @cached_property
    def mirrors(self) -> tuple[Mirror, ...]:
        """Every Glean metric whose `telemetry_mirror` names a probe of these definitions."""
        found = ((metric, self._legacy_side(metric)) for metric in self.probes if metric.mirror)
        return tuple(_mirror(metric, legacy) for metric, legacy in found if legacy)

    def unmirrored(self) -> tuple[ProbeDefinition, ...]:
        """The Glean metrics whose `telemetry_mirror` names nothing in these definitions.

        Events are left out: their legacy side is in Events.yaml, which holds nothing to be queried here.
        """
        paired = {id(mirror.glean) for mirror in self.mirrors}
        return tuple(
            probe
            for probe in self.probes
            if probe.mirror and probe.kind != "event" and id(probe) not in paired
        )

    def mirrors_of(self, probe: ProbeDefinition) -> tuple[Mirror, ...]:
        """The pairs that the probe, legacy or Glean, is a side of."""
        return self._by_side.get((probe.generation, probe.name.lower(), probe.is_distribution), ())

    def is_categories(self, probe: ProbeDefinition) -> bool:
        """Whether the probe's buckets are categories; a custom distribution's are if its mirror's are."""
        custom = probe.kind.endswith("custom_distribution")
        return probe.is_categories or (
            custom and any(pair.legacy.is_categories for pair in self.mirrors_of(probe))
        )

    def unit_of(self, probe: ProbeDefinition) -> str | None:
        """The probe's unit; where a legacy probe states none, that of the Glean metric it mirrors."""
        stated = (pair.glean.unit for pair in self.mirrors_of(probe) if pair.form == "distribution")
        return probe.unit or next(stated, None)

    @staticmethod
    def _chosen(probes: Iterable[ProbeDefinition], generation: Generation | None) -> list[ProbeDefinition]:
        return [probe for probe in probes if generation in {None, probe.generation}]

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[ProbeDefinition, ...]]:
        return _index(self.probes, lambda probe: probe.name.lower())

    @cached_property
    def _by_column(self) -> Mapping[str, tuple[ProbeDefinition, ...]]:
        return _index(self.probes, lambda probe: probe.column.lower())

    @cached_property
    def _by_cpp_name(self) -> Mapping[str, tuple[ProbeDefinition, ...]]:
        legacy = self._chosen(self.probes, "legacy")
        return _index(legacy, lambda probe: probe.name.replace(".", "_").upper())

    @cached_property
    def _by_side(self) -> Mapping[tuple[str, str, bool], tuple[Mirror, ...]]:
        sides: dict[tuple[str, str, bool], tuple[Mirror, ...]] = {}
        for mirror in self.mirrors:
            for side in (mirror.glean, mirror.legacy):
                key = (side.generation, side.name.lower(), side.is_distribution)
                sides[key] = (*sides.get(key, ()), mirror)
        return sides

    def _legacy_side(self, metric: ProbeDefinition) -> ProbeDefinition | None:
        """What `telemetry_mirror` names: a histogram for distributions and after `h#`, else a scalar."""
        name = (metric.mirror or "").removeprefix("h#").upper()
        histogram = metric.is_distribution or (metric.mirror or "").startswith("h#")
        same = (p for p in self._by_cpp_name.get(name, ()) if p.is_distribution == histogram)
        return next(same, None) if metric.kind != "event" else None


def _index(
    probes: Iterable[ProbeDefinition], key: Callable[[ProbeDefinition], str]
) -> dict[str, tuple[ProbeDefinition, ...]]:
    index: dict[str, list[ProbeDefinition]] = {}
    for probe in probes:
        index.setdefault(key(probe), []).append(probe)
    # Legacy first, which `find` relies on.
    return {
        name: tuple(sorted(found, key=lambda p: p.generation != "legacy")) for name, found in index.items()
    }


def _mirror(glean: ProbeDefinition, legacy: ProbeDefinition) -> Mirror:
    if glean.is_distribution:
        # Timings are mirrored in their time_unit, memory in its memory_unit, custom samples as they are;
        # labelled timings always in milliseconds.
        unit = "ms" if glean.kind == "labeled_timing_distribution" else glean.unit
        units = UNITS[unit][1] if glean.bucketing == "functional" and unit else 1
        return Mirror(glean, legacy, "distribution", Fraction(units))
    if legacy.is_distribution:
        if legacy.kind == "boolean":
            return Mirror(glean, legacy, "boolean", Fraction(1))
        return Mirror(glean, legacy, "categorical" if legacy.kind == "categorical" else "count", Fraction(1))
    scale = Fraction(1)
    if glean.kind == "timespan" and glean.unit:  # mirrored in milliseconds, stored in its time_unit
        scale = Fraction(UNITS["ms"][1], UNITS[glean.unit][1])
    return Mirror(glean, legacy, "scalar", scale)


def is_use_counter(name: str) -> bool:
    """Whether a legacy histogram of that name is a use counter; gecko generates their definitions."""
    return name.upper().startswith("USE_COUNTER2_")
