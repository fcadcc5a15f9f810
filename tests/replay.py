"""`measure: compare` in plain Python, client by client: the same cells and permutations as the SQL."""

import hashlib
import math
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

CELLS = (
    2, 5, 11, 17, 23, 29, 41, 53, 71, 89, 113, 149, 191, 239, 311, 389, 491, 617, 773, 971, 1217, 1523, 1907,
    2393, 2999, 3761, 4703, 5879, 7349, 9203, 11519, 14411, 18041,
)  # fmt: skip
PLACES = 20000
PRIMES = [p for p in range(2, 18042) if all(p % d for d in range(2, int(p**0.5) + 1)) and p % 3 == 2]


def part_of_hash(text, part):
    return int(hashlib.md5(text.encode()).hexdigest()[8 * part : 8 * part + 8], 16)


def chi2(ours, theirs):
    """The notebook's distance of two histograms {bucket: votes}."""
    if not sum(ours.values()) or not sum(theirs.values()):
        return None
    a = {b: v / sum(ours.values()) for b, v in ours.items()}
    b = {b: v / sum(theirs.values()) for b, v in theirs.items()}
    buckets = {*a, *b}
    return 0.5 * sum(
        float((a.get(k, 0) - b.get(k, 0)) ** 2) / (float(a.get(k, 0) + b.get(k, 0)) + 1e-10) for k in buckets
    )


def percentile(votes, p):
    """The lowest bucket whose cumulative share reaches p."""
    total, reached = sum(votes.values()), 0
    for bucket in sorted(votes):
        reached += votes[bucket]
        if total and reached / total >= p - 1e-9:
            return bucket
    return None


def mean(votes):
    total = sum(votes.values())
    return float(Fraction(sum(b * v for b, v in votes.items())) / total) if total else None


def added(members):
    total = defaultdict(Fraction)
    for votes in members:
        for bucket, count in votes.items():
            total[bucket] += count
    return total


def distance(statistic, ours, theirs):
    if statistic == "chi2":
        return chi2(ours, theirs)
    of = mean if statistic == "mean" else lambda v: percentile(v, 0.5 if statistic == "median" else statistic)
    values = of(ours), of(theirs)
    return None if None in values else values[0] - values[1]


def on_grid(treated, control, percentiles):
    """Every number replaced by the largest of those that are as many of 250 steps from each percentile.

    A step is a 250th of six standard errors of the share of clients at or below a number.
    """
    numbers = sorted(bucket for votes in (*treated.values(), *control.values()) for bucket in votes)
    reached = {n: i / len(numbers) for i, n in enumerate(numbers, 1)}
    error = math.sqrt((len(treated) + len(control)) / (len(treated) * len(control)))

    def steps(share, p):
        return math.ceil(min(250, max(-250, 250 / (6 * math.sqrt(p * (1 - p))) * (share - p) / error)))

    bins = {n: tuple(steps(share, p) for p in percentiles) for n, share in reached.items()}
    tops = {bins[n]: n for n in sorted(bins)}

    def gridded(clients):
        return {c: {tops[bins[n]]: v for n, v in votes.items()} for c, votes in clients.items()}

    return gridded(treated), gridded(control)


@dataclass(frozen=True)
class Draws:
    permutations: int = 1000
    cells: int = 200
    seed: str = ""


def splits(treated, control, draws):
    """For each permutation, every client as (branch, id) and whether it is drawn."""
    everyone = [("t", c) for c in treated] + [("c", c) for c in control]
    place = {c: part_of_hash(f"querygen-cells-{draws.seed}-{c}", 0) % PLACES for _, c in everyone}
    rank = {p: i for i, p in enumerate(sorted(set(place.values())), 1)}
    smaller = max(min(len(treated), len(control)), 1)
    most = min(len(rank), max(draws.cells / 2, 20) * len(everyone) / smaller)
    size = max((prime for prime in CELLS if prime <= most), default=2)
    count = max(1, min(size - 1, math.floor(size * len(treated) / len(everyone) + 0.5)))
    for r in range(1, draws.permutations + 1):
        start, factor, shift = (part_of_hash(f"querygen-permutation-{draws.seed}-{r}", i) for i in range(3))
        drawn = {
            cell
            for cell in range(size)
            if ((1 + factor % (size - 1)) * pow(cell + start, 3, size) + shift) % size < count
        }
        assert len(drawn) == count
        yield [(one, rank[place[one[1]]] % size in drawn) for one in everyone]


def distances(statistic, treated, control, draws, percentiles=()):
    """(distance of the real split, the one that permutations are held against, those of all permutations).

    Of clients {client: {bucket: votes}}; `percentiles` are those that the same query asks for of numbers.
    """
    shown = observed = distance(statistic, added(treated.values()), added(control.values()))
    if shown is None:
        return None, None, []
    if percentiles and statistic != "mean":
        treated, control = on_grid(treated, control, percentiles)
        observed = distance(statistic, added(treated.values()), added(control.values()))
    members = {("t", c): v for c, v in treated.items()} | {("c", c): v for c, v in control.items()}
    found = []
    for split in splits(treated, control, draws):
        ours = added(members[one] for one, is_drawn in split if is_drawn)
        theirs = added(members[one] for one, is_drawn in split if not is_drawn)
        found.append(distance(statistic, ours, theirs))
    return shown, observed, found


def share_as_far(observed, found):
    """The p-value of a difference, held against those of permutations."""
    as_far = sum(each is None or abs(each) >= abs(observed) * (1 - 1e-9) for each in found)
    return (as_far + 1) / (len(found) + 1)


def p_value(statistic, treated, control, draws, percentiles=()):
    """(distance of the real split, p-value)."""
    shown, observed, found = distances(statistic, treated, control, draws, percentiles)
    return (None, None) if shown is None else (shown, share_as_far(observed, found))


def holm(values):
    order = sorted(range(len(values)), key=lambda i: values[i])
    found, so_far = [0.0] * len(values), 0.0
    for place, i in enumerate(order):
        so_far = max(so_far, min(1.0, (len(values) - place) * values[i]))
        found[i] = so_far
    return found


def benjamini_hochberg(values):
    order = sorted(range(len(values)), key=lambda i: values[i], reverse=True)
    found, so_far = [0.0] * len(values), 1.0
    for place, i in enumerate(order):
        so_far = min(so_far, len(values) / (len(values) - place) * values[i])
        found[i] = so_far
    return found
