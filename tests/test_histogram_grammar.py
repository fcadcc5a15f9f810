"""The grammar of histogram strings: DuckDB, Google's evaluator and a plain reading agree on any text."""

import json
import random
import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import pyarrow as pa
import pytest
from histogram_strings import MUTATIONS, mutated, random_histogram, read
from hypothesis import given, settings
from hypothesis import strategies as st
from udf_calls import BATCHES, ENGINES, UDFS, connection, same, without_null_lists

from querygen.engines import googlesql
from querygen.udfs import Udf


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
    names = [*expected_fields(None), "hist.extract", "hist.count", "hist.threshold_count"]
    return [UDFS[name] for name in names]


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


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_strings_every_time_are_read_alike(engine: str) -> None:
    chance = random.Random(4)
    assert_all_read_alike([mutated(chance, random_histogram(chance)) for _ in range(500)], [engine])


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


@pytest.mark.parametrize("engine", ENGINES)
def test_bodies_in_place_of_their_calls(engine: str) -> None:
    for name in expected_fields(None):
        udf = UDFS[name]
        texts = pa.array([example.arguments[0] for example in udf.examples], pa.string())
        table = pa.table({"position": range(len(texts)), "histogram": texts})
        body = udf.duckdb if engine == "duckdb" else udf.bigquery
        sql = f"SELECT\n{body} AS answer FROM texts ORDER BY position"
        if engine == "duckdb":
            cursor = connection().cursor()
            cursor.register("texts", table)
            answers = cursor.sql(sql).to_arrow_table()
        else:
            answers = googlesql.run(sql, {"texts": table})
        assert same(answers.column("answer").to_pylist(), [example.expect for example in udf.examples])


@pytest.mark.skipif(not find_spec("zetasql"), reason="zetasql is not installed")
def test_expressions_over_mozfun_say_the_same() -> None:
    """With our hist.extract for mozfun's: that of Mozilla is not to be had outside BigQuery."""
    chance = random.Random(3)
    texts = [text for text in (random_histogram(chance) for _ in range(600)) if read(text) is not None]
    table = pa.table({"position": range(len(texts) + 1), "histogram": pa.array([*texts, None], pa.string())})
    for name in expected_fields(None):
        if expression := UDFS[name].mozfun:
            sql = f"SELECT {expression} AS answer FROM `texts` ORDER BY position"
            answers = (
                googlesql.run(sql, {"texts": table}, [UDFS["hist.extract"]]).column("answer").to_pylist()
            )
            for text, answer in zip([*texts, None], answers, strict=True):
                plain = expected_fields(text)[name]
                if name == "querygen.histogram_buckets":  # mozfun adds an empty bucket to the short forms
                    plain = [entry for entry in plain if entry["value"]]
                    answer = [entry for entry in answer or [] if entry["value"]]  # noqa: PLW2901
                assert answer == plain, f"{name} of {text!r}"


def grammar_of(body: str) -> str:
    """The one pattern of a body that begins as the grammar does."""
    patterns = set(re.findall(r"'(\^\\s\*\(\?:\\\{.*?)'", body))
    assert len(patterns) == 1
    return patterns.pop()


def test_the_grammar_is_byte_identical_everywhere() -> None:
    names = ["hist.extract", "hist.count", "hist.threshold_count"]
    patterns = {grammar_of(body) for name in names for body in (UDFS[name].bigquery, UDFS[name].duckdb)}
    patterns.add(grammar_of(UDFS["querygen.histogram_text"].duckdb))
    assert len(patterns) == 1
    (pattern,) = patterns
    assert pattern.startswith("^") and pattern.endswith("$") and "'" not in pattern
