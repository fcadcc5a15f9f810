"""The measures: for each, the stages from the scan to its rows. A new one is a function and a template.

to_histograms → histograms → [client_days] → clients → buckets → shares → percentiles | distribution
to_histograms → samples → totals → summary
to_histograms → histograms → clients → placed → … → compare
pings → counts
pings → [decodable → fields] → rows
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from sqlglot import exp

from querygen import plan
from querygen.catalog import Column
from querygen.comparisons import compare
from querygen.facts import Facts
from querygen.grouping import Measured, buckets, client_columns, cubed, filled, shares
from querygen.intervals import (
    Means,
    Units,
    lowest,
    margins,
    mean_limits,
    share_limits,
    share_reaches,
    spread,
    woodruff,
)
from querygen.numbers import summary_of_numbers, tallied
from querygen.plan import Comment, OutputColumn, Stage
from querygen.rates import rate
from querygen.scan import Scan, aliased
from querygen.sqltext import Node, column, literal, name, own_function, path, text
from querygen.units import converted

_GROUP_COUNTS = (OutputColumn("n_clients", "INT64"), OutputColumn("n_samples", "INT64"))


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
    has_limits = scan.spec.confidence is not None
    reaches = share_reaches(column("cumulative_share"), column("percentile"))
    bucket: Node = lowest(reaches) if has_limits else exp.Min(this=column("bucket"))
    value, kind = converted(bucket, unit)
    kind = scan.number_type if scan.is_number else kind
    if interpolated:
        value, kind = _interpolated(facts.bounds, unit), "FLOAT64"
    lower, upper = (
        (converted(limit, unit)[0] for limit in woodruff(column("percentile")))
        if has_limits
        else (None, None)
    )
    asked = [literal(p, "FLOAT64") for p in scan.spec.percentiles_or_default]
    inside = ", here the place inside that bucket" if interpolated else ""
    overflow = None if facts.overflow is None else literal(facts.overflow, "INT64")
    known = " at_least marks the open-ended last bucket." if overflow else ""
    stages = _weighed(scan, facts, cumulative=True)
    stages.append(shares(scan, stages[-1].cte, cumulative=True, own=interpolated))
    if has_limits:
        counts = ("bucket", "cumulative_share", "n_clients", "n_samples")
        stages.append(spread(scan, stages[-1], "cumulative_share", "freedom", *counts))
        stages.append(margins(scan, stages[-1], *counts))
    final = plan.Percentiles(
        sentence=Comment(
            f"A percentile is the lowest bucket whose cumulative share reaches it{inside}.{known}"
        ),
        source=name(stages[-1].cte),
        dimensions=scan.names,
        percentiles=exp.Array(expressions=asked),
        reaches=None if has_limits else reaches,
        value=value,
        at_least=exp.GTE(this=bucket.copy(), expression=overflow) if overflow else None,
        lower=lower and converted(lower, unit)[0],
        upper=upper and converted(upper, unit)[0],
    )
    output = [OutputColumn("percentile", "FLOAT64"), OutputColumn("value", kind)]
    output += [OutputColumn("at_least", "BOOL")] if overflow else []
    output += [OutputColumn("lower", kind), OutputColumn("upper", kind)] if has_limits else []
    return Measured(
        [*stages, final], [*scan.outputs, *output, *_GROUP_COUNTS], ("percentile",), (column("percentile"),)
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
    kind = scan.number_type if scan.is_number else kind
    names = [exp.If(this=literal(bound, "INT64"), true=text(label)) for bound, label in facts.labels]
    label = exp.Case(this=column("bucket"), ifs=names) if names else None
    has_limits = scan.spec.confidence is not None
    lower, upper = share_limits() if has_limits else (None, None)
    stages = _weighed(scan, facts, cumulative=False)
    stages.append(shares(scan, stages[-1].cte, cumulative=False, own=False))
    if has_limits:
        counted = ("bucket", "count", "share", "n_clients", "n_samples")
        stages.append(spread(scan, stages[-1], "share", "freedom", *counted))
        stages.append(margins(scan, stages[-1], *counted))
    final = plan.Distribution(
        sentence=Comment(
            "One row per bucket that the probe has."
            if scan.spec.buckets != "observed" or scan.spec.prior
            else "One row per bucket that has samples."
        ),
        source=name(stages[-1].cte),
        dimensions=scan.names,
        bucket=aliased(bucket, "bucket"),
        label=label,
        lower=lower,
        upper=upper,
    )
    count = "INT64" if scan.spec.normalization == "none" else "FLOAT64"
    output = [OutputColumn("bucket", kind)]
    output += [OutputColumn("label", "STRING")] if label is not None else []
    output += [OutputColumn("count", count), OutputColumn("share", "FLOAT64")]
    output += [OutputColumn("lower", "FLOAT64"), OutputColumn("upper", "FLOAT64")] if has_limits else []
    return Measured(
        [*stages, final], [*scan.outputs, *output, *_GROUP_COUNTS], ("bucket",), (column("bucket"),)
    )


def _weighed(scan: Scan, facts: Facts, *, cumulative: bool) -> list[Stage]:
    """From the scan to one row per group and bucket; a scalar's buckets are the clients' numbers."""
    if scan.is_number:
        return tallied(scan)
    stages = buckets(scan, cumulative=cumulative)
    return [*stages, *filled(scan, facts.bounds, stages[-1].cte)]


def summary(scan: Scan, facts: Facts, unit: Fraction) -> Measured:
    """Count, sum and mean."""
    if scan.is_number:
        return summary_of_numbers(scan)
    by_day = scan.spec.normalization == "client_day"
    votes = scan.spec.normalization != "none"
    has_limits = scan.spec.confidence is not None
    stages, passed = scan.to_histograms(client_columns(scan, with_unidentified=has_limits))
    per = "client and day" if by_day else "client"
    stages.append(
        plan.Samples(
            sentence=Comment("Each histogram's number of samples and their sum."),
            source=name(stages[-1].cte),
            columns=passed,
            is_text=scan.is_text,
        )
    )
    stages += cubed(scan, stages[-1], (*passed, column("n_samples"), column("sum")))
    total, _ = converted(exp.Sum(this=exp.cast(column("sum"), "DOUBLE")), unit)
    stages.append(
        plan.Totals(
            sentence=Comment(f"The same per {per}. Histograms without a valid sample contribute nothing."),
            source=name(stages[-1].cte),
            dimensions=scan.names,
            by_day=by_day,
            sum=total,
            unidentified=has_limits and not votes,
        )
    )
    kinds = {"count": "INT64", "sum": "FLOAT64", "mean": "FLOAT64", "n_clients": "INT64"}
    if has_limits:
        stages += _mean_intervals(scan)
        limits_ = {"lower": "FLOAT64", "upper": "FLOAT64"}
        kinds = {"count": "INT64", "sum": "FLOAT64", "mean": "FLOAT64", **limits_, "n_clients": "INT64"}
        return Measured(stages, scan.outputs + [OutputColumn(n, kind) for n, kind in kinds.items()])
    weighed = f"each {per} is scaled to one sample" if votes else "every sample counts once"
    stages.append(
        plan.Summary(
            sentence=Comment(f"Count, sum and mean, within {scan.group}; {weighed}."),
            dimensions=scan.names,
            votes=votes,
        )
    )
    return Measured(stages, scan.outputs + [OutputColumn(n, kind) for n, kind in kinds.items()])


def _mean_intervals(scan: Scan) -> list[Stage]:
    """From one row per client (and day) to the mean of each group with its limits."""
    votes = scan.spec.normalization != "none"
    units = Units(
        sentence=Comment("Clients are the independent units, whatever they count."),
        dimensions=scan.names,
        votes=votes,
    )
    means = Means(
        sentence=Comment(f"Count, sum and mean, within {scan.group}; and sums over clients for the limits."),
        dimensions=scan.names,
    )
    passed = ("count", "sum", "mean", "n_clients")
    errors = spread(scan, means, "mean", "freedom", *passed)
    within = margins(scan, errors, *passed)
    return [units, means, errors, within, mean_limits(scan, within, "n_clients")]


def counts(scan: Scan, facts: Facts, unit: Fraction) -> Measured:
    """Clients and pings."""
    client = ("client_id", scan.own(scan.source.client_id, "STRING"))
    stages: list[Stage] = []
    passed: tuple[Node, ...] = (*scan.names, column("client_id"))
    pings: Node = exp.Star()
    if scan.spec.has_samples:
        # A ping has several recordings where several processes or keys are asked for, and counts once.
        ping = ("ping_id", scan.own(scan.source.ping_id, "STRING"))
        several = len(scan.asked) > 1 or scan.is_keyed
        stages, passed = scan.to_histograms([client, ping] if several else [client])
        pings = exp.Distinct(expressions=[column("ping_id")]) if several else pings
        stages.append(_with_samples(scan, stages[-1], passed))
    elif any(d.source is None for d in scan.dimensions):
        stages, _ = scan.to_recorded([client])
    else:
        stages = [scan.pings([client])]
    stages += cubed(scan, stages[-1], passed)
    stages.append(
        plan.Counts(
            sentence=Comment(f"Clients and pings, {scan.group}."),
            dimensions=scan.names,
            source=name(stages[-1].cte),
            pings=exp.Count(this=pings),
        )
    )
    output = [OutputColumn("n_clients", "INT64"), OutputColumn("n_pings", "INT64")]
    return Measured(stages, scan.outputs + output)


def _with_samples(scan: Scan, before: Stage, columns: tuple[Node, ...]) -> plan.WithSamples:
    """Only rows whose recording has a sample; of scalars, a value above zero."""
    held: Node = column("recorded")
    if scan.is_text:
        held = own_function("querygen.histogram_samples", column("histogram_text"))
    elif not scan.is_number:
        held = own_function("querygen.distribution_samples", held)
    what = "a value above zero" if scan.is_number else "a sample"
    return plan.WithSamples(
        sentence=Comment(f"Those with {what}."),
        source=name(before.cte),
        columns=columns,
        has_samples=exp.GT(this=held, expression=literal(0, "INT64")),
    )


def pings(scan: Scan, fields: list[RowField]) -> Measured:
    """The fields asked for, one row per ping."""
    output = [OutputColumn(f.name, f.type) for f in fields]
    columns = tuple(column(f.name) for f in fields)
    decodes = any(f.decoded is not None for f in fields) or scan.spec.has_samples
    extra = [(f.name, f.source) for f in fields if f.source is not None]
    recorded = scan.asked[0].recording if scan.asked else None
    plain = tuple(column(alias) for alias, _ in extra)
    if decodes and recorded:
        extra.append(scan.recorded(recorded))
    stages: list[Stage] = [scan.pings(extra)]
    if scan.spec.has_samples and not scan.is_text:
        stages.append(_with_samples(scan, stages[-1], plain))
    elif decodes:
        stages.append(
            plan.Decodable(
                sentence=Comment("Only strings of the forms that Firefox writes can be decoded."),
                source=name("pings"),
                columns=plain,
            )
        )
        if scan.spec.has_samples:
            stages.append(_with_samples(scan, stages[-1], (*plain, column("histogram_text"))))
        stages.append(
            plan.Fields(
                sentence=Comment("The fields asked for."),
                source=name(stages[-1].cte),
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
    "compare": compare,
    "rate": rate,
}


def decoded_field(field: str) -> Node:
    """The expression for a field of the decoded histogram, such as `sum`."""
    function = field if field == "histogram_type" else f"histogram_{field.removeprefix('n_')}"
    return own_function(f"querygen.{function}", path("histogram_text"))
