"""The pages of reference say what the code does: they are made of it, and their examples compile."""

import json
import re
from pathlib import Path

import pytest
from reference_page import (
    COLUMNS,
    MODELS,
    TOLD,
    codes,
    columns_by_measure,
    example_lines,
    examples,
    flow,
    reference,
    spec_with,
)
from ruamel.yaml import YAML

from querygen import Query
from querygen.api import catalog_of
from querygen.source import from_mapping
from querygen.spec import Spec, json_schema
from querygen.spec_rules import MEANT_FOR

DOCS = Path(__file__).parents[1] / "docs"
PROBES = DOCS.parent / "examples" / "glean" / "probes"
KEYS = list(Spec.model_fields)


def test_the_reference_is_what_the_code_says(golden):
    golden(DOCS / "reference.md", reference())


def test_the_codes_are_those_that_are_explained(golden):
    golden(DOCS / "codes.md", codes())


def test_every_key_has_its_place():
    placed = [key for keys in TOLD["sections"].values() for key in keys]
    assert sorted(placed) == sorted(KEYS)
    assert set(TOLD["more"]) <= set(KEYS)
    assert set(TOLD["tables"]) == set(json_schema()["$defs"]) == set(MODELS) - {"StrictModel", "BaseModel"}


def test_the_dimensions_that_are_defined_compile():
    (text,) = re.findall(r"```yaml\n(dimensions:\n  - \{name: version.*?)```", reference(), re.DOTALL)
    spec = YAML(typ="safe", pure=True).load(text)
    query = Query(**spec, measure="counts", filters={"submission_date": "2020-04-20"})
    assert {row["machine"] for row in query.run().rows()} == {"small", "mac", None}


@pytest.mark.parametrize("key", KEYS)
def test_every_example_compiles_and_means_something(key):
    for value in examples(key):
        spec = spec_with(key, value)
        made = Query.of(from_mapping(spec), catalog_of(None, str(PROBES)))
        assert made.sql().rstrip()
        assert made.spec.measure in MEANT_FOR.get(key, (made.spec.measure,))
        assert getattr(made.spec, key) != Spec.model_fields[key].default
        typed = YAML(typ="safe", pure=True).load(example_lines(key, value))
        assert json.loads(json.dumps(typed, default=str)) == json.loads(json.dumps({key: value}))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("10.0", '"10.0"'),
        ("10%", "10%"),
        ("*", '"*"'),
        ("a-slug@x.org", "a-slug@x.org"),
        ({"a": [1, True]}, "{a: [1, true]}"),
    ],
)
def test_values_are_written_as_yaml_reads_them(value, written):
    assert flow(value) == written
    assert YAML(typ="safe", pure=True).load(written) == value


def test_every_column_of_a_result_is_explained():
    for measure, columns in columns_by_measure().items():
        for column in columns:
            assert column in COLUMNS["all"] | COLUMNS[measure] | COLUMNS.get(f"{measure} of numbers", {})
