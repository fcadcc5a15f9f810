"""What an answer means: the question in words, each column, each step of the SQL, and what cannot be said.

`querygen explain SPEC` prints it, and reports show the same. What a step does is the sentence that stands
above it in the SQL; why it is there is the comment on top of its template. What columns mean stands in
`explanations/columns.yaml`, what an answer cannot say in `caveats`.
"""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

from querygen.about import About
from querygen.caveats import caveats
from querygen.errors import Diagnostic
from querygen.plan import Plan
from querygen.resources import resource_dir
from querygen.spec import Spec

_COLUMNS = Path(__file__).parent / "explanations" / "columns.yaml"
_WIDEST_TERM = 20


@dataclass(frozen=True)
class Step:
    """A CTE of the SQL, or its final SELECT.

    Attributes:
        name: the CTE's.
        does: what it does in this query.
        why: why there is such a step at all; empty where an earlier one of the kind has said it.
    """

    name: str
    does: str
    why: str


@dataclass(frozen=True)
class Meaning:
    """What a query's answer means, in words.

    Attributes:
        title: one line.
        description: the user's own, or empty.
        words: the question: terms, and what holds for each.
        row: what one row of the result is.
        columns: those that are not part of what a row is, each with its meaning.
        steps: the SQL's, in order.
        caveats: what the answer cannot say.
    """

    title: str
    description: str
    words: tuple[tuple[str, str], ...]
    row: str
    columns: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    caveats: tuple[str, ...]


def meaning(spec: Spec, plan: Plan) -> Meaning:
    """What the answer to a spec means, as it was planned."""
    known = column_meanings(spec)
    splits = {split.name for split in plan.about.splits}
    return Meaning(
        title=plan.about.title,
        description=plan.about.description,
        words=_question(plan.about),
        row=_row(plan),
        columns=tuple(
            (c.name, known[c.name]) for c in plan.columns if c.name in known and c.name not in splits
        ),
        steps=_steps_of(plan),
        caveats=caveats(spec, plan),
    )


def _steps_of(plan: Plan) -> tuple[Step, ...]:
    first = {stage.name: stage for stage in reversed(plan.stages)}
    return tuple(
        Step(
            "SELECT" if stage is plan.final else stage.cte,
            stage.sentence,
            reason(stage.name) if stage is first[stage.name] else "",
        )
        for stage in plan.stages
    )


def _question(about: About) -> tuple[tuple[str, str], ...]:
    """What is counted, of which pings, and what was decided for the user."""
    words = [("Counted", f"{about.counted}.")]
    words += [("Only pings where", "; ".join(about.filters))] if about.filters else []
    if about.measure == "percentiles":
        inside = "the place inside the bucket" if about.is_interpolated else "the lower bound of the bucket"
        words.append(("A percentile is", f"{inside} at which the cumulative share reaches it."))
    if about.unit:
        words.append(("Values are in", about.unit))
    if about.min_clients:
        words.append(("Few clients", f"fewer than {about.min_clients:,} in a group."))
    return (*words, *(("Note", f"{note}.") for note in about.notes))


def _row(plan: Plan) -> str:
    if plan.about.measure == "pings":
        return "One row is one ping."
    return f"There is one row for each {_listed(plan.key)}." if plan.key else "There is one row in all."


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def column_meanings(spec: Spec) -> Mapping[str, str]:
    """The columns that a result may have, with their meaning in an answer to this spec."""
    measure = spec.measure or ""
    variants = [spec.percentile_method, spec.method, spec.analysis_unit, spec.normalization]
    sections = [f"{measure} by {variant}" for variant in variants]
    sections += [f"{measure} of numbers"] if spec.is_number else []
    sections += [f"{measure} by votes"] if spec.normalization != "none" else []
    found: dict[str, str] = {}
    for section in (*sections, measure, "all"):
        for column, text in _texts().get(section, {}).items():
            found.setdefault(column, text)
    return found


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    texts: Mapping[str, Mapping[str, str]] = YAML(typ="safe", pure=True).load(_COLUMNS)
    return texts


@cache
def reason(stage: str) -> str:
    """Why there is a stage of that name: the comment on top of its template."""
    template = resource_dir("templates") / "stages" / f"{stage}.sql.j2"
    comment = re.match(r"\{#(.*?)#\}", template.read_text(encoding="utf-8"), re.DOTALL)
    return " ".join(comment[1].split()) if comment else ""


def as_text(meant: Meaning, warnings: Sequence[Diagnostic], width: int) -> str:
    """The explanation as it is printed, wrapped to a width."""
    parts = [textwrap.fill(meant.title, width)]
    parts += [textwrap.fill(meant.description, width)] if meant.description else []
    parts.append(_section("The question", _terms(meant.words, width)))
    parts.append(_section("The answer", [*_wrapped(meant.row, width, "  "), *_terms(meant.columns, width)]))
    parts.append(_section("The steps of the SQL", _steps(meant.steps, width)))
    parts.append(_section("What it cannot say", _points(meant.caveats, width)))
    told = _points(map(_sentence, warnings), width)
    parts += [_section("Warnings", told)] if told else []
    text = "\n\n".join(parts) + "\n"
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _sentence(warning: Diagnostic) -> str:
    """A warning in one line, without the excerpt of the spec."""
    at = f" (line {warning.span.line})" if warning.span else ""
    return f"{warning.message}{at} [{warning.code}]{f': {warning.help}' if warning.help else ''}"


def _steps(steps: Iterable[Step], width: int) -> list[str]:
    """The steps, numbered."""
    lines: list[str] = []
    for i, step in enumerate(steps, 1):
        lines += [f"{i:>3}. {step.name}", *_wrapped(step.does, width, "     ")]
        lines += _wrapped(f"Why: {step.why}", width, "     ") if step.why else []
    return lines


def _section(heading: str, lines: Sequence[str]) -> str:
    return "\n".join([heading, *lines])


def _terms(pairs: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Terms, with their texts hanging beside them, or below where the terminal is narrow."""
    column = min(max((len(term) for term, _ in pairs), default=0), _WIDEST_TERM) + 4
    lines: list[str] = []
    for term, text in pairs:
        if width < 3 * column or len(term) > column - 4:
            lines += [f"  {term}", *_wrapped(text, width, "    ")]
        else:
            lines += _wrapped(text, width, " " * column, first=f"  {term}".ljust(column))
    return lines


def _points(texts: Iterable[str], width: int) -> list[str]:
    return [line for text in texts for line in _wrapped(text, width, "    ", first="  - ")]


def _wrapped(text: str, width: int, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        max(width, len(indent) + 20),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
