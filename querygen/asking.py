"""Which histograms a spec asks for: names, processes, keys, and what definitions say about their buckets."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from querygen.catalog import Catalog, SourceTable
from querygen.dimensions import ResolvedDimension
from querygen.errors import Diagnostic, Loc, QuerygenError, similar_name_help, suggest
from querygen.facts import Facts, common, definition_of, facts_of, mirror_in
from querygen.recordings import Recording, all_names, find_recordings
from querygen.scan import Asked
from querygen.spec import Spec
from querygen.spec_values import BucketShape
from querygen.sqltext import NAME
from querygen.units import factor, units_like


@dataclass
class HistogramFinder:
    """Looks up the histograms (or the scalar) of one spec; findings are collected, not raised.

    Attributes:
        findings: what is wrong, shared with who asks.
        notes: what was decided for the user, likewise.
    """

    spec: Spec
    source: SourceTable
    catalog: Catalog
    findings: list[Diagnostic]
    notes: list[str]
    _mirrors: dict[str, str] = field(default_factory=dict)
    _scales: dict[str, Fraction] = field(default_factory=dict)

    def asked(self, dimensions: tuple[ResolvedDimension, ...]) -> tuple[Asked, ...]:
        """The recordings of all histograms, in all processes asked for."""
        shown = {d.name for d in dimensions if d.source is None}
        asked: list[Asked] = []
        for named, loc in self._histograms():
            wanted = self._mirrored(named)
            recordings = self._recordings(wanted, loc, wants_keys=self.spec.key is not None or "key" in shown)
            found = self._in_processes(wanted, recordings, loc, by_process="process" in shown)
            asked += [replace(one, histogram=named) for one in found]
        kinds = {(one.recording.form, one.recording.is_keyed) for one in asked}
        if len(kinds) > 1:
            self._report(
                "mixed-histograms",
                "keyed and unkeyed histograms cannot be asked for in one result",
                ("histogram",),
                "write a spec for each",
            )
        for name in sorted(shown - {"histogram"}):
            if not asked and self.spec.histogram is None and self.spec.events is None:
                self._report(
                    "no-histogram", f"the dimension `{name}` needs a `histogram`", ("dimensions",), None
                )
        return tuple(asked)

    def _histograms(self) -> Iterable[tuple[str, Loc]]:
        """The histograms that the spec names for this table, and where."""
        if self.spec.scalar is not None:
            return [(self.spec.scalar, ("scalar",))]
        wanted = self._named()
        loc: Loc = ("histogram",)
        if isinstance(self.spec.histogram, dict):
            if wanted is None:
                tables = " or ".join(self.spec.histogram)
                self._report(
                    "no-histogram",
                    f"the spec names no histogram for {self.source.known_as}",
                    loc,
                    f"add `{self.source.known_as}: NAME`, or choose {tables} as the source",
                )
                return []
            loc = (*loc, self.source.known_as)
        if isinstance(wanted, str):
            return [(wanted, loc)]
        listed = wanted or ()
        return [(name, (*loc, i)) for i, name in enumerate(listed) if name not in listed[:i]]

    def _named(self) -> str | tuple[str, ...] | None:
        """What `histogram` names for this table."""
        wanted = self.spec.histogram
        if isinstance(wanted, dict):
            return wanted.get(self.source.known_as) or wanted.get(self.source.table)
        return wanted

    def _recordings(self, wanted: str, loc: Loc, *, wants_keys: bool) -> list[Recording]:
        """The columns that hold one histogram, keyed or not."""
        definitions = self.catalog.definitions
        is_scalar = self.spec.scalar is not None
        probe = definition_of(definitions, self.source, wanted, numbers=is_scalar) if definitions else None
        wants_keys = wants_keys or bool(probe and probe.keyed)
        # A metric's type, which its name may not tell, is told by its definition: where the schema doesn't
        # have it, and where the definition is what named the metric.
        typed = not self.source.strict or wanted in self._scales
        known = probe.paths()[0] if probe and self.source.dotted_names and typed else wanted
        try:
            found = find_recordings(self.source, known, numbers=is_scalar)
        except QuerygenError as error:
            self.findings += [
                Diagnostic(finding.code, finding.message, loc=loc, help=self._metric(finding, wanted))
                for finding in error.diagnostics
            ]
            return []
        if not found:
            what = "histogram" if self.spec.scalar is None else "scalar"
            self._report(
                f"unknown-{what}",
                f"{self.source.table} has no {what} `{wanted}`",
                loc,
                self._nearest(wanted),
            )
            return []
        keyed = [recording for recording in found if recording.is_keyed]
        plain = [recording for recording in found if not recording.is_keyed]
        if wants_keys and not keyed:
            place: Loc = ("key",) if self.spec.key is not None else ("dimensions",)
            self._report(
                "unkeyed", f"`{wanted}` is not keyed: it has no keys to choose from", place, "leave out `key`"
            )
        return keyed if wants_keys or not plain else plain

    def _in_processes(
        self, wanted: str, recordings: list[Recording], loc: Loc, *, by_process: bool
    ) -> Iterable[Asked]:
        """Those of the processes asked for, each under the name that `process` shows."""
        if not recordings:
            return []
        if recordings[0].process is None:
            if self.spec.process != "parent" or by_process:
                place: Loc = ("process",) if self.spec.process != "parent" else ("dimensions",)
                self._report(
                    "no-processes",
                    f"{self.source.table} doesn't tell which process recorded `{wanted}`",
                    place,
                    "leave out `process`; its values are those of all processes",
                )
            return [Asked(recordings[0], wanted, None)]
        of = {recording.process or "": recording for recording in recordings}
        wished = self.spec.process
        if "process" not in self.spec.model_fields_set and "." in wanted and len(of) == 1:
            wished = next(iter(of))  # a column's path says which process is meant
        listed = not isinstance(wished, str)
        items = wished if listed else (str(wished),)
        asked: dict[tuple[str, str], Asked] = {}
        for i, item in enumerate(items):
            at: Loc = ("process", i) if listed else ("process",)
            for process in self._processes(item, of, wanted, at):
                label = item if listed and by_process else process
                asked.setdefault((label, process if by_process else ""), Asked(of[process], wanted, label))
                if not by_process:
                    asked[(process, "")] = Asked(of[process], wanted, process)
        return dict.fromkeys(asked.values())

    def _processes(self, item: str, of: dict[str, Recording], wanted: str, loc: Loc) -> list[str]:
        """The processes that one item of `process` stands for."""
        if item in ("children", "combined"):
            found = [process for process in of if item == "combined" or process != "parent"]
            if not self.source.strict and self.source.processes:
                note = f"{item} is {', '.join(found)}; --schema tells which other processes record it"
                if note not in self.notes:
                    self.notes.append(note)
        else:
            found = [process for process in of if process == item.lower()]
        if not found:
            near = suggest(item, [*of, "children", "combined"])
            self._report(
                "unknown-process",
                f"`{wanted}` is not recorded in the process `{item}`",
                loc,
                f"a process with a similar name exists: `{near[0]}`"
                if near
                else f"it is recorded in {', '.join(of)}",
            )
        return found

    def _metric(self, finding: Diagnostic, wanted: str) -> str | None:
        """The help of a finding about a metric; for one that nobody knows, known ones of a similar name."""
        if finding.code != "unknown-type":
            return finding.help
        definitions = self.catalog.definitions
        told = [probe for probe in definitions.probes if probe.generation == "glean"] if definitions else []
        columns = {probe.column for probe in told}
        names = [probe.name for probe in told]
        names += [name for name in all_names(self.source) if name not in columns]
        return similar_name_help(wanted, names, "a metric") or finding.help

    def _nearest(self, wanted: str) -> str | None:
        """The names that an unknown histogram may have been meant to be."""
        names = {
            name.upper() if not self.source.dotted_names else name
            for name in all_names(self.source, numbers=self.spec.scalar is not None)
        }
        lookup = wanted.replace(".", "_") if self.source.dotted_names else wanted.rsplit(".", 1)[-1]
        near = suggest(lookup, names)
        if near:
            shown = ", ".join(f"`{name}`" for name in near)
            return (
                f"a probe with a similar name exists: {shown}"
                if len(near) == 1
                else f"the nearest are {shown}"
            )
        if not NAME.fullmatch(lookup):
            return "a probe's name has letters, digits and underscores; a metric's also dots"
        if not self.source.dotted_names and (paths := self.source.schema.nearest(wanted)):
            return f"a column with a similar name exists: `{paths[0]}`"
        site = (
            "dictionary.telemetry.mozilla.org" if self.source.dotted_names else "probes.telemetry.mozilla.org"
        )
        return f"look its name up on https://{site}"

    def with_histogram(
        self, dimensions: tuple[ResolvedDimension, ...], asked: tuple[Asked, ...]
    ) -> tuple[ResolvedDimension, ...]:
        """Several histograms are told apart by a first column `histogram`."""
        several = len({one.histogram for one in asked}) > 1 or isinstance(self._named(), tuple)
        if several and self.spec.measure != "pings" and all(d.name != "histogram" for d in dimensions):
            return (ResolvedDimension("histogram", None), *dimensions)
        return dimensions

    def _mirrored(self, name: str) -> str:
        """The name by which this table has the probe: that of its mirror, if it has only that."""
        definitions = self.catalog.definitions
        if definitions is None:
            return name
        own = definition_of(definitions, self.source, name)
        if own and own.name.lower() == name.lower():
            return name
        # Found by its column only, PROCESS_LIFETIME is process.lifetime, but in seconds, as the legacy probe.
        pair = mirror_in(definitions, self.source, name)
        if pair is None:
            return name
        glean = self.source.dotted_names
        found = pair.glean if glean else pair.legacy
        self._mirrors[name] = found.name
        self._scales[found.name] = 1 / pair.scale if glean else pair.scale
        unit = f", given in {pair.legacy.unit or 'its units'}" if glean and pair.scale != 1 else ""
        self.notes.append(f"{name} is recorded here as {found.name}{unit}")
        if not pair.same_buckets:
            self.notes.append(f"{name} and {found.name} have different buckets, so don't compare their rows")
        return found.name

    def _from_definitions(self, asked: tuple[Asked, ...]) -> Facts:
        """What is known about the buckets: each fact that is the same for all histograms asked for."""
        units = {one.recording.unit for one in asked}
        bare = Facts(unit=next(iter(units)) if len(units) == 1 else None)
        definitions = self.catalog.definitions
        if definitions is None:
            return bare
        known: list[Facts] = []
        names = [self._mirrors.get(name, name) for name in dict.fromkeys(one.histogram for one in asked)]
        if len({self._scales.get(name, Fraction(1)) for name in names}) > 1 and self.spec.unit is None:
            self._report(
                "mixed-units",
                "these histograms are recorded in different units",
                ("histogram",),
                "say which one values shall be given in, such as `unit: ms`",
            )
        for name in names:
            probe = definition_of(definitions, self.source, name)
            scale = self._scales.get(name, Fraction(1))
            known.append(facts_of(definitions, probe, scale) if probe else bare)
        return common(known) if known else bare

    def facts(self, asked: tuple[Asked, ...]) -> Facts:
        """What is known about the buckets, from definitions and from the spec itself."""
        facts = self._with_shape(self._from_definitions(asked))
        self._check_facts(facts)
        return facts

    def _with_shape(self, facts: Facts) -> Facts:
        """The facts with the buckets that the spec itself states."""
        shape = self.spec.buckets
        if not isinstance(shape, BucketShape):
            return facts
        overflow = None if shape.functional else shape.bounds[-1]
        return replace(facts, bounds=shape.bounds, overflow=overflow)

    def _check_facts(self, facts: Facts) -> None:
        spec = self.spec
        if facts.is_categories and spec.measure == "percentiles":
            self._report(
                "percentiles-of-categories",
                "the buckets of this probe are categories, which have no percentiles",
                ("percentiles",) if spec.percentiles else ("measure",),
                "ask for `measure: distribution`, the share of each value",
            )
        for key, needs in (
            ("percentile_method", spec.percentile_method == "interpolated"),
            ("buckets", spec.buckets == "all"),
            ("prior", spec.prior is not None),
        ):
            if needs and not facts.bounds:
                self._report(
                    "unknown-bounds",
                    f"`{key}: {getattr(spec, key)}` needs to know which buckets the probe has",
                    (key,),
                    "add `--probes PATH`, or write them: `buckets: {exponential: [1, 1000, 20]}`",
                )

    def unit(self, asked: tuple[Asked, ...], facts: Facts) -> Fraction:
        """What buckets are multiplied by to be in the unit asked for."""
        unit = self.spec.unit
        if unit is None or not asked:
            return facts.scale
        if facts.unit is None:
            self._report(
                "unknown-unit",
                "the unit of this histogram's buckets is not known, so they cannot be converted",
                ("unit",),
                "add `--probes PATH`, or leave out `unit`: values are given as recorded",
            )
            return Fraction(1)
        by = factor(facts.unit, unit)
        if by is None:
            self._report(
                "wrong-unit",
                f"the buckets are {facts.unit}, which cannot be given in {unit}",
                ("unit",),
                f"the units here are {', '.join(units_like(facts.unit))}",
            )
            return Fraction(1)
        return by

    def _report(self, code: str, message: str, loc: Loc, help_: str | None) -> None:
        self.findings.append(Diagnostic(code, message, loc=loc, help=help_))
