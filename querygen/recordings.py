"""Where a distribution is recorded: the columns of a table that hold it, one for each process."""

from collections.abc import Iterator
from dataclasses import dataclass

from querygen.catalog import Place, SourceTable
from querygen.errors import QuerygenError
from querygen.names import column_name
from querygen.schema import Field
from querygen.sqltext import NAME


@dataclass(frozen=True, slots=True)
class Recording:
    """One column that holds a distribution.

    Attributes:
        path: the column.
        process: the process that recorded it; None where the table doesn't tell processes apart.
        is_text: a string in one of the legacy forms, not an array of keys and counts.
        is_keyed: an array, one distribution for each key (or label).
        kind: the record it stands in (`histograms`, `timing_distribution`).
        unit: of its buckets, where the table says so.
    """

    path: str
    process: str | None
    is_text: bool
    is_keyed: bool
    kind: str
    unit: str | None

    @property
    def needs(self) -> tuple[str, ...]:
        """The paths that a query over it reads."""
        if self.is_text or self.is_keyed:
            return (self.path,)
        return (f"{self.path}.values", f"{self.path}.sum")


def find_recordings(source: SourceTable, name: str, *, several: bool = False) -> tuple[Recording, ...]:
    """All columns that hold the distribution `name`: a probe's name, or the path of one column.

    Args:
        source: the table.
        name: what is looked for.
        several: whether one name may stand for metrics of several types.

    Names are compared without regard to case. Of an open record, which takes any name, a column is assumed
    only where no record has the name for certain.

    Raises:
        QuerygenError: the name stands for several metrics of different types, or its column holds no
            distribution.
    """
    as_path = _by_path(source, name)
    if as_path:
        return (as_path,)
    if not NAME.fullmatch(name.replace(".", "_")):
        return ()
    certain, assumed = _named(source, name.replace(".", "_").lower())
    if not certain and column_name(name) != name.lower():
        # A name in mixed case, as some use counters have, is several words to the pipeline.
        certain, others = _named(source, column_name(name))
        assumed = assumed or others
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


def _named(source: SourceTable, column: str) -> tuple[tuple[Recording, ...], tuple[Recording, ...]]:
    """The columns of that name: those that the schema has, and those that an open record may have."""
    certain: list[Recording] = []
    assumed: list[Recording] = []
    for place in _places(source):
        record = source.schema.find(place.at)
        found = (record.fields.get(column) or record.open) if record is not None else None
        made = _recording(source, f"{place.at}.{column}", found, place) if found else None
        if made and record is not None:
            (certain if column in record.fields else assumed).append(made)
    return tuple(certain), tuple(assumed)


def all_names(source: SourceTable) -> Iterator[str]:
    """The names of all distributions that the schema knows for certain."""
    for place in _places(source):
        record = source.schema.find(place.at)
        if record is not None:
            yield from record.fields


def _places(source: SourceTable) -> Iterator[Place]:
    """The places with their processes filled in."""
    for place in source.recorded:
        if "*" not in place.at:
            yield place
            continue
        before, after = place.at.split(".*.")
        parent = source.schema.find(before)
        known = [name for name in parent.fields if name != "parent"] if parent and source.strict else None
        for process in source.processes if known is None else known:
            yield Place(f"{before}.{process}.{after}", process, place.unit)


def _by_path(source: SourceTable, name: str) -> Recording | None:
    """The recording at a column path, whatever record it stands in."""
    resolved = source.schema.resolve(name) if "." in name else None
    if resolved is None:
        return None
    spelling, field = resolved
    record, _, _ = spelling.rpartition(".")
    place = next((place for place in _places(source) if place.at == record), Place(record))
    made = _recording(source, spelling, field, place)
    if made is None:
        raise QuerygenError.of(
            "not-a-histogram",
            f"`{name}` holds no histogram: it is {field.bigquery_type()}",
            help="a histogram is a STRING, a record with `values`, or an array of key and one of these",
        )
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
        return Recording(path, place.process, True, is_keyed, kind, unit)
    values = value.fields.get("values")
    if value.type == "RECORD" and values is not None and values.repeated and "key" in values.fields:
        return Recording(path, place.process, False, is_keyed, kind, unit)
    return None
