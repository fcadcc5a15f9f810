"""Recognises querygen's own functions in parsed BigQuery text, whichever way they were printed.

The three forms of `--udfs` differ only in how these functions stand in the text: as a body in place, as a
temporary function, or as mozfun's. Turned back into calls, they give one and the same tree, which is what
is checked and translated.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlglot
from sqlglot import exp

from querygen.sqltext import Node, own_function
from querygen.udfs import load_udf


def recognise(query: Node, functions: tuple[str, ...], udfs: str) -> Node:
    """`query` with each of `functions` as a call `querygen.name(argument)`, outermost first."""
    temporary = {load_udf(function).temporary_name: function for function in functions}
    patterns = [(function, *_pattern(function, udfs)) for function in functions] if udfs != "temp" else []

    def replaced(node: Node) -> Node:
        if isinstance(node, exp.Anonymous) and node.name in temporary:
            return own_function(temporary[node.name], node.expressions[0])
        for function, parameter, pattern in patterns:
            bound: dict[str, Node] = {}
            if type(node) is type(pattern) and _matches(pattern, node, parameter, bound):
                return own_function(function, bound[parameter])
        return node

    return query.transform(replaced)


@cache
def _pattern(function: str, udfs: str) -> tuple[str, Node]:
    """The parameter's name and the parsed body of a function."""
    udf = load_udf(function)
    (parameter,) = udf.arguments
    body = udf.mozfun if udfs == "mozfun" and udf.mozfun else udf.bigquery
    return parameter.name, sqlglot.parse_one(body, dialect="bigquery")


def _matches(pattern: Any, node: Any, parameter: str, bound: dict[str, Node]) -> bool:
    """Whether `node` is `pattern` with some expression for the parameter, the same everywhere."""
    if isinstance(pattern, exp.Column) and pattern.name == parameter and not pattern.table:
        if not isinstance(node, exp.Expr):
            return False
        return bound.setdefault(parameter, node) == node
    if isinstance(pattern, exp.Expr):
        return type(pattern) is type(node) and _same_arguments(pattern.args, node.args, parameter, bound)
    if isinstance(pattern, list):
        return (
            isinstance(node, list)
            and len(pattern) == len(node)
            and all(_matches(a, b, parameter, bound) for a, b in zip(pattern, node, strict=True))
        )
    return bool(pattern == node)


def _same_arguments(
    pattern: Mapping[str, Any], node: Mapping[str, Any], parameter: str, bound: dict[str, Node]
) -> bool:
    keys = {key for args in (pattern, node) for key, value in args.items() if value not in (None, False, [])}
    return all(
        key in pattern and key in node and _matches(pattern[key], node[key], parameter, bound)
        for key in sorted(keys)
    )
