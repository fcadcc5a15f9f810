"""Axes: of time in UTC, of values that span magnitudes, and of buckets in equal steps."""

import bisect
import datetime as dt
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from querygen.about import About

MOST_TICKS = 9
_PLAIN = ",~r"
_DAYS = (1, 2, 3, 7, 14, 28, 91, 182, 365)
_HOURS = (1, 2, 3, 6, 12, 24, 48, 72, 120, 240, 480, 720, 1440, 2160)


@dataclass(frozen=True)
class ValueAxis:
    """Where values stand.

    Attributes:
        place: of a value.
        scale, axis: Vega-Lite's.
        note: what the reader must know about it, or empty.
    """

    scale: dict[str, Any]
    axis: dict[str, Any]
    place: Callable[[float], float] = field(default=lambda value: value)
    note: str = ""

    def channel(self, name: str, title: str) -> dict[str, Any]:
        """The encoding of the field `name` on this axis."""
        return {
            "field": name,
            "type": "quantitative",
            "scale": self.scale,
            "axis": {**self.axis, "title": title},
        }


def value_axis(about: About, values: Sequence[float]) -> ValueAxis:
    """The axis for values of histograms.

    With known buckets that widen, one step for each bucket, as in GLAM, so that no bucket is too small to be
    seen; otherwise linear, or, where values span magnitudes, symmetrically logarithmic, which has a zero.
    """
    low, high = min(values), max(values)
    if len(about.bounds) > 2 and _widen(about.bounds):
        return _of_buckets(about, low, high)
    if low >= 0 and high > 30 * max(min((v for v in values if v > 0), default=high), 1e-12):
        smallest = min(v for v in values if v > 0)
        ticks = [0.0] if low == 0 else []
        ticks += _round_numbers(smallest, high)
        scale = {"type": "symlog", "constant": smallest, "domain": [low, high], "nice": False, "padding": 6}
        axis = {"values": _thinned(ticks), "format": _PLAIN}
        return ValueAxis(scale, axis, note="The axis of values is logarithmic.")
    zero = low < high / 2 or low == high
    # All panels have this axis, whichever of the values they hold.
    scale = {"domain": [min(low, 0) if zero else low, max(high, 0) or 1], "zero": zero, "nice": True}
    return ValueAxis(scale, {"tickCount": 5, "format": _PLAIN})


def _of_buckets(about: About, low: float, high: float) -> ValueAxis:
    bounds = about.bounds

    def place(value: float) -> float:
        """The number of its bucket; and how far inside it, for interpolated percentiles."""
        at = max(bisect.bisect_right(bounds, value) - 1, 0)
        if at + 1 == len(bounds):
            return float(at)
        inside = (value - bounds[at]) / (bounds[at + 1] - bounds[at])
        return round(at + max(inside, 0.0), 6)

    first = max(math.floor(place(low)) - 1, 0)
    last = min(math.ceil(place(high)) + 1, len(bounds) - 1)
    ticks = _thinned([float(i) for i in range(first, last + 1)])
    names = {int(tick): bound_name(bounds[int(tick)], about) for tick in ticks}
    return ValueAxis(
        {"domain": [first, last], "nice": False, "zero": False},
        {"values": ticks, "labelExpr": f"({json.dumps(names, ensure_ascii=False)})[datum.value]"},
        place,
        "The axis of values has one step for each bucket.",
    )


def _widen(bounds: Sequence[float]) -> bool:
    """Whether the last bucket with an end is much wider than the first."""
    return bounds[-1] - bounds[-2] > 3 * max(bounds[2] - bounds[1], bounds[1] - bounds[0])


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each magnitude from `low` to `high`; of many magnitudes only 1."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 3 else (1,)
    every = [float(f"{step}e{power}") for power in range(first, last + 1) for step in steps]
    return [number for number in every if low <= number <= high]


def _thinned(ticks: Sequence[float]) -> list[float]:
    """At most so many ticks, counted from the last, which is the one that must be named."""
    every = max(math.ceil(len(ticks) / MOST_TICKS), 1)
    return list(reversed(list(reversed(ticks))[::every]))


def number(value: float) -> str:
    """A number for people: thousands separated, millions shortened, three digits of fractions."""
    if abs(value) >= 1e6:
        for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
            if abs(value) >= size:
                return f"{value / size:.3g}{letter}"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def bound_name(bound: float, about: About) -> str:
    """A bucket by its lower bound; the open-ended last one says so."""
    is_open = about.overflow is not None and bound >= about.overflow and not about.is_categories
    return f"≥ {number(bound)}" if is_open else number(bound)


@dataclass(frozen=True)
class TimeAxis:
    """Where times stand, or hours since something.

    Attributes:
        scale, axis: Vega-Lite's.
        bar: the width of a bar, in pixels.
        is_hours: whether `at` is a number of hours, and no time.
    """

    scale: dict[str, Any]
    axis: dict[str, Any]
    bar: float
    is_hours: bool = False

    def channel(self, title: str | None) -> dict[str, Any]:
        """The encoding of the field `at`; without a title there are no labels either."""
        axis = {**self.axis, "title": title}
        if title is None:
            axis |= {"labels": False, "ticks": False, "domain": False}
        kind = "quantitative" if self.is_hours else "temporal"
        return {"field": "at", "type": kind, "scale": self.scale, "axis": axis}

    def place(self, at: Any) -> Any:
        """The value of the field `at`."""
        return at if self.is_hours else iso(at)


def hours_axis(hours: Sequence[float], width: int, step: int) -> TimeAxis:
    """The axis of hours since a release, with a point every `step` seconds."""
    first, last, distance = min(hours[0], 0.0), hours[-1], step / 3600
    slots = max((last - first) / distance + 1, 2)
    fits = max(width // 60, 2)
    tick = next((tick for tick in _HOURS if (last - first) / tick < fits), math.ceil(last / fits / 720) * 720)
    ticks = list(range(math.ceil(first / tick) * tick, math.floor(last) + 1, tick))
    scale = {"domain": [first - distance * 0.6, last + distance * 0.6], "nice": False, "zero": False}
    axis = {"values": ticks, "format": ",d", "grid": False}
    return TimeAxis({**scale, "padding": 0}, axis, _bar_width(width, slots), is_hours=True)


def _bar_width(width: int, slots: float) -> float:
    return round(min(max(width / slots * 0.6, 1.5), 14), 1)


def time_axis(times: Sequence[dt.datetime], width: int, step: int | None = None) -> TimeAxis:
    """The axis of times, in UTC whatever the reader's own zone is; ticks stand at the beginnings of days.

    Args:
        times: ascending.
        width: in pixels.
        step: the seconds between two times, if that is known.
    """
    first, last = times[0], times[-1]
    span = max(last - first, dt.timedelta(days=1))
    if step is not None:
        span = max(last - first, dt.timedelta(seconds=step))
    days = span / dt.timedelta(days=1)
    slots = max(len(times), round(days) if len(times) > 2 else 0, 1)
    if step is not None:
        slots = round(span.total_seconds() / step) + 1
    pad = span / max(slots, 2) * 0.6
    axis: dict[str, Any] = {
        "format": "%Y-%m-%d",
        "labelOverlap": "greedy",
        "labelFlush": False,
        "grid": False,
    }
    if days <= 2 and any(time.time() != dt.time() for time in times):
        axis |= {"format": "%d %b %H:%M", "tickCount": max(width // 110, 2)}
    else:
        fits = max(width // 86, 2)
        step = next((step for step in _DAYS if days / step < fits), math.ceil(days / fits))
        day = dt.datetime(first.year, first.month, first.day)
        day += dt.timedelta(days=0 if first == day else 1)
        ticks = []
        while day <= last:
            ticks.append(millis(day))
            day += dt.timedelta(days=step)
        axis["values"] = ticks or [millis(first)]
    ends = {"domainMin": millis(first - pad), "domainMax": millis(last + pad)}
    scale = {"type": "utc", **ends, "nice": False, "padding": 0}
    return TimeAxis(scale, axis, _bar_width(width, slots))


def iso(time: dt.datetime) -> str:
    """A time in UTC as Vega-Lite reads it in any zone."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def millis(time: dt.datetime) -> int:
    """Milliseconds since 1970, which the domain of an axis is given in."""
    return round((time - dt.datetime(1970, 1, 1)) / dt.timedelta(milliseconds=1))
