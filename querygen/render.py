"""Render: `Plan` becomes BigQuery text, by Jinja. One template per stage; layout only, no decisions.

Three walls keep text from becoming SQL: a template's values are SQL nodes and comments, and anything else is
an error (`_printed`); Jinja's filters and globals are removed; and templates may use few constructs, which
`lint_template` checks. Templates write querygen's own functions as calls, `querygen.histogram_text(text)`;
`--udfs` says what becomes of them: the body in place, a temporary function, or mozfun's function.
"""

import re
import textwrap
from dataclasses import dataclass
from functools import cache
from typing import Literal

from jinja2 import BaseLoader, FileSystemLoader, StrictUndefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup
from sqlglot import exp

from querygen.calls import Call, find_calls, place, with_arguments
from querygen.plan import Comment, Plan, Stage
from querygen.resources import resource_dir
from querygen.sqltext import Node, to_sql, with_defaults, with_placeholders
from querygen.udfs import bigquery_function, load_udf

COMMENT_WIDTH = 96

UdfMode = Literal["inline", "temp", "mozfun"]

_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Not, nodes.Name,
    nodes.Getattr, nodes.FromImport, nodes.Macro, nodes.Call,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SqlText:
    """BigQuery text as it is printed.

    Attributes:
        text: with the defaults of parameters.
        plan: what it was made from.
        udfs: how querygen's own functions are printed.
        functions: the dotted names of those that it uses.
        template: the same text with parameters as Redash writes them, `{{ name }}`.
    """

    text: str
    plan: Plan
    udfs: UdfMode
    functions: tuple[str, ...]
    template: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A rendered stage, as the outermost template takes it; the sentence as lines of a comment."""

    name: Markup
    sentence: tuple[Comment, ...]
    body: Markup


@dataclass(frozen=True, slots=True)
class _Query:
    header: tuple[Comment, ...]
    ctes: tuple[_Part, ...]
    final: _Part
    order: tuple[Node, ...]
    limit: Node | None


def render(plan: Plan, udfs: UdfMode = "inline") -> SqlText:
    """Prints the plan as one `WITH … SELECT` (behind its temporary functions, with `udfs="temp"`)."""
    environment = _environment()
    parts = [_part(stage, environment, last=stage is plan.final) for stage in plan.stages]
    query = _Query(plan.header, tuple(parts[:-1]), parts[-1], plan.order, plan.limit)
    text = environment.get_template("query.sql.j2").render(query=query)
    text, functions = _place_functions(_tidy(text), udfs)
    return SqlText(with_defaults(text), plan, udfs, functions, with_placeholders(text))


def _part(stage: Stage, environment: ImmutableSandboxedEnvironment, *, last: bool) -> _Part:
    body = environment.get_template(f"stages/{stage.name}.sql.j2").render(stage=stage).strip("\n")
    body = "\n".join(line for line in body.split("\n") if line.strip())
    if not last:
        # Not textwrap.indent: U+0085 and others are line breaks to it, and a literal may hold them.
        body = "\n".join(f"  {line}" for line in body.split("\n"))
    sentence = tuple(map(Comment, comment_lines(stage)))
    return _Part(Markup(stage.cte), sentence, Markup(body))  # noqa: S704 the output of our own templates


def comment_lines(stage: Stage) -> list[str]:
    """A stage's sentence in lines of a comment."""
    return textwrap.wrap(stage.sentence, COMMENT_WIDTH, break_on_hyphens=False)


def _tidy(text: str) -> str:
    lines = [line.rstrip() for line in text.split("\n")]
    return "\n".join(line for line in lines if line) + "\n"


@cache
def _environment(loader: BaseLoader | None = None) -> ImmutableSandboxedEnvironment:
    """Jinja with nothing in it that could make text into SQL."""
    environment = ImmutableSandboxedEnvironment(
        loader=loader or FileSystemLoader(resource_dir("templates")),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.clear()
    environment.tests.clear()
    environment.globals.clear()
    return environment


def _printed(value: object) -> Markup:
    """What `{{ value }}` prints: a node's SQL, a comment, or the output of a macro; else it is our bug."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, exp.Expr):
        # What takes several lines hangs from the first, which stands at the templates' indentation of two.
        return Markup(to_sql(value).replace("\n", "\n  "))  # noqa: S704 quoted by construction, by sqlglot
    if isinstance(value, Comment):
        return Markup(str(value))  # noqa: S704 flattened when it was made
    raise TypeError(f"a template may print SQL nodes and comments only, not {type(value).__name__} {value!r}")


def lint_template(source: str) -> list[str]:
    """The constructs in a template that are more than layout, as `line: what` (none, in a good template)."""
    problems = []
    tree = _environment().parse(source)
    imported = {id(node.template) for node in tree.find_all(nodes.FromImport)}
    for node in tree.find_all(nodes.Node):
        if id(node) in imported:  # the name of the file that macros come from
            continue
        call_on_name = not isinstance(node, nodes.Call) or isinstance(node.node, nodes.Name)
        if not isinstance(node, _ALLOWED) or not call_on_name:
            problems.append(f"{node.lineno}: {type(node).__name__}")
    return problems


def _place_functions(text: str, udfs: UdfMode) -> tuple[str, tuple[str, ...]]:
    """The text with querygen's own functions as `udfs` asks, and the names of those it uses."""
    used = tuple(dict.fromkeys(call.function for call in find_calls(text, "bigquery")))
    if udfs == "temp":
        text = place(
            text, "bigquery", lambda call: f"{load_udf(call.function).temporary_name}({call.argument})"
        )
        functions = [bigquery_function(load_udf(name), temporary=True) for name in used]
        header = re.match(r"(/\*.*\*/\n)*", text)
        end = header.end() if header else 0
        return text[:end] + "\n".join([*functions, text[end:]]), used
    return place(text, "bigquery", lambda call: _body(call, udfs)), used


def _body(call: Call, udfs: UdfMode) -> str:
    udf = load_udf(call.function)
    (parameter,) = udf.arguments
    body = udf.mozfun if udfs == "mozfun" and udf.mozfun else udf.bigquery
    return with_arguments(body, {parameter.name: call.argument}, "bigquery")
