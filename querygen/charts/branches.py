"""Branches: the distributions that a comparison compares, over each other, and their differences below."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from querygen.charts.distribution import Buckets, bucket_values, share_axis, share_of
from querygen.charts.frame import Frame, Group, Row, shown
from querygen.charts.picture import MOST_SERIES, Sheet, Spec, stacked
from querygen.charts.theme import DASHES

_WIDEST = 44
_SIGNED = "datum.value == 0 ? '0' : format(datum.value, '+,~r')"
_FEW = 6
"""Of so few buckets bars stand beside each other; otherwise lines are over each other."""


@dataclass(frozen=True)
class Facet:
    """What is compared in one place: the branches of one histogram, process, key and experiment.

    Attributes:
        name: what tells it from the others; empty if it is the only one.
        rows: of the comparison.
        frame: of the distributions of its histogram, whose buckets are the axis.
        groups: the distributions, the control's first, each with its branch's name.
    """

    name: str
    rows: tuple[Row, ...]
    frame: Frame
    groups: tuple[Group, ...]


def facets_of(frame: Frame) -> list[Facet]:
    """The places of a comparison whose distributions are known, in order."""
    others = [name for name in frame.by if name != "branch"]
    found: dict[tuple[Any, ...], list[Row]] = {}
    for group in frame.groups:
        for row in group.rows:
            found.setdefault(tuple(row[name] for name in others), []).append(row)
    places = [dict(zip(others, values, strict=True)) for values in found]
    made = [_facet(frame, place, rows) for place, rows in zip(places, found.values(), strict=True)]
    return [one for facet in made if facet for one in _split(facet)]


def _facet(frame: Frame, place: Mapping[str, Any], rows: Sequence[Row]) -> Facet | None:
    """The distributions of one place, where they are known."""
    overlay = frame.overlays.get(place.get("experiment", next(iter(frame.overlays), "")))
    if overlay is None:
        return None
    here = {name: value for name, value in place.items() if name != "experiment"}
    same = [
        group
        for group in overlay.groups
        if all(
            value == here[name] for name, value in zip(overlay.by, group.values, strict=True) if name in here
        )
    ]
    at = overlay.by.index("branch")
    by_branch = {group.values[at]: group for group in same}
    branches = dict.fromkeys([rows[0]["control"], *(row["branch"] for row in rows)])
    groups = tuple(replace(by_branch[b], name=shown(b)) for b in branches if b in by_branch)
    if len(groups) < 2:
        return None
    if "histogram" in overlay.by:
        # Its buckets are its own.
        which = overlay.by.index("histogram")
        mine = [group for group in overlay.groups if group.values[which] == place["histogram"]]
        overlay = replace(overlay, groups=tuple(mine))
    return Facet(place_name(frame, place, place), tuple(rows), overlay, groups)


def place_name(frame: Frame, row: Row, by: Iterable[str]) -> str:
    """What tells a row from the others by these columns; of an experiment that is the placebo, also that."""
    at = frame.by.index("experiment") if "experiment" in frame.by else None
    placebos = list(dict.fromkeys(g.values[at] for g in frame.groups))[1:] if at is not None else []
    return " · ".join(
        f"{shown(row[name])} (placebo)"
        if name == "experiment" and row[name] in placebos
        else shown(row[name])
        for name in by
    )


def _split(facet: Facet) -> list[Facet]:
    """The same; or, of more branches than can be told apart, one for each branch with the control."""
    control, *branches = facet.groups
    if len(facet.groups) <= MOST_SERIES:
        return [facet]
    return [
        replace(
            facet,
            name=" · ".join(filter(None, (facet.name, branch.name))),
            rows=tuple(row for row in facet.rows if shown(row["branch"]) == branch.name),
            groups=(control, branch),
        )
        for branch in branches
    ]


def branch_names(facets: Sequence[Facet]) -> dict[str, str]:
    """The name of the colour of each branch of all facets: that of controls is grey."""
    controls = dict.fromkeys(facet.groups[0].name for facet in facets)
    others = dict.fromkeys(group.name for facet in facets for group in facet.groups[1:])
    branches = [name for name in others if name not in controls]
    colours = {name: f"series{i % MOST_SERIES + 1}" for i, name in enumerate(branches)}
    return dict.fromkeys(controls, "control") | colours


def overlay(sheet: Sheet, facet: Facet, names: Mapping[str, str], most: float) -> Spec:
    """The shares of all branches, and below them by how much each differs from the control.

    Args:
        sheet: of the facet's frame.
        facet: what is drawn.
        names: the colour of each branch.
        most: the largest share that the axis must hold.
    """
    buckets = Buckets.of(facet.frame)
    values = {group.name: bucket_values(group, buckets) for group in facet.groups}
    control = facet.groups[0].name
    differences = {
        name: [
            {"bucket": one["bucket"], "points": round(100 * (one["share"] - other["share"]), 9)}
            for one, other in zip(shares, values[control], strict=True)
        ]
        for name, shares in values.items()
        if name != control
    }
    is_bars = facet.frame.about.is_categories or len(buckets.names) <= _FEW
    what = share_of(facet.frame)
    look = _Look(names, control, is_bars=is_bars)
    low = replace(sheet, height=max(sheet.height // 3, 56))
    return stacked(
        [
            _panel(sheet, buckets, values, share_axis(what, "share", most), look),
            _panel(low, buckets, differences, _points_axis(differences), replace(look, control=None)),
        ]
    )


@dataclass(frozen=True)
class _Look:
    """How branches are drawn.

    Attributes:
        names: the colour of each branch.
        control: which one has an area under its line; None where it is not drawn.
        is_bars: whether branches are bars beside each other.
    """

    names: Mapping[str, str]
    control: str | None
    is_bars: bool


def _points_axis(differences: Mapping[str, Sequence[Mapping[str, Any]]]) -> Spec:
    """The axis of differences, as far below zero as above."""
    far = max((abs(one["points"]) for values in differences.values() for one in values), default=0) or 1
    axis = {"tickCount": 3, "labelExpr": _SIGNED, "title": ["difference", "(% points)"]}
    scale = {"domain": [-far * 1.05, far * 1.05], "nice": False}
    return {"field": "points", "type": "quantitative", "scale": scale, "axis": axis}


def _panel(
    sheet: Sheet,
    buckets: Buckets,
    values: Mapping[str, Sequence[Mapping[str, Any]]],
    y: Spec,
    look: _Look,
) -> Spec:
    """One number of each branch by bucket: of several as lines in steps, of few buckets as bars."""
    colours, frame, names, control = sheet.colours, sheet.frame, look.names, look.control
    x = buckets.channel(frame, sheet.width, shown=control is None)
    inks = {"domain": list(names), "range": [colours[name] for name in names.values()]}
    color = {"field": "series", "type": "nominal", "scale": inks, "legend": {"symbolSize": 110}}
    tooltip = [
        {"field": "series", "type": "nominal", "title": "branch"},
        {"field": "bucket", "type": "ordinal"},
        {"field": y["field"], "type": "quantitative", "format": ".2%" if control else "+.3~f"},
    ]
    if look.is_bars:
        # No bar is wider than it need be.
        step = sheet.width / len(buckets.names)
        x["scale"] |= {"paddingInner": max(0.12, round(1 - _WIDEST * (len(names)) / step, 3))}
    every = [{**value, "series": name} for name, shares in values.items() for value in shares]
    layers: list[Spec] = []
    if buckets.last:
        pale = {"type": "rect", "fill": colours["outer"], "opacity": 0.5}
        layers.append({"data": {"values": [{"bucket": buckets.last}]}, "mark": pale, "encoding": {"x": x}})
    if control is None:
        rule = {"type": "rule", "stroke": colours["soft"]}
        layers.append({"data": {"values": [{"points": 0}]}, "mark": rule, "encoding": {"y": y}})
    if look.is_bars or (control is None and len(values) == 1):
        offset = (
            {"xOffset": {"field": "series", "scale": {"domain": list(values)}}} if len(values) > 1 else {}
        )
        encoding = {"x": x, "y": y, "color": color, **offset, "tooltip": tooltip}
        layers.append({"data": {"values": every}, "mark": {"type": "bar"}, "encoding": encoding})
        return sheet.panel(*layers)
    if control is not None:
        area = {"type": "area", "interpolate": "step", "fill": colours["control"], "opacity": 0.22}
        under = [value for value in every if value["series"] == control]
        layers.append({"data": {"values": under}, "mark": area, "encoding": {"x": x, "y": y}})
    encoding = {"x": x, "y": y, "color": color, "tooltip": tooltip}
    branches = [name for name in names if names[name] != "control"]
    for name, shares in values.items():
        dash = DASHES[branches.index(name) % len(DASHES)] if name in branches else [1, 0]
        line = {"type": "line", "interpolate": "step", "strokeWidth": 2, "strokeDash": dash}
        data = [{**value, "series": name} for value in shares]
        layers.append({"data": {"values": data}, "mark": line, "encoding": encoding})
    return sheet.panel(*layers)
