"""Listed pings: what stands in each field, a mark for each ping or a bar for each value."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from querygen.charts.axes import time_axis, value_axis
from querygen.charts.bars import Bar
from querygen.charts.frame import Frame, distinct, instant, safe, shown
from querygen.charts.picture import Colours, Picture, Sheet, Spec, all_rows

_MOST_FIELDS = 12
_MOST_VALUES = 6
_LONGEST = 44
_WIDTH = 440
_PINGS = Bar("n_pings", "pings")


def pings(frame: Frame, colours: Colours) -> Picture:
    """A panel for each field: numbers and times on an axis, other values by how many pings have them."""
    rows = all_rows(frame)
    fields = [name for name in rows[0] if name != "at"]
    drawn = fields[:_MOST_FIELDS]
    sheet = Sheet(frame, colours, width=_WIDTH)
    panels = []
    sentences = [f"{len(rows):,} pings are listed."]
    for field in drawn:
        values = [row[field] for row in rows]
        panel, told = _panel(sheet, values)
        panels.append(
            {"title": {"text": safe(field), "fontSize": 13, "offset": 6, "frame": "group"}, **panel}
        )
        sentences.append(f"{field}: {told}.")
    notes = [
        f"What stands in the {len(rows):,} pings that are listed; others may pass the filters, too. "
        "A bar counts pings, a stroke is one."
    ]
    if len(drawn) < len(fields):
        notes.append(f"The first {len(drawn)} of {len(fields)} fields.")
    return Picture({"vconcat": panels, "spacing": 22}, sentences, notes)


def _panel(sheet: Sheet, values: Sequence[Any]) -> tuple[Spec, str]:
    """The values of one field, drawn and in words."""
    known = [value for value in values if value is not None]
    n_null = len(values) - len(known)
    absent = f", {n_null} without a value" if n_null else ""
    if len(set(map(shown, known))) > 1:
        if all(isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in known):
            numbers = sorted(map(float, known))
            return _numbers(sheet, numbers), f"{numbers[0]:,g} to {numbers[-1]:,g}{absent}"
        times = [instant(value) for value in known if isinstance(value, dt.date)]
        if len(times) == len(known):
            moments = sorted(time for time in times if time)
            return _times(sheet, moments), f"{moments[0]} to {moments[-1]} (UTC){absent}"
    counts = Counter(shown(value) for value in values)
    most = counts.most_common(_MOST_VALUES)
    rest = len(values) - sum(n for _, n in most)
    words = f"{len(counts)} different values" if len(counts) > 1 else f"always {_cut(most[0][0])}"
    return _bars(sheet, most, rest, len(counts) - len(most)), words


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _numbers(sheet: Sheet, numbers: Sequence[float]) -> Spec:
    """A mark for each ping at its number."""
    axis = value_axis(replace(sheet.frame.about, bounds=()), numbers)
    return _strip(sheet, [{"value": number} for number in numbers], axis.channel("value", ""))


def _times(sheet: Sheet, times: Sequence[dt.datetime]) -> Spec:
    """A mark for each ping at its time."""
    axis = time_axis(times, sheet.width)
    return _strip(sheet, [{"at": axis.place(time)} for time in times], axis.channel("UTC"))


def _strip(sheet: Sheet, values: Sequence[Spec], x: Spec) -> Spec:
    mark = {"type": "tick", "thickness": 2, "opacity": 0.55, "color": sheet.colours["bar"]}
    layer: Spec = {"data": {"values": list(values)}, "mark": mark, "encoding": {"x": x}}
    return replace(sheet, height=24).panel(layer)


def _bars(sheet: Sheet, most: Sequence[tuple[str, int]], rest: int, n_rest: int) -> Spec:
    """A bar for each of the most frequent values, and one for all others."""
    texts = [_cut(text) for text, _ in most]
    counts = [n for _, n in most]
    if rest:
        texts.append(f"({n_rest:,} other values)")
        counts.append(rest)
    names = distinct(texts)
    values = [{"group": name, "n_pings": n} for name, n in zip(names, counts, strict=True)]
    scale = {"type": "band", "domain": names, "paddingInner": 0.3, "paddingOuter": 0.2}
    axis = {"title": None, "domain": False, "ticks": False, "labelPadding": 6}
    y = {"field": "group", "type": "ordinal", "scale": scale, "axis": axis}
    x = _PINGS.channel(4, max(counts))
    x["axis"] |= {"title": None} | ({"values": list(range(max(counts) + 1))} if max(counts) < 5 else {})
    mark = {"type": "bar", "fill": sheet.colours["bar"]}
    layer: Spec = {"data": {"values": values}, "mark": mark, "encoding": {"y": y, "x": x}}
    return replace(sheet, height=24 * len(names) + 4).panel(layer)
