"""Numbers: each client has one, the sum of a scalar over its pings, or events by an exposure.

to_histograms → [cubed] → numbers → tallies → shares
to_histograms → [cubed] → numbers → totals_of_numbers, joined with all clients of each group
"""

from dataclasses import replace

from sqlglot import exp

from querygen import plan
from querygen.derived import derived_numbers, numbers_of
from querygen.dimensions import ResolvedDimension
from querygen.grouping import Measured, client_columns, cubed, joined
from querygen.intervals import margins, mean_limits, wilson
from querygen.plan import Comment, OutputColumn, Stage
from querygen.scan import LARGEST_COUNT, Scan, prefixed
from querygen.sqltext import column, literal, name, path


def numbers(scan: Scan) -> list[Stage]:
    """From the scan to one row per client and group, with its number: a scalar's sum, or events."""
    if scan.derived is not None:
        return derived_numbers(scan, scan.derived)
    stages, passed = scan.to_histograms(client_columns(scan, with_unidentified=False))
    stages += cubed(scan, stages[-1], (*passed, column("recorded")))
    words = "Each client's number: the sum over its pings. Impossible values are dropped."
    possible = exp.Between(
        this=column("recorded"), low=literal(0, "INT64"), high=literal(LARGEST_COUNT, "INT64")
    )
    number, n_recorded = exp.Sum(this=column("recorded")), exp.Count(this=exp.Star())
    return [*stages, numbers_of(scan, words, stages[-1], number, n_recorded, predicate=possible)]


def tallied(scan: Scan) -> list[Stage]:
    """From the scan to one row per group and number, which stands where a histogram has a bucket."""
    sentence = Comment("How many clients have each number. Every client counts once.")
    spread = scan.spec.confidence is not None
    return [*numbers(scan), plan.Tallies(sentence=sentence, dimensions=scan.names, spread=spread)]


def summary_of_numbers(scan: Scan) -> Measured:
    """Clients, sum and mean, and the share of all clients above zero."""
    sentence = Comment(f"Clients, sum and mean of their numbers, within {scan.group}.")
    has_limits = scan.spec.confidence is not None
    totals = plan.TotalsOfNumbers(sentence=sentence, dimensions=scan.names, spread=has_limits)
    stages: list[Stage] = [*numbers(scan), totals]
    if has_limits:
        within = margins(scan, totals, "count", "sum", "mean", "n_above_zero", "n_clients")
        stages += [within, mean_limits(scan, within, "n_above_zero", "n_clients")]
    rows = stages[-1]
    # Keys and processes are no clients' property: all rows of a group over the others have the same clients.
    shared = tuple(d for d in scan.dimensions if d.source is not None)
    everyone = all_clients(scan, shared)
    everybody = path(f"{everyone[-1].cte}.n_clients")
    share = exp.Div(this=path(f"{rows.cte}.n_above_zero"), expression=everybody)
    also = [exp.alias_(share, "share_of_clients")]
    further = ["share_of_clients"]
    if has_limits:
        limits_of_share = wilson(path(f"{rows.cte}.n_above_zero"), everybody, scan.spec.confidence or 0)
        further += ["share_lower", "share_upper"]
        also += map(exp.alias_, limits_of_share, further[1:])
    also.append(exp.alias_(everybody, "n_all_clients"))
    words = "The share of all clients whose number is above zero. Those that never sent it count as zero."
    limits_ = {"lower": "FLOAT64", "upper": "FLOAT64"} if has_limits else {}
    kinds = {"count": "INT64", "sum": "FLOAT64", "mean": "FLOAT64", **limits_, "n_clients": "INT64"}
    columns = scan.outputs + [OutputColumn(n, kind) for n, kind in kinds.items()]
    beside = replace(joined(words, rows, everyone[-1], shared, columns, tuple(also)), prefix="clients_")
    stages += [*everyone, beside]
    columns += [*(OutputColumn(n, "FLOAT64") for n in further), OutputColumn("n_all_clients", "INT64")]
    return Measured(stages, columns)


def all_clients(scan: Scan, dimensions: tuple[ResolvedDimension, ...]) -> list[Stage]:
    """A scan of its own for the clients of each group, whatever they sent."""
    everyone = replace(scan, asked=(), dimensions=dimensions, predicates=[*scan.predicates], needs=[])
    stages: list[Stage] = [everyone.pings([("client_id", scan.own(scan.source.client_id, "STRING"))])]
    scan.needs += everyone.needs
    stages += cubed(everyone, stages[-1], (*everyone.names, column("client_id")))
    stages.append(
        plan.Counts(
            sentence=Comment(f"All clients, {everyone.group}."),
            dimensions=everyone.names,
            source=name(stages[-1].cte),
            pings=exp.Count(this=exp.Star()),
        )
    )
    return [prefixed(stage, "all_") for stage in stages]
