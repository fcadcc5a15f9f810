"""`measure: rate`: events by exposure, with limits, gaps, trimmed points, and versions at the same age."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from statistics import NormalDist
from typing import Any

from oracle.amounts import INTERVALS, Part, Side, per, shared, sides, start_of
from oracle.columns import SUBMITTED, Row, Version, column
from oracle.definitions import Probes
from oracle.measures import Output
from oracle.questions import Group, Question, Spec

DAY = timedelta(days=1)
VERSIONS = ("app_version", "major_version", "application.display_version")


@dataclass(frozen=True)
class Window:
    """The time of a version that is compared, both ends included."""

    first: datetime
    last: datetime

    def has(self, part: Part) -> bool:
        at = part.five_minutes
        return at is not None and self.first <= at <= self.last


@dataclass(frozen=True)
class Rates:
    """A spec with its amounts, and what was counted of both by group."""

    spec: Spec
    events: Side
    exposure: Side
    counted: Mapping[Group, list[Part]]
    exposed: Mapping[Group, list[Part]]
    rows: Sequence[Row]

    @property
    def question(self) -> Question:
        return self.events.question

    @property
    def names(self) -> list[str]:
        return [d.name for d in self.question.dimensions]

    @property
    def version(self) -> int | None:
        """Which of the dimensions tells versions apart."""
        tells = (_names_version(d) for d in self.spec.get("dimensions") or ())
        name = next((name for name in tells if name), None)
        return None if name is None else self.names.index(name)

    def of(self, group: Group, window: Window | None = None) -> tuple[list[Part], list[Part]]:
        """What was counted of both in a group, or in a window of time of it."""
        both = (self.counted.get(group, []), self.exposed.get(group, []))
        if window is None:
            return both
        return tuple([part for part in parts if window.has(part)] for parts in both)


def _names_version(definition: Any) -> str | None:
    """The name of a dimension that is one of versions."""
    if isinstance(definition, Mapping):
        is_version = set(definition) == {"name", "of"} and definition["of"].lower() in VERSIONS
        return definition["name"] if is_version else None
    return definition.split(".")[-1].lower() if definition.lower() in VERSIONS else None


def rate_rows(spec: Spec, rows: Sequence[Row], probes: Probes) -> dict[Group, Output]:
    """The row of each group, without its dimensions."""
    events, exposure = sides(spec, probes)
    if exposure is None:
        raise ValueError("a rate has an exposure")
    asked = Rates(spec, events, exposure, events.parts(rows), shared(events, exposure, rows), rows)
    groups = dict.fromkeys((*asked.counted, *asked.exposed))
    found = {group: one_rate(asked, *asked.of(group)) for group in groups}
    series = spec.get("interval") is not None
    if spec.get("fill"):
        found = _with_gaps(asked, found)
    if spec.get("align") is not None and not series:
        windows = windows_of(asked)
        found = {group: row | _adjusted(asked, group, windows) for group, row in found.items()}
    if spec.get("align") is not None and series:
        found = _aged(asked, found)
    return found


def one_rate(asked: Rates, counted: Sequence[Part], exposed: Sequence[Part]) -> Output:
    """Events, exposure, rate, its limits and clients, of what was counted."""
    spec = asked.spec
    factor = per(spec, asked.exposure)
    events, exposure = asked.events.total(counted), asked.exposure.total(exposed)
    if spec.get("trim"):
        kept, kept_exposure = _kept(asked, counted, exposed)
        rate = kept * factor / kept_exposure if kept_exposure else None
    else:
        rate = Fraction(events) * factor / exposure if exposure else None
    row = {"events": events, "exposure": exposure, "rate": rate}
    if spec.get("confidence"):
        lower, upper = _limits(asked, counted, exposed)
        row |= {"lower": lower and lower * factor, "upper": upper and upper * factor}
        row |= {"lower": None if lower is None else lower * factor}
    return row | {"n_clients": len({part.client for part in (*counted, *exposed)} - {None})}


def _limits(
    asked: Rates, counted: Sequence[Part], exposed: Sequence[Part]
) -> tuple[Fraction, Fraction] | tuple[None, None]:
    """The limits of events by exposure: by how clients differ, or of a Poisson count."""
    confidence = asked.spec["confidence"]
    events, exposure = asked.events.total(counted), asked.exposure.total(exposed)
    if not exposure:
        return None, None
    if asked.spec.get("method") == "poisson":
        return tuple(Fraction(limit) / exposure for limit in poisson(int(events), confidence))
    units = _by_unit(asked, counted, exposed)
    if len(units) < 2 or not events:
        return None, None
    ratio = Fraction(events) / exposure
    # Less than a part in a million is rounding, where residuals are differences of floats.
    noise = Fraction(1, 10**12) * ratio**2 * sum(x**2 for _, x in units)
    squares = max(sum((e - ratio * x) ** 2 for e, x in units) - noise, Fraction(0))
    error = math.sqrt(squares * len(units) / (len(units) - 1)) / float(exposure)
    away = Fraction(NormalDist().inv_cdf((1 + confidence) / 2) * error)
    return max(ratio - away, Fraction(0)), ratio + away


def _by_unit(
    asked: Rates, counted: Sequence[Part], exposed: Sequence[Part]
) -> list[tuple[Fraction | int, Fraction | int]]:
    """Each independent unit's events and exposure."""
    both: dict[Any, tuple[list[Part], list[Part]]] = defaultdict(lambda: ([], []))
    for part in counted:
        both[part.unit][0].append(part)
    for part in exposed:
        both[part.unit][1].append(part)
    return [(asked.events.total(e), asked.exposure.total(x)) for e, x in both.values()]


def poisson(events: int, confidence: float) -> tuple[float, float]:
    """The exact limits of a Poisson count's mean, by scipy."""
    from scipy.stats import chi2

    tail = (1 - confidence) / 2
    lower = float(chi2.ppf(tail, 2 * events) / 2) if events else 0.0
    return lower, float(chi2.ppf(1 - tail, 2 * events + 2) / 2)


def _kept(asked: Rates, counted: Sequence[Part], exposed: Sequence[Part]) -> tuple[Fraction, Fraction]:
    """Events and exposure without the points of five minutes of the highest rates."""
    points: dict[Any, tuple[list[Part], list[Part]]] = defaultdict(lambda: ([], []))
    for part in counted:
        points[part.five_minutes][0].append(part)
    for part in exposed:
        points[part.five_minutes][1].append(part)
    made = [(at, asked.events.total(e), asked.exposure.total(x)) for at, (e, x) in points.items()]
    first = datetime.min.replace(tzinfo=UTC)
    made.sort(key=lambda p: (p[2] == 0, Fraction(p[1]) / p[2] if p[2] else 0, p[0] or first))
    kept = made[: math.ceil(len(made) * (1 - Fraction(str(asked.spec["trim"]))))]
    return Fraction(sum(e for _, e, _ in kept)), Fraction(sum(x for _, _, x in kept))


def _with_gaps(asked: Rates, found: Mapping[Group, Output]) -> dict[Group, Output]:
    """A row for each interval from the first to the last of all, in each series."""
    place = asked.names.index("time")
    step = timedelta(seconds=INTERVALS[asked.spec["interval"]])
    times = [group[place] for group in found if group[place] is not None]
    series = {group[:place] + group[place + 1 :] for group in found if group[place] is not None}
    (some, *_) = found.values() or ({},)
    empty = {name: 0 if name == "n_clients" else None for name in some}
    empty["events"] = 0 if asked.events.is_whole else Fraction(0)
    empty["exposure"] = 0 if asked.exposure.is_whole else Fraction(0)
    made = {}
    at = min(times, default=None)
    while at is not None and at <= max(times):
        for one in series:
            group = (*one[:place], at, *one[place:])
            made[group] = found.get(group, empty)
        at += step
    return made


def _of_ping(asked: Rates, group: Group) -> Group:
    """The values of the dimensions that come from the ping."""
    return tuple(v for v, d in zip(group, asked.question.dimensions, strict=True) if not d.of_recording)


# --- Versions at the same age --------------------------------------------------------------------


def _released(align: Any) -> dict[str, datetime]:
    """When versions were released, as far as the spec says."""
    dates = align.get("dates") or {} if isinstance(align, Mapping) else {}
    return {version: _moment(day) for version, day in dates.items()}


def _moment(day: date | str) -> datetime:
    if isinstance(day, str):
        day = datetime.fromisoformat(day)
    if isinstance(day, datetime):
        return day.replace(tzinfo=day.tzinfo or UTC)
    return datetime.combine(day, time(), UTC)


def version_rank(version: Any) -> Any:
    """What versions are ordered by; None of no version."""
    return version.rank() if isinstance(version, Version) else version


def windows_of(asked: Rates) -> dict[Group, Window]:
    """The time of each version that is compared, by the dimensions that come from the ping.

    "As long since each version's release as the newest has been out, but not longer than until the next one
    came"; "optionally skipping the first 24 hours", by Mission Control's rules.
    """
    question, place = asked.question, asked.version
    of_ping = [d for d in question.dimensions if not d.of_recording]
    name = asked.names[place or 0]
    at = [d.name for d in of_ping].index(name)
    seen: dict[Group, list[datetime]] = defaultdict(list)
    for row in filter(question.passes, asked.rows):
        group = tuple(d.value(row) for d in of_ping)
        moment = start_of("5 minutes", column(row, SUBMITTED))
        if version_rank(group[at]) is not None and moment is not None:
            seen[group].append(moment)
    if not seen:
        return {}
    align = asked.spec["align"]
    skip = timedelta(hours=align.get("skip_hours", 0)) if isinstance(align, Mapping) else timedelta()
    released = _released(align)
    last = max(max(moments) for moments in seen.values())
    started = {group: released.get(str(group[at]), min(moments)) for group, moments in seen.items()}
    found = {}
    for group in seen:
        others = [one for one in seen if one[:at] + one[at + 1 :] == group[:at] + group[at + 1 :]]
        others.sort(key=lambda one: (version_rank(one[at]), one[at]))
        following = others[others.index(group) + 1 :]
        until = started[following[0]] if following else last
        age = last - started[others[-1]]
        duration = until - started[group]
        length = min(duration, age)
        if length > timedelta():
            skipped = skip if age > DAY and duration > 2 * DAY else timedelta()
            first = started[group] + skipped
            found[group] = Window(first, first + length)
    return found


def _adjusted(asked: Rates, group: Group, windows: Mapping[Group, Window]) -> Output:
    """The same columns of the time that is compared; NULL where nothing was counted in it."""
    window = windows.get(_of_ping(asked, group))
    whole = one_rate(asked, *asked.of(group))
    counted, exposed = asked.of(group, window) if window else ([], [])
    made = one_rate(asked, counted, exposed) if counted or exposed else dict.fromkeys(whole)
    return {f"adjusted_{name}": value for name, value in made.items()}


def _aged(asked: Rates, found: Mapping[Group, Output]) -> dict[Group, Output]:
    """The hours since each version's release, and its share of the exposure of all at that time."""
    when, version = asked.names.index("time"), asked.version or 0
    released = _released(asked.spec["align"])
    own = set(asked.counted) | set(asked.exposed)
    first: dict[Group, datetime] = {}
    total: dict[Group, Fraction] = defaultdict(Fraction)
    for group, row in found.items():
        series, moment = _without(group, when), _without(group, version)
        if group in own and group[when] is not None:
            first[series] = min(first.get(series, group[when]), group[when])
        total[moment] += row["exposure"]
    made = {}
    for group, row in found.items():
        start = released.get(str(group[version])) or first.get(_without(group, when))
        hours = None if start is None or group[when] is None else (group[when] - start) / timedelta(hours=1)
        all_of_it = total[_without(group, version)]
        share = Fraction(row["exposure"]) / all_of_it if all_of_it else None
        made[group] = row | {
            "hours_since_release": None if hours is None else Fraction(hours),
            "share_of_exposure": share,
        }
    return made


def _without(group: Group, place: int) -> Group:
    return group[:place] + group[place + 1 :]
