"""`measure: compare`: how different branches are from their control, and whether it could be chance.

clients → placed → place_buckets → paired → … → tested → ranked → compare
numbers → place_numbers → paired → gridded → … → tested → ranked → compare
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from sqlglot import exp

from querygen import permutations as permuted
from querygen.arms import Compared, arm_limits, of_differences, places_apart
from querygen.branches import are_compared, control_of, treatments
from querygen.facts import Facts
from querygen.grouping import Measured, per_client
from querygen.intervals import TOLERANCE, lowest, share_reaches
from querygen.numbers import numbers
from querygen.plan import Comment, OutputColumn, Stage
from querygen.populations import BRANCH
from querygen.scan import Asked, Scan
from querygen.spec import Spec
from querygen.sqltext import Node, column, literal, name, path, text
from querygen.units import converted

BINS = 250  # on either side of a percentile, see `_bin`
FARTHEST = 6  # standard errors


@dataclass(frozen=True, kw_only=True)
class Ranked(Stage):
    """The same with the rank of each p-value among all of them."""

    name = "ranked"
    columns: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Compare(Stage):
    """One row per pair of branches and statistic, its p-value also corrected for the number of them.

    Attributes:
        counted: the units of the treatment.
        limits: of the difference.
    """

    name = "compare"
    columns: tuple[Node, ...]
    counted: Node
    limits: tuple[Node, ...]


def permutations_of(spec: Spec, asked: tuple[Asked, ...]) -> int:
    """How many permutations there are: at least 1000, and 40 for each test that is known of beforehand."""
    return spec.permutations or max(1000, 40 * known_tests(spec, asked))


def known_tests(spec: Spec, asked: tuple[Asked, ...]) -> int:
    """How many tests there are at least: groups and keys are known only when the query runs."""
    shown = "process" in spec.dimensions
    probes = {(one.histogram, one.process if shown else None) for one in asked}
    branches = sum(len(compared.branches) for compared in spec.comparisons)
    return len(probes) * branches * len(spec.statistics_or_default)


def notes_of(spec: Spec, asked: tuple[Asked, ...]) -> list[str]:
    """What the header says of the p-values."""
    count = permutations_of(spec, asked)
    share = "b / m" if spec.p_value == "raw" else "(b + 1) / (m + 1)"
    unit = f"the client is the unit: each of m = {count} permutations draws clients anew, whatever they sent"
    if spec.analysis_unit == "ping":
        unit = (
            f"the ping is the unit: each of m = {count} permutations draws pings anew, which assumes that "
            "pings of one client are independent; they are not, so that p-values are too small"
        )
    notes = [
        unit,
        f"p_value is {share} if b of them differ as much as the branches do, by the column difference",
        f"detectable is the difference that must be exceeded for a p_value of at most {permuted.SIGNIFICANT}",
        "p_holm and p_bh are p_value corrected for all tests of this result (Holm; Benjamini and Hochberg)",
    ]
    if spec.p_value == "corrected" and known_tests(spec, asked) > permuted.SIGNIFICANT * (count + 1):
        words = "permutations are too few for any of these tests to have a p_holm below"
        notes.append(f"{count} {words} {permuted.SIGNIFICANT}")
    return notes


@dataclass(frozen=True)
class _Statistic:
    """One of the statistics asked for.

    Attributes:
        sql: what tells its columns apart.
        percentile: for `median`, too; None for others.
    """

    shown: str
    sql: str
    percentile: float | None

    @property
    def drawn(self) -> Node:
        """Of those that were drawn, from `sides`."""
        return self._of("drawn")

    @property
    def rest(self) -> Node:
        """Of the rest."""
        return self._of("rest")

    def _of(self, side: str) -> Node:
        if self.percentile is None:
            return exp.Sum(this=column(f"{side}_amount"))
        return lowest(_reaches(column(f"{side}_reached"), self.percentile))


def _statistics(spec: Spec) -> list[_Statistic]:
    found = []
    for i, asked in enumerate(spec.statistics_or_default, 1):
        percentile = 0.5 if asked == "median" else None if isinstance(asked, str) else asked
        found.append(_Statistic(str(asked), str(i), percentile))
    return found


def _reaches(share: Node, percentile: float) -> Node:
    return share_reaches(share, literal(percentile, "FLOAT64"))


def compare(scan: Scan, facts: Facts, unit: Fraction) -> Measured:
    """The difference of each branch from the control, with p-values."""
    spec = scan.spec
    asked = _statistics(spec)
    amounts = any(one.shown == "mean" for one in asked)
    reaches = any(one.percentile is not None for one in asked)
    compared = _compared(scan, asked)
    probe = tuple(column(d.name) for d in scan.dimensions if d.name != BRANCH)
    groups = tuple(node for node, d in zip(scan.partition, scan.dimensions, strict=True) if d.name != BRANCH)
    pair = (*groups, column("treatment"))
    counted = (*probe, column("treatment"), column("n_treated"), column("n_control"))
    stages = _by_place(scan, apart=bool(compared))
    if compared:
        stages += arm_limits(scan, stages[-1], compared)
    stages.append(
        permuted.Paired(
            sentence=Comment("Each branch with the control, and how many clients both have."),
            source=name(stages[-1].cte),
            dimensions=probe,
            pair=pair,
            treatments=exp.Array(expressions=[text(branch) for branch in treatments(spec)]),
            are_compared=are_compared(spec),
            reaches=scan.is_number,
            limits=of_differences(compared),
        )
    )
    margins = tuple(column(f"{side}_{one.sql}") for one in compared for side in ("below", "above"))
    columns: tuple[Node, ...] = (*counted, *margins)
    values: tuple[Node, ...] = (column("bucket"), column("votes"), column("treated_votes"))
    if scan.is_number:
        exact = _exact(asked)
        stages.append(
            permuted.Gridded(
                sentence=Comment(
                    f"For permutations, numbers are rounded up to one of {2 * BINS} quantiles of both "
                    "branches, which are closest around each percentile."
                ),
                columns=(*columns, column("place_rank")),
                pair=pair,
                exact=exact,
                bins=tuple(_bin(one.percentile) for one in asked if one.percentile is not None),
            )
        )
        columns += tuple(column(one.alias) for one in exact)
        values += (column("amount"), column("treated_amount"))
    stages += _celled(scan, pair, columns, values)
    stages += _drawn(scan, columns, is_number=scan.is_number)
    stages += [
        permuted.Sides(
            sentence=Comment("Those that were drawn and the rest, each as shares."),
            columns=columns,
            pair=pair,
            shares=any(one.shown == "chi2" for one in asked),
            reaches=reaches,
            amounts=amounts,
        ),
        permuted.Statistics(
            sentence=Comment("What each permutation gives."),
            columns=columns,
            values=tuple(node for one in asked for node in _columns(one)),
        ),
        permuted.Observed(
            sentence=Comment("The same in rows, beside the real difference."),
            columns=columns,
            pair=pair,
            asked=tuple(_struct(one, unit, exact=scan.is_number) for one in asked),
            farthest=exp.Literal.number("1e300"),
        ),
        _tested(scan, columns),
    ]
    return _ranked(scan, stages, (*counted, *margins), asked, _limits(compared, asked, unit))


def _compared(scan: Scan, asked: list[_Statistic]) -> list[Compared]:
    """The statistics whose difference has limits: all but the distance, which no branch has alone."""
    if scan.spec.confidence is None:
        return []
    return [Compared(one.sql, one.percentile) for one in asked if one.shown != "chi2"]


def _limits(compared: list[Compared], asked: list[_Statistic], unit: Fraction) -> tuple[Node, ...]:
    """The limits of the difference, whatever the statistic of a row."""
    shown = {one.sql: one.shown for one in asked}
    found: list[Node] = []
    for alias, side, put in (("lower", "below", exp.Sub), ("upper", "above", exp.Add)) if compared else ():
        ifs = [
            exp.If(this=text(shown[one.sql]), true=converted(column(f"{side}_{one.sql}"), unit)[0])
            for one in compared
        ]
        away: Node = exp.Case(this=column("statistic"), ifs=ifs)
        found.append(exp.alias_(put(this=column("difference"), expression=away), alias))
    return tuple(found)


def _by_place(scan: Scan, *, apart: bool) -> list[Stage]:
    """From the scan to one row per group, place and bucket; `apart` with what tells how clients differ."""
    place = permuted.place(column("client_id"), scan.spec.seed)
    words = "A place for each client, from a hash of its id alone."
    if scan.is_number:
        placed = permuted.PlaceNumbers(
            sentence=Comment(f"How many clients have each number. {words}"),
            dimensions=scan.names,
            place=place,
            spread=apart,
        )
        return [*numbers(scan), placed]
    by_day = scan.spec.normalization == "client_day"
    vote: Node = path("entry.vote" if by_day else "entry.value")
    if scan.spec.normalization == "client":
        vote = exp.Div(this=vote, expression=path("placed.n_samples"))
    passed = [*(["client_id"] if apart else []), *([] if by_day else ["n_samples"])]
    stages = [
        *per_client(scan, with_unidentified=False),
        permuted.Placed(sentence=Comment(words), columns=(*scan.names, *map(column, passed)), place=place),
    ]
    if apart:
        return [*stages, *places_apart(scan)]
    return [
        *stages,
        permuted.PlaceBuckets(
            sentence=Comment("Votes by place and bucket. A client is counted at its first entry."),
            dimensions=scan.names_beside_entries("placed"),
            vote=vote,
        ),
    ]


def _exact(asked: list[_Statistic]) -> tuple[Node, ...]:
    """The percentiles of either branch, in every row of their pair."""
    return tuple(
        exp.alias_(
            exp.Window(this=lowest(_reaches(column(f"{side}_reached"), one.percentile)), alias=name("pair")),
            f"{side}_{one.sql}",
        )
        for one in asked
        if one.percentile is not None
        for side in ("treated", "control")
    )


def _bin(percentile: float) -> Node:
    """Which quantile a number counts as where permutations look for a percentile.

    Quantiles are an equal part of the standard error apart that the share of clients at or below a number
    has, up to where no permutation gets: however many clients there are, rounding is small beside chance.
    """
    scale = BINS / (FARTHEST * math.sqrt(percentile * (1 - percentile)))
    apart = exp.Paren(this=exp.Sub(this=column("pooled_reached"), expression=literal(percentile, "FLOAT64")))
    both = exp.Add(this=column("n_treated"), expression=column("n_control"))
    product = exp.Mul(this=column("n_treated"), expression=column("n_control"))
    variance = exp.Div(
        this=exp.Paren(this=both), expression=exp.Greatest(this=product, expressions=[literal(1, "INT64")])
    )
    errors = exp.Div(
        this=exp.Mul(this=literal(scale, "FLOAT64"), expression=apart), expression=exp.Sqrt(this=variance)
    )
    least = exp.Greatest(this=literal(float(-BINS), "FLOAT64"), expressions=[errors])
    nearest = exp.Least(this=literal(float(BINS), "FLOAT64"), expressions=[least])
    return exp.cast(exp.Ceil(this=nearest), "INT64")


def _celled(
    scan: Scan, pair: tuple[Node, ...], columns: tuple[Node, ...], values: tuple[Node, ...]
) -> list[Stage]:
    """From places to the cells of each pair."""
    source = "gridded" if scan.is_number else "paired"
    rank = column("place_rank")
    smaller = max(scan.spec.cells / 2, permuted.LEAST_CELLS)
    return [
        permuted.Sized(
            sentence=Comment(f"Not more cells than places, and about {smaller:g} of the smaller branch."),
            source=name(source),
            columns=(*columns, rank, *values),
            pair=pair,
            smaller=literal(smaller, "FLOAT64"),
        ),
        permuted.Celled(
            sentence=Comment(
                "The number of cells is a prime, 2 modulo 3, so that cubes modulo it are one to one."
            ),
            columns=(*columns, rank, *values),
            primes=tuple(literal(prime, "INT64") for prime in reversed(permuted.CELLS[1:])),
            smallest=literal(permuted.CELLS[0], "INT64"),
        ),
        permuted.CellBuckets(
            sentence=Comment("Votes by cell. The cell -1 has all buckets, and their votes in all cells."),
            columns=columns,
            amounts=scan.is_number,
        ),
        permuted.Cells(
            sentence=Comment("One row per cell; as many are drawn as the branch has of the clients."),
            columns=columns,
            amounts=scan.is_number,
        ),
    ]


def _drawn(scan: Scan, columns: tuple[Node, ...], *, is_number: bool) -> list[Stage]:
    """From the cells to one row per permutation and bucket."""
    count = permutations_of(scan.spec, scan.asked)
    return [
        permuted.Draws(
            sentence=Comment("Permutations, 0 being the real split; three numbers of a hash for each."),
            salted=permuted.salted(scan.spec.seed),
            permutations=literal(count, "INT64"),
        ),
        permuted.Drawn(
            sentence=Comment("The cells that each permutation draws: those that land below n_drawn."),
            columns=columns,
        ),
        permuted.Splits(
            sentence=Comment("Votes of the cells that were drawn, and of all."),
            columns=columns,
            amounts=is_number,
        ),
    ]


def _columns(one: _Statistic) -> tuple[Node, ...]:
    """The columns of a statistic in `statistics`."""
    if one.shown != "chi2":
        return exp.alias_(one.drawn, f"drawn_{one.sql}"), exp.alias_(one.rest, f"rest_{one.sql}")
    drawn, rest = column("drawn_share"), column("rest_share")
    apart = exp.Paren(this=exp.Sub(this=drawn, expression=rest))
    both = exp.Add(
        this=exp.Add(this=drawn.copy(), expression=rest.copy()), expression=exp.Literal.number("1e-10")
    )
    part = exp.Div(
        this=exp.Mul(this=apart, expression=apart.copy()),
        expression=exp.Paren(this=both),
    )
    distance = exp.Mul(this=exp.Literal.number("0.5"), expression=exp.Sum(this=part))
    return (exp.alias_(distance, f"distance_{one.sql}"),)


def _struct(one: _Statistic, unit: Fraction, *, exact: bool) -> Node:
    """A statistic as a struct: what is shown, and the distance that permutations are judged by."""

    def number(node: Node) -> Node:
        return exp.cast(node, "DOUBLE")

    def shown(column_name: str) -> Node:
        return converted(column(column_name), unit)[0]

    distance: Node = column(f"distance_{one.sql}")
    difference = distance
    value: Node = exp.null()
    control: Node = exp.null()
    if one.shown != "chi2":
        distance = exp.Sub(this=shown(f"drawn_{one.sql}"), expression=shown(f"rest_{one.sql}"))
        is_exact = exact and one.percentile is not None
        value, control = (
            shown(f"{side}_{one.sql}") for side in (("treated", "control") if is_exact else ("drawn", "rest"))
        )
        difference = exp.Sub(this=value.copy(), expression=control.copy())
    fields = {
        "value": number(value),
        "control_value": number(control),
        "difference": number(difference),
        "distance": number(distance),
    }
    named = [exp.alias_(text(one.shown), "statistic")]
    return exp.Struct(expressions=[*named, *(exp.alias_(node, alias) for alias, node in fields.items())])


def _tested(scan: Scan, columns: tuple[Node, ...]) -> permuted.Tested:
    count = permutations_of(scan.spec, scan.asked)
    added = 0 if scan.spec.p_value == "raw" else 1
    as_far = math.floor(Fraction(str(permuted.SIGNIFICANT)) * (count + added)) - added
    return permuted.Tested(
        sentence=Comment("Permutations that are nearer than the real split are not counted."),
        columns=columns,
        rank=literal(as_far + 1, "INT64"),
        most=literal(count + added, "INT64"),
        total=literal(count + added, "INT64"),
        tolerance=exp.Literal.number(TOLERANCE),
        smallest=added / (count + added),
        known_tests=known_tests(scan.spec, scan.asked),
    )


def _ranked(
    scan: Scan,
    stages: list[Stage],
    columns: tuple[Node, ...],
    asked: list[_Statistic],
    limits: tuple[Node, ...],
) -> Measured:
    """The last two stages, and the result's columns."""
    kinds = {"statistic": "STRING", "value": "FLOAT64", "control_value": "FLOAT64", "difference": "FLOAT64"}
    limited = dict.fromkeys((limit.alias for limit in limits), "FLOAT64")
    tests = {"detectable": "FLOAT64", "p_value": "FLOAT64", "p_holm": "FLOAT64", "p_bh": "FLOAT64"}
    units = "n_pings" if scan.spec.analysis_unit == "ping" else "n_clients"
    clients = {units: "INT64", "n_control": "INT64"}
    shown = tuple(map(column, kinds))
    names = tuple(
        exp.alias_(column("treatment"), BRANCH) if d.name == BRANCH else column(d.name)
        for d in scan.dimensions
    )
    stages += [
        Ranked(
            sentence=Comment("The rank of each p-value among those of the whole result."),
            columns=(*columns, *shown, column("detectable"), column("p_value")),
        ),
        Compare(
            sentence=Comment("p_holm and p_bh allow for the number of tests."),
            columns=(*names, exp.alias_(control_of(scan.spec), "control"), *shown),
            counted=exp.alias_(column("n_treated"), units),
            limits=limits,
        ),
    ]
    output = [OutputColumn("control", "STRING")]
    output += [OutputColumn(n, kind) for n, kind in (kinds | limited | tests | clients).items()]
    ifs = [exp.If(this=text(one.shown), true=literal(i, "INT64")) for i, one in enumerate(asked)]
    if len(asked) == 1:
        return Measured(stages, [*scan.outputs, *output])
    order = (exp.Case(this=column("statistic"), ifs=ifs),)
    return Measured(stages, [*scan.outputs, *output], ("statistic",), order)
