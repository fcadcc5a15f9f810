"""Single CTEs: the query up to one, as text that returns its rows."""

from typing import Literal

from querygen.check import CheckedSql
from querygen.errors import UsageError, similar_name_help
from querygen.translate import stage_places, translate


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
    places = stage_places(text, checked.sql.plan, dialect)
    end = next(end for _, end, stage in places if stage.cte == cte)
    return f"{text[:end]}\nSELECT\n  *\nFROM\n  {cte}\n"
