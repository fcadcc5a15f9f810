"""Compiles short declarative specs into BigQuery SQL for Firefox telemetry, and proves it right.

from querygen import Query, load

query = Query(
    histogram="FX_TAB_SWITCH_SPINNER_VISIBLE_MS",
    filters={"submission_date": {"from": "2020-04-06", "to": "2020-04-20"}},
    percentiles=[0.5, 0.95],
)
print(query.sql())
print(query.run().rows())
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from querygen.answer import Answer
    from querygen.api import Query, load
    from querygen.display.plot import Plot
    from querygen.display.sql import Sql
    from querygen.errors import EngineError, QuerygenError, UsageError
    from querygen.provenance import Provenance
    from querygen.result import Result

VERSION = "0.1.0"

_HOMES = {
    "Query": "querygen.api",
    "load": "querygen.api",
    "Answer": "querygen.answer",
    "Result": "querygen.result",
    "Plot": "querygen.display.plot",
    "Sql": "querygen.display.sql",
    "Provenance": "querygen.provenance",
    "QuerygenError": "querygen.errors",
    "UsageError": "querygen.errors",
    "EngineError": "querygen.errors",
    "load_ipython_extension": "querygen.magic",
}

__all__ = [
    "VERSION",
    "Answer",
    "EngineError",
    "Plot",
    "Provenance",
    "Query",
    "QuerygenError",
    "Result",
    "Sql",
    "UsageError",
    "load",
]


def __getattr__(name: str) -> Any:
    """Imports a public name where it is first used, so that importing a part stays cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
