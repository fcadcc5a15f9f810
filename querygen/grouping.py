"""From the scan to one row per group and bucket, which percentiles and distributions are made of.

to_histograms → histograms → [cubed] → [client_days] → clients → buckets → [filled] → shares
"""

import itertools
from dataclasses import dataclass

from sqlglot import exp

from querygen import plan
from querygen.catalog import Column
from querygen.dimensions import ResolvedDimension
from querygen.intervals import reached
from querygen.plan import Comment, OutputColumn, Stage
from querygen.scan import LARGEST_COUNT, Scan, aliased
from querygen.sqltext import Node, column, is_given, literal, name, path, text


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


def unit_of(scan: Scan) -> Column:
    """What tells independent units apart, under the name of `client_id`: the client's id, or the ping's."""
    is_ping = scan.spec.analysis_unit == "ping"
    return scan.own(scan.source.ping_id if is_ping else scan.source.client_id, "STRING")


def client_columns(scan: Scan, *, with_unidentified: bool) -> list[tuple[str, Column]]:
    """The columns that tell clients (and days) apart; pings without a client id have no vote."""
    source, normalization = scan.source, scan.spec.normalization
    client = unit_of(scan)
    columns = [("client_id", client)]
    if normalization == "client_day":
        day = exp.Date(this=source.node(source.timestamp))
        columns.append(("day", Column(day, "DATE", (source.timestamp,))))
    elif normalization == "none" and with_unidentified:
        columns.append(("submission_timestamp", scan.own(source.timestamp, "TIMESTAMP")))
    if normalization != "none" or scan.is_number or scan.spec.measure == "compare":
        scan.predicates.append(is_given(client.node))
    return columns


def per_client(scan: Scan, *, with_unidentified: bool) -> list[Stage]:
    """From the scan to one row per group and client, with its entries in one list."""
    by_day = scan.spec.normalization == "client_day"
    stages, passed = scan.to_histograms(client_columns(scan, with_unidentified=with_unidentified))
    cap = literal(LARGEST_COUNT, "INT64")
    stages.append(
        plan.Histograms(
            sentence=Comment("Each histogram as an array of keys and counts."),
            source=name(stages[-1].cte),
            columns=passed,
            is_text=scan.is_text,
        )
    )
    stages += cubed(scan, stages[-1], (*passed, column("buckets")))
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
    unidentified = with_unidentified and scan.spec.normalization == "none"
    together = "Each client's samples together"
    alone = " A ping without a client id stands for itself." if unidentified else ""
    stages.append(
        plan.Clients(
            sentence=Comment(
                f"{together}, each with its share of its day." if by_day else f"{together}. {dropped}{alone}"
            ),
            source=name(stages[-1].cte),
            dimensions=scan.names_beside_entries(stages[-1].cte),
            largest_count=cap,
            from_days=by_day,
            unidentified=unidentified,
            tells_alone=unidentified and scan.spec.confidence is not None,
        )
    )
    return stages


def buckets(scan: Scan, *, cumulative: bool) -> list[Stage]:
    """From the scan to one row per group and bucket; shares that are made of it are `cumulative` or not."""
    normalization = scan.spec.normalization
    stages = per_client(scan, with_unidentified=True)
    if scan.spec.confidence is not None:
        return [*stages, *reached(scan, cumulative=cumulative)]
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
            votes_per_day=normalization == "client_day",
        )
    )
    return stages


def cubed(scan: Scan, before: Stage, passed: tuple[Node, ...]) -> list[Stage]:
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


def shares(scan: Scan, source: str, *, cumulative: bool, own: bool) -> plan.Shares:
    """Each bucket's share, and with `cumulative` that of all lower ones, too (then its own only if asked)."""
    what = "The share of votes at or below each bucket" if cumulative else "Each bucket's share of the votes"
    return plan.Shares(
        sentence=Comment(f"{what}, within {scan.group}; clients and samples of the whole group."),
        source=name(source),
        dimensions=scan.names,
        partition=scan.partition,
        weight=column("smoothed" if scan.spec.prior else "votes"),
        cumulative=cumulative,
        own=own,
        spread=scan.spec.confidence is not None,
    )


def filled(scan: Scan, bounds: tuple[int, ...], source: str) -> list[Stage]:
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
            source=name(source),
            dimensions=scan.names,
            empty=exp.Array(expressions=empty),
            prior=literal(1 / len(bounds), "FLOAT64") if has_prior else None,
            spread=scan.spec.confidence is not None,
        )
    ]


def joined(  # noqa: PLR0917
    words: str,
    rows: Stage,
    other: Stage,
    shared: tuple[ResolvedDimension, ...],
    columns: list[OutputColumn],
    also: tuple[Node, ...],
) -> plan.Joined:
    """The rows of one stage beside those of another that has one row per group.

    Args:
        words: the sentence above it.
        rows: the stage whose rows there will be.
        other: has one row for each group of `rows` over `shared`.
        shared: the dimensions that both have.
        columns: of `rows`.
        also: further columns, of either.
    """
    ours = tuple(aliased(path(f"{rows.cte}.{c.name}"), c.name) for c in columns)
    return plan.Joined(
        sentence=Comment(words),
        source=name(rows.cte),
        other=name(other.cte),
        columns=(*ours, *also),
        same_group=tuple(
            exp.NullSafeEQ(this=path(f"{rows.cte}.{d.name}"), expression=path(f"{other.cte}.{d.name}"))
            for d in shared
        ),
    )
