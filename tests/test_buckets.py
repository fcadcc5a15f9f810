"""Bucket bounds: figures of Firefox's and Glean's tests and of Mozilla's functions, and real pings."""

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen import buckets
from querygen.buckets import exponential, functional, linear, of_ping

SHARED = Path(__file__).parents[2] / "shared"
needs_pings = pytest.mark.skipif(not (SHARED / "pings").exists(), reason="real pings are not at ../shared")
needs_cases = pytest.mark.skipif(
    not (SHARED / "udf_cases.jsonl").exists(), reason="cases of Mozilla's functions are not at ../shared"
)


def test_exponential_figures() -> None:
    tutorial = (0, 1, 2, 3, 4, 6, 9, 13, 19, 27, 39, 56, 80, 115, 165, 237, 340, 487, 698, 1000)
    assert exponential(1, 1000, 20) == tutorial
    assert exponential(0, 1000, 20) == tutorial, "0 has a bucket of its own anyway"
    assert exponential(1, 100, 10) == (0, 1, 2, 3, 5, 9, 16, 29, 54, 100)
    sixty_seconds = exponential(0, 60_000, 100)
    assert len(sixty_seconds) == 100
    assert sixty_seconds[14:20] == (14, 15, 17, 19, 21, 23)
    assert sixty_seconds[-3:] == (49288, 54381, 60000)


def test_linear_figures() -> None:
    assert linear(1, 10, 10) == linear(0, 10, 10) == (0, 1, 2, 3, 4, 6, 7, 8, 9, 10)
    assert linear(1, 6, 4) == (0, 1, 4, 6)
    assert linear(0, 20, 5) == (0, 1, 7, 14, 20)
    assert linear(1, 16, 17) == tuple(range(17)), "an enumerated histogram of 16 values"
    assert linear(1, 2, 3) == buckets.MINIMAL


def test_glean_rounds_linear_bounds_down() -> None:
    assert linear(1, 10, 10, truncated=True) == (0, 1, 2, 3, 4, 5, 6, 7, 8, 10)
    assert linear(0, 20, 5, truncated=True) == (0, 1, 7, 13, 20)
    assert linear(0, 100, 100, truncated=True) == (*range(99), 100)


def test_functional_figures() -> None:
    assert functional(2, 8, 40) == (
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 20, 22, 24, 26, 29, 32, 34, 38,
    )  # fmt: skip
    memory = set(functional(2, 16, 1 << 40))
    assert {31, 33, 1023, 32767} <= memory, "powers of the rounded root"
    assert not {32, 1024, 32768} & memory
    assert functional(2, 8, 1) == (0, 1)
    assert functional(2, 8, 0) == (0,)


@pytest.mark.parametrize(("per_magnitude", "maximum"), [(8, 6 * 10**17), (16, 1 << 40)])
def test_functional_has_the_bucket_of_every_sample(per_magnitude: int, maximum: int) -> None:
    root = 2 ** (1 / per_magnitude)

    def bucket_of(sample: int) -> int:  # as Glean's documentation has it: floor(n log2(x + 1))
        return int(root ** int(math.log(sample + 1) / math.log(root))) if sample else 0

    bounds = functional(2, per_magnitude, maximum)
    draw = random.Random(3)
    samples = [
        *range(3000),
        maximum,
        *(int(math.exp(draw.uniform(0, math.log(maximum)))) for _ in range(20000)),
    ]
    samples += [bound + delta for bound in bounds for delta in (-1, 0, 1) if 0 <= bound + delta <= maximum]
    assert {bucket_of(sample) for sample in samples} == set(bounds), "and no other one"


@given(st.integers(0, 5000), st.integers(1, 10**9), st.integers(3, 300))
def test_bounds_ascend_from_zero(low: int, above: int, n: int) -> None:
    high = low + above
    for bounds in (exponential(low, high, n), linear(low, high, n), linear(low, high, n, truncated=True)):
        assert bounds[0] == 0
        assert bounds[1] == max(low, 1)
        assert list(bounds) == sorted(set(bounds))
        assert len(bounds) <= n
        if n <= above:
            assert bounds[-1] == high


@pytest.mark.parametrize(("low", "high", "n"), [(1, 0, 33), (1, 10, 2), (1, 10, 0), (1, -5, 10)])
def test_impossible_shapes(low: int, high: int, n: int) -> None:
    for function in (exponential, linear):
        with pytest.raises(ValueError, match="no histogram has"):
            function(low, high, n)


@needs_cases
def test_figures_of_mozillas_functions() -> None:
    ran = 0
    for line in (SHARED / "udf_cases.jsonl").read_text().splitlines():
        case = json.loads(line)
        name = case["udf"].removeprefix("glam.histogram_generate_").removesuffix("_buckets")
        if name not in {"exponential", "linear", "functional"} or None in case["inputs"]:
            continue
        inputs, expected = case["inputs"], case["expected"]
        if case["case"] == "more_buckets_than_range":  # theirs stops at the 3rd bucket, Firefox doesn't
            continue
        function = {"exponential": exponential, "linear": linear, "functional": functional}[name]
        bounds = function(*map(int, inputs))
        if case.get("match") == "contains":
            assert set(expected["contains_all"]) <= set(bounds), case["case"]
            assert not set(expected.get("contains_none", ())) & set(bounds), case["case"]
        else:
            assert list(bounds) == expected, case["case"]
        ran += 1
    assert ran == 11


def histograms_in(part: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every histogram anywhere in a ping, with the keys that lead to it."""
    if isinstance(part, dict):
        if "values" in part and "histogram_type" in part:
            yield path, part
            return
        part = part.items()
    elif isinstance(part, list):
        part = ((str(i), item) for i, item in enumerate(part))
    else:
        return
    for key, inner in part:
        yield from histograms_in(inner, (*path, key))


@needs_pings
def test_the_keys_of_every_histogram_in_real_pings_are_bounds() -> None:
    checked, keys, hang_statistics = 0, 0, 0
    for file in sorted((SHARED / "pings").glob("main.*.json")):
        for path, histogram in histograms_in(json.loads(file.read_bytes())):
            low, high = histogram["range"]
            if "threadHangStats" in path:  # powers of two less one in a range [1, 0]: no telemetry histograms
                hang_statistics += 1
                assert (low, high) == (1, 0)
                continue
            bounds = of_ping(histogram["histogram_type"], low, high, histogram["bucket_count"])
            assert set(map(int, histogram["values"])) <= set(bounds), path
            assert len(bounds) == histogram["bucket_count"], path
            checked += 1
            keys += len(histogram["values"])
    assert (checked, hang_statistics) == (804, 24)
    assert keys > 2000
