"""The JSON Schemas by which editors complete, explain and check specs and their tests."""

import json
from pathlib import Path

import jsonschema
import pytest
from commandline import querygen
from pydantic import BaseModel, create_model

from querygen.cases import model as tests
from querygen.conditions import StrictModel
from querygen.spec import Spec

EXAMPLES = Path(__file__).parents[1] / "examples"
SCHEMAS = {
    "spec": json.loads(querygen("schema").text),
    "test": json.loads(querygen("schema", "--tests").text),
}
NO_SPECS = {"queries", "probes", ".github", "__querygen__"}
FILES = [p for p in sorted(EXAMPLES.rglob("*.yaml")) if not set(p.relative_to(EXAMPLES).parts) & NO_SPECS]


def keys():
    """Every key of every mapping: the schema, the mapping's name, the key, and what is said of it."""
    for kind, schema in SCHEMAS.items():
        for name, part in [("", schema), *schema["$defs"].items()]:
            for key, about in part.get("properties", {}).items():
                yield pytest.param(schema, key, about, id=f"{kind}.{name}.{key}")


@pytest.mark.parametrize(("schema", "key", "about"), [*keys()])
def test_every_key_is_described_and_has_examples_that_are_valid(schema, key, about):
    description = about["description"]
    assert len(description) > 10 and not description.endswith("."), description
    assert about["examples"]
    validator = jsonschema.Draft202012Validator({"$defs": schema["$defs"], **about})
    for example in about["examples"]:
        validator.validate(example)
        assert example != about.get("default"), "an example of what need not be written"
    assert "title" not in about and about.get("default", 0) is not None


def models(base=StrictModel):
    return [base, *(inner for sub in base.__subclasses__() for inner in models(sub))]


@pytest.mark.parametrize("model", models()[1:], ids=lambda model: model.__name__)
def test_the_examples_are_valid_for_the_model_too(model: type[BaseModel]):
    for name, field in model.model_fields.items():
        key = field.alias or name
        alone = create_model(f"Only{name}", __base__=StrictModel, **{name: (field.annotation, field)})
        for example in field.examples or ():
            alone.model_validate({key: example})


@pytest.mark.parametrize(("kind", "flags"), [("spec", []), ("test", ["--tests"])])
def test_the_repository_has_the_schemas_that_its_examples_name(kind, flags, golden):
    golden(EXAMPLES / f"{kind}.schema.json", querygen("schema", *flags).text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_every_example_tells_editors_its_schema(path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    start = "# yaml-language-server: $schema="
    assert first.startswith(start)
    kind = "test" if path.name.endswith(".test.yaml") else "spec"
    assert (path.parent / first.removeprefix(start)).resolve() == (EXAMPLES / f"{kind}.schema.json").resolve()


def test_there_are_examples_of_both_kinds():
    tests_of_specs = [path for path in FILES if path.name.endswith(".test.yaml")]
    assert len(tests_of_specs) > 20 and len(FILES) - len(tests_of_specs) > 60


def test_what_a_test_overrides_is_explained_as_in_the_spec():
    spec, overrides = SCHEMAS["spec"]["properties"], SCHEMAS["test"]["$defs"]["Overrides"]["properties"]
    assert {key: about["description"] for key, about in overrides.items()} == {
        key: about["description"] for key, about in spec.items()
    }
    assert set(spec) == set(Spec.model_fields)
    assert tests.json_schema() == SCHEMAS["test"]
