"""Values at the corners of a column: on and beside the bounds that a spec names, and what every type has."""

import datetime as dt
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from querygen.catalog import SourceTable
from querygen.conditions import Condition, DefinedDimension, Dimension, Filter
from querygen.populations import BRANCH
from querygen.schema import Field
from querygen.spec import Spec

_MICROSECOND = dt.timedelta(microseconds=1)
_DAY = dt.timedelta(days=1)
_NOON = dt.time(12)
_LAST_MOMENT = dt.time(23, 59, 59, 999999)

# What a column without bounds may hold; those of other types are NULL. Texts that only bytes tell apart.
_PLAIN: dict[str, tuple[Any, ...]] = {
    "STRING": ("a", "A", "", "é", "e\u0301", "it's"),
    "INT64": (0, 1, -1, 42, 2**53 + 1),
    "FLOAT64": (0.0, 0.1, -1.5, 1e300),
    "NUMERIC": (0, 1, -1),
    "BOOL": (True, False),
    "BYTES": (b"", b"a", b"\x00\xff"),
    "TIME": (dt.time(), dt.time(9, 45, 0, 500000), dt.time(23, 59, 59, 999999)),
    "DATE": (dt.date(2020, 2, 29), dt.date(2020, 4, 20)),
    "DATETIME": (dt.datetime(2020, 4, 20), dt.datetime(2020, 4, 20, 23, 59, 59, 999999)),
    "TIMESTAMP": (
        dt.datetime(2020, 4, 20, tzinfo=dt.UTC),
        dt.datetime(2020, 4, 20, 23, 59, 59, 999999, tzinfo=dt.UTC),
        dt.datetime(2020, 4, 21, 12, tzinfo=dt.UTC),
    ),
}


def edges_of(condition: Filter, today: dt.date | None) -> Iterator[Any]:
    """The values that a filter names."""
    if not isinstance(condition, Condition):
        yield from condition if isinstance(condition, tuple) else (condition,)
        return
    for name in ("from_", "to", "gte", "gt", "lte", "lt", "contains"):
        if name in condition.model_fields_set:
            yield getattr(condition, name)
    if condition.not_ is not None:
        yield from condition.not_ if isinstance(condition.not_, tuple) else (condition.not_,)
    if condition.days is not None:
        last = today or dt.datetime.now(dt.UTC).date()
        yield from (last - (condition.days - 1) * _DAY, last)


def edges_in(dimension: Dimension, today: dt.date | None) -> Iterator[tuple[str, list[Any]]]:
    """The columns that a dimension is made of, each with the values that its bands or cases name."""
    if not isinstance(dimension, DefinedDimension):
        yield dimension, []
        return
    if dimension.of is not None:
        conditions = dimension.cases.values() if isinstance(dimension.cases, dict) else ()
        edges = [edge for condition in conditions for edge in edges_of(condition, today)]
        yield dimension.of, [*(dimension.bands or ()), *edges]
    for case in dimension.cases if isinstance(dimension.cases, tuple) else ():
        for reference, condition in case.when.items():
            yield reference, list(edges_of(condition, today))


def values_of(field: Field, edges: Iterable[Any], *, whole_length: int | None = None) -> list[Any]:
    """What to put into a column: beside each edge, what its type has, and NULL.

    Args:
        field: the column.
        edges: values that the spec compares it with, perhaps by way of another type.
        whole_length: where the column is a prefix code, the length of a whole one.
    """
    made: list[Any] = []
    for edge in edges:
        made += _beside(field.type, edge, whole_length)
    made += _PLAIN.get(field.type, ())
    distinct: dict[Any, Any] = {(type(value), str(value)): value for value in [*made, None]}
    return list(distinct.values())


def enrolments_of(spec: Spec, source: SourceTable) -> dict[str, list[Any]]:
    """Values of the columns that say which experiments a client is enrolled in, by path.

    Each branch that the spec names, another one, one that is NULL, another experiment, and none.
    """
    named = [edge for name, f in spec.filters.items() if name.lower() == BRANCH for edge in edges_of(f, None)]
    pools: dict[str, list[Any]] = {}
    for compared in spec.comparisons:
        if compared.experiment is None:
            continue
        mentioned = [*named, compared.control or "control", *(compared.branches or ("treatment",))]
        branches: list[Any] = [*dict.fromkeys(mentioned), "another", None]
        slug = compared.experiment.slug
        place = source.experiments.get(compared.experiment.recorded_in or next(iter(source.experiments)), {})
        if "record" in place:
            record = place["record"]
            values = {f"{record}.id": [slug, "another", None], f"{record}.branch": branches}
        else:
            other = {"key": "another", "value": {"branch": branches[0]}}
            own = [{"key": slug, "value": {"branch": branch}} for branch in branches]
            alone = [*([other, enrolment] for enrolment in own), own[:1] * 2, [other], [], None]
            before = [sure for sure in pools.get(place["map"], ()) if sure][: len(own)]
            both = [[*first, second] for first, second in zip(before, own, strict=False)]
            values = {place["map"]: [*alone, *both]}
        for path, kept in values.items():
            pools[path] = [*pools.get(path, ()), *(v for v in kept if v not in pools.get(path, ()))]
    return pools


def _beside(kind: str, edge: Any, whole_length: int | None) -> list[Any]:
    """The edge as this type has it, just below and just above it."""
    match kind:
        case "STRING":
            return _texts(edge, whole_length)
        case "INT64" | "NUMERIC" if isinstance(edge, int | float) and not isinstance(edge, bool):
            near = (math.floor(edge) - 1, math.floor(edge), math.ceil(edge), math.ceil(edge) + 1)
            return [value for value in near if -(2**63) <= value < 2**63]
        case "FLOAT64" if isinstance(edge, int | float) and not isinstance(edge, bool):
            here = float(edge)
            return [here, math.nextafter(here, -math.inf), math.nextafter(here, math.inf), here - 1, here + 1]
        case "DATE":
            day = _moment(edge)
            return [day.date() + step * _DAY for step in (-1, 0, 1)] if day else []
        case "DATETIME":
            return [time.replace(tzinfo=None) for time in _times(edge)]
        case "TIMESTAMP":
            return _times(edge)
    return []


def _times(edge: Any) -> list[dt.datetime]:
    """Moments beside a time; of a day its first, middle and last one, and those of its neighbours."""
    moment = _moment(edge)
    if moment is None:
        return []
    if not _is_day(edge):
        return [moment, moment - _MICROSECOND, moment + _MICROSECOND]
    day = moment.date()
    clock = [(day, dt.time()), (day, _NOON), (day, _LAST_MOMENT)]
    clock += [(day - _DAY, _LAST_MOMENT), (day + _DAY, dt.time())]
    return [dt.datetime.combine(date, time, dt.UTC) for date, time in clock]


def _is_day(edge: Any) -> bool:
    if isinstance(edge, str):
        return len(edge) == 10  # 2020-04-20
    return isinstance(edge, dt.date) and not isinstance(edge, dt.datetime)


def _moment(edge: Any) -> dt.datetime | None:
    if isinstance(edge, str):
        try:
            edge = dt.datetime.fromisoformat(edge)
        except ValueError:
            return None
    if isinstance(edge, dt.datetime):
        return edge.astimezone(dt.UTC) if edge.tzinfo else edge.replace(tzinfo=dt.UTC)
    return dt.datetime.combine(edge, dt.time(), dt.UTC) if isinstance(edge, dt.date) else None


def _texts(edge: Any, whole_length: int | None) -> list[str]:
    """Texts beside a text; for a day or time, the digits that a build id writes it in."""
    moment = None
    if isinstance(edge, dt.date) or (isinstance(edge, str) and re.match(r"\d{4}-\d\d-\d\d", edge)):
        moment = _moment(edge)
    if moment is not None and not (isinstance(edge, str) and whole_length):
        made = [f"{time:%Y%m%d%H%M%S}" for time in _times(edge)]
        return [*made, f"{moment:%Y%m%d}", f"{moment:%Y%m%d}99"]
    text = str(edge)
    if whole_length and len(text) <= whole_length:
        lowest, highest = text.ljust(whole_length, "0"), text + "99123123595959"[len(text) :]
        digits = [lowest, highest[:whole_length], text]
        if lowest.isdecimal():
            below, above = int(lowest) - 1, int(text) + 1
            digits += [str(below).zfill(whole_length), str(above).ljust(whole_length, "0")]
        return digits
    before = text[:-1] + chr(ord(text[-1]) - 1) if text and text[-1] > "!" else ""
    return [text, f"{text}!", text[:-1], before, text.swapcase()]
