"""One CTE alone: the query up to it, as text that returns its rows, so that each step can be looked at."""

from typing import Literal

from sqlglot import tokenize
from sqlglot.tokenizer_core import TokenType

from querygen.check import CheckedSql
from querygen.errors import UsageError, similar_name_help
from querygen.translate import translate

_PARENS = {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}


def alone(checked: CheckedSql, cte: str, dialect: Literal["bigquery", "duckdb"] = "bigquery") -> str:
    """The text that returns all rows of one CTE, in no order.

    Raises:
        UsageError: the query has no such CTE.
    """
    names = [stage.cte for stage in checked.sql.plan.ctes]
    if cte not in names:
        raise UsageError.of(
            "unknown-cte",
            f"the query has no CTE `{cte}`",
            help=similar_name_help(cte, names, "a CTE") or f"it has {', '.join(names)}",
        )
    text = checked.sql.text if dialect == "bigquery" else translate(checked).text
    return f"{text[: _end(text, cte, dialect)]}\nSELECT\n  *\nFROM\n  {cte}\n"


def _end(text: str, cte: str, dialect: str) -> int:
    """Where the definition of a CTE ends: at the parenthesis that closes it, outside of all others."""
    depth, is_behind_with, is_inside = 0, False, False
    for token in tokenize(text, read=dialect):
        depth += _PARENS.get(token.token_type, 0)
        if depth == 0:
            is_behind_with = is_behind_with or token.token_type is TokenType.WITH
            if is_inside and token.token_type is TokenType.R_PAREN:
                return token.end + 1
            is_inside = is_inside or (is_behind_with and token.text == cte)
    raise AssertionError(f"the text has no CTE {cte}")
