"""The benchmarks' own data: what they measure is what their words say."""

from specs import EXAMPLE_FILES

from benchmarks.warm import example_specs


def test_each_example_spec_is_compiled_warm_and_nothing_else():
    assert example_specs() == EXAMPLE_FILES
