"""The functions of udfs/: the same answers on DuckDB and on Google's evaluator; their folders and scripts."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from histogram_strings import build_ids, plain_build_date, plain_build_time
from hypothesis import given, settings
from hypothesis import strategies as st
from udf_calls import BATCHES, ENGINES, UDFS, call, connection, same

from querygen.errors import EngineError
from querygen.udfs import _read_folder, bigquery_function, install_script, load_udf

CASES = Path(__file__).parents[2] / "shared" / "udf_cases.jsonl"
# What our functions answer where they deliberately deviate from mozfun: NULL, unless it says otherwise.
DEVIATING_ANSWERS = {
    ("hist.merge", "empty_list"): {
        "bucket_count": None,
        "sum": None,
        "histogram_type": None,
        "range": [],
        "values": [],
    }
}


# --- examples and mozfun's cases ------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", UDFS)
def test_examples(name: str, engine: str) -> None:
    examples = UDFS[name].examples
    answers = call(engine, name, [example.arguments for example in examples])
    assert len({example.name for example in examples}) == len(examples) > 0
    for example, answer in zip(examples, answers, strict=True):
        assert same(answer, example.expect), f"{example.name}: {answer!r} instead of {example.expect!r}"


@pytest.mark.parametrize("name", [name for name, udf in UDFS.items() if udf.arguments[0].type == "STRING"])
def test_literal_arguments_on_duckdb(name: str) -> None:
    """Constants are folded on another way through DuckDB than columns."""
    for example in UDFS[name].examples:
        literals = ["NULL" if a is None else repr_sql(a) for a in example.arguments]
        row = connection().execute(f"SELECT mozfun.{name}({', '.join(literals)})").fetchone()
        assert row and same(row[0], example.expect), example.name


def repr_sql(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


@cache
def mozfun_cases() -> list[dict[str, Any]]:
    if not CASES.exists():
        pytest.skip("mozfun's cases (../shared/udf_cases.jsonl) are not here")
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


# How many cases of mozfun's there are for each function that we have; all of them run on each engine.
CASE_COUNTS = {
    "hist.count": 7,
    "hist.extract": 17,
    "hist.mean": 10,
    "hist.merge": 4,
    "hist.normalize": 3,
    "hist.percentiles": 8,
    "hist.threshold_count": 6,
    "map.get_key": 2,
}


def test_every_case_of_a_function_that_we_have_is_run(record_property: Callable[[str, object], None]) -> None:
    cases = mozfun_cases()
    ours = Counter(case["udf"] for case in cases if case["udf"] in UDFS)
    record_property("mozfun_cases", f"{ours.total()} of {len(cases)}")
    assert dict(ours) == CASE_COUNTS
    assert set(CASE_COUNTS) == {name for name, udf in UDFS.items() if udf.origin == "mozfun"}
    named = {(case["udf"], case["case"]) for case in cases if case["udf"] in UDFS}
    assert len(named) == ours.total(), "two cases of one name, of which a deviation would excuse both"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [name for name, udf in UDFS.items() if udf.origin == "mozfun"])
def test_mozfun_cases(name: str, engine: str) -> None:
    cases = [case for case in mozfun_cases() if case["udf"] == name]
    assert len(cases) == CASE_COUNTS[name]
    answers = call(engine, name, [case["inputs"] for case in cases])
    assert len(answers) == len(cases)
    deviating = set()
    for case, answer in zip(cases, answers, strict=True):
        if not same(answer, case["expected"]):
            deviating.add(case["case"])
            assert same(answer, DEVIATING_ANSWERS.get((name, case["case"]))), case["case"]
    assert deviating == {deviation.case for deviation in UDFS[name].deviations}


# --- build ids ------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_build_ids(engine: str) -> None:
    texts = list(build_ids())
    calls = [(text,) for text in texts]
    assert call(engine, "querygen.build_date", calls) == [plain_build_date(text) for text in texts]
    assert call(engine, "querygen.build_time", calls) == [plain_build_time(text) for text in texts]


# --- random structs: the functions of decoded histograms ------------------------------------------


@pytest.mark.skipif(not find_spec("zetasql"), reason="zetasql is not installed")
@settings(max_examples=5, **BATCHES)
@given(seed=st.integers(0, 2**32))
def test_struct_functions_agree(seed: int) -> None:
    assert_struct_functions_agree(seed)


@pytest.mark.skipif(not find_spec("zetasql"), reason="zetasql is not installed")
@pytest.mark.parametrize("seed", [1, 2])
def test_struct_functions_agree_on_the_same_structs(seed: int) -> None:
    assert_struct_functions_agree(seed)


def assert_struct_functions_agree(seed: int) -> None:
    chance = random.Random(seed)

    def integer(*usual: int) -> int | None:
        return chance.choice([*usual, *usual, *usual, None, 0, -3, 2**62, -(2**62)])

    def modest(histogram: dict[str, Any] | None) -> dict[str, Any] | None:
        """Without huge counts: their sums are rounded in an order that no engine promises."""
        if not histogram or not histogram["values"]:
            return histogram
        return {
            **histogram,
            "values": [entry for entry in histogram["values"] if abs(entry["value"] or 0) < 2**62],
        }

    def histogram() -> dict[str, Any] | None:
        if chance.random() < 0.05:
            return None
        entries = [{"key": integer(1, 2, 3), "value": integer(1, 2, 50)} for _ in range(chance.randrange(6))]
        return {
            "bucket_count": integer(3, 20),
            "histogram_type": integer(1, 2),
            "sum": integer(7, 118),
            "range": chance.choice([[1, 2], [1, 1000], [0, 50], []]),
            "values": chance.choice([entries, entries, entries, None]),
        }

    histograms = [histogram() for _ in range(100)]
    fractions: list[Any] = [
        [chance.choice([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.5, -1.0]) for _ in range(3)]
        for _ in histograms
    ]
    fractions[:2] = [None, [0.5, None]]
    lists = [[chance.choice(histograms) for _ in range(chance.randrange(5))] for _ in range(60)]
    calls = {
        "hist.mean": [(h,) for h in histograms],
        "hist.normalize": [(h,) for h in histograms],
        "hist.percentiles": list(zip(map(modest, histograms), fractions, strict=True)),
        "hist.merge": [(hs,) for hs in lists],
        "map.get_key": [(h["values"] if h else None, 1) for h in histograms],
    }
    for name, arguments in calls.items():
        on_duckdb, on_googlesql = call("duckdb", name, arguments), call("googlesql", name, arguments)
        for argument, left, right in zip(arguments, on_duckdb, on_googlesql, strict=True):
            assert same(left, right), f"{name} of {argument}: {left} on DuckDB, {right} on GoogleSQL"


def test_functions_nest_over_aggregates_on_duckdb() -> None:
    """As the tutorial uses them: the percentiles of merged histograms of a group."""
    rows = (
        connection()
        .execute("""
            SELECT
              build,
              mozfun.hist.percentiles(
                mozfun.hist.normalize(mozfun.hist.merge(list(mozfun.hist.extract(histogram)))), [0.5]
              ) AS median
            FROM (VALUES (1, '3,1'), (1, '1,5'), (2, '{"values":{"7":1}}'), (2, 'damaged'))
              AS t(build, histogram)
            GROUP BY build
            ORDER BY build""")
        .fetchall()
    )
    assert rows == [(1, [{"percentile": 0.5, "value": 1}]), (2, [{"percentile": 0.5, "value": 7}])]


# --- the folders and the scripts ------------------------------------------------------------------


def test_bodies_are_safe_to_put_in_place() -> None:
    for name, udf in UDFS.items():
        sqlglot.parse_one(f"SELECT {udf.bigquery}", read="bigquery")
        for body in (udf.bigquery, udf.duckdb):
            assert not re.search(r"\b(mozfun|hist|querygen)\.\w+\(", body), name
            assert "{{" not in body and "{%" not in body, "Redash and Jinja would read it as a parameter"
            assert "'''" not in body and '"""' not in body, "indentation would change the text"


def test_duckdb_script_installs_twice_and_replaces_nothing_else() -> None:
    own = duckdb.connect()
    own.execute("CREATE TABLE hist AS SELECT 1 AS x")
    for _ in range(2):
        own.execute(install_script("duckdb"))
    assert own.execute("SELECT mozfun.hist.count('4,3'), x FROM hist").fetchone() == (7, 1)
    assert own.execute("SELECT current_database()").fetchone() == ("memory",)


def test_duckdb_script_on_a_read_only_connection(tmp_path: Path) -> None:
    file = tmp_path / "telemetry.duckdb"
    duckdb.connect(file).close()
    own = duckdb.connect(file, read_only=True)
    own.execute(install_script("duckdb"))
    assert own.execute("SELECT mozfun.hist.count('4,3')").fetchone() == (7,)


def test_duckdb_bodies_mind_no_column_of_the_callers() -> None:
    """Their own names (of lambda parameters, subqueries) hide nothing and are hidden by nothing."""
    names = {
        name
        for udf in UDFS.values()
        for name in [*re.findall(r"lambda (\w+)", udf.duckdb), *re.findall(r"\bAS (\w+)\b", udf.duckdb)]
        if name.islower()
    }
    assert {"entry", "key", "cumulative"} <= names
    for name in names:
        column = f'SELECT mozfun.hist.extract(\'{{"sum":6,"values":{{"1":2,"4":1}}}}\') AS "{name}"'
        call = f"""
            SELECT
              mozfun.hist.mean("{name}"),
              mozfun.hist.percentiles("{name}", [0.5])[1]['value'],
              mozfun.hist.normalize("{name}")['values'][2]['key'],
              mozfun.hist.merge(["{name}", "{name}"])['sum'],
              mozfun.map.get_key("{name}"['values'], 4)
            FROM ({column})"""
        assert connection().execute(call).fetchone() == (2, 1, 4, 12, 1), name


def test_bigquery_script_parses() -> None:
    statements = sqlglot.parse(install_script("bigquery"), read="bigquery")
    assert all(isinstance(statement, sqlglot.exp.Create) for statement in statements if statement)
    created = {
        statement.find(sqlglot.exp.UserDefinedFunction).this.sql()
        for statement in statements
        if statement and statement.find(sqlglot.exp.UserDefinedFunction)
    }
    assert created == set(UDFS)


def test_temporary_functions_have_one_part_names() -> None:
    statement = bigquery_function(load_udf("hist.count"), temporary=True)
    assert statement.startswith("CREATE TEMP FUNCTION hist_count(histogram STRING)\nRETURNS INT64\nAS (\n")
    assert statement.endswith(");\n")
    assert "RETURNS" not in bigquery_function(load_udf("map.get_key"), temporary=True)


def test_deviations_have_reasons_and_only_mozfun_names_deviate() -> None:
    for udf in UDFS.values():
        assert all(deviation.reason for deviation in udf.deviations)
        assert udf.origin == "mozfun" or not udf.deviations
        assert udf.origin == "querygen" or udf.mozfun is None
        assert (udf.dataset == "querygen") == (udf.origin == "querygen")


def test_unknown_function_is_told_its_neighbour() -> None:
    with pytest.raises(EngineError, match=r"`hist\.extract`"):
        load_udf("hist.extrct")
    with pytest.raises(EngineError, match="there is no function"):
        load_udf("extract")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("metadata.yaml", "arguments: []\n", "lacks description, origin, returns"),
        ("metadata.yaml", "- a\n", "no mapping"),
        ("metadata.yaml", "a: [\n", "no YAML"),
        (
            "metadata.yaml",
            "{description: d, arguments: [], returns: X, origin: me}",
            "neither mozfun nor querygen",
        ),
        (
            "metadata.yaml",
            "{description: d, arguments: [], returns: X, origin: querygen, x: 1}",
            "unknown key x",
        ),
        (
            "metadata.yaml",
            "{description: d, arguments: [{nam: x}], returns: X, origin: querygen}",
            "unexpected keyword",
        ),
        ("duckdb.sql", "1;\n", "without a semicolon"),
        ("bigquery.sql", "\n", "without a semicolon"),
        ("bigquery.sql", None, "cannot be read"),
    ],
)
def test_malformed_folders_are_clear_errors(
    tmp_path: Path, file: str, text: str | None, message: str
) -> None:
    folder = tmp_path / "hist" / "new"
    folder.mkdir(parents=True)
    files = {
        "metadata.yaml": "{description: d, arguments: [{name: x, type: X}], returns: X, origin: querygen}",
        "bigquery.sql": "x + 1",
        "duckdb.sql": "x + 1",
        file: text,
    }
    for name, content in files.items():
        if content is not None:
            (folder / name).write_text(content)
    with pytest.raises(EngineError, match=message) as caught:
        _read_folder(folder)
    assert "udfs/hist/new" in str(caught.value)
