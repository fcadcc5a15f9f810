"""The coverage run: on schemas in small, in its failures, and a sample of it on the real schemas."""

import json
from collections import Counter
from importlib.util import find_spec

import pytest
from coverage_cases import GLEAN, MAIN, drawn, found_columns, found_numbers, schema_cases
from coverage_check import Checker
from coverage_run import SHARED, Setup, all_cases, main, schema_files
from harness import NEEDS_GOOGLESQL
from mini import write_definitions, write_schemas

from querygen.api import catalog_of
from querygen.engines import googlesql
from querygen.schema import Schema

needs_real = pytest.mark.skipif(
    not (SHARED / "schemas").exists(), reason="the production schemas are not at ../shared"
)


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    """A folder with small schemas and definitions, and a cache of its own for the latter."""
    if find_spec("zetasql"):
        googlesql.run("SELECT 1", {})  # out of the users' cache: to compile the evaluator takes long
    folder = tmp_path_factory.mktemp("mini")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        write_schemas(folder)
        yield write_definitions(folder)


def test_all_of_small_schemas_in_every_form_and_on_a_row(mini, capsys):
    assert main([f"--schemas={mini}", "--on-row=1", "--workers=1", "--seed=1", "--no-googlesql"]) == 0
    shown = capsys.readouterr().out
    rows = [line.split("  ") for line in shown.splitlines() if line.endswith("  0")]
    counted = {tuple(cell.strip() for cell in row if cell.strip()) for row in rows}
    # GC_MS in three processes, DOM_MS in one.
    assert (MAIN, "histogram", "content", "unkeyed", "2", "2", "0") in counted
    assert (MAIN, "histogram", "combined", "unkeyed", "1", "1", "0") in counted
    assert (MAIN, "histogram", "children", "unkeyed", "1", "1", "0") in counted
    for keys in ("summed", "one key", "dimension key"):
        assert (MAIN, "keyed, among unkeyed", "socket", keys, "1", "1", "0") in counted
        assert (MAIN, "keyed histogram", "combined", keys, "1", "1", "0") in counted
        assert (GLEAN, "labeled_custom_distribution", "-", keys, "1", "1", "0") in counted
    assert (GLEAN, "of several types: refused", "-", "unkeyed", "1", "0", "0") in counted
    # CLICKS is keyed in two processes, TABS with and without keys; THEME is a text.
    assert (MAIN, "scalars", "parent", "unkeyed", "1", "1", "0") in counted
    assert (MAIN, "scalars", "content", "unkeyed", "1", "1", "0") in counted
    assert (MAIN, "keyed_scalars", "parent", "dimension key", "2", "2", "0") in counted
    assert (MAIN, "keyed_scalars", "combined", "one key", "1", "1", "0") in counted
    assert (MAIN, "scalar that is no number: refused", "-", "unkeyed", "1", "0", "0") in counted
    assert (GLEAN, "counter", "-", "unkeyed", "2", "2", "0") in counted
    assert (GLEAN, "quantity", "-", "unkeyed", "1", "1", "0") in counted
    assert (GLEAN, "labeled_counter", "-", "summed", "1", "1", "0") in counted
    assert shown.splitlines()[-2].endswith(": 0 failures")
    assert shown.splitlines()[-1] == "seed 1"


@NEEDS_GOOGLESQL
def test_googles_analyzer_reads_all_and_its_evaluator_the_rows(mini, capsys, monkeypatch):
    """By default, against the whole schema."""
    arguments = [f"--schemas={mini}", "--sample=15", "--on-row=0.3", "--workers=1", "--seed=5"]
    assert main(arguments) == 0
    schemas = []

    def refused(sql, tables):
        schemas.append(next(iter(tables.values())))
        return googlesql.Refusal("no", 1, 1)

    monkeypatch.setattr(googlesql, "analyze", refused)
    assert main(arguments) == 1
    assert "Google's analyzer refuses the SQL: no" in capsys.readouterr().out
    bare = catalog_of(schema_files(mini))
    assert {*map(len, map(list, map(Schema.leaves, schemas)))} <= {
        len(list(bare.get(table).schema.leaves())) for table in (MAIN, GLEAN)
    }


def test_definitions_and_mirrors_of_small_schemas(mini):
    bare, defined = Setup(schema_files(mini), mini, googlesql=False).catalogs()
    cases, notes = all_cases(bare, defined)
    explained = drawn([case for case in cases if case.definition], 1, 0.2)
    counts = Counter((case.table, case.kind) for case in explained)
    assert counts[GLEAN, "mirror, by its legacy name"] == 6
    assert counts[MAIN, "mirror, by its Glean name"] == 5
    assert counts[MAIN, "defined as exponential"] == 2
    assert notes == [
        f"2 pairs not in {MAIN}: the schema has no column for it",
        f"1 pairs not in {GLEAN}: the schema has no column for it",
    ]
    checker = Checker(bare, defined, googlesql=False)
    assert [failure for case in explained if (failure := checker.failure(case))] == []


def test_workers_and_samples(mini, capsys):
    assert main([f"--schemas={mini}", "--sample=3", "--workers=2", "--no-googlesql"]) == 0
    assert "\n3 specs, 0 of them on a row, " in capsys.readouterr().out


def test_failures_are_listed(mini, tmp_path, capsys):
    """Here the clients' ids are numbers, which no query expects."""
    fields = json.loads((mini / "main.1.bq").read_text())
    for field in fields:
        if field["name"] == "client_id":
            field["name"] = "another_id"
    (tmp_path / "main.1.bq").write_text(json.dumps(fields))
    assert main([f"--schemas={tmp_path}", "--workers=1", "--seed=7", "--no-googlesql"]) == 1
    shown = capsys.readouterr().out
    assert '{"histogram": "GC_MS", "source": "telemetry.main"' in shown
    assert "client_id" in shown.split("failures\n")[1]


def test_a_folder_without_schemas(tmp_path, capsys):
    assert main([f"--schemas={tmp_path}"]) == 2
    assert "has no main.*.bq* or metrics.*.bq*" in capsys.readouterr().err


@pytest.mark.parametrize("sabotage", ["another column", "another share", "a name is missing"])
def test_what_is_wrong_is_noticed(mini, sabotage):
    bare = catalog_of(schema_files(mini))
    name = "gc_slice" if sabotage == "a name is missing" else "LATE_ACK"
    table = GLEAN if sabotage == "a name is missing" else MAIN
    case = next(
        case
        for case in drawn(list(schema_cases(bare, table)), 1, 1)
        if case.spec["histogram"] == name and case.keys in ("unkeyed", "one key")
    )
    checker = Checker(bare, None, googlesql=False)
    assert checker.failure(case) is None
    changes = {
        "another column": {"columns": case.decoys},
        "another share": {"keys": "summed"},
        "a name is missing": {"names": ("metrics.memory_distribution.gc_slice",)},
    }
    failure = checker.failure(type(case)(**{**_fields(case), **changes[sabotage]}))
    assert failure
    assert {"another column": "it reads", "another share": "the shares are", "a name is missing": "not name"}[
        sabotage
    ] in failure.error


def _fields(case):
    return {name: getattr(case, name) for name in case.__dataclass_fields__}


@needs_real
def test_every_column_of_the_real_schemas_is_asked():
    bare = catalog_of(schema_files(SHARED / "schemas"))
    counts = {}
    for table in (MAIN, GLEAN):
        schema = bare.get(table).schema
        columns = {column.path for column in (*found_columns(schema), *found_numbers(schema)[0])}
        asked = {column.path for case in schema_cases(bare, table) for column in case.columns}
        assert asked == columns
        counts[table] = len(columns)
    assert counts == {MAIN: 4425 + 786, GLEAN: 1085 + 1051}  # distributions, and numbers


@needs_real
def test_a_sample_of_the_real_schemas(tmp_path_factory, monkeypatch):
    """`make coverage` asks all of them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache_of_real_definitions")))
    setup = Setup(schema_files(SHARED / "schemas"), SHARED / "probes", googlesql=False)
    bare, defined = setup.catalogs()
    cases, _ = all_cases(bare, defined)
    assert len(cases) > 12_000
    checker = Checker(bare, defined, googlesql=False)
    sample = drawn(cases, 20260101, 0.1, 60)
    assert [failure for case in sample if (failure := checker.failure(case))] == []
