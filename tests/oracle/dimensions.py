"""Dimensions: the columns that the answer is split by, their values and their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

from oracle.columns import Row, Table, Version
from oracle.filters import Reader, passes
from oracle.recordings import Recorded

ALL = "*"  # what a cube calls all values of a dimension
OTHER = "(other)"  # what `key: {top: …}` calls the keys that are not among the top ones
OF_RECORDING = ("histogram", "process", "key")


@dataclass(frozen=True)
class Dimension:
    """A column of the answer: how a row's value is found; of bands and cases, the labels in written order.

    `of_recording`: the value is not the ping's, but that of each thing recorded in it.
    `other_last`: the keys that are not among the top ones come after these.
    """

    name: str
    value: Reader | Any = None
    labels: tuple[str, ...] | None = None
    of_recording: bool = False
    other_last: bool = False

    def place(self, value: Any) -> tuple[int, Any]:
        """Sorts "NULLs first, text by code point, bands/cases in their written order", after their `*`.

        Versions are "ordered as versions", after what is none.
        """
        if value is None:
            return (0, 0)
        if self.other_last and value == OTHER:
            return (2, 0)
        if isinstance(value, Version) and (rank := value.rank()):
            return (2, (rank, value))
        if not self.labels:
            return (1, value)
        return (1, -1 if value == ALL else self.labels.index(value))

    def value_of(self, row: Row, recorded: Recorded | None) -> Any:
        """The value for a ping, or for one of the things recorded in it."""
        return getattr(recorded, self.name) if self.of_recording else self.value(row)


def dimensions_of(
    definitions: Sequence[Any], table: Table, today: date | None, *, top_keys: bool = False
) -> tuple[list[Dimension], Reader]:
    """The dimensions of a spec, and what its names mean: its own definitions, else the table's columns.

    A definition may be made of those before it.
    """
    made: list[Dimension] = []
    read: Reader = table.named
    for definition in definitions:
        made.append(_dimension(definition, read, today, top_keys=top_keys))
        if isinstance(definition, Mapping):
            read = _reader(made[-1], read)
    return made, read


def _reader(defined: Dimension, otherwise: Reader) -> Reader:
    """Reads the defined dimension by its name, and other names as before."""
    return lambda row, name: (
        defined.value(row) if name.lower() == defined.name.lower() else otherwise(row, name)
    )


def _dimension(definition: Any, read: Reader, today: date | None, *, top_keys: bool) -> Dimension:
    """A dimension from its form in a spec: a name, a path, or a definition by `of`, `bands` or `cases`."""
    if isinstance(definition, str):
        if definition.lower() in OF_RECORDING:
            return Dimension(definition.lower(), of_recording=True, other_last=top_keys)
        # A path's column is called what BigQuery calls it: its last part.
        return Dimension(definition.split(".")[-1].lower(), lambda row: read(row, definition))
    name, of = definition["name"], definition.get("of")
    if "bands" in definition:
        bounds = definition["bands"]
        return Dimension(name, lambda row: band(read(row, of), bounds), band_labels(bounds))
    if "cases" not in definition:
        return Dimension(name, lambda row: read(row, of))
    cases = _cases(definition)
    other = definition.get("else")

    def value(row: Row) -> str | None:
        """The "first that is TRUE wins; otherwise `else` (default NULL)"."""
        return next((label for label, when in cases if passes(row, when, read, today)), other)

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


def groups(values: tuple[Any, ...], *, cube: bool) -> list[tuple[Any, ...]]:
    """The groups that a ping with these values belongs to: its own; of a cube, those of all values, too.

    "With `cube`, dimension values become text, `*` = all values, NULL stays NULL."
    """
    if not cube:
        return [values]
    return list(product(*((as_text(value), ALL) for value in values)))


def as_text(value: Any) -> str | None:
    """A value as BigQuery casts it to STRING."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Version):
        return value
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def places(dimensions: Sequence[Dimension], values: Sequence[Any]) -> list[tuple[int, Any]]:
    """Sorts rows by their dimensions, in the dimensions' order."""
    return [dimension.place(value) for dimension, value in zip(dimensions, values, strict=True)]
