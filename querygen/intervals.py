"""Confidence intervals: how far a share, a percentile or a mean may be off, judged by how clients differ.

The client is the unit, since its samples depend on each other. All are ratios of sums over clients (votes in
a bucket by all votes, the sum of values by their number), so the standard error is that of the ratio's
linearisation, from the residuals c - F * t of each client (Cochran, Sampling Techniques, 6.4). Percentile
intervals are Woodruff's (J. Am. Stat. Assoc. 47, 1952): the buckets at which the share, plus or minus its
error, reaches the percentile. One pass over the data, without resampling.

How many standard errors the limits are away is Student's: fewer independent clients tell less of their own
spread. Where clients count for unequal totals t, the degrees of freedom are Satterthwaite's (Biometrics
Bulletin 2, 1946) of the sum of squared residuals, which are taken to be as large as t:
(sum of t²)² / sum of t⁴, less one. Equal clients give as many as there are, less one.
"""

from dataclasses import dataclass

from sqlglot import exp

from querygen import plan
from querygen.plan import Comment, Reading, Stage
from querygen.quantiles import normal, student_terms
from querygen.scan import Scan
from querygen.sqltext import Node, column, literal, name, path

TOLERANCE = "1e-9"  # shares and differences this close are equal, so that engines agree at ties
NOISE = "1e-12"  # variances below this part of the squares that they are made of are rounding


@dataclass(frozen=True, kw_only=True)
class Progress(Reading):
    """One row per client and entry: its votes, and those that the client has reached with it.

    What differs between clients can be summed up from these by bucket: the square of a running sum is the sum
    of `votes * (2 * reached - votes)`.

    Attributes:
        unit: what an independent unit's entries have in common: its dimensions and client.
        vote: what an entry counts.
        total: what all of the client's count; with `by_day`, one for each of its days.
        cumulative: `reached` runs over all lower buckets, not over the entries of the same bucket alone.
    """

    name = "progress"
    dimensions: tuple[Node, ...]
    unit: tuple[Node, ...]
    vote: Node
    total: Node
    by_day: bool
    cumulative: bool


@dataclass(frozen=True, kw_only=True)
class SpreadBuckets(Stage):
    """One row per group and bucket, with sums over clients of squares and products of what they reached."""

    name = "spread_buckets"
    dimensions: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Spread(Reading):
    """The same with the standard error of a ratio of sums over clients, by its linearisation.

    Attributes:
        columns: that are passed on.
        ratio: the column of the ratio.
        noise: variances below this part of the squares that they are made of are rounding.
    """

    name = "spread"
    columns: tuple[Node, ...]
    ratio: Node
    noise: Node


@dataclass(frozen=True, kw_only=True)
class Margins(Reading):
    """The same with the margin: as many standard errors as the limits are away."""

    name = "margins"
    columns: tuple[Node, ...]
    away: Node


@dataclass(frozen=True, kw_only=True)
class Units(Stage):
    """One row per independent unit, a client: what it adds to the sum, and to what this is divided by."""

    name = "units"
    dimensions: tuple[Node, ...]
    votes: bool


@dataclass(frozen=True, kw_only=True)
class Means(Stage):
    """Count, sum and mean of each group, and the sums over clients that the mean's interval is made of."""

    name = "means"
    dimensions: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class MeanIntervals(Reading):
    """Count, sum and mean of each group, and the limits of the mean.

    Attributes:
        columns: that are passed on beside them.
    """

    name = "mean_intervals"
    dimensions: tuple[Node, ...]
    lower: Node
    upper: Node
    columns: tuple[Node, ...]


def quantile(scan: Scan) -> Node | None:
    """How many standard errors the limits are away of what is nearly normal; None where not asked for."""
    confidence = scan.spec.confidence
    return None if confidence is None else literal(normal(confidence), "FLOAT64")


def student(confidence: float) -> Node:
    """The same by Student's distribution, with as many degrees of freedom as the column `freedom` says."""
    first, *others = student_terms(confidence)
    logarithm: Node = literal(round(first, 12), "FLOAT64")
    for power, term in enumerate(others, 1):
        by: Node = column("freedom")
        by = by if power == 1 else exp.Pow(this=by, expression=literal(power, "INT64"))
        part = exp.Div(this=literal(round(abs(term), 12), "FLOAT64"), expression=by)
        logarithm = (exp.Add if term > 0 else exp.Sub)(this=logarithm, expression=part)
    return exp.Exp(this=logarithm)


def reached(
    scan: Scan, *, cumulative: bool, source: str = plan.Clients.name, beside: tuple[str, ...] = ()
) -> list[Stage]:
    """From one row per client to one per bucket, with sums of squares over clients.

    Args:
        scan: the question.
        cumulative: the sums are over all lower buckets, too.
        source: the stage of the clients.
        beside: columns of it that rows are also grouped by; each client has one value in them.
    """
    normalization = scan.spec.normalization
    vote: Node = path("entry.value")
    total: Node = path(f"{source}.n_samples")
    if normalization == "client":
        vote, total = exp.Div(this=vote, expression=total), literal(1, "INT64")
    elif normalization == "client_day":
        vote = path("entry.vote")
    dimensions = scan.names_beside_entries(source)
    unit = tuple(
        exp.cast(made.copy(), "STRING") if output.type == "FLOAT64" else made
        for made, output in zip(dimensions, scan.outputs, strict=True)
    )
    # Only these have pings without a client id.
    alone = (column("alone_at"),) if normalization == "none" and source == plan.Clients.name else ()
    words = "What each client has reached with each of its entries, in the order of buckets."
    return [
        Progress(
            sentence=Comment(words),
            source=name(source),
            dimensions=(*dimensions, *map(column, beside)),
            unit=(*unit, column("client_id"), *alone),
            vote=vote,
            total=total,
            by_day=normalization == "client_day",
            cumulative=cumulative,
        ),
        SpreadBuckets(
            sentence=Comment("One row per bucket, with sums over clients that tell how much these differ."),
            dimensions=(*scan.names, *map(column, beside)),
        ),
    ]


def spread(scan: Scan, source: Stage, ratio: str, *passed: str) -> Spread:
    """The standard error of the column `ratio`."""
    return Spread(
        sentence=Comment(f"The standard error of {ratio}, with the client as the independent unit."),
        source=name(source.cte),
        columns=(*scan.names, *map(column, passed)),
        ratio=column(ratio),
        noise=exp.Literal.number(NOISE),
    )


def margins(scan: Scan, source: Stage, *passed: str) -> Margins:
    """The margin of what has the standard error `deviation` and as many degrees of freedom as `freedom`."""
    confidence = scan.spec.confidence or 0.95
    return Margins(
        sentence=Comment(
            f"The limits are as many standard errors away as hold {confidence:.6g} by Student's t."
        ),
        source=name(source.cte),
        columns=(*scan.names, *map(column, passed)),
        away=student(confidence),
    )


def limits(ratio: str, margin: Node) -> tuple[Node, Node]:
    """The ratio minus and plus its margin."""
    return exp.Sub(this=column(ratio), expression=margin), exp.Add(
        this=column(ratio), expression=margin.copy()
    )


def mean_limits(scan: Scan, within: Stage, *passed: str) -> "MeanIntervals":
    """The last step of a summary: the limits of `mean`, by its `margin`, and the columns passed on."""
    lower, upper = limits("mean", column("margin"))
    return MeanIntervals(
        sentence=Comment("The limits of the mean."),
        source=name(within.cte),
        dimensions=scan.names,
        lower=lower,
        upper=upper,
        columns=tuple(column(one) for one in passed),
    )


def share_limits() -> tuple[Node, Node]:
    """The limits of a share, which is between 0 and 1."""
    lower, upper = limits("share", column("margin"))
    zero, one = exp.Literal.number("0.0"), exp.Literal.number("1.0")
    return (
        exp.Greatest(this=lower, expressions=[zero]),
        exp.Least(this=upper, expressions=[one]),
    )


def wilson(part: Node, whole: Node, confidence: float) -> tuple[Node, Node]:
    """The limits of a share of independent units, which holds where few or none are counted, too.

    They are where the share would be as many of its own standard errors away (Wilson, Journal of the
    American Statistical Association 22, 1927).
    """
    z = normal(confidence)
    half, quarter, square = (literal(part_of, "FLOAT64") for part_of in (z**2 / 2, z**2 / 4, z**2))
    rest = exp.Paren(this=exp.Sub(this=whole, expression=part))
    variance = exp.Div(this=exp.Mul(this=part, expression=rest), expression=whole)
    root = exp.Sqrt(this=exp.Add(this=variance, expression=quarter))
    away = exp.Mul(this=literal(z, "FLOAT64"), expression=root)
    centre = exp.Add(this=part, expression=half)
    by = exp.Paren(this=exp.Add(this=whole, expression=square))

    def limit(moved: type[exp.Add | exp.Sub]) -> Node:
        return exp.Div(this=exp.Paren(this=moved(this=centre, expression=away)), expression=by)

    return (
        exp.Greatest(this=limit(exp.Sub), expressions=[exp.Literal.number("0.0")]),
        exp.Least(this=limit(exp.Add), expressions=[exp.Literal.number("1.0")]),
    )


def lowest(reaches: Node) -> Node:
    """The lowest bucket for which something holds."""
    return exp.Min(this=exp.If(this=reaches, true=column("bucket"), false=exp.null()))


def share_reaches(share: Node, percentile: Node) -> Node:
    """Whether a cumulative share reaches a percentile."""
    within = exp.Sub(this=percentile, expression=exp.Literal.number(TOLERANCE))
    return exp.GTE(this=share, expression=within)


def woodruff(percentile: Node) -> tuple[Node, Node]:
    """The limits of a percentile: where its share's upper and lower limit reach it."""
    lower, upper = limits("cumulative_share", column("margin"))
    known = exp.GT(this=exp.Count(this=column("margin")), expression=literal(0, "INT64"))
    last = exp.Max(this=column("bucket"))
    highest = exp.Coalesce(this=lowest(share_reaches(lower, percentile)), expressions=[last])
    return lowest(share_reaches(upper, percentile.copy())), exp.If(this=known, true=highest, false=exp.null())
