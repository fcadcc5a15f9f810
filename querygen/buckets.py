"""The buckets of a histogram: the lower bound of each, as Firefox and Glean compute them.

Every function returns bounds in ascending order, beginning with 0 (samples below the lowest bound count
there). The last bound of `exponential` and `linear` begins the overflow bucket, which is open-ended: a value
there is "at least" that bound.

Bounds are what a ping sends as keys. Where rounding makes two bounds equal, the second bucket can never be
hit, so the bound is given once.
"""

import math
from functools import lru_cache

EXPONENTIAL, LINEAR, BOOLEAN, FLAG, COUNT, CATEGORICAL = range(6)
"""The `histogram_type` numbers in legacy pings. Enumerated histograms are sent as LINEAR, and so were
categorical ones by some versions of Firefox."""

MINIMAL = (0, 1, 2)
"""The bounds of boolean, flag and count histograms; 2 is never hit."""


@lru_cache(maxsize=512)
def exponential(low: int, high: int, n: int) -> tuple[int, ...]:
    """`n` bounds: 0, `low`, then evenly spaced by logarithm up to `high`, rounded, each at least 1 apart.

    Raises:
        ValueError: fewer than 3 buckets, or a `high` below 1.
    """
    _check(high, n)
    bounds = [0, max(low, 1)]
    while len(bounds) < n:
        here = bounds[-1]
        step = (math.log(high) - math.log(here)) / (n - len(bounds))
        bounds.append(max(here + 1, math.floor(math.exp(math.log(here) + step) + 0.5)))
    return tuple(bounds)


@lru_cache(maxsize=512)
def linear(low: int, high: int, n: int, *, truncated: bool = False) -> tuple[int, ...]:
    """At most `n` bounds: 0, `low`, then evenly spaced up to `high`.

    Args:
        low: the lower bound of the second bucket, 0 counts as 1.
        high: the lower bound of the overflow bucket.
        n: the number of buckets.
        truncated: round bounds down, as Glean does; Firefox's own histograms round half up.

    Raises:
        ValueError: fewer than 3 buckets, or a `high` below 1.
    """
    _check(high, n)
    low, gaps = max(low, 1), n - 2
    half = 0 if truncated else gaps  # integers only: x // gaps, or floor(x / gaps + 1/2)
    bounds = ((2 * (low * (gaps - i) + high * i) + half) // (2 * gaps) for i in range(gaps + 1))
    return tuple(dict.fromkeys((0, *bounds)))


@lru_cache(maxsize=64)
def functional(base: float, per_magnitude: int, maximum: int) -> tuple[int, ...]:
    """0, then the powers of `base ** (1 / per_magnitude)` rounded down, as far as `maximum`.

    Glean stores timings so (base 2, 8 per magnitude) and memory (base 2, 16 per magnitude). It raises the
    *rounded* root to a power, hence bounds such as 31 and 1023 for memory, one below a power of two.
    """
    root = base ** (1 / per_magnitude)
    bounds, index = {0: None}, 0
    while (bound := math.floor(root**index)) <= maximum:
        bounds[bound] = None
        index += 1
    return tuple(bounds)


def of_ping(histogram_type: int, low: int, high: int, bucket_count: int) -> tuple[int, ...]:
    """The bounds of a histogram in a legacy ping, from its own type, range and bucket count.

    Raises:
        ValueError: no Firefox histogram has such a shape (thread hang statistics have the range [1, 0]).
    """
    if histogram_type == EXPONENTIAL:
        return exponential(low, high, bucket_count)
    return linear(low, high, bucket_count)


def _check(high: int, n: int) -> None:
    if n < 3 or high < 1:
        raise ValueError(f"no histogram has {n} buckets up to {high}: at least 3 are needed, and a high of 1")
