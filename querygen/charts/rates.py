"""Rates: along time or since a release, with the events and the exposure that they are of under them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from querygen.about import About
from querygen.charts.axes import number
from querygen.charts.bars import Bar, columns_along, lines_along
from querygen.charts.frame import Frame, Group, Row, safe, shown
from querygen.charts.limits import MOST_BANDS, TOO_MANY_BANDS, band, has_limits, limits_note, most_shown
from querygen.charts.picture import (
    MOST_PANELS,
    MOST_SERIES,
    Colours,
    Picture,
    Sheet,
    Spec,
    all_rows,
    dashed_lines,
    hollow_if_low,
    multiples,
    notes_of,
    one_or_many,
    range_of,
    release_marks,
    series_channels,
    span_of,
    stacked,
    time_title,
    wrapped,
)
from querygen.charts.rate_groups import by_group
from querygen.charts.states import limit_rule, state_channels, state_name, state_notes, states_in

_MOST_POINTS = 130
_FAR = 1.6  # bands hide no point, and the line is what is looked at
_LEAST = 0.05
"""Rates of less than this part of the largest exposure do not say how long the axis must be."""
_ONE = {"pings": "ping", "clients": "client", "client-days": "client-day", "usage hours": "usage hour"}


def rates(frame: Frame, colours: Colours) -> Picture:
    """The rate with its limits, along time or since a release, with what it is of below; or one per group."""
    frame = _without_zeros_of_gaps(frame)
    sheet = Sheet(frame, colours)
    picture = _along(sheet) if frame.time else by_group(sheet, per_words(frame.about))
    about, rows = frame.about, all_rows(frame)
    if frame.is_aged:
        picture.notes.append(f"Uptake: the version's share of all {about.exposure} at that time.")
    picture.notes.insert(0, f"The rate is {about.events} {per_words(about)}.")
    picture.sentences += [
        range_of(rows, "rate", f"rate {per_words(about)}"),
        range_of(rows, "events", "events"),
        range_of(rows, "exposure", about.exposure),
        range_of(rows, "n_clients", "clients"),
        *_told_states(frame),
    ]
    picture.notes += [*state_notes(frame), *notes_of(frame)]
    return picture


def per_words(about: About) -> str:
    """What a rate is per: `per 1,000 usage hours`, `per ping`."""
    exposure = safe(about.exposure)
    return f"per {_ONE.get(exposure, exposure)}" if about.per == 1 else f"per {about.per:,g} {exposure}"


def _without_zeros_of_gaps(frame: Frame) -> Frame:
    """The same, in which an interval without any ping is no interval of zero events."""

    def opened(row: Row) -> Row:
        is_gap = row["rate"] is None and not row["exposure"] and not row["events"]
        return {**row, "events": None, "exposure": None} if is_gap and frame.time else row

    groups = (replace(group, rows=tuple(map(opened, group.rows))) for group in frame.groups)
    return replace(frame, groups=tuple(groups))


def _told_states(frame: Frame) -> list[str]:
    """The groups or times that are not ok."""
    told = []
    for group in frame.groups:
        for row in group.rows:
            if row.get("state") in ("alert", "watch"):
                where = group.name or "all"
                at = f" at {number(row['at']) if frame.is_aged else row['at']}" if frame.time else ""
                told.append(f"{where}{at}: {row['state']}.")
    return told[:MOST_SERIES]


# --- Along time, or the hours since a release --------------------------------------------------------------


def _along(sheet: Sheet) -> Picture:
    frame = sheet.frame
    limited = has_limits(all_rows(frame))
    if frame.is_aged and len(frame.by) > 1:
        return _aged_panels(sheet)
    if frame.is_aged and len(frame.groups) > 1:
        spec, told = _versions(sheet, frame.groups)
        return Picture(spec, [span_of(frame)], told)
    if 1 < len(frame.groups) <= MOST_SERIES:
        banded = limited and len(frame.groups) <= MOST_BANDS
        names = ", ".join(group.name for group in frame.groups)
        spec = stacked([_lines(sheet, frame.groups, banded=banded), *_below(sheet, frame.groups)])
        notes = [*_band_notes(frame, banded=banded), *_beyond_notes(frame, banded=banded)]
        return Picture(spec, [span_of(frame), f"{len(frame.groups)} lines: {names}."], notes)
    spec, told = one_or_many(sheet, lambda on, group: stacked([_single(on, group), *_below(on, [group])]))
    notes = [*told, *_band_notes(frame, banded=True), *_beyond_notes(frame, banded=limited)]
    return Picture(spec, [span_of(frame)], notes)


def _band_notes(frame: Frame, *, banded: bool) -> list[str]:
    """What the bands are, or why there are none."""
    if not has_limits(all_rows(frame)):
        return []
    if banded:
        return limits_note(frame.about, "Bands")
    return [TOO_MANY_BANDS]


def _below(sheet: Sheet, groups: Sequence[Group]) -> list[Spec]:
    """The panels below the rate: of one group as bars, of several as lines."""
    about = sheet.frame.about
    bars = [Bar("exposure", safe(about.exposure))]
    if sheet.frame.is_aged:
        bars.append(Bar("share_of_exposure", "uptake", is_share=True))
    else:
        bars.insert(0, Bar("events", "events"))
    if len(groups) > 1:
        return [lines_along(sheet.low, bar, is_last=bar is bars[-1], groups=groups) for bar in bars]
    return [columns_along(sheet.low, groups[0], bar, is_last=bar is bars[-1]) for bar in bars]


def _y(frame: Frame) -> Spec:
    """The axis of rates, which has its zero."""
    axis = {"tickCount": 5, "format": ",~r", "title": wrapped(per_words(frame.about))}
    scale = {"domain": [0, _most(frame)], "nice": True}
    return {"field": "rate", "type": "quantitative", "scale": scale, "axis": axis}


def _most(frame: Frame) -> float:
    """Where the axis ends: it shows all rates and limits but those of a small part of the exposure."""
    rows = [row for row in all_rows(frame) if row["rate"] is not None]
    telling = _LEAST * max((row["exposure"] for row in rows), default=0)
    solid = [row for row in rows if row["exposure"] >= telling and not row.get("low_data")]
    solid = solid or [row for row in rows if row["exposure"] >= telling]
    upper = [row["upper"] for row in solid if row.get("upper") is not None]
    most, _ = most_shown([*(row["rate"] for row in solid), frame.about.max_rate or 0.0], upper, _FAR)
    return most


def _beyond_notes(frame: Frame, *, banded: bool) -> list[str]:
    """What is beyond the axis."""
    most, rows = _most(frame), all_rows(frame)
    n = sum((row["rate"] or 0) > most for row in rows)
    notes = []
    if n:
        rates = "1 rate" if n == 1 else f"{n:,} rates"
        marks = "is beyond the axis: a triangle" if n == 1 else "are beyond the axis: triangles"
        notes.append(f"{rates} of few {frame.about.exposure} {marks} at its end.")
    if banded and any((row.get("upper") or 0) > most for row in rows):
        notes.append("Limits that are beyond the axis are cut off.")
    return notes


def _beyond(sheet: Sheet, values: Sequence[Mapping[str, Any]]) -> list[Spec]:
    """A mark at the end of the axis for each rate that is beyond it."""
    most = _most(sheet.frame)
    found = [{"at": value["at"], "rate": most} for value in values if (value["rate"] or 0) > most]
    if not found:
        return []
    mark = {"type": "point", "shape": "triangle-up", "size": 40, "fill": sheet.colours["count"], "opacity": 1}
    mark |= {"strokeWidth": 0}
    encoding = {"x": sheet.along.channel(None), "y": {"value": 4}}
    return [{"data": {"values": found}, "mark": mark, "encoding": encoding}]


def _values(frame: Frame, sheet: Sheet, group: Group) -> list[dict[str, Any]]:
    """The points of a line, with an empty one where it must break."""
    place = sheet.along.place
    values: list[dict[str, Any]] = [
        {
            "at": place(row["at"]),
            "rate": row["rate"],
            "lower": row.get("lower"),
            "upper": row.get("upper"),
            "events": row["events"],
            "exposure": row["exposure"],
            "low": bool(row.get("low_data")),
            "state": state_name(row.get("state")),
        }
        for row in group.rows
    ]
    values += [
        {"at": place(at), "rate": None, "low": False} for at in frame.gaps([r["at"] for r in group.rows])
    ]
    return sorted(values, key=lambda value: value["at"])


def _tooltip(frame: Frame) -> list[Spec]:
    about = frame.about
    return [
        {"field": "at", "type": "nominal", "title": time_title(frame)},
        {"field": "rate", "type": "quantitative", "title": per_words(about)},
        {"field": "events", "type": "quantitative", "title": "events", "format": ","},
        {"field": "exposure", "type": "quantitative", "title": safe(about.exposure), "format": ",.6~r"},
    ]


def _single(sheet: Sheet, group: Group) -> Spec:
    """The rate of one group."""
    frame, colours = sheet.frame, sheet.colours
    x, y = sheet.along.channel(None), _y(frame)
    values = _values(frame, sheet, group)
    encoding = {"x": x, "y": y, "tooltip": _tooltip(frame)}
    line: Spec = {
        "data": {"values": values},
        "mark": {"type": "line", "strokeWidth": 2, "stroke": colours["main"], "clip": True},
        "encoding": encoding,
    }
    lower = {"x": x, "y": {**y, "field": "lower"}}
    layers = [*band(values, lower, colours["outer"], opacity=1), line]
    there = [value for value in values if value["rate"] is not None and value["rate"] <= _most(frame)]
    layers += [*_points(sheet, there, encoding), *_beyond(sheet, values)]
    return sheet.panel(*layers, *limit_rule(sheet, y, "y"), *release_marks(sheet))


def _points(sheet: Sheet, values: Sequence[Mapping[str, Any]], encoding: Spec) -> list[Spec]:
    """A point for each rate, by its state; of many only those that have something to say."""
    colours, states = sheet.colours, states_in(sheet.frame)
    if len(values) > _MOST_POINTS:
        values = [value for value in values if value["low"] or value["state"] in ("alert", "watch")]
    if not values:
        return []
    size = 34 if len(values) <= 40 else 20
    mark: Spec = {"type": "point", "size": size, "strokeWidth": 1.5, "opacity": 1}
    if states:
        mark["size"] = size * 2
        return [{"data": {"values": values}, "mark": mark, "encoding": {**encoding, **state_channels(sheet)}}]
    mark["stroke"] = colours["main"]
    look = hollow_if_low(colours, {"value": colours["main"]})
    return [{"data": {"values": values}, "mark": mark, "encoding": {**encoding, **look}}]


def _lines(sheet: Sheet, groups: Sequence[Group], *, banded: bool, older: Sequence[Group] = ()) -> Spec:
    """The rates of several groups in one panel; `older` ones as thin lines behind them."""
    frame, colours = sheet.frame, sheet.colours
    x, y = sheet.along.channel(None), _y(frame)
    channels = series_channels(groups, colours)
    encoding = {"x": x, "y": y, "color": channels["color"], "tooltip": _tooltip(frame)}
    layers: list[Spec] = [
        {
            "data": {"values": _values(frame, sheet, group)},
            "mark": {"type": "line", "strokeWidth": 1, "stroke": colours["count"], "clip": True},
            "encoding": {"x": x, "y": y},
        }
        for group in older
    ]
    series = {group.name: _values(frame, sheet, group) for group in groups}
    for group in groups if banded else ():
        lower = {"x": x, "y": {**y, "field": "lower"}}
        layers += band(series[group.name], lower, colours[f"series{group.look + 1}"])
    layers += dashed_lines(groups, series, encoding)
    drawn = [{**value, "series": name} for name, values in series.items() for value in values]
    layers += _beyond(sheet, drawn)
    there = [value for value in drawn if value["rate"] is not None and value["rate"] <= _most(frame)]
    if states_in(frame):
        layers += _points(sheet, there, {"x": x, "y": y, "tooltip": _tooltip(frame)})
    elif there := there if len(there) <= _MOST_POINTS else [value for value in there if value["low"]]:
        look = {"shape": channels["shape"], **hollow_if_low(colours, channels["fill"])}
        mark = {"type": "point", "size": 30, "strokeWidth": 1.5, "opacity": 1}
        layers.append({"data": {"values": there}, "mark": mark, "encoding": {**encoding, **look}})
    return sheet.panel(*layers, *limit_rule(sheet, y, "y"), *release_marks(sheet))


# --- Versions since their release --------------------------------------------------------------------------


def _versions(sheet: Sheet, groups: Sequence[Group]) -> tuple[Spec, list[str]]:
    """One line a version, and below it how much of all exposure each version had; the oldest are grey."""
    newest = [group for group in groups if group.look < MOST_SERIES]
    older = [group for group in groups if group.look >= MOST_SERIES]
    banded = len(newest) <= MOST_BANDS and not older
    notes = [*_band_notes(sheet.frame, banded=banded), *_beyond_notes(sheet.frame, banded=banded)]
    if older:
        names = f"{older[0].name} to {older[-1].name}" if len(older) > 1 else older[0].name
        notes.append(f"The thin grey lines are older versions ({names}).")
    return stacked(
        [_lines(sheet, newest, banded=banded, older=older), *_below(sheet, newest or older[-1:])]
    ), notes


def _aged_panels(sheet: Sheet) -> Picture:
    """Versions since their release, once for each combination of the other dimensions."""
    frame = sheet.frame
    versions = {split.name for split in frame.about.splits if split.is_version}
    at = next(i for i, name in enumerate(frame.by) if name in versions)
    # A version has the same look in all panels.
    looks = {value: i for i, value in enumerate(reversed(frame.in_order(frame.by[at])))}
    others: dict[str, list[Group]] = {}
    for group in frame.groups:
        name = " · ".join(map(shown, (*group.values[:at], *group.values[at + 1 :])))
        others.setdefault(name, []).append(
            replace(group, name=shown(group.values[at]), look=looks[group.values[at]])
        )
    by = " and ".join(name for i, name in enumerate(frame.by) if i != at)
    largest = sorted(others, key=lambda name: -max(group.n_clients for group in others[name]))[:MOST_PANELS]
    drawn = {name: _versions(sheet.small, others[name]) for name in others if name in largest}
    notes = [f"One panel for each {by}."]
    if len(drawn) < len(others):
        notes.append(f"The {len(drawn)} with most clients of {len(others)} are shown.")
    notes += dict.fromkeys(note for _, told in drawn.values() for note in told)
    spec = multiples([(name, panel) for name, (panel, _) in drawn.items()])
    return Picture(spec, [span_of(frame)], notes)
