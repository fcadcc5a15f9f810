"""What all charts share: panels, small multiples, releases of Firefox, notes, and words for values."""

import datetime as dt
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from querygen.about import About
from querygen.charts.axes import TimeAxis, hours_axis, iso, millis, number, time_axis
from querygen.charts.frame import Frame, Group, Row, safe, shown
from querygen.charts.theme import DASHES, SHAPES
from querygen.releases import releases

Spec = dict[str, Any]
Colours = Mapping[str, str]

WIDTH = 660
HEIGHT = 230
COUNT_HEIGHT = 64
MOST_SERIES = 7
MOST_PANELS = 12
MOST_CATEGORIES = 40
_MOST_LETTERS = 118


@dataclass
class Picture:
    """A chart without its title.

    Attributes:
        spec: Vega-Lite's composition.
        sentences: what a reader who cannot see it is told.
        notes: what every reader must know, below the title.
    """

    spec: Spec
    sentences: list[str]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sheet:
    """What a panel is drawn on.

    Attributes:
        frame: all that is drawn, so that panels beside each other have the same axes.
        colours: by meaning.
        width, height: in pixels.
    """

    frame: Frame
    colours: Colours
    width: int = WIDTH
    height: int = HEIGHT

    @cached_property
    def along(self) -> TimeAxis:
        """The axis of time."""
        times, step = self.frame.times, self.frame.about.step
        if self.frame.is_aged:
            return hours_axis(times, self.width, step or 3600)
        return time_axis(times, self.width, step)

    @property
    def small(self) -> "Sheet":
        """One of two in a row."""
        return replace(self, width=self.width // 2 - 40, height=self.height * 3 // 5)

    @property
    def low(self) -> "Sheet":
        """A panel below another."""
        return replace(self, height=COUNT_HEIGHT)

    def panel(self, *layers: Spec) -> Spec:
        """The layers, in this size."""
        return {"layer": list(layers), "width": self.width, "height": self.height}


def titled(about: About, picture: Picture) -> Spec:
    """The picture's title, notes and description."""
    notes, sentences = list(map(safe, picture.notes)), map(safe, picture.sentences)
    lines = [line for note in notes for line in textwrap.wrap(note, _MOST_LETTERS)]
    title = textwrap.wrap(safe(about.title), 90) or [""]
    return {
        "description": " ".join([f"{safe(about.title)}.", *sentences, *notes]),
        "title": {"text": title if len(title) > 1 else title[0], **({"subtitle": lines} if lines else {})},
    }


def stacked(panels: Sequence[Spec]) -> Spec:
    """Panels one below the other, with one legend for all."""
    return {"vconcat": list(panels), "spacing": 18, "bounds": "flush"}


def side_by_side(panels: Sequence[Spec]) -> Spec:
    """Panels in a row."""
    return {"hconcat": list(panels), "spacing": 20, "bounds": "flush"}


def one_or_many(sheet: Sheet, draw: Callable[[Sheet, Group], Spec]) -> tuple[Spec, list[str]]:
    """The picture of the only group; or a small one of each, two in a row, and the note that says so."""
    frame = sheet.frame
    if len(frame.groups) == 1:
        name = frame.groups[0].name
        return draw(sheet, frame.groups[0]), [f"{' and '.join(frame.by)}: {name}."] if name else []
    groups, left_out = frame.largest(MOST_PANELS)
    spec = multiples([(group.name, draw(sheet.small, group)) for group in groups])
    note = f"One panel for each {' and '.join(frame.by)}, since one picture of all would be too full."
    notes = [note]
    if left_out:
        notes.append(f"The {len(groups)} with most clients of {len(groups) + left_out} are shown.")
    return spec, notes


def multiples(panels: Sequence[tuple[str, Spec]]) -> Spec:
    """Small pictures, each with its name above it, two in a row."""
    named = [{"title": {"text": name, "fontSize": 13, "offset": 18}, **panel} for name, panel in panels]
    return {"concat": named, "columns": 2, "spacing": {"row": 30, "column": 36}}


def wrapped(title: str, letters: int = 34) -> str | list[str]:
    """The title of an axis, in lines where it is long."""
    lines = textwrap.wrap(title, letters)
    return lines if len(lines) > 1 else title


def axis_title(about: About, what: str) -> str:
    """What is on an axis, and in which unit."""
    return f"{what} ({about.unit})" if about.unit else what


def time_title(frame: Frame) -> str:
    """The axis of time, which is UTC; or of the hours since a release."""
    if frame.is_aged:
        return "hours since the release"
    return f"{frame.time.name} (UTC)" if frame.time else ""


def series_channels(groups: Sequence[Group], colours: Colours) -> dict[str, Any]:
    """The channels that tell series apart: colour, dash and shape, and the same colours to fill with."""
    names = [group.name for group in groups]
    some = [group.look for group in groups]
    kind = {"field": "series", "type": "nominal"}
    inks = {"domain": names, "range": [colours[f"series{i + 1}"] for i in some]}
    return {
        "color": {**kind, "scale": inks, "legend": {"symbolSize": 110}},
        "fill": {**kind, "scale": inks},
        "strokeDash": {**kind, "scale": {"domain": names, "range": [DASHES[i] for i in some]}},
        "shape": {**kind, "scale": {"domain": names, "range": [SHAPES[i] for i in some]}},
    }


def dashed_lines(groups: Sequence[Group], series: Mapping[str, Sequence[Spec]], encoding: Spec) -> list[Spec]:
    """A line of its own dash for each series, which is that of a group's name.

    By a layer each, since a channel of dashes would also dash the edges of the shapes in the legend.
    """
    return [
        {
            "data": {"values": [{**value, "series": group.name} for value in series[group.name]]},
            "mark": {"type": "line", "strokeWidth": 2, "strokeDash": DASHES[group.look], "clip": True},
            "encoding": encoding,
        }
        for group in groups
    ]


def release_marks(sheet: Sheet) -> list[Spec]:
    """A line for each release of Firefox between the first time and the last."""
    if sheet.frame.is_aged:
        return []
    scale = sheet.along.scale
    moments = {version: dt.datetime(day.year, day.month, day.day) for version, day in releases().items()}
    found = {v: at for v, at in moments.items() if scale["domainMin"] <= millis(at) <= scale["domainMax"]}
    if not found:
        return []
    name = "Firefox " if len(found) <= 4 else ""
    values = [{"at": iso(at), "release": f"{name}{version}"} for version, at in found.items()]
    x, colour = sheet.along.channel(None), sheet.colours["mark"]
    text = {"type": "text", "align": "center", "baseline": "bottom", "color": colour}
    return [
        {
            "data": {"values": values},
            "mark": {"type": "rule", "color": colour, "strokeDash": [3, 3]},
            "encoding": {"x": x},
        },
        {
            "data": {"values": values},
            "mark": text,
            "encoding": {"x": x, "y": {"value": -3}, "text": {"field": "release"}},
        },
    ]


def categories(frame: Frame, names: Sequence[str]) -> Spec:
    """The vertical axis of categories, for panels that are `category_height` high."""
    return {
        "field": "group",
        "type": "ordinal",
        "scale": {"type": "band", "domain": list(names), "paddingInner": 0.3, "paddingOuter": 0.2},
        "axis": {"title": " · ".join(frame.by) or None, "domain": False, "ticks": False, "labelPadding": 6},
    }


def category_height(names: Sequence[str]) -> int:
    """How high a panel of these categories is."""
    return 28 * len(names) + 6


def hollow_if_low(colours: Colours, otherwise: Spec) -> Spec:
    """The channel that leaves marks of too few clients hollow."""
    return {"fill": {"condition": {"test": "datum.low", "value": colours["paper"]}, **otherwise}}


def notes_of(frame: Frame) -> list[str]:
    """What is to be said of any frame: hollow marks, rows left out, dropped groups."""
    about, notes = frame.about, []
    if frame.has_low_data:
        notes.append(f"Hollow marks: {_too_few(about)}.")
    dropped = max((row.get("n_dropped") or 0 for group in frame.groups for row in group.rows), default=0)
    if dropped:
        notes.append(f"{dropped:,} rows of {_too_few(about)} are left out.")
    if frame.n_timeless and frame.time:
        rows = "1 row" if frame.n_timeless == 1 else f"{frame.n_timeless:,} rows"
        notes.append(f"{rows} without a {frame.time.name} cannot be drawn.")
    return notes


def _too_few(about: About) -> str:
    clients = f"{about.min_clients:,} clients" if about.min_clients else ""
    hours = f"{about.min_usage_hours:,g} usage hours" if about.min_usage_hours else ""
    return f"fewer than {' or '.join(filter(None, (clients, hours)))}"


def span_of(frame: Frame) -> str:
    """How many points in time there are, and from when to when."""
    times = frame.times
    if frame.is_aged:
        return f"From {number(times[0])} to {number(times[-1])} hours since the release."
    name = frame.time.name if frame.time else ""
    return f"{len(times)} values of {name} from {shown(times[0].date())} to {shown(times[-1].date())} (UTC)."


def range_of(rows: Sequence[Row], name: str, words: str, unit: str | None = None) -> str:
    """The lowest and the highest value of a column, in words."""
    values = [row[name] for row in rows if row[name] is not None]
    if not values:
        return f"There is no {words}."
    after = f" {unit}" if unit else ""
    low, high = number(min(values)), number(max(values))
    return (
        f"{words.capitalize()}: {low}{after}."
        if low == high
        else f"{words.capitalize()}: {low} to {high}{after}."
    )


def all_rows(frame: Frame) -> list[Row]:
    """The rows of all groups."""
    return [row for group in frame.groups for row in group.rows]
