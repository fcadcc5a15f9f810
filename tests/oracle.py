"""The judge of the compiler: what a spec means, worked out in plain Python with exact fractions.

Written from the definitions alone (they are quoted where they are applied), with none of querygen's code
and no SQL. `answer` takes a spec and the rows of telemetry.main and gives the rows that the query must
return; `same_rows` says where an engine's rows differ from them. Slow and plain on purpose.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

Row = Mapping[str, Any]  # a row of telemetry.main, nested as in BigQuery
Spec = Mapping[str, Any]  # a spec, as YAML gives it
Output = dict[str, Any]  # a row of the answer: columns in their order
Group = tuple[Any, ...]  # the values of the dimensions

# --- Histogram strings: which are decodable, and what they hold -----------------------------------

CAP = 2**40
INTEGER_MEMBERS = ("bucket_count", "histogram_type", "sum")
FRACTION_MEMBERS = ("log_sum", "log_sum_squares", "sum_squares_lo", "sum_squares_hi")


class Decoded(NamedTuple):
    """What a decodable string holds; a missing or null member is None.

    `entries` are the (key, count) pairs in textual order, repeated keys, zeros and absurd counts included.
    """

    sum: int | None
    bucket_count: int | None
    histogram_type: int | None
    range: tuple[int, int] | None
    entries: tuple[tuple[int, int], ...]

    def counted(self) -> list[tuple[int, int]]:
        """The entries that count: those "whose count is outside 1..2^40 contribute nothing"."""
        return [(key, count) for key, count in self.entries if 1 <= count <= CAP]


class _UndecodableError(Exception):
    """The text departs from the grammar."""


class _Scanner:
    """Reads the tokens of the grammar from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def accept(self, token: str) -> bool:
        """Steps over the token if it comes next."""
        found = self.text.startswith(token, self.at)
        self.at += len(token) if found else 0
        return found

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise _UndecodableError

    def spaces(self) -> None:
        r"""`ws := \s*`, which is space, \t, \n, \f and \r in RE2."""
        while self.text[self.at : self.at + 1] in (" ", "\t", "\n", "\f", "\r"):
            self.at += 1

    def digits(self, at_most: int) -> str:
        """One to `at_most` ASCII digits."""
        start = self.at
        while self.at - start < at_most and "0" <= self.text[self.at : self.at + 1] <= "9":
            self.at += 1
        if self.at == start:
            raise _UndecodableError
        return self.text[start : self.at]

    def integer(self) -> int:
        """`INT := -?(0|[1-9][0-9]{0,17})`. Of 007 and of 19 digits it leaves a rest, where nothing fits."""
        sign = -1 if self.accept("-") else 1
        return 0 if self.accept("0") else sign * int(self.digits(18))

    def fraction(self) -> Fraction:
        r"""`FRAC := INT(\.[0-9]+)?`."""
        start = self.at
        self.integer()
        if self.accept("."):
            self.digits(len(self.text))
        return Fraction(self.text[start : self.at])

    def members(self, member: Callable[[], None]) -> None:
        """`{` members `}`: "ws between tokens, members separated by commas", possibly none."""
        self.expect("{")
        self.spaces()
        if self.accept("}"):
            return
        while True:
            member()
            self.spaces()
            if self.accept("}"):
                return
            self.expect(",")
            self.spaces()

    def separator(self, token: str) -> None:
        """The token, with ws on either side."""
        self.spaces()
        self.expect(token)
        self.spaces()


def decode(text: str | None) -> Decoded | None:
    """The histogram that a string holds; None where it is NULL or matches none of the four forms."""
    if text is None:
        return None
    scanner = _Scanner(text)
    try:
        scanner.spaces()
        decoded = _json_object(scanner) if scanner.text.startswith("{", scanner.at) else _compact(scanner)
        scanner.spaces()
    except _UndecodableError:
        return None
    return decoded if scanner.at == len(text) else None


def _json_object(scanner: _Scanner) -> Decoded:
    """Form 1: a JSON object of the known members in any order. "If "sum" occurs twice the first counts"."""
    first: dict[str, Any] = {}

    def member() -> None:
        scanner.expect('"')
        names = (*INTEGER_MEMBERS, *FRACTION_MEMBERS, "range", "values")
        name = next((name for name in names if scanner.accept(f'{name}"')), None)
        if name is None:
            raise _UndecodableError
        scanner.separator(":")
        value: Any = None
        if name == "range":
            value = _json_range(scanner)
        elif name == "values":
            if name in first:  # "the "values" member occurs at most once"
                raise _UndecodableError
            value = () if scanner.accept("null") else _json_values(scanner)
        elif not scanner.accept("null"):
            value = scanner.integer() if name in INTEGER_MEMBERS else scanner.fraction()
        first.setdefault(name, value)

    scanner.members(member)
    return Decoded(
        sum=first.get("sum"),
        bucket_count=first.get("bucket_count"),
        histogram_type=first.get("histogram_type"),
        range=first.get("range"),
        entries=first.get("values", ()),
    )


def _json_range(scanner: _Scanner) -> tuple[int, int]:
    """`[INT, INT]` with ws between tokens."""
    scanner.expect("[")
    scanner.spaces()
    low = scanner.integer()
    scanner.spaces()
    scanner.expect(",")
    scanner.spaces()
    high = scanner.integer()
    scanner.spaces()
    scanner.expect("]")
    return low, high


def _json_values(scanner: _Scanner) -> tuple[tuple[int, int], ...]:
    """`{ "INT": INT, ... }`, possibly empty; "duplicate keys all count"."""
    entries = []

    def member() -> None:
        scanner.expect('"')
        key = scanner.integer()
        scanner.expect('"')
        scanner.separator(":")
        entries.append((key, scanner.integer()))

    scanner.members(member)
    return tuple(entries)


def _compact(scanner: _Scanner) -> Decoded:
    """Forms 2 to 4, none of which has ws inside."""
    first = scanner.integer()
    if scanner.accept(";"):  # bucket_count;histogram_type;sum;low,high;key:count,...
        histogram_type = scanner.integer()
        scanner.expect(";")
        total = scanner.integer()
        scanner.expect(";")
        low = scanner.integer()
        scanner.expect(",")
        high = scanner.integer()
        scanner.expect(";")
        return Decoded(total, first, histogram_type, (low, high), _compact_entries(scanner))
    if scanner.accept(","):  # "keys 0,1 (and an empty 2)", "`sum` of a pair (f,t) is t"
        second = scanner.integer()
        return Decoded(second, 3, 2, (1, 2), ((0, first), (1, second), (2, 0)))
    # a use counter or count: "all mass on key 0 (and an empty 1)", its sum is itself
    return Decoded(first, 3, 4, (1, 2), ((0, first), (1, 0)))


def _compact_entries(scanner: _Scanner) -> tuple[tuple[int, int], ...]:
    """`[INT:INT{,INT:INT}]`: the fifth part may be empty."""
    entries: list[tuple[int, int]] = []
    following = scanner.text[scanner.at : scanner.at + 1]
    if not following or following not in "-0123456789":
        return ()
    while not entries or scanner.accept(","):
        key = scanner.integer()
        scanner.expect(":")
        entries.append((key, scanner.integer()))
    return tuple(entries)


# --- Columns and names ----------------------------------------------------------------------------

FRIENDLY = {
    "channel": "normalized_channel",
    "os": "normalized_os",
    "os_version": "normalized_os_version",
    "country": "normalized_country_code",
    "build_id": "application.build_id",
    "app_version": "application.display_version",
}
# Columns whose BigQuery type is FLOAT64, so that 4096 in the data is 4096.0 in a result.
FLOAT_COLUMNS = frozenset({"environment.system.memory_mb"})


def column(row: Row, path: str) -> Any:
    """The value at a column path. Names are case-insensitive as in BigQuery; missing fields are NULL."""
    value: Any = row
    for part in path.lower().split("."):
        fields = {name.lower(): field for name, field in (value or {}).items()}
        value = fields.get(part)
    if value is None:
        return None
    if path.lower() == "submission_timestamp":
        return _timestamp(value)
    return Fraction(value) if path.lower() in FLOAT_COLUMNS else value


def _timestamp(value: datetime | str) -> datetime:
    """A TIMESTAMP in UTC, from a datetime or ISO text ("2020-04-20T12:34:56Z", "2020-04-20 12:34:56 UTC")."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value.replace(" UTC", "Z"))
    return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)


def build_time(build_id: str | None) -> datetime | None:
    """DATETIME of a build.

    "NULL unless the text is 14 digits YYYYMMDDHHMMSS of a real date, year 1000..2999, hour<24, minute<60,
    second<60."
    """
    if build_id is None or len(build_id) != 14 or not _all_digits(build_id):
        return None
    year, month, day, hour, minute, second = (
        int(build_id[a:b]) for a, b in pairwise((0, 4, 6, 8, 10, 12, 14))
    )
    if not 1000 <= year <= 2999:
        return None
    try:  # refuses months, days, hours, minutes and seconds that there are not
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None


def build_date(build_id: str | None) -> date | None:
    """DATE of a build: as `build_time`, and "also takes 8 digits YYYYMMDD"."""
    time = build_time(f"{build_id}000000" if build_id is not None and len(build_id) == 8 else build_id)
    return time and time.date()


def _all_digits(text: str) -> bool:
    return all("0" <= character <= "9" for character in text)


def named(row: Row, name: str) -> Any:
    """The value of a friendly name or column path in a row."""
    match name:
        case "build_date":
            return build_date(column(row, FRIENDLY["build_id"]))
        case "build_time":
            return build_time(column(row, FRIENDLY["build_id"]))
        case "submission_date":
            submitted = column(row, "submission_timestamp")
            return submitted and submitted.date()
    return column(row, FRIENDLY.get(name, name))


# --- Filters --------------------------------------------------------------------------------------


def passes(
    row: Row, filters: Mapping[str, Any], defined: Mapping[str, "Dimension"], today: date | None
) -> bool:
    """Whether a row passes every filter; a filter on a defined dimension's name tests its value."""
    return all(
        holds(defined[name].value(row) if name in defined else named(row, name), condition, name, today)
        for name, condition in filters.items()
    )


def holds(value: Any, condition: Any, name: str, today: date | None) -> bool:
    """Whether a value meets "value | list | {from, to} | {gte,gt,lte,lt} | {not} | {is_null} | {last}".

    "Several operators in one mapping are AND-ed." NULL meets `is_null: true` and `not`, which "keeps NULLs".
    """
    if not isinstance(condition, Mapping):
        return value is not None and _any_of(value, condition, name)
    return all(_operator(value, operator, bound, name, today) for operator, bound in condition.items())


def _operator(value: Any, operator: str, bound: Any, name: str, today: date | None) -> bool:
    if operator == "is_null":
        return (value is None) == bound
    if value is None:
        return operator == "not"
    match operator:
        case "not":
            return not _any_of(value, bound, name)
        case "from" | "gte":
            return _order(value, bound, name) >= 0
        case "to" | "lte":
            return _order(value, bound, name) <= 0
        case "gt":
            return _order(value, bound, name) > 0
        case "lt":
            return _order(value, bound, name) < 0
        case "last":
            # "the 14 days that end on `today`, inclusive"
            if today is None:
                raise ValueError("`last` needs `today`")
            return (
                _order(value, today - _days(bound) + timedelta(1), name) >= 0
                and _order(value, today, name) <= 0
            )
    raise ValueError(f"no operator {operator!r}")


def _days(text: str) -> timedelta:
    """`14 days`, `1 day`, `2 weeks`."""
    number, unit = text.split()
    return {"day": timedelta(days=1), "week": timedelta(weeks=1)}[unit.removesuffix("s")] * int(number)


def _any_of(value: Any, wanted: Any, name: str) -> bool:
    options = wanted if isinstance(wanted, Sequence) and not isinstance(wanted, str) else [wanted]
    return any(_order(value, option, name) == 0 for option in options)


def _order(value: Any, bound: Any, name: str) -> int:
    """-1, 0 or 1 as the value lies before, at or after the bound, both brought to one type first."""
    if name == "build_id":
        # A bound or value "shorter than 14 digits is a prefix", compared with as much of the build id.
        bound = str(bound)
        value = value[: len(bound)] if len(bound) < 14 else value
    elif isinstance(value, date):
        value, bound = _same_kind_of_date(value, bound)
    elif isinstance(value, bool) or isinstance(bound, bool):
        if not (isinstance(value, bool) and isinstance(bound, bool)):
            raise TypeError(f"{name}: {value!r} against {bound!r}")
    elif isinstance(value, int | Fraction):
        bound = Fraction(bound)  # the FLOAT64 nearest to what was written, as the column's values are
    elif not isinstance(bound, str):
        raise TypeError(f"{name}: {value!r} against {bound!r}")
    return (value > bound) - (value < bound)


def _same_kind_of_date(value: date, bound: Any) -> tuple[date, date]:
    """A DATETIME or TIMESTAMP goes by its day against a date, so that all of the `to` day counts."""
    if isinstance(bound, str):
        bound = date.fromisoformat(bound) if len(bound) == 10 else datetime.fromisoformat(bound)
    if isinstance(value, datetime) and isinstance(bound, datetime):
        if value.tzinfo:
            return value, _timestamp(bound)
        return value, bound.replace(tzinfo=None)
    if isinstance(bound, datetime):
        raise TypeError(f"a date against the time {bound}")
    return (value.date() if isinstance(value, datetime) else value), bound


def exact(percentile: float) -> Fraction:
    """A percentile as the decimal that was written: 0.1 is one tenth."""
    return Fraction(str(percentile))


def today_of(spec: Spec) -> date | None:
    """The spec's `today`: a date, `current`, or nothing."""
    today = spec.get("today")
    if today == "current":
        return datetime.now(UTC).date()
    return date.fromisoformat(today) if isinstance(today, str) else today


# --- Dimensions -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dimension:
    """A column of the answer: how a row's value is found; of bands and cases, the labels in written order."""

    name: str
    value: Callable[[Row], Any]
    labels: tuple[str, ...] | None = None

    def place(self, value: Any) -> tuple[int, Any]:
        """Sorts "NULLs first, text by code point, bands/cases in their written order"."""
        if value is None:
            return (0, 0)
        return (1, self.labels.index(value) if self.labels else value)


def dimension(definition: Any, today: date | None) -> Dimension:
    """A dimension from its form in a spec: a name, a path, or a definition by `of`, `bands` or `cases`."""
    if isinstance(definition, str):
        # A path's column is called what BigQuery calls it: its last part.
        return Dimension(definition.split(".")[-1], lambda row: named(row, definition))
    name, of = definition["name"], definition.get("of")
    if "bands" in definition:
        bounds = definition["bands"]
        return Dimension(name, lambda row: band(named(row, of), bounds), band_labels(bounds))
    if "cases" not in definition:
        return Dimension(name, lambda row: named(row, of))
    cases = _cases(definition)
    other = definition.get("else")

    def value(row: Row) -> str | None:
        """The "first that is TRUE wins; otherwise `else` (default NULL)"."""
        return next((label for label, when in cases if passes(row, when, {}, today)), other)

    written = [*(label for label, _ in cases), *([] if other is None else [other])]
    return Dimension(name, value, tuple(dict.fromkeys(written)))


def _cases(definition: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The cases as (label, filters), of both forms: a list of {value, when}, or {label: filter on `of`}."""
    cases = definition["cases"]
    if isinstance(cases, Mapping):
        return [(label, {definition["of"]: condition}) for label, condition in cases.items()]
    return [(case["value"], case["when"]) for case in cases]


def band_labels(bounds: Sequence[float]) -> tuple[str, ...]:
    """`[a, b, c]` give "under a", "a to b", "b to c", "c and over"."""
    between = (f"{low} to {high}" for low, high in pairwise(bounds))
    return (f"under {bounds[0]}", *between, f"{bounds[-1]} and over")


def band(value: Fraction | int | None, bounds: Sequence[float]) -> str | None:
    """The value's band: "lower bound inclusive, upper exclusive; NULL stays NULL"."""
    if value is None:
        return None
    return band_labels(bounds)[sum(value >= bound for bound in bounds)]


# --- Votes: which pings of a group count, and with what weight ------------------------------------


class Ping(NamedTuple):
    """A ping that has a say: its client, its unit (whoever's histograms sum to 1) and its histogram."""

    client: str | None
    unit: Any
    histogram: Decoded

    @property
    def total(self) -> int:
        """How many samples the ping recorded."""
        return sum(count for _, count in self.histogram.counted())


def histogram_text(spec: Spec, row: Row) -> str | None:
    """The string of the spec's histogram: a column path, or a probe of the parent process, in any case."""
    name = spec["histogram"]
    return column(row, name if "." in name else f"payload.histograms.{name}")


def voting_pings(spec: Spec, rows: Iterable[Row], dimensions: Sequence[Dimension]) -> dict[Group, list[Ping]]:
    """The pings that count, by group. "A group without positive counts has no row", so it isn't here either.

    Under `client` and `client_day` "NULL client ids have no vote", "and count under `none`".
    """
    normalization = spec.get("normalization", "none")
    groups: dict[Group, list[Ping]] = defaultdict(list)
    for row in rows:
        client = column(row, "client_id")
        unit = {"none": None, "client": client, "client_day": (client, named(row, "submission_date"))}[
            normalization
        ]
        histogram = decode(histogram_text(spec, row))
        has_vote = client is not None or normalization == "none"
        if histogram and histogram.counted() and has_vote:
            group = tuple(dimension.value(row) for dimension in dimensions)
            groups[group].append(Ping(client, unit, histogram))
    return groups


def unit_weights(spec: Spec, pings: Iterable[Ping]) -> dict[Any, Fraction | int]:
    """The weight of a unit's samples: "every unit is scaled by 1/total"; under `none` each weighs 1."""
    totals: dict[Any, int] = defaultdict(int)
    for ping in pings:
        totals[ping.unit] += ping.total
    plain = spec.get("normalization", "none") == "none"
    return {unit: 1 if plain else Fraction(1, total) for unit, total in totals.items()}


def bucket_counts(spec: Spec, pings: Sequence[Ping]) -> dict[int, Fraction | int]:
    """Bucket → count in ascending order: samples under `none`, votes otherwise. Zero buckets aren't there."""
    weights = unit_weights(spec, pings)
    counts: dict[int, Fraction | int] = defaultdict(int)
    for ping in pings:
        for key, count in ping.histogram.counted():
            counts[key] += count * weights[ping.unit]
    return dict(sorted(counts.items()))


def n_clients(clients: Iterable[str | None]) -> int:
    """How many "distinct non-NULL client ids"; '' is an id like any other."""
    return len({client for client in clients if client is not None})


def group_counts(pings: Sequence[Ping]) -> Output:
    """`n_clients` and `n_samples`, which "both belong to the group"."""
    return {
        "n_clients": n_clients(ping.client for ping in pings),
        "n_samples": sum(ping.total for ping in pings),
    }


# --- Measures: the rows of one group --------------------------------------------------------------


def percentile_value(counts: Mapping[int, Fraction | int], percentile: Fraction) -> int:
    """The "lowest bucket whose cumulative share is ≥ p, where a share within 1e-9 of p has reached it"."""
    total = Fraction(sum(counts.values()))
    cumulative = Fraction(0)
    for bucket, count in sorted(counts.items()):
        cumulative += count
        if cumulative / total >= percentile - Fraction(1, 10**9):
            return bucket
    raise ValueError(f"no bucket reaches {percentile}")


def percentile_rows(spec: Spec, pings: Sequence[Ping]) -> list[Output]:
    """`percentile`, `value`, `n_clients`, `n_samples`, in ascending order of percentile."""
    counts = bucket_counts(spec, pings)
    return [
        {"percentile": percentile, "value": percentile_value(counts, percentile), **group_counts(pings)}
        for percentile in sorted({exact(number) for number in spec["percentiles"]})
    ]


def distribution_rows(spec: Spec, pings: Sequence[Ping]) -> list[Output]:
    """`bucket`, `count`, `share`, `n_clients`, `n_samples`; "share = count / sum of counts in the group"."""
    counts = bucket_counts(spec, pings)
    total = sum(counts.values())
    return [
        {"bucket": bucket, "count": count, "share": Fraction(count) / total, **group_counts(pings)}
        for bucket, count in counts.items()
    ]


def summary_rows(spec: Spec, pings: Sequence[Ping]) -> list[Output]:
    """`count`, `sum`, `mean` (sum/count, untruncated), `n_clients`; "a NULL sum adds 0".

    Under a normalization "sum = sum over units of unit_sum/unit_total", count = "number of voting units".
    """
    weights = unit_weights(spec, pings)
    count = int(sum(ping.total * weights[ping.unit] for ping in pings))
    total = Fraction(sum((ping.histogram.sum or 0) * weights[ping.unit] for ping in pings))
    clients = n_clients(ping.client for ping in pings)
    return [{"count": count, "sum": total, "mean": total / count, "n_clients": clients}]


MEASURES = {"percentiles": percentile_rows, "distribution": distribution_rows, "summary": summary_rows}


def measure_of(spec: Spec) -> str:
    """The spec's measure: "percentiles given -> percentiles, else histogram given -> distribution"."""
    default = "percentiles" if spec.get("percentiles") else "distribution" if spec.get("histogram") else None
    measure = spec.get("measure") or default
    if measure is None:
        raise ValueError("a spec needs a histogram or a measure")
    return str(measure)


# --- The answer -----------------------------------------------------------------------------------


def answer(spec: Spec, rows: Iterable[Row]) -> list[Output]:
    """The rows that the spec asks for: "flat, one per dimensions × percentile (or bucket), ordered".

    Args:
        spec: as YAML gives it; dates as `datetime.date` or ISO text.
        rows: rows of telemetry.main as nested dicts; `submission_timestamp` as a datetime or ISO text.

    Returns:
        Rows with columns in the contract's order. INT64 is int, FLOAT64 is Fraction, NULL is None.
    """
    today = today_of(spec)
    dimensions = [dimension(definition, today) for definition in spec.get("dimensions") or ()]
    defined = _defined(spec, today)
    passing = [row for row in rows if passes(row, spec.get("filters") or {}, defined, today)]
    measure = measure_of(spec)
    if measure == "pings":
        return ping_rows(spec, passing, today)
    if measure == "counts":
        results = count_rows(spec, passing, dimensions)
    else:
        groups = voting_pings(spec, passing, dimensions)
        results = {group: MEASURES[measure](spec, pings) for group, pings in groups.items()}
    names = [dimension.name for dimension in dimensions]
    return [
        dict(zip(names, group, strict=True)) | result
        for group in sorted(results, key=lambda group: places(dimensions, group))
        for result in results[group]
    ]


def places(dimensions: Sequence[Dimension], values: Sequence[Any]) -> list[tuple[int, Any]]:
    """Sorts rows by their dimensions, in the dimensions' order."""
    return [dimension.place(value) for dimension, value in zip(dimensions, values, strict=True)]


def _defined(spec: Spec, today: date | None) -> dict[str, Dimension]:
    """The dimensions that the spec defines itself, by name."""
    definitions = [*(spec.get("dimensions") or ()), *(spec.get("fields") or ())]
    return {d["name"]: dimension(d, today) for d in definitions if isinstance(d, Mapping)}


def count_rows(spec: Spec, rows: Iterable[Row], dimensions: Sequence[Dimension]) -> dict[Group, list[Output]]:
    """`n_clients` and `n_pings` of all pings, or of those that carry the histogram if one is named."""
    clients: dict[Group, list[str | None]] = defaultdict(list)
    for row in rows:
        if spec.get("histogram") and histogram_text(spec, row) is None:
            continue
        clients[tuple(dimension.value(row) for dimension in dimensions)].append(column(row, "client_id"))
    return {group: [{"n_clients": n_clients(ids), "n_pings": len(ids)}] for group, ids in clients.items()}


# What `fields` of `measure: pings` may name besides dimensions and columns.
HISTOGRAM_FIELDS: dict[str, Callable[[Decoded], Any]] = {
    "sum": lambda histogram: histogram.sum,
    "bucket_count": lambda histogram: histogram.bucket_count,
    "histogram_type": lambda histogram: histogram.histogram_type,
}


def ping_rows(spec: Spec, rows: Iterable[Row], today: date | None) -> list[Output]:
    """`pings`: one row per ping, "ordered by the fields asked for, in their order, then LIMIT".

    Where the spec names a histogram, only pings that carry it, as in the tutorial's first query. `histogram`
    is the string as it is stored; its parts are NULL where it isn't decodable.
    """
    fields = [_field(spec, field, today) for field in spec["fields"]]
    carrying = [row for row in rows if "histogram" not in spec or histogram_text(spec, row) is not None]
    answers = [[field.value(row) for field in fields] for row in carrying]
    answers.sort(key=lambda values: places(fields, values))
    names = [field.name for field in fields]
    return [dict(zip(names, values, strict=True)) for values in answers[: spec.get("limit")]]


def _field(spec: Spec, field: Any, today: date | None) -> Dimension:
    """A field: a dimension in any form, or something of the histogram."""
    if not isinstance(field, str):
        return dimension(field, today)
    if field == "histogram":
        return Dimension(field, lambda row: histogram_text(spec, row))
    if field in HISTOGRAM_FIELDS:

        def part(row: Row) -> Any:
            decoded = decode(histogram_text(spec, row))
            return decoded and HISTOGRAM_FIELDS[field](decoded)

        return Dimension(field, part)
    return _defined(spec, today).get(field) or dimension(field, today)


# --- Comparing with an engine ---------------------------------------------------------------------

RESULT_COLUMNS = frozenset({"value", "count", "share", "sum", "mean", "n_clients", "n_samples", "n_pings"})


def same_rows(actual: Sequence[Row], expected: Sequence[Row], rel: float = 1e-9) -> str | None:
    """None if an engine's rows are the expected ones, in order; else the first difference, readable.

    Types count: an int is no bool and no float, a DATE no DATETIME, a DATETIME (naive) no TIMESTAMP (aware).
    A Fraction or float is met by a float within `rel` of it, or within 1e-12.
    """
    counts = "" if len(actual) == len(expected) else f" ({len(actual)} rows instead of {len(expected)})"
    for number, (ours, theirs) in enumerate(zip(actual, expected, strict=False), start=1):
        if list(ours) != list(theirs):
            return f"row {number}: columns {list(ours)} instead of {list(theirs)}{counts}"
        for name in theirs:
            if not same_value(ours[name], theirs[name], rel):
                place = f"row {number} ({_row_name(theirs)}), column {name}"
                return f"{place}: {_typed(ours[name])} instead of {_typed(theirs[name])}{counts}"
    if len(actual) > len(expected):
        return f"unexpected row {len(expected) + 1} ({_row_name(actual[len(expected)])}){counts}"
    if len(actual) < len(expected):
        return f"missing row {len(actual) + 1} ({_row_name(expected[len(actual)])}){counts}"
    return None


def same_value(actual: Any, expected: Any, rel: float) -> bool:
    """Whether one value is the other: floats within the tolerance, all else of equal type and equal."""
    if isinstance(expected, Fraction | float):
        if type(actual) is not float or not math.isfinite(actual) or not math.isfinite(expected):
            return False
        exactly = Fraction(expected)
        return abs(Fraction(actual) - exactly) <= max(Fraction(rel) * abs(exactly), Fraction(1, 10**12))
    if isinstance(expected, datetime) and isinstance(actual, datetime):
        return (actual.tzinfo is None) == (expected.tzinfo is None) and actual == expected
    return type(actual) is type(expected) and actual == expected


def _row_name(row: Row) -> str:
    """What tells a row from the others: its dimensions, and percentile or bucket."""
    return ", ".join(f"{name}={_shown(value)}" for name, value in row.items() if name not in RESULT_COLUMNS)


def _typed(value: Any) -> str:
    """The value with its type, which may be all that differs."""
    return "NULL" if value is None else f"{_shown(value)} ({type(value).__name__})"


def _shown(value: Any) -> str:
    if isinstance(value, Fraction):
        return str(float(value))
    text = repr(value) if value is None or isinstance(value, str | bool | int | float) else str(value)
    return text if len(text) <= 80 else f"{text[:76]}…{text[-3:]}"
