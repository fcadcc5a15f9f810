"""Events by exposure where the factor between them is a whole number, or one by a whole number."""

import pytest
from harness import NEEDS_GOOGLESQL
from test_derived import agree
from test_rates import SENT, sent

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("per", [0.5, 1, 2, 1.5], ids=str)
def test_per(per, engine):
    pings = [sent(f"c{n % 5}", 1, 1 + n) for n in range(12)]
    assert agree(SENT | {"exposure": "pings", "per": per, "measure": "summary"}, engine, pings)
