"""Result: the rows that a query gave, as Arrow, typed as the plan says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from querygen.errors import Diagnostic
from querygen.extras import require
from querygen.plan import Plan

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

ARROW_TYPES = {
    "STRING": pa.string(),
    "INT64": pa.int64(),
    "FLOAT64": pa.float64(),
    "NUMERIC": pa.decimal128(38, 9),
    "BOOL": pa.bool_(),
    "BYTES": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "DATETIME": pa.timestamp("us"),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True, repr=False)
class Result:
    """The answer to a spec.

    >>> from querygen import load
    >>> result = load("examples/tutorial/03-percentiles-of-one-day.yaml").run()
    >>> [row["percentile"] for row in result]
    [0.05, 0.25, 0.5, 0.75, 0.95]

    Attributes:
        table: the rows.
        plan: what was computed.
        notes: what the reader must know about the data (that it is synthetic, that columns were unused).
        warnings: what the rows may be misread as, beside `Query.warnings`, which tells it of the spec.
        overlays: the distributions that were compared, by the slug of the experiment, where they were asked
            for.

    It has the Arrow PyCapsule interface, so that pandas, polars and DuckDB take it as it is.
    """

    table: pa.Table
    plan: Plan
    notes: tuple[str, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    overlays: "Mapping[str, Result]" = field(default_factory=dict)

    @classmethod
    def of(cls, table: pa.Table, plan: Plan, notes: Sequence[str] = ()) -> "Result":
        """A result whose columns have the plan's names and types, whatever types the engine gave."""
        schema = pa.schema([(column.name, ARROW_TYPES[column.type]) for column in plan.columns])
        return cls(table.rename_columns(schema.names).cast(schema), plan, tuple(notes))

    def rows(self) -> list[dict[str, Any]]:
        """The rows as dicts of Python values, in order.

        >>> from querygen import load
        >>> load("examples/tutorial/03-percentiles-of-one-day.yaml").run().rows()[2]
        {'percentile': 0.5, 'value': 165, 'n_clients': 424, 'n_samples': 13300}
        """
        rows: list[dict[str, Any]] = self.table.to_pylist()
        return rows

    def arrow(self) -> pa.Table:
        """The rows as a pyarrow Table.

        >>> from querygen import load
        >>> load("examples/tutorial/03-percentiles-of-one-day.yaml").run().arrow().schema.field("value").type
        DataType(int64)
        """
        return self.table

    def df(self) -> "pd.DataFrame":
        """The rows as a pandas DataFrame.

        >>> from querygen import load
        >>> load("examples/tutorial/03-percentiles-of-one-day.yaml").run().df()["value"].max()
        np.int64(1000)

        Raises:
            EngineError: pandas is not installed.
        """
        require("pandas", "pandas", "`rows()` and `arrow()` need nothing more")
        return self.table.to_pandas()

    def pl(self) -> "pl.DataFrame":
        """The rows as a polars DataFrame.

        >>> from querygen import load
        >>> load("examples/tutorial/03-percentiles-of-one-day.yaml").run().pl().shape
        (5, 4)

        Raises:
            EngineError: polars is not installed.
        """
        require("polars", "polars", "`rows()` and `arrow()` need nothing more")
        import polars as pl

        return pl.DataFrame(self)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} rows: {', '.join(self.table.column_names)})"
