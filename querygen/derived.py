"""Numbers that are derived: events of each client, divided by an exposure such as usage hours.

pings → … → counted ┐
                    ├ together → numbers
exposure_pings → … ─┘

Events and exposure are summed up separately and put below each other, never joined: no row is counted twice,
and one that has only the other amount is not lost. They may stand in different tables.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from sqlglot import exp

from querygen import plan
from querygen.amounts import Amount
from querygen.catalog import Column
from querygen.grouping import cubed, unit_of
from querygen.plan import Comment, Reading, Stage
from querygen.scan import LARGEST_COUNT, Derived, Scan, Side, aliased, prefixed, start_of
from querygen.sqltext import Node, column, is_given, literal, name, path
from querygen.times import FIVE_MINUTES

_IN_AN_HOUR = {"ms": 3_600_000, "s": 3600, "min": 60, "h": 1}
_LONGEST = 24  # hours that one ping can tell of: Mission Control's limit


@dataclass(frozen=True, kw_only=True)
class Counted(Reading):
    """One row per client: the amount that is summed up over its pings.

    Attributes:
        predicate: which rows count, or None for all.
        tells_alone: pings without a client id stand each for themselves, told apart by `alone_at`.
        timed: rows are of five minutes each.
        recorded: whether they have the number of recordings, too.
    """

    name = "counted"
    dimensions: tuple[Node, ...]
    amount: Node
    predicate: Node | None
    tells_alone: bool
    timed: bool
    recorded: bool


@dataclass(frozen=True, kw_only=True)
class Groups(Reading):
    """What events are told apart by, beside the dimensions that the exposure has, too."""

    name = "groups"
    dimensions: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Together(Reading):
    """The rows of both amounts below each other, each with 0 of the other one.

    Attributes:
        other: the stage of the exposure.
        columns: what tells rows apart.
        recorded: whether they have the number of recordings, too.
    """

    name = "together"
    other: Node
    columns: tuple[Node, ...]
    recorded: bool


def derived_numbers(scan: Scan, derived: Derived) -> list[Stage]:
    """From the scans to one row per client and group, with its number. Clients without an id have none."""
    events, exposure = derived.events, derived.exposure
    if exposure is None:
        stages, amount, predicate = _summed(events, [])
        words = f"Each client's number: {events.amount}."
        if events.amount.is_hours:
            amount = exp.Div(this=amount, expression=literal(divisor_of(events), "INT64"))
        recorded = exp.Count(this=exp.Star())
        return [*stages, numbers_of(scan, words, stages[-1], amount, recorded, predicate=predicate)]
    stages = together(scan, derived, tells_alone=False)
    divisor: Node = exp.Sum(this=column("exposure"))
    divided = exp.cast(exp.Sum(this=column("events")), "DOUBLE")
    # Above and below whole factors, which are exact: equal numbers must be the same.
    factor = Fraction(str(derived.per)) * divisor_of(exposure) / divisor_of(events)
    below = _times(divisor, factor.denominator)
    number = exp.Div(
        this=_times(divided, factor.numerator),
        expression=below if factor.denominator == 1 else exp.Paren(this=below),
    )
    return [
        *stages,
        numbers_of(
            scan,
            f"Each client's number: events by exposure, per {derived.per:g}; without exposure it has none.",
            stages[-1],
            number,
            exp.Sum(this=column("n_recorded")),
            having=exp.GT(this=divisor.copy(), expression=literal(0, "INT64")),
        ),
    ]


def _times(amount: Node, factor: int) -> Node:
    """So many times the amount."""
    return amount if factor == 1 else exp.Mul(this=amount, expression=literal(float(factor), "FLOAT64"))


def numbers_of(
    scan: Scan,
    words: str,
    source: Stage,
    number: Node,
    n_recorded: Node,
    *,
    predicate: Node | None = None,
    having: Node | None = None,
) -> plan.Numbers:
    """The step from rows to one number per client and group.

    Args:
        scan: the question.
        words: the step's sentence.
        source: the stage that it reads.
        number: of each client.
        n_recorded: how many recordings it is of.
        predicate: which rows count.
        having: which clients have a number.
    """
    return plan.Numbers(
        sentence=Comment(words),
        source=name(source.cte),
        dimensions=scan.names,
        number=number,
        n_recorded=n_recorded,
        predicate=predicate,
        having=having,
    )


def together(scan: Scan, derived: Derived, *, tells_alone: bool, timed: bool = False) -> list[Stage]:
    """From both scans to rows of clients: `events` in some, `exposure` in others, as whole numbers.

    Args:
        scan: whose dimensions they are split by.
        derived: the amounts, of which there are two.
        tells_alone: pings without a client id are not left out, but stand each for themselves; and rows
            don't have the number of recordings.
        timed: rows are also of five minutes each.
    """
    if derived.exposure is None:
        raise ValueError("events are divided by nothing")
    stages = _counted(derived.events, tells_alone=tells_alone, timed=timed)
    others = [
        prefixed(stage, "exposure_")
        for stage in _counted(derived.exposure, tells_alone=tells_alone, timed=timed)
    ]
    own = {d.name for d in derived.exposure.scan.dimensions}
    keys = tuple(column(key) for key in _keys(tells_alone=tells_alone, timed=timed))
    if any(d.name not in own for d in scan.dimensions):
        others += _beside_groups(scan, derived, others[-1], keys)
    return [
        *stages,
        *others,
        Together(
            sentence=Comment("Both amounts of each client, below each other."),
            source=name(stages[-1].cte),
            other=name(others[-1].cte),
            columns=(*scan.names, *keys),
            recorded=not tells_alone,
        ),
    ]


def divisor_of(side: Side) -> int:
    """How many of the whole numbers that are summed up make one of the amount: those of an hour, or 1."""
    amount = side.amount
    if not amount.is_hours:
        return 1
    return _IN_AN_HOUR[amount.unit or side.scan.source.usage["unit"]]


def _keys(*, tells_alone: bool, timed: bool) -> list[str]:
    """What tells rows of one group apart."""
    return ["client_id", *(["alone_at"] if tells_alone else []), *([FIVE_MINUTES] if timed else [])]


def _counted(side: Side, *, tells_alone: bool, timed: bool) -> list[Stage]:
    """From one scan to one row per client and group, with its amount."""
    also = [("submission_timestamp", side.scan.own(side.scan.source.timestamp, "TIMESTAMP"))]
    also = also if tells_alone else []
    also += [(FIVE_MINUTES, start_of(side.scan.source, "5 minutes"))] if timed else []
    stages, amount, predicate = _summed(side, also)
    return [
        *stages,
        Counted(
            sentence=Comment(f"Each client's {side.amount}."),
            source=name(stages[-1].cte),
            dimensions=side.scan.names,
            amount=amount,
            predicate=predicate,
            tells_alone=tells_alone,
            timed=timed,
            recorded=not tells_alone,
        ),
    ]


def _summed(side: Side, also: list[tuple[str, Column]]) -> tuple[list[Stage], Node, Node | None]:
    """The stages to what is summed up for each client, the sum, and which rows count for it, if not all.

    Pings without a client id are left out, unless `also` has what tells them apart.
    """
    scan, amount = side.scan, side.amount
    client = unit_of(scan)
    columns = [("client_id", client), *also]
    if not also:
        scan.predicates.append(is_given(client.node))
    if amount.is_recorded:
        stages, passed, value, predicate = _recorded(scan, amount, columns)
        used = [*value.find_all(exp.Column), *(predicate.find_all(exp.Column) if predicate else [])]
        added = (node for node in used if node.table == "" and node.name in _ADDED)
        passed = (*passed, *(column(added) for added in dict.fromkeys(node.name for node in added)))
    else:
        columns += _plain(scan, amount)
        stages = [scan.pings(columns)]
        passed = (*scan.names, *(column(alias) for alias, _ in columns))
        value = column("amount")
        predicate = None
    stages += cubed(scan, stages[-1], passed)
    if amount.count == "pings":
        return stages, exp.Count(this=exp.Star()), None
    if amount.count == "clients":
        return stages, exp.Count(this=exp.Distinct(expressions=[column("client_id")])), None
    if amount.count == "client_days":
        has_client = exp.If(this=is_given(column("client_id")), true=column("amount"), false=exp.null())
        return stages, exp.Count(this=exp.Distinct(expressions=[has_client])), None
    whole = exp.Coalesce(this=exp.Sum(this=value), expressions=[literal(0, "INT64")])
    return stages, whole, predicate


_ADDED = ("recorded", "histogram_text", "buckets", "n_samples", "sum")


def _plain(scan: Scan, amount: Amount) -> list[tuple[str, Column]]:
    """The column `amount` of an amount that is no probe's, if it has one: whole numbers, seconds or days."""
    if amount.count == "client_days":
        day = exp.Date(this=scan.source.node(scan.source.timestamp))
        return [("amount", Column(day, "DATE", (scan.source.timestamp,)))]
    if amount.count in ("pings", "clients"):
        return []
    dotted: str | None = amount.column
    unit: str | None = amount.unit
    if amount.count == "usage_hours":
        dotted, unit = scan.source.usage["column"], scan.source.usage["unit"]
    if dotted is None:
        raise ValueError(f"nothing says where {amount} stand")
    found = scan.source.column(dotted)
    if found is None:
        raise ValueError(f"{scan.source.table} has no column {dotted}")
    return [("amount", replace(found, expression=_bounded(found.node, unit)))]


def _bounded(value: Node, unit: str | None) -> Node:
    """A possible value, or NULL; a length of time is cut to what one ping can tell of."""
    zero = literal(0, "INT64")
    if unit is None:
        possible = exp.Between(this=value, low=zero, high=literal(LARGEST_COUNT, "INT64"))
        return exp.If(this=possible, true=value.copy(), false=exp.null())
    most = literal(_LONGEST * _IN_AN_HOUR[unit], "INT64")
    # Not GREATEST and LEAST, each of which becomes a guard against NULL and two more readings in DuckDB.
    upper = exp.If(this=exp.GT(this=value, expression=most), true=most.copy(), false=value.copy())
    return exp.If(this=exp.LT(this=value.copy(), expression=zero), true=zero.copy(), false=upper)


def _recorded(
    scan: Scan, amount: Amount, columns: list[tuple[str, Column]]
) -> tuple[list[Stage], tuple[Node, ...], Node, Node | None]:
    """The stages to one row per recording, what they pass on, what is summed up, and of which rows.

    What cannot be decoded, and an impossible number, contribute nothing, not even a client whose number is 0.
    """
    stages, passed = scan.to_histograms(columns)
    cap = literal(LARGEST_COUNT, "INT64")
    if amount.scalar is not None:
        recorded = column("recorded")
        possible = exp.Between(this=recorded, low=literal(0, "INT64"), high=cap)
        return stages, passed, recorded, possible
    if amount.bounds == (None, None):
        stages.append(
            plan.Samples(
                sentence=Comment("Each histogram's number of samples and their sum."),
                source=name(stages[-1].cte),
                columns=passed,
                is_text=scan.is_text,
            )
        )
        decoded = is_given(column("n_samples")) if scan.is_text else None
        if amount.take == "samples":
            return stages, passed, column("n_samples"), decoded
        has_samples = exp.GT(this=column("n_samples"), expression=literal(0, "INT64"))
        whole = exp.cast(column("sum"), "DOUBLE")  # exact up to 2^53, and beyond that no overflow
        return stages, passed, exp.If(this=has_samples, true=whole, false=exp.null()), decoded
    stages.append(
        plan.Histograms(
            sentence=Comment("Each histogram as an array of keys and counts."),
            source=name(stages[-1].cte),
            columns=(*passed, column("histogram_text")) if scan.is_text else passed,
            is_text=scan.is_text,
        )
    )
    lowest, highest = amount.bounds
    wanted: list[Node] = []
    if lowest is not None:
        wanted.append(exp.GTE(this=path("entry.key"), expression=literal(lowest, "INT64")))
    if highest is not None:
        wanted.append(exp.LTE(this=path("entry.key"), expression=literal(highest, "INT64")))
    possible = exp.Between(this=path("entry.value"), low=literal(1, "INT64"), high=cap)
    entries = exp.Unnest(expressions=[column("buckets")], alias=exp.TableAlias(columns=[name("entry")]))
    summed = exp.select(exp.Sum(this=path("entry.value"))).from_(entries).where(*wanted, possible)
    decoded = is_given(column("histogram_text")) if scan.is_text else None
    return stages, passed, exp.Subquery(this=summed), decoded


def _beside_groups(scan: Scan, derived: Derived, exposed: Stage, keys: tuple[Node, ...]) -> list[Stage]:
    """The exposure once for each of what it is shared by: keys have no exposure of their own.

    They come from a scan of their own, since each CTE is read only once. All have it everywhere: where a key
    was not recorded, its rate is 0.
    """
    events, exposure = derived.events.scan, derived.exposure
    exposed_by = {d.name for d in exposure.scan.dimensions} if exposure else set()
    own = tuple(d for d in scan.dimensions if d.name not in exposed_by)
    again = replace(events, dimensions=own, predicates=[*events.predicates], needs=[])
    stages, passed = again.to_recorded([])
    events.needs += again.needs
    stages += cubed(again, stages[-1], passed)
    groups = Groups(
        sentence=Comment(f"Every {' and '.join(d.name for d in own)} that events are recorded by."),
        source=name(stages[-1].cte),
        dimensions=again.names,
    )
    found = [prefixed(stage, "groups_") for stage in (*stages, groups)]
    columns = [
        *(
            aliased(path(f"{(found[-1] if d in own else exposed).cte}.{d.name}"), d.name)
            for d in scan.dimensions
        ),
        *(aliased(path(f"{exposed.cte}.{node.name}"), node.name) for node in (*keys, column("amount"))),
    ]
    beside = plan.Joined(
        sentence=Comment("The exposure of each of these, which is that of all clients."),
        prefix="exposure_",
        source=name(exposed.cte),
        other=name(found[-1].cte),
        columns=tuple(columns),
        same_group=(),
    )
    return [*found, beside]
