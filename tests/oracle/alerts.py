"""`alert`: a state of each row of a rate, "the first of these that holds"."""

import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist, mean, variance

from oracle.columns import Version
from oracle.measures import Output
from oracle.questions import Spec

LEAST_BEFORE, MOST_BEFORE = 3, 30


def with_states(spec: Spec, names: Sequence[str], rows: list[Output]) -> list[Output]:
    """The rows with what they are judged by, and their state; `names` are the dimensions."""
    alert = spec["alert"]
    if alert.get("max_change") or alert.get("expected"):
        version = next(name for name in names if name in ("app_version", "major_version"))
        others = [name for name in names if name != version]
        groups: dict[tuple, list[Output]] = {}
        for row in rows:
            groups.setdefault(tuple(row[name] for name in others), []).append(row)
        made = []
        for row in rows:
            # A stable order: versions in theirs, what is none before them.
            of_group = sorted(
                groups[tuple(row[name] for name in others)], key=lambda one: _place(one[version])
            )
            before = of_group[: of_group.index(row)]
            made.append(row | _judged(spec, row, before))
        rows = made
    return [row | {"state": _state(spec, row)} for row in rows]


def _place(version: object) -> tuple:
    if isinstance(version, Version):
        rank = version.rank()
        return (1, rank, version) if rank else (0, (), version)
    return (0, (), "") if version is None else (1, version, "")


def _judged(spec: Spec, row: Output, before: list[Output]) -> Output:
    """The rate of the version before at the same age, and the range that is expected by all before."""
    previous = before[-1]["adjusted_rate"] if before else None
    rate = row["adjusted_rate"]
    found: Output = {
        "previous_rate": previous,
        "change": rate / previous - 1 if previous and rate is not None else None,
    }
    confidence = spec["alert"].get("expected")
    if confidence is None:
        return found
    known = [
        one for one in before if not one.get("low_data") and one["adjusted_upper"] and one["adjusted_rate"]
    ]
    lower = upper = None
    if len(known) >= LEAST_BEFORE and row["adjusted_exposure"]:
        away = NormalDist().inv_cdf((1 + spec["confidence"]) / 2)
        logs = [math.log(one["adjusted_rate"]) for one in known]
        chances = [float(one["adjusted_upper"] / one["adjusted_rate"] - 1) ** 2 / away**2 for one in known]
        own = mean(c * float(one["adjusted_exposure"]) for c, one in zip(chances, known, strict=True))
        between = variance(logs)
        total = max(between - mean(chances), 0) + own / float(row["adjusted_exposure"]) + between / len(known)
        margin = _student(confidence, len(known)) * math.sqrt(total)
        lower, upper = (math.exp(mean(logs) + sign * margin) for sign in (-1, 1))
    return found | {"expected_lower": lower, "expected_upper": upper, "n_before": len(known)}


def _student(confidence: float, count: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, min(count, MOST_BEFORE - 1) - 1))


def _state(spec: Spec, row: Output) -> str:
    alert = spec["alert"]
    prefix = "adjusted_" if "adjusted_rate" in row else ""
    rate = row[f"{prefix}rate"]
    sure = row[f"{prefix}lower"] if spec.get("confidence") else rate
    limits: list[Fraction | float] = []
    if alert.get("max_rate"):
        limits.append(alert["max_rate"])
    if alert.get("max_change") and row["previous_rate"] is not None:
        limits.append(row["previous_rate"] * (1 + Fraction(str(alert["max_change"]))))
    upper = row.get("expected_upper")

    def is_above(value: Fraction | None) -> bool:
        return value is not None and any(value > one for one in limits)

    if row.get("low_data") or row["rate"] is None:
        return "low_data"
    if rate is None:
        return "too_new"
    if is_above(sure) or (upper is not None and rate > upper):
        return "alert"
    if is_above(rate):
        return "watch"
    judge = (
        "expected_upper" if alert.get("expected") else "previous_rate" if alert.get("max_change") else None
    )
    return "too_new" if judge and row[judge] is None else "ok"
