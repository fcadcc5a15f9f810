"""Rates without an axis of time: a point with its limits for each group, and what it is of beside it.

Versions that are compared over the same time have two: of all their time, and of the time that is compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from querygen.charts.axes import number
from querygen.charts.bars import PLAIN
from querygen.charts.frame import Row, safe
from querygen.charts.limits import has_limits, limits_note, most_shown, whiskers
from querygen.charts.picture import (
    MOST_CATEGORIES,
    MOST_SERIES,
    Picture,
    Sheet,
    Spec,
    categories,
    category_height,
    hollow_if_low,
    side_by_side,
    wrapped,
)
from querygen.charts.states import limit_rule, state_channels, state_name, states_in

_ADJUSTED = "adjusted_"


@dataclass(frozen=True)
class _Part:
    """The columns of rates that a panel draws, by what their names begin with, and the panel's title."""

    prefix: str
    title: str


def by_group(sheet: Sheet, per: str) -> Picture:
    """Points with whiskers; `per` is what the rate is per."""
    frame = sheet.frame
    groups, left_out = frame.largest(MOST_CATEGORIES)
    named = {group.name or "all": group.rows[0] for group in groups}
    y = categories(frame, list(named))
    y["axis"]["grid"] = True
    is_adjusted = any(f"{_ADJUSTED}rate" in row for row in named.values())
    most, is_cut = _most(sheet, named)
    on = replace(sheet, width=250 if is_adjusted else 360, height=category_height(list(named)))
    panels: list[Spec] = []
    parts = [_Part("", "over all time"), _Part(_ADJUSTED, "over the same time")]
    for part in parts if is_adjusted else [_Part("", "")]:
        above = {"title": {"text": part.title, "fontSize": 13, "offset": 8, "frame": "group"}}
        panel = _points(on, named, {**y, "axis": None} if panels else y, part, _rates_axis(per, most))
        panels.append({**(above if part.title else {}), **panel})
    amounts = [("events", "events"), ("exposure", safe(frame.about.exposure))]
    panels += [
        _amount(replace(on, width=100), named, {**y, "axis": None}, field, title, is_adjusted=is_adjusted)
        for field, title in amounts
    ]
    notes = [f"The {len(groups)} groups with most clients of {len(groups) + left_out}."] if left_out else []
    notes += limits_note(frame.about, "Lines through the points") if has_limits(list(named.values())) else []
    if is_adjusted:
        notes.append(
            "Over the same time: as long since each version's release as the newest has been out, or until "
            "the next came. The dark part of a bar is of this time."
        )
    if any(row.get("expected_upper") is not None for row in named.values()):
        notes.append("Pale bars: the range to be expected from the versions before.")
    if is_cut:
        notes.append("Limits that are far beyond all rates are cut off at the axis.")
    return Picture(side_by_side(panels), _told(named, is_adjusted=is_adjusted), notes)


def _most(sheet: Sheet, named: Mapping[str, Row]) -> tuple[float, bool]:
    """Where the axis of all rates ends, and whether limits are cut."""
    rows = named.values()
    solid = [row for row in rows if not row.get("low_data")] or list(rows)

    def found(which: list[Row], *fields: str) -> list[float]:
        values = [row.get(field) for row in which for field in fields]
        return [value for value in values if value is not None]

    rates = [*found(list(rows), "rate", "adjusted_rate", "expected_upper"), sheet.frame.about.max_rate or 0.0]
    upper = found(solid, "upper", "adjusted_upper")
    most, is_cut = most_shown(rates, upper)
    return most, is_cut or any(value > most for value in found(list(rows), "upper", "adjusted_upper"))


def _rates_axis(per: str, most: float) -> Spec:
    axis = {"tickCount": 5, "format": ",~r", "title": wrapped(per)}
    return {
        "field": "rate",
        "type": "quantitative",
        "scale": {"domain": [0, most], "nice": True},
        "axis": axis,
    }


def _points(sheet: Sheet, named: Mapping[str, Row], y: Spec, part: _Part, x: Spec) -> Spec:
    """A point and its limits for each group; the states stand at the rates that they judge."""
    frame, colours, prefix = sheet.frame, sheet.colours, part.prefix
    is_judged = part.title != "over all time"
    values: list[dict[str, Any]] = [
        {
            "group": name,
            "rate": row[f"{prefix}rate"],
            "lower": row.get(f"{prefix}lower"),
            "upper": row.get(f"{prefix}upper"),
            "events": row[f"{prefix}events"],
            "exposure": row[f"{prefix}exposure"],
            "low": bool(row.get("low_data")),
            "state": state_name(row.get("state")),
        }
        for name, row in named.items()
    ]
    expected = [
        {"group": name, "lower": row["expected_lower"], "upper": row["expected_upper"]}
        for name, row in named.items()
        if is_judged and row.get("expected_upper") is not None
    ]
    layers: list[Spec] = []
    if expected:
        layers.append(
            {
                "data": {"values": expected},
                "mark": {"type": "bar", "height": 18, "fill": colours["outer"], "clip": True},
                "encoding": {"y": y, "x": {**x, "field": "lower"}, "x2": {"field": "upper"}},
            }
        )
    layers.append(
        whiskers(values, {"y": y, "stroke": {"value": colours["main"]}}, "x", {**x, "field": "lower"})
    )
    mark: Spec = {"type": "point", "size": 90, "strokeWidth": 1.8, "opacity": 1}
    if is_judged and states_in(frame):
        look = state_channels(sheet)
    else:
        mark |= {"stroke": colours["main"], "shape": "circle", "size": 70}
        look = hollow_if_low(colours, {"value": colours["main"]})
    tooltip = [
        {"field": "group", "type": "nominal"},
        {"field": "rate", "type": "quantitative", "title": x["axis"]["title"]},
        {"field": "events", "type": "quantitative", "title": "events", "format": ","},
        {"field": "exposure", "type": "quantitative", "title": safe(frame.about.exposure), "format": ",.6~r"},
    ]
    there = [value for value in values if value["rate"] is not None]
    layers.append(
        {"data": {"values": there}, "mark": mark, "encoding": {"y": y, "x": x, **look, "tooltip": tooltip}}
    )
    return sheet.panel(*layers, *limit_rule(sheet, x, "x"))


def _amount(
    sheet: Sheet, named: Mapping[str, Row], y: Spec, field: str, title: str, *, is_adjusted: bool
) -> Spec:
    """Events or exposure of each group; of versions, with the part that is compared in it."""
    most = max((row[field] or 0 for row in named.values()), default=0)
    axis = {"tickCount": 2, "title": wrapped(title, 16), "labelExpr": PLAIN}
    x = {"field": "amount", "type": "quantitative", "scale": {"domain": [0, most or 1]}, "axis": axis}
    layers = []
    for prefix in ("", _ADJUSTED) if is_adjusted else ("",):
        is_pale = is_adjusted and not prefix
        values = [{"group": name, "amount": row[f"{prefix}{field}"]} for name, row in named.items()]
        fill = sheet.colours["outer" if is_pale else "count"]
        bars = {"type": "bar", "fill": fill, **({} if is_pale or not is_adjusted else {"height": 8})}
        layers.append({"data": {"values": values}, "mark": bars, "encoding": {"y": y, "x": x}})
    return sheet.panel(*layers)


def _told(named: Mapping[str, Row], *, is_adjusted: bool) -> list[str]:
    """The rate of each group in words."""
    told = []
    for name, row in list(named.items())[:MOST_SERIES]:
        prefix = _ADJUSTED if is_adjusted and row.get("adjusted_rate") is not None else ""
        if row[f"{prefix}rate"] is None:
            told.append(f"{name}: no rate.")
            continue
        limits = ""
        if row.get(f"{prefix}lower") is not None:
            limits = f" ({number(row[f'{prefix}lower'])} to {number(row[f'{prefix}upper'])})"
        same = ", over the same time" if prefix else ""
        told.append(f"{name}: {number(row[f'{prefix}rate'])}{limits}{same}.")
    return told
