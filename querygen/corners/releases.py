"""The rows of a table of releases: versions before, at and after each other, twice, and without a date."""

import datetime as dt
import random
from typing import Any

import pyarrow as pa

from querygen.catalog import Catalog, Table
from querygen.corners.sorting import as_table
from querygen.corners.values import edges_of, values_of
from querygen.plan import Read
from querygen.schema import Field
from querygen.spec import Spec

VERSIONS = ("58.0b3", "58.0", "58.0.2", "58.0.10", "102.0", "102.0esr")
"""Versions that only their order as versions tells apart, which pings of specs with `align` have, too."""

_UNDATED = ("102.0", 102)
_DAY = dt.timedelta(days=1)
_ANY_DAY = dt.date(2020, 4, 20)
_SEED = 20200420
_OF_EACH = 12  # rows of a version, to have some of each that pass the filters
_ORDINARY = 0.8  # how often a value is one that a filter names


def of_releases(spec: Spec, read: Read, catalog: Catalog, today: dt.date | None = None) -> pa.Table:
    """Rows of the table that a spec's `align` takes dates from, with the columns that are read."""
    table = catalog.table(read.like, read.table)
    dates = spec.align.table if spec.align else None
    if table is None or dates is None:
        raise ValueError(f"{read.table} is no table of releases")
    rng = random.Random(_SEED)  # noqa: S311 the same rows every time
    version, date = (_field(table, reference) for reference in (dates.version, dates.date))
    named = {_field(table, name)[0]: [*edges_of(test, today)] for name, test in dates.filters.items()}
    versions = [*VERSIONS, "58", None] if version[1].type == "STRING" else [57, 58, 102, None]
    rows: list[dict[str, Any]] = []
    for one, day in zip(versions, _days(spec, len(versions), today), strict=True):
        # One version has no date at all; the others have several, of which the earliest counts.
        moments = (
            [None] if one in _UNDATED else [*values_of(date[1], [day]), *values_of(date[1], [day + _DAY])]
        )
        later = [moment for moment in moments if moment is None or _as_day(moment) >= day]
        for _ in range(_OF_EACH):
            row = {
                path: rng.choice(edges if edges and rng.random() < _ORDINARY else _others(table, path, edges))
                for path, edges in named.items()
            }
            rows.append(row | {version[0]: one, date[0]: rng.choice(later)})
    return as_table(rows, table.schema.prune(read.needs).root)


def _days(spec: Spec, count: int, today: dt.date | None) -> list[dt.date]:
    """So many days, the first beside the first that the spec's filters name, the others beside the last."""
    edges = [edge for test in spec.filters.values() for edge in edges_of(test, today)]
    named = sorted(_as_day(edge) for edge in edges if isinstance(edge, dt.date)) or [_ANY_DAY]
    half = count // 2
    return [named[0] + place * _DAY if place < half else named[-1] for place in range(count)]


def _as_day(moment: dt.date) -> dt.date:
    return moment.date() if isinstance(moment, dt.datetime) else moment


def _field(table: Table, reference: str) -> tuple[str, Field]:
    """The path of a column, and what it holds."""
    found = table.schema.resolve(reference)
    if found is None:
        raise ValueError(f"{table.table} has no column {reference}")
    return found


def _others(table: Table, path: str, edges: list[Any]) -> list[Any]:
    return values_of(_field(table, path)[1], edges)
