"""Charts of examples, and what is in them."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import jsonschema
import pyarrow as pa
import pytest
from test_examples import data_of, probes_of

from querygen import Query
from querygen.api import load
from querygen.result import ARROW_TYPES, Result


@cache
def answered(path):
    """The result of an example, with the distributions that it compares."""
    return load(path, probes=probes_of(path)).run(data_of(path), repeatable=True, overlays=True)


@cache
def vega_lite():
    """A validator of the schema of Vega-Lite 6, which altair carries."""
    altair = pytest.importorskip("altair", reason="altair, which carries the schema, is not installed")
    file = Path(altair.__file__).parent / "vegalite" / "v6" / "schema" / "vega-lite-schema.json"
    return jsonschema.Draft7Validator(json.loads(file.read_text(encoding="utf-8")))


def found(spec, key):
    """All values of a key, wherever it stands."""
    if isinstance(spec, dict):
        return [value for k, value in spec.items() if k == key] + [
            inner for value in spec.values() for inner in found(value, key)
        ]
    return [inner for value in spec for inner in found(value, key)] if isinstance(spec, list) else []


def layers(spec, mark):
    """The units of a chart that have this mark."""
    if isinstance(spec, list):
        return [unit for value in spec for unit in layers(value, mark)]
    if not isinstance(spec, dict):
        return []
    if isinstance(spec.get("mark"), dict):
        return [spec] if spec["mark"]["type"] == mark else []
    return [unit for value in spec.values() for unit in layers(value, mark)]


def result_of(rows, overlays=None, **spec):
    """A result with these rows, as the query of a spec would give it; columns that are not given are NULL."""
    plan = Query(**spec).plan()
    full = [{column.name: row.get(column.name) for column in plan.columns} for row in rows]
    unknown = {name for row in rows for name in row} - {column.name for column in plan.columns}
    assert not unknown
    schema = pa.schema([(column.name, ARROW_TYPES[column.type]) for column in plan.columns])
    return replace(Result.of(pa.Table.from_pylist(full, schema), plan), overlays=overlays or {})


def values_of(unit):
    """The values that a unit of a chart draws."""
    return unit["data"]["values"]
