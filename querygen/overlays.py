"""Overlays: the distributions that a comparison compares, as questions of their own, for its chart.

The rows of `measure: compare` say how much branches differ, not where. A chart lays their distributions over
each other; so these are asked for in the same words: the same pings, clients, histograms, keys and weights.
"""

from collections.abc import Mapping
from typing import Any

from querygen.conditions import Condition
from querygen.enrolments import Comparison
from querygen.spec import Spec

_BRANCH = "branch"
_OF_COMPARISONS = (
    "control", "branches", "placebo", "analysis_unit", "statistics", "permutations", "cells", "seed",
    "p_value", "confidence", "min_clients", "low_data", "title", "description", "series",
)  # fmt: skip


def overlaid(spec: Spec) -> Mapping[str, Spec]:
    """The distributions of each experiment that is compared, by its slug; none where clients have numbers.

    Without an experiment, the slug is empty.
    """
    if spec.measure != "compare" or spec.is_number:
        return {}
    return {
        one.experiment.slug if one.experiment else "": _distribution(spec, one) for one in spec.comparisons
    }


def _distribution(spec: Spec, compared: Comparison) -> Spec:
    bare = {name: Spec.model_fields[name].get_default(call_default_factory=True) for name in _OF_COMPARISONS}
    names = [one if isinstance(one, str) else one.name for one in spec.dimensions]
    dimensions = tuple(d for d, name in zip(spec.dimensions, names, strict=True) if name != "experiment")
    changed: dict[str, Any] = {
        "measure": "distribution",
        "dimensions": dimensions if _BRANCH in names else (*dimensions, _BRANCH),
        "experiment": compared.experiment,
    }
    if spec.analysis_unit == "client" and spec.normalization == "none":
        # Pings without a client are of nobody who could be drawn.
        changed["filters"] = {"client_id": Condition(is_null=False), **spec.filters}
    return spec.model_copy(update=bare | changed)
