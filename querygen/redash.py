"""A query as Redash takes it: its text with parameters, what these may be, and the chart of its result.

Redash has traps that this module closes. Whatever stands in double braces is a parameter, anywhere in the
text; choices are put in as they are, without quoting; of rows with the same x and series one is drawn; and a
missing point is drawn as zero unless it is told otherwise.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from querygen.check import CheckedSql
from querygen.errors import EngineError, QuerygenError
from querygen.parameters import Days, Parameter, Slot
from querygen.plan import Comment, OutputColumn
from querygen.redash_chart import LIMITS, SERIES, RedashChart, chart_of
from querygen.render import SqlText
from querygen.spec import Spec

if TYPE_CHECKING:
    from querygen.result import Result

QUOTED = {"prefix": "'", "suffix": "'", "separator": ", "}
"""How Redash writes the chosen texts of an enum with `multiple`: as our literals of a list."""
BARE = {"prefix": "", "suffix": "", "separator": ", "}

_TYPES = {"enum": "enum", "number": "number", "date": "date", "date range": "date-range", "text": "text"}
_NAMES = {
    "percentiles": "Percentiles",
    "distribution": "Distribution",
    "summary": "Means",
    "counts": "Clients",
    "compare": "Differences",
    "rate": "Rates",
}
_EXPOSURE = "Exposure of rates"
CHART_NAMES = frozenset({*_NAMES.values(), _EXPOSURE})
"""What our charts are called, by which one that is there already is found again."""


@dataclass(frozen=True)
class RedashQuery:
    """A query for Redash.

    Attributes:
        name: its title.
        description: what its readers are told, or None.
        sql: the text, with `{{ name }}` where a parameter stands.
        parameters: as Redash's `options.parameters`.
        visualizations: as Redash's API takes them, without ids.
        notes: what is to be said to whoever emits it.
    """

    name: str
    description: str | None
    sql: str
    parameters: tuple[dict[str, Any], ...]
    visualizations: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()

    def body(self, data_source_id: int) -> dict[str, Any]:
        """The bodies for Redash's API: of POST /api/queries, and for each chart of POST /api/visualizations.

        To the latter the id of the query is to be added, as `query_id`.
        """
        query: dict[str, Any] = {
            "name": self.name,
            "description": self.description,
            "query": self.sql,
            "data_source_id": data_source_id,
            "schedule": None,
            "tags": [],
            "options": {"parameters": [*self.parameters], "apply_auto_limit": False},
        }
        return {"query": query, "visualizations": [*self.visualizations]}


def redash_query(checked: CheckedSql, spec: Spec, *, allow_text: bool = False) -> RedashQuery:
    """The query for Redash.

    Args:
        checked: its SQL, with the functions in place.
        spec: what it was made from.
        allow_text: permits parameters of free text.

    Raises:
        QuerygenError: Redash would read its text as something else, or a parameter can be any text.
    """
    _check_parameters(spec, allow_text=allow_text)
    _check_text(checked.sql, spec)
    chart = chart_of(spec, checked.sql.plan)
    notes = []
    if chart and chart.axis == "category" and chart.x.lower().endswith("build_id"):
        notes.append(
            f"`{chart.x}` is text, a category to Redash; `build_date` or `build_time` is an axis of time"
        )
    if chart and any(one.name == chart.x and one.type == "TIMESTAMP" for one in checked.sql.plan.columns):
        notes.append(f"`{chart.x}` is a TIMESTAMP, which Redash shows in the time zone of its own machine")
    notes += _undrawn(checked.sql.plan.columns, spec, chart) if chart else []
    return RedashQuery(
        name=str(Comment(spec.title or "") or checked.sql.plan.header[0] or "Untitled"),
        description=str(Comment(spec.description or "")) or None,
        sql=checked.sql.template,
        parameters=tuple(_parameter(name, one) for name, one in spec.parameters.items()),
        visualizations=tuple(_visualizations(chart, spec)) if chart else (),
        notes=tuple(notes),
    )


def check_points(result: "Result", spec: Spec) -> tuple[str, ...]:
    """Holds rows against what Redash can draw, one point for each x and series; notes where it can't.

    Raises:
        QuerygenError: several rows are the same point, of which Redash draws one.
    """
    chart = chart_of(spec, result.plan)
    if chart is None:
        return ()
    columns = [chart.x, *_series(chart, spec)]
    points = Counter(tuple(row[one] for one in columns) for row in result.rows())
    if not points:
        return ("the data has no row that the query lets in, by which the chart could be checked",)
    (point, count), *_ = points.most_common(1)
    if count > 1:
        where = ", ".join(f"{name} {value}" for name, value in zip(columns, point, strict=True))
        raise QuerygenError.of(
            "duplicate-points",
            f"{count} rows are the same point of the chart ({where}), of which Redash draws one",
            loc=("dimensions",),
            help="give the values of `dimensions` names that stay different when they are put together",
        )
    return ()


def _check_parameters(spec: Spec, *, allow_text: bool) -> None:
    for name, parameter in spec.parameters.items():
        if parameter.kind == "text" and not allow_text:
            raise QuerygenError.of(
                "text-parameter",
                f"`{name}` can be any text, which Redash puts into the query as it is: whoever chooses it "
                "may write SQL, so that Redash shows the query on no shared dashboard",
                loc=("parameters", name, "kind"),
                help="make it an enum, or add --allow-text",
            )


def _check_text(sql: SqlText, spec: Spec) -> None:
    """Double braces stand around the parameters only, and around each of them."""
    if "{{" in sql.text or "}}" in sql.text:
        raise QuerygenError.of(
            "redash-braces",
            "a text of the spec has double braces, which Redash takes for a parameter",
            help="`querygen check` tells where; leave them out, or write `parameters`",
        )
    for name, parameter in spec.parameters.items():
        for part in (f"{name}.start", f"{name}.end") if parameter.kind == "date range" else (name,):
            if Slot(part, parameter).placeholder not in sql.template:
                raise EngineError.of(
                    "internal",
                    f"the parameter `{part}` is not in the text",
                    help="this is a bug in querygen; please report it with the spec",
                )


def _parameter(name: str, parameter: Parameter) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": name,
        "title": str(Comment(parameter.title or "")) or name,
        "type": _TYPES[parameter.kind],
        "value": _value(parameter),
    }
    if parameter.kind == "enum":
        made["enumOptions"] = "\n".join(map(str, parameter.members))
    if parameter.multiple:
        made["multiValuesOptions"] = QUOTED if isinstance(parameter.members[0], str) else BARE
    return made


def _value(parameter: Parameter) -> Any:
    """A default as Redash holds it."""
    default = parameter.chosen[0]
    if isinstance(default, Days):
        return {"start": default.from_.isoformat(), "end": default.to.isoformat()}
    if parameter.kind == "enum":
        texts = [str(value) for value in parameter.chosen]
        return texts if parameter.multiple else texts[0]
    return default.isoformat() if isinstance(default, dt.date) else default


def _series(chart: RedashChart, spec: Spec) -> list[str]:
    return [SERIES] if spec.series else [one.name for one in chart.series]


def _undrawn(columns: Sequence[OutputColumn], spec: Spec, chart: RedashChart) -> list[str]:
    """What the chart cannot show of the rows, and why."""
    notes = []
    names = {one.name for one in columns}
    if {*LIMITS} <= names and chart.beside != LIMITS:
        notes.append(
            "`lower` and `upper` are in the table only: Redash has no bands, and draws errors from a single "
            "column, as far up as down"
        )
    if spec.measure == "compare":
        notes.append(
            "p-values are in the table only, and so is `detectable`: Redash's charts have no such marks"
        )
    if len(spec.statistics_or_default) > 1 and spec.measure == "compare":
        notes.append(
            "all statistics stand on one axis, on which a small one cannot be seen (chi2 is at most 1); a "
            "spec for each would have a chart of its own"
        )
    return notes


def _visualizations(chart: RedashChart, spec: Spec) -> Iterator[dict[str, Any]]:
    """The chart; of a rate also what it is of, since Redash has no panels one below the other."""
    yield _visualization(chart, spec)
    if spec.measure == "rate":
        what = "adjusted_exposure" if chart.y.startswith("adjusted_") else "exposure"
        beside = ("adjusted_exposure",) if chart.beside == ("adjusted_rate",) else ()
        amounts = replace(chart, type="column", y=what, beside=beside)
        yield {**_visualization(amounts, spec), "name": _EXPOSURE}


def _visualization(chart: RedashChart, spec: Spec) -> dict[str, Any]:
    mapping = (
        {chart.x: "x", chart.y: "y"}
        | dict.fromkeys(chart.beside, "y")
        | dict.fromkeys(_series(chart, spec), "series")
    )
    time = " (UTC)" if chart.axis == "datetime" else ""
    unit = f" ({spec.unit})" if spec.unit and chart.y == "value" else ""
    if spec.measure == "rate":
        unit = (
            f" ({spec.exposure_or_default})"
            if chart.y.endswith("exposure")
            else f" (per {spec.exposure_words})"
        )
    is_sorted = chart.axis != "category"
    options = {
        "globalSeriesType": chart.type,
        "columnMapping": mapping,
        "xAxis": {"type": chart.axis, "title": {"text": chart.x + time}, "labels": {"enabled": True}},
        "yAxis": [
            {"type": "linear", "title": {"text": chart.y + unit}},
            {"type": "linear", "opposite": True},
        ],
        "sortX": is_sorted,
        "missingValuesAsZero": False,
        "legend": {"enabled": True},
    }
    return {"name": _NAMES[spec.measure or ""], "type": "CHART", "description": None, "options": options}
