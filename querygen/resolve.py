"""Resolve: `Spec` + `Catalog` becomes `Plan`.

All decisions about the SQL are made here and in the modules that this one calls, none in a template: columns
by `dimensions`, predicates by `filters`, which probes, processes and keys by `asking`, the way to each
histogram by `scan`, and the statistics by `measures`.
"""

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from querygen.about import About
from querygen.adjust import alone, marked, scaled, with_undecodable
from querygen.alerts import alerted
from querygen.aligned import version_of
from querygen.amounts import Amount
from querygen.asking import HistogramFinder
from querygen.branches import find_branch
from querygen.catalog import Catalog, Column, SourceTable
from querygen.comparisons import notes_of
from querygen.conditions import Dimension, Filter
from querygen.dimensions import MADE_BY, DimensionResolver, ResolvedDimension, compile_filters
from querygen.errors import Diagnostic, Loc, QuerygenError, similar_name_help
from querygen.facts import Facts
from querygen.filters import FilterCompiler, is_bounded
from querygen.grouping import Measured
from querygen.measures import MEASURES, RowField, decoded_field, pings
from querygen.plan import Pings, Plan, Read, Stage
from querygen.populations import BRANCH, EXPERIMENT, population
from querygen.published import ReleaseDates, release_dates
from querygen.redash_chart import RedashChart, redash_chart, unwritten, with_series
from querygen.sampling import held_by, not_scaled, sample_of
from querygen.scan import Asked, Derived, Scan, Side, scanned, start_of
from querygen.spec import Spec
from querygen.spec_values import HISTOGRAM_FIELDS, Alignment, DeclaredSource
from querygen.sqltext import Node, literal
from querygen.times import TIME
from querygen.wording import about, header


def resolve(spec: Spec, catalog: Catalog, today: dt.date | None = None) -> Plan:
    """Decides what the SQL will do.

    Args:
        spec: the question.
        catalog: the tables it may name.
        today: overrides the spec's `today`.

    Raises:
        QuerygenError: with all findings; their `loc` is the path in the spec.
    """
    source = source_of(spec.source, catalog, ("source",))
    resolver = _Resolver(spec, source, catalog, today)
    made = resolver.plan()
    if made is None or resolver.findings:
        raise QuerygenError(tuple(resolver.findings))
    return made


def source_of(asked: str | DeclaredSource, catalog: Catalog, loc: Loc) -> SourceTable:
    """The table that a spec names at `loc`.

    Raises:
        QuerygenError: it is not known.
    """
    declared = isinstance(asked, DeclaredSource)
    known = asked.like if isinstance(asked, DeclaredSource) else asked
    found = catalog.get(known)
    if found is None:
        raise QuerygenError.of(
            "unknown-source",
            f"the table `{known}` is not known",
            loc=(*loc, "like") if declared else loc,
            help=similar_name_help(known, catalog.names, "a table")
            or f"write {{table: {known}, like: …}} for a table shaped like {' or '.join(catalog.names)}",
        )
    if isinstance(asked, DeclaredSource):
        return catalog.like(asked.table, known) or found
    return found


MOST_CUBED = 6
_OWN = "amount"  # stands for the key of an amount, in a finding about it
_NOT_APART = ("unkeyed", "no-processes")


@dataclass(frozen=True)
class _Read:
    """What a spec reads of one table.

    Attributes:
        restricted: the filters, each with its column and predicates.
        facts: what is known about the histograms.
        unit: what their buckets are multiplied by.
    """

    scan: Scan
    columns: DimensionResolver
    restricted: list[tuple[str, Column, list[Node]]]
    facts: Facts
    unit: Fraction


def _moved(finding: Diagnostic, key: str) -> Diagnostic:
    """A finding about an amount, where the spec has it."""
    if finding.loc[:1] == (_OWN,):
        return replace(finding, loc=(key, *finding.loc[1:]))
    if finding.loc[:1] in {("histogram",), ("scalar",), ("process",), ("key",)}:
        return replace(finding, loc=(key, *finding.loc))
    return finding


def _reads(scan: Scan, stages: list[Stage]) -> tuple[Read, ...]:
    """The tables that stages scan, each with the columns that any scan of it needs."""
    needs: dict[tuple[str, str], dict[str, None]] = {}
    for one in (scan, *(side.scan for side in (scan.derived.sides if scan.derived else ()))):
        needs.setdefault((one.source.table, one.source.known_as), {}).update(dict.fromkeys(one.needs))
    read = {scanned(stage) for stage in stages if isinstance(stage, Pings)}
    found = [Read(table, like, tuple(of_it)) for (table, like), of_it in needs.items() if table in read]
    return (*found, *([scan.released.read] if scan.released else []))


@dataclass
class _Resolver:
    """Works through one spec, collecting findings instead of stopping at the first."""

    spec: Spec
    source: SourceTable
    catalog: Catalog
    today: dt.date | None
    findings: list[Diagnostic] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def plan(self) -> Plan | None:
        """The plan; None, or one that must not be used, after findings."""
        spec = self.spec
        read = self._read()
        scan, asked = read.scan, read.scan.asked
        if spec.measure == "compare":
            self.notes += notes_of(spec, asked)
        self._check_cube(scan.dimensions, asked)
        fields = self._fields(read.columns, asked) if spec.measure == "pings" else []
        if spec.measure == "pings" and spec.has_samples and (len(asked) > 1 or scan.is_keyed):
            self._report(
                "not-one-recording",
                "a ping has several of these histograms, which `has_samples` could mean any of",
                ("has_samples",),
                "ask for one histogram of one process without keys, or for `measure: counts`",
            )
        if spec.events is not None and not self.findings:
            scan = self._with_events(scan, spec.events)
        if self.findings:
            return None
        measured = (
            pings(scan, fields)
            if spec.measure == "pings"
            else MEASURES[spec.measure or ""](scan, read.facts, read.unit)
        )
        if spec.n_undecodable:
            self.notes.append("n_undecodable are recordings that count for nothing, or not with all samples")
            measured = with_undecodable(scan, measured)
        if spec.min_clients or spec.min_usage_hours:
            measured = marked(measured, spec)
        if spec.alert is not None:
            measured = alerted(scan, measured)
        sample = sample_of(spec, self.source, read.restricted)
        self.notes += [sample.note(spec)] if sample else self._held(scan)
        if spec.scale:
            if sample is None:
                not_scaled(spec, self.source, read.restricted, self.findings.append)
                return None
            measured = scaled(measured, sample)
        chart = redash_chart(spec, scan.outputs, measured.key)
        if spec.series:
            self._check_series(chart)
            if chart is None or self.findings:
                return None
            measured = with_series(spec, chart, measured)
        return self._made(scan, alone(measured), about(spec, scan, self.notes, read.facts, read.unit), chart)

    @staticmethod
    def _held(scan: Scan) -> list[str]:
        """What is said of tables that hold only some clients."""
        sides = scan.derived.sides if scan.derived else ()
        tables = dict.fromkeys([scan.source.table, *(side.scan.source.table for side in sides)])
        shares = {table: held_by(table) for table in tables}
        return [
            f"{table} holds {share} of all clients; counts are theirs"
            for table, share in shares.items()
            if share
        ]

    def _check_series(self, chart: RedashChart | None) -> None:
        """A column `series` needs something to tell apart, which all engines write alike."""
        if chart is None or not chart.series:
            help_ = "leave out `series`, or add `dimensions`"
            self._report("unused-key", "`series` has nothing to tell apart at the same x", ("series",), help_)
            return
        names = [d if isinstance(d, str) else d.name for d in self.spec.dimensions]
        places = {name.rsplit(".", 1)[-1].lower(): i for i, name in enumerate(names)}
        for one in unwritten(chart):
            at = places.get(one.name.lower())
            message = f"`{one.name}` is a {one.type}, which engines write differently in the text `series`"
            loc: Loc = ("series",) if at is None else ("dimensions", at)
            self._report("not-a-series", message, loc, "use `bands` or `cases` of it, or leave it out")

    def _read(self, further: dict[str, Filter] | None = None) -> "_Read":
        """What the spec reads of this table; `further` are filters of an amount."""
        spec = self.spec
        filters = FilterCompiler(self.today or spec.today, self.findings.append)
        columns = DimensionResolver(self.source, filters, self.findings.append)
        people = population(spec, self.source, self.findings)
        self.notes += people.notes
        if people.branch:
            columns.define(BRANCH, people.branch)
        if people.experiment:
            columns.define(EXPERIMENT, people.experiment)
        if spec.interval is not None:
            columns.define(TIME, start_of(self.source, spec.interval))
        shown = spec.interval is None or TIME in spec.dimensions
        dimensions = columns.dimensions(spec.dimensions if shown else (*spec.dimensions, TIME))
        for i, dimension in enumerate(dimensions):
            self._check_sorts(dimension.name, dimension.type, ("dimensions", i))
        if not shown:
            dimensions = (*dimensions[-1:], *dimensions[:-1])
        if spec.measure == "pings":
            dimensions = ()  # what is defined can be a field, and filtered by
        restricted = compile_filters(spec.filters, columns.column, filters)
        self._check_dates(restricted)
        restricted += compile_filters(further or {}, columns.column, filters, (_OWN, "filters"))
        finder = HistogramFinder(spec, self.source, self.catalog, self.findings, self.notes)
        asked = finder.asked(dimensions)
        dimensions = finder.with_histogram(dimensions, asked)
        first: list[Node] = []
        others: list[Node] = []
        for _, source, tests in restricted:
            (first if self._on_partition(source) else others).extend(tests)
        facts = finder.facts(asked)
        if spec.measure == "compare":
            dimensions = find_branch(spec, dimensions, people, facts, self.findings.append)
        scan = Scan(spec, self.source, dimensions, asked, [*first, *others, *people.predicates])
        scan.each = people.each
        scan.needs += people.needs
        scan.needs += [need for _, source, _ in restricted for need in source.needs]
        return _Read(scan, columns, restricted, facts, finder.unit(asked, facts))

    # ---- events and exposure ------------------------------------------------------------------------------

    def _with_events(self, scan: Scan, events: Amount) -> Scan:
        """The scan with those of the amounts that its numbers are made of."""
        exposure = self.spec.exposure_or_default
        counted = self._side("events", events)
        divided = None if exposure is None else self._side("exposure", exposure)
        shapes = {self.source.table: self.source.known_as}
        for key, side in (("events", counted), ("exposure", divided)):
            source = side.scan.source if side else self.source
            known = shapes.setdefault(source.table, source.known_as)
            if known != source.known_as:
                message = f"`{source.table}` is like {source.known_as} here, and like {known} elsewhere"
                self._report("two-shapes", message, (key, "table"), "a table has one shape; name it once")
        derived = Derived(counted, divided, self.spec.per_or_default)
        released = None
        if self.spec.align is not None:
            released = self._released(self.spec.align, version_of(scan.dimensions))
        return replace(scan, asked=counted.scan.asked, derived=derived, released=released)

    def _released(self, align: Alignment, version: ResolvedDimension | None) -> ReleaseDates | None:
        """The dates that a table has. Versions are a dimension, and those that have dates are of its kind."""
        if version is None:
            self._report(
                "no-version",
                "`align` compares versions, and no dimension is one",
                ("align",),
                "add `app_version` or `major_version` to `dimensions`",
            )
            return None
        if version.type == "INT64":
            for shown in align.given:
                if not re.fullmatch("[0-9]{1,5}", shown, re.ASCII):
                    message = f"`{shown}` is no major version, which `{version.name}` tells apart"
                    self._report("wrong-type", message, ("align", "dates", shown), "write for example 58")
        if align.table is None:
            return None
        filters = FilterCompiler(self.today or self.spec.today, self.findings.append)
        found = release_dates(align.table, version, self.catalog, filters)
        self.notes += [found.note] if found else []
        return found

    def _side(self, key: str, amount: Amount) -> Side:
        """The scan of one amount; what is wrong with it is reported under its key."""
        try:
            source = (
                self.source if amount.table is None else source_of(amount.table, self.catalog, (key, "table"))
            )
        except QuerygenError as error:
            self.findings += error.diagnostics
            return Side(Scan(self.spec, self.source, (), (), []), amount)
        for dimensions in self._shared_dimensions(amount, is_events=key == "events"):
            own = {"histogram": amount.histogram, "scalar": amount.scalar, "dimensions": dimensions}
            own |= {"process": amount.process} if "process" in amount.model_fields_set else {}
            bare: dict[str, Any] = {
                "events": None,
                "exposure": None,
                "key": amount.key,
                "source": source.table,
            }
            resolver = _Resolver(self.spec.model_copy(update=bare | own), source, self.catalog, self.today)
            found = resolver._read(amount.filters)
            if not any(finding.code in _NOT_APART for finding in resolver.findings):
                break
        self.notes += [note for note in resolver.notes if note not in self.notes]
        for finding in resolver.findings:
            moved = _moved(finding, key)
            if moved not in self.findings:
                self.findings.append(moved)
        self._check_amount(key, amount, source)
        return Side(found.scan, amount)

    def _shared_dimensions(self, amount: Amount, *, is_events: bool) -> list[tuple[Dimension, ...]]:
        """The dimensions that an amount is split by; of an exposure two sets, the first that fits."""
        every = self.spec.dimensions
        plain = tuple(d for d in every if not isinstance(d, str) or d.lower() not in MADE_BY)
        if is_events:
            return [every]
        if not amount.is_recorded:
            return [plain]
        # A name alone doesn't tell whether it has keys: an exposure is told apart by what it names itself.
        own = {key for key in ("process", "key") if key in amount.model_fields_set}
        told = tuple(d for d in every if d in plain or (isinstance(d, str) and d.lower() in own))
        return [told, plain]

    def _check_amount(self, key: str, amount: Amount, source: SourceTable) -> None:
        """Amounts that are no probe's need a column of whole numbers."""
        if amount.count == "usage_hours" and not source.usage:
            self._report(
                "no-usage",
                f"{source.table} doesn't tell how long Firefox was used",
                (key,),
                "name a column of durations: {column: PATH, unit: s}",
            )
        if amount.column is None:
            return
        try:
            found = source.column(amount.column)
        except QuerygenError as error:
            self.findings.append(replace(error.diagnostics[0], loc=(key, "column")))
            return
        if found is None:
            message = f"{source.table} has no column `{amount.column}`"
            self._report("unknown-column", message, (key, "column"), source.nearest(amount.column))
        elif found.type != "INT64":
            message = f"`{amount.column}` is a {found.type}, and amounts are whole numbers"
            self._report("wrong-type", message, (key, "column"), "name a column of the type INT64")

    def _made(self, scan: Scan, measured: Measured, described: About, chart: RedashChart | None) -> Plan:
        names = tuple(d.name for d in scan.dimensions)
        return Plan(
            header=header(described, self.spec, chart),
            reads=_reads(scan, measured.stages),
            histograms=tuple(dict.fromkeys(one.histogram for one in scan.asked)),
            stages=tuple(measured.stages),
            columns=tuple(measured.columns),
            key=() if self.spec.measure == "pings" else names + measured.key,
            order=scan.order + measured.order,
            limit=literal(self.spec.limit, "INT64") if self.spec.limit else None,
            about=described,
        )

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
        cells = {f"all_{dimension.name}".lower() for dimension in dimensions}
        for i, dimension in enumerate(dimensions):
            if dimension.name.lower() in cells:
                message = f"`{dimension.name}` cannot be the name of a cube's dimension: the query uses it"
                help_ = f"give it another name: {{name: …, of: {dimension.name}}}"
                self._report("reserved-name", message, ("dimensions", i), help_)
            if dimension.type in ("FLOAT64", "NUMERIC", "TIMESTAMP", "TIME", "BYTES"):
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
        wanted = spec.fields or (("histogram",) if spec.histogram else (self.source.client_id,))
        fields: list[RowField] = []
        for i, reference in enumerate(wanted):
            key = reference.lower()
            if key in HISTOGRAM_FIELDS:
                made = self._histogram_field(key, reference, i, asked)
            else:
                found = columns.column(reference, ("fields", i), also=HISTOGRAM_FIELDS)
                made = RowField(reference.rsplit(".", 1)[-1].lower(), found.type, found) if found else None
                self._check_sorts(reference, found.type if found else "", ("fields", i))
            if made:
                fields.append(made)
            if made and made.name in (field.name for field in fields[:-1]):
                message = f"two fields are called `{made.name}`"
                self._report("duplicate-field", message, ("fields", i), "leave one out")
        return fields

    def _check_sorts(self, name: str, kind: str, loc: Loc) -> None:
        if kind == "JSON":
            message = f"`{name}` is JSON, by which rows can be neither sorted nor grouped"
            self._report("not-a-value", message, loc, "name a column of another type")

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
