"""Distributions: the share of each bucket, in equal steps of an ordinal axis, and the shares added up."""

import datetime as dt
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from querygen.charts.axes import bound_name, iso, number
from querygen.charts.bars import count_bars
from querygen.charts.frame import Frame, Group, Row, safe
from querygen.charts.limits import (
    MOST_BANDS,
    TOO_MANY_BANDS,
    band,
    has_limits,
    limits_note,
    whiskers,
)
from querygen.charts.picture import (
    MOST_SERIES,
    Colours,
    Picture,
    Sheet,
    Spec,
    all_rows,
    axis_title,
    notes_of,
    one_or_many,
    range_of,
    release_marks,
    series_channels,
    span_of,
    stacked,
)

_MOST_BUCKETS = 130
_MOST_OVERLAID = 4


@dataclass(frozen=True)
class Buckets:
    """The ordinal axis of buckets.

    Attributes:
        names: of each bucket, by its lower bound, in their order.
        last: the name of the open-ended one, if it is on the axis.
        n_left_out: how many buckets of the probe are beyond both ends.
        are_known: whether buckets without samples are there, too.
    """

    names: Mapping[float, str]
    last: str | None
    n_left_out: int
    are_known: bool

    @classmethod
    def of(cls, frame: Frame) -> "Buckets":
        """All buckets that the probe has; of very many only those between the first and last with samples."""
        about, rows = frame.about, all_rows(frame)
        labels = {row["bucket"]: safe(str(row["label"])) for row in rows if row.get("label") is not None}
        observed = sorted({row["bucket"] for row in rows})
        is_open = not about.is_categories
        every = sorted({*observed, *(about.bounds if is_open else ())})
        kept = every
        if len(every) > _MOST_BUCKETS:
            with_samples = [row["bucket"] for row in rows if row["share"]] or observed
            kept = [b for b in every if min(with_samples) <= b <= max(with_samples)]
        names: dict[float, str] = {}
        for bucket in kept:
            name = labels.get(bucket) or bound_name(bucket, about)
            names[bucket] = name if name not in names.values() else f"{name} ({number(bucket)})"
        last = names.get(about.overflow) if about.overflow is not None and is_open else None
        return cls(names, last, len(every) - len(kept), bool(about.bounds) or about.is_categories)

    def channel(self, frame: Frame, width: int, *, shown: bool = True) -> Spec:
        """The encoding of the field `bucket`; every so many buckets have their name on the axis."""
        domain = list(self.names.values())
        longest = max(map(len, domain))
        fits = max(width // (longest * 7 + 10), 1)
        tilted = fits < len(domain) and frame.about.is_categories
        every = 1 if tilted else math.ceil(len(domain) / fits)
        what = "category" if frame.about.is_categories else axis_title(frame.about, "bucket from")
        axis: Spec = {"title": what, "values": list(reversed(domain[::-1][::every])), "labelAngle": 0}
        if tilted:
            axis["labelAngle"] = -40
        if not shown:
            axis |= {"title": None, "labels": False, "ticks": False}
        return {
            "field": "bucket",
            "type": "ordinal",
            "scale": {"type": "band", "domain": domain, "paddingInner": 0.12, "paddingOuter": 0.3},
            "axis": axis,
        }


def distribution(frame: Frame, colours: Colours) -> Picture:
    """The shares of buckets, and below them the shares added up, where their order means something."""
    buckets = Buckets.of(frame)
    picture = _drawn(Sheet(frame, colours), buckets)
    if not frame.time:
        picture.sentences += _told(frame, buckets)
    picture.sentences.append(range_of(all_rows(frame), "n_clients", "clients"))
    if buckets.last:
        picture.notes.append(
            f"The last bucket ({buckets.last}) is open-ended: its values cannot be told apart."
        )
    if not buckets.are_known:
        picture.notes.append(
            "Buckets without samples are not on the axis, since it is not known which there are (--probes)."
        )
    if buckets.n_left_out:
        picture.notes.append(f"{buckets.n_left_out} empty buckets beyond the first and last are left out.")
    picture.notes += notes_of(frame)
    return picture


def _drawn(sheet: Sheet, buckets: Buckets) -> Picture:
    frame = sheet.frame
    limited = has_limits(all_rows(frame))
    if frame.time:
        spec, notes = one_or_many(sheet, lambda on, group: _along_time(on, group, buckets))
        darkest = number(100 * max(row["share"] for row in all_rows(frame)))
        notes += ["The limits of shares are in the rows."] if limited else []
        return Picture(
            spec,
            [span_of(frame)],
            [*notes, f"The stronger the colour, the larger the share (at most {darkest}%)."],
        )
    if 1 < len(frame.groups) <= _MOST_OVERLAID:
        how = "Lines on the bars" if frame.about.is_categories else "Bands"
        notes = limits_note(frame.about, how) if limited else []
        if limited and len(frame.groups) > MOST_BANDS and not frame.about.is_categories:
            notes = [TOO_MANY_BANDS]
        return Picture(_overlaid(sheet, buckets), [], notes)

    def panel(on: Sheet, group: Group) -> Spec:
        if frame.about.is_categories:
            return _bars(on, group, buckets)
        below = replace(on, height=on.height // 2)
        return stacked([_bars(on, group, buckets), _added_up(below, group, buckets)])

    spec, notes = one_or_many(sheet, panel)
    notes += limits_note(frame.about, "Lines on the bars") if limited else []
    return Picture(spec, [], notes)


def share_axis(title: str, field: str, most: float | None = None) -> Spec:
    """The encoding of a share; the axis has decimals only where the shares need them."""
    digits = 0 if most is None or most >= 0.04 else 1 if most >= 0.004 else 2
    scale: Spec = {"zero": True} if most is None else {"domain": [0, most]}
    axis = {"format": f".{digits}%", "tickCount": 4, "title": title}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def bucket_values(group: Group, buckets: Buckets) -> list[dict[str, Any]]:
    """One value for each bucket of the axis, also those without samples, with the shares added up."""
    found = {row["bucket"]: row for row in group.rows}
    values: list[dict[str, Any]] = []
    added = 0.0
    for bucket, name in buckets.names.items():
        row: Row = found.get(bucket, {"share": 0.0, "count": 0})
        added += row["share"]
        value = {"bucket": name, "share": row["share"], "cumulative": min(round(added, 12), 1.0)}
        limits = {name: row[name] for name in ("lower", "upper") if row.get(name) is not None}
        values.append({**value, **limits, "count": row["count"], "open": name == buckets.last})
    return values


def share_of(frame: Frame) -> str:
    """What shares are of: samples, or votes."""
    return "share of votes" if "one vote" in frame.about.counted else "share of samples"


def _bars(sheet: Sheet, group: Group, buckets: Buckets) -> Spec:
    """The shares of one group; the open-ended bucket is pale, since it is no bucket like the others."""
    frame, colours = sheet.frame, sheet.colours
    most = max((max(row["share"], row.get("upper") or 0) for row in all_rows(frame)), default=1.0)
    values = bucket_values(group, buckets)
    x = buckets.channel(frame, sheet.width, shown=frame.about.is_categories)
    limits: list[Spec] = []
    if has_limits(group.rows):
        ink = {"x": x, "stroke": {"value": colours["ink"]}}
        limits = [whiskers(values, ink, "y", share_axis(share_of(frame), "lower", most))]
    return sheet.panel(
        {
            "data": {"values": values},
            "mark": {"type": "bar", "stroke": colours["bar"], "strokeWidth": 1},
            "encoding": {
                "x": x,
                "y": share_axis(share_of(frame), "share", most),
                "fill": {
                    "condition": {"test": "datum.open", "value": colours["outer"]},
                    "value": colours["bar"],
                },
                "strokeDash": {"condition": {"test": "datum.open", "value": [3, 2]}, "value": [1, 0]},
                "tooltip": _tooltip(frame),
            },
        },
        *limits,
    )


def _tooltip(frame: Frame) -> list[Spec]:
    shares = [("share", share_of(frame))]
    shares += [] if frame.about.is_categories else [("cumulative", "at or below")]
    return [
        {"field": "bucket", "type": "ordinal", "title": axis_title(frame.about, "bucket from")},
        *({"field": f, "type": "quantitative", "title": title, "format": ".2%"} for f, title in shares),
    ]


def _added_up(sheet: Sheet, group: Group, buckets: Buckets) -> Spec:
    return sheet.panel(
        {
            "data": {"values": bucket_values(group, buckets)},
            "mark": {"type": "line", "interpolate": "step", "stroke": sheet.colours["bar"], "strokeWidth": 2},
            "encoding": {
                "x": buckets.channel(sheet.frame, sheet.width),
                "y": share_axis("at or below", "cumulative", 1.0),
                "tooltip": _tooltip(sheet.frame),
            },
        }
    )


def _overlaid(sheet: Sheet, buckets: Buckets) -> Spec:
    """A few groups in one panel: bars beside each other for categories, otherwise lines."""
    frame = sheet.frame
    values = [
        {**value, "series": group.name} for group in frame.groups for value in bucket_values(group, buckets)
    ]
    data = {"values": values}
    channels = series_channels(frame.groups, sheet.colours)
    limited = has_limits(all_rows(frame))
    lower = share_axis(share_of(frame), "lower")
    if frame.about.is_categories:
        names = [group.name for group in frame.groups]
        encoding = {
            "x": buckets.channel(frame, sheet.width),
            "xOffset": {"field": "series", "scale": {"domain": names}},
            "y": share_axis(share_of(frame), "share"),
            "color": channels["color"],
        }
        limits = whiskers(values, {"x": encoding["x"], "xOffset": encoding["xOffset"]}, "y", lower)
        limits["encoding"]["stroke"] = {"value": sheet.colours["ink"]}
        bars = {"data": data, "mark": {"type": "bar"}, "encoding": encoding}
        return sheet.panel(bars, *([limits] if limited else []))
    look = {"color": channels["color"], "strokeDash": channels["strokeDash"], "tooltip": _tooltip(frame)}

    def panel(on: Sheet, y: Spec, *, shown: bool) -> Spec:
        x = buckets.channel(frame, on.width, shown=shown)
        bands: list[Spec] = []
        for group in frame.groups if len(frame.groups) <= MOST_BANDS and not shown else ():
            fill = sheet.colours[f"series{group.look + 1}"]
            bands += band(bucket_values(group, buckets), {"x": x, "y": lower}, fill, interpolate="step")
        line = {"type": "line", "interpolate": "step", "strokeWidth": 2}
        lines = {"data": data, "mark": line, "encoding": {"x": x, "y": y, **look}}
        pale = {"type": "rect", "fill": sheet.colours["outer"], "opacity": 0.5}
        last = {"data": {"values": [{"bucket": buckets.last}]}, "mark": pale, "encoding": {"x": x}}
        return on.panel(*([last] if buckets.last else []), *bands, lines)

    below = replace(sheet, height=sheet.height // 2)
    return stacked(
        [
            panel(sheet, share_axis(share_of(frame), "share"), shown=False),
            panel(below, share_axis("at or below", "cumulative", 1.0), shown=True),
        ]
    )


def _along_time(sheet: Sheet, group: Group, buckets: Buckets) -> Spec:
    """Times by buckets, the stronger the larger the share; and the clients under them."""
    frame = sheet.frame
    times = sorted({row["at"] for row in group.rows})
    steps = sorted(later - earlier for earlier, later in itertools.pairwise(frame.times))
    half = steps[len(steps) // 2] / 2 if steps else dt.timedelta(hours=12)
    until = dict(zip(times, [*times[1:], dt.datetime.max], strict=True))
    values = [
        {
            "at": iso(row["at"] - half),
            "until": iso(min(row["at"] + half, until[row["at"]] - half)),
            "bucket": buckets.names[row["bucket"]],
            "share": row["share"],
        }
        for row in group.rows
        if row["bucket"] in buckets.names
    ]
    y = buckets.channel(frame, sheet.height * 3, shown=True)
    y["scale"] = {"type": "band", "domain": y["scale"]["domain"][::-1]}
    most = max(row["share"] for row in all_rows(frame))
    dark = {"scale": {"domain": [0, most or 1], "range": [0.03, 1]}, "legend": None}
    cells: Spec = {
        "data": {"values": values},
        "mark": {"type": "rect", "fill": sheet.colours["main"], "clip": True},
        "encoding": {
            "x": sheet.along.channel(None),
            "x2": {"field": "until"},
            "y": y,
            "fillOpacity": {"field": "share", "type": "quantitative", **dark},
        },
    }
    return stacked([sheet.panel(cells, *release_marks(sheet)), count_bars(sheet.low, group)])


def _told(frame: Frame, buckets: Buckets) -> list[str]:
    """Each group's largest bucket."""
    sentences = []
    for group in frame.groups[:MOST_SERIES]:
        row = min(group.rows, key=lambda row: (-row["share"], row["bucket"]))
        name = f"{group.name}: " if group.name else ""
        where = buckets.names[row["bucket"]]
        sentences.append(f"{name}the largest share is {row['share']:.1%}, of the bucket {where}.")
    return sentences
