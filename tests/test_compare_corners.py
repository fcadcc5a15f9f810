"""Comparisons of very few clients, where the numbers of cells and of those drawn are at their limits."""

import pytest
from harness import NEEDS_GOOGLESQL, rows_of
from replay import PLACES, Draws, p_value, part_of_hash
from test_compare import HISTOGRAM, clients_of, pings

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]


def twins():
    """Ids of two clients that have the same place."""
    seen = {}
    for number in range(PLACES):
        own = part_of_hash(f"querygen-cells--{number}", 0) % PLACES
        if own in seen:
            return [seen[own], str(number)]
        seen[own] = str(number)
    raise AssertionError("there are more clients than places")


def some(letter, count):
    return [f"{letter}{i}" for i in range(count)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("treated", "control"),
    [
        (some("t", 1), some("c", 1)),
        (some("t", 1), some("c", 5)),
        (some("t", 5), some("c", 1)),
        (some("t", 5), some("c", 6)),
        (some("t", 1), twins() + some("c", 8)),
        (twins() + some("t", 8), some("c", 1)),
    ],
    ids=lambda clients: str(len(clients)),
)
def test_as_many_cells_as_places_at_most_of_which_some_are_drawn_and_some_are_not(treated, control, engine):
    rows = pings(12, {"on": len(treated), "control": len(control)}, per_client=0)
    for row, client in zip(rows, [*treated, *control], strict=True):
        row["client_id"] = client
    (row,) = rows_of({**HISTOGRAM, "branches": ["on"], "permutations": 60}, rows, engine)
    ours, theirs = clients_of(rows, "on"), clients_of(rows, "control")
    shown, p = p_value("chi2", ours, theirs, Draws(60))
    assert (row["difference"], row["p_value"]) == (pytest.approx(float(shown)), pytest.approx(p))
    assert (row["n_clients"], row["n_control"]) == (len(treated), len(control))
