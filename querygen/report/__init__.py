"""Reports: answers as one HTML file that needs nothing else, no network, and no script to be read.

The same answers give the same bytes. Texts reach the page through Jinja's escaping only, and the policy in
the page lets nothing run or be fetched but its own script and style.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from querygen import VERSION
from querygen.charts.frame import distinct
from querygen.report.answer import Shown, shown_answer
from querygen.report.layout import environment, resource, variables

if TYPE_CHECKING:
    from querygen.answer import Answer

__all__ = ["plot_page", "report"]


def report(answers: Sequence["Answer"], *, fragment: bool = False) -> str:
    """The answers as one page, or as a piece for another page.

    Args:
        answers: at least one; of several there is an index.
        fragment: without a page around it; its style and script touch nothing else.

    Raises:
        EngineError: the extra `charts` is not installed.
    """
    used: set[str] = set()
    every = _told_apart(answers, [shown_answer(answer, used) for answer in answers])
    title = every[0].title if len(every) == 1 else f"{len(every)} answers"
    return _laid_out("fragment" if fragment else "page", answers=every, title=title)


def _told_apart(answers: Sequence["Answer"], every: Sequence[Shown]) -> list[Shown]:
    """The same with titles of their own: those of the same title also name their file, or are numbered."""
    often = Counter(one.title for one in every)
    titles = [
        f"{one.title} ({Path(answer.query.name).stem})"
        if often[one.title] > 1 and answer.query.name
        else one.title
        for answer, one in zip(answers, every, strict=True)
    ]
    return [replace(one, title=title) for one, title in zip(every, distinct(titles), strict=True)]


def plot_page(answer: "Answer") -> str:
    """The chart of an answer as a page of its own.

    Raises:
        QuerygenError: there is no chart of it.
        EngineError: the extra `charts` is not installed.
    """
    from querygen.charts import chart

    chart(answer)  # says why, if there is none
    found: Shown = shown_answer(answer, set())
    return _laid_out("plot", answer=found)


def _laid_out(template: str, **content: Any) -> str:
    script, style = (resource(name) for name in ("report.js", "report.css"))
    style = f"{_variables()}{style}"
    policy = f"default-src 'none'; style-src {_allowed(style)}; base-uri 'none'; form-action 'none'"
    if template != "plot":
        policy += f"; script-src {_allowed(script)}"
    # Both are files of this package, and hold no text of a spec or of data.
    marked = {"script": Markup(script), "style": Markup(style)}  # noqa: S704
    page = environment().get_template(f"{template}.html.j2")
    return page.render(**content, **marked, policy=policy, version=VERSION).lstrip()


def _variables() -> str:
    """The colours of a page, which is dark where its reader's system is."""
    dark = f"@media (prefers-color-scheme: dark) {{ {variables('.querygen', dark=True)} }}"
    return f"{variables('.querygen', dark=False)}\n{dark}\n"


def _allowed(content: str) -> str:
    """What lets exactly this script or style in."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
