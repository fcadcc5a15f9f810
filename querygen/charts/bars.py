"""Summaries and counts: bars by category or along time; and the clients beside every other chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from querygen.charts.axes import iso
from querygen.charts.frame import Frame, Group, gaps
from querygen.charts.picture import (
    COUNT_HEIGHT,
    HEIGHT,
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

# Thousands are separated, larger numbers shortened.
_PLAIN = "format(datum.value, abs(datum.value) < 10000 ? ',~r' : '~s')"


@dataclass(frozen=True)
class Bar:
    """One number of a row, as the length of a bar.

    Attributes:
        field: the column.
        title: of its axis.
        is_share: whether it is a part of one.
    """

    field: str
    title: str
    is_share: bool = False

    def channel(self, ticks: int, most: float | None = None) -> Spec:
        """The encoding of its length, on an axis to `most`, with about so many ticks."""
        scale: Spec = {"zero": True} if most is None else {"domain": [0, most or 1]}
        axis: Spec = {"tickCount": ticks, "title": self.title}
        axis |= {"format": ".0%"} if self.is_share else {"labelExpr": _PLAIN}
        return {"field": self.field, "type": "quantitative", "scale": scale, "axis": axis}


CLIENTS = Bar("n_clients", "clients")


def summary(frame: Frame, colours: Colours) -> Picture:
    """The means, and the clients that they are of."""
    shares = [Bar("share_of_clients", "share of clients above zero", is_share=True)]
    shares = shares if any("share_of_clients" in row for row in all_rows(frame)) else []
    return _bars(frame, [Bar("mean", axis_title(frame.about, "mean")), *shares, CLIENTS], colours)


def counts(frame: Frame, colours: Colours) -> Picture:
    """Clients and pings."""
    return _bars(frame, [CLIENTS, Bar("n_pings", "pings")], colours)


def _bars(frame: Frame, bars: Sequence[Bar], colours: Colours) -> Picture:
    sheet = Sheet(frame, colours, height=HEIGHT * 3 // 4)
    picture = _over_time(sheet, bars) if frame.time else _by_category(sheet, bars)
    for bar in bars:
        unit = frame.about.unit if bar.field == "mean" else None
        picture.sentences.append(range_of(all_rows(frame), bar.field, bar.title.split(" (")[0], unit))
    picture.notes += notes_of(frame)
    return picture


# --- Along time --------------------------------------------------------------------------------------------


def _over_time(sheet: Sheet, bars: Sequence[Bar]) -> Picture:
    first, *others = bars
    last = others[-1]
    sentences = [span_of(sheet.frame)]
    if 1 < len(sheet.frame.groups) <= MOST_SERIES:
        panels = [_lines(sheet, first)]
        panels += [_lines(sheet.low, bar, is_last=bar is last) for bar in others]
        return Picture(stacked(panels), sentences)

    def panel(on: Sheet, group: Group) -> Spec:
        below = [_columns(on.low, group, bar, is_last=bar is last) for bar in others]
        return stacked([_columns(on, group, first), *below])

    spec, notes = one_or_many(sheet, panel)
    return Picture(spec, sentences, notes)


def _columns(sheet: Sheet, group: Group, bar: Bar, *, is_last: bool = False) -> Spec:
    """One number of one group along time, as columns; all groups have one axis. The last one names time."""
    is_below = sheet.height == COUNT_HEIGHT
    colour = sheet.colours["count" if is_below else "bar"]
    rows = {row["at"]: row for row in group.rows}  # percentiles have the same counts
    values = [
        {"at": iso(at), bar.field: row[bar.field], "low": bool(row.get("low_data"))}
        for at, row in rows.items()
    ]
    most = max(row[bar.field] or 0 for row in all_rows(sheet.frame))
    columns: Spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "width": sheet.along.bar, "stroke": colour, "strokeWidth": 1},
        "encoding": {
            "x": sheet.along.channel(time_title(sheet.frame) if is_last else None),
            "y": bar.channel(2 if is_below else 4, most),
            **hollow_if_low(sheet.colours, {"value": colour}),
        },
    }
    return sheet.panel(columns, *([] if is_below else release_marks(sheet)))


def _lines(sheet: Sheet, bar: Bar, *, is_last: bool = False) -> Spec:
    """One number of several groups along time, as lines, with points where the panel is no low one."""
    is_below = sheet.height == COUNT_HEIGHT
    series: dict[str, list[dict[str, Any]]] = {}
    for group in sheet.frame.groups:
        rows = {row["at"]: row for row in group.rows}
        values = [
            {"at": iso(at), bar.field: row[bar.field], "low": bool(row.get("low_data"))}
            for at, row in rows.items()
        ]
        values += [{"at": iso(at), bar.field: None, "low": False} for at in gaps(list(rows))]
        series[group.name] = sorted(values, key=lambda value: str(value["at"]))
    channels = series_channels(sheet.frame.groups, sheet.colours)
    encoding = {
        "x": sheet.along.channel(time_title(sheet.frame) if is_last else None),
        "y": bar.channel(2 if is_below else 4),
        "color": channels["color"],
    }
    lines = dashed_lines(series, encoding)
    if is_below:
        return sheet.panel(*lines)
    there = [
        {**value, "series": name}
        for name, values in series.items()
        for value in values
        if value[bar.field] is not None
    ]
    points: Spec = {
        "data": {"values": there},
        "mark": {"type": "point", "size": 30, "strokeWidth": 1.5, "opacity": 1},
        "encoding": {
            **encoding,
            "shape": channels["shape"],
            **hollow_if_low(sheet.colours, channels["fill"]),
        },
    }
    return sheet.panel(*lines, points, *release_marks(sheet))


# --- By category -------------------------------------------------------------------------------------------


def _by_category(sheet: Sheet, bars: Sequence[Bar]) -> Picture:
    groups, left_out = sheet.frame.largest(MOST_CATEGORIES)
    named = {group.name or "all": group for group in groups}
    y = categories(sheet.frame, list(named))
    first, *others = bars
    on = replace(sheet, width=330, height=category_height(list(named)))
    panels = [_beside(on, named, y, first)]
    panels += [_beside(replace(on, width=140), named, {**y, "axis": None}, bar) for bar in others]
    notes = [f"The {len(groups)} groups with most clients of {len(groups) + left_out}."] if left_out else []
    return Picture(side_by_side(panels), [f"{len(groups)} groups."] if sheet.frame.by else [], notes)


def _beside(sheet: Sheet, named: Mapping[str, Group], y: Spec, bar: Bar) -> Spec:
    colour = sheet.colours["bar" if y["axis"] else "count"]
    values = [
        {"group": name, bar.field: row.get(bar.field), "low": bool(row.get("low_data"))}
        for name, group in named.items()
        for row in group.rows[:1]
    ]
    return sheet.panel(
        {
            "data": {"values": values},
            "mark": {"type": "bar", "stroke": colour, "strokeWidth": 1},
            "encoding": {
                "y": y,
                "x": bar.channel(sheet.width // 60),
                **hollow_if_low(sheet.colours, {"value": colour}),
            },
        }
    )


# --- The clients beside other charts -----------------------------------------------------------------------


def count_bars(sheet: Sheet, group: Group) -> Spec:
    """The clients of one group along time: below its chart, on the same axis."""
    return _columns(sheet, group, CLIENTS, is_last=True)


def count_lines(sheet: Sheet) -> Spec:
    """The clients of several groups along time."""
    return _lines(sheet, CLIENTS, is_last=True)


def counts_beside(sheet: Sheet, named: Mapping[str, Group], y: Spec) -> Spec:
    """The clients of each category, to the right of its chart."""
    return _beside(replace(sheet, width=140), named, {**y, "axis": None}, CLIENTS)
