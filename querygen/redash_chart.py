"""The chart that shows a result in Redash: which column is on which axis, and what tells its lines apart.

Redash draws one value for each x and series, and takes its series from a single column. Where several
columns tell rows apart beside x, `series: true` makes one text of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from sqlglot import exp

from querygen.grouping import Measured
from querygen.plan import Comment, OutputColumn, Plan, Reading
from querygen.spec import Spec
from querygen.sqltext import Node, column, literal, name, text

SERIES = "series"
"""The column that `series: true` adds."""

_TIMES = ("DATE", "DATETIME", "TIMESTAMP")
_WRITTEN = ("STRING", "INT64", "BOOL", "DATE", "DATETIME")  # the types that all engines write alike
_NONE = "(none)"
_BETWEEN = " · "
_Y = {
    "percentiles": "value",
    "distribution": "share",
    "summary": "mean",
    "counts": "n_clients",
    "compare": "difference",
    "rate": "rate",
}
LIMITS = ("lower", "upper")
_WITHIN = ("percentile", "bucket", "statistic")  # what identifies a row beside the dimensions
_HOURS = "hours_since_release"


@dataclass(frozen=True, kw_only=True)
class Series(Reading):
    """The same with one text of all that tells the points of a chart apart at the same x."""

    name = "series"
    columns: tuple[Node, ...]
    series: Node


@dataclass(frozen=True, slots=True)
class RedashChart:
    """Settings of a chart.

    Attributes:
        type: Redash's name of it; its users read `column` as "Bar".
        x: the column on the horizontal axis.
        axis: how Redash reads it; a category's values stay in the order of the rows.
        y: the column on the vertical axis.
        series: the columns that tell rows with the same x apart, those of the measure first.
        beside: columns that are drawn as further series of the same axis; none beside other series.
    """

    type: Literal["line", "column"]
    x: str
    axis: Literal["datetime", "linear", "category"]
    y: str
    series: tuple[OutputColumn, ...]
    beside: tuple[str, ...] = ()

    @property
    def needs_series(self) -> bool:
        """Whether `series: true` gives Redash a better column to tell them apart by than there is."""
        return len(self.series) > 1 or any(one.type != "STRING" and _is_written(one) for one in self.series)

    def words(self, *, has_series: bool) -> str:
        """The same as people set it in Redash."""
        words = f"type {'line' if self.type == 'line' else 'bar'}, x = {self.x}"
        words += " (as category, not sorted again)" if self.x == "bucket" else ""
        names = [SERIES] if has_series else [one.name for one in self.series]
        y = " and ".join((self.y, *self.beside))
        return f"{words}, y = {y}{', series = ' + ' and '.join(names) if names else ''}"


def redash_chart(spec: Spec, dimensions: Sequence[OutputColumn], key: Sequence[str]) -> RedashChart | None:
    """The chart of a result, if it has one.

    Args:
        spec: what was asked.
        dimensions: of the result.
        key: the columns that identify a row beside them.
    """
    measure = spec.measure or ""
    y = _Y.get(measure)
    within = [OutputColumn(one, "STRING" if one == "statistic" else "FLOAT64") for one in key]
    if y is None or (not dimensions and not within):
        return None
    if measure == "distribution":
        return RedashChart("column", "bucket", "category", y, tuple(dimensions))
    if spec.align is not None and spec.interval is not None:
        lines = tuple(one for one in dimensions if one.name != "time")
        return RedashChart("line", _HOURS, "linear", y, lines)
    x = next((one for one in dimensions if one.type in _TIMES), (*dimensions, *within)[0])
    series = tuple(one for one in (*within, *dimensions) if one.name != x.name)
    if spec.align is not None:
        # What is compared is the adjusted rate; beside other series there is room for one of the two.
        if series:
            return RedashChart("column", x.name, "category", "adjusted_rate", series)
        return RedashChart("column", x.name, "category", y, (), ("adjusted_rate",))
    if x.type in _TIMES:
        # Redash has no bands: limits are lines of their own, where nothing else makes lines.
        beside = LIMITS if measure == "rate" and spec.confidence is not None and not series else ()
        return RedashChart("line", x.name, "datetime", y, series, beside)
    return RedashChart("column", x.name, "category", y, series)


def chart_of(spec: Spec, made: Plan) -> RedashChart | None:
    """The chart of what a plan gives."""
    identifying = [one for one in made.columns if one.name in made.key]
    dimensions = [one for one in identifying if one.name not in _WITHIN]
    return redash_chart(spec, dimensions, [one.name for one in identifying if one.name in _WITHIN])


def unwritten(chart: RedashChart) -> list[OutputColumn]:
    """The columns of its series that engines write differently, so that they can be no part of a text."""
    return [one for one in chart.series if not _is_written(one)]


def _is_written(one: OutputColumn) -> bool:
    return one.type in _WRITTEN or one.name == "percentile"


def with_series(spec: Spec, chart: RedashChart, measured: Measured) -> Measured:
    """The same rows with the column `series`."""
    parts: list[Node] = []
    for i, one in enumerate(chart.series):
        parts += [text(_BETWEEN)] if i else []
        parts.append(_percentile(spec) if one.name == "percentile" else _written(one))
    names = " and ".join(one.name for one in chart.series)
    stage = Series(
        sentence=Comment(f"The same, and {names} as the text that tells a chart's lines apart."),
        source=name(measured.stages[-1].cte),
        columns=tuple(column(c.name) for c in measured.columns),
        series=parts[0] if len(parts) == 1 else exp.Concat(expressions=parts, safe=False, coalesce=False),
    )
    added = OutputColumn(SERIES, "STRING")
    return Measured([*measured.stages, stage], [*measured.columns, added], measured.key, measured.order)


def _percentile(spec: Spec) -> Node:
    """`p50` for 0.5; a number in text is written differently by engines."""
    ifs = [
        exp.If(this=literal(p, "FLOAT64"), true=text(f"p{(Decimal(repr(p)) * 100).normalize():f}"))
        for p in spec.percentiles_or_default
    ]
    return exp.Case(this=column("percentile"), ifs=ifs)


def _written(one: OutputColumn) -> Node:
    """A value as text; one that is missing has a name, too."""
    made: Node = column(one.name)
    if one.type != "STRING":
        made = exp.cast(made, "STRING")
    return exp.Coalesce(this=made, expressions=[text(_NONE)])
