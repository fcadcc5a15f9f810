"""The engine on Google's reference evaluator: types, functions, the breadth of the language, errors."""

import builtins
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from querygen.engines import googlesql
from querygen.engines.googlesql import Refusal, analyze, run
from querygen.errors import EngineError
from querygen.schema import TYPES, Field, Schema
from querygen.udfs import bigquery_function, load_udf


@pytest.fixture
def evaluator() -> None:
    pytest.importorskip("zetasql", reason="zetasql is not installed")


def one(sql: str) -> Any:
    """The only value of a query over no tables."""
    table = run(sql, {})
    assert table.shape == (1, 1)
    return table.column(0)[0].as_py()


ENTRIES = pa.list_(pa.struct([("key", pa.string()), ("value", pa.int64())]))
PAYLOAD = pa.struct([("histograms", pa.struct([("spinner", pa.string())])), ("entries", ENTRIES)])
LAST_MOMENT = datetime(9999, 12, 31, 23, 59, 59, 999999)
PINGS = pa.table(
    {
        "client_id": ["a", None, ""],
        "payload": pa.array(
            [
                {
                    "histograms": {"spinner": "5"},
                    "entries": [{"key": "k", "value": 1}, {"key": None, "value": 2}],
                },
                {"histograms": None, "entries": []},
                None,
            ],
            PAYLOAD,
        ),
        "share": [0.1, float("nan"), float("-inf")],
        "n": [2**63 - 1, -(2**63), None],
        "flag": [True, False, None],
        "raw": [b"\x00\xff", b"", None],
        "day": [date(2020, 2, 29), date(1, 1, 1), date(9999, 12, 31)],
        "moment": pa.array(
            [datetime(2020, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), None],
            pa.timestamp("us", tz="UTC"),
        ),
        "clock": pa.array([time(), time(23, 59, 58, 999999), None], pa.time64("us")),
        "wall": pa.array([datetime(1, 1, 1), LAST_MOMENT, None], pa.timestamp("us")),
        "amount": pa.array(
            [Decimal("-1.500000001"), Decimal("12345678901234567890123456789"), None], pa.decimal128(38, 9)
        ),
        "tags": [["x", "y"], [], None],
    }
)


@pytest.mark.usefixtures("evaluator")
class TestTypes:
    def test_every_type_survives_the_way_there_and_back(self) -> None:
        answer = run("SELECT * FROM `telemetry.main`", {"telemetry.main": PINGS})
        assert answer.schema == PINGS.schema
        assert str(answer.to_pylist()) == str(PINGS.to_pylist())  # as text, since NaN is not itself

    def test_other_widths_become_bigquerys(self) -> None:
        table = pa.table(
            {
                "i": pa.array([1], pa.int8()),
                "f": pa.array([0.5], pa.float32()),
                "s": pa.array(["x"], pa.large_string()),
                "d": pa.array(["x"]).dictionary_encode(),
                "l": pa.array([[1]], pa.large_list(pa.int32())),
                "b": pa.array([b"x"], pa.large_binary()),
                "t": pa.array([1000], pa.timestamp("ms", tz="Europe/Berlin")),
                "nothing": pa.array([None]),
            }
        )
        answer = run("SELECT * FROM `t`", {"t": table})
        types = {"i": "int64", "f": "double", "s": "string", "d": "string", "b": "binary", "nothing": "int64"}
        assert {name: str(answer.schema.field(name).type) for name in types} == types
        assert answer.schema.field("l").type == pa.list_(pa.int64())
        assert answer.to_pylist() == [
            {
                "i": 1,
                "f": 0.5,
                "s": "x",
                "d": "x",
                "l": [1],
                "b": b"x",
                "t": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
                "nothing": None,
            }
        ]

    def test_tables_without_rows_and_without_columns_of_interest(self) -> None:
        answer = run("SELECT client_id FROM `telemetry.main`", {"telemetry.main": PINGS.slice(0, 0)})
        assert answer.num_rows == 0
        assert answer.schema == pa.schema([("client_id", pa.string())])
        assert run("SELECT COUNT(*) AS n FROM `t`", {"t": PINGS.slice(0, 0)}).to_pylist() == [{"n": 0}]

    def test_columns_without_names_get_bigquerys(self) -> None:
        answer = run("SELECT 1, 2 AS x, STRUCT(3, 4 AS y), [STRUCT('a' AS k)]", {})
        assert answer.to_pylist() == [{"f0_": 1, "x": 2, "f1_": {"_field_1": 3, "y": 4}, "f2_": [{"k": "a"}]}]

    def test_types_without_an_equivalent_are_refused(self) -> None:
        with pytest.raises(EngineError, match="INTERVAL"):
            run("SELECT INTERVAL 1 DAY AS i", {})
        with pytest.raises(EngineError, match="duration"):
            run("SELECT 1", {"t": pa.table({"x": pa.array([1], pa.duration("s"))})})


@pytest.mark.usefixtures("evaluator")
class TestLanguage:
    def test_dates_are_in_utc(self) -> None:
        """The evaluator's own default is Los Angeles."""
        assert one("SELECT DATE(TIMESTAMP '2020-01-01 00:30:00+00')") == date(2020, 1, 1)
        assert one("SELECT TIMESTAMP '2020-01-01 00:30:00'") == datetime(2020, 1, 1, 0, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("sql", "expected"),
        [
            ("SELECT SUM(x * i) FROM UNNEST([5, 6]) AS x WITH OFFSET AS i", [6]),
            ("SELECT x, FROM UNNEST([1]) AS x", [1]),
            (
                "SELECT x, COUNT(*) FROM UNNEST([1, 2, 2]) AS x GROUP BY GROUPING SETS ((x), ()) ORDER BY x",
                [None, 1, 2],
            ),
            ("SELECT x FROM UNNEST([3, 4]) AS x QUALIFY ROW_NUMBER() OVER (ORDER BY x DESC) = 1", [4]),
            ("SELECT SAFE_DIVIDE(1, 0)", [None]),
            ("SELECT SAFE.PARSE_DATE('%Y%m%d', '20200230')", [None]),
            ("SELECT TO_HEX(MD5('a'))", ["0cc175b9c0f1b6a831c399e269772661"]),
            ("SELECT JSON_VALUE('{\"a\": 1}', '$.a')", ["1"]),
            ("SELECT IEEE_DIVIDE(1, 0)", [float("inf")]),
        ],
    )
    def test_breadth(self, sql: str, expected: list[Any]) -> None:
        assert run(sql, {}).column(0).to_pylist() == expected

    def test_types_of_google_only_are_refused(self) -> None:
        with pytest.raises(EngineError, match="INT32"):
            run("SELECT CAST(1 AS INT32)", {})

    def test_nested_fields_and_arrays_of_a_table(self) -> None:
        answer = run(
            """
            SELECT client_id, entry.key, SUM(entry.value) AS total
            FROM `telemetry.main` AS m, UNNEST(m.payload.entries) AS entry
            WHERE m.payload.HISTOGRAMS.spinner = '5'
            GROUP BY client_id, key
            ORDER BY key""",
            {"telemetry.main": PINGS},
        )
        assert answer.to_pylist() == [
            {"client_id": "a", "key": None, "total": 2},
            {"client_id": "a", "key": "k", "total": 1},
        ]


@pytest.mark.usefixtures("evaluator")
class TestFunctions:
    def test_ours_are_at_both_of_their_places(self) -> None:
        functions = [load_udf("hist.count"), load_udf("hist.mean"), load_udf("querygen.histogram_sum")]
        answer = run(
            "SELECT hist.count('4,3') AS a, mozfun.hist.count('4,3') AS b,"
            " querygen.histogram_sum('4,3') AS c,"
            " mozfun.hist.mean(STRUCT(7 AS sum, [STRUCT(2 AS value)] AS `values`)) AS d",
            {},
            functions,
        )
        assert answer.to_pylist() == [{"a": 7, "b": 7, "c": 3, "d": 3}]

    def test_temporary_functions_in_front(self) -> None:
        sql = (
            bigquery_function(load_udf("hist.count"), temporary=True)
            + "create temporary function f(x INT64, y ANY TYPE) AS ((x + y) /* ; */);\n"
            + "-- a comment; with a semicolon\nSELECT hist_count('4,3') AS a, f(1, 2.5) AS b, ';' AS c"
        )
        assert run(sql, {}).to_pylist() == [{"a": 7, "b": 3.5, "c": ";"}]

    def test_arguments_and_results_are_coerced_to_their_types(self) -> None:
        assert one("CREATE TEMP FUNCTION f(x FLOAT64) RETURNS FLOAT64 AS (x); SELECT f(1)") == 1.0
        assert one("CREATE TEMP FUNCTION f(x STRING) AS (UPPER(x)); SELECT f(NULL)") is None
        with pytest.raises(EngineError, match="f"):
            run("CREATE TEMP FUNCTION f(x STRING) AS (UPPER(x)); SELECT f(1)", {})

    def test_a_query_of_its_own_sees_no_functions_of_the_one_before(self) -> None:
        assert one("CREATE TEMP FUNCTION f() AS (1); SELECT f()") == 1
        with pytest.raises(EngineError, match="Function not found: f"):
            run("SELECT f()", {})


@pytest.mark.usefixtures("evaluator")
class TestErrors:
    @pytest.mark.parametrize(
        ("sql", "message", "line", "column"),
        [
            ("SELECT\n  foo\nFROM (SELECT 1)", "Unrecognized name: foo", 2, 3),
            ("SELECT 1 FROM `telemetry.main`", "Table not found", 1, 15),
            ("SELECT 1 FROM", "Syntax error", 1, 14),
            ("CREATE TEMP FUNCTION f(x INT64) AS (x);\nSELECT f(1), foo", "Unrecognized name: foo", 2, 14),
            ("SELECT 1;\nCREATE TEMP FUNCTION f(x INT6) AS (x)", "Syntax error", 2, 1),
            ("\nCREATE TEMP FUNCTION f(x INT6) AS (x); SELECT f(1)", "Type not found: INT6", 2, 26),
        ],
    )
    def test_the_analyzers_errors_have_their_place(
        self, sql: str, message: str, line: int, column: int
    ) -> None:
        with pytest.raises(EngineError, match=message) as caught:
            run(sql, {})
        (diagnostic,) = caught.value.diagnostics
        assert diagnostic.span is not None
        assert (diagnostic.span.line, diagnostic.span.column) == (line, column)
        assert diagnostic.span.source_line == sql.split("\n")[line - 1]
        assert "[at" not in diagnostic.message

    def test_analyzing_finds_the_same_and_evaluates_nothing(self) -> None:
        pings = {"t.pings": Schema("t.pings", Field("", "RECORD", fields={"n": Field("n", "INT64")}))}
        function = "CREATE TEMP FUNCTION f(x INT64) AS (1 / x); "
        assert analyze(f"{function}SELECT f(n) FROM `t.pings`", pings) is None
        assert analyze("SELECT f(n) FROM `t.pings`", pings) == Refusal("Function not found: f", 1, 8)
        found = Refusal("Unrecognized name: foo", 2, 3)
        assert analyze("SELECT\n  foo\nFROM `t.pings`", pings) == found
        assert analyze("SELECT 1 / 0", {}) is None

    def test_what_the_evaluator_lacks_is_valid_all_the_same(self) -> None:
        with pytest.raises(EngineError):
            run("SELECT APPROX_QUANTILES(x, 2) AS q FROM UNNEST([1]) AS x", {})
        assert analyze("SELECT APPROX_QUANTILES(x, 2) AS q FROM UNNEST([1]) AS x", {}) is None

    def test_a_schema_has_all_types(self) -> None:
        kinds = sorted(TYPES - {"RECORD"})
        fields = {kind.lower(): Field(kind.lower(), kind) for kind in kinds}
        inner = Field("r", "RECORD", repeated=True, fields={"a": Field("a", "STRING", repeated=True)})
        schema = Schema("t", Field("", "RECORD", fields={**fields, "r": inner}))
        casts = ", ".join(f"CAST(NULL AS {kind}) = {kind.lower()}" for kind in kinds)
        sql = f"SELECT {casts}, 'x' IN UNNEST(r[OFFSET(0)].a) FROM `t`"
        assert analyze(sql, {"t": schema}) is None

    def test_another_schema_of_the_same_table_takes_the_place_of_the_first(self) -> None:
        for name in ("a", "b", "a"):
            schema = Schema("t", Field("", "RECORD", fields={name: Field(name, "STRING")}))
            assert analyze(f"SELECT {name} FROM `t`", {"t": schema}) is None
            assert analyze("SELECT c FROM `t`", {"t": schema}) is not None
        assert len([tables for tables in googlesql._kept if tables == ("t",)]) == 1

    def test_the_evaluators_errors_have_none(self) -> None:
        with pytest.raises(EngineError, match="division by zero") as caught:
            run("SELECT 1 / x FROM UNNEST([0]) AS x", {})
        assert caught.value.exit_code == 3

    def test_overflow_is_an_error_as_on_bigquery(self) -> None:
        with pytest.raises(EngineError, match="overflow"):
            run("SELECT SUM(x) FROM UNNEST([9223372036854775807, 1]) AS x", {})

    def test_unclosed_text_in_front_of_a_query(self) -> None:
        with pytest.raises(EngineError):
            run("CREATE TEMP FUNCTION f() AS ('); SELECT f()", {})

    def test_the_next_query_runs_after_an_error(self) -> None:
        with pytest.raises(EngineError):
            run("SELECT", {})
        assert one("SELECT 1") == 1

    def test_a_stopped_evaluator_is_replaced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stopped = googlesql._client()

        def trap(*arguments: object) -> None:
            raise RuntimeError("wasm trap: unreachable")

        monkeypatch.setattr(stopped, "call_grpc_func", trap)
        with pytest.raises(EngineError, match="the evaluator stopped: wasm trap"):
            run("SELECT 1", {})
        assert one("SELECT 1") == 1
        assert googlesql._client() is not stopped


@pytest.fixture
def without_zetasql(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if the extra were not installed."""
    original = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "zetasql":
            raise ModuleNotFoundError("No module named 'zetasql'", name="zetasql")
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    googlesql._zetasql.cache_clear()
    yield
    monkeypatch.undo()
    googlesql._zetasql.cache_clear()


@pytest.mark.usefixtures("without_zetasql")
def test_a_missing_extra_says_how_to_install_it() -> None:
    with pytest.raises(EngineError) as caught:
        run("SELECT 1", {})
    assert "pip install 'querygen[googlesql]'" in str(caught.value)


def test_importing_the_engine_loads_no_evaluator() -> None:
    code = (
        "import sys, querygen.engines.googlesql;"
        "print([m for m in ('zetasql', 'wasmtime', 'sqlglot') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.usefixtures("evaluator")
def test_nothing_is_printed_at_the_end_of_a_process() -> None:
    code = "from querygen.engines.googlesql import run; print(run('SELECT 1 AS x', {}).to_pylist())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[{'x': 1}]"
    assert done.stderr == ""
