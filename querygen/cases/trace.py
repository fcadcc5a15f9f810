"""Where a wrong row comes from: the rows that belong to it, step by step through the SQL's CTEs."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from querygen.cases.compare import Comparison
from querygen.cases.report import named
from querygen.cases.values import NUMBERS, kind_of
from querygen.check import CheckedSql
from querygen.running import Attached
from querygen.show import text_table

_MOST_ROWS = 6


def trace(found: Comparison, checked: CheckedSql, tables: Attached) -> list[str]:
    """Lines about the first row that is wrong: how many rows of its group each CTE has, and the last ones.

    The SQL runs on DuckDB, whatever engine the difference was found on.
    """
    wrong = (*(row.name for row in found.changed), *found.missing, *found.unexpected)
    if not wrong:
        return []
    steps: list[tuple[str, pa.Table, int]] = []
    group: Mapping[str, Any] = {}
    for stage in checked.sql.plan.ctes:
        table = tables.cte(checked, stage.cte)
        known = {name: value for name, value in wrong[0].items() if name in table.column_names}
        kept = {name: value for name, value in known.items() if name in found.key}
        group = kept or group
        steps.append((stage.cte, table, len(_rows_of(table, kept))))
        if not steps[-1][2] and len(checked.sql.plan.reads) == 1:
            break
    counts = " → ".join(f"{name} {count}" for name, _, count in steps)
    lines = ["", f"rows{' of ' + named(group) if group else ''}: given {tables.n_pings} → {counts}"]
    name, table, count = steps[-1]
    if not count:
        return [*lines, f"none is left by `{name}`: {checked.sql.plan.ctes[len(steps) - 1].sentence}"]
    rows = _rows_of(table, {key: value for key, value in group.items() if key in table.column_names})
    numeric = {column.name for column in table.schema if kind_of(column.type) in NUMBERS}
    shown = text_table(_without(group, rows)[:_MOST_ROWS], None, numeric).decode().splitlines()[:-1]
    more = [f"… and {len(rows) - _MOST_ROWS} more"] if len(rows) > _MOST_ROWS else []
    return [*lines, f"the last step, `{name}`:", *(f"    {line}" for line in [*shown, *more])]


def _rows_of(table: pa.Table, group: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [row for row in table.to_pylist() if all(row[name] == value for name, value in group.items())]


def _without(group: Mapping[str, Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows without the columns that are the same in all of them."""
    return [{name: value for name, value in row.items() if name not in group} for row in rows]
