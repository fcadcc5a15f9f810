"""Where a histogram or scalar is recorded: the columns of a table that hold it, one for each process."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from querygen.catalog import Place, SourceTable
from querygen.errors import QuerygenError
from querygen.names import column_name
from querygen.schema import Field
from querygen.sqltext import NAME


@dataclass(frozen=True, slots=True)
class Recording:
    """One column that holds a histogram or a scalar.

    Attributes:
        path: the column.
        process: the process that recorded it; None where the table doesn't tell processes apart.
        form: a string in one of the legacy forms, an array of keys and counts, or a number.
        is_keyed: an array, one of them for each key (or label).
        kind: the record it stands in (`histograms`, `timing_distribution`).
        unit: of its buckets, where the table says so.
    """

    path: str
    process: str | None
    form: Literal["text", "array", "number"]
    is_keyed: bool
    kind: str
    unit: str | None

    @property
    def is_text(self) -> bool:
        """Whether it is a string that must be decoded."""
        return self.form == "text"

    @property
    def needs(self) -> tuple[str, ...]:
        """The paths that a query over it reads."""
        if self.form != "array" or self.is_keyed:
            return (self.path,)
        return (f"{self.path}.values", f"{self.path}.sum")


def find_recordings(
    source: SourceTable, name: str, *, several: bool = False, numbers: bool = False
) -> tuple[Recording, ...]:
    """All columns that hold the histogram `name`: a probe's name, or the path of one column.

    Args:
        source: the table.
        name: what is looked for.
        numbers: whether it is a scalar.
        several: whether one name may stand for metrics of several types.

    Names are compared without regard to case. Of an open record, which takes any name, a column is assumed
    only where no record has the name for certain.

    Raises:
        QuerygenError: the name stands for several metrics of different types, or its column holds no
            distribution.
    """
    as_path = _by_path(source, name, numbers=numbers)
    if as_path:
        return (as_path,)
    top = source.schema.find(name.partition(".")[0]) if "." in name else None
    if not NAME.fullmatch(name.replace(".", "_")) or (top and top.type == "RECORD"):
        return ()  # no name, or a misspelt path: `payload.histgrams.gc_ms`
    places = source.numbers if numbers else source.recorded
    column = name.replace(".", "_").lower()
    certain, assumed = _named(source, places, column, numbers=numbers)
    if not certain and column_name(name) != name.lower():
        # A name in mixed case, as some use counters have, is several words to the pipeline.
        certain, others = _named(source, places, column_name(name), numbers=numbers)
        assumed = assumed or others
    if not several and not certain and not assumed:
        _refuse_misfit(source, places, column, numbers=numbers)
    if several or not source.dotted_names:
        return certain or assumed
    if len(certain) > 1:
        raise QuerygenError.of(
            "ambiguous-metric",
            f"`{name}` exists under several metric types: {', '.join(r.path for r in certain)}",
            help="name the column path that is meant",
        )
    if not certain and assumed:
        raise QuerygenError.of(
            "unknown-type",
            f"the built-in schema doesn't know `{name}`, and so not its metric type",
            help=f"name its column path, such as {assumed[0].path}, or give --schema or --probes",
        )
    return certain


def _named(
    source: SourceTable, places: tuple[Place, ...], column: str, *, numbers: bool
) -> tuple[tuple[Recording, ...], tuple[Recording, ...]]:
    """The columns of that name: those that the schema has, and those that an open record may have."""
    certain: list[Recording] = []
    assumed: list[Recording] = []
    for place in _expanded(source, places):
        record = source.schema.find(place.at)
        found = (record.fields.get(column) or record.open) if record is not None else None
        made = _recording(source, f"{place.at}.{column}", found, place) if found else None
        if made and record is not None and (made.form == "number") is numbers:
            (certain if column in record.fields else assumed).append(made)
    return _without_strays(certain), tuple(assumed)


def _refuse_misfit(source: SourceTable, places: tuple[Place, ...], column: str, *, numbers: bool) -> None:
    """Raises what is wrong with a column of that name, if there is one."""
    for place in _expanded(source, places):
        record = source.schema.find(place.at)
        found = record.fields.get(column) if record is not None else None
        if found is not None:
            raise _misfit(f"{place.at}.{column}", found, numbers=numbers)


def _misfit(name: str, field: Field, *, numbers: bool) -> QuerygenError:
    if numbers:
        return QuerygenError.of(
            "not-a-scalar",
            f"`{name}` holds no scalar: it is {field.bigquery_type()}",
            help="a scalar is an INT64, or an array of key and INT64; ask for others by `histogram`",
        )
    return QuerygenError.of(
        "not-a-histogram",
        f"`{name}` holds no histogram: it is {field.bigquery_type()}",
        help="a histogram is a STRING, a record with `values`, or an array of key and one of these",
    )


def _without_strays(found: list[Recording]) -> tuple[Recording, ...]:
    """Without keyed columns among a process's unkeyed histograms, where its keyed ones have the probe, too.

    The schema of telemetry.main has some, which no ping fills; only their path means them.
    """
    at_home = {r.process for r in found if r.is_keyed and r.kind.startswith("keyed_")}
    return tuple(r for r in found if not (r.is_keyed and r.kind == "histograms" and r.process in at_home))


def all_names(source: SourceTable, *, numbers: bool = False) -> Iterator[str]:
    """The names of all histograms, or scalars, that the schema knows for certain."""
    for place in _expanded(source, source.numbers if numbers else source.recorded):
        record = source.schema.find(place.at)
        if record is not None:
            yield from record.fields


def _expanded(source: SourceTable, places: tuple[Place, ...]) -> Iterator[Place]:
    """The places with their processes filled in."""
    for place in places:
        if "*" not in place.at:
            yield place
            continue
        before, after = place.at.split(".*.")
        parent = source.schema.find(before)
        known = [name for name in parent.fields if name != "parent"] if parent and source.strict else None
        for process in source.processes if known is None else known:
            yield Place(f"{before}.{process}.{after}", process, place.unit)


def _by_path(source: SourceTable, name: str, *, numbers: bool) -> Recording | None:
    """The recording at a column path, whatever record it stands in."""
    resolved = source.schema.resolve(name) if "." in name else None
    if resolved is None:
        return None
    spelling, field = resolved
    record, _, _ = spelling.rpartition(".")
    places = _expanded(source, source.numbers if numbers else source.recorded)
    place = next((place for place in places if place.at == record), Place(record))
    made = _recording(source, spelling, field, place)
    if made is None or (made.form == "number") is not numbers:
        raise _misfit(name, field, numbers=numbers)
    return made


def _recording(source: SourceTable, path: str, field: Field, place: Place) -> Recording | None:
    """The recording that a field of this type is; None for another type."""
    kind = place.at.rpartition(".")[2]
    unit = place.unit or next((unit for end, unit in source.units.items() if path.endswith(end)), None)
    value = field
    is_keyed = field.repeated
    if is_keyed:
        if set(field.fields) != {"key", "value"}:
            return None
        value = field.fields["value"]
    if value.type == "STRING":
        return Recording(path, place.process, "text", is_keyed, kind, unit)
    if value.type == "INT64":
        return Recording(path, place.process, "number", is_keyed, kind, unit)
    values = value.fields.get("values")
    if value.type == "RECORD" and values is not None and values.repeated and "key" in values.fields:
        return Recording(path, place.process, "array", is_keyed, kind, unit)
    return None
