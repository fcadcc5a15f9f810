"""Blocks of HTML: what a notebook shows of a query, of an answer, and of SQL."""

from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from querygen.charts import has_chart
from querygen.display.highlight import highlighted
from querygen.errors import EngineError, QuerygenError
from querygen.meaning import meaning
from querygen.report.answer import answer_id, cautions, columns, drawn, lines, plain
from querygen.report.layout import environment, resource, variables

if TYPE_CHECKING:
    from querygen.answer import Answer
    from querygen.api import Query

# How JupyterLab, Visual Studio Code, Colab and marimo say that they are dark.
_DARK = (
    'body[data-jp-theme-light="false"] .querygen',
    "body.vscode-dark .querygen",
    'html[theme="dark"] .querygen',
    ".dark .querygen",
)


def query_block(query: "Query") -> str:
    """A query in words, with its warnings and its SQL; what is wrong, if it cannot be compiled."""
    try:
        meant = meaning(query.spec, query.plan())
        warnings = [plain(warning) for warning in query.warnings()]
        sql = query.sql()
    except QuerygenError as error:
        title = query.spec.title or "A query that cannot be compiled"
        return _laid_out(title=title, cautions=[plain(finding) for finding in error.diagnostics])
    return _laid_out(title=meant.title, meant=meant, cautions=warnings, sql=highlighted(sql))


def answer_block(answer: "Answer", most: int) -> str:
    """An answer: its chart, so many of its rows, and how many there are."""
    shown: dict[str, Any] = {"title": answer.plan.about.title, "svg": None, "without_chart": ""}
    if has_chart(answer):
        try:
            shown["svg"], shown["spoken"], shown["chart_notes"] = drawn(answer, answer_id(answer))
        except EngineError as error:
            shown["without_chart"] = plain(error.diagnostics[0])
    shown |= {"columns": columns(answer), "rows": lines(answer, most), "rows_told": _told(len(answer), most)}
    return _laid_out(title=answer.plan.about.title, cautions=cautions(answer), answer=shown)


def sql_block(sql: str) -> str:
    """SQL with its keywords told apart."""
    return _laid_out(sql=highlighted(sql))


def _told(n: int, most: int) -> str:
    if n > most:
        return f"The first {most} of {n:,} rows"
    return "1 row" if n == 1 else f"{n} rows"


def _laid_out(**content: Any) -> str:
    empty: dict[str, Any] = {"title": "", "meant": None, "cautions": [], "answer": None, "sql": None}
    return environment().get_template("block.html.j2").render(**empty | content, style=_style()).strip()


@cache
def _style() -> Markup:
    rules = [
        variables(".querygen", dark=False),
        variables(", ".join(_DARK), dark=True),
        resource("report.css").replace("color-scheme: light dark; ", ""),
        resource("block.css"),
    ]
    return Markup("\n".join(rules))  # noqa: S704 files of this package
