"""Limits of a Poisson count: exact ones for few events, a formula for more. No dependency, since few need it.

The exact limits are Garwood's (Biometrika 28, 1936): the means under which so few, or so many, events would
be seen by chance of (1 - confidence) / 2 at most. For more events Wilson and Hilferty's cube (PNAS 17, 1931)
is within 5e-5 of them.
"""

import math
from functools import cache
from statistics import NormalDist

EXACT = 100
"""Below this number of events the limits are exact."""


def quantile(confidence: float) -> float:
    """How many standard deviations of a normal distribution the limits are away."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


@cache
def exact_limits(events: int, confidence: float) -> tuple[float, float]:
    """The lower and upper limit of the mean where so many events were seen."""
    tail = (1 - confidence) / 2
    lower = 0.0 if events == 0 else _mean_where(events - 1, 1 - tail)
    return lower, _mean_where(events, tail)


def _mean_where(most: int, chance: float) -> float:
    """The mean under which at most so many events are seen with that chance, by bisection."""
    low, high = 0.0, most + 20 * math.sqrt(most + 1) + 50
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if _chance_of_at_most(most, middle) > chance:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _chance_of_at_most(most: int, mean: float) -> float:
    if mean <= 0:
        return 1.0
    log_mean = math.log(mean)
    return math.fsum(math.exp(k * log_mean - mean - math.lgamma(k + 1)) for k in range(most + 1))
