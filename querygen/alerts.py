"""`alert`: what is wrong with a rate, as a state of each row.

The expected range of a version is made of the versions before it, at the same age, in logarithms of the
rate. They differ by more than chance: the variance of the next one is that between them, less what chance
adds to it, and what chance adds to its own rate, by as much as to theirs for the same usage, so that it
shrinks as usage accrues. The range is that of a prediction, with Student's t, since few versions tell how
they differ.
"""

import math
from dataclasses import dataclass

from sqlglot import exp

from querygen import quantiles
from querygen.aligned import version_of
from querygen.constants import Lines, in_lines
from querygen.grouping import Measured
from querygen.intervals import quantile
from querygen.plan import Comment, OutputColumn, Reading, Stage
from querygen.scan import Scan
from querygen.spec import Spec
from querygen.sqltext import Node, column, is_given, is_missing, literal, name, text

LEAST_BEFORE = 3
"""A version with fewer versions before it is too new to be judged by them."""
_MOST_BEFORE = 30  # Student's t of more versions is nearly the same


@dataclass(frozen=True, kw_only=True)
class Logarithms(Reading):
    """The rows with the logarithm of each version's rate, and the variance that chance gives it.

    Attributes:
        rank: what versions are ordered by.
        counts: whether a version tells something about later ones.
        away: how many standard errors the limits are away; None where nothing is expected.
    """

    name = "logarithms"
    columns: tuple[Node, ...]
    rank: Node
    counts: Node
    away: Node | None


@dataclass(frozen=True, kw_only=True)
class Before(Stage):
    """The same beside what the versions before it had at the same age.

    Attributes:
        version: tells those of the same rank apart.
        others: the dimensions beside it.
        expects: whether the range is asked for that these make expected.
    """

    name = "before"
    columns: tuple[Node, ...]
    version: Node
    others: tuple[Node, ...]
    expects: bool


@dataclass(frozen=True, kw_only=True)
class Expected(Stage):
    """The same with how far the logarithm of the version's rate may be from the mean of those before it.

    Attributes:
        students: for each number of versions before it, how many standard errors the range is wide.
        widest: the same for more versions.
    """

    name = "expected"
    columns: tuple[Node, ...]
    least: Node
    students: Lines
    widest: Node


@dataclass(frozen=True, kw_only=True)
class Ranged(Stage):
    """The same with the limits of that range, as rates."""

    name = "ranged"
    columns: tuple[Node, ...]


@dataclass(frozen=True)
class Case:
    """A state, and when a row is in it."""

    test: Node
    state: Node


@dataclass(frozen=True, kw_only=True)
class Stated(Reading):
    """The same with the state of each row.

    Attributes:
        cases: the tests in their order.
    """

    name = "stated"
    columns: tuple[Node, ...]
    cases: tuple[Case, ...]
    otherwise: Node


def alerted(scan: Scan, measured: Measured) -> Measured:
    """The rows of a rate with their state, and what it is judged by."""
    spec = scan.spec
    stages, columns = [*measured.stages], [*measured.columns]
    alert, version = spec.alert, version_of(scan.dimensions)
    if alert is None:
        return measured
    if version is not None and spec.align is not None and (alert.max_change or alert.expected):
        partition = zip(scan.partition, scan.dimensions, strict=True)
        others = tuple(node for node, d in partition if d.name != version.name)
        known: Node = is_given(column("adjusted_upper"))
        if any(c.name == "low_data" for c in columns):
            known = exp.and_(exp.Not(this=column("low_data")), known)
        passed = tuple(column(c.name) for c in columns)
        stages += [
            Logarithms(
                sentence=Comment(
                    "The logarithm of each version's rate, and what it may be off by chance."
                    if alert.expected
                    else "The versions, with what orders them."
                ),
                source=name(stages[-1].cte),
                columns=passed,
                rank=version.version_rank or column(version.name),
                counts=known,
                away=quantile(scan) if alert.expected else None,
            ),
            Before(
                sentence=Comment("The versions before each, at the same age."),
                columns=passed,
                version=column(version.name),
                others=others,
                expects=alert.expected is not None,
            ),
        ]
        columns += [OutputColumn("previous_rate", "FLOAT64"), OutputColumn("change", "FLOAT64")]
        if alert.expected is not None:
            passed = tuple(column(c.name) for c in columns)
            stages.append(_expected(passed, alert.expected))
            stages.append(Ranged(sentence=Comment("The expected range of the rate."), columns=passed))
            columns += [
                OutputColumn("expected_lower", "FLOAT64"),
                OutputColumn("expected_upper", "FLOAT64"),
                OutputColumn("n_before", "INT64"),
            ]
    cases = _cases(spec, {c.name for c in columns})
    stages.append(
        Stated(
            sentence=Comment("The state of each row: the first of these that holds."),
            source=name(stages[-1].cte),
            columns=tuple(column(c.name) for c in columns),
            cases=cases,
            otherwise=text("ok"),
        )
    )
    columns.append(OutputColumn("state", "STRING"))
    return Measured(stages, columns, measured.key, measured.order)


def _expected(columns: tuple[Node, ...], confidence: float) -> Expected:
    """The stage of the range."""
    known = [quantiles.student(confidence, n - 1) for n in range(LEAST_BEFORE, _MOST_BEFORE)]
    return Expected(
        sentence=Comment(f"Where {confidence:.4g} of such versions are, by Student's t of those before it."),
        columns=columns,
        least=literal(LEAST_BEFORE, "INT64"),
        students=in_lines([math.nan] * LEAST_BEFORE + known),
        widest=literal(round(known[-1], 9), "FLOAT64"),
    )


def _cases(spec: Spec, names: set[str]) -> tuple[Case, ...]:
    """The tests of a row, each with its state."""
    alert = spec.alert
    if alert is None:
        return ()
    prefix = "adjusted_" if "adjusted_rate" in names else ""
    sure = column(f"{prefix}lower" if spec.confidence is not None else f"{prefix}rate")
    rate = column(f"{prefix}rate")
    alerts: list[Node] = []
    watches: list[Node] = []
    if alert.max_rate is not None:
        limit = literal(alert.max_rate, "FLOAT64")
        alerts.append(exp.GT(this=sure, expression=limit))
        watches.append(exp.GT(this=rate, expression=limit.copy()))
    if alert.max_change is not None:
        most = exp.Mul(this=column("previous_rate"), expression=literal(1 + alert.max_change, "FLOAT64"))
        alerts.append(exp.GT(this=sure.copy(), expression=most))
        watches.append(exp.GT(this=rate.copy(), expression=most.copy()))
    if alert.expected is not None:
        alerts.append(exp.GT(this=rate.copy(), expression=column("expected_upper")))
    tests: list[tuple[Node, str]] = []
    if "low_data" in names:
        tests.append((column("low_data"), "low_data"))
    tests.append((is_missing(column("rate")), "low_data"))
    if prefix:
        tests.append((is_missing(rate.copy()), "too_new"))
    tests += [(test, "alert") for test in alerts] + [(test, "watch") for test in watches]
    if alert.expected is not None:
        tests.append((is_missing(column("expected_upper")), "too_new"))
    elif alert.max_change is not None:
        tests.append((is_missing(column("previous_rate")), "too_new"))
    return tuple(Case(test, text(state)) for test, state in tests)
