"""Lints of results: what rows may be misread as, which only the rows can tell.

Each is a function from a result and its spec to findings, as those of `lints` are from a query.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from querygen.errors import Diagnostic
from querygen.permutations import SIGNIFICANT, Gridded, Tested

if TYPE_CHECKING:
    from querygen.result import Result
    from querygen.spec import Spec

MOST_SKEWED = 0.1  # see `is_unsteady`
FAR = 0.25  # a χ² distance: up to its root, here half, of all votes are in other buckets


def percentile_in_overflow(result: "Result", _: "Spec") -> Iterator[Diagnostic]:
    """Percentiles of which only a lower bound is known, though they look like any other."""
    if "at_least" not in result.table.column_names:
        return
    rows = [row for row in result.rows() if row["at_least"]]
    if rows:
        which = ", ".join(f"{p:g}" for p in sorted({row["percentile"] for row in rows}))
        where = f"in {len(rows)} of {len(result)} rows the percentile ({which}) is in the overflow bucket"
        yield Diagnostic(
            "percentile-in-overflow",
            f"{where}: it is {rows[0]['value']} or more",
            loc=("percentiles",),
            help="read the value as a lower bound, as `at_least` tells, or ask for `measure: distribution`",
        )


def few_permutations(result: "Result", _: "Spec") -> Iterator[Diagnostic]:
    """Permutations too few for the tests that there turned out to be, of keys and groups."""
    for stage in result.plan.stages:
        if isinstance(stage, Tested):
            tests = sum(row["p_value"] is not None for row in result.rows())
            if stage.is_hopeless(tests) and not stage.is_hopeless(stage.known_tests):
                yield too_few(tests)


def too_few(tests: int) -> Diagnostic:
    """The finding that permutations are too few for so many tests."""
    return Diagnostic(
        "few-permutations",
        f"the permutations are too few for any of {tests} tests to have a p_holm below {SIGNIFICANT}",
        loc=("permutations",),
        help=f"write `permutations: {math.ceil(tests / SIGNIFICANT)}` or more, or compare less at once",
    )


def too_rare(result: "Result", _: "Spec") -> Iterator[Diagnostic]:
    """Comparisons that could not have shown a difference as large as all that there is."""
    if "detectable" not in result.table.column_names:
        return
    are_numbers = any(isinstance(stage, Gridded) for stage in result.plan.stages)
    tested = [row for row in result.rows() if row["p_value"] is not None]
    rare = [row for row in tested if _is_too_rare(row, are_numbers=are_numbers)]
    if not rare:
        return
    row = rare[0]
    control, detectable = row["control_value"], row["detectable"]
    what = "distributions" if control is None else f"a {row['statistic']} of {control:.3g}"
    units = f"{row['n_pings']} pings" if "n_pings" in row else f"{row['n_clients']} clients"
    seen = "no difference" if detectable is None else f"only a difference above {detectable:.3g}"
    yield Diagnostic(
        "too-rare",
        f"{len(rare)} of {len(tested)} comparisons are of events too rare for this sample: {seen} could have "
        f"been seen in {what} ({row['branch']}, {units} to {row['n_control']})",
        loc=("measure",),
        help="ask about more clients or days; `detectable` has the smallest difference for each row",
    )


def _is_too_rare(row: Mapping[str, Any], *, are_numbers: bool) -> bool:
    """Whether not even the loss of all that the control has could have been seen."""
    detectable = row["detectable"]
    if detectable is None:
        return True
    if row["control_value"] is None:
        return bool(detectable >= FAR)
    most = max(abs(row["value"]), abs(row["control_value"]))
    # A client's number of 0 on both sides is an event that most clients have none of; a bucket 0 is a value.
    return bool(detectable >= most and (are_numbers or most > 0))


def unsteady_mean(result: "Result", spec: "Spec") -> Iterator[Diagnostic]:
    """Limits of means that rest on a few clients with values far above those of the others."""
    is_mean = spec.measure == "summary" or "mean" in spec.statistics_or_default
    if spec.confidence is None or not is_mean:
        return
    confidence = spec.confidence
    unsteady = sum(is_unsteady(row, confidence) for row in result.rows())
    if unsteady:
        yield Diagnostic(
            "unsteady-mean",
            f"in {unsteady} of {len(result)} rows the mean rests on a few clients with values far above those"
            f" of the others: its limits hold the truth less often than {confidence:g} says",
            loc=("confidence",),
            help="ask for a percentile or a share, whose limits hold, or about more clients",
        )


def is_unsteady(row: Mapping[str, Any], confidence: float) -> bool:
    """Whether the limits of a row's mean, or difference of means, can be too narrow, its data being skewed.

    They are by a part that grows with the square of the skewness of the mean, which is that of the values
    divided by the root of their number. Of values from 0 up, the square of the variation (the standard
    deviation to the mean) is about their skewness; of a difference the skewness of both means cancels out as
    far as branches are equal. By `make simulate`, limits of 0.95 hold less than 93% where that is above 0.1.
    """
    if row["lower"] is None or row.get("n_clients") == 0 or row.get("statistic", "mean") != "mean":
        return False
    error = (row["upper"] - row["lower"]) / (2 * NormalDist().inv_cdf((1 + confidence) / 2))
    if "mean" in row:
        each, skewed, mean = 1 / row["n_clients"], 1 / row["n_clients"] ** 0.5, row["mean"]
    else:
        ours, theirs = 1 / row.get("n_clients", row.get("n_pings")), 1 / row["n_control"]
        each, mean = ours + theirs, (row["value"] + row["control_value"]) / 2
        skewed = abs(ours - theirs) / each**0.5
    if mean == 0:
        return True  # nothing was seen, which limits of 0 and 0 take for certain
    return bool((error / mean) ** 2 / each * skewed > MOST_SKEWED)


ROW_LINTS: "tuple[Callable[[Result, Spec], Iterator[Diagnostic]], ...]" = (
    percentile_in_overflow,
    few_permutations,
    too_rare,
    unsteady_mean,
)
