"""What may be done to the rows of any measure: marked where clients are few, scaled from a sample, counted.

Each function takes a measure's stages and returns them with what comes after.
"""

from dataclasses import replace

from sqlglot import exp

from querygen import plan
from querygen.grouping import Measured, cubed, joined
from querygen.plan import Comment, OutputColumn
from querygen.sampling import Sample
from querygen.scan import Scan, aliased, prefixed
from querygen.spec import Spec
from querygen.sqltext import Node, column, literal, name
from querygen.units import converted


def with_undecodable(scan: Scan, measured: Measured) -> Measured:
    """The same rows, and how many of their group's recordings cannot be decoded, or not all of them."""
    is_derived = scan.derived is not None  # its groups may be of an exposure alone, without any recording
    scan = scan.derived.events.scan if scan.derived else scan
    again = replace(scan, predicates=[*scan.predicates], needs=[])
    stages, passed = again.to_histograms([], keeps_recorded=True)
    judged = [column("recorded")] + ([column("histogram_text")] if scan.is_text else [])
    stages += cubed(again, stages[-1], (*passed, *judged))
    scan.needs += again.needs
    side = [prefixed(stage, "judged_") for stage in stages]
    side.append(
        plan.Undecodable(
            sentence=Comment(f"Recordings that cannot be decoded or have impossible counts, {scan.group}."),
            source=name(side[-1].cte),
            dimensions=scan.names,
            is_undecodable=scan.is_undecodable,
        )
    )
    added = OutputColumn("n_undecodable", "INT64")
    counted: Node = column(added.name)
    if is_derived:
        counted = exp.alias_(exp.Coalesce(this=counted, expressions=[literal(0, "INT64")]), added.name)
    final = joined(
        "The same, and what could not be decoded of each group.",
        measured.stages[-1],
        side[-1],
        scan.dimensions,
        measured.columns,
        (counted,),
    )
    final = replace(final, keeps_all=is_derived)
    return Measured(
        [*measured.stages, *side, final], [*measured.columns, added], measured.key, measured.order
    )


def marked(measured: Measured, spec: Spec) -> Measured:
    """The same rows, those of few clients or hours marked, or dropped and counted.

    Where versions are compared at the same age, it is of that time that there may be too little; a version
    that nothing is compared with is judged by all of its time.
    """
    least: list[tuple[Node, Node]] = []
    words: list[str] = []
    names = {c.name for c in measured.columns}

    def judged(name: str) -> Node:
        adjusted = f"adjusted_{name}"
        if adjusted not in names:
            return column(name)
        return exp.Coalesce(this=column(adjusted), expressions=[column(name)])

    if spec.min_clients is not None:
        arms = [judged(arm) for arm in ("n_clients", "n_control") if arm in names]
        counted = arms[0] if len(arms) == 1 else exp.Least(this=arms[0], expressions=arms[1:])
        least.append((counted, literal(spec.min_clients, "INT64")))
        words.append(f"{spec.min_clients} clients" + (" in either branch" if len(arms) > 1 else ""))
    if spec.min_usage_hours is not None:
        least.append((judged("exposure"), literal(spec.min_usage_hours, "FLOAT64")))
        words.append(f"{spec.min_usage_hours:g} usage hours")
    few = f"fewer than {' or '.join(words)}"
    few += " in the time that is compared" if "adjusted_exposure" in names else ""
    drop = spec.low_data == "drop"
    sentence = f"Rows of {few} are dropped; n_dropped is how many." if drop else f"low_data marks {few}."
    stage = plan.Marked(
        sentence=Comment(sentence),
        source=name(measured.stages[-1].cte),
        columns=tuple(column(c.name) for c in measured.columns),
        is_low=exp.or_(*(exp.LT(this=counted, expression=limit) for counted, limit in least)),
        is_enough=exp.and_(
            *(exp.GTE(this=counted.copy(), expression=limit.copy()) for counted, limit in least)
        ),
        drop=drop,
    )
    last = OutputColumn("n_dropped", "INT64") if drop else OutputColumn("low_data", "BOOL")
    return Measured([*measured.stages, stage], [*measured.columns, last], measured.key, measured.order)


def scaled(measured: Measured, sample: Sample) -> Measured:
    """The same rows with counts scaled from a sample of clients to all of them."""
    columns: list[Node] = []
    for output in measured.columns:
        node = column(output.name)
        if output.name.removeprefix("adjusted_") not in _COUNTS:
            columns.append(node)
            continue
        by = 1 / sample.share
        if by.denominator == 1:
            value: Node = exp.Mul(this=node, expression=literal(by.numerator, "INT64"))
        else:
            value, _ = converted(node, by)
            if output.type == "INT64":
                value = exp.cast(exp.Round(this=value), "INT64")
        columns.append(aliased(value, output.name))
    stage = plan.Scaled(
        sentence=Comment(f"Counts of {sample.percent} of clients, scaled to all."),
        source=name(measured.stages[-1].cte),
        columns=tuple(columns),
    )
    return Measured([*measured.stages, stage], measured.columns, measured.key, measured.order)


def alone(measured: Measured) -> Measured:
    """The same rows from one CTE, where two are joined: what orders them is then a column of that one."""
    if not isinstance(measured.stages[-1], plan.Joined):
        return measured
    stage = plan.Rows(
        sentence=Comment("The rows, in order."),
        source=name(measured.stages[-1].cte),
        columns=tuple(column(c.name) for c in measured.columns),
    )
    return Measured([*measured.stages, stage], measured.columns, measured.key, measured.order)


_COUNTS = frozenset(
    {
        "n_clients",
        "n_all_clients",
        "n_samples",
        "n_pings",
        "n_undecodable",
        "count",
        "sum",
        "events",
        "exposure",
    }
)
