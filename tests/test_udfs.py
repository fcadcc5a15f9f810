"""The functions of udfs/: the same answers on DuckDB, on Google's evaluator, and read plainly in Python."""

import json
import math
import random
import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from histogram_strings import (
    MUTATIONS,
    build_ids,
    mutated,
    plain_build_date,
    plain_build_time,
    random_histogram,
    read,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from querygen.engines import googlesql
from querygen.errors import EngineError
from querygen.udfs import Udf, _read_folder, bigquery_function, install_script, load_udf, load_udfs

CASES = Path(__file__).parents[2] / "shared" / "udf_cases.jsonl"
UDFS = load_udfs()
ENGINES = [
    "duckdb",
    pytest.param(
        "googlesql", marks=pytest.mark.skipif(not find_spec("zetasql"), reason="zetasql is not installed")
    ),
]
# A run is a batch of many strings out of one seed: nothing to shrink.
BATCHES = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.explicit, Phase.reuse, Phase.generate),
}
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


# --- calling them ---------------------------------------------------------------------------------


@cache
def connection() -> duckdb.DuckDBPyConnection:
    result = duckdb.connect()
    result.execute(install_script("duckdb"))
    return result


def call(engine: str, name: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
    """The answers of a function to many calls, in one query. NULL arrays are [], as BigQuery writes them."""
    udf = UDFS[name]
    columns = {"position": pa.array(range(len(calls)))}
    for index, argument in enumerate(udf.arguments):
        values = [arguments[index] for arguments in calls]
        scalars = {"STRING": pa.string(), "INT64": pa.int64(), "ARRAY<FLOAT64>": pa.list_(pa.float64())}
        columns[f"a{index}"] = pa.array(values, scalars.get(argument.type))
    table = pa.table(columns)
    arguments = ", ".join(f"a{index}" for index in range(len(udf.arguments)))
    if engine == "duckdb":
        cursor = connection().cursor()
        cursor.register("calls", table)
        sql = f"SELECT mozfun.{name}({arguments}) AS answer FROM calls ORDER BY position"
        answers = cursor.sql(sql).to_arrow_table()
    else:
        sql = f"SELECT mozfun.{name}({arguments}) AS answer FROM `calls` ORDER BY position"
        answers = googlesql.run(sql, {"calls": table}, [udf])
    arrow = answers.schema.field("answer").type
    return [without_null_lists(answer, arrow) for answer in answers.column("answer").to_pylist()]


def without_null_lists(value: Any, arrow: pa.DataType) -> Any:
    if pa.types.is_list(arrow):
        return [without_null_lists(element, arrow.value_type) for element in value or []]
    if pa.types.is_struct(arrow) and value is not None:
        return {field.name: without_null_lists(value[field.name], field.type) for field in arrow}
    return value


def same(left: Any, right: Any) -> bool:
    """Equal, with floats within 1e-9 of each other."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) or isinstance(right, float):
        return left is not None and right is not None and math.isclose(left, right, abs_tol=1e-9)
    return type(left) is type(right) and left == right


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


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [name for name, udf in UDFS.items() if udf.origin == "mozfun"])
def test_mozfun_cases(name: str, engine: str) -> None:
    cases = [case for case in mozfun_cases() if case["udf"] == name]
    assert cases
    answers = call(engine, name, [case["inputs"] for case in cases])
    deviating = set()
    for case, answer in zip(cases, answers, strict=True):
        if not same(answer, case["expected"]):
            deviating.add(case["case"])
            assert same(answer, DEVIATING_ANSWERS.get((name, case["case"]))), case["case"]
    assert deviating == {deviation.case for deviation in UDFS[name].deviations}


# --- the grammar, against a plain reading ---------------------------------------------------------


def expected_fields(text: str | None) -> dict[str, Any]:
    """What the functions of `querygen` answer on a text, read plainly (on undecodable text: on NULL)."""
    found = read(text)
    histogram = found or {}
    low, high = histogram.get("range") or [None, None]
    counts = [entry["value"] for entry in histogram.get("values") or []]
    samples = sum(count for count in counts if 1 <= count <= 2**40)
    return {
        "querygen.histogram_text": text if found is not None else None,
        "querygen.histogram_buckets": histogram.get("values") or [],
        "querygen.histogram_samples": samples if found is not None else None,
        "querygen.histogram_sum": histogram.get("sum"),
        "querygen.histogram_bucket_count": histogram.get("bucket_count"),
        "querygen.histogram_type": histogram.get("histogram_type"),
        "querygen.histogram_range_low": low,
        "querygen.histogram_range_high": high,
    }


def expected_extract(text: str | None) -> dict[str, Any] | None:
    """What hist.extract answers: the fields, and the empty bucket after a pair or a single count."""
    found = read(text)
    if found is None or text is None:
        return None
    values = list(found.get("values") or [])
    if not {"{", ";"} & set(text):
        values.append({"key": len(values), "value": 0})
    fields = {name: found.get(name) for name in ("bucket_count", "histogram_type", "sum")}
    return {**fields, "range": found.get("range") or [], "values": values}


def expected_count(text: str | None) -> int | None:
    values = (read(text) or {}).get("values")
    total = sum(entry["value"] for entry in values) if values else None
    return total if total is not None and -(2**63) <= total < 2**63 else None


def expected_threshold_count(text: str | None, threshold: int) -> int:
    values = (read(text) or {}).get("values") or []
    total = sum(entry["value"] for entry in values if entry["key"] >= threshold)
    return total if -(2**63) <= total < 2**63 else 0


@cache
def histogram_functions() -> list[Udf]:
    return [load_udf(name) for name in (*expected_fields(None), "hist.extract", "hist.count")] + [
        load_udf("hist.threshold_count")
    ]


def answers_to_texts(engine: str, texts: Sequence[str | None]) -> list[dict[str, Any]]:
    """What every function of a histogram string answers to each text, all in one query.

    Those that ask for decodable text are given what histogram_text leaves over.
    """
    guarded = [name for name in expected_fields(None) if name != "querygen.histogram_text"]
    columns = ["guarded AS `querygen.histogram_text`"]
    columns += [f"mozfun.{name}(guarded) AS `{name}`" for name in guarded]
    columns += [f"mozfun.{name}(histogram) AS `{name}`" for name in ("hist.extract", "hist.count")]
    columns += ["mozfun.hist.threshold_count(histogram, 1) AS `hist.threshold_count`"]
    sql = f"""
        SELECT {", ".join(columns)}
        FROM (SELECT *, mozfun.querygen.histogram_text(histogram) AS guarded FROM `texts`)
        ORDER BY position"""
    table = pa.table({"position": range(len(texts)), "histogram": pa.array(texts, pa.string())})
    if engine == "duckdb":
        cursor = connection().cursor()
        cursor.register("texts", table)
        answers = cursor.sql(sql.replace("`", '"')).to_arrow_table()
    else:
        answers = googlesql.run(sql, {"texts": table}, histogram_functions())
    whole = pa.struct(list(answers.schema))
    return [without_null_lists(row, whole) for row in answers.to_pylist()]


def assert_all_read_alike(texts: Sequence[str | None], engines: Sequence[str]) -> None:
    expected = [
        {
            **expected_fields(text),
            "hist.extract": expected_extract(text),
            "hist.count": expected_count(text),
            "hist.threshold_count": expected_threshold_count(text, 1),
        }
        for text in texts
    ]
    for engine in engines:
        for text, plain, answer in zip(texts, expected, answers_to_texts(engine, texts), strict=True):
            assert answer == plain, f"{engine} on {text!r}"


def engines_here() -> list[str]:
    return ["duckdb", "googlesql"] if find_spec("zetasql") else ["duckdb"]


@settings(max_examples=12, **BATCHES)
@given(seed=st.integers(0, 2**32))
def test_engines_and_plain_reading_agree(seed: int) -> None:
    """On 300 strings at a time, three quarters of them decodable."""
    chance = random.Random(seed)
    texts = [mutated(chance, random_histogram(chance)) for _ in range(300)]
    assert_all_read_alike(texts, engines_here())


@settings(max_examples=8, **BATCHES)
@given(seed=st.integers(0, 2**32))
def test_duckdb_and_plain_reading_agree_on_many(seed: int) -> None:
    chance = random.Random(seed)
    texts = [mutated(chance, random_histogram(chance)) for _ in range(5000)]
    assert_all_read_alike(texts, ["duckdb"])


@settings(max_examples=5, **BATCHES)
@given(
    texts=st.lists(st.lists(st.sampled_from(MUTATIONS), max_size=12).map("".join) | st.text(), max_size=300)
)
def test_any_text_is_read_alike(texts: list[str]) -> None:
    assert_all_read_alike(texts, engines_here())


def test_generated_strings_reach_both_sides_of_the_grammar() -> None:
    chance = random.Random(1)
    texts = [mutated(chance, random_histogram(chance)) for _ in range(2000)]
    decodable = [text for text in texts if read(text) is not None]
    assert 0.3 < len(decodable) / len(texts) < 0.9
    for form in ("{", ";", ","):
        assert sum(form in text for text in decodable) > 100


def test_plain_reading_agrees_with_a_json_parser_where_both_read() -> None:
    chance = random.Random(2)
    for _ in range(2000):
        text = random_histogram(chance)
        found = read(text)
        if found is not None and "{" in text and "\f" not in text:
            pairs = json.loads(text, object_pairs_hook=list)
            values = next((value for name, value in pairs if name == "values"), None) or []
            assert [(e["key"], e["value"]) for e in found.get("values") or []] == [
                (int(key), value) for key, value in values
            ]


@pytest.mark.parametrize("engine", ENGINES)
def test_large_and_deep(engine: str) -> None:
    many = ",".join(f'"{key}":{key % 7}' for key in range(10_000))
    texts = [
        '{"values":{' + many + "}}",
        '{"values":{' + many + "}",
        "3;2;5;1,2;" + many.replace('"', ""),
        '{"values":' * 3000 + "{}" + "}" * 3000,
        "[" * 10_000,
        " " * 100_000 + "5" + "\f" * 100_000,
        "1" * 100_000,
        '{"log_sum":0.' + "1" * 21 + "}",
        None,
    ]
    assert_all_read_alike(texts, [engine])


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
    fractions = [
        [chance.choice([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.5, -1.0]) for _ in range(3)]
        for _ in histograms
    ]
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


def grammar_of(body: str) -> str:
    """The one pattern of a body that begins as the grammar does."""
    patterns = set(re.findall(r"'(\^\\s\*\(\?:\\\{.*?)'", body))
    assert len(patterns) == 1
    return patterns.pop()


def test_the_grammar_is_byte_identical_everywhere() -> None:
    names = ["querygen.histogram_text", "hist.extract", "hist.count", "hist.threshold_count"]
    patterns = {grammar_of(body) for name in names for body in (UDFS[name].bigquery, UDFS[name].duckdb)}
    assert len(patterns) == 1
    (pattern,) = patterns
    assert pattern.startswith("^") and pattern.endswith("$") and "'" not in pattern


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
