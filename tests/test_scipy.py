"""Comparisons and limits beside those of numpy and scipy, on several data sets.

χ² distances, medians and means are the same; p-values and limits as near as chance and the method leave them.
"""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
from harness import NEEDS_GOOGLESQL, rows_of
from scipy import stats

ENGINES = ["duckdb", pytest.param("googlesql", marks=NEEDS_GOOGLESQL)]
SLUG = "tls13"
CONFIDENCE = 0.9
BUCKETS = np.array([0, 1, 3, 9, 27])
SCALAR = {"scalar": "payload.processes.parent.scalars.opened", "allow_full_scan": True}
HISTOGRAM = {"histogram": "GC_MS", "allow_full_scan": True}
COMPARED = {"measure": "compare", "experiment": SLUG, "control": "control", "branches": ["on"]}
PERMUTATIONS = 2000
MANY = {"permutations": PERMUTATIONS, "cells": 10_000}  # nearly each client in a cell of its own


@dataclass(frozen=True)
class Clients:
    """Clients, those of the treatment first: a number of each, and its samples by bucket."""

    treated: int
    numbers: np.ndarray
    counts: np.ndarray

    @property
    def arms(self):
        return self.numbers[: self.treated], self.numbers[self.treated :]

    def pings(self):
        return [
            {
                "client_id": f"client-{i}",
                "submission_timestamp": "2020-04-20T01:00:00Z",
                "environment": {
                    "experiments": [
                        {"key": SLUG, "value": {"branch": "on" if i < self.treated else "control"}}
                    ]
                },
                "payload": {
                    "histograms": {
                        "gc_ms": json.dumps(
                            {"values": {str(b): int(n) for b, n in zip(BUCKETS, row, strict=True) if n}}
                        )
                    },
                    "processes": {"parent": {"scalars": {"opened": int(number)}}},
                },
            }
            for i, (number, row) in enumerate(zip(self.numbers, self.counts, strict=True))
        ]


def clients(seed, treated, control, shift, numbers):
    """Clients of unequal activity that differ from each other; the treatment's are shifted upwards."""
    chance = np.random.default_rng(seed)
    count = treated + control
    moved = np.where(np.arange(count) < treated, shift, 0)
    weights = np.exp(-((np.linspace(-2, 2, len(BUCKETS)) - chance.normal(moved, 1)[:, None]) ** 2))
    samples = np.maximum(1, np.exp(chance.normal(2, 1, count)).astype(int))
    counts = chance.multinomial(samples, weights / weights.sum(axis=1, keepdims=True))
    return Clients(treated, numbers(chance, moved).astype(int), counts)


# The cells of 130 clients hold one or two, so that those drawn are a few more or less than the treatment:
# where a median has two values, and which one it is rests on one client, p-values would show that.
DATA = {
    "normal": clients(1, 60, 60, 0.25, lambda chance, moved: 1000 + 200 * chance.normal(moved, 1)),
    "log-normal, 1:5": clients(2, 20, 100, 0.3, lambda chance, moved: 500 * np.exp(chance.normal(moved, 1))),
    "many equal": clients(9, 50, 80, 0.2, lambda chance, moved: chance.poisson(1.5 + moved)),
    "far apart": clients(4, 40, 60, 0.8, lambda chance, moved: 100 * chance.exponential(1 + moved)),
}


def chi2(ours, theirs):
    """The distance of distributions whose last axis are the buckets."""
    a, b = (counts / counts.sum(axis=-1, keepdims=True) for counts in (ours, theirs))
    return 0.5 * ((a - b) ** 2 / (a + b + 1e-10)).sum(axis=-1)


def median(numbers, axis=-1):
    return np.quantile(numbers, 0.5, axis=axis, method="inverted_cdf")


def permuted(data, distance):
    """scipy's p-value of a distance of two sets of clients, given by their places."""
    places = np.arange(len(data.numbers))
    test = stats.permutation_test(
        (places[: data.treated], places[data.treated :]),
        lambda ours, theirs, axis: np.abs(distance(ours, theirs)),
        vectorized=True,
        n_resamples=PERMUTATIONS,
        alternative="greater",
        axis=-1,
        rng=np.random.default_rng(5),
    )
    return test.pvalue


def assert_by_chance(found, expected):
    error = math.sqrt(max(expected, 0.005) * (1 - expected) * 2 / PERMUTATIONS)
    assert abs(found - expected) < 4 * error + 0.005


@pytest.mark.parametrize("name", DATA)
def test_distances_of_distributions(name):
    data = DATA[name]
    (row,) = rows_of({**HISTOGRAM, **COMPARED, **MANY}, data.pings())
    ours, theirs = data.counts[: data.treated], data.counts[data.treated :]
    assert row["difference"] == pytest.approx(chi2(ours.sum(axis=0), theirs.sum(axis=0)), rel=1e-12)

    def apart(ours, theirs):
        return chi2(data.counts[ours].sum(axis=-2), data.counts[theirs].sum(axis=-2))

    assert_by_chance(row["p_value"], permuted(data, apart))


@pytest.mark.parametrize("name", DATA)
def test_differences_of_numbers(name):
    data = DATA[name]
    asked = {"statistics": ["median", "mean"], "confidence": CONFIDENCE}
    rows = rows_of({**SCALAR, **COMPARED, **MANY, **asked}, data.pings())
    ours, theirs = data.arms
    for row, of in zip(rows, (median, np.mean), strict=True):
        assert (row["value"], row["control_value"]) == pytest.approx((of(ours), of(theirs)), rel=1e-12)

        def apart(ours, theirs, of=of):
            return of(data.numbers[ours], axis=-1) - of(data.numbers[theirs], axis=-1)

        assert_by_chance(row["p_value"], permuted(data, apart))
    welch = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(CONFIDENCE)
    assert (rows[1]["lower"], rows[1]["upper"]) == pytest.approx(
        (welch.low, welch.high), abs=0.02 * (welch.high - welch.low)
    )
    drawn = stats.bootstrap(
        (ours, theirs),
        lambda ours, theirs, axis: (median(ours, axis) - median(theirs, axis)).astype(float),
        confidence_level=CONFIDENCE,
        n_resamples=2000,
        method="percentile",
        rng=np.random.default_rng(6),
    ).confidence_interval
    width = drawn.high - drawn.low
    assert (rows[0]["lower"], rows[0]["upper"]) == pytest.approx((drawn.low, drawn.high), abs=0.3 * width)


@pytest.mark.parametrize("name", DATA)
def test_limits_of_numbers(name):
    data = DATA[name]
    spec = {**SCALAR, "confidence": CONFIDENCE}
    (row,) = rows_of({**spec, "measure": "summary"}, data.pings())
    expected = stats.ttest_1samp(data.numbers, 0).confidence_interval(CONFIDENCE)
    within = 1e-4 * (expected.high - expected.low)
    assert (row["lower"], row["upper"]) == pytest.approx((expected.low, expected.high), abs=within)
    for row in rows_of({**spec, "percentiles": [0.25, 0.5, 0.75]}, data.pings()):
        p = row["percentile"]
        assert row["value"] == np.quantile(data.numbers, p, method="inverted_cdf")
        exact = stats.quantile_test(data.numbers, p=p).confidence_interval(CONFIDENCE)
        for found, wanted in ((row["lower"], exact.low), (row["upper"], exact.high)):
            between = (data.numbers > min(found, wanted)) & (data.numbers < max(found, wanted))
            assert between.sum() <= 2, "as order statistics, from the exact limits of the binomial"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("above_zero", [0, 1, 17, 40])
def test_limits_of_the_share_of_clients(above_zero, engine):
    """The events of `summary`, which may be rare: Wilson's limits."""
    counts = np.ones((40, len(BUCKETS)), int)
    data = Clients(0, (np.arange(40) < above_zero) * 3, counts)
    (row,) = rows_of({**SCALAR, "measure": "summary", "confidence": CONFIDENCE}, data.pings(), engine)
    assert (row["share_of_clients"], row["n_all_clients"]) == (above_zero / 40, 40)
    expected = stats.binomtest(above_zero, 40).proportion_ci(CONFIDENCE, method="wilson")
    assert (row["share_lower"], row["share_upper"]) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert row["share_lower"] >= 0
    assert row["share_upper"] <= 1


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("normalization", ["none", "client"])
def test_limits_of_shares(name, normalization):
    data = DATA[name]
    totals = data.counts.sum(axis=1)
    votes, of = (
        (data.counts, totals) if normalization == "none" else (data.counts / totals[:, None], totals > 0)
    )
    spec = {**HISTOGRAM, "confidence": CONFIDENCE, "normalization": normalization}
    rows = rows_of({**spec, "measure": "distribution"}, data.pings())
    assert [row["bucket"] for row in rows] == list(BUCKETS)
    freedom = max(1, (of**2).sum() ** 2 / (of**4).sum() - 1) if normalization == "none" else len(of) - 1
    wide = stats.t.ppf((1 + CONFIDENCE) / 2, freedom)
    for row, its in zip(rows, votes.T, strict=True):
        assert row["share"] == pytest.approx(its.sum() / of.sum(), rel=1e-9)
        drawn = stats.bootstrap(
            (its, of),
            lambda its, of, axis: its.sum(axis=axis) / of.sum(axis=axis),
            paired=True,
            n_resamples=2000,
            method="percentile",
            rng=np.random.default_rng(7),
        )
        assert (row["upper"] - row["lower"]) / 2 / wide == pytest.approx(drawn.standard_error, rel=0.1)
