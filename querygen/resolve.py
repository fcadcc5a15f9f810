"""Resolve: `Spec` + `Catalog` becomes `Plan`.

All decisions about the SQL are made here and in the modules that this one calls, none in a template. Which
probes, processes, keys, dates and units are asked is decided here; columns by `dimensions`, predicates by
`filters`, the way to each histogram by `scan`, and the statistics by `measures`.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from querygen.catalog import Catalog, Column, SourceTable
from querygen.dimensions import DimensionResolver, ResolvedDimension, compile_filters
from querygen.errors import Diagnostic, Loc, QuerygenError, similar_name_help, suggest
from querygen.facts import Facts, common, definition_of, facts_of, mirror_in
from querygen.filters import FilterCompiler, is_bounded, sample_ids
from querygen.measures import MEASURES, Measured, RowField, decoded_field, marked, pings, scaled
from querygen.plan import Plan
from querygen.recordings import Recording, all_names, find_recordings
from querygen.scan import Asked, Scan
from querygen.spec import HISTOGRAM_FIELDS, BucketShape, DeclaredSource, Spec
from querygen.sqltext import NAME, Node, literal
from querygen.units import factor, units_like
from querygen.wording import header


def resolve(spec: Spec, catalog: Catalog, today: dt.date | None = None) -> Plan:
    """Decides what the SQL will do.

    Args:
        spec: the question.
        catalog: the tables it may name.
        today: overrides the spec's `today`.

    Raises:
        QuerygenError: with all findings; their `loc` is the path in the spec.
    """
    source = _source(spec, catalog)
    resolver = _Resolver(spec, source, catalog, today)
    made = resolver.plan()
    if made is None or resolver.findings:
        raise QuerygenError(tuple(resolver.findings))
    return made


def _source(spec: Spec, catalog: Catalog) -> SourceTable:
    declared = isinstance(spec.source, DeclaredSource)
    known = spec.source.like if isinstance(spec.source, DeclaredSource) else spec.source
    found = catalog.get(known)
    if found is None:
        raise QuerygenError.of(
            "unknown-source",
            f"the table `{known}` is not known",
            loc=("source", "like") if declared else ("source",),
            help=similar_name_help(known, catalog.names, "a table")
            or f"write {{table: {known}, like: …}} for a table shaped like {' or '.join(catalog.names)}",
        )
    if isinstance(spec.source, DeclaredSource):
        return catalog.like(spec.source.table, known) or found
    return found


MOST_CUBED = 6


@dataclass
class _Resolver:
    """Works through one spec, collecting findings instead of stopping at the first."""

    spec: Spec
    source: SourceTable
    catalog: Catalog
    today: dt.date | None
    findings: list[Diagnostic] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _mirrors: dict[str, str] = field(default_factory=dict)
    _scales: dict[str, Fraction] = field(default_factory=dict)

    def plan(self) -> Plan | None:
        """The plan; None, or one that must not be used, after findings."""
        spec = self.spec
        filters = FilterCompiler(self.today or spec.today, self.findings.append)
        columns = DimensionResolver(self.source, filters, self.findings.append)
        dimensions = columns.dimensions(spec.dimensions)
        restricted = compile_filters(spec.filters, columns.column, filters)
        self._check_dates(restricted)
        asked = self._asked(dimensions)
        dimensions = self._with_histogram(dimensions, asked)
        first: list[Node] = []
        others: list[Node] = []
        for _, source, tests in restricted:
            (first if self._on_partition(source) else others).extend(tests)
        scan = Scan(spec, self.source, dimensions, asked, [*first, *others])
        scan.needs += [need for _, source, _ in restricted for need in source.needs]
        facts = self._with_shape(self._facts(asked))
        unit = self._unit(asked, facts)
        self._check_facts(facts)
        self._check_cube(dimensions, asked)
        fields = self._fields(columns, asked) if spec.measure == "pings" else []
        if self.findings:
            return None
        measured = (
            pings(scan, fields)
            if spec.measure == "pings"
            else MEASURES[spec.measure or ""](scan, facts, unit)
        )
        if spec.min_clients:
            measured = marked(measured, spec.min_clients, drop=spec.low_data == "drop")
        if spec.scale:
            measured = scaled(measured, self._sampled(restricted))
            if self.findings:
                return None
        return self._made(scan, measured)

    def _made(self, scan: Scan, measured: Measured) -> Plan:
        names = tuple(d.name for d in scan.dimensions)
        return Plan(
            header=header(self.spec, scan, self.notes),
            table=self.source.table,
            like=self.source.known_as,
            histograms=tuple(dict.fromkeys(one.histogram for one in scan.asked)),
            needs=tuple(dict.fromkeys(scan.needs)),
            stages=tuple(measured.stages),
            columns=tuple(measured.columns),
            key=() if self.spec.measure == "pings" else names + measured.key,
            order=scan.order + measured.order,
            limit=literal(self.spec.limit, "INT64") if self.spec.limit else None,
        )

    def _sampled(self, restricted: list[tuple[str, Column, list[Node]]]) -> int:
        """How many of the hundred sample ids pass the filters; 100 after a finding."""
        for reference, source, _ in restricted:
            if source.needs == ("sample_id",):
                count = sample_ids(self.spec.filters[reference])
                if count:
                    self.notes.append(f"counts are those of {count}% of clients, scaled to all")
                    return count
        self._report(
            "nothing-to-scale",
            "`scale` needs a filter by `sample_id`, which says what sample the counts are of",
            ("scale",),
            "add `sample_id: {lt: 10}` to `filters` for a tenth of all clients, or leave out `scale`",
        )
        return 100

    # ---- which histograms --------------------------------------------------------------------------------

    def _asked(self, dimensions: tuple[ResolvedDimension, ...]) -> tuple[Asked, ...]:
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
            if not asked and self.spec.histogram is None:
                self._report(
                    "no-histogram", f"the dimension `{name}` needs a `histogram`", ("dimensions",), None
                )
        return tuple(asked)

    def _histograms(self) -> Iterable[tuple[str, Loc]]:
        """The histograms that the spec names for this table, and where."""
        if self.spec.scalar is not None:
            return [(self.spec.scalar, ("scalar",))]
        wanted = self.spec.histogram
        loc: Loc = ("histogram",)
        if isinstance(wanted, dict):
            names = wanted.get(self.source.known_as) or wanted.get(self.source.table)
            if names is None:
                self._report(
                    "no-histogram",
                    f"the spec names no histogram for {self.source.known_as}",
                    loc,
                    f"add `{self.source.known_as}: NAME`, or choose {' or '.join(wanted)} as the source",
                )
                return []
            loc = (*loc, self.source.known_as)
            wanted = names
        if isinstance(wanted, str):
            return [(wanted, loc)]
        listed = wanted or ()
        return [(name, (*loc, i)) for i, name in enumerate(listed) if name not in listed[:i]]

    def _recordings(self, wanted: str, loc: Loc, *, wants_keys: bool) -> list[Recording]:
        """The columns that hold one histogram, keyed or not."""
        definitions = self.catalog.definitions
        probe = definition_of(definitions, self.source, wanted) if definitions else None
        wants_keys = wants_keys or bool(probe and probe.keyed)
        # A metric's type, which its name may not tell, is told by its definition: where the schema doesn't
        # have it, and where the definition is what named the metric.
        typed = not self.source.strict or wanted in self._scales
        known = probe.paths()[0] if probe and self.source.dotted_names and typed else wanted
        try:
            found = find_recordings(self.source, known, numbers=self.spec.scalar is not None)
        except QuerygenError as error:
            self.findings += [
                Diagnostic(finding.code, finding.message, loc=loc, help=finding.help)
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
        listed = not isinstance(self.spec.process, str)
        items = self.spec.process if listed else (str(self.spec.process),)
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

    def _with_histogram(
        self, dimensions: tuple[ResolvedDimension, ...], asked: tuple[Asked, ...]
    ) -> tuple[ResolvedDimension, ...]:
        """Several histograms are told apart by a first column `histogram`."""
        wanted = self.spec.histogram
        if isinstance(wanted, dict):
            wanted = wanted.get(self.source.known_as) or wanted.get(self.source.table)
        several = len({one.histogram for one in asked}) > 1 or isinstance(wanted, tuple)
        if several and all(d.name != "histogram" for d in dimensions):
            return (ResolvedDimension("histogram", None), *dimensions)
        return dimensions

    # ---- what definitions say ---------------------------------------------------------------------------

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

    def _facts(self, asked: tuple[Asked, ...]) -> Facts:
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

    def _unit(self, asked: tuple[Asked, ...], facts: Facts) -> Fraction:
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

    def _check_cube(self, dimensions: tuple[ResolvedDimension, ...], asked: tuple[Asked, ...]) -> None:
        """A cube's dimensions become text, which engines write differently for some types."""
        if not self.spec.cube:
            return
        if len({(one.histogram, one.recording) for one in asked}) < len(asked):
            self._report(
                "overlapping-processes",
                "the items of `process` overlap, so that a cube's row of all would count some twice",
                ("process",),
                "list each process once, or leave out `cube`",
            )
        for i, dimension in enumerate(dimensions):
            if dimension.type in ("FLOAT64", "NUMERIC", "TIMESTAMP"):
                self._report(
                    "not-cubed",
                    f"`{dimension.name}` is a {dimension.type}, which cannot be a dimension of a cube",
                    ("dimensions", i),
                    "use `bands` of it, or a date",
                )
        if len(dimensions) > MOST_CUBED:
            self._report(
                "too-many-dimensions",
                f"a cube of {len(dimensions)} dimensions has {2 ** len(dimensions)} combinations",
                ("cube",),
                f"a cube takes at most {MOST_CUBED} dimensions",
            )

    # ---- fields and dates ---------------------------------------------------------------------------------

    def _fields(self, columns: DimensionResolver, asked: tuple[Asked, ...]) -> list[RowField]:
        """The fields of `measure: pings`; those of the histogram need it to be one string."""
        spec = self.spec
        wanted = spec.fields or (("histogram",) if spec.histogram else ("client_id",))
        fields: list[RowField] = []
        for i, reference in enumerate(wanted):
            key = reference.lower()
            if key in HISTOGRAM_FIELDS:
                made = self._histogram_field(key, reference, i, asked)
            else:
                found = columns.column(reference, ("fields", i), also=HISTOGRAM_FIELDS)
                made = RowField(reference.rsplit(".", 1)[-1].lower(), found.type, found) if found else None
            if made:
                fields.append(made)
            if made and made.name in (field.name for field in fields[:-1]):
                message = f"two fields are called `{made.name}`"
                self._report("duplicate-field", message, ("fields", i), "leave one out")
        return fields

    def _histogram_field(self, key: str, reference: str, i: int, asked: tuple[Asked, ...]) -> RowField | None:
        if self.spec.histogram is None:
            self._report(
                "no-histogram",
                f"the field `{reference}` needs a `histogram`",
                ("fields", i),
                "add `histogram: NAME`",
            )
            return None
        if not asked:
            return None
        one = asked[0].recording
        if len(asked) > 1 or one.is_keyed or not one.is_text:
            self._report(
                "not-one-string",
                f"the field `{reference}` needs a histogram that is one string in each ping",
                ("fields", i) if self.spec.fields else ("histogram",),
                "ask for one histogram of one process without keys, or for `measure: distribution`",
            )
            return None
        if key == "histogram":
            return RowField(key, "STRING", Column(self.source.node(one.path), "STRING", one.needs))
        return RowField(key, "INT64", decoded=decoded_field(key))

    def _on_partition(self, source: Column) -> bool:
        return source.needs == (self.source.timestamp,)

    def _check_dates(self, restricted: list[tuple[str, Column, list[Node]]]) -> None:
        """A query must say which days it reads: BigQuery refuses, or bills, a scan of all."""
        on_partition = [reference for reference, source, _ in restricted if self._on_partition(source)]
        bounded = any(is_bounded(self.spec.filters[reference]) for reference in on_partition)
        if self.spec.allow_full_scan or bounded:
            return
        if on_partition:
            self._report(
                "unbounded-dates",
                f"the filter of `{on_partition[0]}` is open: it lets in every day before or after",
                ("filters", on_partition[0]),
                "give both ends: {from: 2020-04-06, to: 2020-04-20}; or write `allow_full_scan: true`",
            )
        else:
            self._report(
                "unbounded-dates",
                "no range of dates: the query would scan every day that the table holds",
                ("filters",) if self.spec.filters else (),
                "add `submission_date: {from: …, to: …}` to `filters`, or `allow_full_scan: true`",
            )

    def _report(self, code: str, message: str, loc: Loc, help_: str | None) -> None:
        self.findings.append(Diagnostic(code, message, loc=loc, help=help_, at_key=loc == ("filters",)))
