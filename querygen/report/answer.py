"""An answer for a page: everything that is said of one query and its result, as plain text."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from querygen import VERSION
from querygen.charts import chart, has_chart
from querygen.charts.axes import number
from querygen.charts.draw import svg
from querygen.charts.frame import shown
from querygen.meaning import Meaning, meaning
from querygen.report.svg import embedded
from querygen.result import Result
from querygen.show import as_csv, as_json

if TYPE_CHECKING:
    from querygen.api import Query

MOST_ROWS = 5000
"""Rows that a page shows; the downloads have all."""

_NUMBERS = ("INT64", "FLOAT64", "NUMERIC")


@dataclass(frozen=True)
class Answer:
    """A query and what it answered.

    Attributes:
        query: the question.
        result: its rows.
        udfs: the form of the SQL.
        engine: what ran it.
        files: the data that it read, none for the built-in sample.
    """

    query: "Query"
    result: Result
    udfs: Any = "inline"
    engine: str = "duckdb"
    files: Sequence[Path] = ()


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


def shown_answer(answer: Answer, used: set[str]) -> Shown:
    """Everything about an answer; `used` are the identifiers on the page, to which its own is added.

    Raises:
        EngineError: the extra `charts` is not installed.
    """
    query, result, about = answer.query, answer.result, answer.result.plan.about
    spec, sql = query.text, query.sql(udfs=answer.udfs)
    identifier = base = f"qg-{_hash(spec.encode(), sql.encode())[:10]}"
    while identifier in used:
        identifier = f"{base}-{len(used)}"
    used.add(identifier)
    picture, spoken, notes = None, "", []
    if has_chart(result):
        drawn = chart(result, "css")
        spoken, notes = drawn["description"], drawn.pop("title").get("subtitle", [])
        notes = [*notes, *([_OVERLAID] if result.overlays else [])]
        picture = Markup(embedded(svg(drawn), identifier, shown(spoken)))  # noqa: S704 made of shapes and text
    as_rows, as_text = as_json(result), as_csv(result)
    name = _file_name(query)
    downloads = [
        _download(f"{name}.csv", "text/csv", as_text),
        _download(f"{name}.json", "application/json", as_rows),
        _download(f"{name}.sql", "application/sql", sql.encode()),
        *_overlay_downloads(answer, name),
    ]
    return Shown(
        id=identifier,
        title=about.title,
        meant=meaning(query.spec, result.plan),
        cautions=[*result.notes, *(_plain(w) for w in (*query.warnings(), *result.warnings))],
        svg=picture,
        spoken=spoken,
        chart_notes=" ".join(notes),
        without_chart=_NOTHING,
        rows_told=_rows_told(len(result)),
        columns=[Column(c.name, c.type in _NUMBERS) for c in result.plan.columns],
        rows=_lines(result),
        downloads=downloads,
        spec=spec,
        sql=sql,
        provenance=_provenance(answer, spec, sql, as_rows),
    )


def _plain(warning: Any) -> str:
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


def _lines(result: Result) -> list[Line]:
    numeric = [column.type in _NUMBERS for column in result.plan.columns]
    return [
        Line(
            [_cell(value, is_number=yes) for value, yes in zip(row.values(), numeric, strict=True)],
            bool(row.get("low_data")),
        )
        for row in result.rows()[:MOST_ROWS]
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


def _overlay_downloads(answer: Answer, name: str) -> list[Download]:
    """The rows and the SQL of the distributions that a comparison compares, where its chart shows them."""
    found = []
    for number_, (slug, query) in enumerate(answer.query.overlays().items(), 1):
        if slug not in answer.result.overlays:
            continue
        which = f"{name}-distributions{f'-{number_}' if number_ > 1 else ''}"
        found += [
            _download(f"{which}.csv", "text/csv", as_csv(answer.result.overlays[slug])),
            _download(f"{which}.sql", "application/sql", query.sql(udfs=answer.udfs).encode()),
        ]
    return found


def _provenance(answer: Answer, spec: str, sql: str, rows: bytes) -> list[tuple[str, str]]:
    """Versions and hashes by which an answer can be told from another; no clock."""
    packages = ("duckdb", "sqlglot") if answer.engine == "duckdb" else ("zetasql", "duckdb")
    facts = [
        ("querygen", VERSION),
        ("Run by", ", ".join(f"{package} {version(package)}" for package in packages)),
    ]
    facts += [("Table", read.table) for read in answer.result.plan.reads]
    facts += [("Data", _described(path)) for path in answer.files]
    if not answer.files:
        facts.append(("Data", "the built-in synthetic sample"))
    return [
        *facts,
        ("SHA-256 of the spec", _hash(spec.encode())),
        ("SHA-256 of the SQL", _hash(sql.encode())),
        ("SHA-256 of the rows (JSON)", _hash(rows)),
    ]


def _described(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{path.name}, {path.stat().st_size:,} bytes, SHA-256 {digest}"


def _hash(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()
