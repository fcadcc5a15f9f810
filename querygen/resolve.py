"""Resolve: `Spec` + `Catalog` becomes `Plan`.

All decisions about the SQL are made here and in the modules that this one calls, none in a template: columns
by `dimensions`, predicates by `filters`, which probes, processes and keys by `asking`, the way to each
histogram by `scan`, and the statistics by `measures`.
"""

import datetime as dt
from dataclasses import dataclass, field

from querygen.adjust import alone, marked, scaled, with_undecodable
from querygen.asking import HistogramFinder
from querygen.branches import find_branch
from querygen.catalog import Catalog, Column, SourceTable
from querygen.comparisons import notes_of
from querygen.dimensions import DimensionResolver, ResolvedDimension, compile_filters
from querygen.errors import Diagnostic, Loc, QuerygenError, similar_name_help
from querygen.filters import FilterCompiler, is_bounded, sample_ids
from querygen.grouping import Measured
from querygen.measures import MEASURES, RowField, decoded_field, pings
from querygen.plan import Plan
from querygen.populations import BRANCH, EXPERIMENT, population
from querygen.scan import Asked, Scan
from querygen.spec import Spec
from querygen.spec_values import HISTOGRAM_FIELDS, DeclaredSource
from querygen.sqltext import Node, literal
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

    def plan(self) -> Plan | None:
        """The plan; None, or one that must not be used, after findings."""
        spec = self.spec
        filters = FilterCompiler(self.today or spec.today, self.findings.append)
        columns = DimensionResolver(self.source, filters, self.findings.append)
        people = population(spec, self.source, self.findings)
        self.notes += people.notes
        if people.branch:
            columns.define(BRANCH, people.branch)
        if people.experiment:
            columns.define(EXPERIMENT, people.experiment)
        dimensions = columns.dimensions(spec.dimensions)
        restricted = compile_filters(spec.filters, columns.column, filters)
        self._check_dates(restricted)
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
            self.notes += notes_of(spec, asked)
        scan = Scan(spec, self.source, dimensions, asked, [*first, *others, *people.predicates])
        scan.each = people.each
        scan.needs += people.needs
        scan.needs += [need for _, source, _ in restricted for need in source.needs]
        unit = finder.unit(asked, facts)
        self._check_cube(dimensions, asked)
        fields = self._fields(columns, asked) if spec.measure == "pings" else []
        if spec.measure == "pings" and spec.has_samples and (len(asked) > 1 or scan.is_keyed):
            self._report(
                "not-one-recording",
                "a ping has several of these histograms, which `has_samples` could mean any of",
                ("has_samples",),
                "ask for one histogram of one process without keys, or for `measure: counts`",
            )
        if self.findings:
            return None
        measured = (
            pings(scan, fields)
            if spec.measure == "pings"
            else MEASURES[spec.measure or ""](scan, facts, unit)
        )
        if spec.n_undecodable:
            self.notes.append("n_undecodable are recordings that count for nothing, or not with all samples")
            measured = with_undecodable(scan, measured)
        if spec.min_clients:
            measured = marked(measured, spec.min_clients, drop=spec.low_data == "drop")
        if spec.scale:
            measured = scaled(measured, self._sampled(restricted))
            if self.findings:
                return None
        return self._made(scan, alone(measured))

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
        """How many of the hundred sample ids pass the filters on them; 100 after a finding."""
        passed = frozenset(range(100))
        for reference, source, _ in restricted:
            if source.expression == self.source.node("sample_id"):
                passed &= sample_ids(self.spec.filters[reference])
        if 0 < len(passed) < 100:
            self.notes.append(f"counts are those of {len(passed)}% of clients, scaled to all")
            return len(passed)
        self._report(
            "nothing-to-scale",
            "`scale` needs a filter by `sample_id`, which says what sample the counts are of",
            ("scale",),
            "add `sample_id: {lt: 10}` to `filters` for a tenth of all clients, or leave out `scale`",
        )
        return 100

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
        wanted = spec.fields or (("histogram",) if spec.histogram else (self.source.client_id,))
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
