"""The measures: for each, the stages from the scan to its rows. A new one is a function and a template.

to_histograms → histograms → [client_days] → clients → buckets → shares → percentiles | distribution
to_histograms → samples → totals → summary
pings → counts
pings → [decodable → fields] → rows
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from sqlglot import exp

from querygen import plan
from querygen.catalog import Column
from querygen.facts import Facts
from querygen.plan import Comment, OutputColumn, Stage
from querygen.scan import Scan, aliased
from querygen.sqltext import Node, column, is_given, literal, name, path, text
from querygen.units import converted

LARGEST_COUNT = 2**40  # GLAM's cap: larger counts are corrupt
TOLERANCE = "1e-9"  # a share this close to a percentile has reached it, so that engines agree at ties

_GROUP_COUNTS = (OutputColumn("n_clients", "INT64"), OutputColumn("n_samples", "INT64"))


@dataclass(frozen=True)
class Measured:
    """The stages of a measure and what they give.

    Attributes:
        columns: of the result, the dimensions first.
        key: the columns beside the dimensions that identify a row.
        order: what rows are ordered by after the dimensions.
    """

    stages: list[Stage]
    columns: list[OutputColumn]
    key: tuple[str, ...] = ()
    order: tuple[Node, ...] = ()


@dataclass(frozen=True)
class RowField:
    """A field of `measure: pings`: a column of the scan, or an expression over the histogram's text."""

    name: str
    type: str
    source: Column | None = None
    decoded: Node | None = None


def percentiles(scan: Scan, facts: Facts, unit: Fraction) -> Measured:
    """The lowest bucket whose cumulative share reaches each percentile."""
    interpolated = scan.spec.percentile_method == "interpolated"
    lowest, kind = converted(exp.Min(this=column("bucket")), unit)
    if interpolated:
        lowest, kind = _interpolated(facts.bounds, unit), "FLOAT64"
    asked = [literal(p, "FLOAT64") for p in scan.spec.percentiles_or_default]
    inside = ", here the place inside that bucket" if interpolated else ""
    overflow = None if facts.overflow is None else literal(facts.overflow, "INT64")
    known = " at_least marks the open-ended last bucket." if overflow else ""
    final = plan.Percentiles(
        sentence=Comment(
            f"A percentile is the lowest bucket whose cumulative share reaches it{inside}.{known}"
        ),
        dimensions=scan.names,
        percentiles=exp.Array(expressions=asked),
        tolerance=exp.Literal.number(TOLERANCE),
        value=lowest,
        at_least=exp.GTE(this=exp.Min(this=column("bucket")), expression=overflow) if overflow else None,
    )
    output = [OutputColumn("percentile", "FLOAT64"), OutputColumn("value", kind)]
    output += [OutputColumn("at_least", "BOOL")] if overflow else []
    stages = _weighed(scan, facts)
    stages += [_shares(scan, stages[-1].cte, cumulative=True, own=interpolated), final]
    return Measured(
        stages, [*scan.outputs, *output, *_GROUP_COUNTS], ("percentile",), (column("percentile"),)
    )


def _interpolated(bounds: tuple[int, ...], unit: Fraction) -> Node:
    """Where in its bucket a percentile stands if the samples in it are spread evenly.

    The least over all buckets that reach the percentile: in higher ones no place lies lower. The last
    bucket, which is open-ended, gives its lower bound.
    """
    bucket = column("bucket")
    above = exp.Literal.number(0)
    ifs = [
        exp.If(
            this=exp.LT(this=bucket.copy(), expression=literal(high, "INT64")),
            true=exp.Sub(this=literal(high, "INT64"), expression=bucket.copy()),
        )
        for high in bounds
    ]
    width = exp.Case(ifs=ifs, default=above)
    beyond = exp.Paren(this=exp.Sub(this=column("cumulative_share"), expression=column("percentile")))
    reached = exp.Sub(
        this=exp.Literal.number("1.0"), expression=exp.Div(this=beyond, expression=column("share"))
    )
    inside = exp.Greatest(
        this=exp.Literal.number("0.0"),
        expressions=[exp.Least(this=exp.Literal.number("1.0"), expressions=[reached])],
    )
    place = exp.Add(this=bucket, expression=exp.Mul(this=width, expression=inside))
    value, _ = converted(exp.Min(this=place), unit)
    return value


def distribution(scan: Scan, facts: Facts, unit: Fraction) -> Measured:
    """Each bucket's count and share."""
    bucket, kind = converted(column("bucket"), unit)
    names = [exp.If(this=literal(bound, "INT64"), true=text(label)) for bound, label in facts.labels]
    label = exp.Case(this=column("bucket"), ifs=names) if names else None
    final = plan.Distribution(
        sentence=Comment(
            "One row per bucket that the probe has."
            if scan.spec.buckets != "observed" or scan.spec.prior
            else "One row per bucket that has samples."
        ),
        dimensions=scan.names,
        bucket=aliased(bucket, "bucket"),
        label=label,
    )
    count = "INT64" if scan.spec.normalization == "none" else "FLOAT64"
    output = [OutputColumn("bucket", kind)]
    output += [OutputColumn("label", "STRING")] if label is not None else []
    output += [OutputColumn("count", count), OutputColumn("share", "FLOAT64")]
    stages = _weighed(scan, facts)
    stages += [_shares(scan, stages[-1].cte, cumulative=False, own=False), final]
    return Measured(stages, [*scan.outputs, *output, *_GROUP_COUNTS], ("bucket",), (column("bucket"),))


def _weighed(scan: Scan, facts: Facts) -> list[Stage]:
    """From the scan to one row per group and bucket; a scalar's buckets are the clients' numbers."""
    return _tallied(scan) if scan.is_number else [*_buckets(scan), *_filled(scan, facts.bounds)]


def _filled(scan: Scan, bounds: tuple[int, ...]) -> list[Stage]:
    """A row for each bucket that the probe has, where all are asked for, or smoothed by a prior."""
    has_prior = scan.spec.prior == "dirichlet"
    all_asked = scan.spec.buckets != "observed" and scan.spec.measure == "distribution"
    if not all_asked and not has_prior:
        return []
    empty = [
        exp.Struct(
            expressions=[
                exp.alias_(literal(bound, "INT64"), "bucket"),
                exp.alias_(exp.false(), "observed"),
            ]
        )
        for bound in bounds
    ]
    smoothed = " and begins with an equal part of one vote" if has_prior else ""
    return [
        plan.Filled(
            sentence=Comment(f"Each bucket that the probe has is there, observed or not{smoothed}."),
            dimensions=scan.names,
            empty=exp.Array(expressions=empty),
            prior=literal(1 / len(bounds), "FLOAT64") if has_prior else None,
        )
    ]


def summary(scan: Scan, facts: Facts, unit: Fraction) -> Measured:
    """Count, sum and mean."""
    if scan.is_number:
        return _summary_of_numbers(scan)
    by_day = scan.spec.normalization == "client_day"
    votes = scan.spec.normalization != "none"
    stages, passed = scan.to_histograms(_client_columns(scan, with_unidentified=False))
    per = "client and day" if by_day else "client"
    stages.append(
        plan.Samples(
            sentence=Comment("Each histogram's number of samples and their sum."),
            source=name(stages[-1].cte),
            columns=passed,
            is_text=scan.is_text,
        )
    )
    stages += _cubed(scan, stages[-1], (*passed, column("n_samples"), column("sum")))
    total, _ = converted(exp.Sum(this=exp.cast(column("sum"), "DOUBLE")), unit)
    stages.append(
        plan.Totals(
            sentence=Comment(f"The same per {per}. Histograms without a valid sample contribute nothing."),
            source=name(stages[-1].cte),
            dimensions=scan.names,
            by_day=by_day,
            sum=total,
        )
    )
    weighed = f"each {per} is scaled to one sample" if votes else "every sample counts once"
    stages.append(
        plan.Summary(
            sentence=Comment(f"Count, sum and mean, within {scan.group}; {weighed}."),
            dimensions=scan.names,
            votes=votes,
        )
    )
    kinds = {"count": "INT64", "sum": "FLOAT64", "mean": "FLOAT64", "n_clients": "INT64"}
    return Measured(stages, scan.outputs + [OutputColumn(n, kind) for n, kind in kinds.items()])


def _numbers(scan: Scan) -> list[Stage]:
    """From the scan to one row per client and group, with the sum of its scalar."""
    stages, passed = scan.to_histograms(_client_columns(scan, with_unidentified=False))
    stages += _cubed(scan, stages[-1], (*passed, column("recorded")))
    stages.append(
        plan.Numbers(
            sentence=Comment("Each client's number: the sum over its pings. Impossible values are dropped."),
            source=name(stages[-1].cte),
            dimensions=scan.names,
            largest_value=literal(LARGEST_COUNT, "INT64"),
        )
    )
    return stages


def _tallied(scan: Scan) -> list[Stage]:
    sentence = Comment("How many clients have each number. Every client counts once.")
    return [*_numbers(scan), plan.Tallies(sentence=sentence, dimensions=scan.names)]


def _summary_of_numbers(scan: Scan) -> Measured:
    sentence = Comment(f"Clients, sum and mean of their numbers, within {scan.group}.")
    stages = [*_numbers(scan), plan.TotalsOfNumbers(sentence=sentence, dimensions=scan.names)]
    kinds = {
        "count": "INT64", "sum": "FLOAT64", "mean": "FLOAT64", "share_above_zero": "FLOAT64",
        "n_clients": "INT64",
    }  # fmt: skip
    return Measured(stages, scan.outputs + [OutputColumn(n, kind) for n, kind in kinds.items()])


def counts(scan: Scan, facts: Facts, unit: Fraction) -> Measured:
    """Clients and pings."""
    client = ("client_id", scan.own(scan.source.client_id, "STRING"))
    stages: list[Stage] = []
    made_later = [d for d in scan.dimensions if d.source is None]
    if made_later:
        stages, _ = scan.to_histograms([client])
        stages = [stage for stage in stages if not isinstance(stage, plan.Decodable)]
    else:
        stages = [scan.pings([client])]
    stages += _cubed(scan, stages[-1], (*scan.names, column("client_id")))
    stages.append(
        plan.Counts(
            sentence=Comment(f"Clients and pings, {scan.group}."),
            dimensions=scan.names,
            source=name(stages[-1].cte),
        )
    )
    output = [OutputColumn("n_clients", "INT64"), OutputColumn("n_pings", "INT64")]
    return Measured(stages, scan.outputs + output)


def pings(scan: Scan, fields: list[RowField]) -> Measured:
    """The fields asked for, one row per ping."""
    output = [OutputColumn(f.name, f.type) for f in fields]
    columns = tuple(column(f.name) for f in fields)
    decodes = any(f.decoded is not None for f in fields)
    extra = [(f.name, f.source) for f in fields if f.source is not None]
    recorded = scan.asked[0].recording if scan.asked else None
    plain = tuple(column(alias) for alias, _ in extra)
    if decodes and recorded:
        extra.append(("recorded", Column(scan.source.node(recorded.path), "STRING", recorded.needs)))
    stages: list[Stage] = [scan.pings(extra)]
    if decodes:
        stages.append(
            plan.Decodable(
                sentence=Comment("Only strings of the forms that Firefox writes can be decoded."),
                source=name("pings"),
                columns=plain,
            )
        )
        stages.append(
            plan.Fields(
                sentence=Comment("The fields asked for."),
                source=name("decodable"),
                columns=tuple(
                    exp.alias_(f.decoded, name(f.name)) if f.decoded is not None else column(f.name)
                    for f in fields
                ),
            )
        )
    limited = f"At most {scan.spec.limit} pings" if scan.spec.limit else "The pings"
    stages.append(
        plan.Rows(
            sentence=Comment(f"{limited}, in the order of the fields, so that every run shows the same."),
            source=name(stages[-1].cte),
            columns=columns,
        )
    )
    return Measured(stages, output, order=columns)


MEASURES: dict[str, Callable[[Scan, Facts, Fraction], Measured]] = {
    "percentiles": percentiles,
    "distribution": distribution,
    "summary": summary,
    "counts": counts,
}


def marked(measured: Measured, min_clients: int, *, drop: bool) -> Measured:
    """The same rows, those of few clients marked, or dropped and counted."""
    few = f"fewer than {min_clients} clients"
    sentence = f"Rows of {few} are dropped; n_dropped is how many." if drop else f"low_data marks {few}."
    stage = plan.Marked(
        sentence=Comment(sentence),
        source=name(measured.stages[-1].cte),
        columns=tuple(column(c.name) for c in measured.columns),
        min_clients=literal(min_clients, "INT64"),
        drop=drop,
    )
    last = OutputColumn("n_dropped", "INT64") if drop else OutputColumn("low_data", "BOOL")
    return Measured([*measured.stages, stage], [*measured.columns, last], measured.key, measured.order)


def scaled(measured: Measured, sampled: int) -> Measured:
    """The same rows with counts scaled from `sampled` of a hundred sample ids to all of them."""
    columns: list[Node] = []
    for output in measured.columns:
        node = column(output.name)
        if output.name not in _COUNTS:
            columns.append(node)
            continue
        by = Fraction(100, sampled)
        if by.denominator == 1:
            value: Node = exp.Mul(this=node, expression=literal(by.numerator, "INT64"))
        else:
            value, _ = converted(node, by)
            if output.type == "INT64":
                value = exp.cast(exp.Round(this=value), "INT64")
        columns.append(aliased(value, output.name))
    stage = plan.Scaled(
        sentence=Comment(f"Counts of {sampled} sample ids of 100, scaled to all clients."),
        source=name(measured.stages[-1].cte),
        columns=tuple(columns),
    )
    return Measured([*measured.stages, stage], measured.columns, measured.key, measured.order)


_COUNTS = frozenset({"n_clients", "n_samples", "n_pings", "count", "sum"})


def _client_columns(scan: Scan, *, with_unidentified: bool) -> list[tuple[str, Column]]:
    """The columns that tell clients (and days) apart; pings without a client id have no vote."""
    source, normalization = scan.source, scan.spec.normalization
    client = scan.own(source.client_id, "STRING")
    columns = [("client_id", client)]
    if normalization == "client_day":
        day = exp.Date(this=source.node(source.timestamp))
        columns.append(("day", Column(day, "DATE", (source.timestamp,))))
    elif normalization == "none" and with_unidentified:
        columns.append(("submission_timestamp", scan.own(source.timestamp, "TIMESTAMP")))
    if normalization != "none" or scan.is_number:
        scan.predicates.append(is_given(client.node))
    return columns


def _buckets(scan: Scan) -> list[Stage]:
    """From the scan to one row per group and bucket."""
    normalization = scan.spec.normalization
    by_day = normalization == "client_day"
    stages, passed = scan.to_histograms(_client_columns(scan, with_unidentified=True))
    cap = literal(LARGEST_COUNT, "INT64")
    stages.append(
        plan.Histograms(
            sentence=Comment("Each histogram as an array of keys and counts."),
            source=name(stages[-1].cte),
            columns=passed,
            is_text=scan.is_text,
        )
    )
    stages += _cubed(scan, stages[-1], (*passed, column("buckets")))
    dropped = "Empty buckets and impossible counts are dropped."
    if by_day:
        stages.append(
            plan.ClientDays(
                sentence=Comment(f"Each client's samples of a day. {dropped}"),
                source=name(stages[-1].cte),
                dimensions=scan.names_beside_entries(stages[-1].cte),
                largest_count=cap,
            )
        )
    together = "Each client's samples together"
    alone = " A ping without a client id stands for itself." if normalization == "none" else ""
    stages.append(
        plan.Clients(
            sentence=Comment(
                f"{together}, each with its share of its day." if by_day else f"{together}. {dropped}{alone}"
            ),
            source=name(stages[-1].cte),
            dimensions=scan.names_beside_entries(stages[-1].cte),
            largest_count=cap,
            from_days=by_day,
            unidentified=normalization == "none",
        )
    )
    votes = {
        "none": "Every sample counts once.",
        "client": "Every client has one vote, divided among its buckets by its samples.",
        "client_day": "Every client has one vote per day, divided among its buckets by samples.",
    }[normalization]
    stages.append(
        plan.Buckets(
            sentence=Comment(f"One row per bucket. {votes} A client is counted at its first entry."),
            dimensions=scan.names_beside_entries(plan.Clients.name),
            votes_per_client=normalization == "client",
            votes_per_day=by_day,
        )
    )
    return stages


def _cubed(scan: Scan, before: Stage, passed: tuple[Node, ...]) -> list[Stage]:
    """With `cube`, each row also in the groups of all values (`*`) of one or more dimensions.

    Before clients are taken together, so that each has one vote in every `*` row, too.
    """
    if not scan.spec.cube or not scan.dimensions:
        return []
    dimensions = {d.name for d in scan.dimensions}
    columns: list[Node] = []
    for passed_column in passed:
        if passed_column.name in dimensions:
            as_text = exp.cast(passed_column.copy(), "STRING")
            either = exp.If(this=path(f"cell.all_{passed_column.name}"), true=text("*"), false=as_text)
            columns.append(aliased(either, passed_column.name))
        else:
            columns.append(passed_column)
    cells = [
        exp.Struct(
            expressions=[
                exp.alias_(exp.true() if is_all else exp.false(), f"all_{d.name}")
                for d, is_all in zip(scan.dimensions, combination, strict=True)
            ]
        )
        for combination in itertools.product((False, True), repeat=len(scan.dimensions))
    ]
    words = "Each row in its own group, and in those of all values, which are called *."
    return [
        plan.Cubed(
            sentence=Comment(words), source=name(before.cte), columns=tuple(columns), cells=tuple(cells)
        )
    ]


def _shares(scan: Scan, source: str, *, cumulative: bool, own: bool) -> plan.Shares:
    what = "The share of votes at or below each bucket" if cumulative else "Each bucket's share of the votes"
    return plan.Shares(
        sentence=Comment(f"{what}, within {scan.group}; clients and samples of the whole group."),
        source=name(source),
        dimensions=scan.names,
        partition=scan.partition,
        weight=column("smoothed" if scan.spec.prior else "votes"),
        cumulative=cumulative,
        own=own,
    )


def decoded_field(field: str) -> Node:
    """The expression for a field of the decoded histogram, such as `sum`."""
    function = field if field == "histogram_type" else f"histogram_{field.removeprefix('n_')}"
    call = exp.Anonymous(this=function, expressions=[path("histogram_text")])
    return exp.Dot(this=exp.to_identifier("querygen"), expression=call)
