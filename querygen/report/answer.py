"""An answer for a page: everything that is said of one query and its result, as plain text."""

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from querygen.charts import chart, has_chart
from querygen.charts.axes import number
from querygen.charts.draw import svg
from querygen.charts.frame import shown
from querygen.meaning import Meaning, meaning
from querygen.report.svg import embedded
from querygen.result import Result
from querygen.show import as_csv, as_json

if TYPE_CHECKING:
    from querygen.answer import Answer
    from querygen.api import Query
    from querygen.errors import Diagnostic

MOST_ROWS = 5000
"""Rows that a page shows; the downloads have all."""

_NUMBERS = ("INT64", "FLOAT64", "NUMERIC")


@dataclass(frozen=True)
class Cell:
    """A cell of the table; `key` is what numbers are sorted by."""

    text: str
    is_number: bool
    key: str | None


@dataclass(frozen=True)
class Line:
    """A row of the table; low ones are of too few clients."""

    cells: list[Cell]
    is_low: bool


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    name: str
    is_number: bool


@dataclass(frozen=True)
class Download:
    """A file inside the page."""

    name: str
    url: str


@dataclass(frozen=True)
class Shown:
    """What a template lays out; all of it text but the picture, which is SVG that was made safe."""

    id: str
    title: str
    meant: Meaning
    cautions: list[str]
    svg: Markup | None
    spoken: str
    chart_notes: str
    without_chart: str
    rows_told: str
    columns: list[Column]
    rows: list[Line]
    downloads: list[Download]
    spec: str
    sql: str
    provenance: list[tuple[str, str]]


def shown_answer(answer: "Answer", used: set[str]) -> Shown:
    """Everything about an answer; `used` are the identifiers on the page, to which its own is added.

    Raises:
        EngineError: the extra `charts` is not installed.
    """
    query, about = answer.query, answer.plan.about
    spec, sql = query.text, query.sql(udfs=answer.udfs)
    identifier = base = answer_id(answer)
    while identifier in used:
        identifier = f"{base}-{len(used)}"
    used.add(identifier)
    picture, spoken, notes = drawn(answer, identifier) if has_chart(answer) else (None, "", "")
    name = _file_name(query)
    downloads = [
        _download(f"{name}.csv", "text/csv", as_csv(answer)),
        _download(f"{name}.json", "application/json", as_json(answer)),
        _download(f"{name}.sql", "application/sql", sql.encode()),
        *_overlay_downloads(answer, name),
    ]
    return Shown(
        id=identifier,
        title=about.title,
        meant=meaning(query.spec, answer.plan),
        cautions=cautions(answer),
        svg=picture,
        spoken=spoken,
        chart_notes=f"{notes} {_OVERLAID}".strip() if answer.overlays else notes,
        without_chart=_NOTHING,
        rows_told=_rows_told(len(answer)),
        columns=columns(answer),
        rows=lines(answer, MOST_ROWS),
        downloads=downloads,
        spec=spec,
        sql=sql,
        provenance=answer.provenance.lines(),
    )


def answer_id(answer: "Answer") -> str:
    """An identifier in a page: that of the spec and the SQL."""
    content = answer.query.text + answer.query.sql(udfs=answer.udfs)
    return f"qg-{hashlib.sha256(content.encode()).hexdigest()[:10]}"


def drawn(result: Result, identifier: str) -> tuple[Markup, str, str]:
    """The chart as SVG whose identifiers begin with one; in words; and the notes below its title.

    Raises:
        EngineError: the extra `charts` is not installed.
    """
    spec = chart(result, "css")
    spoken, notes = spec["description"], spec.pop("title").get("subtitle", [])
    picture = Markup(embedded(svg(spec), identifier, shown(spoken)))  # noqa: S704 made of shapes and text
    return picture, spoken, " ".join(notes)


def cautions(answer: "Answer") -> list[str]:
    """What the reader must know: of the data, of the spec, and of the rows."""
    return [*answer.notes, *(plain(w) for w in (*answer.query.warnings(), *answer.warnings))]


def plain(warning: "Diagnostic") -> str:
    """A warning without its place in the file, which the page has as a whole."""
    return f"{warning.message}{f' ({warning.help})' if warning.help else ''} [{warning.code}]"


_NOTHING = (
    "There is nothing to draw. Perhaps no ping passes the filters, none carries the probe, or all groups "
    "have too few clients."
)
_OVERLAID = "The distributions are the answer to a query of their own, which is among the downloads."


def _rows_told(n: int) -> str:
    if n > MOST_ROWS:
        return f"The first {MOST_ROWS:,} of {n:,} rows; the downloads have all."
    return "1 row" if n == 1 else f"{n:,} rows"


def columns(result: Result) -> list[Column]:
    """The columns of the table."""
    return [Column(column.name, column.type in _NUMBERS) for column in result.plan.columns]


def lines(result: Result, most: int) -> list[Line]:
    """The first rows of the table."""
    numeric = [column.is_number for column in columns(result)]
    return [
        Line(
            [_cell(value, is_number=yes) for value, yes in zip(row.values(), numeric, strict=True)],
            bool(row.get("low_data")),
        )
        for row in result.table.slice(0, most).to_pylist()
    ]


def _cell(value: Any, *, is_number: bool) -> Cell:
    if not is_number:
        return Cell("–" if value is None else shown(value), is_number=False, key=None)
    if value is None:
        return Cell("–", is_number=True, key="NaN")
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    return Cell(number(value) if abs(value) >= 1e15 else text, is_number=True, key=f"{value}")


def _file_name(query: "Query") -> str:
    stem = Path(query.name).stem if query.name else "answer"
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "answer"


def _download(name: str, kind: str, content: bytes) -> Download:
    return Download(name, f"data:{kind};charset=utf-8;base64,{base64.b64encode(content).decode()}")


def _overlay_downloads(answer: "Answer", name: str) -> list[Download]:
    """The rows and the SQL of the distributions that a comparison compares, where its chart shows them."""
    found = []
    for number_, (slug, query) in enumerate(answer.query.overlays().items(), 1):
        if slug not in answer.overlays:
            continue
        which = f"{name}-distributions{f'-{number_}' if number_ > 1 else ''}"
        found += [
            _download(f"{which}.csv", "text/csv", as_csv(answer.overlays[slug])),
            _download(f"{which}.sql", "application/sql", query.sql(udfs=answer.udfs).encode()),
        ]
    return found
