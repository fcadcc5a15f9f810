"""Percentiles: bands around the median along time, or a range for each category."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from querygen.charts.axes import ValueAxis, iso, number, value_axis
from querygen.charts.bars import count_bars, count_lines, counts_beside
from querygen.charts.frame import Frame, Group, Row
from querygen.charts.limits import MOST_BANDS, TOO_MANY_BANDS, band, has_limits, limits_note, whiskers
from querygen.charts.picture import (
    MOST_CATEGORIES,
    MOST_SERIES,
    Colours,
    Picture,
    Sheet,
    Spec,
    all_rows,
    axis_title,
    categories,
    category_height,
    dashed_lines,
    hollow_if_low,
    notes_of,
    one_or_many,
    range_of,
    release_marks,
    series_channels,
    side_by_side,
    span_of,
    stacked,
    time_title,
)

_MOST_BANDS = 2
_MOST_POINTS = 130
_DASHES = ([4, 2], [1, 2], [8, 3], [8, 2, 1, 2], [2, 4], [12, 3])


@dataclass(frozen=True)
class Roles:
    """How percentiles are drawn.

    Attributes:
        bands: pairs as far from the median on both sides, the widest first.
        lines: the others, the median first.
    """

    bands: tuple[tuple[float, float], ...]
    lines: tuple[float, ...]

    @classmethod
    def of(cls, percentiles: Sequence[float]) -> "Roles":
        """The roles of the percentiles asked for: the two innermost pairs are bands."""
        lower = [p for p in percentiles if p < 0.5]
        pairs = [(p, q) for p in lower for q in percentiles if abs(p + q - 1) < 1e-9]
        bands = sorted(pairs, reverse=True)[:_MOST_BANDS][::-1]
        used = set(itertools.chain(*bands))
        rest = [p for p in percentiles if p not in used]
        return cls(tuple(bands), tuple(sorted(rest, key=lambda p: (p != 0.5, p))))

    @property
    def band_names(self) -> list[str]:
        """Each band in words."""
        return [f"{ordinal(low)} to {ordinal(high)} percentile" for low, high in self.bands]

    @property
    def line_names(self) -> list[str]:
        """Each line in words."""
        return [percentile_name(p) for p in self.lines]


def ordinal(percentile: float) -> str:
    """0.25 as 25th."""
    text = f"{percentile * 100:.10g}"
    last = text[-1] if "." in text or not text.endswith(("11", "12", "13")) else ""
    return text + {"1": "st", "2": "nd", "3": "rd"}.get(last, "th")


def percentile_name(percentile: float) -> str:
    """0.25 as 25th percentile; 0.5 is the median."""
    return "median" if percentile == 0.5 else f"{ordinal(percentile)} percentile"


def percentiles(frame: Frame, colours: Colours) -> Picture:
    """Bands and lines over time, with the clients under them; without a time, ranges by category."""
    asked = sorted({row["percentile"] for row in all_rows(frame)})
    limited = has_limits(all_rows(frame))
    # Bands are limits then, and nothing else.
    roles = Roles((), tuple(sorted(asked, key=lambda p: (p != 0.5, p)))) if limited else Roles.of(asked)
    fields = ("value", "lower", "upper")
    values = [row[field] for row in all_rows(frame) for field in fields if row.get(field) is not None]
    axis = value_axis(frame.about, values)
    draw = _over_time if frame.time else _by_category
    picture = draw(Sheet(frame, colours), roles, axis)
    told = roles.lines[0] if roles.lines else asked[0]
    rows = [row for row in all_rows(frame) if row["percentile"] == told]
    picture.sentences += [
        range_of(rows, "value", percentile_name(told), frame.about.unit),
        range_of(rows, "n_clients", "clients"),
    ]
    picture.notes += [axis.note] if axis.note else []
    picture.notes += notes_of(frame)
    return picture


def _over_time(sheet: Sheet, roles: Roles, axis: ValueAxis) -> Picture:
    groups = sheet.frame.groups
    is_single = not roles.bands and len(roles.lines) == 1
    limited = has_limits(all_rows(sheet.frame))
    if is_single and 1 < len(groups) <= MOST_SERIES:
        notes = limits_note(sheet.frame.about, "Bands") if limited else []
        notes = [TOO_MANY_BANDS] if limited and len(groups) > MOST_BANDS else notes
        spec = stacked([_series_panel(sheet, roles.lines[0], axis), count_lines(sheet.low)])
        names = ", ".join(group.name for group in groups)
        return Picture(spec, [span_of(sheet.frame), f"{len(groups)} lines: {names}."], notes)

    def panel(on: Sheet, group: Group) -> Spec:
        return stacked([_bands_panel(on, group, roles, axis), count_bars(on.low, group)])

    spec, notes = one_or_many(sheet, panel)
    return Picture(
        spec, [span_of(sheet.frame)], [*notes, *(limits_note(sheet.frame.about, "Bands") if limited else [])]
    )


def _bands_panel(sheet: Sheet, group: Group, roles: Roles, axis: ValueAxis) -> Spec:
    """The bands and lines of one group."""
    frame, colours = sheet.frame, sheet.colours
    x = sheet.along.channel(None)
    title = axis_title(frame.about, "value")
    layers: list[Spec] = []
    for pair, name in zip(roles.bands, roles.band_names, strict=True):
        between = [{**value, "band": name} for value in _between(frame, group, pair, axis)]
        layers.append(
            {
                "data": {"values": between},
                "mark": {"type": "area", "clip": True},
                "encoding": {
                    "x": x,
                    "y": axis.channel("low", title),
                    "y2": {"field": "high"},
                    "fill": _band_fill(roles, colours),
                },
            }
        )
    for p in roles.lines:
        values = _line(frame, group, p, axis)
        layers += band(values, {"x": x, "y": axis.channel("lower", title)}, colours["inner"], opacity=0.35)
    for p, name in zip(roles.lines, roles.line_names, strict=True):
        dash = {"domain": roles.line_names, "range": [[1, 0], *_DASHES][: len(roles.lines)]}
        legend = {"symbolType": "stroke", "symbolStrokeColor": colours["main"], "symbolStrokeWidth": 2}
        encoding: Spec = {"x": x, "y": axis.channel("y", title), "tooltip": _tooltip(frame)}
        line = {"field": "line", "type": "nominal", "scale": dash, "legend": legend}
        data = {"values": [{**value, "line": name} for value in _line(frame, group, p, axis)]}
        layers.append(
            {
                "data": data,
                "mark": {"type": "line", "strokeWidth": 2, "stroke": colours["main"], "clip": True},
                "encoding": {**encoding, "strokeDash": line},
            }
        )
        layers += _points(data, encoding, colours)
    return sheet.panel(*layers, *release_marks(sheet))


def _points(data: Spec, encoding: Spec, colours: Colours) -> list[Spec]:
    """A point for each value; of many only those of too few clients, which are hollow."""
    values = [value for value in data["values"] if value["y"] is not None]
    shown = values if len(values) <= _MOST_POINTS else [value for value in values if value["low"]]
    if not shown:
        return []
    size = 34 if len(values) <= 40 else 18
    hollow = hollow_if_low(colours, {"value": colours["main"]})
    mark = {"type": "point", "size": size, "stroke": colours["main"], "strokeWidth": 1.5, "opacity": 1}
    return [{"data": {"values": shown}, "mark": mark, "encoding": {**encoding, **hollow}}]


def _series_panel(sheet: Sheet, p: float, axis: ValueAxis) -> Spec:
    """One percentile of several groups in one panel."""
    frame = sheet.frame
    series = {group.name: _line(frame, group, p, axis) for group in frame.groups}
    channels = series_channels(frame.groups, sheet.colours)
    base = {
        "x": sheet.along.channel(None),
        "y": axis.channel("y", axis_title(frame.about, percentile_name(p))),
        "tooltip": _tooltip(frame),
        "color": channels["color"],
    }
    there = [
        {**value, "series": name}
        for name, values in series.items()
        for value in values
        if value["y"] is not None
    ]
    points: Spec = {
        "data": {"values": there if len(there) <= 300 else [value for value in there if value["low"]]},
        "mark": {"type": "point", "size": 34, "strokeWidth": 1.5, "opacity": 1},
        "encoding": {**base, "shape": channels["shape"], **hollow_if_low(sheet.colours, channels["fill"])},
    }
    bands: list[Spec] = []
    for group in frame.groups if len(frame.groups) <= MOST_BANDS else ():
        colour = sheet.colours[f"series{group.look + 1}"]
        bands += band(series[group.name], {"x": base["x"], "y": {**base["y"], "field": "lower"}}, colour)
    lines = dashed_lines(frame.groups, series, base)
    return sheet.panel(*bands, *lines, points, *release_marks(sheet))


def _tooltip(frame: Frame) -> list[dict[str, Any]]:
    """What a page that draws the chart itself shows at a point."""
    return [
        {"field": "at", "type": "nominal", "title": time_title(frame)},
        {"field": "value", "type": "quantitative", "title": axis_title(frame.about, "value")},
        {"field": "n_clients", "type": "quantitative", "title": "clients", "format": ","},
    ]


def _line(frame: Frame, group: Group, p: float, axis: ValueAxis) -> list[dict[str, Any]]:
    """The values of one percentile, with an empty one where the line must break."""
    rows = [row for row in group.rows if row["percentile"] == p]
    values: list[dict[str, Any]] = [
        {
            "at": iso(row["at"]),
            "y": axis.place(row["value"]),
            "value": row["value"],
            **_limits_of(row, axis),
            "n_clients": row["n_clients"],
            "low": bool(row.get("low_data")),
        }
        for row in rows
    ]
    values += [{"at": iso(at), "y": None, "low": False} for at in frame.gaps([row["at"] for row in rows])]
    return sorted(values, key=lambda value: str(value["at"]))


def _limits_of(row: Row, axis: ValueAxis) -> dict[str, Any]:
    """The limits of a value, in places of the axis, if it has them."""
    if row.get("lower") is None or row.get("upper") is None:
        return {}
    return {"lower": axis.place(row["lower"]), "upper": axis.place(row["upper"])}


def _between(frame: Frame, group: Group, pair: tuple[float, float], axis: ValueAxis) -> list[dict[str, Any]]:
    """The two edges of a band, with an empty one where it must break."""
    low, high = ({row["at"]: row["value"] for row in group.rows if row["percentile"] == p} for p in pair)
    values: list[dict[str, Any]] = [
        {"at": iso(at), "low": axis.place(low[at]), "high": axis.place(high[at])}
        for at in sorted(low)
        if at in high
    ]
    values += [{"at": iso(at), "low": None, "high": None} for at in frame.gaps(sorted(low))]
    return sorted(values, key=lambda value: str(value["at"]))


def _band_fill(roles: Roles, colours: Colours) -> Spec:
    names = roles.band_names
    scale = {"domain": names, "range": [colours["outer"], colours["inner"]][-len(names) :]}
    legend = {"symbolType": "square", "symbolStrokeWidth": 0}
    return {"field": "band", "type": "nominal", "scale": scale, "legend": legend}


# --- Without a time ----------------------------------------------------------------------------------------

_SHAPES = ["circle", "triangle-right", "diamond", "square", "cross", "triangle-up", "triangle-left"]


def _by_category(sheet: Sheet, roles: Roles, axis: ValueAxis) -> Picture:
    """For each category its bands as bars and a point for each other percentile; with limits, a row each."""
    frame, colours = sheet.frame, sheet.colours
    limited = has_limits(all_rows(frame))
    groups, left_out = frame.largest(MOST_CATEGORIES)
    named = {group.name or "all": group for group in groups}
    y = categories(frame, list(named))
    y["axis"]["grid"] = True
    title = axis_title(frame.about, "value")
    layers: list[Spec] = []
    for index, (pair, between) in enumerate(zip(roles.bands, roles.band_names, strict=True)):
        values = [
            {"group": name, "band": between, **edges}
            for name, group in named.items()
            for edges in _edges(group, pair, axis)
        ]
        layers.append(
            {
                "data": {"values": values},
                "mark": {"type": "bar", "height": 8 if index == 0 and len(roles.bands) > 1 else 14},
                "encoding": {
                    "y": y,
                    "x": axis.channel("low", title),
                    "x2": {"field": "high"},
                    "fill": _band_fill(roles, colours),
                },
            }
        )
    for index, (p, line) in enumerate(zip(roles.lines, roles.line_names, strict=True)):
        shapes = {"domain": roles.line_names, "range": _SHAPES[: len(roles.lines)]}
        legend = {"symbolFillColor": colours["main"], "symbolStrokeColor": colours["main"]}
        size = 80 if index == 0 else 60
        below: Spec = {}
        dots = _dots(named, p, line, axis)
        if limited:
            order = [percentile_name(p) for p in sorted(roles.lines)]
            below = {"yOffset": {"field": "line", "type": "nominal", "scale": {"domain": order}}}
            inked = {"y": y, **below, "stroke": {"value": colours["main"]}}
            layers.append(whiskers(dots, inked, "x", axis.channel("lower", title)))
        layers.append(
            {
                "data": {"values": dots},
                "mark": {
                    "type": "point",
                    "size": size,
                    "stroke": colours["main"],
                    "strokeWidth": 1.8,
                    "opacity": 1,
                },
                "encoding": {
                    "y": y,
                    **below,
                    "x": axis.channel("y", title),
                    "shape": {"field": "line", "type": "nominal", "scale": shapes, "legend": legend},
                    **hollow_if_low(colours, {"value": colours["main"]}),
                    "tooltip": [
                        {"field": "group", "type": "nominal"},
                        {"field": "line", "type": "nominal"},
                        {"field": "value", "type": "quantitative", "title": title},
                        {"field": "n_clients", "type": "quantitative", "title": "clients", "format": ","},
                    ],
                },
            }
        )
    height = category_height(list(named))
    if limited:
        height = (12 * len(roles.lines) + 16) * len(named)
    on = replace(sheet, width=440, height=height)
    spec = side_by_side([on.panel(*layers), counts_beside(on, named, y)])
    notes = [f"The {len(groups)} groups with most clients of {len(groups) + left_out}."] if left_out else []
    notes += limits_note(frame.about, "Lines through the points") if limited else []
    unit = f" {frame.about.unit}" if frame.about.unit else ""
    sentences = [
        f"{name}: {percentile_name(p)} {number(row['value'])}{unit}."
        for name, group in list(named.items())[:MOST_SERIES]
        for p in roles.lines[:1]
        for row in group.rows
        if row["percentile"] == p
    ]
    return Picture(spec, sentences, notes)


def _edges(group: Group, pair: tuple[float, float], axis: ValueAxis) -> list[dict[str, Any]]:
    low, high = ([row["value"] for row in group.rows if row["percentile"] == p] for p in pair)
    return [{"low": axis.place(a), "high": axis.place(b)} for a, b in zip(low, high, strict=True)]


def _dots(named: Mapping[str, Group], p: float, line: str, axis: ValueAxis) -> list[dict[str, Any]]:
    return [
        {
            "group": name,
            "line": line,
            "y": axis.place(row["value"]),
            "value": row["value"],
            **_limits_of(row, axis),
            "n_clients": row["n_clients"],
            "low": bool(row.get("low_data")),
        }
        for name, group in named.items()
        for row in group.rows
        if row["percentile"] == p
    ]
