"""The answer: from a spec and the rows of a table to the rows that the query must return."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import compress
from typing import Any

from oracle import derived, scalars
from oracle.alerts import with_states
from oracle.amounts import sides
from oracle.columns import Row, Version, column
from oracle.decoding import Decoded
from oracle.definitions import Probes
from oracle.dimensions import Dimension, places
from oracle.filters import passes
from oracle.measures import MEASURES, Output, Vote, measure_of, n_clients
from oracle.questions import Group, Question, Spec, facts_of, top_keys
from oracle.rates import rate_rows


def answer(spec: Spec, rows: Iterable[Row], probes: Probes | None = None) -> list[Output]:
    """The rows that the spec asks for: "flat, one per dimensions × percentile (or bucket), ordered".

    Args:
        spec: as YAML gives it; dates as `datetime.date` or ISO text.
        rows: rows of the spec's table as nested dicts; `submission_timestamp` as a datetime or ISO text.
        probes: what probe definitions say, if they are given.

    Returns:
        Rows with columns in the contract's order. INT64 is int, FLOAT64 is Fraction, NULL is None. Those of a
        `strict` spec are the answer only if `damaged_pings` is empty.
    """
    if spec.get("events") is not None:
        return _of_events(spec, list(rows), probes or {})
    question, passing = asked_of(spec, rows, probes)
    measure = measure_of(spec)
    if measure == "pings":
        return ping_rows(question, passing)
    if measure == "counts":
        results = count_rows(question, passing)
    elif question.is_scalar:
        sent = numbers_sent(question, passing)
        results = {group: scalars.MEASURES[measure](spec, of_group) for group, of_group in sent.items()}
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
    if spec.get("n_undecodable"):
        answers = _with_undecodable(question, filter(question.has_say, passing), answers)
    return _scaled(question, _with_low_data(spec, answers), spec)


def _of_events(spec: Spec, rows: list[Row], probes: Probes) -> list[Output]:
    """Numbers or rates made of events and exposure."""
    measure = measure_of(spec)
    events, _ = sides(spec, probes)
    question = events.question
    if measure == "rate":
        results = {group: [row] for group, row in rate_rows(spec, rows, probes).items()}
    else:
        of = derived.numbers(spec, rows, probes)
        results = {group: derived.MEASURES[measure](spec, numbers) for group, numbers in of.items()}
    names = [dimension.name for dimension in question.dimensions]
    answers = [
        dict(zip(names, group, strict=True)) | result
        for group in sorted(results, key=lambda group: places(question.dimensions, group))
        for result in results[group]
    ]
    if spec.get("n_undecodable"):
        counts = [row for row in rows if events.passes(row) and _may_count(spec, question, row)]
        answers = _with_undecodable(question, counts, answers)
    answers = _with_low_data(spec, answers)
    if spec.get("alert"):
        answers = with_states(spec, names, answers)
    return _scaled(question, answers, spec)


def _may_count(spec: Spec, question: Question, row: Row) -> bool:
    """Whether a ping adds to events: of clients' numbers it needs a client id."""
    return measure_of(spec) == "rate" or question.client(row) is not None


def damaged_pings(spec: Spec, rows: Iterable[Row], probes: Probes | None = None) -> frozenset[str | None]:
    """The ids of the pings any of which ends the query: of a `strict` spec those that hold something damaged.

    It must be of what the spec asks for, "and pass the filters (and key choice)".
    """
    if not spec.get("strict"):
        return frozenset()
    if spec.get("events") is not None:
        return frozenset(
            column(row, "document_id")
            for side in sides(spec, probes or {})
            for row in rows
            if side and side.passes(row) and _may_count(spec, side.question, row)
            if any(one.is_damaged for one in side.question.recorded(row))
        )
    question, passing = asked_of(spec, rows, probes)
    return frozenset(
        column(row, "document_id")
        for row in filter(question.has_say, passing)
        if any(one.is_damaged for one in question.recorded(row))
    )


def asked_of(spec: Spec, rows: Iterable[Row], probes: Probes | None) -> tuple[Question, list[Row]]:
    """What the spec asks, and the rows that pass its filters."""
    question = Question.of(spec, probes or {})
    passing = [row for row in rows if question.passes(row)]
    if isinstance(spec.get("key"), Mapping):
        question = replace(question, top=top_keys(question, passing))
    return question, passing


def voting(question: Question, rows: Iterable[Row]) -> dict[Group, list[Vote]]:
    """The histograms that count, by group. "A group without positive counts has no row", so it isn't here.

    Under `client` and `client_day` "NULL client ids have no vote", "and count under `none`". "A client's
    histograms of all processes/keys that fall into one group are taken together before normalization."
    """
    normalization = question.spec.get("normalization", "none")
    found: dict[Group, list[Vote]] = defaultdict(list)
    for row in filter(question.has_say, rows):
        client = question.client(row)
        day = question.table.named(row, "submission_date")
        unit = {"none": None, "client": client, "client_day": (client, day)}[normalization]
        for group, ones in question.by_group(row).items():
            votes = [Vote(client, unit, one.held) for one in ones if one.held and one.held.counted()]
            if votes:
                found[group] += votes
    return found


def numbers_sent(question: Question, rows: Iterable[Row]) -> dict[Group, scalars.Sent]:
    """The possible numbers of scalars with their clients, by group; a ping without a client id has none.

    All clients are those of the dimensions that come from the ping, whatever was recorded in it.
    """
    found: dict[Group, list[tuple[str, int]]] = defaultdict(list)
    everyone: dict[Group, set[str | None]] = defaultdict(set)
    for row in filter(question.has_say, rows):
        client = question.client(row)
        for group, ones in question.by_group(row).items():
            sent = [(client, one.held) for one in ones if scalars.is_possible(one.held)]
            if sent:
                found[group] += sent
        for group in question.groups(tuple(d.value(row) for d in question.dimensions if not d.of_recording)):
            everyone[group].add(client)
    is_shared = [not dimension.of_recording for dimension in question.dimensions]
    return {
        group: scalars.Sent(sent, len(everyone[tuple(compress(group, is_shared))]))
        for group, sent in found.items()
    }


def count_rows(question: Question, rows: Iterable[Row]) -> dict[Group, list[Output]]:
    """`n_clients` and `n_pings` of all pings, or of those that carry the histogram if one is named.

    With a dimension of what is recorded "counts rows per (ping, recording, key)".
    """
    clients: dict[Group, list[str | None]] = defaultdict(list)
    for row in rows:
        client = question.client(row)
        if question.splits_pings:
            for group, ones in question.by_group(row).items():
                clients[group] += [client] * len(ones)
        elif question.is_carried(row):
            for group in question.groups(tuple(d.value_of(row, None) for d in question.dimensions)):
                clients[group].append(client)
    return {group: [{"n_clients": n_clients(ids), "n_pings": len(ids)}] for group, ids in clients.items()}


def _with_low_data(spec: Spec, rows: list[Output]) -> list[Output]:
    """Rows of fewer than `min_clients` clients, or `min_usage_hours`, marked, or dropped.

    Columns `low_data`, or "`n_dropped` = number of rows dropped". "min_clients compares n_clients of the
    output row's group."
    """
    clients, hours = spec.get("min_clients"), spec.get("min_usage_hours")
    if clients is None and hours is None:
        return rows

    def judged(row: Output, name: str) -> Any:
        """Of the time that is compared, if there is one."""
        adjusted = row.get(f"adjusted_{name}")
        return row[name] if adjusted is None else adjusted

    def is_low(row: Output) -> bool:
        few = judged(row, "n_clients") < (clients or 0)
        return few or (hours is not None and judged(row, "exposure") < Fraction(hours))

    if spec.get("low_data", "mark") == "mark":
        return [row | {"low_data": is_low(row)} for row in rows]
    kept = [row for row in rows if not is_low(row)]
    return [row | {"n_dropped": len(rows) - len(kept)} for row in kept]


def _with_undecodable(question: Question, having: Iterable[Row], rows: list[Output]) -> list[Output]:
    """The rows with "the group's recordings that cannot be decoded", of pings that have a say: `having`."""
    damaged: dict[Group, int] = defaultdict(int)
    for row in having:
        for group, ones in question.by_group(row).items():
            damaged[group] += sum(one.is_damaged for one in ones)
    names = [dimension.name for dimension in question.dimensions]
    return [row | {"n_undecodable": damaged[tuple(row[name] for name in names)]} for row in rows]


SCALED = frozenset(
    {
        "n_clients",
        "n_all_clients",
        "n_samples",
        "n_pings",
        "n_undecodable",
        "count",
        "sum",
        "events",
        "exposure",
    }
)


def _scaled(question: Question, rows: list[Output], spec: Spec) -> list[Output]:
    """`scale`: "counts (never percentiles or shares) from the sample … to all clients".

    The sample is of the 100 ids those that pass the filters on the column `sample_id` itself. Whole counts
    are rounded.
    """
    if not spec.get("scale"):
        return rows
    by = Fraction(100, sum(_is_sampled(question, number) for number in range(100)))

    def scaled(value: int | Fraction | None) -> int | Fraction | None:
        if value is None:
            return None
        return int(by * value + Fraction(1, 2)) if isinstance(value, int) else by * value

    return [
        {name: scaled(row[name]) if name.removeprefix("adjusted_") in SCALED else row[name] for name in row}
        for row in rows
    ]


def _is_sampled(question: Question, number: int) -> bool:
    filters = {
        name: condition
        for name, condition in (question.spec.get("filters") or {}).items()
        if _reads_sample_id(question, name)
    }
    return passes({"sample_id": number}, filters, question.read, question.today)


def _reads_sample_id(question: Question, name: str) -> bool:
    """Whether a name stands for the sample id itself, whatever dimensions rename it."""
    stands_for = name.lower()
    for definition in reversed(question.spec.get("dimensions") or ()):
        if isinstance(definition, Mapping) and definition["name"].lower() == stands_for:
            if set(definition) != {"name", "of"}:
                return False  # bands or cases of something
            stands_for = definition["of"].lower()
    return stands_for == "sample_id"


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
    fields = question.fields
    answers = [[_field(question, field, row) for field in fields] for row in rows if question.is_carried(row)]
    # Fields are sorted as what they are shown as: versions as text.
    answers.sort(key=lambda values: places(fields, [str(v) if isinstance(v, Version) else v for v in values]))
    names = [field.name for field in fields]
    return [dict(zip(names, values, strict=True)) for values in answers[: question.spec.get("limit")]]


def _field(question: Question, field: Dimension, row: Row) -> Any:
    """The value of a field: of a dimension in any form, or something of the histogram."""
    if field.name == "histogram":
        return question.recorded(row)[0].text
    if field.name in HISTOGRAM_FIELDS:
        held = question.recorded(row)[0].held
        return held and HISTOGRAM_FIELDS[field.name](held)
    return field.value(row)
