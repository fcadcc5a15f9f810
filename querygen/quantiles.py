"""Quantiles that SQL has no function for, as the constants of a query: of Poisson counts and of Student's t.

The exact limits of a Poisson count are Garwood's (Biometrika 28, 1936): the means under which so few, or so
many, events would be seen by chance of (1 - confidence) / 2 at most. For more events the expansion of
Cornish and Fisher (Technometrics 2, 1960) is within 1e-6 of them; Wilson and Hilferty's cube, which is
shorter, is off by 3e-4 where the confidence is 0.999. Student's distribution of whole degrees of freedom has
a closed form (Abramowitz and Stegun, 26.7.3 and 26.7.4); that of others is found between those.
"""

import math
from collections.abc import Callable
from functools import cache
from statistics import NormalDist

EXACT = 100
"""Below this number of events the limits are exact."""


def normal(confidence: float) -> float:
    """How many standard deviations of a normal distribution the limits are away."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


@cache
def poisson_limits(events: int, confidence: float) -> tuple[float, float]:
    """The lower and upper limit of the mean where so many events were seen."""
    tail = (1 - confidence) / 2
    top = events + 20 * math.sqrt(events + 1) + 50
    lower = 0.0 if events == 0 else _where(lambda mean: -_chance_of_at_most(events - 1, mean), tail - 1, top)
    return lower, _where(lambda mean: -_chance_of_at_most(events, mean), -tail, top)


def poisson_terms(confidence: float) -> tuple[float, float, float, float, float]:
    """The terms of the limits for `EXACT` events and more: the upper for a = n + 1, the lower for n.

    As of quantiles of the gamma distribution, a ± 1st·√a + 2nd ± 3rd/√a - 4th/a ± 5th/(a·√a).
    """
    z = normal(confidence)
    return (
        z,
        (z**2 - 1) / 3,
        (z**3 - 7 * z) / 36,
        (3 * z**4 + 7 * z**2 - 16) / 810,
        (9 * z**5 + 256 * z**3 - 433 * z) / 38_880,
    )


@cache
def student(confidence: float, freedom: int) -> float:
    """How many standard errors the limits are away, with so many degrees of freedom."""
    return _where(lambda t: _chance_within(t, freedom), confidence, 1e9)


@cache
def student_terms(confidence: float) -> tuple[float, ...]:
    """The terms of the logarithm of `student`, for any degrees of freedom, as a polynomial of one by them.

    It is through the exact values of 1, 2, 3, 5, 12 and infinitely many. Between them, where the confidence
    is 0.95 it is within 1e-4 of them; where it is 0.99, within 1e-4 from 2 on, and 6e-3 below.
    """
    places = (0.0, 1 / 12, 1 / 5, 1 / 3, 1 / 2, 1.0)
    values = [math.log(normal(confidence)), *(math.log(student(confidence, n)) for n in (12, 5, 3, 2, 1))]
    terms, factors = [0.0] * len(places), [1.0]  # Newton's form, and its product of (x - place) so far
    for place, value in zip(places, values, strict=True):
        known = sum(term * place**power for power, term in enumerate(terms))
        scale = (value - known) / sum(factor * place**power for power, factor in enumerate(factors))
        for power, factor in enumerate(factors):
            terms[power] += scale * factor
        factors = [before - place * own for before, own in zip([0.0, *factors], [*factors, 0.0], strict=True)]
    return tuple(terms)


def _where(rising: Callable[[float], float], level: float, high: float) -> float:
    """Where a rising function reaches a level, from 0 on, by bisection."""
    low = 0.0
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        if rising(middle) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _chance_of_at_most(most: int, mean: float) -> float:
    """That a Poisson count of this mean is at most so large."""
    if mean <= 0:
        return 1.0
    log_mean = math.log(mean)
    return math.fsum(math.exp(k * log_mean - mean - math.lgamma(k + 1)) for k in range(most + 1))


def _chance_within(t: float, freedom: int) -> float:
    """That a number of Student's distribution is between -t and t."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine**2 * k / (k + 1)
    if odd:
        return 2 / math.pi * (angle + sine * total)
    return sine * total
