"""Comparisons of very few clients, where the numbers of cells and of those drawn are at their limits."""

import pytest
from harness import NEEDS_GOOGLESQL, rows_of
from replay import PLACES, Draws, p_value, part_of_hash
from test_compare import HISTOGRAM, SCALAR, clients_of, limits_of_mean, mover, pings

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


@pytest.mark.parametrize("engine", ENGINES)
def test_limits_of_no_client_of_one_and_of_two(engine):
    """A mean's error takes two clients on either side."""
    rows = pings(13, {"two": 2, "one": 1, "control": 3}, per_client=0)
    numbers = [5, 8, 4, 1, 2, 6]
    for place, (row, number) in enumerate(zip(rows, numbers, strict=True)):
        row["client_id"] = f"c{place}"
        row["payload"]["processes"]["parent"]["scalars"]["opened"] = number
    spec = {**SCALAR, "branches": ["none", "one", "two"], "statistics": ["mean"], "confidence": 0.95}
    found = {row["branch"]: row for row in rows_of({**spec, "permutations": 5}, rows, engine)}
    assert {name: (row["n_clients"], row["n_control"]) for name, row in found.items()} == {
        "none": (0, 3),
        "one": (1, 3),
        "two": (2, 3),
    }
    assert [found[name]["difference"] for name in ("none", "one", "two")] == [None, 1, 3.5]
    for name in ("none", "one"):
        assert (found[name]["lower"], found[name]["upper"]) == (None, None)
    for name in ("none", "one"):
        against = {**spec, "control": name, "branches": ["control"], "permutations": 5}
        (row,) = rows_of(against, rows, engine)
        assert (row["n_clients"], row["n_control"]) == (3, 0 if name == "none" else 1)
        assert (row["lower"], row["upper"]) == (None, None)
    arms = [{str(n): {n: 1} for n in side} for side in ((5, 8), (1, 2, 6))]
    expected = mover(*(limits_of_mean(arm, 0.95) for arm in arms))
    assert (found["two"]["lower"], found["two"]["upper"]) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_limits_of_clients_that_do_not_differ(engine):
    """Squares of such numbers are rounded, which must not become an error of the mean."""
    rows = pings(14, {"on": 3, "control": 3}, per_client=0)
    for place, row in enumerate(rows):
        row["client_id"] = f"c{place}"
        number = 100_000_001 if place < 3 else 100_000_005
        row["payload"]["processes"]["parent"]["scalars"]["opened"] = number
    spec = {**SCALAR, "branches": ["on"], "statistics": ["mean"], "confidence": 0.95, "permutations": 5}
    (row,) = rows_of(spec, rows, engine)
    assert (row["difference"], row["lower"], row["upper"]) == (-4, -4, -4)
