"""Show: a `Result` as a table for people, or as JSON, CSV or Parquet for programs."""

import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq

from querygen.result import Result


def as_table(result: Result) -> bytes:
    """Columns in line, numbers to the right; NULL is told from the text `NULL` by its dash."""
    names = [column.name for column in result.plan.columns]
    numeric = [column.type in ("INT64", "FLOAT64", "NUMERIC") for column in result.plan.columns]
    rows = [[_cell(value) for value in row.values()] for row in result.rows()]
    widths = [max(len(line[i]) for line in [names, *rows]) for i in range(len(names))]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in [names, ["-" * width for width in widths], *rows]
    ]
    count = f"({len(rows)} row{'' if len(rows) == 1 else 's'})"
    return ("\n".join([*lines, count]) + "\n").encode()


def as_json(result: Result) -> bytes:
    """A JSON list of row objects, one row a line; dates and times in ISO 8601."""
    rows = [json.dumps(row, default=_iso, ensure_ascii=False, allow_nan=False) for row in result.rows()]
    return (("[\n" + ",\n".join(rows) + "\n]\n") if rows else "[]\n").encode()


def as_csv(result: Result) -> bytes:
    """CSV with a header; NULL is empty and empty text is quoted, so that they stay apart."""
    lines = [[column.name for column in result.plan.columns], *(row.values() for row in result.rows())]
    return "".join(",".join(map(_csv_cell, line)) + "\n" for line in lines).encode()


def as_parquet(result: Result) -> bytes:
    """Parquet with the result's types."""
    out = io.BytesIO()
    pq.write_table(result.table, out)
    return out.getvalue()


FORMATS: dict[str, Callable[[Result], bytes]] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
    "parquet": as_parquet,
}


def _iso(value: Any) -> str:
    if isinstance(value, dt.datetime) and value.tzinfo:
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if value.microsecond else "%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)


def _csv_cell(value: Any) -> str:
    # Not csv.writer, which can tell NULL from empty text only as of Python 3.12.
    if value is None:
        return ""
    if isinstance(value, str) and (not value or any(c in value for c in ',"\r\n')):
        return '"' + value.replace('"', '""') + '"'
    return str(value).lower() if isinstance(value, bool) else _iso(value)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S") + (" UTC" if value.tzinfo else "")
    # A line break or a terminal's control character in a text would break the table, or worse.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))
