"""`measure: rate`: events by exposure, per 1,000 usage hours if nothing else is said.

pings → … → counted ┐
                    ├ together → [windowed] → exposed → rates → [spread | poisson] → divided
exposure_pings → … ─┘

The limits are those of a ratio of two sums over clients (`intervals`), since a few clients that crash in a
loop make events dependent; or, where asked for, those of a Poisson count.
"""

from dataclasses import dataclass
from fractions import Fraction

from sqlglot import exp

from querygen import quantiles
from querygen.aligned import ADJUSTED, adjusted, aged, version_of, windowed
from querygen.constants import Lines, in_lines
from querygen.derived import divisor_of, together
from querygen.facts import Facts
from querygen.grouping import Measured
from querygen.intervals import limits, quantile, spread
from querygen.plan import Comment, OutputColumn, Reading, Stage
from querygen.published import RELEASE_DATE
from querygen.scan import Derived, Scan, Side
from querygen.sqltext import Node, column, literal, name
from querygen.times import FIVE_MINUTES, SECONDS, TIME

TOLERANCE = "1e-9"


@dataclass(frozen=True, kw_only=True)
class Exposed(Reading):
    """One row per client and group: its events and its exposure.

    Attributes:
        columns: what tells these rows apart.
        events, exposure: the client's.
    """

    name = "exposed"
    columns: tuple[Node, ...]
    events: Node
    exposure: Node


@dataclass(frozen=True, kw_only=True)
class Firsts(Reading):
    """The rows of each group, with whether a row is the one by which its client is counted.

    Attributes:
        partition: the dimensions, as a window can be divided by them.
    """

    name = "firsts"
    dimensions: tuple[Node, ...]
    partition: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Points(Stage):
    """One row per group and five minutes, with the clients that are counted there."""

    name = "points"
    dimensions: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Trimmed(Stage):
    """The same, with whether a point counts: those of the highest rates don't.

    Attributes:
        kept: the share of points that count.
        tolerance: so little of a point is rounding.
    """

    name = "trimmed"
    dimensions: tuple[Node, ...]
    partition: tuple[Node, ...]
    kept: Node
    tolerance: Node


@dataclass(frozen=True, kw_only=True)
class Rates(Reading):
    """One row per group: events and exposure, as the whole numbers that were summed up.

    Attributes:
        spread: whether the sums over clients that limits are made of are given, too.
        trimmed: made of points, of which only some count for the rate.
    """

    name = "rates"
    dimensions: tuple[Node, ...]
    spread: bool
    trimmed: bool


@dataclass(frozen=True, slots=True)
class Beyond:
    """The factors of a limit's terms: of the count's root, of 1, and divided by root, count and both.

    That by the root is of the lower limit, with its sign; of the upper one it is subtracted.
    """

    away: Node
    shift: Node
    by_root: Node
    by_count: Node
    by_both: Node


@dataclass(frozen=True, kw_only=True)
class Poisson(Stage):
    """The same with the limits of the number of events, if that is a Poisson count.

    Attributes:
        exact: for fewer events than this the limits are constants.
        lower_limits, upper_limits: these, each with its number of events.
        beyond: the terms of the limits of more events.
    """

    name = "poisson"
    dimensions: tuple[Node, ...]
    exact: Node
    lower_limits: Lines
    upper_limits: Lines
    beyond: Beyond


@dataclass(frozen=True, kw_only=True)
class Divided(Reading):
    """One row per group: events, exposure, the rate, and its limits.

    Attributes:
        events, exposure: in the units that are shown.
        rate: events by exposure.
        lower, upper: limits of the rate, or None.
    """

    name = "divided"
    dimensions: tuple[Node, ...]
    events: Node
    exposure: Node
    rate: Node
    lower: Node | None
    upper: Node | None


@dataclass(frozen=True, kw_only=True)
class Spaced(Reading):
    """The rows with the times, in seconds, that each stands for: its own, and those of a gap beside it.

    Attributes:
        partition: what each series has in common.
        seconds: how long an interval is.
    """

    name = "spaced"
    columns: tuple[Node, ...]
    time: Node
    partition: tuple[Node, ...]
    seconds: Node


@dataclass(frozen=True, kw_only=True)
class Gaps(Stage):
    """The rows, and one for each interval without any.

    Attributes:
        columns: 0 or NULL in those further rows.
        told: whether a row is one of these is passed on as `is_gap`.
    """

    name = "gaps"
    columns: tuple[Node, ...]
    told: bool
    seconds: Node


def rate(scan: Scan, facts: Facts, unit: Fraction) -> Measured:
    """Events by exposure, of each group; with `align`, versions also over the same time."""
    derived, align = scan.derived, scan.spec.align
    version = version_of(scan.dimensions)
    if derived is None or derived.exposure is None:
        raise ValueError("a rate is of events by an exposure")
    pivots = align is not None and version is not None and scan.spec.interval is None
    stages = together(scan, derived, tells_alone=True, timed=pivots or scan.spec.trim is not None)
    names = scan.names
    if align is not None and version is not None and pivots:
        stages += windowed(scan, version, align, stages[-1])
        names = (*names, *([] if scan.released is None else [column(RELEASE_DATE)]), column(ADJUSTED))
    stages += _summed(scan, derived, stages[-1], names)
    kinds = _kinds(derived, has_limits=scan.spec.confidence is not None)
    stages.append(_divided(scan, derived, stages[-1], names))
    columns = scan.outputs + [OutputColumn(n, kind) for n, kind in kinds.items()]
    if scan.spec.fill:
        stages += _filled(scan, stages[-1], columns, told=align is not None)
    if pivots:
        stage, columns = adjusted(scan, stages[-1], columns)
        stages.append(stage)
    measured = Measured(stages, columns)
    if align is not None and version is not None and not pivots:
        measured = aged(scan, version, align, measured)
    return measured


def _summed(scan: Scan, derived: Derived, source: Stage, names: tuple[Node, ...]) -> list[Stage]:
    """From rows of clients to one row per group, with the sums."""
    spec = scan.spec
    by_clients = spec.confidence is not None and spec.method == "clients"
    if spec.trim is not None:
        stages: list[Stage] = _trimmed(scan, source, names, spec.trim)
    else:
        words = "Each client's events and exposure. A ping without a client id stands for itself."
        keys = (*names, column("client_id"), column("alone_at"))
        timed = len(names) > len(scan.names)
        stages = [
            Exposed(
                sentence=Comment(words),
                source=name(source.cte),
                columns=keys,
                events=_of_client("events", derived.events, timed=timed),
                exposure=_of_client("exposure", derived.exposure or derived.events, timed=timed),
            )
        ]
    stages.append(
        Rates(
            sentence=Comment(f"Events and exposure, within {scan.group}."),
            source=name(stages[-1].cte),
            dimensions=names,
            spread=by_clients,
            trimmed=spec.trim is not None,
        )
    )
    if by_clients:
        passed = [node.name for node in names[len(scan.names) :]]
        passed += ["events", "exposure", "ratio", "n_clients"]
        stages.append(spread(scan, stages[-1], "ratio", *passed))
    elif spec.confidence is not None:
        stages.append(_poisson(names, spec.confidence))
    return stages


def _of_client(amount: str, side: Side, *, timed: bool) -> Node:
    """A client's amount, from its rows; of five minutes each, several are of one client, and of one day."""
    if timed and side.amount.count == "clients":
        return exp.Max(this=column(amount))
    if timed and side.amount.count == "client_days":
        counts = exp.GT(this=column(amount), expression=literal(0, "INT64"))
        day = exp.If(this=counts, true=exp.Date(this=column(FIVE_MINUTES)), false=exp.null())
        return exp.Count(this=exp.Distinct(expressions=[day]))
    return exp.Sum(this=column(amount))


def _trimmed(scan: Scan, source: Stage, names: tuple[Node, ...], trim: float) -> list[Stage]:
    """From rows of clients to points of five minutes, those of the highest rates marked."""
    further = names[len(scan.names) :]
    return [
        Firsts(
            sentence=Comment("The same, with the row by which a client is counted: its first."),
            source=name(source.cte),
            dimensions=names,
            partition=(*scan.partition, *further),
        ),
        Points(sentence=Comment("Events and exposure of every five minutes."), dimensions=names),
        Trimmed(
            sentence=Comment(
                f"Which are left out of the rate: the {trim:.4g} of points with the highest ones."
            ),
            dimensions=names,
            partition=(*scan.partition, *further),
            kept=literal(1 - trim, "FLOAT64"),
            tolerance=exp.Literal.number(TOLERANCE),
        ),
    ]


def _kinds(derived: Derived, *, has_limits: bool) -> dict[str, str]:
    """The columns beside the dimensions, with their types."""
    events, exposure = derived.events.amount, derived.exposure.amount if derived.exposure else None
    limits_ = {"lower": "FLOAT64", "upper": "FLOAT64"} if has_limits else {}
    return {
        "events": "INT64" if events.is_whole else "FLOAT64",
        "exposure": "INT64" if exposure and exposure.is_whole else "FLOAT64",
        "rate": "FLOAT64",
        **limits_,
        "n_clients": "INT64",
    }


def _divided(scan: Scan, derived: Derived, source: Stage, names: tuple[Node, ...]) -> Divided:
    """The stage that divides."""
    away = quantile(scan)
    trims = scan.spec.trim is not None
    exposure = derived.exposure or derived.events
    scale = derived.per * divisor_of(exposure) / divisor_of(derived.events)

    def by_exposure(events: str) -> Node:
        exposed = column("kept_exposure" if trims else "exposure")
        divisor = exp.Nullif(this=exposed, expression=literal(0, "INT64"))
        return exp.Div(
            this=exp.Mul(this=column(events), expression=literal(scale, "FLOAT64")), expression=divisor
        )

    lower: Node | None = None
    upper: Node | None = None
    words = "The rate"
    if isinstance(source, Poisson):
        words = "The rate, with the limits of a Poisson count, which takes events to be independent"
        lower, upper = by_exposure("lower_events"), by_exposure("upper_events")
    elif away is not None:
        words = "The rate, with limits by how clients differ"
        below, upper = (
            exp.Mul(this=exp.Paren(this=limit), expression=literal(scale, "FLOAT64"))
            for limit in limits("ratio", exp.Mul(this=away, expression=column("deviation")))
        )
        lower = exp.Greatest(this=below, expressions=[exp.Literal.number("0.0")])
    return Divided(
        sentence=Comment(f"{words}, per {scan.spec.exposure_words}."),
        source=name(source.cte),
        dimensions=names,
        events=_shown("events", divisor_of(derived.events)),
        exposure=_shown("exposure", divisor_of(exposure)),
        rate=by_exposure("kept_events" if trims else "events"),
        lower=lower,
        upper=upper,
    )


def _shown(amount: str, divisor: int) -> Node:
    """An amount in the unit that is shown."""
    if divisor == 1:
        return column(amount)
    return exp.alias_(exp.Div(this=column(amount), expression=literal(divisor, "INT64")), amount)


def _poisson(names: tuple[Node, ...], confidence: float) -> Poisson:
    """The limits of the number of events."""
    found = [quantiles.poisson_limits(n, confidence) for n in range(quantiles.EXACT)]
    away, shift, by_root, by_count, by_both = quantiles.poisson_terms(confidence)
    return Poisson(
        sentence=Comment("How many events there could have been: the limits of a Poisson count."),
        dimensions=names,
        exact=literal(quantiles.EXACT, "INT64"),
        lower_limits=in_lines([lower for lower, _ in found]),
        upper_limits=in_lines([upper for _, upper in found]),
        beyond=Beyond(*(literal(term, "FLOAT64") for term in (away, shift, -by_root, by_count, by_both))),
    )


def _filled(scan: Scan, source: Stage, columns: list[OutputColumn], *, told: bool) -> list[Stage]:
    """A row for each interval from the first to the last of the result, in each series."""
    seconds = literal(SECONDS[scan.spec.interval or ""], "INT64")
    others = tuple(node for node, d in zip(scan.partition, scan.dimensions, strict=True) if d.name != TIME)
    own = exp.EQ(this=column("second"), expression=column("own_second"))
    filled: list[Node] = []
    for output in columns:
        node = column(output.name)
        if output.name == TIME:
            made: Node = exp.Anonymous(this="TIMESTAMP_SECONDS", expressions=[column("second")])
        elif output.name in {d.name for d in scan.dimensions}:
            filled.append(node)
            continue
        else:
            zero = literal(0, "INT64") if output.name in ("events", "exposure", "n_clients") else exp.null()
            made = exp.If(this=own.copy(), true=node, false=zero)
        filled.append(exp.alias_(made, output.name))
    return [
        Spaced(
            sentence=Comment(
                "Each row's time, and the times without a row that follow it or come before all."
            ),
            source=name(source.cte),
            columns=tuple(column(output.name) for output in columns),
            time=column(TIME),
            partition=others,
            seconds=seconds,
        ),
        Gaps(
            sentence=Comment("A row for every interval; where there was nothing, the rate is unknown."),
            columns=tuple(filled),
            told=told,
            seconds=seconds,
        ),
    ]
