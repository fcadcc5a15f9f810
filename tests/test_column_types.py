"""Columns of rarer types, which only a user's own schema has: these work, but JSON is told apart."""

import base64
import datetime as dt
import json

import pytest
from commandline import querygen
from harness import NEEDS_GOOGLESQL

from querygen import QuerygenError, load

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
FIELDS = {
    "client_id": "STRING",
    "document_id": "STRING",
    "submission_timestamp": "TIMESTAMP",
    "at": "TIME",
    "digest": "BYTES",
    "raw": "JSON",
    "amount": "NUMERIC",
}
EARLY, LATE = dt.time(0, 0, 7), dt.time(23, 59, 59, 999999)
# By bytes \x00 < \x7f < \xff, and a prefix comes first; as numbers with a sign \xff would be the least.
DIGESTS = [None, b"", b"\x00", b"\x00\x01", b"\x7f", b"\xff"]
AMOUNTS = [2**53, 2**53 + 1, 2**63 - 2, 2**63 - 1, 0]
PINGS = [
    {"client_id": "a", "amount": AMOUNTS[0], "at": EARLY, "digest": b"\xff", "raw": None},
    {"client_id": "b", "amount": AMOUNTS[1], "at": LATE, "digest": b"\x00\x01", "raw": {"n": 1}},
    {"client_id": "c", "amount": AMOUNTS[2], "at": EARLY, "digest": b"", "raw": [1]},
    {"client_id": "d", "amount": AMOUNTS[3], "at": None, "digest": b"\x7f", "raw": "text"},
    {"client_id": "e", "amount": AMOUNTS[4], "at": EARLY, "digest": b"\x00", "raw": None},
    {"client_id": "e", "amount": AMOUNTS[4], "at": LATE, "digest": None, "raw": 0},
]


@pytest.fixture
def place(tmp_path):
    columns = [{"name": name, "type": kind} for name, kind in FIELDS.items()]
    (tmp_path / "main.json").write_text(json.dumps(columns), encoding="utf-8")
    lines = [
        json.dumps(
            ping
            | {"at": ping["at"] and ping["at"].isoformat(), "submission_timestamp": "2020-04-20T01:00:00Z"}
            | {"digest": None if ping["digest"] is None else base64.b64encode(ping["digest"]).decode()}
        )
        for ping in PINGS
    ]
    (tmp_path / "telemetry.main.ndjson").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def asked(place, **spec):
    return load({"allow_full_scan": True, **spec}, schemas={"telemetry.main": place / "main.json"})


def rows_of(place, engine, **spec):
    return asked(place, **spec).run(place, engine=engine).rows()


@pytest.mark.parametrize("engine", ENGINES)
def test_fields(place, engine):
    rows = rows_of(place, engine, measure="pings", fields=["digest", "at"])
    assert [row["digest"] for row in rows] == DIGESTS
    assert {row["digest"]: row["at"] for row in rows} == {ping["digest"]: ping["at"] for ping in PINGS}


@pytest.mark.parametrize("engine", ENGINES)
def test_dimensions(place, engine):
    rows = rows_of(place, engine, measure="counts", dimensions=["at"])
    assert [tuple(row.values()) for row in rows] == [(None, 1, 1), (EARLY, 3, 3), (LATE, 2, 2)]
    rows = rows_of(place, engine, measure="counts", dimensions=["digest"])
    assert [row["digest"] for row in rows] == DIGESTS


@pytest.mark.parametrize("engine", ENGINES)
def test_whether_json_is_there_can_be_filtered(place, engine):
    rows = rows_of(place, engine, measure="counts", filters={"raw": {"is_null": False}})
    assert rows == [{"n_clients": 4, "n_pings": 4}]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", "abcde")
def test_whole_numbers_of_numeric_are_exact(place, engine, name):
    """No FLOAT64 tells those of a and b apart, nor those of c and d."""
    of = dict(zip("abcde", AMOUNTS, strict=True))
    rows = rows_of(place, engine, measure="pings", fields=["client_id"], filters={"amount": of[name]})
    assert {row["client_id"] for row in rows} == {name}


SPECS = {
    ("pings", 'fields: [client_id, "raw"]', "2:21"),
    ("counts", "dimensions: [raw]", "2:14"),
    ("counts", "dimensions: [{name: other, of: raw}]", "2:14"),
}


@pytest.mark.parametrize(("measure", "line", "at"), sorted(SPECS))
def test_json_is_no_column_of_a_result(place, measure, line, at):
    spec = place / "spec.yaml"
    spec.write_text(f"measure: {measure}\n{line}\nallow_full_scan: true\n", encoding="utf-8")
    with pytest.raises(QuerygenError) as raised:
        load(spec, schemas={"telemetry.main": place / "main.json"}).sql()
    (finding,) = raised.value.diagnostics
    assert (finding.code, f"{finding.span.line}:{finding.span.column}") == ("not-a-value", at)
    assert "sorted nor grouped" in finding.message


@pytest.mark.parametrize("dimension", ["at", "digest"])
def test_they_are_no_dimensions_of_a_cube(place, dimension):
    """Engines write a TIME's fractions differently, and not all BYTES are text."""
    with pytest.raises(QuerygenError) as raised:
        asked(place, measure="counts", dimensions=[dimension], cube=True).sql()
    assert [finding.code for finding in raised.value.diagnostics] == ["not-cubed"]


TESTS = """
spec: spec.yaml
schema: {telemetry.main: main.json}
tests:
  it: {given: {telemetry.main: [{at: "10:30:00.5", digest: aGk=}]}, expect: {rows: [ROW]}}
"""


@pytest.mark.parametrize(
    ("row", "code", "said"),
    [
        ('{at: "10:30:00.5", digest: aGk=}', 0, "1 passed"),
        ('{at: "10:30:00", digest: aGk=}', 1, "at  expected 10:30:00  got 10:30:00.500000"),
        ('{at: "10:30:00.5", digest: aGo=}', 1, "digest  expected aGo=  got aGk="),
        ("{at: 5}", 2, "this column holds TIMEs, found the number 5 [wrong-type]"),
        ('{at: "25:00"}', 2, 'help: write it as "10:30:00"'),
        ("{digest: aGk}", 2, "this column holds bytes, in Base64, found the text `aGk` [wrong-type]"),
    ],
)
def test_what_a_test_file_expects_of_them(place, monkeypatch, row, code, said):
    monkeypatch.chdir(place)
    (place / "spec.yaml").write_text("measure: pings\nfields: [at, digest]\nallow_full_scan: true\n")
    (place / "it.test.yaml").write_text(TESTS.replace("ROW", row))
    ran = querygen("test", "it.test.yaml")
    assert ran.code == code, ran
    assert said in ran.text + ran.stderr


def test_a_first_test_is_written_of_them(place, monkeypatch):
    monkeypatch.chdir(place)
    (place / "spec.yaml").write_text("measure: pings\nfields: [digest, at]\nallow_full_scan: true\n")
    flags = ["--from", "telemetry.main=telemetry.main.ndjson", "--schema", "telemetry.main=main.json"]
    assert querygen("test", "--new", "spec.yaml", *flags).code == 0
    ran = querygen("test", "spec.test.yaml")
    assert (ran.code, ran.text.splitlines()[-1]) == (0, "1 passed"), ran
