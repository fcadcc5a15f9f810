"""Resolve: `Spec` + `Catalog` becomes `Plan`. All decisions about the SQL are made here, none in a template.

The stages, in the order of the thought:

    pings → decodable → histograms → [client_days] → clients → buckets → shares → percentiles | distribution
                      → samples → totals → summary
          → [fields] → rows
          → counts
"""

import datetime as dt
from dataclasses import dataclass, field

from sqlglot import exp

from querygen import VERSION, plan
from querygen.catalog import Catalog, Column, SourceTable
from querygen.dimensions import DimensionResolver, ResolvedDimension, compile_filters, operators
from querygen.errors import Diagnostic, QuerygenError, similar_name_help
from querygen.filters import FilterCompiler, is_bounded
from querygen.plan import Comment, OutputColumn, Plan, Stage
from querygen.spec import HISTOGRAM_FIELDS, DeclaredSource, Spec
from querygen.sqltext import NAME, Node, column, literal, name, path, table

LARGEST_COUNT = 2**40  # GLAM's cap: larger counts are corrupt
TOLERANCE = "1e-9"  # a share this close to a percentile has reached it, so that engines agree at ties

_FIELD_TYPES = {"histogram": "STRING"}  # the others of HISTOGRAM_FIELDS are INT64


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
    resolver = _Resolver(spec, source, today)
    made = resolver.plan()
    if resolver.findings:
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
            help=similar_name_help(known, catalog.tables, "a table")
            or f"write {{table: {known}, like: …}} for a table shaped like {' or '.join(catalog.tables)}",
        )
    if isinstance(spec.source, DeclaredSource):
        return catalog.like(spec.source.table, known) or found
    return found


@dataclass
class _Resolver:
    """Works through one spec, collecting findings instead of stopping at the first."""

    spec: Spec
    source: SourceTable
    today: dt.date | None
    findings: list[Diagnostic] = field(default_factory=list)

    def plan(self) -> Plan:
        spec = self.spec
        filters = FilterCompiler(self.today or spec.today, self.findings.append)
        columns = DimensionResolver(self.source, filters, self.findings.append)
        dimensions = columns.dimensions(spec.dimensions)
        restricted = compile_filters(spec.filters, columns.column, filters)
        histogram = self._histogram()
        self._check_dates(restricted)
        predicates = [test for _, source, tests in restricted for test in tests if self._on_partition(source)]
        predicates += [
            test for _, source, tests in restricted for test in tests if not self._on_partition(source)
        ]
        needs = [need for _, source, _ in restricted for need in source.needs]
        needs += [need for dimension in dimensions for need in dimension.source.needs]
        if histogram is not None:
            predicates.append(_is_given(histogram.node))
            needs += histogram.needs
        scan = _Scan(self, dimensions, histogram, predicates, needs, columns)
        stages, output = getattr(scan, spec.measure or "distribution")()
        key = [d.name for d in dimensions] + [
            c for c in ("percentile", "bucket") if c in (o.name for o in output)
        ]
        return Plan(
            header=self._header(dimensions),
            table=self.source.table,
            like=self.source.known_as,
            needs=tuple(dict.fromkeys(scan.needs)),
            stages=tuple(stages),
            columns=tuple(output),
            key=tuple(key) if spec.measure != "pings" else (),
        )

    def _histogram(self) -> Column | None:
        """The probe's column, by its name or its path."""
        wanted = self.spec.histogram
        if wanted is None:
            return None
        place = wanted if "." in wanted else f"{self.source.histograms}.{wanted}"
        found = self.source.schema.resolve(place)
        if found is None:
            near = [
                p.rsplit(".", 1)[-1].upper() if "." not in wanted else p
                for p in self.source.schema.nearest(place)
            ]
            help_ = None
            if near:
                names = ", ".join(f"`{n}`" for n in near)
                help_ = (
                    f"a probe with a similar name exists: {names}"
                    if len(near) == 1
                    else f"the nearest probes are {names}"
                )
            elif "." not in wanted and not NAME.fullmatch(wanted):
                help_ = "a probe's name has letters, digits and underscores"
            self._report(
                "unknown-histogram", f"{self.source.table} has no histogram `{wanted}`", "histogram", help_
            )
            return None
        spelling, column_ = found
        if column_.type != "STRING" or column_.repeated:
            self._report(
                "not-a-histogram",
                f"`{wanted}` is no histogram: its column {spelling} is {column_.bigquery_type()}",
                "histogram",
                "a histogram of telemetry.main is a STRING column",
            )
            return None
        return Column(path(spelling), "STRING", (spelling,))

    def _on_partition(self, source: Column) -> bool:
        return source.needs == (self.source.timestamp,)

    def _check_dates(self, restricted: list[tuple[str, Column, list[Node]]]) -> None:
        """A query must say which days it reads: BigQuery refuses, or bills, a scan of all."""
        on_partition = [reference for reference, source, _ in restricted if self._on_partition(source)]
        if self.spec.allow_full_scan or any(
            is_bounded(self.spec.filters[reference]) for reference in on_partition
        ):
            return
        if on_partition:
            self._report(
                "unbounded-dates",
                f"the range of `{on_partition[0]}` is open at one end: all days beyond it would be scanned",
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

    def _report(
        self,
        code: str,
        message: str,
        loc: str | tuple[str | int, ...],
        help_: str | None,
        *,
        at_key: bool = False,
    ) -> None:
        place = (loc,) if isinstance(loc, str) else loc
        self.findings.append(
            Diagnostic(code, message, loc=place, help=help_, at_key=at_key or place == ("filters",))
        )

    def _header(self, dimensions: tuple[ResolvedDimension, ...]) -> tuple[Comment, ...]:
        spec = self.spec
        by = " by " + " and ".join(d.name for d in dimensions) if dimensions else ""
        measure = spec.measure or ""
        what = (
            spec.histogram.upper()
            if spec.histogram and "." not in spec.histogram
            else spec.histogram or "clients and pings"
        )
        title = spec.title or (
            f"{measure.capitalize()} of {what}{by}" if spec.histogram else f"Clients and pings{by}"
        )
        # Redash turns what stands before a colon or between commas of a first comment into job labels.
        lines = [title.replace(":", " -").replace(",", " and")]
        if spec.description:
            lines.append(spec.description)
        lines.append(f"Counted: {_counted(spec, bool(dimensions))}")
        if spec.filters:
            lines.append("Filters: " + "; ".join(f"{k} {operators(v)}" for k, v in spec.filters.items()))
        chart = _chart(spec, dimensions)
        if chart:
            lines.append(f"Chart in STMO: {chart}")
        lines.append(f"Made with querygen {VERSION}")
        return tuple(map(Comment, lines))


@dataclass
class _Scan:
    """The stages of each measure, from the scan on."""

    resolver: _Resolver
    dimensions: tuple[ResolvedDimension, ...]
    histogram: Column | None
    predicates: list[Node]
    needs: list[str]
    columns: DimensionResolver

    Stages = tuple[list[Stage], list[OutputColumn]]

    @property
    def _names(self) -> tuple[Node, ...]:
        return tuple(column(d.name) for d in self.dimensions)

    @property
    def _outputs(self) -> list[OutputColumn]:
        return [OutputColumn(d.name, d.source.type) for d in self.dimensions]

    @property
    def _order(self) -> tuple[Node, ...]:
        return tuple(d.order for d in self.dimensions)

    @property
    def _group(self) -> str:
        return "each " + " and ".join(d.name for d in self.dimensions) if self.dimensions else "all together"

    def _pings(self, extra: list[tuple[str, Column]], sentence: str | None = None) -> plan.Pings:
        source = self.resolver.source
        wanted = [(d.name, d.source) for d in self.dimensions] + extra
        self.needs += [need for _, made in wanted for need in made.needs]
        passed = "that pass the filters" if self.predicates else "of all days"
        carries = " and carry the histogram" if self.histogram else ""
        return plan.Pings(
            sentence=Comment(sentence or f"The pings of {source.table} {passed}{carries}."),
            table=table(source.table),
            columns=tuple(_aliased(made.node, alias) for alias, made in wanted),
            predicates=tuple(self.predicates),
        )

    def _own(self, dotted: str, kind: str) -> Column:
        return Column(path(dotted), kind, (dotted,))

    def _decoded(self, *, with_day: bool) -> tuple[list[Stage], tuple[Node, ...]]:
        """The scan and the guard, for measures over histograms; and the columns they pass on."""
        source, spec = self.resolver.source, self.resolver.spec
        client = self._own(source.client_id, "STRING")
        extra = [("client_id", client)]
        passed = [*self._names, column("client_id")]
        if with_day:
            day = exp.Date(this=path(source.timestamp))
            extra.append(("day", Column(day, "DATE", (source.timestamp,))))
            passed.append(column("day"))
        elif spec.normalization == "none" and spec.measure != "summary":
            extra.append(("submission_timestamp", self._own(source.timestamp, "TIMESTAMP")))
            passed.append(column("submission_timestamp"))
        if spec.normalization != "none":
            self.predicates.append(_is_given(client.node))
        if self.histogram:
            extra.append(("histogram", self.histogram))
        pings = self._pings(extra)
        guard = plan.Decodable(
            sentence=Comment(
                "Strings of the forms that Firefox writes; others become NULL and contribute nothing."
            ),
            columns=tuple(passed),
        )
        return [pings, guard], tuple(passed)

    def _buckets(self) -> list[Stage]:
        """From the scan to one row per group and bucket."""
        spec = self.resolver.spec
        by_day = spec.normalization == "client_day"
        stages, passed = self._decoded(with_day=by_day)
        cap = literal(LARGEST_COUNT, "INT64")
        stages.append(
            plan.Histograms(
                sentence=Comment("Each histogram as an array of keys and counts."), columns=passed
            )
        )
        if by_day:
            stages.append(
                plan.ClientDays(
                    sentence=Comment(
                        "Each client's samples of a day. Empty buckets and impossible counts are dropped."
                    ),
                    dimensions=self._names,
                    largest_count=cap,
                )
            )
        dropped = "" if by_day else " Empty buckets and impossible counts are dropped."
        alone = " A ping without a client id stands for itself." if spec.normalization == "none" else ""
        vote = ", each with its share of its day" if by_day else ""
        stages.append(
            plan.Clients(
                sentence=Comment(f"Each client's samples together{vote}.{dropped}{alone}"),
                dimensions=self._names,
                largest_count=cap,
                from_days=by_day,
                unidentified=spec.normalization == "none",
            )
        )
        votes = {
            "none": "Every sample counts once.",
            "client": "Every client has one vote, divided among its buckets by its samples.",
            "client_day": "Every client has one vote per day, divided among its buckets by samples.",
        }[spec.normalization]
        stages.append(
            plan.Buckets(
                sentence=Comment(f"One row per bucket. {votes} A client is counted at its first entry."),
                dimensions=self._names,
                votes_per_client=spec.normalization == "client",
                votes_per_day=by_day,
            )
        )
        return stages

    def _shares(self, *, cumulative: bool) -> plan.Shares:
        what = (
            "The share of votes at or below each bucket" if cumulative else "Each bucket's share of the votes"
        )
        return plan.Shares(
            sentence=Comment(f"{what}, within {self._group}; clients and samples of the whole group."),
            dimensions=self._names,
            cumulative=cumulative,
        )

    def percentiles(self) -> Stages:
        spec = self.resolver.spec
        final = plan.Percentiles(
            sentence=Comment("A percentile is the lowest bucket whose cumulative share reaches it."),
            dimensions=self._names,
            order=self._order,
            percentiles=exp.Array(expressions=[literal(p, "FLOAT64") for p in spec.percentiles_or_default]),
            tolerance=exp.Literal.number(TOLERANCE),
        )
        output = [OutputColumn("percentile", "FLOAT64"), OutputColumn("value", "INT64"), *_GROUP_COUNTS]
        return [*self._buckets(), self._shares(cumulative=True), final], self._outputs + output

    def distribution(self) -> Stages:
        count = "INT64" if self.resolver.spec.normalization == "none" else "FLOAT64"
        final = plan.Distribution(
            sentence=Comment("One row per bucket that has samples."),
            dimensions=self._names,
            order=self._order,
        )
        output = [
            OutputColumn("bucket", "INT64"),
            OutputColumn("count", count),
            OutputColumn("share", "FLOAT64"),
        ]
        return [*self._buckets(), self._shares(cumulative=False), final], self._outputs + output + list(
            _GROUP_COUNTS
        )

    def summary(self) -> Stages:
        spec = self.resolver.spec
        by_day, votes = spec.normalization == "client_day", spec.normalization != "none"
        stages, passed = self._decoded(with_day=by_day)
        per = "client and day" if by_day else "client"
        stages.append(
            plan.Samples(sentence=Comment("Each ping's number of samples and their sum."), columns=passed)
        )
        stages.append(
            plan.Totals(
                sentence=Comment(f"The same per {per}. Pings without a valid sample contribute nothing."),
                dimensions=self._names,
                by_day=by_day,
            )
        )
        weighed = f"each {per} is scaled to one sample" if votes else "every sample counts once"
        stages.append(
            plan.Summary(
                sentence=Comment(f"Count, sum and mean, within {self._group}; {weighed}."),
                dimensions=self._names,
                order=self._order,
                votes=votes,
            )
        )
        kinds = {"count": "INT64", "sum": "FLOAT64", "mean": "FLOAT64", "n_clients": "INT64"}
        return stages, self._outputs + [OutputColumn(n, kind) for n, kind in kinds.items()]

    def counts(self) -> Stages:
        client = self._own(self.resolver.source.client_id, "STRING")
        final = plan.Counts(
            sentence=Comment(f"Clients and pings, {self._group}."), dimensions=self._names, order=self._order
        )
        output = [OutputColumn("n_clients", "INT64"), OutputColumn("n_pings", "INT64")]
        return [self._pings([("client_id", client)]), final], self._outputs + output

    def pings(self) -> Stages:
        spec = self.resolver.spec
        wanted = spec.fields or (("histogram",) if spec.histogram else ("client_id",))
        extra: list[tuple[str, Column]] = []
        output: list[OutputColumn] = []
        made: list[Node] = []
        for i, reference in enumerate(wanted):
            found = self._field(reference, i)
            if found is None:
                continue
            alias, kind, source, decoded = found
            if source is not None:
                extra.append((alias, source))
            made.append(decoded if decoded is not None else column(alias))
            output.append(OutputColumn(alias, kind))
        decodes = any(isinstance(node, exp.Alias) for node in made)
        names = [o.name for o in output]
        for twice in {n for n in names if names.count(n) > 1}:
            self.resolver._report(
                "duplicate-field", f"two fields are called `{twice}`", "fields", "leave one out"
            )
        plain = tuple(column(alias) for alias, _ in extra)
        if decodes and self.histogram and "histogram" not in names:
            extra.append(("histogram", self.histogram))
        stages: list[Stage] = [self._pings(extra)]
        if decodes:
            stages.append(
                plan.Decodable(
                    sentence=Comment(
                        "Only strings of the forms that Firefox writes can be decoded; others become NULL."
                    ),
                    columns=plain,
                )
            )
            stages.append(plan.Fields(sentence=Comment("The fields asked for."), columns=tuple(made)))
        limited = f"At most {spec.limit} pings" if spec.limit else "The pings"
        stages.append(
            plan.Rows(
                sentence=Comment(f"{limited}, in the order of the fields, so that every run shows the same."),
                dimensions=(),
                order=tuple(column(n) for n in names),
                source=name(stages[-1].name),
                columns=tuple(column(n) for n in names),
                limit=literal(spec.limit, "INT64") if spec.limit else None,
            )
        )
        return stages, output

    def _field(self, reference: str, i: int) -> tuple[str, str, Column | None, Node | None] | None:
        """(name in the result, type, column of the scan, expression over the decoded text) of one field."""
        key = reference.lower()
        if key in HISTOGRAM_FIELDS:
            if self.histogram is None:
                if self.resolver.spec.histogram is None:
                    self.resolver._report(
                        "no-histogram",
                        f"the field `{reference}` needs a `histogram`",
                        ("fields", i),
                        "add `histogram: NAME`",
                    )
                return None
            if key == "histogram":
                return key, "STRING", self.histogram, None
            function = "histogram_type" if key == "histogram_type" else f"histogram_{key.removeprefix('n_')}"
            call = exp.Dot(
                this=exp.to_identifier("querygen"),
                expression=exp.Anonymous(this=function, expressions=[column("histogram_text")]),
            )
            return key, "INT64", None, exp.alias_(call, name(key))
        found = self.columns.column(reference, ("fields", i))
        last = reference.rsplit(".", 1)[-1].lower()
        return (last, found.type, found, None) if found else None


_GROUP_COUNTS = (OutputColumn("n_clients", "INT64"), OutputColumn("n_samples", "INT64"))


def _is_given(node: Node) -> Node:
    return exp.Not(this=exp.Is(this=node, expression=exp.null()))


def _aliased(node: Node, alias: str) -> Node:
    if isinstance(node, exp.Column) and node.sql() == alias:
        return node
    return exp.Alias(this=node, alias=name(alias))


def _counted(spec: Spec, grouped: bool) -> str:
    group = " within each group" if grouped else ""
    if spec.measure == "pings":
        return "nothing; each row is one ping"
    if spec.measure == "counts":
        return "distinct client ids and pings; pings without a client id are in n_pings only"
    words = {
        "none": "every recorded sample once",
        "client": f"one vote per client{group}; pings without a client id have none",
        "client_day": f"one vote per client and submission day{group}; pings without a client id have none",
    }[spec.normalization]
    return f"{words}. n_clients has a sample in the group. n_samples is what they recorded"


def _chart(spec: Spec, dimensions: tuple[ResolvedDimension, ...]) -> str | None:
    """The settings of the chart that shows this result in STMO."""
    names = [d.name for d in dimensions]
    if spec.measure == "percentiles":
        if not names:
            return "type bar, x = percentile, y = value"
        rest = " and ".join(["percentile", *names[1:]])
        times = dimensions[0].source.type in ("DATE", "DATETIME", "TIMESTAMP")
        return f"type {'line' if times else 'bar'}, x = {names[0]}, y = value, series = {rest}"
    if spec.measure == "distribution":
        series = f", series = {' and '.join(names)}" if names else ""
        return f"type bar, x = bucket (as category, not sorted again), y = share{series}"
    if spec.measure in ("summary", "counts") and names:
        y = "mean" if spec.measure == "summary" else "n_clients"
        series = f", series = {' and '.join(names[1:])}" if names[1:] else ""
        times = dimensions[0].source.type in ("DATE", "DATETIME", "TIMESTAMP")
        return f"type {'line' if times else 'bar'}, x = {names[0]}, y = {y}{series}"
    return None
