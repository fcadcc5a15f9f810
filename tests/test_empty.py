"""Without pings, and where no ping passes the filters, every query has no rows, on both engines."""

import pytest
from harness import NEEDS_GOOGLESQL, query, rows_of
from specs import DAYS, HISTOGRAM, SPECS

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
MEAN = {"filters": DAYS, "histogram": HISTOGRAM, "measure": "summary", "confidence": 0.9}
RATE = {"filters": DAYS, "measure": "rate", "events": {"histogram": HISTOGRAM}, "confidence": 0.9}
OF_ONE_GROUP = {
    "limits of a mean": MEAN,
    "limits of a mean of clients": MEAN | {"normalization": "client"},
    "limits of a rate": RATE,
    "Poisson limits of a rate": RATE | {"method": "poisson"},
}
ALL = SPECS | OF_ONE_GROUP


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [name for name, spec in ALL.items() if len(query(spec).plan().reads) == 1])
def test_no_pings_no_rows(name, engine):
    assert rows_of(ALL[name], [], engine) == []
