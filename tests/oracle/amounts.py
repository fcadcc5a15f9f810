"""What is counted of each client: events, and the exposure that they are divided by.

An amount is written as one of `count`, `histogram`, `scalar` and `column`; a text is short for `count` or
`histogram`. Of each ping, and of each thing recorded in it, it has a `Part`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from oracle.columns import SUBMITTED, Row, column
from oracle.decoding import CAP, Decoded
from oracle.definitions import Probes
from oracle.dimensions import OF_RECORDING, Dimension
from oracle.filters import passes
from oracle.measures import measure_of
from oracle.questions import Group, Question, Spec
from oracle.recordings import Recorded
from oracle.scalars import is_possible

WORDS = ("pings", "clients", "client_days", "usage_hours")
HOURS = {"ms": Fraction(1, 3_600_000), "s": Fraction(1, 3600), "min": Fraction(1, 60), "h": Fraction(1)}
INTERVALS = {"5 minutes": 300, "hour": 3600, "day": 86400, "week": 604800}
MONDAY = datetime(2020, 4, 20, tzinfo=UTC)


class Part(NamedTuple):
    """What one ping adds to an amount, by one of its recordings where it is of these."""

    client: str | None
    at: datetime | None
    amount: Fraction | int

    @property
    def unit(self) -> tuple[str | None, datetime | None]:
        """Who sent it: a client, or a ping without a client id, which "stands for itself"."""
        return self.client, self.at if self.client is None else None

    @property
    def five_minutes(self) -> datetime | None:
        return start_of("5 minutes", self.at)


def start_of(interval: str, moment: datetime | None) -> datetime | None:
    """The first moment of the interval that a moment is in; weeks begin on Mondays."""
    if moment is None:
        return None
    seconds = INTERVALS[interval]
    return MONDAY + (moment - MONDAY) // timedelta(seconds=seconds) * timedelta(seconds=seconds)


@dataclass(frozen=True)
class Side:
    """An amount with the question for its recordings, and what pings must pass beside the spec's filters."""

    question: Question
    written: Mapping[str, Any]
    filters: Mapping[str, Any]

    @classmethod
    def of(cls, spec: Spec, amount: Any, probes: Probes, *, dimensions: Sequence[Any]) -> "Side":
        written = {"count" if amount in WORDS else "histogram": amount} if isinstance(amount, str) else amount
        kept = ("source", "filters", "today", "cube")
        asked = {key: spec[key] for key in kept if key in spec}
        asked |= {key: written[key] for key in ("histogram", "scalar", "process", "key") if key in written}
        question = Question.of(asked | {"measure": "summary", "dimensions": dimensions}, probes)
        timed = tuple(_time(spec) if d.name == "time" else d for d in question.dimensions)
        return cls(replace(question, dimensions=timed), written, written.get("filters") or {})

    @property
    def is_recorded(self) -> bool:
        return "histogram" in self.written or "scalar" in self.written

    @property
    def is_hours(self) -> bool:
        return self.written.get("count") == "usage_hours" or "unit" in self.written

    @property
    def is_whole(self) -> bool:
        """Whether it is shown as a whole number: what is counted, not hours, and not a histogram's sum."""
        return not self.is_hours and self.written.get("take", "samples") == "samples"

    def passes(self, row: Row) -> bool:
        question = self.question
        return question.passes(row) and passes(row, self.filters, question.read, question.today)

    def carried(self, rows: Iterable[Row]) -> dict[Group, list[tuple[Row, Recorded | None]]]:
        """The pings of each group, each once for whatever of the amount is recorded in it."""
        found: dict[Group, list[tuple[Row, Recorded | None]]] = {}
        for row in filter(self.passes, rows):
            if self.is_recorded:
                for group, ones in self.question.by_group(row).items():
                    found.setdefault(group, []).extend((row, one) for one in ones)
            else:
                values = tuple(d.value(row) for d in self.question.dimensions)
                for group in self.question.groups(values):
                    found.setdefault(group, []).append((row, None))
        return found

    def parts(self, rows: Iterable[Row]) -> dict[Group, list[Part]]:
        """By group. "What cannot be decoded, and an impossible number, contribute nothing"."""
        found: dict[Group, list[Part]] = {}
        for group, pings in self.carried(rows).items():
            for row, one in pings:
                amount = self._amount(row, one)
                if amount is not None:
                    part = Part(self.question.client(row), column(row, SUBMITTED), amount)
                    found.setdefault(group, []).append(part)
        return found

    def _amount(self, row: Row, one: Recorded | None) -> Fraction | int | None:
        if one is not None:
            return _recorded(self.written, one.held)
        if self.written.get("count") in ("pings", "clients", "client_days"):
            return 1
        path = self.written.get("column", "payload.info.subsession_length")
        value = self.question.table.named(row, path)
        if not self.is_hours:
            return value if is_possible(value) else 0
        # Usage hours are "subsession length, clamped to 0..24 h per ping".
        return min(max((value or 0) * HOURS[self.written.get("unit", "s")], Fraction(0)), Fraction(24))

    def total(self, parts: Iterable[Part]) -> Fraction | int:
        """The amount of these parts: distinct clients, or days of clients; of all else the sum."""
        match self.written.get("count"):
            case "clients":
                return len({part.client for part in parts} - {None})
            case "client_days":
                return len({(p.client, p.at and p.at.date()) for p in parts if p.client is not None and p.at})
        total = sum(part.amount for part in parts)
        return total if self.is_whole else Fraction(total)


def _time(spec: Spec) -> Dimension:
    """`interval`: "a dimension `time`, the first moment of each, in UTC"."""
    return Dimension("time", lambda row: start_of(spec["interval"], column(row, SUBMITTED)))


def _recorded(written: Mapping[str, Any], held: Decoded | int | None) -> int | None:
    """What a recording adds: a scalar's number; a histogram's samples, those of some buckets, or its sum."""
    if held is None:
        return None
    if isinstance(held, int):
        return held if is_possible(held) else None
    counted = held.counted()
    if written.get("take") == "sum":
        return (held.sum or 0) if counted else 0
    low, high = written.get("at_least", -CAP * CAP), CAP * CAP
    if "bucket" in written:
        low = high = written["bucket"]
    return sum(count for key, count in counted if low <= key <= high)


def dimensions_of(spec: Spec) -> list[Any]:
    """The spec's dimensions, with the time of an `interval` first if it isn't among them."""
    written = list(spec.get("dimensions") or ())
    return written if not spec.get("interval") or "time" in written else ["time", *written]


def sides(spec: Spec, probes: Probes) -> tuple[Side, Side | None]:
    """Events and exposure: of a rate usage hours, if the spec says none.

    "Keys have no exposure of their own": neither keys nor processes tell an exposure apart that doesn't
    name its own.
    """
    every = dimensions_of(spec)
    events = Side.of(spec, spec["events"], probes, dimensions=every)
    written = spec.get("exposure") or ("usage_hours" if measure_of(spec) == "rate" else None)
    if written is None:
        return events, None
    plain = [d for d in every if not isinstance(d, str) or d.lower() not in OF_RECORDING]
    exposure = Side.of(spec, written, probes, dimensions=plain)
    if not exposure.is_recorded:
        return events, exposure
    own = {"process", "key"} & set(exposure.written)
    told = [d for d in every if d in plain or (isinstance(d, str) and d.lower() in own)]
    return events, Side.of(spec, written, probes, dimensions=told)


def shared(events: Side, exposure: Side, rows: Sequence[Row]) -> dict[Group, list[Part]]:
    """The exposure of each group: that of the dimensions it has, once for all that it is shared by.

    "All have it everywhere: where a key was not recorded, its rate is 0."
    """
    names = [d.name for d in exposure.question.dimensions]
    every = [d.name for d in events.question.dimensions]
    found = exposure.parts(rows)
    if names == every:
        return found
    own = [at for at, name in enumerate(every) if name not in names]
    labels = {tuple(group[at] for at in own) for group in events.carried(rows)}
    made: dict[Group, list[Part]] = {}
    for group, parts in found.items():
        for label in labels:
            values = dict(zip(names, group, strict=True)) | dict(
                zip((every[at] for at in own), label, strict=True)
            )
            made[tuple(values[name] for name in every)] = parts
    return made


def per(spec: Spec, exposure: Side) -> Fraction:
    """How much of the exposure events are given for: 1, or "1000 hours if they are a rate"."""
    given = spec.get("per") or (1000 if measure_of(spec) == "rate" and exposure.is_hours else 1)
    return Fraction(str(given))
