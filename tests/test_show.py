"""Results as people and programs read them."""

import csv
import datetime as dt
import io
import json
import tempfile
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness import query
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.plan import OutputColumn, Plan
from querygen.result import ARROW_TYPES, Result
from querygen.show import FORMATS, as_csv, as_json, as_parquet, as_table

UTC = dt.UTC
TYPES = {
    "text": "STRING",
    "number": "INT64",
    "share": "FLOAT64",
    "amount": "NUMERIC",
    "flag": "BOOL",
    "day": "DATE",
    "clock": "TIME",
    "raw": "BYTES",
    "time": "DATETIME",
    "moment": "TIMESTAMP",
}
FULL = {
    "text": "a, \"b\"\n'c'\\ é😀",
    "number": -(2**63),
    "share": 0.1 + 0.2,
    "amount": Decimal("1.100000000"),
    "flag": True,
    "day": dt.date(2020, 4, 20),
    "clock": dt.time(9, 45, 0, 500000),
    "raw": b"\x00\xffa",
    "time": dt.datetime(2020, 4, 20, 9, 45),
    "moment": dt.datetime(2020, 4, 20, 9, 45, 0, 123456, UTC),
}
EMPTY = dict.fromkeys(TYPES)


def result(rows, **types):
    """A result with columns of the given BigQuery types."""
    plan = query({"measure": "counts", "allow_full_scan": True}).plan()
    columns = tuple(OutputColumn(name, kind) for name, kind in types.items())
    fields = {f: getattr(plan, f) for f in Plan.__dataclass_fields__} | {"columns": columns, "key": ()}
    schema = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in types.items()])
    return Result.of(pa.Table.from_pylist(rows, schema), Plan(**fields))


def table(rows, **types):
    return as_table(result(rows, **types)).decode()


# --- Tables --------------------------------------------------------------------------------------


def test_columns_stand_in_line():
    assert table(
        [
            {"os": "Windows", "percentile": 0.05, "value": 7},
            {"os": "Mac", "percentile": 0.5, "value": 10115},
            {"os": None, "percentile": 1.0, "value": None},
        ],
        os="STRING",
        percentile="FLOAT64",
        value="INT64",
    ) == (
        "os       percentile  value\n"
        "-------  ----------  -----\n"
        "Windows        0.05      7\n"
        "Mac             0.5  10115\n"
        "-                 1      -\n"
        "(3 rows)\n"
    )


def test_all_types_in_a_table():
    shown = table([FULL, EMPTY], **TYPES).splitlines()[2]
    assert "  0.3  1.100000000  true  2020-04-20  09:45:00.500000  AP9h  2020-04-20 09:45:00  " in shown
    assert shown.endswith("2020-04-20 09:45:00 UTC")
    assert "-9223372036854775808" in shown


@pytest.mark.parametrize(("count", "said"), [(0, "(0 rows)"), (1, "(1 row)"), (2, "(2 rows)")])
def test_a_table_counts_its_rows(count, said):
    assert table([{"os": "Mac"}] * count, os="STRING").splitlines()[-1] == said


def test_a_table_without_rows_has_its_columns():
    assert table([], os="STRING", n="INT64") == "os  n\n--  -\n(0 rows)\n"


@settings(max_examples=200)
@given(
    st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=4)
)
def test_a_table_is_lines_without_control_characters(texts):
    shown = table([{"text": text, "n": 1} for text in texts], text="STRING", n="INT64")
    lines = shown.removesuffix("\n").split("\n")
    assert len(lines) == len(texts) + 3
    assert all(line.isprintable() for line in lines)
    assert len({len(line) for line in lines[:-1]}) == 1  # the last column is to the right


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("a\tb", "a\\tb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202e", "\\u202e"),
        ("\u0085", "\\x85"),
        ("NULL", "NULL"),
        ("", ""),
    ],
)
def test_control_characters_are_written_out(text, shown):
    assert (
        table([{"a": text, "n": 1}], a="STRING", n="INT64").splitlines()[2].strip() == f"{shown}  1".strip()
    )


# --- JSON ----------------------------------------------------------------------------------------


def test_json():
    rows = json.loads(as_json(result([FULL, EMPTY], **TYPES)))
    assert rows == [
        {
            **FULL,
            "amount": "1.100000000",
            "day": "2020-04-20",
            "clock": "09:45:00.500000",
            "raw": "AP9h",
            "time": "2020-04-20T09:45:00",
            "moment": "2020-04-20T09:45:00.123456Z",
        },
        EMPTY,
    ]
    assert as_json(result([], os="STRING")) == b"[]\n"
    assert (
        as_json(result([{"os": "é"}, {"os": None}], os="STRING")).decode()
        == '[\n{"os": "é"},\n{"os": null}\n]\n'
    )


# --- CSV -----------------------------------------------------------------------------------------


def test_csv():
    text = as_csv(result([FULL, EMPTY], **TYPES)).decode()
    header, full, empty = csv.reader(io.StringIO(text, newline=""))
    assert header == list(TYPES)
    assert full == [
        FULL["text"],
        "-9223372036854775808",
        "0.30000000000000004",
        "1.100000000",
        "true",
        "2020-04-20",
        "09:45:00.500000",
        "AP9h",
        "2020-04-20T09:45:00",
        "2020-04-20T09:45:00.123456Z",
    ]
    assert empty == [""] * len(TYPES)


def test_csv_tells_null_from_empty_text_on_every_python():
    text = as_csv(result([{"a": None, "b": 1}, {"a": "", "b": None}], a="STRING", b="INT64")).decode()
    assert text == 'a,b\n,1\n"",\n'


@settings(max_examples=100)
@given(st.lists(st.tuples(st.none() | st.text("a,\"'\r\n ;é", max_size=5), st.integers(0, 9)), max_size=4))
def test_duckdb_reads_the_csv_back(pairs):
    text = as_csv(result([{"a": a, "b": b} for a, b in pairs], a="STRING", b="INT64"))
    with tempfile.NamedTemporaryFile(suffix=".csv") as file, duckdb.connect() as connection:
        file.write(text)
        file.flush()
        options = "auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"'"
        columns = "columns = {a: 'VARCHAR', b: 'BIGINT'}, allow_quoted_nulls = false"
        read = connection.execute(f"FROM read_csv('{file.name}', {options}, {columns})")
        assert read.fetchall() == pairs


# --- Parquet -------------------------------------------------------------------------------------


def test_parquet():
    shown = result([FULL, EMPTY], **TYPES)
    read = pq.read_table(io.BytesIO(as_parquet(shown)))
    assert read.schema == shown.table.schema
    assert read.to_pylist() == [FULL, EMPTY]


# --- All of them ---------------------------------------------------------------------------------


def test_all_formats_are_shown_by_name():
    shown = result([FULL], **TYPES)
    assert set(FORMATS) == {"table", "json", "csv", "parquet"}
    for show in FORMATS.values():
        assert show(shown)
        assert show(shown) == show(shown)


def test_a_result_in_python():
    shown = result([FULL, EMPTY], **TYPES)
    assert len(shown) == 2
    assert shown.rows() == [FULL, EMPTY]
    assert shown.arrow().schema.names == list(TYPES)
    assert pa.table(shown) == shown.table
    assert duckdb.sql("SELECT count(*) FROM shown").fetchall() == [(2,)]


def test_a_result_as_pandas():
    pandas = pytest.importorskip("pandas")
    frame = result([FULL, EMPTY], **TYPES).df()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == list(TYPES)
    assert frame["text"].tolist()[0] == FULL["text"]
    assert frame["number"].isna().tolist() == [False, True]


def test_a_result_as_polars():
    polars = pytest.importorskip("polars")
    assert result([FULL], **TYPES).pl()["text"].to_list() == [FULL["text"]]
    assert isinstance(result([FULL], **TYPES).pl(), polars.DataFrame)


def test_a_result_has_the_plans_types_whatever_the_engine_gave():
    given = pa.table({"x": pa.array([1, None], pa.int32()), "y": pa.array([Decimal("0.5"), None])})
    plan = result([], n="INT64", share="FLOAT64").plan
    made = Result.of(given, plan)
    assert made.rows() == [{"n": 1, "share": 0.5}, {"n": None, "share": None}]
    assert [str(field.type) for field in made.table.schema] == ["int64", "double"]
