"""Which filters a made-up row passes, and which group of the result it is in."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from querygen import data
from querygen.catalog import Catalog, SourceTable
from querygen.check import check
from querygen.conditions import Case, DefinedDimension
from querygen.corners.values import edges_in
from querygen.engines import duckdb as on_duckdb
from querygen.errors import QuerygenError
from querygen.plan import Plan
from querygen.populations import BRANCH, population
from querygen.render import render
from querygen.resolve import resolve
from querygen.result import ARROW_TYPES
from querygen.schema import Field
from querygen.spec import Spec
from querygen.times import TIME
from querygen.translate import translate

Values = dict[str, Any]  # of a row, by column path

_ROW, _PASSES = "made_up_row", "passes_filter_"
_COUNTS = ("n_clients", "n_pings")
_MADE_LATER = ("process", "key", "histogram", TIME)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row falls: whether each filter lets it in, and the values of the dimensions.

    The last of what `passes` says is whether the row's client is in the population.
    """

    passes: tuple[bool, ...]
    group: tuple[str, ...]

    @property
    def passes_all(self) -> bool:
        """Whether every filter lets it in."""
        return all(self.passes)


class Sorter:
    """Has DuckDB tell where rows fall, by queries whose dimensions are the filters.

    It only chooses rows that are worth comparing engines on: were it wrong, corners would be missed.

    Args:
        spec: whose filters and dimensions they are.
        catalog: the tables.
        source: the table.
        today: the day that `last` ends on.
        read: the columns that hold values; another one carries the rows' numbers.

    Attributes:
        needs: the columns that each filter reads, and at last those that the population does.
    """

    def __init__(
        self,
        spec: Spec,
        catalog: Catalog,
        source: SourceTable,
        today: dt.date | str | None,
        read: set[str],
    ) -> None:
        self._source = source
        texts = (p for p, field in source.schema.leaves() if field.type == "STRING" and not field.repeated)
        self._label = next(path for path in texts if path not in read)
        of_branches = {name: spec.filters[name] for name in spec.filters if name.lower() == BRANCH}
        filters = {name: spec.filters[name] for name in spec.filters if name not in of_branches}
        self.needs = [columns_of(reference, spec, source) for reference in filters]
        self.needs.append(population(spec, source, []).needs)
        tests = (
            DefinedDimension(
                name=f"{_PASSES}{number}", cases=(Case(value="yes", when={reference: condition}),)
            )
            for number, (reference, condition) in enumerate(filters.items())
        )
        row = DefinedDimension(name=_ROW, of=self._label)
        asked = Spec(
            source=spec.source,
            measure="counts",
            dimensions=(row, *(d for d in spec.dimensions if isinstance(d, DefinedDimension)), *tests),
            today=today,
            allow_full_scan=True,
        )
        grouped = asked.model_copy(
            update={
                "dimensions": (row, *(d for d in spec.dimensions if d not in _MADE_LATER)),
                "experiment": spec.experiment,
                "placebo": spec.placebo,
                "sample": spec.sample,
                "filters": of_branches,
            }
        )
        self._filtered, self._grouped = resolve(asked, catalog), resolve(grouped, catalog)
        self._connection = on_duckdb.connect()

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def sorted(self, rows: Sequence[Mapping[str, Any]]) -> list[Place]:
        """The place of each row."""
        if not rows:
            return []
        filtered, grouped = self._run(self._filtered, rows), self._run(self._grouped, rows)
        places = []
        for number in range(len(rows)):
            tests = {name: value for name, value in filtered[number].items() if name.startswith(_PASSES)}
            group = grouped.get(number)
            values = () if group is None else tuple(str(value) for value in group.values())
            places.append(Place((*(value == "yes" for value in tests.values()), group is not None), values))
        return places

    def _run(self, plan: Plan, rows: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
        """What a query of counts says of each row, without the counts, by the row's number."""
        labelled = [{**row, self._label: str(number)} for number, row in enumerate(rows)]
        table = as_table(labelled, self._source.schema.prune(plan.needs).root)
        data.attach_arrow(self._connection, plan.table, table, self._source.schema, plan.needs)
        found = on_duckdb.run(translate(check(render(plan))), self._connection).to_pylist()
        return {int(row.pop(_ROW)): {k: v for k, v in row.items() if k not in _COUNTS} for row in found}


def columns_of(reference: str, spec: Spec, source: SourceTable) -> tuple[str, ...]:
    """The table's columns that a name in a spec means, which may be a dimension that the spec defines."""
    for dimension in spec.dimensions:
        if isinstance(dimension, DefinedDimension) and dimension.name.lower() == reference.lower():
            made_of = [other for other, _ in edges_in(dimension, None) if other.lower() != reference.lower()]
            return tuple(path for other in made_of for path in columns_of(other, spec, source))
    try:
        column = source.column(reference)
    except QuerygenError:
        return ()
    return column.needs if column else ()


def as_table(rows: Sequence[Values], root: Field) -> pa.Table:
    """The rows, whose values stand by column path, nested and typed as the schema has them.

    A column that a row doesn't name is NULL, and so is a record of which it names none.
    """
    nested = [_nested(row) for row in rows]
    return pa.Table.from_pylist(nested, pa.schema([(f.name, _arrow_type(f)) for f in root.fields.values()]))


def _nested(row: Values) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for path, value in row.items():
        *records, name = path.split(".")
        here = made
        for record in records:
            here = here.setdefault(record, {})
        here[name] = value
    return made


def _arrow_type(field: Field) -> pa.DataType:
    if field.fields:
        made = pa.struct([(inner.name, _arrow_type(inner)) for inner in field.fields.values()])
    else:
        made = ARROW_TYPES.get(field.type, pa.string())  # of other types there are but NULLs
    return pa.list_(made) if field.repeated else made
