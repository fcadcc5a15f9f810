"""The answer: from a spec and the rows of a table to the rows that the query must return."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from oracle.columns import TABLES, Row, Table, table_name
from oracle.decoding import Decoded
from oracle.definitions import Probe, Probes, factor
from oracle.dimensions import Dimension, dimension, groups, places
from oracle.filters import passes, today_of
from oracle.measures import MEASURES, Facts, Output, Vote, measure_of, n_clients
from oracle.recordings import Asked, Recorded, asked, is_several, recorded

Spec = Mapping[str, Any]  # a spec, as YAML gives it
Group = tuple[Any, ...]  # the values of the dimensions


def answer(spec: Spec, rows: Iterable[Row], probes: Probes | None = None) -> list[Output]:
    """The rows that the spec asks for: "flat, one per dimensions × percentile (or bucket), ordered".

    Args:
        spec: as YAML gives it; dates as `datetime.date` or ISO text.
        rows: rows of the spec's table as nested dicts; `submission_timestamp` as a datetime or ISO text.
        probes: what probe definitions say, if they are given.

    Returns:
        Rows with columns in the contract's order. INT64 is int, FLOAT64 is Fraction, NULL is None.
    """
    question = Question.of(spec, probes or {})
    passing = [row for row in rows if passes(row, spec.get("filters") or {}, question.read, question.today)]
    measure = measure_of(spec)
    if measure == "pings":
        return ping_rows(question, passing)
    if measure == "counts":
        results = count_rows(question, passing)
    else:
        facts = facts_of(spec, question.columns)
        votes = voting(question, passing)
        results = {group: MEASURES[measure](spec, of_group, facts) for group, of_group in votes.items()}
    names = [dimension.name for dimension in question.dimensions]
    answers = [
        dict(zip(names, group, strict=True)) | result
        for group in sorted(results, key=lambda group: places(question.dimensions, group))
        for result in results[group]
    ]
    return _with_low_data(spec, answers)


@dataclass(frozen=True)
class Question:
    """A spec with what its names mean."""

    spec: Spec
    table: Table
    dimensions: tuple[Dimension, ...]
    columns: tuple[Asked, ...]
    today: date | None

    @classmethod
    def of(cls, spec: Spec, probes: Probes) -> "Question":
        table, today = TABLES[table_name(spec)], today_of(spec)
        definitions = list(spec.get("dimensions") or ())
        if is_several(spec) and "histogram" not in definitions:
            definitions = ["histogram", *definitions]  # "several histograms → first column `histogram`"
        dimensions = tuple(dimension(definition, table, today) for definition in definitions)
        return cls(spec, table, dimensions, tuple(asked(spec, probes)), today)

    def read(self, row: Row, name: str) -> Any:
        """The value of a name in a row: of a dimension that the spec defines itself, or of the table."""
        defined = self.defined.get(name)
        return defined.value(row) if defined else self.table.named(row, name)

    @property
    def defined(self) -> dict[str, Dimension]:
        """The dimensions that the spec defines itself, by name."""
        definitions = [*(self.spec.get("dimensions") or ()), *(self.spec.get("fields") or ())]
        return {
            d["name"]: dimension(d, self.table, self.today) for d in definitions if isinstance(d, Mapping)
        }

    def recorded(self, row: Row) -> list[Recorded]:
        """The histograms that a ping carries, of those asked for."""
        return recorded(self.spec, self.columns, row)

    def is_carried(self, row: Row) -> bool:
        """Whether a ping carries a histogram that is asked for, if one is."""
        return not self.columns or bool(self.recorded(row))

    @property
    def splits_pings(self) -> bool:
        """Whether a ping may be in several groups by what is recorded in it."""
        return any(dimension.of_recording for dimension in self.dimensions)

    def by_group(self, row: Row) -> dict[Group, list[Recorded]]:
        """The histograms of a ping in each of the groups that it belongs to, each once in a group."""
        found: dict[Group, dict[Any, Recorded]] = defaultdict(dict)
        for one in self.recorded(row):
            values = tuple(dimension.value_of(row, one) for dimension in self.dimensions)
            for group in groups(values, cube=bool(self.spec.get("cube"))):
                found[group][one.place] = one
        return {group: list(ones.values()) for group, ones in found.items()}


def facts_of(spec: Spec, columns: Sequence[Asked]) -> Facts:
    """What is known about the buckets: each fact "if it is the same for all histograms asked for"."""
    scales, bounds, overflows, labels = set(), set(), set(), set()
    for one in columns:
        probe = one.probe or Probe("unknown", ())
        is_mirrored = one.histogram.lower() == (probe.mirrors or "").lower()
        scale = Fraction(1, probe.scale) if is_mirrored else Fraction(1)
        scales.add(factor(str(one.unit), spec["unit"]) if spec.get("unit") else scale)
        bounds.add(probe.bounds)
        overflows.add(probe.overflow)
        labels.add(tuple(probe.labels.items()))
    (scale,) = scales
    return Facts(scale, _only(bounds, ()), _only(overflows, None), _only(labels, ()))


def _only(values: set[Any], otherwise: Any) -> Any:
    return next(iter(values)) if len(values) == 1 else otherwise


def voting(question: Question, rows: Iterable[Row]) -> dict[Group, list[Vote]]:
    """The histograms that count, by group. "A group without positive counts has no row", so it isn't here.

    Under `client` and `client_day` "NULL client ids have no vote", "and count under `none`". "A client's
    histograms of all processes/keys that fall into one group are taken together before normalization."
    """
    normalization = question.spec.get("normalization", "none")
    found: dict[Group, list[Vote]] = defaultdict(list)
    for row in rows:
        client = question.table.client(row)
        if client is None and normalization != "none":
            continue
        day = question.table.named(row, "submission_date")
        unit = {"none": None, "client": client, "client_day": (client, day)}[normalization]
        for group, ones in question.by_group(row).items():
            votes = [Vote(client, unit, one.held) for one in ones if one.held and one.held.counted()]
            if votes:
                found[group] += votes
    return found


def count_rows(question: Question, rows: Iterable[Row]) -> dict[Group, list[Output]]:
    """`n_clients` and `n_pings` of all pings, or of those that carry the histogram if one is named.

    With a dimension of what is recorded "counts rows per (ping, recording, key)".
    """
    clients: dict[Group, list[str | None]] = defaultdict(list)
    for row in rows:
        client = question.table.client(row)
        if question.splits_pings:
            for group, ones in question.by_group(row).items():
                clients[group] += [client] * len(ones)
        elif question.is_carried(row):
            values = tuple(dimension.value_of(row, None) for dimension in question.dimensions)
            for group in groups(values, cube=bool(question.spec.get("cube"))):
                clients[group].append(client)
    return {group: [{"n_clients": n_clients(ids), "n_pings": len(ids)}] for group, ids in clients.items()}


def _with_low_data(spec: Spec, rows: list[Output]) -> list[Output]:
    """Rows of fewer than `min_clients` clients marked, or dropped.

    Columns `low_data`, or "`n_dropped` = number of rows dropped". "min_clients compares n_clients of the
    output row's group."
    """
    least = spec.get("min_clients")
    if least is None:
        return rows
    if spec.get("low_data", "mark") == "mark":
        return [row | {"low_data": row["n_clients"] < least} for row in rows]
    kept = [row for row in rows if row["n_clients"] >= least]
    return [row | {"n_dropped": len(rows) - len(kept)} for row in kept]


# What `fields` of `measure: pings` may name besides dimensions and columns.
HISTOGRAM_FIELDS: dict[str, Callable[[Decoded], Any]] = {
    "sum": lambda histogram: histogram.sum,
    "bucket_count": lambda histogram: histogram.bucket_count,
    "histogram_type": lambda histogram: histogram.histogram_type,
    "range_low": lambda histogram: histogram.range and histogram.range[0],
    "range_high": lambda histogram: histogram.range and histogram.range[1],
    "n_samples": lambda histogram: sum(count for _, count in histogram.counted()),
}


def ping_rows(question: Question, rows: Iterable[Row]) -> list[Output]:
    """`pings`: one row per ping, "ordered by the fields asked for, in their order, then LIMIT".

    Where the spec names a histogram, only pings that carry it, as in the tutorial's first query. `histogram`
    is the string as it is stored; its parts are NULL where it isn't decodable.
    """
    spec = question.spec
    fields = [_field(question, field) for field in spec["fields"]]
    answers = [[field.value(row) for field in fields] for row in rows if question.is_carried(row)]
    answers.sort(key=lambda values: places(fields, values))
    names = [field.name for field in fields]
    return [dict(zip(names, values, strict=True)) for values in answers[: spec.get("limit")]]


def _field(question: Question, field: Any) -> Dimension:
    """A field: a dimension in any form, or something of the histogram."""
    if not isinstance(field, str):
        return dimension(field, question.table, question.today)
    if field == "histogram":
        return Dimension(field, lambda row: question.recorded(row)[0].text)
    if field in HISTOGRAM_FIELDS:

        def part(row: Row) -> Any:
            held = question.recorded(row)[0].held
            return held and HISTOGRAM_FIELDS[field](held)

        return Dimension(field, part)
    return question.defined.get(field) or dimension(field, question.table, question.today)
