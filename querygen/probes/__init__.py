"""Probe definitions: what gecko's Histograms.json and Scalars.yaml and Glean's metrics.yaml files say.

`read_probes(path)` reads them into `Definitions`, which finds a `ProbeDefinition` by name and ties Glean
metrics to their legacy names (`Mirror`). `match_schema` says which columns of a table they explain.

The steps, one module each: `files` finds and decodes definition files, `parse` makes definitions out of their
content, `definition` is what they become, `match` compares them with a schema.
"""

from querygen.probes.definition import (
    UNITS,
    Definitions,
    Generation,
    Mirror,
    ProbeDefinition,
    is_use_counter,
)
from querygen.probes.files import is_definitions
from querygen.probes.match import SchemaMatch, match_schema
from querygen.probes.parse import read_probes

__all__ = [
    "UNITS",
    "Definitions",
    "Generation",
    "Mirror",
    "ProbeDefinition",
    "SchemaMatch",
    "is_definitions",
    "is_use_counter",
    "match_schema",
    "read_probes",
]
