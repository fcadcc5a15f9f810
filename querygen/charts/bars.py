"""Summaries and counts: bars by category or along time; and the clients beside every other chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from querygen.charts.frame import Frame, Group, Row
from querygen.charts.limits import (
    MOST_BANDS,
    TOO_MANY_BANDS,
    band,
    has_limits,
    limits_note,
    whiskers,
)
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
    wrapped,
)

# Thousands are separated, larger numbers shortened.
PLAIN = "format(datum.value, abs(datum.value) < 10000 ? ',~r' : '~s')"


_WHOLE = ("n_clients", "n_pings", "events")


@dataclass(frozen=True)
class Bar:
    """One number of a row, as the length of a bar.

    Attributes:
        field: the column.
        title: of its axis.
        is_share: whether it is a part of one.
        limited: whether `lower` and `upper` are its limits.
    """

    field: str
    title: str
    is_share: bool = False
    limited: bool = False

    def channel(self, ticks: int, most: float | None = None) -> Spec:
        """The encoding of its length, on an axis to `most`, with about so many ticks."""
        scale: Spec = {"zero": True} if most is None else {"domain": [0, most or 1]}
        axis: Spec = {
            "tickCount": ticks,
            "title": self.title if len(self.title) < 24 else wrapped(self.title, 16),
        }
        axis |= {"format": ".0%"} if self.is_share else {"labelExpr": PLAIN}
        axis |= {"tickMinStep": 1} if self.field in _WHOLE else {}
        return {"field": self.field, "type": "quantitative", "scale": scale, "axis": axis}

    def value(self, row: Row) -> dict[str, Any]:
        """What is drawn of a row: the number, its limits, and whether it is of too few clients."""
        limits = {name: row.get(name) for name in ("lower", "upper")} if self.limited else {}
        return {self.field: row.get(self.field), **limits, "low": bool(row.get("low_data"))}

    def most(self, rows: Sequence[Row]) -> float:
        """The largest number, with its limit."""
        fields = (self.field, "upper") if self.limited else (self.field,)
        return max((row.get(field) or 0 for row in rows for field in fields), default=0)


CLIENTS = Bar("n_clients", "clients")


def summary(frame: Frame, colours: Colours) -> Picture:
    """The means, and the clients that they are of."""
    shares = [Bar("share_of_clients", "share of clients above zero", is_share=True)]
    shares = shares if any("share_of_clients" in row for row in all_rows(frame)) else []
    limited = has_limits(all_rows(frame))
    means = Bar("mean", axis_title(frame.about, "mean"), limited=limited)
    return _bars(frame, [means, *shares, CLIENTS], colours)


def counts(frame: Frame, colours: Colours) -> Picture:
    """Clients and pings."""
    return _bars(frame, [CLIENTS, Bar("n_pings", "pings")], colours)


def _bars(frame: Frame, bars: Sequence[Bar], colours: Colours) -> Picture:
    sheet = Sheet(frame, colours, height=HEIGHT * 3 // 4)
    picture = _over_time(sheet, bars) if frame.time else _by_category(sheet, bars)
    for bar in bars:
        unit = frame.about.unit if bar.field == "mean" else None
        picture.sentences.append(range_of(all_rows(frame), bar.field, bar.title.split(" (")[0], unit))
    if bars[0].limited:
        picture.notes += _limits_notes(frame)
    picture.notes += notes_of(frame)
    return picture


def _limits_notes(frame: Frame) -> list[str]:
    """What stands for limits."""
    if not frame.time or len(frame.groups) == 1 or len(frame.groups) > MOST_SERIES:
        return limits_note(frame.about, "Lines on the bars")
    return limits_note(frame.about, "Bands") if len(frame.groups) <= MOST_BANDS else [TOO_MANY_BANDS]


# --- Along time --------------------------------------------------------------------------------------------


def _over_time(sheet: Sheet, bars: Sequence[Bar]) -> Picture:
    first, *others = bars
    last = others[-1]
    sentences = [span_of(sheet.frame)]
    if 1 < len(sheet.frame.groups) <= MOST_SERIES:
        panels = [lines_along(sheet, first)]
        panels += [lines_along(sheet.low, bar, is_last=bar is last) for bar in others]
        return Picture(stacked(panels), sentences)

    def panel(on: Sheet, group: Group) -> Spec:
        below = [columns_along(on.low, group, bar, is_last=bar is last) for bar in others]
        return stacked([columns_along(on, group, first), *below])

    spec, notes = one_or_many(sheet, panel)
    return Picture(spec, sentences, notes)


def columns_along(sheet: Sheet, group: Group, bar: Bar, *, is_last: bool = False) -> Spec:
    """One number of one group along time, as columns; all groups have one axis. The last one names time."""
    is_below = sheet.height == COUNT_HEIGHT
    colour = sheet.colours["count" if is_below else "bar"]
    rows = {row["at"]: row for row in group.rows}  # percentiles have the same counts
    values = [
        {"at": sheet.along.place(at), **bar.value(row)}
        for at, row in rows.items()
        if row[bar.field] is not None
    ]
    most = bar.most(all_rows(sheet.frame))
    columns: Spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "width": sheet.along.bar, "stroke": colour, "strokeWidth": 1},
        "encoding": {
            "x": sheet.along.channel(time_title(sheet.frame) if is_last else None),
            "y": bar.channel(2 if is_below else 4, most),
            **hollow_if_low(sheet.colours, {"value": colour}),
        },
    }
    limits: list[Spec] = []
    if bar.limited:
        ink = {"x": columns["encoding"]["x"], "stroke": {"value": sheet.colours["ink"]}}
        limits = [whiskers(values, ink, "y", {**columns["encoding"]["y"], "field": "lower"})]
    return sheet.panel(columns, *limits, *([] if is_below else release_marks(sheet)))


def lines_along(
    sheet: Sheet, bar: Bar, *, is_last: bool = False, groups: Sequence[Group] | None = None
) -> Spec:
    """One number of several groups along time, as lines, with points where the panel is no low one.

    Args:
        sheet: whose groups they are, if not only some `groups` are drawn.
        bar: the number.
        is_last: whether the panel names time.
        groups: at most so many as there are looks.
    """
    groups = sheet.frame.groups if groups is None else groups
    is_below = sheet.height == COUNT_HEIGHT
    series: dict[str, list[dict[str, Any]]] = {}
    for group in groups:
        rows = {row["at"]: row for row in group.rows}
        values = [{"at": sheet.along.place(at), **bar.value(row)} for at, row in rows.items()]
        values += [
            {"at": sheet.along.place(at), bar.field: None, "low": False}
            for at in sheet.frame.gaps(list(rows))
        ]
        series[group.name] = sorted(values, key=lambda value: value["at"])
    channels = series_channels(groups, sheet.colours)
    most = bar.most([row for group in groups for row in group.rows]) if bar.limited else None
    encoding = {
        "x": sheet.along.channel(time_title(sheet.frame) if is_last else None),
        "y": bar.channel(2 if is_below else 4, most),
        "color": channels["color"],
    }
    lines = dashed_lines(groups, series, encoding)
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
    bands: list[Spec] = []
    for group in groups if bar.limited and len(groups) <= MOST_BANDS else ():
        lower = {"x": encoding["x"], "y": {**encoding["y"], "field": "lower"}}
        bands += band(series[group.name], lower, sheet.colours[f"series{group.look + 1}"])
    return sheet.panel(*bands, *lines, points, *release_marks(sheet))


# --- By category -------------------------------------------------------------------------------------------


def _by_category(sheet: Sheet, bars: Sequence[Bar]) -> Picture:
    groups, left_out = sheet.frame.largest(MOST_CATEGORIES)
    named = {group.name or "all": group for group in groups}
    y = categories(sheet.frame, list(named))
    first, *others = bars
    on = replace(sheet, width=330, height=category_height(list(named)))
    panels = [bars_beside(on, named, y, first)]
    panels += [bars_beside(replace(on, width=140), named, {**y, "axis": None}, bar) for bar in others]
    notes = [f"The {len(groups)} groups with most clients of {len(groups) + left_out}."] if left_out else []
    return Picture(side_by_side(panels), [f"{len(groups)} groups."] if sheet.frame.by else [], notes)


def bars_beside(sheet: Sheet, named: Mapping[str, Group], y: Spec, bar: Bar) -> Spec:
    """One number of each category, as bars; `y` is the axis of categories, which the first panel shows."""
    colour = sheet.colours["bar" if y["axis"] else "count"]
    values = [{"group": name, **bar.value(row)} for name, group in named.items() for row in group.rows[:1]]
    most = bar.most([row for group in named.values() for row in group.rows]) if bar.limited else None
    x = bar.channel(sheet.width // 60, most)
    bars: Spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "stroke": colour, "strokeWidth": 1},
        "encoding": {"y": y, "x": x, **hollow_if_low(sheet.colours, {"value": colour})},
    }
    ink = {"y": y, "stroke": {"value": sheet.colours["ink"]}}
    limits = [whiskers(values, ink, "x", {**x, "field": "lower"})] if bar.limited else []
    return sheet.panel(bars, *limits)


# --- The clients beside other charts -----------------------------------------------------------------------


def count_bars(sheet: Sheet, group: Group) -> Spec:
    """The clients of one group along time: below its chart, on the same axis."""
    return columns_along(sheet, group, CLIENTS, is_last=True)


def count_lines(sheet: Sheet) -> Spec:
    """The clients of several groups along time."""
    return lines_along(sheet, CLIENTS, is_last=True)


def counts_beside(sheet: Sheet, named: Mapping[str, Group], y: Spec) -> Spec:
    """The clients of each category, to the right of its chart."""
    return bars_beside(replace(sheet, width=140), named, {**y, "axis": None}, CLIENTS)
