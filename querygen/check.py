"""Check: the printed text is parsed again, and must be what the plan meant: one SELECT over its table.

This is the third wall against injection, after typed values and linted templates, and the guard of the
template dialect: constructs that translate wrongly to DuckDB, silently or loudly, are not let through. From
here on an error is a bug of querygen's, and says so.
"""

from dataclasses import dataclass
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from querygen.calls import DATASET
from querygen.errors import EngineError
from querygen.plan import Sound
from querygen.recognise import recognise
from querygen.render import SqlText
from querygen.sqltext import Node
from querygen.udfs import bigquery_function, load_udf

# Every construct that the templates, dimensions and filters use, each with a proven translation.
_PROVEN = frozenset({
    "Abs", "Add", "Alias", "And", "Anonymous", "Array", "ArrayAgg", "ArrayConcat", "ArraySize", "Avg",
    "Between", "Boolean", "CTE", "Case", "Cast", "Ceil", "Coalesce", "Column", "Concat", "Count",
    "CountIf", "CurrentDate", "DataType", "Date", "DateSub", "DenseRank", "Distinct", "Div", "Dot", "EQ",
    "Exists", "Exp", "FirstValue", "From", "GT", "GTE", "GenerateSeries", "Greatest", "Group", "Having",
    "Identifier", "If", "In", "Is", "JSONExtractScalar", "JSONPath", "JSONPathKey", "JSONPathRoot",
    "JSONPathSubscript", "Join", "LT", "LTE", "Lag", "Lead", "Least", "Limit", "Literal", "Ln", "Max",
    "Min", "Mod", "Mul", "NEQ", "Neg", "Not", "Null", "NullSafeEQ", "Nullif", "Or", "Order", "Ordered",
    "Paren", "Pow", "PropertyEQ", "Qualify", "Round", "RowNumber", "Select", "Sqrt", "Star", "StddevSamp",
    "StrPosition", "Struct", "Sub", "Subquery", "Substring", "Sum", "Table", "TableAlias", "Tuple",
    "Union", "UnixSeconds", "UnixToTime", "Unnest", "Var", "Variance", "Where", "Window", "WindowSpec",
    "With",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class CheckedSql:
    """Text that passed, and its tree with querygen's own functions as calls."""

    sql: SqlText
    query: Node


def check(sql: SqlText) -> CheckedSql:
    """Parses the text and holds it against its plan.

    Raises:
        EngineError: it is not what the plan meant, with the construct and the stage.
    """
    try:
        *functions, query = (node for node in sqlglot.parse(sql.text, dialect="bigquery") if node is not None)
    except (SqlglotError, ValueError) as error:
        raise _bug(f"the SQL does not parse: {error}") from None
    expected = [load_udf(function).temporary_name for function in sql.functions] if sql.udfs == "temp" else []
    created = [node.this.this.name for node in functions if isinstance(node, exp.Create)]
    if created != expected or len(created) != len(functions):
        raise _bug(f"the statements in front of the query are {created}, not {expected}")
    for name, node in zip(sql.functions, functions, strict=False):
        if node != _temporary_function(name):
            raise _bug(f"the temporary function for {name} is not ours")
    if not isinstance(query, exp.Select):
        raise _bug(f"the statement is a {type(query).__name__}, not one SELECT")
    if (stages := query.args.get("with_")) and stages.recursive:
        raise _bug("the query is recursive")
    _check_stages(sql, query)
    recognised = recognise(query, sql.functions, sql.udfs)
    for stage, node in _by_stage(recognised):
        _check_node(sql, stage, node)
    _check_references(query)
    return CheckedSql(sql, recognised)


@cache
def _temporary_function(name: str) -> Node:
    return sqlglot.parse_one(bigquery_function(load_udf(name), temporary=True), dialect="bigquery")


def _check_stages(sql: SqlText, query: exp.Select) -> None:
    names = [cte.alias for cte in query.ctes]
    expected = [stage.cte for stage in sql.plan.ctes]
    if names != expected:
        raise _bug(f"the CTEs are {names}, the stages {expected}")
    output = [projection.alias_or_name for projection in query.selects]
    columns = [column.name for column in sql.plan.columns]
    if output != columns:
        raise _bug(f"the query returns {output}, the plan means {columns}")


def _by_stage(query: Node) -> list[tuple[str, Node]]:
    """Every node with the name of the CTE that it stands in (`the final SELECT` for the rest)."""
    found = []
    for cte in query.find_all(exp.CTE):
        found += [(cte.alias, node) for node in cte.walk()]
    inside = {id(node) for _, node in found}
    found += [("the final SELECT", node) for node in query.walk() if id(node) not in inside]
    return found


def _check_node(sql: SqlText, stage: str, node: Node) -> None:
    kind = type(node).__name__
    if kind not in _PROVEN:
        raise _bug(f"{kind} `{node.sql('bigquery')}` has no proven translation to DuckDB", stage)
    if isinstance(node, exp.Anonymous):
        owner = node.parent
        ours = isinstance(owner, exp.Dot) and owner.this.name == DATASET
        # Only the stage that is there to fail may do so.
        may_fail = node.name == "ERROR" and stage in (s.cte for s in sql.plan.ctes if isinstance(s, Sound))
        if not (f"{DATASET}.{node.name}" in sql.functions if ours else may_fail):
            raise _bug(f"the function `{node.name}` is none of the plan's", stage)
    if isinstance(node, exp.Table):
        name = f"{node.db}.{node.name}" if node.db else node.name
        name = f"{node.catalog}.{name}" if node.catalog else name
        allowed = {*(read.table for read in sql.plan.reads), *(cte.cte for cte in sql.plan.ctes)}
        if name not in allowed:
            raise _bug(f"the table `{name}` is none of the plan's", stage)
    if isinstance(node, exp.Unnest) and not isinstance(node.expressions[0], exp.Array):
        aliased = node.args.get("alias") is not None and isinstance(node.parent, exp.Join | exp.From)
        if not aliased:
            raise _bug("UNNEST must be joined under a name, its implicit columns don't bind in DuckDB", stage)


def _check_references(query: exp.Select) -> None:
    """BigQuery evaluates a CTE anew for each reference, so each is referenced exactly once."""
    names = {cte.alias: 0 for cte in query.ctes}
    for node in query.find_all(exp.Table):
        if node.name in names and not node.db:
            names[node.name] += 1
    for name, count in names.items():
        if count != 1:
            raise _bug(f"the CTE is referenced {count} times instead of once", name)


def _bug(message: str, stage: str | None = None) -> EngineError:
    place = f"in stage {stage}: " if stage else ""
    return EngineError(
        EngineError.of(
            "internal", f"{place}{message}", help="this is a bug in querygen; please report it with the spec"
        ).diagnostics
    )
