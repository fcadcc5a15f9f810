"""Data files: which are meant, how they are typed, what is said about what doesn't fit."""

import gzip
import json
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

from querygen.data import attach, attach_arrow, empty, parse_locations
from querygen.errors import QuerygenError, UsageError
from querygen.schema import Field, Schema, builtin_schema

SHARED = Path(__file__).parents[2] / "shared" / "schemas" / "main.5.bq.xz"


def record(*fields: Field, name: str = "", repeated: bool = False, further: Field | None = None) -> Field:
    return Field(name, "RECORD", repeated, {f.name.lower(): f for f in fields}, further)


TYPES = [
    "STRING",
    "INT64",
    "FLOAT64",
    "BOOL",
    "TIMESTAMP",
    "DATE",
    "DATETIME",
    "TIME",
    "BYTES",
    "NUMERIC",
    "JSON",
]
SCALARS = Schema("d.t", record(*(Field(kind.lower(), kind) for kind in TYPES)))
NESTED = Schema(
    "d.t",
    record(
        Field("Id", "STRING"),
        Field("n", "INT64"),
        record(
            Field("x", "STRING"),
            record(Field("y", "INT64"), record(Field("z", "STRING"), name="deepest"), name="deeper"),
            name="deep",
        ),
        record(
            Field("key", "STRING"),
            record(Field("branch", "STRING"), Field("n", "INT64"), name="value"),
            name="items",
            repeated=True,
        ),
        Field("tags", "STRING", repeated=True),
        record(name="probes", further=Field("", "STRING")),
    ),
)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/New_York'")  # casts must not depend on it
    yield connection
    connection.close()


def main_schema() -> Schema:
    schema = builtin_schema("telemetry.main")
    assert schema
    return schema


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def parquet(path: Path, select: str) -> Path:
    with duckdb.connect() as own:
        own.execute("SET TimeZone = 'UTC'")
        own.execute(f"COPY ({select}) TO '{str(path).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")
    return path


def read(
    con: duckdb.DuckDBPyConnection,
    files: Path | Iterable[Path],
    needed: Iterable[str],
    schema: Schema = NESTED,
    strict: bool = False,
) -> list[dict[str, Any]]:
    files = [files] if isinstance(files, Path) else list(files)
    attach(con, schema.table, files, schema, needed, strict)
    return con.sql(f"FROM {schema.table}").to_arrow_table().to_pylist()


def message(
    con: duckdb.DuckDBPyConnection, file: Path, needed: Iterable[str], schema: Schema = NESTED, strict=False
) -> str:
    with pytest.raises(QuerygenError) as caught:
        read(con, file, needed, schema, strict)
    assert caught.value.exit_code == 1
    return str(caught.value)


def present(value: Any) -> Any:
    """The value without its NULLs: to a path, a NULL record is the same as a record of NULLs."""
    if isinstance(value, list):
        return [present(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {name: present(item) for name, item in value.items()}
    return {name: item for name, item in inner.items() if item is not None and item != {}}


def types(con: duckdb.DuckDBPyConnection, table: str = "d.t") -> dict[str, str]:
    relation = con.sql(f"FROM {table}")
    return {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}


# --- which files


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_a_file_a_glob_and_a_folder_of_parts(tmp_path: Path) -> None:
    touch(
        tmp_path, "one.ndjson", "parts/b.parquet", "parts/a.parquet", "parts/_SUCCESS", "parts/.a.parquet.crc"
    )
    a, b = tmp_path / "parts/a.parquet", tmp_path / "parts/b.parquet"
    found = parse_locations(
        [f"d.one={tmp_path}/one.ndjson", f"d.glob={tmp_path}/**/*.parquet", f"d.folder={tmp_path}/parts"]
    )
    assert found == {"d.one": (tmp_path / "one.ndjson",), "d.glob": (a, b), "d.folder": (a, b)}


def test_a_table_may_be_given_several_times(tmp_path: Path) -> None:
    touch(tmp_path, "a.csv", "b.csv.gz")
    found = parse_locations([f"d.t={tmp_path}/a.csv", f"d.t={tmp_path}/b.csv.gz", f"d.t={tmp_path}/*.csv"])
    assert found == {"d.t": (tmp_path / "a.csv", tmp_path / "b.csv.gz")}


def test_a_folder_of_tables(tmp_path: Path) -> None:
    touch(tmp_path, "telemetry.main.ndjson.gz", "d.t.parquet", "result.csv", "README.md")
    assert parse_locations([str(tmp_path)]) == {
        "telemetry.main": (tmp_path / "telemetry.main.ndjson.gz",),
        "d.t": (tmp_path / "d.t.parquet",),
    }


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("d.t={}/nope.ndjson", "nope.ndjson` doesn't exist"),
        ("d.t={}/*.nope", "matches no file"),
        (
            "d.t={}/x.xlsx",
            "an extension that querygen doesn't read [bad-data-flag]\n  help: data files end in .ndjson",
        ),
        ("d.t={}/p.parquet.gz", "an extension"),
        ("d.t={}/none", "has no data files [bad-data-flag]\n  help: data files end in .ndjson"),
        ("d.t={}/mixed", "of several formats"),
        ("d.t=", "names no file [bad-data-flag]\n  help: write `--data d.t=rows.ndjson`"),
        ("t={}/a.csv", "`t` in `--data t={}/a.csv` is not the name of a table"),
        (
            "{}/a.csv",
            "doesn't say which table it is [bad-data-flag]\n  help: write `--data telemetry.main={}/a.csv`",
        ),
        ("{}/none", "has no files named dataset.table.ext"),
        ("{}/absent", "there is no such folder"),
        ("{}/two", "the files of d.t are of several formats"),
    ],
)
def test_usage_errors(tmp_path: Path, flag: str, said: str) -> None:
    touch(tmp_path, "x.xlsx", "p.parquet.gz", "a.csv", "none/README.md", "mixed/a.csv", "mixed/b.ndjson")
    touch(tmp_path, "two/d.t.csv", "two/d.t.parquet")
    with pytest.raises(UsageError) as caught:
        parse_locations([flag.replace("{}", str(tmp_path))])
    assert said.replace("{}", str(tmp_path)) in str(caught.value)
    assert "help: " in str(caught.value)
    assert caught.value.exit_code == 2


# --- the same rows, whatever the format

ROWS = [
    {
        "Id": "a",
        "n": 5,
        "deep": {"x": "1", "deeper": {"y": 7, "deepest": {"z": "bottom"}}},
        "items": [
            {"key": "k", "value": {"branch": "b", "n": 1}},
            {"key": None, "value": {"branch": None, "n": None}},
        ],
        "tags": ["p", "q"],
        "probes": {"fx_a": '{"values":{"1":2}}', "fx_b": None},
    },
    {
        "Id": "",
        "n": None,
        "deep": {"x": "2", "deeper": {"y": None, "deepest": {"z": 'x, "y"\nz'}}},
        "items": [],
        "tags": None,
        "probes": {"fx_a": None, "fx_b": "7"},
    },
]
PATHS = [
    "id",
    "n",
    "deep.x",
    "deep.deeper.y",
    "deep.deeper.deepest.z",
    "items",
    "tags",
    "probes.fx_a",
    "probes.fx_b",
]


def as_csv(path: Path) -> Path:
    def cell(value: object) -> str:
        if value is None:
            return ""
        text = value if isinstance(value, str) else json.dumps(value)
        return '"' + text.replace('"', '""') + '"'

    def at(row: Any, dotted: str) -> Any:
        for name in dotted.split("."):
            row = row["Id" if name == "id" else name]
        return row

    path.write_text(
        "\n".join([",".join(PATHS), *(",".join(cell(at(row, p)) for p in PATHS) for row in ROWS)])
    )
    return path


def every_format(tmp_path: Path) -> dict[str, Path]:
    made = {
        "ndjson": lines(tmp_path / "a.ndjson", *ROWS),
        "array": tmp_path / "a.json",
        "gz": tmp_path / "a.jsonl.gz",
        "zst": tmp_path / "a.ndjson.zst",
        "csv": as_csv(tmp_path / "a.csv"),
        "parquet": tmp_path / "a.parquet",
    }
    made["array"].write_text(json.dumps(ROWS, indent=1))
    with gzip.open(made["gz"], "wt") as stream:
        stream.write(made["ndjson"].read_text())
    with pa.output_stream(str(made["zst"]), compression="zstd") as stream:
        stream.write(made["ndjson"].read_bytes())
    pa.parquet.write_table(pa.Table.from_pylist(ROWS), made["parquet"])
    return made


def test_all_formats_give_the_same_rows(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for name, file in every_format(tmp_path).items():
        assert read(con, file, PATHS) == ROWS, name
        assert types(con) == {
            field.name: field.duckdb_type().replace('"', "")
            for field in NESTED.prune(PATHS).root.fields.values()
        } | {
            "deep": "STRUCT(x VARCHAR, deeper STRUCT(y BIGINT, deepest STRUCT(z VARCHAR)))",
            "items": 'STRUCT("key" VARCHAR, "value" STRUCT(branch VARCHAR, n BIGINT))[]',
        }


def test_arrow_tables_are_attached_alike(con: duckdb.DuckDBPyConnection) -> None:
    attach_arrow(con, "d.t", pa.Table.from_pylist(ROWS), NESTED, PATHS)
    assert con.sql("FROM d.t").to_arrow_table().to_pylist() == ROWS


def test_only_what_is_needed_is_there(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for file in [lines(tmp_path / "a.ndjson", *ROWS), as_csv(tmp_path / "a.csv")]:
        read(con, file, ["deep.deeper.y"])
        assert types(con) == {"deep": "STRUCT(deeper STRUCT(y BIGINT))"}
    attach_arrow(con, "d.t", pa.Table.from_pylist(ROWS), NESTED, ["Deep.Deeper.Y"])
    assert types(con) == {"deep": "STRUCT(deeper STRUCT(y BIGINT))"}


@pytest.mark.parametrize("name", ["a.ndjson", "a.json", "a.csv", "a.parquet"])
def test_nothing_needed_still_counts_rows(con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    match file.suffix:
        case ".csv":
            file.write_text("id\na\nb\n")
        case ".parquet":
            parquet(file, "SELECT unnest(['a', 'b']) AS id")
        case _:
            lines(file, {"id": "a"}, {"id": "b"})
    attach(con, "d.t", [file], NESTED, [])
    assert con.sql("SELECT count(*) FROM d.t").fetchall() == [(2,)]


# --- what is missing


def test_missing_fields_are_null_at_any_depth(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows: list[Any] = [
        {},
        {"deep": {}},
        {"deep": {"deeper": {"y": 1}}},
        {"items": [{"key": "k", "value": {}}, {}]},
        {"items": None},
    ]
    expected = [{}, {}, {"deep": {"deeper": {"y": 1}}}, {"items": [{"key": "k"}, {}]}, {}]
    found = read(con, lines(tmp_path / "a.ndjson", *rows), PATHS)
    assert [present(row) for row in found] == expected
    assert all(list(row) == list(ROWS[0]) for row in found)
    for i, row in enumerate(rows):  # nothing of what other rows have
        assert present(read(con, lines(tmp_path / "b.ndjson", row), PATHS)) == [expected[i]]
    for select, row in {
        "{deeper: {y: 1}} AS deep": {"deep": {"deeper": {"y": 1}}},
        "[{key: 'k', value: {n: NULL::BIGINT}}, {key: NULL, value: NULL}] AS items": {
            "items": [{"key": "k"}, {}]
        },
        "[]::STRUCT(key VARCHAR)[] AS items": {"items": []},
    }.items():
        assert present(read(con, parquet(tmp_path / "a.parquet", f"SELECT {select}"), PATHS)) == [row]


def test_parts_with_different_columns(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    files = [
        parquet(tmp_path / "a.parquet", "SELECT 1::BIGINT AS n, {x: 'p'} AS deep"),
        parquet(tmp_path / "b.parquet", "SELECT {deeper: {y: 2::BIGINT}} AS deep"),
        parquet(tmp_path / "c.parquet", "SELECT 'c' AS ID"),
    ]
    rows = [present(row) for row in read(con, files, ["id", "n", "deep.x", "deep.deeper.y"])]
    assert len(rows) == 3
    for row in [{"n": 1, "deep": {"x": "p"}}, {"deep": {"deeper": {"y": 2}}}, {"Id": "c"}]:
        assert row in rows
    files = [tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "empty.csv"]
    for file, text in zip(files, ["id\na\n", "n,deep.x\n1,x\n", ""], strict=True):
        file.write_text(text)
    assert len(read(con, files, PATHS)) == 2


@pytest.mark.parametrize("name", ["a.ndjson", "a.json", "a.csv"])
def test_an_empty_file_has_no_rows(con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert read(con, tmp_path / name, PATHS) == []


def test_an_empty_table_is_typed(con: duckdb.DuckDBPyConnection) -> None:
    empty(con, "telemetry.main", main_schema(), ["payload.histograms.fx_a", "submission_timestamp"])
    assert con.sql("FROM telemetry.main").fetchall() == []
    assert types(con, "telemetry.main") == {
        "payload": "STRUCT(histograms STRUCT(fx_a VARCHAR))",
        "submission_timestamp": "TIMESTAMP WITH TIME ZONE",
    }


def test_a_record_asked_for_whole_stays_null(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    files = [
        lines(tmp_path / "a.ndjson", {"deep": None}, {"deep": {"x": "1"}}),
        parquet(tmp_path / "a.parquet", "SELECT unnest([NULL, {x: '1'}]) AS deep"),
    ]
    for file in files:
        assert read(con, file, ["deep"]) == [
            {"deep": None},
            {"deep": {"x": "1", "deeper": None}},
        ]


def test_an_open_record_asked_for_whole_has_the_files_names(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = lines(tmp_path / "a.ndjson", {"probes": {"B": "1"}}, {"probes": {"a": "2"}})
    assert read(con, file, ["probes"]) == [
        {"probes": {"b": "1", "a": None}},
        {"probes": {"b": None, "a": "2"}},
    ]
    assert read(con, lines(tmp_path / "b.ndjson", {"id": "x"}), ["probes"]) == [{"probes": None}]


# --- names


def test_names_match_without_regard_to_case(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    expected = [
        {
            "Id": "a",
            "deep": {"deeper": {"y": 1}},
            "items": [{"key": "k", "value": {"branch": "b", "n": None}}],
        }
    ]
    row = {"ID": "a", "Deep": {"DEEPER": {"Y": 1}}, "Items": [{"Key": "k", "VALUE": {"Branch": "b"}}]}
    needed = ["id", "deep.deeper.y", "items"]
    assert read(con, lines(tmp_path / "a.ndjson", row), needed) == expected
    attach_arrow(con, "d.t", pa.Table.from_pylist([row]), NESTED, needed)
    assert con.sql("FROM d.t").to_arrow_table().to_pylist() == expected
    (tmp_path / "a.csv").write_text(
        'ID,DEEP.deeper.Y,ITEMS\na,1,"[{""Key"":""k"",""VALUE"":{""Branch"":""b""}}]"\n'
    )
    assert read(con, tmp_path / "a.csv", needed) == expected


def test_two_spellings_of_one_column_are_an_error(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.ndjson", {"deep": {"x": "1"}}, {"deep": {"X": "1"}})
    said = message(con, file, ["id"])
    assert "a.ndjson:2:11: error: `deep.X` is the same column as `deep.x`" in said
    (tmp_path / "a.csv").write_text("id,ID\n")
    assert "a.csv:1:1: error: two columns of the header give `ID`" in message(con, tmp_path / "a.csv", ["id"])
    (tmp_path / "b.csv").write_text("deep,deep.x\n")
    assert "two columns of the header give `deep`" in message(con, tmp_path / "b.csv", ["id"])


def test_hostile_names(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    evil = "x\"; DROP TABLE t; --'"
    schema = Schema("d.t", record(Field(evil, "INT64"), record(Field(evil, "STRING"), name="se lect")))
    folder = tmp_path / "it's [a] *folder?"
    folder.mkdir()
    row = {evil: 1, "se lect": {evil: "v"}}
    files = [lines(folder / "a[1].ndjson", row), folder / "p'q.csv", folder / "z*.parquet"]
    quoted = '"' + evil.replace('"', '""') + '"'
    files[1].write_text(f'{quoted},"se lect.{evil.replace(chr(34), chr(34) * 2)}"\n1,v\n')
    parquet(files[2], f"SELECT 1::BIGINT AS {quoted}, {{{quoted}: 'v'}} AS \"se lect\"")
    for file in files:
        lines(folder / "a1.ndjson", {evil: 99})  # what the bracket would match as a glob
        assert read(con, file, [evil, f"se lect.{evil}"], schema) == [row], file


def test_unknown_names_are_noted_or_with_a_users_schema_refused(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    row = {
        "id": "a",
        "zzz": 1,
        "deep": {"qqq": {"r": 1}},
        "items": [{"www": 1}],
        "probes": {"any": "1", "no-name": 1},
    }
    files = [
        lines(tmp_path / "a.ndjson", row),
        parquet(
            tmp_path / "a.parquet",
            "SELECT 1 AS zzz, {qqq: 1} AS deep, [{www: 1}] AS items, {'no-name': 1} AS probes",
        ),
        tmp_path / "a.csv",
    ]
    files[2].write_text('zzz,deep.qqq.r,items,probes.no-name\n1,1,"[{""www"":1}]",1\n')
    for file, qqq in zip(files, ["deep.qqq", "deep.qqq", "deep.qqq"], strict=True):
        notes = attach(con, "d.t", [file], NESTED, ["id"]).notes
        assert notes == (
            f"columns left unused: zzz, {qqq}, items.www, probes.no-name (not in the schema of d.t)",
        )
        said = message(con, file, ["id"], strict=True)
        for name in ("`zzz`", f"`{qqq}`", "`items.www`", "`probes.no-name`"):
            assert f"{name} is no column of d.t" in said
        assert file.name in said


def test_a_long_note_is_cut(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.ndjson", {f"zzz{i}": 1 for i in range(14)})
    assert "zzz9 and 4 more (" in attach(con, "d.t", [file], NESTED, ["id"]).notes[0]


@pytest.mark.parametrize(
    ("row", "name", "meant"),
    [
        ({"normalized_chanel": "nightly"}, "normalized_chanel", "normalized_channel"),
        ({"payload": {"histgrams": {"fx_a": "1"}}}, "payload.histgrams", "payload.histograms"),
        ({"environment": {"experiment": []}}, "environment.experiment", "environment.experiments"),
    ],
)
def test_misspelt_names_are_errors(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, row: Any, name: str, meant: str
) -> None:
    file = lines(tmp_path / "a.ndjson", {"client_id": "c"}, "", row)
    said = message(con, file, ["client_id"], main_schema())
    column = 2 if "." not in name else len(name.split(".")[0]) + 7
    assert f"a.ndjson:3:{column}: error: `{name}` is no column of telemetry.main [unknown-column]\n" in said
    assert f"help: rename it to `{meant}`" in said


def test_short_names_are_alike_too_easily(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.ndjson", {"environment": {"experiments": [{"valeu": {}}]}, "kid": 1})
    assert attach(con, "telemetry.main", [file], main_schema(), ["client_id"]).notes


def test_a_known_name_that_is_there_is_not_taken_for_misspelt(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = lines(
        tmp_path / "a.ndjson", {"normalized_channel": "x", "normalized_channel2": "y", "normalized_city": "z"}
    )
    notes = attach(con, "telemetry.main", [file], main_schema(), ["client_id"]).notes
    assert "normalized_channel2, normalized_city" in notes[0]


def test_parquet_with_a_misspelt_name(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = parquet(tmp_path / "a.parquet", "SELECT {histgrams: {fx_a: '1'}} AS payload")
    said = message(con, file, ["client_id"], main_schema())
    assert "`payload.histgrams` is no column" in said
    assert "a.parquet" in said


# --- values

GOOD = {
    "INT64": [(5, 5), ("5", 5), (-0, 0), ("-7", -7), (5.0, 5), ("9223372036854775807", 2**63 - 1), ("+3", 3)],
    "FLOAT64": [
        (5, 5.0),
        (1.5, 1.5),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("Infinity", float("inf")),
        (1e300, 1e300),
    ],
    "BOOL": [(True, True), (False, False), ("true", True), ("False", False)],
    "STRING": [
        ("x", "x"),
        ("", ""),
        (5, "5"),
        (1.5, "1.5"),
        (True, "true"),
        ({"a": [1, "b"]}, '{"a":[1,"b"]}'),
    ],
    "TIMESTAMP": [
        ("2020-04-20T12:00:00Z", "2020-04-20 12:00:00"),
        ("2020-04-20 12:00:00 UTC", "2020-04-20 12:00:00"),
        ("2020-04-20 12:00:00.123456 UTC", "2020-04-20 12:00:00.123456"),
        ("2020-04-20 12:00:00+00", "2020-04-20 12:00:00"),
        ("2020-04-20T12:00:00+02:00", "2020-04-20 10:00:00"),
        ("2020-04-20T12:00:00-0530", "2020-04-20 17:30:00"),
        ("2020-04-20T12:00", "2020-04-20 12:00:00"),
        ("2020-03-08 02:30:00", "2020-03-08 02:30:00"),  # an hour that New York doesn't have
        ("2020-04-20", "2020-04-20 00:00:00"),
    ],
    "DATE": [("2020-02-29", "2020-02-29")],
    "DATETIME": [
        ("2020-04-20T12:00:00", "2020-04-20 12:00:00"),
        ("2020-03-08 02:30:00", "2020-03-08 02:30:00"),
    ],
    "TIME": [("23:59:59.5", "23:59:59.5")],
    "BYTES": [("aGk=", b"hi")],
    "NUMERIC": [(1, "1.000000000"), ("1.25", "1.250000000")],
    "JSON": [({"a": 1}, '{"a":1}'), ([1], "[1]")],
}
BAD = {
    "INT64": ["abc", 5.5, "5.5", True, {"a": 1}, [1], "9223372036854775808", "", " 5", "1_000", "0x10"],
    "FLOAT64": ["abc", True, {}, "1,5", ""],
    "BOOL": [1, "yes", ""],
    "TIMESTAMP": [
        1587384000,
        "1587384000",
        "abc",
        "2020-13-01T00:00:00Z",
        "2020-02-30",
        "2020-04-20T25:00:00Z",
        "now",
    ],
    "DATE": ["2020-02-30", "20200420", "2020-04-20T00:00:00", 20200420],
    "DATETIME": ["2020-04-20T12:00:00Z", 1587384000],
    "TIME": ["25:00:00", "noon"],
    "BYTES": ["?", "abc"],
    "NUMERIC": ["x", True],
}


def shown(con: duckdb.DuckDBPyConnection, kind: str, files: Path) -> list[Any]:
    """The values of the column of that type, those with a clock as text in UTC."""
    column = kind.lower()
    attach(con, "d.t", [files], SCALARS, [column])
    as_text = (
        f"CAST({column} AT TIME ZONE 'UTC' AS VARCHAR)"
        if kind == "TIMESTAMP"
        else f"CAST({column} AS VARCHAR)"
    )
    is_plain = kind in ("INT64", "FLOAT64", "BOOL", "STRING", "BYTES")
    return [row[0] for row in con.sql(f"SELECT {column if is_plain else as_text} FROM d.t").fetchall()]


@pytest.mark.parametrize("kind", GOOD)
def test_good_values(con: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str) -> None:
    column, expected = kind.lower(), [value for _, value in GOOD[kind]]
    file = lines(tmp_path / "a.ndjson", *({column: value} for value, _ in GOOD[kind]), {column: None})
    assert shown(con, kind, file) == [*expected, None]
    texts = [v if isinstance(v, str) else json.dumps(v, separators=(",", ":")) for v, _ in GOOD[kind]]
    cells = ['"' + text.replace('"', '""') + '"' for text in texts]
    (tmp_path / "a.csv").write_text("\n".join([f"{column},id", *(f"{cell},1" for cell in cells), ",1\n"]))
    assert shown(con, kind, tmp_path / "a.csv") == [*expected, None]
    if all(isinstance(value, str) for value, _ in GOOD[kind]):
        file = parquet(tmp_path / "a.parquet", f"SELECT unnest({texts}) AS {column}")
        assert shown(con, kind, file) == expected


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, values in BAD.items() for value in values]
)
def test_bad_values(con: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str, value: Any) -> None:
    column = kind.lower()
    file = lines(
        tmp_path / "a.ndjson",
        {"string": "fine"},
        {column: None},
        {"string": "x", column: value},
        {column: value},
    )
    said = message(con, file, [column], SCALARS)
    assert f"a.ndjson:3:17: error: `{column}` holds " in said
    assert f"where {kind} is expected" in said
    assert json.dumps(value) in said.split("\n")[0]
    assert "\n  help: " in said
    assert read(con, file, ["string"], SCALARS)[2] == {"string": "x"}, "only needed columns are checked"
    if isinstance(value, str) and value:
        (tmp_path / "a.csv").write_text(f'string,{column}\nfine,\n"two\nlines",\nx,"{value}"\n')
        said = message(con, tmp_path / "a.csv", [column], SCALARS)
        assert f"a.csv:5:1: error: `{column}` holds {json.dumps(value)}" in said
        said = message(
            con, parquet(tmp_path / "a.parquet", f"SELECT '{value}' AS {column}"), [column], SCALARS
        )
        assert f"`{column}` holds {json.dumps(value)}, where {kind} is expected (" in said
        assert "a.parquet" in said


def test_bad_values_deep_down(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    def said(row: Any, needed: str) -> str:
        return (
            message(con, lines(tmp_path / "a.ndjson", {"id": "a"}, row), [needed])
            .split("\n")[0]
            .split("error: ")[1]
            .removesuffix(" [bad-value]")
        )

    assert (
        said({"deep": {"deeper": {"y": "q"}}}, "deep.deeper.y")
        == '`deep.deeper.y` holds "q", where INT64 is expected'
    )
    assert said({"deep": 5}, "deep.x") == "`deep` holds 5, where RECORD is expected"
    assert (
        said({"deep": {"deeper": []}}, "deep.deeper.y") == "`deep.deeper` holds [], where RECORD is expected"
    )
    assert said({"items": {"key": "a"}}, "items") == '`items` holds {"key": "a"}, where an array is expected'
    assert said({"tags": "a"}, "tags") == '`tags` holds "a", where an array is expected'
    item = {"key": "a", "value": {"n": 1.5}}
    assert (
        said({"items": [{"key": "b"}, item]}, "items")
        == "`items[1].value.n` holds 1.5, where INT64 is expected"
    )


def test_mixed_shapes_are_found(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.ndjson", {"deep": {"x": "1"}}, {"deep": {}}, {"deep": "text"})
    assert 'a.ndjson:3:2: error: `deep` holds "text"' in message(con, file, ["deep.x"])


def test_csv_cells_with_bad_json(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('id,items\na,\nb,"[{""key"":"\n')
    assert 'a.csv:3:1: error: `items` holds "[{\\"key\\":", where an array is expected' in message(
        con, file, ["items"]
    )
    file.write_text('id,items\na,\nb,"[{""key"": 1, ""value"": {""n"": ""x""}}]"\n')
    assert 'a.csv:3:1: error: `items[0].value.n` holds "x", where INT64' in message(con, file, ["items"])


@pytest.mark.parametrize(
    ("select", "needed", "said"),
    [
        ("SELECT 5 AS deep", "deep.x", "`deep` is INTEGER in `{}`, where RECORD is expected"),
        ("SELECT {x: {y: 1}} AS n", "n", "`n` is a STRUCT in `{}`, where INT64 is expected"),
        ("SELECT ['a'] AS n", "n", "`n` is a LIST in `{}`, where INT64 is expected"),
        ("SELECT {deeper: {y: 'q'}} AS deep", "deep.deeper.y", '`deep.deeper.y` holds "q", where INT64'),
        ("SELECT [{value: {n: 1.5}}] AS items", "items", '`items` holds "1.5"'),
        ("SELECT DATE '2020-01-01' AS n", "n", '`n` holds "2020-01-01", where INT64'),
    ],
)
def test_parquet_types_that_do_not_fit(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, select: str, needed: str, said: str
) -> None:
    file = parquet(tmp_path / "a.parquet", select)
    assert said.replace("{}", str(file)) in message(con, file, [needed])


@pytest.mark.parametrize(
    ("sql", "kind", "value"),
    [
        ("5::TINYINT", "INT64", 5),
        ("5::DOUBLE", "INT64", 5),
        ("5::UBIGINT", "INT64", 5),
        ("5.0::DECIMAL(9, 2)", "INT64", 5),
        ("0.5::FLOAT", "FLOAT64", 0.5),
        ("2::INTEGER", "FLOAT64", 2.0),
        ("TIMESTAMP '2020-03-08 02:30:00'", "TIMESTAMP", "2020-03-08 02:30:00"),
        ("TIMESTAMP_NS '2020-03-08 02:30:00'", "TIMESTAMP", "2020-03-08 02:30:00"),
        ("TIMESTAMPTZ '2020-03-08 02:30:00+00'", "TIMESTAMP", "2020-03-08 02:30:00"),
        ("TIMESTAMPTZ '2020-03-08 02:30:00+00'", "STRING", "2020-03-08 02:30:00 UTC"),
        ("TIMESTAMP_MS '2020-03-08 02:30:00'", "DATETIME", "2020-03-08 02:30:00"),
        ("'text'::BLOB", "STRING", "text"),
        ("'a'::ENUM('a', 'b')", "STRING", "a"),
        ("7", "STRING", "7"),
        ("{a: [1]}", "STRING", '{"a":[1]}'),
        ("{a: [1]}", "JSON", '{"a":[1]}'),
    ],
)
def test_parquet_types_that_are_converted(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, sql: str, kind: str, value: Any
) -> None:
    file = parquet(tmp_path / "a.parquet", f"SELECT unnest([{sql}, NULL]) AS {kind.lower()}")
    assert shown(con, kind, file) == [value, None]


def test_a_parquet_column_of_nulls_only_has_no_type(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"deep": pa.nulls(2), "n": pa.nulls(2), "items": pa.nulls(2)}), tmp_path / "a.parquet"
    )
    row = {"n": None, "deep": None, "items": None}
    assert read(con, tmp_path / "a.parquet", ["deep.x", "n", "items"]) == [row, row]


def test_text_that_is_not_utf8_in_parquet(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = parquet(tmp_path / "a.parquet", "SELECT '\\xFF'::BLOB AS id")
    assert '`Id` holds "\\\\xFF", where STRING is expected' in message(con, file, ["id"])


# --- files that cannot be read


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"id": "a"}\n\n{"id": }\n', ":3:8: error: not valid JSON: expecting value"),
        (b'{"id": "a"}\n{"id": "a"', ":2:11: error: not valid JSON: expecting ',' delimiter"),
        (b'{"id": "a"}\n{"id": "a"} {"id": "b"}\n', ":2:13: error: not valid JSON: extra data"),
        (b'{\n "id": "a"\n}\n', ":1:2: error: not valid JSON: expecting property name"),
        (b'{"id": "a"}\n{"id": "\xff\xfe"}\n', ":2:9: error: not UTF-8 text"),
        (b'\xef\xbb\xbf{"id": "a"}\n', ":1:1: error: not valid JSON: unexpected UTF-8 BOM"),
        (b'{"id": "a"}\n5\n', ":2:1: error: a row should be a JSON object, not 5"),
        (b'{"id": "a"}\n["id"]\n', ':2:1: error: a row should be a JSON object, not ["id"]'),
        (b'{"id": "a"}\n{"id": "b", "id": "c"}\n', ":2:2: error: the key `id` occurs twice"),
    ],
)
def test_broken_ndjson(con: duckdb.DuckDBPyConnection, tmp_path: Path, text: bytes, said: str) -> None:
    (tmp_path / "a.ndjson").write_bytes(text)
    assert f"a.ndjson{said}" in message(con, tmp_path / "a.ndjson", ["id"])


def test_broken_json_shows_the_place_in_a_long_line(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text('{"id": "' + "é" * 3000 + '", !"n": ' + "1" * 3000 + "}\n")
    said = message(con, tmp_path / "a.ndjson", ["id"]).split("\n")
    assert "a.ndjson:1:3012: error: not valid JSON" in said[0]
    assert said[1][said[2].index("^")] == "!"
    assert len(said[1]) < 130


def test_a_broken_json_array(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[\n {"id": "a"},\n {"id": }\n]')
    assert "a.json:3:9: error: not valid JSON" in message(con, tmp_path / "a.json", ["id"])
    (tmp_path / "b.json").write_text('[\n {"n": 1},\n {"id": "x",\n  "n": "q"}\n]')
    assert 'b.json:4:3: error: `n` holds "q"' in message(con, tmp_path / "b.json", ["n"])
    (tmp_path / "c.json").write_text('[{"n": 1}, 5]')
    assert "c.json:1:1: error: a row should be a JSON object, not 5" in message(
        con, tmp_path / "c.json", ["n"]
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"id,n\na,1\nb,2,3\n", ":3:1: error: 3 values under a header of 2 columns"),
        (b"id,n\na\n", ":2:1: error: 1 values under a header of 2 columns"),
        (b'id,n\n"a\nb",1\n\xff,2\n', ":4:1: error: not UTF-8 text"),
    ],
)
def test_broken_csv(con: duckdb.DuckDBPyConnection, tmp_path: Path, text: bytes, said: str) -> None:
    (tmp_path / "a.csv").write_bytes(text)
    assert f"a.csv{said}" in message(con, tmp_path / "a.csv", ["id", "n"])


def test_csv_tells_null_from_empty_text_and_bears_windows(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbfid,n,tags\r\n,"",""\r\n"",5,"[""x""]"\r\n')
    assert read(con, tmp_path / "a.csv", ["id", "n", "tags"]) == [
        {"Id": None, "n": None, "tags": None},
        {"Id": "", "n": 5, "tags": ["x"]},
    ]


@pytest.mark.parametrize("content", [b"", b"PAR1 nonsense", b"PAR1" + b"x" * 100 + b"PAR1"])
def test_corrupt_parquet_is_named(con: duckdb.DuckDBPyConnection, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.parquet"
    file.write_bytes(content)
    assert f"`{file}` cannot be read" in message(con, file, ["id"])


def test_a_corrupt_gzip_is_named(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson.gz"
    file.write_bytes(b"\x1f\x8b\x08\x00nonsense")
    assert "a.ndjson.gz" in message(con, file, ["id"])


# --- big things


def test_parquet_is_read_no_more_than_needed(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = parquet(
        tmp_path / "a.parquet",
        "SELECT {histograms: {fx_a: 'a', fx_b: 'b'}, info: {reason: 'r'}} AS payload, "
        "{build_id: '1', name: 'f'} AS application",
    )
    attach(con, "telemetry.main", [file], main_schema(), ["payload.histograms.fx_a", "application.build_id"])
    plan = con.sql(
        "EXPLAIN SELECT payload.histograms.fx_a FROM telemetry.main WHERE application.build_id = '1'"
    ).fetchall()[0][1]
    scan = textwrap.dedent(plan[plan.upper().index("PARQUET") :])
    assert "payload.histograms.fx_a" in scan
    assert "fx_b" not in plan
    assert "build_id" in scan[scan.index("Filters") :]


@pytest.mark.skipif(not SHARED.exists(), reason="the production schema is not at ../shared")
def test_with_the_production_schema(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    from querygen.schema import read_schema

    schema = read_schema("telemetry.main", SHARED)
    probe = "payload.histograms.fx_tab_switch_spinner_visible_ms"
    row = {"client_id": "c", "payload": {"histograms": {"FX_TAB_SWITCH_SPINNER_VISIBLE_MS": {"sum": 1}}}}
    file = lines(tmp_path / "a.ndjson", row)
    attach(con, "telemetry.main", [file], schema, ["client_id", probe, "environment.experiments"], True)
    assert con.sql(f"SELECT client_id, {probe}, environment.experiments FROM telemetry.main").fetchall() == [
        ("c", '{"sum":1}', None)
    ]
    file = lines(tmp_path / "b.ndjson", {"payload": {"histograms": {"fx_tab_switch_spiner_visible_ms": "1"}}})
    said = message(con, file, ["client_id"], schema, True)
    assert f"help: rename it to `{probe}`" in said
