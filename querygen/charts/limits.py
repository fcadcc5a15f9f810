"""Confidence limits: whiskers of single values, and bands around lines."""

from collections.abc import Mapping, Sequence
from typing import Any

from querygen.about import About
from querygen.charts.frame import Row
from querygen.charts.picture import Spec

MOST_BANDS = 3
"""So many series have bands that can be told apart in one panel."""

TOO_MANY_BANDS = "Limits are left out, since so many bands would hide each other; the rows have them."

FAR = 3
"""Limits may be so many times as far as the farthest value is, before they are cut off."""


def has_limits(rows: Sequence[Row]) -> bool:
    """Whether any row has limits."""
    return any(row.get("lower") is not None and row.get("upper") is not None for row in rows)


def limits_note(about: About, how: str) -> list[str]:
    """What bands or whiskers are, for readers who see them."""
    return (
        [] if about.confidence is None else [f"{how}: limits of {about.confidence * 100:.10g}% confidence."]
    )


def whiskers(values: Sequence[Mapping[str, Any]], encoding: Spec, along: str, channel: Spec) -> Spec:
    """A line from `lower` to `upper` for each value.

    Args:
        values: with `lower` and `upper` in places of the axis, and what `encoding` needs.
        encoding: all but the axis of values.
        along: that axis: `x` or `y`.
        channel: its encoding, of the field `lower`.
    """
    return {
        "data": {"values": [value for value in values if value.get("lower") is not None]},
        "mark": {"type": "rule", "strokeWidth": 1.5, "clip": True},
        "encoding": {**encoding, along: channel, f"{along}2": {"field": "upper"}},
    }


def band(
    values: Sequence[Mapping[str, Any]],
    encoding: Spec,
    fill: str,
    *,
    opacity: float = 0.16,
    interpolate: str | None = None,
) -> list[Spec]:
    """The limits of a line, where it has any, as an area from `lower` to `upper`.

    Args:
        values: of the line.
        encoding: the axis that it is along, and `y`, the axis of the field `lower`.
        fill: the colour.
        opacity: of several series less than of one.
        interpolate: as the line's.
    """
    if not any(value.get("upper") is not None for value in values):
        return []
    along = encoding["x"]["field"]
    edges = [{name: value.get(name) for name in (along, "lower", "upper")} for value in values]
    mark: Spec = {"type": "area", "clip": True, "fill": fill, "opacity": opacity}
    mark |= {"interpolate": interpolate} if interpolate else {}
    return [{"data": {"values": edges}, "mark": mark, "encoding": {**encoding, "y2": {"field": "upper"}}}]


def most_shown(values: Sequence[float], limits: Sequence[float], far: float = FAR) -> tuple[float, bool]:
    """Where an axis from zero must end, and whether it cuts limits off.

    Args:
        values: that must be seen.
        limits: that are to be seen.
        far: limits so many times as far as the farthest value are cut off.

    A limit of a hundred times the value says that nothing is known; an axis that shows it whole shows nothing
    else.
    """
    farthest, needed = max(values, default=0.0), max(limits, default=0.0)
    if not farthest:
        return needed or 1.0, False
    most = min(max(needed, farthest), far * farthest)
    return most, needed > most
