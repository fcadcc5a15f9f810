"""Permutation tests: how often branches that are drawn at random differ as much as the real ones.

    place_buckets | place_numbers → paired → [gridded] → sized → celled → cell_buckets → cells
    draws → drawn → splits → sides → statistics → observed → tested

The unit is the client. A hash of its id alone gives it a place, so that nothing depends on the number of
clients, and places are dealt out to cells. A permutation draws as many of the cells as the treatment has of
the clients; what was drawn stands for the treatment, the rest for the control. Permutation 0 is the real one.

A permutation maps the cells, a prime number of them, one to one by `factor * (cell + start)³ + shift`, and
draws those that land below the number wanted. Three numbers of one hash thus draw exactly that many cells,
any two of them as often as by lot, without a hash for each cell. Cubes are one to one since the primes are 2
modulo 3; straight lines would do, too, but give few different draws.
"""

from dataclasses import dataclass

from sqlglot import exp

from querygen.plan import Reading, Stage
from querygen.sqltext import Node, column, literal, own_function, text

PLACES = 20_000
SIGNIFICANT = 0.05
LEAST_CELLS = 20  # of the smaller branch, where there are as many clients
CELLS = (
    2, 5, 11, 17, 23, 29, 41, 53, 71, 89, 113, 149, 191, 239, 311, 389, 491, 617, 773, 971, 1217, 1523, 1907,
    2393, 2999, 3761, 4703, 5879, 7349, 9203, 11519, 14411, 18041,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Placed(Stage):
    """One row per client, with its place.

    Attributes:
        columns: that are passed on beside `entries`.
        place: a hash of the client's id.
    """

    name = "placed"
    columns: tuple[Node, ...]
    place: Node


@dataclass(frozen=True, kw_only=True)
class PlaceBuckets(Stage):
    """One row per group, place and bucket: votes, and the clients whose first entry it is."""

    name = "place_buckets"
    dimensions: tuple[Node, ...]
    vote: Node


@dataclass(frozen=True, kw_only=True)
class PlaceNumbers(Stage):
    """The same of clients' numbers, each of which is a bucket: one row per group, place and number.

    Attributes:
        spread: whether the sums for intervals are given, too.
    """

    name = "place_numbers"
    dimensions: tuple[Node, ...]
    place: Node
    spread: bool


@dataclass(frozen=True, kw_only=True)
class Paired(Reading):
    """The rows of each treatment together with those of its control, and the clients of both.

    Attributes:
        dimensions: all but the branch.
        pair: what tells pairs apart, as a window can be divided by it.
        are_compared: whether a row is of a treatment, or of its control.
        reaches: whether the shares of votes at or below each bucket are given, too.
        limits: how far below and above each difference its limits are.
    """

    name = "paired"
    dimensions: tuple[Node, ...]
    pair: tuple[Node, ...]
    treatments: Node
    are_compared: Node
    reaches: bool
    limits: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Gridded(Stage):
    """Numbers on a grid, so that cells are small; and what is exact without it.

    Attributes:
        bins: what numbers have in common that count as the largest of them.
        exact: percentiles of either branch.
    """

    name = "gridded"
    columns: tuple[Node, ...]
    pair: tuple[Node, ...]
    exact: tuple[Node, ...]
    bins: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Sized(Reading):
    """How many cells a pair may have: one per occupied place, and so many that the smaller branch has enough.

    Attributes:
        smaller: how many cells the smaller branch shall have.
    """

    name = "sized"
    columns: tuple[Node, ...]
    pair: tuple[Node, ...]
    smaller: Node


@dataclass(frozen=True, kw_only=True)
class Celled(Stage):
    """How many cells each pair has: the largest of the primes, descending, that is not above `most_cells`."""

    name = "celled"
    columns: tuple[Node, ...]
    primes: tuple[Node, ...]
    smallest: Node


@dataclass(frozen=True, kw_only=True)
class CellBuckets(Stage):
    """One row per pair, cell and bucket: votes, and those of the treatment.

    The cell -1, which all permutations draw, has every bucket with no votes, and the votes of all cells.
    """

    name = "cell_buckets"
    columns: tuple[Node, ...]
    amounts: bool


@dataclass(frozen=True, kw_only=True)
class Cells(Stage):
    """One row per pair and cell, its buckets in one list; and how many cells are drawn."""

    name = "cells"
    columns: tuple[Node, ...]
    amounts: bool


@dataclass(frozen=True, kw_only=True)
class Draws(Stage):
    """One row per permutation, with the numbers that say which cells it draws.

    Attributes:
        salted: the text whose hash they are parts of.
        permutations: how many, besides the real split.
    """

    name = "draws"
    salted: Node
    permutations: Node


@dataclass(frozen=True, kw_only=True)
class Drawn(Stage):
    """The cells that each permutation draws; all of them for the real split.

    All numbers stay below 2**63, as primes are below 2**14.2.
    """

    name = "drawn"
    columns: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Splits(Stage):
    """One row per pair, permutation and bucket: the votes that were drawn, and all votes."""

    name = "splits"
    columns: tuple[Node, ...]
    amounts: bool


@dataclass(frozen=True, kw_only=True)
class Sides(Stage):
    """What statistics need of those that were drawn and of the rest, by bucket.

    Attributes:
        shares: of each bucket.
        reaches: the shares at or below each bucket.
        amounts: what each bucket adds to the mean.
    """

    name = "sides"
    columns: tuple[Node, ...]
    pair: tuple[Node, ...]
    shares: bool
    reaches: bool
    amounts: bool


@dataclass(frozen=True, kw_only=True)
class Statistics(Stage):
    """One row per pair and permutation, with all statistics as columns."""

    name = "statistics"
    columns: tuple[Node, ...]
    values: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Observed(Stage):
    """One row per pair, permutation and statistic, beside the distance of the real split.

    Attributes:
        asked: a struct for each statistic.
        farthest: the distance of permutations that have none, one side being empty.
    """

    name = "observed"
    columns: tuple[Node, ...]
    pair: tuple[Node, ...]
    asked: tuple[Node, ...]
    farthest: Node


@dataclass(frozen=True, kw_only=True)
class Tested(Stage):
    """One row per pair and statistic: the real split, and the share of permutations that differ as much.

    Attributes:
        rank: the place, from the farthest, of the permutation that a significant difference exceeds.
        most: what is counted if all differ as much, before those that don't are taken off.
        total: what that is divided by.
        tolerance: differences that are this part smaller count as equal, so that rounding decides nothing.
        smallest: the smallest p-value that there can be.
        known_tests: how many tests there are at least.
    """

    name = "tested"
    columns: tuple[Node, ...]
    rank: Node
    most: Node
    total: Node
    tolerance: Node
    smallest: float
    known_tests: int

    def is_hopeless(self, tests: int) -> bool:
        """Whether no p-value could be significant if it is corrected for so many tests."""
        return tests * self.smallest > SIGNIFICANT


def place(client_id: Node, seed: str) -> Node:
    """The place of a client: the first 32 bits of its hash, modulo the number of places."""
    salted = exp.Concat(expressions=[text(f"querygen-cells-{seed}-"), client_id])
    head = exp.Substring(
        this=own_function("querygen.hash", salted), start=literal(1, "INT64"), length=literal(8, "INT64")
    )
    number = exp.cast(exp.Concat(expressions=[text("0x"), head]), "INT64")
    return exp.Mod(this=number, expression=literal(PLACES, "INT64"))


def salted(seed: str) -> Node:
    """The text whose hash draws a permutation."""
    number = exp.cast(column("permutation"), "STRING")
    return exp.Concat(expressions=[text(f"querygen-permutation-{seed}-"), number])
