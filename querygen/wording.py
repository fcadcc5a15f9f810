"""The query in words: its title, what is counted, which filters hold, and the chart that shows the result."""

import re
from fractions import Fraction

from querygen import VERSION
from querygen.about import About, Split
from querygen.dimensions import ResolvedDimension, operators
from querygen.facts import Facts
from querygen.plan import Comment
from querygen.redash_chart import RedashChart
from querygen.scan import Scan
from querygen.spec import Spec
from querygen.times import SECONDS
from querygen.units import unit_after

_TIMES = ("DATE", "DATETIME", "TIMESTAMP")


def about(spec: Spec, scan: Scan, notes: list[str], facts: Facts, by: Fraction) -> About:
    """The query in words, and what its result's numbers mean.

    Args:
        spec: the question.
        scan: what is asked for, and by which dimensions.
        notes: what was decided for the user.
        facts: what is known about the buckets.
        by: what buckets are multiplied by for the result.
    """
    exposure = spec.exposure_or_default
    return About(
        measure=spec.measure or "",
        title=spec.title or _title(spec, scan),
        description=spec.description or "",
        counted=_counted(spec, bool(scan.dimensions)),
        filters=tuple(f"{name} {operators(by)}" for name, by in spec.filters.items()),
        notes=tuple(notes),
        splits=tuple(
            Split(d.name, _is_time(d), d.labels, d.version_rank is not None) for d in scan.dimensions
        ),
        unit=unit_after(facts.unit, by) if facts.unit else None,
        bounds=tuple(_number(bound * by) for bound in facts.bounds),
        overflow=None if facts.overflow is None else _number(facts.overflow * by),
        is_categories=facts.is_categories,
        is_interpolated=spec.percentile_method == "interpolated",
        min_clients=spec.min_clients,
        min_usage_hours=spec.min_usage_hours,
        confidence=spec.confidence,
        events="" if spec.events is None else str(spec.events),
        exposure="" if exposure is None else str(exposure),
        per=spec.per_or_default,
        step=None if spec.interval is None else SECONDS[spec.interval],
        max_rate=None if spec.alert is None else spec.alert.max_rate,
    )


def _is_time(dimension: ResolvedDimension) -> bool:
    is_build_id = dimension.source is not None and dimension.source.whole_length == 14
    return dimension.type in _TIMES or is_build_id


def _number(exact: Fraction) -> float:
    return int(exact) if exact.denominator == 1 else float(exact)


def header(about: About, spec: Spec, chart: RedashChart | None) -> tuple[Comment, ...]:
    """The comments on top of the SQL."""
    # Redash turns what stands before a colon or between commas of a first comment into job labels.
    title = re.sub(r"(?<=\d),(?=\d{3})", "", about.title)  # 1,000
    lines = [title.replace(":", " -").replace(",", " and")]
    if about.description:
        lines.append(about.description)
    lines.append(f"Counted: {about.counted}")
    lines += [f"Note: {note}" for note in about.notes]
    if about.filters:
        lines.append("Filters: " + "; ".join(about.filters))
    if chart:
        lines.append(f"Chart in STMO: {chart.words(has_series=spec.series)}")
    lines.append(f"Made with querygen {VERSION}")
    return tuple(map(Comment, lines))


def _title(spec: Spec, scan: Scan) -> str:
    by = " by " + " and ".join(d.name for d in scan.dimensions) if scan.dimensions else ""
    names = dict.fromkeys(asked.histogram for asked in scan.asked)
    measured = "Comparison" if spec.measure == "compare" else (spec.measure or "").capitalize()
    if spec.events is not None:
        return f"{measured} of {_derived(spec)}{by}"
    if not names:
        return f"{(spec.measure or '').capitalize() if spec.measure == 'pings' else 'Clients and pings'}{by}"
    return f"{measured} of {' and '.join(names)}{by}"


def _derived(spec: Spec) -> str:
    """What is counted of each client, and what it is divided by."""
    if spec.exposure_or_default is None:
        return str(spec.events)
    return f"{spec.events} per {spec.exposure_words}"


def _counted(spec: Spec, grouped: bool) -> str:
    group = " within each group" if grouped else ""
    if spec.measure == "pings":
        return "nothing; each row is one ping"
    if spec.measure == "counts":
        return "distinct client ids and pings; pings without a client id are in n_pings only"
    if spec.events is not None:
        if spec.measure == "rate":
            return f"{_derived(spec)}, of all pings; n_clients are the clients that sent any of them"
        words = f"one number per client{group}, {_derived(spec)}"
        return f"{words}; pings without a client id are left out"
    if spec.analysis_unit == "ping":
        return f"one number per ping{group}" if spec.is_number else "every recorded sample once"
    if spec.scalar:
        return f"one number per client{group}, the sum over its pings; pings without a client id have none"
    words = {
        "none": "every recorded sample once",
        "client": f"one vote per client{group}; pings without a client id have none",
        "client_day": f"one vote per client and submission day{group}; pings without a client id have none",
    }[spec.normalization]
    if spec.measure == "compare":
        return words if spec.normalization != "none" else f"{words}; pings without a client id are left out"
    samples = "" if spec.measure == "summary" else ", and n_samples their samples"
    return f"{words}. n_clients are the clients with a sample{samples}"
