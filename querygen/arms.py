"""How far a difference of two branches may be off: the limits of each branch, put together.

    placed → progress → spread_buckets ┐
    place_numbers ─────────────────────┴→ arms → [spread → margins] → arm_limits → paired

By MOVER, the method of variance estimates recovery (Zou and Donner, Statistics in Medicine 27, 2008): if one
branch has the value a with the limits (l, u), and the other b with (k, v), the lower limit of a - b is
a - b - √((a - l)² + (v - b)²), and the upper one a - b + √((u - a)² + (b - k)²). It asks for nothing but
limits that hold for either branch: of percentiles they are Woodruff's, of means Student's.
"""

from dataclasses import dataclass

from sqlglot import exp

from querygen.intervals import lowest, margins, reached, share_reaches, spread, student, woodruff
from querygen.plan import Comment, Reading, Stage
from querygen.scan import Scan
from querygen.sqltext import Node, column, literal, name


@dataclass(frozen=True, slots=True)
class Compared:
    """A statistic that has limits.

    Attributes:
        sql: what tells its columns apart.
        percentile: which one; None for the mean.
    """

    sql: str
    percentile: float | None


@dataclass(frozen=True, kw_only=True)
class Arms(Reading):
    """The rows of places, with sums over each branch that limits are made of.

    Attributes:
        columns: that are passed on.
        partition: what tells branches apart, as a window can be divided by it.
        reaches: whether the share at or below each bucket is given, with what its error is made of.
        means: whether the standard error of the mean is given.
    """

    name = "arms"
    columns: tuple[Node, ...]
    partition: tuple[Node, ...]
    reaches: bool
    means: bool


@dataclass(frozen=True, kw_only=True)
class ArmLimits(Reading):
    """The same with how far the limits of each statistic are from its value, in each branch."""

    name = "arm_limits"
    columns: tuple[Node, ...]
    partition: tuple[Node, ...]
    limits: tuple[Node, ...]


def places_apart(scan: Scan) -> list[Stage]:
    """From clients with places to one row per group, place and bucket, with sums of squares over clients."""
    return reached(scan, cumulative=True, source="placed", beside=("client_place",))


def arm_limits(scan: Scan, source: Stage, compared: list[Compared]) -> list[Stage]:
    """The limits of each branch beside its rows of places, `source`."""
    passed = ["client_place", "bucket", "votes", "n_clients"]
    reaches = any(one.percentile is not None for one in compared)
    means = any(one.percentile is None for one in compared)
    stages: list[Stage] = [
        Arms(
            sentence=Comment("Sums over each branch, that tell how much its clients differ."),
            source=name(source.cte),
            columns=(*scan.names, *map(column, passed)),
            partition=scan.partition,
            reaches=reaches,
            means=means,
        )
    ]
    limits: list[Node] = []
    if reaches:
        further = ["cumulative_share", *(["freedom", "mean_deviation"] if means else [])]
        first = further if means else [*further, "freedom"]
        stages.append(spread(scan, stages[-1], "cumulative_share", *passed, *first))
        stages.append(margins(scan, stages[-1], *passed, *further))
    for one in compared:
        if one.percentile is None:
            error = exp.Mul(this=student(scan.spec.confidence or 0), expression=column("mean_deviation"))
            limits.append(exp.alias_(error, _margin(one, "under")))
            continue
        percentile = literal(one.percentile, "FLOAT64")
        lower, upper = woodruff(percentile)
        value = lowest(share_reaches(column("cumulative_share"), percentile))
        under = exp.Sub(this=_over_arm(value), expression=_over_arm(lower))
        over = exp.Sub(this=_over_arm(upper), expression=_over_arm(value.copy()))
        limits += [exp.alias_(under, _margin(one, "under")), exp.alias_(over, _margin(one, "over"))]
    stages.append(
        ArmLimits(
            sentence=Comment("How far the limits are from the value of each branch."),
            source=name(stages[-1].cte),
            columns=(*scan.names, *map(column, passed)),
            partition=scan.partition,
            limits=tuple(limits),
        )
    )
    return stages


def of_differences(compared: list[Compared]) -> tuple[Node, ...]:
    """How far below and above the difference of a pair its limits are, in the window of the pair."""
    found = []
    for one in compared:
        for place, sides in {"below": ("under", "over"), "above": ("over", "under")}.items():
            treated, control = (_margin(one, side) for side in sides)
            is_treated = exp.EQ(this=column("branch"), expression=column("treatment"))
            squares = [
                exp.Pow(this=_over(exp.Max(this=margin), "pair"), expression=literal(2, "INT64"))
                for margin in (
                    exp.If(this=is_treated, true=column(treated), false=exp.null()),
                    exp.If(this=is_treated.copy(), true=exp.null(), false=column(control)),
                )
            ]
            root = exp.Sqrt(this=exp.Add(this=squares[0], expression=squares[1]))
            found.append(exp.alias_(root, f"{place}_{one.sql}"))
    return tuple(found)


def _margin(one: Compared, side: str) -> str:
    """The column of a margin; a mean has the same on both sides."""
    return f"{'under' if one.percentile is None else side}_{one.sql}"


def _over(aggregate: Node, window: str) -> Node:
    return exp.Window(this=aggregate, alias=name(window))


def _over_arm(node: Node) -> Node:
    """The same with every aggregate over the window of its branch."""
    return node.copy().transform(lambda each: _over(each, "arm") if isinstance(each, exp.AggFunc) else each)
