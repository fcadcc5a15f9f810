"""Broken data files: what can be read means the same to both engines; what cannot is named, with what to do.

What each file holds stands beside the rows that it means, or the place and words of the message.
"""

import gzip
import json

import duckdb
import pytest
from commandline import querygen
from harness import HISTOGRAM, NEEDS_GOOGLESQL, _catalog, query
from oracle import answer, same_rows

from querygen.running import run

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
FULL = {"histogram": HISTOGRAM, "allow_full_scan": True}
JSON = '{"sum":5,"values":{"1":3,"2":1}}'

# --- Values that are nearly of their type --------------------------------------------------------

ROW = {
    "client_id": "c",
    "submission_timestamp": "2020-04-20T12:00:00Z",
    "sample_id": 5,
    "normalized_os": "Mac",
    "application": {"build_id": "20200420000000"},
    "environment": {"system": {"memory_mb": 1024}},
    "payload": {"histograms": {HISTOGRAM.lower(): JSON}},
}
LINE = json.dumps(ROW, separators=(",", ":"))
HEADER = f"client_id,sample_id,environment.system.memory_mb,payload.histograms.{HISTOGRAM.lower()}\n"
CELLS = '"{""values"":{""1"":2}}"\n'


def with_memory(*values):
    return [{**ROW, "environment": {"system": {"memory_mb": value}}} for value in values]


def with_histogram(*values):
    return [{**ROW, "payload": {"histograms": {HISTOGRAM.lower(): value}}} for value in values]


def from_cells(client, sample, memory):
    """The row of a CSV file with those cells."""
    held = {"payload": {"histograms": {HISTOGRAM.lower(): '{"values":{"1":2}}'}}}
    return {"client_id": client, "sample_id": sample, "environment": {"system": {"memory_mb": memory}}} | held


# What a file holds, and the rows that it stands for.
ODD_FILES = {
    "line ends of Windows.ndjson": (f"{LINE}\r\n{LINE}\r\n", [ROW, ROW]),
    "empty lines.ndjson": (f"\n \n{LINE}\n\t\n{LINE}", [ROW, ROW]),
    "no lines.ndjson": ("", []),
    "white space.ndjson": (" \n\t\n", []),
    "an array.json": (f"[{LINE},\n{LINE}]", [ROW, ROW]),
    "an empty array.json": ("[]", []),
    "not a number.ndjson": (
        "\n".join(LINE.replace("1024", value) for value in ("NaN", '"NaN"', '"-nan"', "null", "-5", "2048")),
        with_memory(None, None, None, None, -5, 2048),
    ),
    "numbers as text.ndjson": (
        LINE.replace('"sample_id":5', '"sample_id":"5"').replace("1024", '"1024.0"'),
        [ROW],
    ),
    "numbers for text.ndjson": (
        "\n".join(LINE.replace('"c"', number) for number in ("5", "1.5", "true", "NaN")),
        [{**ROW, "client_id": text} for text in ("5", "1.5", "true", "NaN")],
    ),
    "objects for text.ndjson": (
        LINE.replace('"c"', '{"a": [1, null]}') + "\n" + LINE.replace('"c"', "[]"),
        [{**ROW, "client_id": '{"a":[1,null]}'}, {**ROW, "client_id": "[]"}],
    ),
    "pasted histograms.ndjson": (
        "\n".join(
            LINE.replace(json.dumps(JSON), value)
            for value in (JSON, "7", "-7", "7.5", "true", "[1]", '{"values" : {"1" : 2}}', "9" * 400, "1e400")
        ),
        with_histogram(JSON, "7", "-7", "7.5", "true", "[1]", '{"values":{"1":2}}', "9" * 400, "1e400"),
    ),
    "escapes.ndjson": (
        LINE.replace('"c"', r'"\u0000\ud83d\ude00\\ud800"'),
        [{**ROW, "client_id": "\x00😀\\ud800"}],
    ),
    "names in another case.ndjson": (LINE.replace("client_id", "Client_ID"), [ROW]),
    "unknown columns.ndjson": (
        LINE[:-1] + ',"":1,"a.b":2,"q\\"uote":{"x":[]},"\\n":3,"\\u0000":4}',
        [ROW],
    ),
    "10,000 columns.ndjson": (
        json.dumps({**ROW, **{f"unknown{number}": number for number in range(10_000)}}),
        [ROW],
    ),
    "126 deep.ndjson": (f'{LINE[:-1]},"unknown":{"[" * 125}{"]" * 125}}}', [ROW]),
    "a long line.ndjson": (f'{LINE[:-1]},"unknown":"{"x" * 5_000_000}"}}', [ROW]),
    "mostly null.ndjson": (f'{{}}\n{LINE}\n{{"payload":null,"client_id":null}}', [{}, ROW, {}]),
    "a byte order mark.csv": (f"\ufeff{HEADER}c,5,1,{CELLS}", [from_cells("c", 5, 1)]),
    "line ends of Windows.csv": (f"{HEADER}c,5,1,{CELLS}".replace("\n", "\r\n"), [from_cells("c", 5, 1)]),
    "odd numbers.csv": (
        f'{HEADER}NaN,5.0,NaN,{CELLS},+5,,{CELLS}"",-0,1e3,{CELLS}',
        [from_cells("NaN", 5, None), from_cells(None, 5, None), from_cells("", 0, 1000)],
    ),
    "odd text.csv": (
        f'{HEADER}a\x00b,5,1,{CELLS}"a\nb",5,1,{CELLS}a"b,5,1,{CELLS}',
        [from_cells(text, 5, 1) for text in ("a\x00b", "a\nb", 'a"b')],
    ),
    "only a header.csv": (HEADER, []),
    "no header.csv": ("", []),
    "empty lines.csv": (f"{HEADER}\n\nc,5,1,{CELLS}\n", [from_cells("c", 5, 1)]),
}
ODD_SPECS = {
    "memory": {**FULL, "dimensions": ["memory_mb", "sample_id"], "measure": "summary"},
    "bands": {**FULL, "dimensions": [{"name": "m", "of": "memory_mb", "bands": [0, 1500]}]},
    "more memory": {**FULL, "filters": {"memory_mb": {"gt": 100}}, "measure": "counts"},
    "less memory": {**FULL, "filters": {"memory_mb": {"not": 1024}}, "measure": "counts"},
    "pings": {
        **FULL,
        "measure": "pings",
        "fields": ["client_id", "sample_id", "memory_mb", "histogram", "sum"],
    },
}


def run_on(spec, file, engine="duckdb"):
    """The command's result on a data file."""
    return querygen(
        "run",
        "-",
        "--data",
        f"telemetry.main={file}",
        "--engine",
        engine,
        "--format",
        "json",
        stdin=json.dumps(spec),
    )


def written(folder, name, content):
    file = folder / name.replace(" ", "-")
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return file


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ODD_FILES)
def test_odd_files_are_read_as_what_they_mean(name, engine, tmp_path):
    content, rows = ODD_FILES[name]
    file = written(tmp_path, name, content)
    for label, spec in (ODD_SPECS if "number" in name else {"pings": ODD_SPECS["pings"]}).items():
        found = run(query(spec).checked(), _catalog(), [f"telemetry.main={file}"], engine).rows()
        difference = same_rows(found, answer(spec, rows))
        assert difference is None, f"{label}: {difference}"


# --- Files that cannot be read -------------------------------------------------------------------

TWO = f"{LINE}\n{{}}\n"
NDJSON = "each line of the file should be one JSON object"
DAMAGED = "write the file anew; it is damaged"
WHOLE = "check that it is whole, or write it anew"
# What a file holds, the place that the message names, what it says, and what to do.
BROKEN_FILES = {
    "cut off.ndjson": (TWO + LINE[:30], ":3:18", "not valid JSON: unterminated string", NDJSON),
    "cut off after a value.ndjson": (
        TWO + LINE[:16] + "\n" + LINE,
        ":3:17",
        "expecting ',' delimiter",
        NDJSON,
    ),
    "two in a line.ndjson": (TWO + "{} {}", ":3:4", "not valid JSON: extra data", NDJSON),
    "lines with commas.ndjson": ("{},\n{}\n", ":1:3", "not valid JSON: extra data", NDJSON),
    "several lines a row.ndjson": (json.dumps(ROW, indent=1), ":1:2", "expecting property name", NDJSON),
    "not UTF-8.ndjson": (
        TWO.encode() + b'{"client_id":"\xff"}',
        ":3:15",
        "not UTF-8 text",
        "save the file as UTF-8",
    ),
    "half of UTF-8.ndjson": (
        TWO.encode() + b'{"client_id":"\xc3',
        ":3:15",
        "not UTF-8 text",
        "save the file as UTF-8",
    ),
    "Latin-1.csv": (
        f"{HEADER}é,5,1,x\n".encode("latin-1"),
        ":2:1",
        "not UTF-8 text",
        "save the file as UTF-8",
    ),
    "UTF-16.ndjson": (TWO.encode("utf-16"), ":1:1", "not UTF-8 text", "save the file as UTF-8"),
    "UTF-16.csv": (HEADER.encode("utf-16"), ":1:1", "not UTF-8 text", "save the file as UTF-8"),
    "a byte order mark.ndjson": ("\ufeff" + TWO, ":1:1", "unexpected UTF-8 BOM", "without a byte order mark"),
    "half a character.ndjson": (
        TWO + r'{"client_id":"\ud800"}',
        ":3:15",
        "half a character",
        "write the character itself",
    ),
    "the other half.json": (
        '[{},\n{"client_id":"\\\\ \\udc00"}]',
        ":2:18",
        "half a character",
        "write the character itself",
    ),
    "a zero byte.ndjson": (
        TWO + '{"client_id":"a\x00"}',
        ":3:16",
        "invalid control character",
        r"such as \u0000",
    ),
    "zero bytes.ndjson": ("\x00" * 100, ":1:1", "not valid JSON: expecting value", NDJSON),
    "1,000 deep.ndjson": (
        TWO + f'{{"a":{"[" * 1000}{"]" * 1000}}}',
        ":3:131",
        "nested more than 126 deep",
        "repeated by mistake",
    ),
    "1,000 deep in a column.ndjson": (
        TWO + f'{{"sample_id":{"[" * 1000}{"]" * 1000}}}',
        ":3:139",
        "nested more than 126 deep",
        "repeated",
    ),
    "127 deep.ndjson": (
        TWO + '{"a":' * 127 + "1" + "}" * 127,
        ":3:631",
        "nested more than 126 deep",
        "repeated by mistake",
    ),
    "100,000 brackets.ndjson": (
        TWO + "[" * 100_000,
        ":3:127",
        "nested more than 126 deep",
        "repeated by mistake",
    ),
    "1,000 deep.json": (
        f'[{{}},\n{{"a":{"[" * 1000}{"]" * 1000}}}]',
        ":2:131",
        "nested more than 127 deep",
        "repeated",
    ),
    "1,000 deep in a cell.csv": (
        f'client_id,payload\na,"{"[" * 1000}{"]" * 1000}"\n',
        ":2:1",
        "`payload` holds",
        "write an object",
    ),
    "a row that is none.ndjson": (TWO + "null\n", ":3:1", "a row should be a JSON object, not null", NDJSON),
    "an array.ndjson": (f"[{LINE}]", ":1:1", "a row should be a JSON object", NDJSON),
    "a number in an array.json": ("[{},\n5]", ":2:1", "a row should be a JSON object, not 5", NDJSON),
    "an open array.json": (
        f"[{LINE},\n",
        ":2:1",
        "not valid JSON: expecting value",
        "one array of JSON objects",
    ),
    "a key twice.ndjson": (
        TWO + '{"client_id":"a","client_id":"b"}',
        ":3:2",
        "occurs twice",
        "keep one of the two",
    ),
    "a key in two cases.ndjson": (
        '{"client_id":"a"}\n{"Client_id":"b"}\n',
        ":2:2",
        "`Client_id` is the same column as `client_id`",
        "spell it alike",
    ),
    "text for a number.ndjson": (
        TWO + '{"sample_id":"x"}',
        ":3:2",
        '`sample_id` holds "x"',
        "write a whole number",
    ),
    "a fraction for a number.ndjson": (
        TWO + '{"sample_id":5.5}',
        ":3:2",
        "`sample_id` holds 5.5",
        "whole number",
    ),
    "no number for a number.ndjson": (
        TWO + '{"sample_id":NaN}',
        ":3:2",
        "`sample_id` holds NaN",
        "whole number",
    ),
    "a number beyond INT64.ndjson": (
        TWO + f'{{"sample_id":{2**63}}}',
        ":3:2",
        f"`sample_id` holds {2**63}",
        "whole number",
    ),
    "a number for a time.ndjson": (
        TWO + '{"submission_timestamp":1587384000}',
        ":3:2",
        "holds 1587384000",
        "write it as 2020-04-20T12:00:00Z",
    ),
    "a day that is none.ndjson": (
        TWO + '{"submission_timestamp":"2020-02-30T00:00:00Z"}',
        ":3:2",
        "`submission_timestamp` holds",
        "write it as",
    ),
    "the year 0.ndjson": (
        TWO + '{"submission_timestamp":"0000-12-31T00:00:00Z"}',
        ":3:2",
        "`submission_timestamp` holds",
        "write it as",
    ),
    "the year 0 in UTC.ndjson": (
        TWO + '{"submission_timestamp":"0001-01-01T00:00:00+01:00"}',
        ":3:2",
        "timestamp` holds",
        "write it as",
    ),
    "the year 10,000 in UTC.ndjson": (
        TWO + '{"submission_timestamp":"9999-12-31T23:59:59-01:00"}',
        ":3:2",
        "timestamp` holds",
        "write it as",
    ),
    "an offset that is none.ndjson": (
        TWO + '{"submission_timestamp":"2020-04-20T00:00:00+99:99"}',
        ":3:2",
        "timestamp` holds",
        "write it as",
    ),
    "text for an object.ndjson": (TWO + '{"payload":"x"}', ":3:2", '`payload` holds "x"', "write an object"),
    "a list for an object.ndjson": (TWO + '{"payload":[]}', ":3:2", "`payload` holds []", "write an object"),
    "text for a number.csv": (f"{HEADER}a,x,1,3\n", ":2:1", '`sample_id` holds "x"', "write a whole number"),
    "text deep in a cell.csv": (
        'client_id,environment\na,"{""system"":5}"\n',
        ":2:1",
        "`environment.system` holds 5",
        "write an object",
    ),
    "half a character in a cell.csv": (
        'client_id,payload\na,"{""x"":""\\ud800""}"\n',
        ":2:1",
        "`payload` holds",
        "write an object",
    ),
    "too few cells.csv": (f"{HEADER}a,5\n", ":2:1", "2 values under a header of 4 columns", "quote values"),
    "too many cells.csv": (f"{HEADER}a,5,1,3,9\n", ":2:1", "5 values under a header of 4", "quote values"),
    "an open quote.csv": (
        f'{HEADER}"a,5,1,3\nb,5,1,3\n',
        ":2:1",
        "not valid CSV: unexpected end",
        "quote values",
    ),
    "text behind a quote.csv": (
        f'{HEADER}"a"b,5,1,3\n',
        ":2:1",
        "not valid CSV: ',' expected",
        "double the quotes",
    ),
    "an empty first line.csv": (f"\n{HEADER}a,5,1,3\n", ":1:1", "the first line is empty", "take it out"),
    "old line ends.csv": (
        f"{HEADER}a,5,1,3\n".replace("\n", "\r"),
        ":1:1",
        "not valid CSV",
        "end lines with line feeds",
    ),
    "a column twice.csv": (
        "client_id,client_id\na,b\n",
        ":1:1",
        "two columns of the header",
        "leave one of them out",
    ),
    "a long cell.csv": (
        f"{HEADER}{'x' * 3_000_000},5,1,3\n",
        "",
        "a row is longer than 2 MB",
        "leave out columns",
    ),
    "a long line.ndjson": (
        f'{{"a":"{"x" * 40_000_000}"}}\n',
        "",
        "a row is longer than 16 MB",
        "leave out columns",
    ),
    "cut off.ndjson.gz": (gzip.compress(TWO.encode() * 99)[:-9], "", "cannot be read: Truncated", WHOLE),
    "not packed.ndjson.gz": (TWO, "", "cannot be read", WHOLE),
    "not packed.ndjson.zst": (TWO, "", "cannot be read", WHOLE),
    "broken when unpacked.ndjson.gz": (gzip.compress(b'{}\n{"a":'), ":2:6", "expecting value", NDJSON),
    "text.parquet": ("PAR1 no columns PAR1", "", "cannot be read", DAMAGED),
    "empty.parquet": ("", "", "cannot be read", DAMAGED),
}
# A query that needs all of the columns that are broken above.
NEEDY = {**FULL, "dimensions": ["submission_date", "sample_id", "memory_mb", "os", "build_id"]}
NEEDY |= {"normalization": "client_day"}


def assert_refused(ran, file, place, said, advice):
    assert ran.code == 1, ran
    assert ran.stdout == b""
    assert "Traceback" not in ran.stderr and "is a bug" not in ran.stderr
    first = next(line for line in ran.stderr.split("\n") if "error: " in line)  # after any warnings
    assert first.startswith(f"{file}{place}: error: ") if place else str(file) in first
    assert said in first
    assert advice in ran.stderr.split("help: ", maxsplit=1)[1]


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_broken_files_are_named_with_their_place_and_what_to_do(name, tmp_path):
    content, place, said, advice = BROKEN_FILES[name]
    file = written(tmp_path, name, content)
    assert_refused(run_on(NEEDY, file), file, place, said, advice)


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("name", ["cut off.ndjson", "1,000 deep.ndjson", "the year 0.ndjson", "Latin-1.csv"])
def test_broken_files_are_refused_before_any_engine(name, tmp_path):
    content, place, said, advice = BROKEN_FILES[name]
    file = written(tmp_path, name, content)
    assert_refused(run_on(NEEDY, file, "googlesql"), file, place, said, advice)


HELD = f"{{'histograms': {{'{HISTOGRAM.lower()}': '3'}}}} AS payload"
BROKEN_PARQUET = {
    "text for a number": ("'x' AS sample_id", '`sample_id` holds "x"', "whole number"),
    "a fraction": ("1.5 AS sample_id", '`sample_id` holds "1.5"', "whole number"),
    "no number": ("'nan'::DOUBLE AS sample_id", '`sample_id` holds "nan"', "whole number"),
    "beyond INT64": ("1e20 AS sample_id", '`sample_id` holds "1e+20"', "whole number"),
    "a number for a time": ("5 AS submission_timestamp", 'holds "5"', "write it as"),
    "infinity": ("'infinity'::TIMESTAMP AS submission_timestamp", 'holds "infinity"', "write it as"),
    "infinity with a zone": (
        "'-infinity'::TIMESTAMPTZ AS submission_timestamp",
        'holds "-inf',
        "write it as",
    ),
    "the year 10,000": (
        "TIMESTAMP '10000-01-01' AS submission_timestamp",
        'holds "10000-01-01',
        "write it as",
    ),
    "before the year 1": ("TIMESTAMP '0044-03-15 (BC)' AS submission_timestamp", "(BC)", "write it as"),
    "bytes": ("'\\xFF'::BLOB AS client_id", "`client_id` holds", "write it as UTF-8 text"),
    "text for an object": ("'x' AS payload", "`payload` is VARCHAR in", "the column's type should be STRUCT"),
    "an object for a number": ("{'a': 1} AS sample_id", "`sample_id` is a STRUCT", "should be BIGINT"),
    "a map": ("MAP {'histograms': 'x'} AS payload", "`payload` is MAP", "the column's type should be STRUCT"),
}
ODD_PARQUET = {
    "numbers for text": ("5 AS client_id", {"client_id": "5"}),
    "a day for a time": ("DATE '2020-04-20' AS submission_timestamp", {"submission_timestamp": "2020-04-20"}),
    "no number": ("{'system': {'memory_mb': 'nan'::DOUBLE}} AS environment", {}),
    "a short float": ("{'system': {'memory_mb': 'nan'::FLOAT}} AS environment", {}),
    "small numbers": ("5::UTINYINT AS sample_id", {"sample_id": 5}),
    "a number that is whole": ("5.0::DOUBLE AS sample_id", {"sample_id": 5}),
    "NULL without a type": ("NULL AS client_id", {}),
}


def parquet(file, select):
    with duckdb.connect() as own:
        own.execute("SET TimeZone = 'UTC'")
        own.execute(f"COPY (SELECT {select}) TO '{file}' (FORMAT parquet)")


@pytest.mark.parametrize("name", BROKEN_PARQUET)
def test_parquet_of_wrong_types_is_named_with_what_to_do(name, tmp_path):
    select, said, advice = BROKEN_PARQUET[name]
    file = tmp_path / "rows.parquet"
    parquet(file, f"{select}, {HELD}" if " AS payload" not in select else select)
    assert_refused(run_on(NEEDY, file), file, "", said, advice)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ODD_PARQUET)
def test_parquet_of_types_that_are_nearly_right(name, engine, tmp_path):
    select, row = ODD_PARQUET[name]
    file = tmp_path / "rows.parquet"
    parquet(file, f"{select}, {HELD}")
    rows = [{**row, "payload": {"histograms": {HISTOGRAM.lower(): "3"}}}]
    ran = run_on(NEEDY, file, engine)
    assert ran.code == 0, ran.stderr
    fields = ["client_id", "sample_id", "memory_mb"]
    spec = {**FULL, "measure": "pings", "fields": fields}
    told = json.loads(run_on(spec, file, engine).text)
    assert [{name: line[name] for name in fields} for line in told] == answer(spec, rows)
