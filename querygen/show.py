"""Show: a `Result` as a table for people, or as JSON, CSV or Parquet for programs."""

import base64
import datetime as dt
import io
import json
from collections.abc import Callable, Collection
from typing import Any

import pyarrow.parquet as pq

from querygen.result import Result


def as_table(result: Result) -> bytes:
    """Columns in line, numbers to the right; NULL is told from the text `NULL` by its dash."""
    names = [column.name for column in result.plan.columns]
    numeric = {c.name for c in result.plan.columns if c.type in ("INT64", "FLOAT64", "NUMERIC")}
    return text_table(result.rows(), names, numeric)


def text_table(
    rows: list[dict[str, Any]], names: list[str] | None = None, numeric: Collection[str] = ()
) -> bytes:
    """Rows as a table for people.

    Args:
        rows: dicts of values.
        names: the columns; by default all that a row has, in the order of their first appearance.
        numeric: the columns that stand to the right.
    """
    shown = names if names is not None else list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name)) for name in shown] for row in rows]
    widths = [max(len(line[i]) for line in [shown, *cells]) for i in range(len(shown))]
    lines = [
        "  ".join(
            cell.rjust(width) if name in numeric else cell.ljust(width)
            for name, cell, width in zip(shown, line, widths, strict=True)
        ).rstrip()
        for line in [shown, ["-" * width for width in widths], *cells]
    ]
    count = f"({len(rows)} row{'' if len(rows) == 1 else 's'})"
    return ("\n".join([*lines, count]) + "\n").encode()


def as_json(result: Result) -> bytes:
    """A JSON list of row objects, one row a line; dates and times in ISO 8601, bytes in Base64."""
    return json_rows(result.rows())


def json_rows(rows: list[dict[str, Any]]) -> bytes:
    """Rows as a JSON list of objects, one a line."""
    lines = [json.dumps(row, default=_iso, ensure_ascii=False, allow_nan=False) for row in rows]
    return (("[\n" + ",\n".join(lines) + "\n]\n") if lines else "[]\n").encode()


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
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
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
    text = _iso(value) if isinstance(value, bytes) else str(value)
    # A line break or a terminal's control character in a text would break the table, or worse.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
