"""Differences of branches: a row each, beside what chance alone does, and in numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from querygen.charts.axes import number
from querygen.charts.branches import place_name
from querygen.charts.frame import Frame, Row, distinct, shown
from querygen.charts.limits import has_limits
from querygen.charts.percentiles import percentile_name
from querygen.charts.picture import (
    MOST_CATEGORIES,
    Colours,
    Sheet,
    Spec,
    all_rows,
    hollow_if_low,
    wrapped,
)
from querygen.charts.rates import per_words

DISTANCE = "chi2"
SURE = 0.05
_LETTERS = 24
_LINES = "split(datum.label, '\\n')"
_ROW = 34


def is_corrected_in(frame: Frame) -> bool:
    """Whether there are several p-values, of which chance makes some small."""
    return sum(row["p_value"] is not None for row in all_rows(frame)) > 1


def _p(row: Row, *, is_corrected: bool) -> float | None:
    p: float | None = row["p_holm" if is_corrected else "p_value"]
    return p


def p_words(row: Row, *, is_corrected: bool) -> str:
    """The p-value: `p = 0.03`, or `no p` where nothing was tested."""
    p = _p(row, is_corrected=is_corrected)
    if p is None:
        return "no p"
    return f"p = {p:.2f}" if p >= 0.1 else f"p = {p:.2g}"


def is_sure(row: Row, *, is_corrected: bool) -> bool:
    """Whether chance alone would hardly do this."""
    p = _p(row, is_corrected=is_corrected)
    return p is not None and p <= SURE


@dataclass(frozen=True)
class _Scale:
    """How the differences of one statistic stand on an axis.

    Attributes:
        title: of the axis.
        is_relative: in percent of the control's value, since rows have different units.
        is_distance: as multiples of what chance exceeds in one of twenty, since a distance has no sign.
    """

    title: str | list[str]
    is_relative: bool = False
    is_distance: bool = False

    @classmethod
    def of(cls, frame: Frame, statistic: str) -> "_Scale":
        """That of a statistic."""
        if statistic == DISTANCE:
            return cls(
                ["distance, in multiples of what", "chance exceeds 1 time in 20"],
                is_distance=True,
            )
        name = statistic_name(statistic)
        if "histogram" in frame.by and len({row["histogram"] for row in all_rows(frame)}) > 1:
            title = wrapped(f"difference of the {name}, in % of the control's", 44)
            return cls(title, is_relative=True)
        unit = frame.about.unit or (per_words(frame.about) if frame.about.exposure else "")
        return cls(wrapped(f"difference of the {name}{f' ({unit})' if unit else ''}", 44))

    def place(self, row: Row, field: str) -> float | None:
        """Where a value of a row stands; None where it cannot."""
        value = row.get(field)
        by = row["detectable"] if self.is_distance else abs(row["control_value"] or 0) / 100
        if value is None or not (self.is_relative or self.is_distance):
            return value
        if not by:
            return 0.0 if value == 0 else None
        return float(f"{value / by:.9g}")

    def channel(self, field: str, far: float) -> Spec:
        """The axis, to `far`: from zero, or as far below it as above."""
        axis: Spec = {"title": self.title, "tickCount": 4, "format": ",~r", "grid": True}
        axis |= {} if far else {"values": [0]}
        scale: Spec = {"domain": [-(far or 1), far or 1], "nice": False}
        if self.is_distance:
            powers = [10.0**i for i in range(7) if 10**i <= far]
            axis["values"] = [0, *powers]
            scale = {"type": "symlog", "constant": 1, "domain": [0, far], "nice": False}
        return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def statistic_name(statistic: str) -> str:
    """A statistic in words: `0.95` as 95th percentile."""
    try:
        return percentile_name(float(statistic))
    except ValueError:
        return "distance" if statistic == DISTANCE else statistic


def _names(frame: Frame, rows: Sequence[Row]) -> list[str]:
    """What tells each row from the others, in lines that fit."""
    by = [name for name in frame.by if len({row[name] for row in rows}) > 1] or ["branch"]
    return ["\n".join(lines_of(place_name(frame, row, by), _LETTERS)) for row in rows]


def lines_of(name: str, letters: int) -> list[str]:
    """A name in lines of so many letters, broken behind signs that part words, or at worst inside one."""
    lines = [""]
    for word in re.findall(rf"[^@_\-./· ]{{,{letters - 1}}}[@_\-./· ]?", name):
        if len(lines[-1]) + len(word) > letters:
            lines.append("")
        lines[-1] += word
    return [line.strip() for line in lines if line.strip()] or [name]


def forest(sheet: Sheet, statistic: str, rows: Sequence[Row]) -> Spec:
    """The differences of one statistic, a row each: on an axis, and in numbers beside it."""
    frame = sheet.frame
    largest = sorted(rows, key=lambda row: -(row.get("n_clients", row.get("n_pings")) or 0))[:MOST_CATEGORIES]
    chosen = {id(row) for row in largest}
    rows = [row for row in rows if id(row) in chosen]
    scale, names = _Scale.of(frame, statistic), distinct(_names(frame, rows))
    values = [
        _placed(scale, name, row, is_corrected=is_corrected_in(frame))
        for name, row in zip(names, rows, strict=True)
    ]
    axis = {"title": None, "domain": False, "ticks": False, "labelPadding": 6, "labelExpr": _LINES}
    kind = {"type": "band", "domain": names, "paddingInner": 0.25, "paddingOuter": 0.1}
    y: Spec = {"field": "group", "type": "ordinal", "scale": kind, "axis": axis}
    row = max(_ROW, *(15 * name.count("\n") + 22 for name in names))
    on = replace(sheet, width=240, height=row * len(names))
    title = {"text": statistic_name(statistic), "fontSize": 13, "offset": 8, "frame": "group"}
    plot = on.panel(*_marks(sheet.colours, scale, values, y))
    table = _table(on, names, rows, {**y, "axis": None}, is_distance=scale.is_distance)
    return {"title": title, "hconcat": [plot, table], "spacing": 16, "bounds": "flush"}


def _placed(scale: _Scale, name: str, row: Row, *, is_corrected: bool) -> dict[str, Any]:
    """A row on the axis."""
    placed = {field: scale.place(row, field) for field in ("difference", "lower", "upper")}
    return {
        "group": name,
        **placed,
        "chance": 1.0 if scale.is_distance else scale.place(row, "detectable"),
        "sure": is_sure(row, is_corrected=is_corrected),
        "low": bool(row.get("low_data")),
    }


def _marks(colours: Colours, scale: _Scale, values: Sequence[Mapping[str, Any]], y: Spec) -> list[Spec]:
    """What chance does, the limits, and the difference."""
    chance = [
        {"group": one["group"], "from": 0.0 if scale.is_distance else -one["chance"], "to": one["chance"]}
        for one in values
        if one["chance"]
    ]
    # All differences are on the axis; what a few clients leave open does not say how long it must be.
    solid = [one for one in values if not one["low"]] or values
    fields = ("lower", "upper", "chance")
    numbers = [abs(one[field]) for one in solid for field in fields if one[field] is not None]
    numbers += [abs(one["difference"]) for one in values if one["difference"] is not None]
    far = max([*numbers, 10.0 if scale.is_distance else 0.0]) * 1.08
    x = scale.channel("difference", far)
    band = {"type": "bar", "height": 16, "fill": colours["grid"], "clip": True}
    encoding = {"y": y, "x": {**x, "field": "from"}, "x2": {"field": "to"}}
    layers: list[Spec] = [{"data": {"values": chance}, "mark": band, "encoding": encoding}]
    if not scale.is_distance:
        zero = {"type": "rule", "stroke": colours["soft"]}
        layers.append({"data": {"values": [{"difference": 0}]}, "mark": zero, "encoding": {"x": x}})
    ink = {"condition": {"test": "datum.sure", "value": colours["main"]}, "value": colours["count"]}
    limits = [one for one in values if one["lower"] is not None]
    rule = {"type": "rule", "strokeWidth": 2, "clip": True}
    whisker = {"y": y, "x": {**x, "field": "lower"}, "x2": {"field": "upper"}, "stroke": ink}
    layers.append({"data": {"values": limits}, "mark": rule, "encoding": whisker})
    mark = {"type": "point", "size": 80, "strokeWidth": 1.8, "opacity": 1, "shape": "circle"}
    fill = hollow_if_low(colours, {"value": colours["count"]})["fill"]
    fill["condition"] = [fill["condition"], ink["condition"]]
    there = [one for one in values if one["difference"] is not None]
    dot = {"y": y, "x": x, "stroke": ink, "fill": fill}
    layers.append({"data": {"values": there}, "mark": mark, "encoding": dot})
    return layers


def _table(sheet: Sheet, names: Sequence[str], rows: Sequence[Row], y: Spec, *, is_distance: bool) -> Spec:
    """The numbers of each row, right-aligned under their names."""
    corrected = is_corrected_in(sheet.frame)
    units = "n_pings" if "n_pings" in rows[0] else "n_clients"
    branches = {shown(row["branch"]) for row in rows}
    controls = {shown(row["control"]) for row in rows}
    p = "p (Holm)" if corrected else "p"
    columns: list[tuple[str, list[str]]] = []
    if is_distance:
        columns.append(("distance", [value_words(row["difference"]) for row in rows]))
        columns.append(("by chance", [f"≤ {value_words(row['detectable'])}" for row in rows]))
    else:
        columns.append((_only(controls, "control"), [value_words(row["control_value"]) for row in rows]))
        columns.append((_only(branches, "branch"), [value_words(row["value"]) for row in rows]))
        columns.append(("difference", [signed_words(row["difference"]) for row in rows]))
        if has_limits(rows):
            columns.append(("limits", [_limits_words(row) for row in rows]))
    columns.append((p, [p_words(row, is_corrected=corrected).removeprefix("p = ") for row in rows]))
    counts = [f"{row['n_control'] or 0:,} : {row[units] or 0:,}" for row in rows]
    columns.append((units.removeprefix("n_"), counts))
    layers: list[Spec] = []
    x = 0
    for title, texts in columns:
        x += round(max(map(len, (title, *texts))) * 6.7) + 18
        place = {"type": "text", "align": "right"}
        head = {**place, "color": sheet.colours["soft"], "text": title}
        layers.append(
            {"data": {"values": [{}]}, "mark": head, "encoding": {"x": {"value": x}, "y": {"value": -12}}}
        )
        values = [{"group": name, "text": text} for name, text in zip(names, texts, strict=True)]
        encoding = {"x": {"value": x}, "y": y, "text": {"field": "text"}}
        layers.append({"data": {"values": values}, "mark": place, "encoding": encoding})
    return replace(sheet, width=x).panel(*layers)


def _limits_words(row: Row) -> str:
    """Both limits, or a dash."""
    if row["lower"] is None or row["upper"] is None:
        return "–"
    return f"{signed_words(row['lower'])} to {signed_words(row['upper'])}"


def _only(names: set[str], otherwise: str) -> str:
    """The name that all rows have, if it is short."""
    (name, *more) = names
    return name if not more and len(name) <= 14 else otherwise


def value_words(value: float | None) -> str:
    """A value, or a dash."""
    return "–" if value is None else number(value)


def signed_words(value: float | None) -> str:
    """A difference with its sign, or a dash."""
    if value is None:
        return "–"
    return number(value) if value == 0 else f"{'+' if value > 0 else '−'}{number(abs(value))}"
