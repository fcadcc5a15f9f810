"""Translate: checked BigQuery text becomes DuckDB text with the same rows.

sqlglot does the bulk. `REWRITERS` closes its known gaps, one function per gap, each with a test that fails
without it. Whatever is unsupported is an error, never a fallback: `check` has let only proven constructs
through, and sqlglot is told to raise.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp, tokenize
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.tokenizer_core import TokenType

from querygen.calls import Call, place, with_arguments
from querygen.check import CheckedSql
from querygen.errors import EngineError
from querygen.plan import Plan, Stage
from querygen.render import comment_lines
from querygen.sqltext import Node
from querygen.udfs import load_udf


@dataclass(frozen=True, slots=True)
class DuckSql:
    """DuckDB text and the plan it comes from."""

    text: str
    plan: Plan


def translate(checked: CheckedSql) -> DuckSql:
    """The DuckDB text.

    Raises:
        EngineError: sqlglot cannot translate a construct.
    """
    query = checked.query.copy()
    for node in query.walk():
        node.comments = None
    for rewrite in REWRITERS:
        query = query.transform(rewrite, copy=False)
    plan = checked.sql.plan
    text = place(_printed(query, plan), "duckdb", _duckdb_body)
    return DuckSql(_with_sentences(text, plan), plan)


def _printed(query: Node, plan: Plan) -> str:
    try:
        return _duckdb(query)
    except SqlglotError as error:
        stage, error = next(_refused(query), (plan.final.name, error))
        message = f"in stage {stage}: the SQL cannot be translated to DuckDB: {error}"
        help_ = "this is a bug in querygen; please report it with the spec"
        raise EngineError.of("untranslatable", message, help=help_) from None


def _refused(query: Node) -> Iterator[tuple[str, SqlglotError]]:
    """The stages that cannot be printed alone."""
    for stage in query.find_all(exp.CTE):
        try:
            _duckdb(stage)
        except SqlglotError as error:
            yield stage.alias, error


def _duckdb(node: Node) -> str:
    return node.sql(
        dialect="duckdb",
        pretty=True,
        copy=False,  # of a tree that is ours alone; copies take longer than all the rest
        normalize_functions=False,
        unsupported_level=ErrorLevel.RAISE,
        identify=False,
    )


def _with_sentences(text: str, plan: Plan) -> str:
    """The plan's words as comments again: its header, and a sentence above each stage."""
    for start, _, stage in reversed(stage_places(text, plan, "duckdb")):
        text = f"{text[:start].rstrip()}\n{_sentence(stage)}{text[start:]}"
    return "".join(f"/* {line} */\n" for line in plan.header) + text + "\n"


def stage_places(text: str, plan: Plan, dialect: str) -> list[tuple[int, int, Stage]]:
    """Where each of the plan's stages begins and ends in a text, in order.

    Found by tokens outside of all parentheses, never in a literal that looks like one. A CTE ends behind the
    parenthesis that closes it, the final SELECT with the text.
    """
    depth, waiting = 0, list(plan.stages)
    places: list[tuple[int, int, Stage]] = []
    for token in tokenize(text, read=dialect):
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if depth:
            continue
        if places and token.token_type is TokenType.R_PAREN and places[-1][1] == len(text):
            start, _, stage = places[-1]
            if stage is not plan.final:
                places[-1] = (start, token.end + 1, stage)
        elif waiting:
            is_last = waiting[0] is plan.final
            if token.token_type is TokenType.SELECT if is_last else token.text == waiting[0].cte:
                places.append((token.start, len(text), waiting.pop(0)))
    return places


def _sentence(stage: Stage) -> str:
    return "".join(f"-- {line}\n" for line in comment_lines(stage))


def _duckdb_body(call: Call) -> str:
    udf = load_udf(call.function)
    (parameter,) = udf.arguments
    return with_arguments(udf.duckdb, {parameter.name: call.argument}, "duckdb")


def decimals_are_doubles(node: Node) -> Node:
    """0.05 is FLOAT64 in BigQuery and DECIMAL in DuckDB, where 0.1 + 0.2 = 0.3 holds."""
    if isinstance(node, exp.Literal) and not node.is_string and not node.name.isdigit():
        return exp.cast(node.copy(), "DOUBLE", copy=False) if not isinstance(node.parent, exp.Cast) else node
    return node


def dates_are_utc(node: Node) -> Node:
    """DATE(timestamp) is the day in UTC; DuckDB's cast takes the session's time zone."""
    if isinstance(node, exp.Date):
        return exp.cast(_utc(node.this), "DATE")
    return node


def today_is_utc(node: Node) -> Node:
    """CURRENT_DATE() is the day in UTC, too."""
    if isinstance(node, exp.CurrentDate):
        return exp.cast(_utc(exp.Anonymous(this="NOW")), "DATE")
    return node


def subtracted_days_stay_dates(node: Node) -> Node:
    """DATE_SUB gives a DATE; DuckDB's date minus interval is a timestamp."""
    if isinstance(node, exp.DateSub) and not isinstance(node.parent, exp.Cast):
        return exp.cast(node.copy(), "DATE")
    return node


def what_is_unknown_is_not_counted(node: Node) -> Node:
    """COUNTIF of nothing but NULL is 0; DuckDB's COUNT_IF of it is NULL."""
    if isinstance(node, exp.CountIf):
        return exp.CountIf(this=exp.Coalesce(this=node.this, expressions=[exp.false()]))
    return node


def text_that_is_no_json_has_no_values(node: Node) -> Node:
    """JSON_VALUE of text that is no JSON is NULL; in DuckDB it ends the query."""
    if not isinstance(node, exp.JSONExtractScalar):
        return node
    is_json = exp.Anonymous(this="JSON_VALID", expressions=[node.this.copy()])
    return exp.Case(ifs=[exp.If(this=is_json, true=node.copy())])


def arrays_unnest_in_projection(node: Node) -> Node:
    """A joined UNNEST of a column becomes one in the SELECT list of a subquery.

    DuckDB plans the join as a correlated subquery, several times slower and with twice the memory; and
    WITH OFFSET, which counts from 0, would be translated to an ordinality, which counts from 1.
    """
    if not isinstance(node, exp.Select):
        return node
    joins = node.args.get("joins") or []
    for join in joins:
        unnest = join.this
        if not isinstance(unnest, exp.Unnest) or not isinstance(unnest.expressions[0], exp.Column):
            continue
        array = exp.column(unnest.expressions[0].name)
        (entry,) = unnest.args["alias"].columns
        made = [exp.Star(), exp.alias_(exp.Anonymous(this="UNNEST", expressions=[array.copy()]), entry.name)]
        offset = unnest.args.get("offset")
        if offset:
            position = exp.Anonymous(
                this="GENERATE_SUBSCRIPTS", expressions=[array.copy(), exp.Literal.number(1)]
            )
            made.append(exp.alias_(exp.Sub(this=position, expression=exp.Literal.number(1)), offset.name))
        table = node.args["from_"].this
        inner = exp.select(*made).from_(table.copy())
        table.replace(inner.subquery(table.name))
        join.pop()
    return node


Rewriter = Callable[[Node], Node]

REWRITERS: tuple[Rewriter, ...] = (
    arrays_unnest_in_projection,
    dates_are_utc,
    today_is_utc,
    subtracted_days_stay_dates,
    decimals_are_doubles,
    what_is_unknown_is_not_counted,
    text_that_is_no_json_has_no_values,
)


def _utc(timestamp: Node) -> Node:
    """A timestamp, with or without a zone, as the clock time in UTC."""
    microseconds = exp.Anonymous(this="EPOCH_US", expressions=[timestamp.copy()])
    return exp.Anonymous(this="MAKE_TIMESTAMP", expressions=[microseconds])
