"""What the keys of a spec mean to each other: which of them together make no sense."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from querygen.conditions import problem, unused
from querygen.spec_values import TopKeys

if TYPE_CHECKING:
    from querygen.spec import Spec

# The measures that a key means something to; keys that aren't here mean something to all of them.
MEANT_FOR = {
    "percentiles": ("percentiles",),
    "percentile_method": ("percentiles",),
    "prior": ("percentiles", "distribution"),
    "unit": ("percentiles", "distribution", "compare"),
    "confidence": ("percentiles", "distribution", "summary", "compare", "rate"),
    "normalization": ("percentiles", "distribution", "summary", "compare"),
    "cube": ("percentiles", "distribution", "summary", "counts", "pings", "rate"),
    "scale": ("percentiles", "distribution", "summary", "counts", "rate"),
    "min_clients": ("percentiles", "distribution", "summary", "counts", "compare", "rate"),
    "n_undecodable": ("percentiles", "distribution", "summary", "counts", "rate"),
    "strict": ("percentiles", "distribution", "summary", "compare", "rate"),
    "has_samples": ("counts", "pings"),
    "fields": ("pings",),
    "limit": ("pings",),
    "control": ("compare",),
    "placebo": ("compare",),
    "analysis_unit": ("compare",),
    "branches": ("compare",),
    "statistics": ("compare",),
    "permutations": ("compare",),
    "cells": ("compare",),
    "seed": ("compare",),
    "p_value": ("compare",),
    "interval": ("percentiles", "distribution", "summary", "counts", "compare", "rate"),
    "align": ("rate",),
    "alert": ("rate",),
    "trim": ("rate",),
    "fill": ("rate",),
    "method": ("rate",),
    "min_usage_hours": ("rate",),
}
# What a scalar, of which each client has one number, has no use for.
ONLY_OF_HISTOGRAMS = ("normalization", "percentile_method", "buckets", "prior", "unit")


def check_together(spec: "Spec") -> None:
    """Raises the first problem among keys that are each right alone."""
    _check_probe(spec)
    _check_keys(spec)
    meaningless = f"means nothing to `measure: {spec.measure}`"
    for key in _given(spec, MEANT_FOR):
        if spec.measure not in MEANT_FOR[key]:
            raise unused(key, meaningless)
    if spec.buckets == "all" and spec.measure != "distribution":
        raise unused("buckets", meaningless)
    if spec.measure == "pings" and any(isinstance(dimension, str) for dimension in spec.dimensions):
        raise unused("dimensions", f"{meaningless}, but for definitions", "ask for its columns in `fields`")
    if spec.measure == "compare":
        _check_branches(spec)
    _check_pairs(spec)


def _given(spec: "Spec", keys: Iterable[str]) -> list[str]:
    """The keys that say anything but their default."""
    return [key for key in keys if getattr(spec, key) != type(spec).model_fields[key].default]


def _check_probe(spec: "Spec") -> None:
    if spec.histogram is not None and spec.scalar is not None:
        raise problem(
            "two-probes", "`histogram` and `scalar` are both given", "write a spec for each", key="scalar"
        )
    probed = spec.histogram is not None or spec.scalar is not None
    if spec.events is not None:
        _check_events(spec, probed=probed)
        return
    for key in _given(spec, ("exposure", "per")):
        raise unused(key, "belongs to `events`", "add `events`, or leave it out")
    if spec.measure == "rate":
        raise problem(
            "no-events", "`measure: rate` needs `events`", "add for example `events: {scalar: NAME}`"
        )
    if not probed:
        if spec.measure not in ("counts", "pings"):
            raise problem("no-histogram", "a spec needs a `histogram`", "add `histogram: NAME`")
        for key in _given(spec, ("has_samples", "n_undecodable")):
            raise unused(key, "is about a histogram or scalar", "add `histogram: NAME`")
    if spec.scalar is None:
        return
    for key in _given(spec, ONLY_OF_HISTOGRAMS):
        raise unused(key, "means nothing to a scalar, of which each client has one number")
    if spec.measure == "pings":
        raise unused("scalar", "means nothing to `measure: pings`", "ask for its column in `fields`")


def _check_events(spec: "Spec", *, probed: bool) -> None:
    """Events are one number per client, as scalars are; probes stand inside them."""
    if probed:
        raise problem(
            "two-probes", "`events` and a probe are both given", "write a spec for each", key="events"
        )
    if spec.measure in ("counts", "pings"):
        raise unused("events", f"means nothing to `measure: {spec.measure}`")
    for key in (*_given(spec, ONLY_OF_HISTOGRAMS), *_given(spec, ("process", "key"))):
        why = (
            "stands inside `events`"
            if key in ("process", "key")
            else "means nothing to one number per client"
        )
        raise unused(key, why)
    exposure = spec.exposure_or_default
    _check_amounts(spec)
    if exposure is None:
        for key in _given(spec, ("per",)):
            raise unused(key, "is about `exposure`", "add for example `exposure: usage_hours`")
    elif not exposure.is_hours and spec.min_usage_hours is not None:
        raise unused("min_usage_hours", f"means nothing to a rate by {exposure}")
    recorded = {
        "n_undecodable": spec.events is not None and spec.events.is_recorded,
        "strict": any(amount and amount.is_recorded for amount in (spec.events, exposure)),
    }
    for key in _given(spec, recorded):
        if not recorded[key]:
            raise unused(key, "is about a histogram or scalar")


def _check_amounts(spec: "Spec") -> None:
    """Some of what is counted has no Poisson limits, or no points of five minutes."""
    if spec.method == "poisson" and spec.events is not None and spec.events.is_hours:
        raise unused("method", "is about events that can be counted", "leave it out")
    for amount in (spec.events, spec.exposure_or_default):
        if spec.trim is not None and amount is not None and amount.count in ("clients", "client_days"):
            raise unused("trim", f"is about points of five minutes, which share {amount}", "leave it out")


def _check_keys(spec: "Spec") -> None:
    """`{top: …}` ranks the keys of a histogram by their samples, and tells them apart."""
    if not isinstance(spec.key, TopKeys):
        return
    if "key" not in {name.lower() for name in spec.dimensions if isinstance(name, str)}:
        raise problem("unused-key", "`key: {top: …}` tells keys apart", "add `key` to `dimensions`")
    if spec.scalar is not None or spec.measure == "counts":
        raise problem("unused-key", "`key: {top: …}` counts a histogram's samples", "list the keys")


def _check_pairs(spec: "Spec") -> None:
    """Keys that need another one, or can't stand beside it."""
    if spec.low_data == "drop" and spec.min_clients is None and spec.min_usage_hours is None:
        raise unused("low_data", "needs to know how few is low", "add `min_clients: 100`")
    if spec.fill and spec.interval is None:
        raise unused("fill", "is about gaps between intervals", "add for example `interval: hour`")
    if spec.trim is not None and spec.confidence is not None:
        raise unused("confidence", "gives no limits of what is trimmed", "leave out `trim`")
    if spec.alert is not None and (spec.alert.max_change or spec.alert.expected):
        if spec.align is None or spec.interval is not None:
            why = "compares versions at the same age"
            raise unused("alert", why, "add `align: release`, and leave out `interval`")
        if spec.alert.expected and spec.confidence is None:
            raise unused("alert", "needs to know how sure a rate is", "add `confidence: 0.95`")
    if spec.align is not None and spec.cube:
        raise unused("cube", "takes versions together, which `align` compares")
    if spec.trim is not None and spec.interval is not None:
        raise unused("trim", "leaves out times, which `interval` tells apart")
    if spec.method == "poisson" and spec.confidence is None:
        raise unused("method", "is about limits", "add `confidence: 0.95`")
    if spec.confidence is not None and (spec.prior or spec.percentile_method == "interpolated"):
        beside = "prior" if spec.prior else "percentile_method"
        raise unused("confidence", f"gives no limits of what `{beside}` makes", f"leave out `{beside}`")
    if spec.n_undecodable and spec.strict:
        raise unused("n_undecodable", "is always 0 under `strict`", "leave out one of the two")
    if spec.cube and not spec.dimensions:
        raise unused("cube", "needs `dimensions` to take all values of")


def _check_branches(spec: "Spec") -> None:
    """A comparison needs to know which branch is the control, and which others are held against it."""
    if spec.control is None:
        raise problem("no-control", "`measure: compare` needs a control", "add `control: NAME` of a branch")
    if spec.branches is None:
        help_ = "list the branches to compare with the control: `branches: [NAME, …]`"
        raise problem("no-branches", "`measure: compare` needs `branches`", help_)
    for key, compared in zip(("branches", "placebo"), spec.comparisons, strict=False):
        if compared.control in compared.branches or len(set(compared.branches)) < len(compared.branches):
            message = "`branches` are different from each other and from `control`"
            raise problem("duplicate-branch", message, "list each branch once", key=key)
    _check_placebo(spec)
    if spec.analysis_unit == "ping":
        for key in _given(spec, ("normalization", "min_clients")):
            raise unused(key, "is about clients, and `analysis_unit: ping` knows none")
    names = spec.statistics_or_default
    if len(set(names)) < len(names):
        raise problem("duplicate-statistic", "a statistic is given twice", "keep one", key="statistics")
    other = "chi2" if spec.is_number else "mean"
    if other in names:
        why = (
            "compares one number per client"
            if other == "mean"
            else "compares the distributions of histograms"
        )
        raise problem("unused-key", f"`{other}` {why}", f"leave out `{other}`", key="statistics")
    if 0 in names or 1 in names:
        extremes = "0 and 1 are extremes, which permutations say nothing of"
        raise problem("percentile-range", extremes, key="statistics")
    if spec.confidence is not None and set(names) == {"chi2"}:
        why = "gives limits of differences, which `chi2` is none of"
        raise unused("confidence", why, "add `median` to `statistics`")


def _check_placebo(spec: "Spec") -> None:
    """A placebo is another experiment beside the real one."""
    if spec.placebo is None:
        return
    if spec.experiment is None:
        raise unused("placebo", "is compared beside an experiment", "add `experiment: SLUG`")
    real, other = (compared.experiment for compared in spec.comparisons)
    if real and other and real.slug == other.slug:
        message = f"the placebo is the experiment `{real.slug}` itself"
        raise problem("same-experiment", message, "name an unrelated experiment", key="placebo")
