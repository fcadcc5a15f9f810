"""Queries for Redash: stmo-cli's pair of files, parameters in place of literals, and the chart."""

import datetime as dt
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import NoneType

import pytest
import sqlglot
from commandline import querygen
from harness import NEEDS_GOOGLESQL, query
from hypothesis import given, settings
from ruamel.yaml import YAML
from specs import ALL, DAYS, EXAMPLES, HISTOGRAM, query_of
from sqlglot import exp
from test_injection import PAYLOADS, TEXT

from querygen import Query, QuerygenError, load
from querygen.api import catalog_of
from querygen.check import check
from querygen.redash import redash_query
from querygen.running import run
from querygen.sample import write_sample
from querygen.sqltext import comment
from querygen.stmo import pair, slugify

ROOT = Path(__file__).parents[1]
STMO = ROOT / "examples/stmo"
SPINNER = STMO / "spinner-by-day.yaml"
EMITTED = [
    SPINNER,
    STMO / "buckets-by-os.yaml",
    ROOT / "examples/tutorial/05-client-normalized-by-build.yaml",
]


def parsed(text):
    return YAML(typ="safe", pure=True).load(text)


def for_redash(made, **options):
    """The query for Redash, without the run that holds its points against the chart."""
    return redash_query(made.checked(), made.spec, **options)


def emitted(spec, folder, *flags):
    """The name, text and metadata of the pair that `emit stmo` writes."""
    ran = querygen("emit", "stmo", spec, "-o", folder, *flags)
    assert ran.code == 0, ran.stderr
    sql, metadata = (Path(line) for line in ran.text.splitlines())
    assert (sql.stem, sql.suffix, metadata.suffix) == (metadata.stem, ".sql", ".yaml")
    return sql.stem, sql.read_text(encoding="utf-8"), metadata.read_text(encoding="utf-8")


def choices(parameters):
    """What Redash begins with, by its parameters."""
    return {one["name"]: one["value"] for one in parameters}


def as_redash_fills(sql, parameters, chosen):
    """The text that Redash sends: chosen values in place of the tags, as they are; a list is joined."""

    def value(tag):
        name, _, part = tag[1].partition(".")
        (definition,) = (one for one in parameters if one["name"] == name)
        given = chosen[name][part] if part else chosen[name]
        if isinstance(given, list):
            how = definition["multiValuesOptions"]
            return how["separator"].join(f"{how['prefix']}{one}{how['suffix']}" for one in given)
        return str(given)

    return re.sub(r"\{\{\s*([\w.]+)\s*\}\}", value, sql)


# --- The pair ------------------------------------------------------------------------------------

# The model of stmo-cli 0.11 (src/models.rs): each key with its types. What isn't here is lost on deploying.
MULTIPLE = {"prefix": (str,), "suffix": (str,), "separator": (str,), "quoteCharacter": (str, NoneType)}
PARAMETER = {
    "name": (str,),
    "title": (str,),
    "type": (str,),
    "value": (str, int, float, list, dict),
    "enumOptions": (str, NoneType),
    "queryId": (int, NoneType),
    "multiValuesOptions": (dict, NoneType),
}
VISUALIZATION = {
    "id": (int, NoneType),
    "name": (str,),
    "type": (str,),
    "options": (dict,),
    "description": (str, NoneType),
}
METADATA = {
    "id": (int,),
    "name": (str,),
    "description": (str, NoneType),
    "data_source_id": (int,),
    "user_id": (int, NoneType),
    "schedule": (dict, NoneType),
    "options": (dict,),
    "visualizations": (list,),
    "tags": (list, NoneType),
}


def assert_fits(data, model):
    assert set(data) <= set(model)
    for key, types in model.items():
        assert isinstance(data.get(key), types), key


def assert_is_metadata(data):
    assert_fits(data, METADATA)
    assert set(data["options"]) == {"parameters"}
    for one in data["options"]["parameters"]:
        assert_fits(one, PARAMETER)
        assert_fits(one.get("multiValuesOptions") or dict.fromkeys(MULTIPLE, ""), MULTIPLE)
        assert one["type"] in {"text", "number", "enum", "date", "date-range"}
        assert "\\n" not in (one.get("enumOptions") or "")  # which stmo-cli refuses
    for one in data["visualizations"]:
        assert_fits(one, VISUALIZATION)


@pytest.mark.parametrize("path", EMITTED, ids=lambda path: path.stem)
def test_the_pair_is_as_its_files_say(path, tmp_path, golden):
    stem, sql, metadata = emitted(path, tmp_path)
    golden(STMO / "queries" / f"{stem}.sql", sql)
    golden(STMO / "queries" / f"{stem}.yaml", metadata)
    data = parsed(metadata)
    assert_is_metadata(data)
    assert stem == f"0-{slugify(data['name'])}" and data["id"] == 0
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".sql", ".yaml"]


def test_no_other_pairs_lie_there():
    assert len([*(STMO / "queries").iterdir()]) == 2 * len(EMITTED)


@pytest.mark.parametrize("name", sorted({*EXAMPLES} - {"branches"}))
def test_every_example_can_be_emitted(name, tmp_path):
    made = for_redash(query_of(name))
    body = made.body(63)
    assert_is_metadata(
        {
            **{key: body["query"][key] for key in ("name", "description", "data_source_id", "tags")},
            "id": 0,
            "schedule": None,
            "visualizations": body["visualizations"],
            "options": {"parameters": body["query"]["options"]["parameters"]},
        }
    )
    assert made.sql.startswith("/* ") and "\nWITH\n" in made.sql


def test_the_same_spec_gives_the_same_bytes(tmp_path):
    first = emitted(SPINNER, tmp_path / "a")
    assert first == emitted(SPINNER, tmp_path / "b")
    assert first == emitted(SPINNER, tmp_path / "a")  # over what is there


NAMES = {
    "Tab switch spinner, by day": "tab-switch-spinner-by-day",
    "p50 · Windows_10 (x86-64)": "p50-windows-10-x86-64",
    "  --A--b  ": "a-b",
    "Größe der Fenster": "größe-der-fenster",
    "../../etc/passwd": "etc-passwd",
    "!": "",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_the_name_that_stmo_cli_gives_it(name):
    """Lower case; letters and digits of any script; one hyphen for all else, none at the ends."""
    assert slugify(name) == NAMES[name]


# --- Emitting anew -------------------------------------------------------------------------------


def deployed(folder, stem, **changes):
    """What stmo-cli leaves of a new pair: files under the id that Redash gave, and the table it makes."""
    data = parsed((folder / f"{stem}.yaml").read_text(encoding="utf-8"))
    table = {"id": 7, "name": "Table", "type": "TABLE", "options": {}, "description": ""}
    chart = data["visualizations"][0] | {"id": 8, "description": "Mine"}
    chart["options"] = chart["options"] | {"color_scheme": "Viridis", "missingValuesAsZero": True}
    other = {"id": 9, "name": "By hand", "type": "CHART", "options": {"a": 1}, "description": None}
    data |= {"id": 42, "user_id": 5, "visualizations": [table, chart, other], "data_source_id": 99}
    data |= {
        "tags": ["bug 1"],
        "schedule": {"interval": 3600, "time": None, "day_of_week": None, "until": None},
    }
    with (folder / f"42{stem[1:]}.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(data | changes, file)
    (folder / f"{stem}.yaml").unlink()
    (folder / f"{stem}.sql").rename(folder / f"42{stem[1:]}.sql")


def test_emitting_anew_keeps_what_redash_and_people_have_set(tmp_path):
    stem, sql, metadata = emitted(SPINNER, tmp_path)
    deployed(tmp_path, stem)
    (tmp_path / f"42{stem[1:]}.sql").write_text("old")
    again, sql_again, metadata_again = emitted(SPINNER, tmp_path)
    data, before = parsed(metadata_again), parsed(metadata)
    assert_is_metadata(data)
    assert (again, sql_again) == (f"42{stem[1:]}", sql)
    assert len([*tmp_path.iterdir()]) == 2
    kept = {"id": 42, "user_id": 5, "data_source_id": 99, "tags": ["bug 1"]}
    assert {key: data[key] for key in kept} == kept
    assert data["schedule"]["interval"] == 3600
    table, chart, other = data["visualizations"]
    assert (table["id"], chart["id"], other["id"]) == (7, 8, 9)
    assert other["options"] == {"a": 1}
    assert chart["description"] == "Mine"
    ours = before["visualizations"][0]["options"]
    assert chart["options"] == {**ours, "color_scheme": "Viridis"}
    assert data["options"] == before["options"]
    # Ids of visualizations don't make it another text the next time.
    assert emitted(SPINNER, tmp_path) == (again, sql_again, metadata_again)


def test_writing_over_files_is_told(tmp_path):
    """Two specs without a title may have the same one, and so the same files."""
    assert querygen("emit", "stmo", SPINNER, "-o", tmp_path).stderr == ""
    again = querygen("emit", "stmo", SPINNER, "-o", tmp_path).stderr.splitlines()
    assert [line.rsplit(" was there")[1] for line in again] == [", and is written anew"] * 2


def test_another_database_is_named_by_its_id(tmp_path):
    _, _, metadata = emitted(SPINNER, tmp_path, "--data-source", 7)
    assert parsed(metadata)["data_source_id"] == 7
    _, _, metadata = emitted(SPINNER, tmp_path)
    assert parsed(metadata)["data_source_id"] == 7  # as before


def test_a_new_title_takes_the_files_along(tmp_path):
    stem, _, _ = emitted(SPINNER, tmp_path)
    deployed(tmp_path, stem)
    renamed = tmp_path / "renamed.yaml"
    renamed.write_text(SPINNER.read_text(encoding="utf-8").replace("title: Tab switch", "title: The"))
    queries = tmp_path / "queries"
    queries.mkdir()
    for file in tmp_path.glob("42-*"):
        shutil.move(file, queries)
    again, _, metadata = emitted(renamed, queries, "--id", 42)
    assert (again, parsed(metadata)["id"]) == ("42-the-spinner-by-day-of-build", 42)
    assert sorted(file.name for file in queries.iterdir()) == [f"{again}.sql", f"{again}.yaml"]


def refused(*arguments):
    ran = querygen("emit", *arguments)
    assert ran.text == ""
    return ran.code, re.findall(r"\[([a-z0-9-]+)\]", ran.stderr)[-1]


def test_what_is_there_must_be_the_query(tmp_path):
    assert refused("stmo", SPINNER, "-o", tmp_path, "--id", 42) == (2, "no-such-query")
    stem, _, _ = emitted(SPINNER, tmp_path)
    file = tmp_path / f"{stem}.yaml"
    made = for_redash(load(SPINNER))
    good = file.read_text(encoding="utf-8")
    for bad in (
        "",
        "- 1",
        "a: 1",
        "id: x",
        "id: 1\nvisualizations: 3",
        "id: 1\nvisualizations: [1]",
        "{",
        "\x00",
    ):
        file.write_text(bad)
        with pytest.raises(QuerygenError) as error:
            pair(made, tmp_path, query_id=None, data_source_id=None)
        assert error.value.diagnostics[0].code == "not-a-query", bad
    assert refused("stmo", SPINNER, "-o", tmp_path) == (1, "not-a-query")
    assert file.read_text() == bad
    file.write_text(good, encoding="utf-8")
    shutil.copy(file, tmp_path / f"43{stem[1:]}.yaml")
    assert refused("stmo", SPINNER, "-o", tmp_path) == (2, "several-queries")


def test_flags_that_mean_nothing_are_refused(tmp_path):
    assert refused("stmo", SPINNER) == (2, "bad-flag")
    assert refused("redash-json", SPINNER) == (2, "bad-flag")
    assert refused("redash-json", SPINNER, "--data-source", 1, "--id", 3) == (2, "bad-flag")
    (tmp_path / "file").write_text("")
    assert refused("stmo", SPINNER, "-o", tmp_path / "file") == (2, "unwritable")


# --- The body of the API -------------------------------------------------------------------------


def test_the_body_for_another_redash(tmp_path):
    _, sql, metadata = emitted(SPINNER, tmp_path)
    ran = querygen("emit", "redash-json", SPINNER, "--data-source", 3)
    body, data = json.loads(ran.text), parsed(metadata)
    assert body == {
        "query": {
            "name": data["name"],
            "description": data["description"],
            "query": sql,
            "data_source_id": 3,
            "schedule": None,
            "tags": [],
            "options": {"parameters": data["options"]["parameters"], "apply_auto_limit": False},
        },
        "visualizations": data["visualizations"],
    }


# --- Parameters ----------------------------------------------------------------------------------

WITH_PARAMETERS = [name for name in ALL if ALL[name].get("parameters")]


def with_series(spec):
    """The spec as it is emitted, where lines are told apart by several columns."""
    return (
        spec if spec.get("measure") == "counts" or not spec.get("percentiles") else {**spec, "series": True}
    )


@pytest.mark.parametrize("udfs", ["inline", "temp", "mozfun"])
@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_the_defaults_filled_in_are_the_text_that_is_rendered(name, udfs):
    plain = query(with_series(ALL[name]))
    made = for_redash(plain)
    assert "{{" in made.sql and "{{" not in plain.sql()
    filled = as_redash_fills(plain.checked(udfs).sql.template, made.parameters, choices(made.parameters))
    assert filled == plain.sql(udfs=udfs)
    if udfs == "inline":
        assert made.sql == plain.checked().sql.template


def test_a_spec_without_parameters_has_no_tags():
    for name in sorted({*ALL} - {*WITH_PARAMETERS}):
        sql = query_of(name).checked().sql
        assert sql.template == sql.text


def test_there_are_specs_of_every_kind_of_parameter():
    kinds = {one["kind"] for name in WITH_PARAMETERS for one in ALL[name]["parameters"].values()}
    assert kinds == {"enum", "number", "date", "date range"}


# Choices of readers, and the filters that say the same without parameters.
CHOSEN = {
    "one of each": (
        {
            "days": {"start": "2020-04-10", "end": "2020-04-12"},
            "country": "DE",
            "systems": ["Mac"],
            "from_id": 10,
            "to_id": 50,
        },
        {
            "submission_date": {"from": "2020-04-10", "to": "2020-04-12"},
            "country": "DE",
            "os": "Mac",
            "sample_id": {"gte": 10, "lt": 50},
        },
    ),
    "several": (
        {
            "days": {"start": "2020-04-20", "end": "2020-04-20"},
            "country": "FR",
            "systems": ["Linux", "Windows"],
            "from_id": -3.5,
            "to_id": 100,
        },
        {"submission_date": "2020-04-20", "country": "FR", "os": ["Linux", "Windows"]},
    ),
    "all": (
        {
            "days": {"start": "2020-04-06", "end": "2020-04-20"},
            "country": "all",
            "systems": ["Mac", "all"],
            "from_id": 0,
            "to_id": 100,
        },
        DAYS,
    ),
}


def rows_as_filled(spec, chosen, data, engine):
    """What an engine answers to the text that Redash sends."""
    checked = query(spec).checked()
    filled = as_redash_fills(checked.sql.template, for_redash(query(spec)).parameters, chosen)
    assert "{{" not in filled
    return run(check(replace(checked.sql, text=filled)), catalog_of(None), [str(data)], engine).rows()


def assert_says_the_same(chosen, filters, engine, tmp_path, pings):
    spec = ALL["parameters"]
    write_sample(tmp_path, pings, 12)
    plain = {key: value for key, value in spec.items() if key != "parameters"} | {"filters": filters}
    if "sample_id" not in filters:
        filters["sample_id"] = {"is_null": False}
    expected = query(plain).run(tmp_path).rows()
    assert expected
    assert rows_as_filled(spec, chosen, tmp_path, engine) == expected


@pytest.mark.parametrize("name", CHOSEN)
def test_a_choice_is_the_filter_that_it_says(name, tmp_path):
    chosen, filters = CHOSEN[name]
    assert_says_the_same(chosen, {**filters}, "duckdb", tmp_path, 20_000)


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("name", CHOSEN)
def test_a_choice_is_the_filter_that_it_says_on_googlesql(name, tmp_path):
    chosen, filters = CHOSEN[name]
    assert_says_the_same(chosen, {**filters}, "googlesql", tmp_path, 900)


@NEEDS_GOOGLESQL
@pytest.mark.parametrize("name", ["spinner-by-day", "parameters", "lines"])
def test_engines_agree_on_the_defaults(name):
    verdict = query(with_series(ALL[name])).verify(udfs=["inline"])
    assert verdict.agrees and verdict.n_rows


def in_place(place):
    reference = {"parameter": "p"}
    return {
        "cases of labels": {
            "dimensions": [{"name": "d", "of": "memory_mb", "cases": {"a": {"lt": reference}}}]
        },
        "cases of conditions": {
            "dimensions": [{"name": "d", "cases": [{"value": "a", "when": {"memory_mb": {"lt": reference}}}]}]
        },
        "events": {"measure": "rate", "events": {"count": "pings", "filters": {"memory_mb": reference}}},
        "exposure": {
            "measure": "rate",
            "events": "pings",
            "exposure": {"count": "pings", "filters": {"memory_mb": {"gt": reference, "lte": 9999}}},
        },
    }[place]


@pytest.mark.parametrize("place", ["cases of labels", "cases of conditions", "events", "exposure"])
def test_a_parameter_stands_wherever_a_filter_does(place):
    parameters = {"p": {"kind": "number", "default": 4096.5}}
    made = Query(**{"measure": "counts", "filters": DAYS, "parameters": parameters} | in_place(place))
    sql = for_redash(made).sql
    assert "{{ p }}" in sql and sql.replace("{{ p }}", "4096.5") == made.sql()


def of(condition, column, parameter, **also):
    filters = {"submission_date": "2020-04-20", column: condition}
    return {"measure": "counts", "filters": filters, "parameters": {"p": parameter}, **also}


P = {"parameter": "p"}
NUMBER = {"kind": "number", "default": 5}
ENUM = {"kind": "enum", "options": ["a", "b"]}
UNFIT = {
    "text as a number": (of(P, "memory_mb", ENUM), "wrong-type"),
    "a number as text": (of(P, "os", NUMBER), "wrong-type"),
    "text as a date": (of(P, "build_date", {"kind": "text", "default": "2020-04-20"}), "not-a-parameter"),
    "a date as a time": (
        of({"gte": P}, "build_time", {"kind": "date", "default": dt.date(2020, 4, 20)}),
        "wrong-type",
    ),
    "a range of versions": (
        of({"gte": P}, "app_version", {"kind": "enum", "options": ["75.0"]}),
        "not-a-parameter",
    ),
    "a prefix of builds": (of(P, "build_id", {"kind": "enum", "options": ["20200420"]}), "not-a-parameter"),
    "builds and a prefix": (
        of(P, "build_id", {"kind": "enum", "options": ["20200420095234", "2020"]}),
        "not-a-parameter",
    ),
    "builds as numbers": (
        of(P, "build_id", {"kind": "enum", "options": [20200420095234]}),
        "not-a-parameter",
    ),
    "the sample that counts are scaled from": (
        of({"lt": P}, "sample_id", NUMBER, scale=True),
        "not-a-parameter",
    ),
    "a range at one end": (
        of(
            {"gte": P},
            "build_date",
            {"kind": "date range", "default": {"from": "2020-04-06", "to": "2020-04-20"}},
        ),
        "not-one-value",
    ),
    "all at one end": (of({"gte": P}, "country", {**ENUM, "all": True}), "not-one-value"),
    "several at one end": (of({"gte": P}, "country", {**ENUM, "multiple": True}), "not-one-value"),
    "a filter beside it": (of({**P, "gte": 3}, "memory_mb", NUMBER), "two-bounds"),
    "all of numbers": (of(P, "memory_mb", {"kind": "enum", "options": [1, 2], "all": True}), "bad-option"),
    "numbers and texts": (of(P, "os", {"kind": "enum", "options": [1, "a"]}), "bad-option"),
    "no members": (of(P, "os", {"kind": "enum"}), "bad-option"),
    "a member twice": (of(P, "os", {"kind": "enum", "options": ["a", "a"]}), "bad-option"),
    "all twice": (of(P, "os", {"kind": "enum", "options": ["all"], "all": True}), "bad-option"),
    "members of a number": (of(P, "memory_mb", {**NUMBER, "options": [1]}), "unused-key"),
    "no default": (of(P, "memory_mb", {"kind": "number"}), "bad-default"),
    "a number that JavaScript hasn't": (of(P, "memory_mb", {**NUMBER, "default": 2**53}), "bad-default"),
    "a number without an end": (of(P, "memory_mb", {**NUMBER, "default": 10**400}), "bad-default"),
    "a large member": (of(P, "memory_mb", {"kind": "enum", "options": [-(2**53)]}), "bad-option"),
    "no number": (of(P, "memory_mb", {"kind": "number", "default": True}), "bad-default"),
    "no member": (of(P, "os", {**ENUM, "default": "c"}), "bad-default"),
    "true as a member": (
        of(P, "memory_mb", {"kind": "enum", "options": [1], "default": True}),
        "bad-default",
    ),
    "several of one": (of(P, "os", {**ENUM, "default": ["a"]}), "bad-default"),
    "a range the wrong way": (
        of(P, "build_date", {"kind": "date range", "default": {"from": "2020-04-20", "to": "2020-04-06"}}),
        "bad-default",
    ),
    "no day": (of(P, "build_date", {"kind": "date", "default": "2020-02-30"}), "bad-default"),
    "a name with a dot": (
        {**of({"parameter": "a.b"}, "os", ENUM), "parameters": {"a.b": ENUM}},
        "bad-parameter-name",
    ),
    "none of that name": (of({"parameter": "q"}, "os", ENUM), "unknown-parameter"),
    "none used": (of("Mac", "os", ENUM), "unused-parameter"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_can_be_no_parameter_is_refused(name):
    spec, code = UNFIT[name]
    with pytest.raises(QuerygenError) as error:
        query(spec).sql()
    assert {finding.code for finding in error.value.diagnostics} == {code}


def test_whole_builds_are_members():
    parameter = {"kind": "enum", "options": ["20200420095234", "20200419095234"], "all": True}
    made = for_redash(query(of(P, "build_id", parameter)))
    assert "('{{ p }}' = 'all' OR application.build_id = '{{ p }}')" in made.sql


def test_an_error_names_the_place_and_the_name_that_was_meant(tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        SPINNER.read_text(encoding="utf-8").replace("{parameter: systems}", "{parameter: system}")
    )
    ran = querygen("render", spec)
    assert ran.code == 1
    assert re.search(
        r"spec\.yaml:14:19: error: no parameter is called `system` \[unknown-parameter\]", ran.stderr
    )
    assert "help: a parameter with a similar name exists: `systems`" in ran.stderr


# --- Nothing that readers choose, and nothing in a spec, becomes SQL or markup -------------------


@pytest.mark.parametrize("hostile", PAYLOADS.values(), ids=PAYLOADS)
def test_a_member_is_one_literal_or_refused(hostile):
    assert_member_is_inert(hostile)


@settings(max_examples=60)
@given(TEXT)
def test_any_member_is_one_literal_or_refused(text):
    assert_member_is_inert(text)


def assert_member_is_inert(text):
    spec = of(P, "country", {"kind": "enum", "options": ["DE", text], "all": True, "multiple": True})
    try:
        made = for_redash(query(spec))
    except QuerygenError as error:
        assert {finding.code for finding in error.diagnostics} == {"bad-option"}
        assert (
            set(text) & {*"'\"`\\{};"}
            or text != text.strip()
            or not text.isprintable()
            or text in ("DE", "all", "")
        )
        return
    members = made.parameters[0]["enumOptions"].split("\n")
    assert members == ["all", "DE", text]
    filled = as_redash_fills(made.sql, made.parameters, {"p": [text]})
    harmless = as_redash_fills(made.sql, made.parameters, {"p": ["DE"]})
    (select,) = sqlglot.parse(filled, dialect="bigquery")
    literals = [one.this for one in select.find_all(exp.Literal) if one.this == text]
    assert len(literals) >= 2  # in both tests
    named = select.transform(
        lambda node: exp.Literal.string("DE") if isinstance(node, exp.Literal) and node.this == text else node
    )
    (expected,) = sqlglot.parse(harmless, dialect="bigquery")
    if text not in ("all", "DATE") and not re.fullmatch("[0-9-]+", text):
        assert named == expected


def test_a_drop_in_a_member_or_a_default_is_refused():
    for bad in ("'; DROP TABLE x; --", "a\\", 'a"b', "`a`", "{{ x }}", "a;b", "a\nb", " a", ""):
        with pytest.raises(QuerygenError):
            query(of(P, "os", {"kind": "enum", "options": [bad]}))
        with pytest.raises(QuerygenError):
            query(of(P, "os", {**ENUM, "default": bad}))
        if bad != " a":
            with pytest.raises(QuerygenError):
                query(of(P, "os", {"kind": "text", "default": bad}))


def test_free_text_must_be_forced(tmp_path):
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(of(P, "os", {"kind": "text", "default": "Mac"})))
    assert querygen("render", spec).code == 0
    assert refused("stmo", spec, "-o", tmp_path / "queries") == (1, "text-parameter")
    assert not (tmp_path / "queries").exists()
    _, sql, metadata = emitted(spec, tmp_path / "queries", "--allow-text")
    assert "normalized_os = '{{ p }}'" in sql
    assert parsed(metadata)["options"]["parameters"][0]["type"] == "text"


def test_other_braces_are_refused(tmp_path):
    spec = of(P, "os", ENUM)
    spec["filters"]["country"] = "{{ p }}"
    with pytest.raises(QuerygenError) as error:
        for_redash(query({**spec, "silence": ["redash-braces"]}))
    assert error.value.diagnostics[0].code == "redash-braces"


def test_a_mark_cannot_be_forged():
    """Parameters are marked by halves of characters, which no text of a spec can have."""
    forged = "\ud800'{{ x }}'\ud801a\ud802"
    with pytest.raises(QuerygenError):
        query(of(forged, "os", {})).sql()
    sql = Query(measure="counts", filters=DAYS, title=forged, description=forged).sql()
    assert not re.search("[\ud800-\udfff]", sql) and "{{" not in sql


@pytest.mark.parametrize("payload", [*PAYLOADS.values(), "no", "~", "1e3", "a: b # c", "- a", "&a *b"])
def test_words_stay_in_their_key(payload, tmp_path):
    """Titles and descriptions are texts of the YAML, whatever is in them, and of one line."""
    spec = of(P, "os", {**ENUM, "title": payload}, title=payload or "a", description=payload)
    made = pair(for_redash(query(spec)), tmp_path, query_id=None, data_source_id=None)
    assert re.fullmatch(r"0-[\w-]*", made.stem.name) and made.stem.parent == tmp_path
    data = parsed(made.metadata)
    assert_is_metadata(data)
    words = comment(payload)
    assert data["options"]["parameters"][0]["title"] in {words, "p"}
    assert data["name"] == (words or ("Untitled" if payload else "a"))
    assert data["description"] == (words or None)


# --- The chart -----------------------------------------------------------------------------------


def chart(**spec):
    made, *others = Query(**{"filters": DAYS, "histogram": HISTOGRAM} | spec).redash().visualizations
    assert [one["name"] for one in others] == (["Exposure of rates"] if spec.get("measure") == "rate" else [])
    options = made["options"]
    assert options["missingValuesAsZero"] is False
    assert options["sortX"] == (options["xAxis"]["type"] != "category")
    return options["globalSeriesType"], options["xAxis"]["type"], options["columnMapping"]


RATE = {"measure": "rate", "histogram": None, "events": "pings"}
COMPARISON = {
    "measure": "compare",
    "experiment": "tab-warming-nightly-77",
    "control": "control",
    "branches": ["treatment"],
    "permutations": 20,
}
CHARTS = {
    "percentiles over days": (
        {"percentiles": [0.5], "dimensions": ["os", "build_date"]},
        ("line", "datetime", {"build_date": "x", "value": "y", "series": "series"}),
    ),
    "percentiles of groups": (
        {"percentiles": [0.5, 0.9], "dimensions": ["os"]},
        ("column", "category", {"os": "x", "value": "y", "series": "series"}),
    ),
    "percentiles": (
        {"percentiles": [0.5, 0.9]},
        ("column", "category", {"percentile": "x", "value": "y"}),
    ),
    "a distribution": ({}, ("column", "category", {"bucket": "x", "share": "y"})),
    "distributions of a text": (
        {"dimensions": ["os"]},
        ("column", "category", {"bucket": "x", "share": "y", "os": "series"}),
    ),
    "distributions of a date": (
        {"dimensions": ["build_date"]},
        ("column", "category", {"bucket": "x", "share": "y", "series": "series"}),
    ),
    "means over days": (
        {"measure": "summary", "dimensions": ["submission_date"]},
        ("line", "datetime", {"submission_date": "x", "mean": "y"}),
    ),
    "clients": (
        {"measure": "counts", "histogram": None, "dimensions": ["country", "os"]},
        ("column", "category", {"country": "x", "n_clients": "y", "os": "series"}),
    ),
    "rates over time": (
        {"measure": "rate", "histogram": None, "events": "pings", "interval": "day", "dimensions": ["os"]},
        ("line", "datetime", {"time": "x", "rate": "y", "os": "series"}),
    ),
    "rates since the release": (
        {
            "measure": "rate",
            "histogram": None,
            "events": "pings",
            "interval": "hour",
            "align": "release",
            "dimensions": ["app_version"],
        },
        ("line", "linear", {"hours_since_release": "x", "rate": "y", "app_version": "series"}),
    ),
    "a rate with its limits": (
        RATE | {"interval": "day", "confidence": 0.95},
        ("line", "datetime", {"time": "x", "rate": "y", "lower": "y", "upper": "y"}),
    ),
    "rates with limits": (
        RATE | {"interval": "day", "dimensions": ["os"], "confidence": 0.95},
        ("line", "datetime", {"time": "x", "rate": "y", "os": "series"}),
    ),
    "rates of versions at the same age": (
        RATE | {"align": "release", "dimensions": ["app_version"]},
        ("column", "category", {"app_version": "x", "rate": "y", "adjusted_rate": "y"}),
    ),
    "rates of versions at the same age by system": (
        RATE | {"align": "release", "dimensions": ["app_version", "os"]},
        ("column", "category", {"app_version": "x", "adjusted_rate": "y", "os": "series"}),
    ),
    "a comparison": (
        COMPARISON | {"statistics": ["chi2"]},
        ("column", "category", {"branch": "x", "difference": "y"}),
    ),
    "comparisons": (
        COMPARISON | {"statistics": ["chi2", "median"], "dimensions": ["os"]},
        ("column", "category", {"os": "x", "difference": "y", "series": "series"}),
    ),
}


@pytest.mark.parametrize("name", CHARTS)
def test_the_chart_shows_the_measure(name):
    spec, expected = CHARTS[name]
    assert chart(**spec) == expected


@pytest.mark.parametrize(
    ("spec", "mapping"),
    [
        ({"interval": "day", "dimensions": ["os"]}, {"time": "x", "exposure": "y", "os": "series"}),
        ({"interval": "day", "confidence": 0.9}, {"time": "x", "exposure": "y"}),
        (
            {"align": "release", "dimensions": ["app_version"]},
            {"app_version": "x", "exposure": "y", "adjusted_exposure": "y"},
        ),
        (
            {"align": "release", "dimensions": ["app_version", "os"]},
            {"app_version": "x", "adjusted_exposure": "y", "os": "series"},
        ),
    ],
    ids=str,
)
def test_a_rate_has_a_chart_of_what_it_is_of(spec, mapping):
    rates, exposure = for_redash(Query(filters=DAYS, **RATE | spec)).visualizations
    assert (rates["name"], exposure["name"]) == ("Rates", "Exposure of rates")
    options = exposure["options"]
    assert (options["globalSeriesType"], options["columnMapping"]) == ("column", mapping)
    assert options["yAxis"][0]["title"]["text"].endswith("exposure (usage hours)")
    assert rates["options"]["yAxis"][0]["title"]["text"].endswith("rate (per 1000 usage hours)")
    assert options["xAxis"] == rates["options"]["xAxis"]


@pytest.mark.parametrize(
    ("spec", "notes"),
    [
        (COMPARISON | {"statistics": ["chi2"]}, ["p-values"]),
        (COMPARISON | {"statistics": ["chi2", "median"]}, ["p-values", "all statistics"]),
        ({"percentiles": [0.5], "confidence": 0.9}, ["`lower` and `upper`"]),
        ({"percentiles": [0.5]}, []),
        (RATE | {"interval": "day", "confidence": 0.9}, ["`time`"]),
        (
            RATE | {"interval": "day", "confidence": 0.9, "dimensions": ["os"]},
            ["`time`", "`lower` and `upper`"],
        ),
    ],
)
def test_what_redash_cannot_draw_is_told(spec, notes):
    made = for_redash(Query(**{"filters": DAYS, "histogram": HISTOGRAM} | spec)).notes
    assert len(made) == len(notes)
    assert all(note.startswith(start) for note, start in zip(made, notes, strict=True))


def test_emitting_rates_anew_keeps_both_charts_apart(tmp_path):
    spec = tmp_path / "rates.yaml"
    head = "title: mine\nfilters: {submission_date: {last: 7 days}}\ntoday: 2020-04-20\n"
    spec.write_text(f"{head}measure: rate\nevents: pings\ninterval: day\n")
    queries = tmp_path / "queries"
    stem, _, metadata = emitted(spec, queries)
    data = parsed(metadata)
    for number, one in enumerate(data["visualizations"], 1):
        one["id"] = number
    # Whoever sorts them otherwise changes nothing.
    data["visualizations"].reverse()
    with (queries / f"{stem}.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(data, file)
    again = parsed(emitted(spec, queries)[2])["visualizations"]
    assert [(one["id"], one["name"]) for one in again] == [(2, "Exposure of rates"), (1, "Rates")]
    mapped = [one["options"]["columnMapping"] for one in again]
    assert mapped == [{"time": "x", "exposure": "y"}, {"time": "x", "rate": "y"}]
    # Of another measure the first of ours is drawn anew, under its id.
    spec.write_text(f"{head}measure: counts\ndimensions: [os]\n")
    counts = [one for one in parsed(emitted(spec, queries)[2])["visualizations"] if one["name"] == "Clients"]
    assert [one["id"] for one in counts] == [2]


def test_rows_that_no_axis_has_have_no_chart():
    for spec in ({"measure": "pings"}, {"measure": "counts"}):
        assert Query(filters=DAYS, **spec).redash().visualizations == ()


def test_the_text_of_the_chart_in_the_header_is_the_chart():
    header = Query(filters=DAYS, histogram=HISTOGRAM, percentiles=[0.5], dimensions=["os", "build_date"])
    assert "Chart in STMO: type line, x = build_date, y = value, series = percentile and os" in header.sql()
    assert "Chart in STMO: type line, x = build_date, y = value, series = series" in header.redash().sql


def test_builds_as_text_are_no_axis_of_time():
    made = Query(filters=DAYS, histogram=HISTOGRAM, percentiles=[0.5], dimensions=["build_id"]).redash()
    assert any("`build_date`" in note for note in made.notes)


def test_times_with_a_zone_are_told():
    made = Query(filters=DAYS, measure="rate", events="pings", interval="day")
    assert any("`time` is a TIMESTAMP" in note for note in for_redash(made).notes)
    dated = Query(filters=DAYS, measure="rate", events="pings", dimensions=["submission_date"])
    assert for_redash(dated).notes == ()


# --- The column `series` -------------------------------------------------------------------------


def test_series_is_all_that_tells_rows_apart_beside_x():
    spec = {"histogram": HISTOGRAM, "filters": DAYS, "percentiles": [0.001, 0.5, 0.999], "series": True}
    family = {"name": "family", "of": "os", "cases": {"a": "Mac", "b": "Linux"}}
    rows = Query(**spec, dimensions=["build_date", family, "cpu_cores"]).run().rows()
    shown = {0.001: "p0.1", 0.5: "p50", 0.999: "p99.9"}
    assert {row["family"] for row in rows} == {"a", "b", None} and len(rows) > 100
    for row in rows:
        family, cores = (
            "(none)" if row[name] is None else str(row[name]) for name in ("family", "cpu_cores")
        )
        assert row["series"] == f"{shown[row['percentile']]} · {family} · {cores}"


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"series": True}, "unused-key"),
        ({"series": True, "measure": "summary", "dimensions": ["os"]}, "unused-key"),
        (
            {"series": True, "dimensions": [{"name": "at", "of": "submission_timestamp"}]},
            "not-a-series",
        ),
    ],
)
def test_a_series_of_nothing_is_refused(spec, code):
    with pytest.raises(QuerygenError) as error:
        Query(**{"histogram": HISTOGRAM, "filters": DAYS} | spec).sql()
    assert [finding.code for finding in error.value.diagnostics] == [code]


def test_what_cannot_be_told_apart_is_named_where_it_stands(tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text("histogram: GC_MS\nfilters: {submission_date: 2020-04-20}\ndimensions: [os, memory_mb]\n")
    ran = querygen("emit", "stmo", spec, "-o", tmp_path / "queries")
    assert (ran.code, ran.text) == (1, "")
    assert ran.stderr.split("spec.yaml:")[1].splitlines() == [
        "3:18: error: `memory_mb` is a FLOAT64, which engines write differently in the text `series`"
        " [not-a-series]",
        "    3 | dimensions: [os, memory_mb]",
        "      |                  ^^^^^^^^^",
        "  help: use `bands` or `cases` of it, or leave it out",
    ]


def test_rows_that_are_one_point_are_refused(tmp_path):
    """`a · b` with `c` is the same text as `a` with `b · c`."""
    spec = {
        "histogram": HISTOGRAM,
        "filters": DAYS,
        "dimensions": [
            {"name": "one", "of": "os", "cases": {"a · b": "Windows", "a": "Mac"}},
            {"name": "other", "of": "os", "cases": {"c": "Windows", "b · c": "Mac"}},
        ],
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    queries = tmp_path / "queries"
    assert refused("stmo", tmp_path / "spec.json", "-o", queries) == (1, "duplicate-points")
    assert not queries.exists()
    spec["dimensions"][1]["cases"] = {"c": "Windows", "d": "Mac"}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    assert emitted(tmp_path / "spec.json", queries)


def test_points_are_checked_on_the_data_that_is_given(tmp_path):
    ran = querygen("emit", "stmo", SPINNER, "-o", tmp_path / "queries", "--data", tmp_path / "none")
    assert (ran.code, (tmp_path / "queries").exists()) == (2, False)


def test_silence_about_points_is_told(tmp_path):
    made = load({"histogram": HISTOGRAM, "filters": {"submission_date": "1999-01-01"}}).redash()
    assert any("no row" in note for note in made.notes)
