"""The constants of rates: limits of Poisson counts and Student's t, held against scipy's."""

import math

import pytest
from harness import NEEDS_GOOGLESQL, rows_of
from scipy.stats import chi2, norm, t

from querygen import quantiles

CONFIDENCES = [0.5, 0.8, 0.9, 0.95, 0.99, 0.999]
ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
# All that are constants, both sides of where these end, and up to a million.
EVENTS = [*range(100), 100, 101, 102, 110, 150, 200, 333, 1000, 5000, 20_000, 10**5, 3 * 10**5, 10**6]
STATED = 1e-6


def garwood(events, confidence):
    """The exact limits, by the quantiles of chi-square."""
    tail = (1 - confidence) / 2
    lower = chi2.ppf(tail, 2 * events) / 2 if events else 0
    return lower, chi2.ppf(1 - tail, 2 * events + 2) / 2


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_limits_of_few_events_are_exact(confidence):
    for events in range(quantiles.EXACT):
        expected = garwood(events, confidence)
        assert quantiles.poisson_limits(events, confidence) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("confidence", [*CONFIDENCES, 0.97])
def test_students(confidence):
    for freedom in (*range(1, 40), 100, 101, 1000):
        expected = t.ppf((1 + confidence) / 2, freedom)
        assert quantiles.student(confidence, freedom) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("confidence", "stated"),
    [(0.5, 1e-4), (0.8, 1e-4), (0.9, 1e-4), (0.95, 1e-4), (0.99, 6e-3), (0.999, 0.04)],
)
def test_students_of_any_degrees_of_freedom(confidence, stated):
    terms = quantiles.student_terms(confidence)
    assert len(terms) == 6
    for freedom in (1, 1.2, 1.5, 1.8, 2, 2.5, 3, 3.7, 4.4, 6, 9.5, 12, 20, 47.3, 199, 1e4, 1e9):
        found = math.exp(sum(term / freedom**power for power, term in enumerate(terms)))
        within = stated if freedom < 2 else min(stated, 3e-3 if confidence > 0.99 else 2e-4)
        assert found == pytest.approx(t.ppf((1 + confidence) / 2, freedom), rel=within)


def test_normal():
    expected = norm.ppf([(1 + confidence) / 2 for confidence in CONFIDENCES])
    assert [quantiles.normal(confidence) for confidence in CONFIDENCES] == pytest.approx(expected)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99, 0.999])
def test_the_query_gives_them(confidence, engine):
    """Within the stated error of the exact ones, from no event to a million, all in one query."""
    pings = [
        {
            "client_id": "a",
            "submission_timestamp": "2018-01-23T00:00:00Z",
            "normalized_country_code": str(place),
            "payload": {
                "info": {"subsession_length": 3600},
                "processes": {"parent": {"scalars": {"crashes": events}}},
            },
        }
        for place, events in enumerate(EVENTS)
    ]
    spec = {"measure": "rate", "events": {"scalar": "payload.processes.parent.scalars.crashes"}, "per": 1}
    spec |= {
        "dimensions": ["country"],
        "confidence": confidence,
        "method": "poisson",
        "allow_full_scan": True,
    }
    rows = {int(row["country"]): row for row in rows_of(spec, pings, engine)}
    assert len(rows) == len(EVENTS)
    for place, events in enumerate(EVENTS):
        row = rows[place]
        assert row["rate"] == events
        limits = garwood(events, confidence)
        assert (row["lower"], row["upper"]) == pytest.approx(limits, rel=STATED if events >= 100 else 1e-7)
