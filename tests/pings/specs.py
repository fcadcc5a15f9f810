"""Random specs, valid ones, of every key and option; `truth_options` lists what occurs.

Each key that doesn't depend on others is a line of `EXTRAS`. All chances are chosen so that in 3,000 specs
each option occurs often enough.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from oracle import Probe, measure_of
from oracle.questions import facts_of
from oracle.recordings import SETS, asked

from pings.conditions import KINDS, TITLES, Kind, bounds, condition
from pings.dimensions import MAIN, METRICS, PARTS_OF_SAMPLE, RENAMED_SAMPLE, Spec, dimensions
from pings.probes import CATEGORIES, DELAY, GC, HANDSHAKE, OVERUSE, PROBES, SECURE, SPINNER, TAB_SIZE, VERDICT
from pings.recordings import KEYED_SCALAR, SCALAR

PERCENTILES = (0, 0.001, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99, 1)
PERCENTILES = (*PERCENTILES, 1 / 3, 2 / 3)
WITH_PROJECT = "moz-fx-data-shared-prod.telemetry_stable.main_v5"
DECLARED = {
    MAIN: ("telemetry.main_1pct", "telemetry_derived.main_2020", WITH_PROJECT),
    METRICS: ("firefox_desktop.metrics_sample", "analysis.metrics", "a-project.metrics.sampled"),
}

# --- What is asked -------------------------------------------------------------------------------

DOTTED_SCALAR = "browser.engagement.tab_open_event_count"
SPINNER_METRIC, TOTAL_TIME = "browser.tabswitch.spinner_visible", "javascript.gc.total_time"
LABELLED = ("idle.budget_overuse", "idle.queue_delay", "idle.queue_length")
SPINNERS = (SPINNER, SPINNER.lower(), "Fx_Tab_Switch_Spinner_Visible_Ms")


class Form(NamedTuple):
    """A way to name what is asked, with examples.

    `needs`: whether probe definitions must be there (True), must not (False), or either will do.
    """

    names: tuple[Any, ...]
    key: str = "histogram"
    is_keyed: bool = False
    weight: int = 2
    needs: bool | None = None


FORMS: dict[str, dict[str, Form]] = {
    MAIN: {
        "name": Form((*SPINNERS, GC, *(TAB_SIZE,) * 8, HANDSHAKE, VERDICT, SECURE), weight=22),
        "keyed name": Form((OVERUSE, DELAY, OVERUSE.lower()), is_keyed=True, weight=10),
        "list": Form(
            (
                *([SPINNER, GC], [GC, SPINNERS[2]], [SPINNER], [TAB_SIZE, SPINNER]),
                [HANDSHAKE, VERDICT, SECURE],
            ),
            weight=6,
        ),
        "keyed list": Form(([OVERUSE, DELAY], [DELAY]), is_keyed=True),
        "path": Form(
            (
                f"payload.histograms.{SPINNER}",
                f"payload.processes.content.histograms.{GC.lower()}",
                f"payload.histograms.{TAB_SIZE.lower()}",
            ),
            weight=6,
        ),
        "keyed path": Form(
            (
                f"payload.keyed_histograms.{OVERUSE.lower()}",
                f"payload.processes.gpu.keyed_histograms.{DELAY.lower()}",
            ),
            is_keyed=True,
        ),
        "scalar": Form((SCALAR, SCALAR.upper(), DOTTED_SCALAR), "scalar", weight=3),
        "keyed scalar": Form((KEYED_SCALAR,), "scalar", is_keyed=True, weight=3),
        "path of a scalar": Form(
            (
                f"payload.processes.parent.scalars.{SCALAR}",
                f"payload.processes.content.scalars.{SCALAR.upper()}",
            ),
            "scalar",
        ),
        "path of a keyed scalar": Form(
            (f"payload.processes.gpu.keyed_scalars.{KEYED_SCALAR}",), "scalar", is_keyed=True
        ),
        "nothing": Form((None,), weight=4),
    },
    METRICS: {
        "name": Form((SPINNER_METRIC, "Browser.TabSwitch.Spinner_Visible"), weight=4),
        "defined name": Form(
            (TOTAL_TIME, *("tabs.size",) * 9, "page.weight", "ssl.handshake"), weight=10, needs=True
        ),
        "label": Form(LABELLED, is_keyed=True, weight=5, needs=True),
        "path": Form(
            (
                "metrics.timing_distribution.browser_tabswitch_spinner_visible",
                *("metrics.memory_distribution.tabs_size",) * 8,
                "metrics.custom_distribution.page_weight",
            ),
            weight=13,
        ),
        "path of labels": Form(
            (
                "metrics.labeled_timing_distribution.idle_budget_overuse",
                "metrics.labeled_custom_distribution.idle_queue_length",
            ),
            is_keyed=True,
            weight=3,
        ),
        "list": Form(([SPINNER_METRIC, TOTAL_TIME], [TOTAL_TIME]), weight=2, needs=True),
        "undefined list": Form(([SPINNER_METRIC], ["metrics.memory_distribution.tabs_size"]), needs=False),
        "mirror": Form((SPINNER, GC, TAB_SIZE, TAB_SIZE, HANDSHAKE), weight=3, needs=True),
        "mirror of labels": Form((OVERUSE, DELAY), is_keyed=True, needs=True),
        "list of mirrors": Form(([SPINNER, GC], [SPINNER]), needs=True),
        "counter": Form((DOTTED_SCALAR,), "scalar", weight=4),
        "quantity": Form(("system.memory", "metrics.quantity.system_memory"), "scalar", weight=4),
        "labelled counter": Form(
            ("subprocess.crashes_with_dump", "metrics.labeled_counter.subprocess_crashes_with_dump"),
            "scalar",
            is_keyed=True,
            weight=4,
        ),
        "labelled quantity": Form(
            ("metrics.labeled_quantity.queue_length",), "scalar", is_keyed=True, weight=4
        ),
        "nothing": Form((None,), weight=7),
    },
}  # fmt: skip

KEYS: tuple[Any, ...] = (
    *("a", "b", "it's", "", "é"),
    *(["a", "b"], ["a"], ["", " ", "a", "**"], ["a", "e\u0301"], ["a", "*"], ["b", "no", "a"]),
    *("*", "*", "*"),
    *({"top": 1}, {"top": 2}, {"top": 3}, {"top": 20}, {"top": 1}, {"top": 2}) * 2,
)
PROCESSES: tuple[Any, ...] = (
    *("parent", "content", "gpu", "gpu", "children", "combined", "content", "children", "combined"),
    *(["parent", "content"], ["gpu"], ["content", "gpu", "parent"], ["parent", "children"]),
    *(["children", "combined", "content"], ["combined"], ["children", "gpu"], ["content", "content"]),
)
OVERLAPPING = (["children", "gpu"], ["combined", "content", "parent"], ["parent", "children", "combined"])
UNITS = {
    "time": ("ns", "us", "ms", "s", "min", "h"),
    "memory": ("bytes", "KiB", "MiB", "GiB"),
}
SHAPES: tuple[Spec, ...] = (
    {"exponential": [1, 1000, 20]},
    {"exponential": [1, 50, 8]},
    {"exponential": [2, 100000, 12]},
    {"linear": [1, 100, 11]},
    {"linear": [0, 16, 17]},
    {"linear": [3, 1000, 7]},
    {"functional": [2, 8, 1000]},
    {"functional": [2, 2, 2**40]},
    {"functional": [10, 3, 100000]},
)


MANY_BOUNDS = 100


# --- How it is asked -----------------------------------------------------------------------------


class Drawing:
    """A spec in the making: the keys so far, and what is known of what they ask."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.table = rng.choice((MAIN, MAIN, MAIN, METRICS, METRICS))
        self.defined = rng.random() < 0.55
        forms = {name: form for name, form in FORMS[self.table].items() if form.needs in (None, self.defined)}
        (name,) = rng.choices(tuple(forms), [form.weight for form in forms.values()])
        self.form = forms[name]
        self.spec: Spec = {}
        self.filters: Spec = {}
        self.kinds: dict[str, Kind] = dict(KINDS[self.table])
        self._ask(rng.choice(self.form.names))

    def maybe(self, probability: float) -> bool:
        return self.rng.random() < probability

    def _ask(self, wanted: Any) -> None:
        """What is asked, of which table."""
        rng, spec = self.rng, self.spec
        if wanted is not None:
            others = {MAIN: SPINNER_METRIC, METRICS: SPINNER}
            by_table = self.form.key == "histogram" and self.maybe(0.12)
            other = METRICS if self.table == MAIN else MAIN
            spec[self.form.key] = {self.table: wanted, other: others[self.table]} if by_table else wanted
        if self.maybe(0.12):
            spec["source"] = {"table": rng.choice(DECLARED[self.table]), "like": self.table}
        elif self.table != MAIN or self.maybe(0.3):
            spec["source"] = self.table
        first = wanted[0] if isinstance(wanted, list) else wanted
        self.is_path = isinstance(first, str) and first.lower().startswith(("payload.", "metrics."))

    @property
    def measure(self) -> str:
        return measure_of(self.spec)

    @property
    def is_scalar(self) -> bool:
        return self.form.key == "scalar"

    @property
    def is_weighed(self) -> bool:
        """Whether the answer is about histograms' buckets."""
        return self.measure in ("percentiles", "distribution") and not self.is_scalar

    @property
    def of_sample(self) -> list[str]:
        """The dimensions that the spec makes of `sample_id`."""
        return [name for name in (*RENAMED_SAMPLE, *PARTS_OF_SAMPLE) if name in self.kinds]

    @property
    def can_be_damaged(self) -> bool:
        """Whether recordings are looked into, or counted, so that damaged ones can be counted, too."""
        return bool(self.columns) and self.measure != "pings"

    @property
    def can_end(self) -> bool:
        """Whether a damaged recording may be what ends the query."""
        return self.can_be_damaged and self.measure != "counts" and not self.spec.get("n_undecodable")

    @property
    def probes(self) -> set[Probe | None]:
        """What definitions say of what is asked."""
        return {one.probe for one in self.columns}

    @property
    def columns(self) -> list[Any]:
        return asked(self.spec, PROBES if self.defined else {})

    @property
    def n_bounds(self) -> int:
        """How many buckets are known."""
        return len(facts_of(self.spec, self.columns).bounds)


def spec_of(rng: random.Random) -> tuple[Spec, bool]:
    """A random spec, as YAML gives it, and whether it is asked with probe definitions."""
    drawing = Drawing(rng)
    for step in (_measure, _recordings, _fields, _dimensions, _buckets, _dates, _filters, _extras):
        step(drawing)
    spec = drawing.spec | ({"filters": drawing.filters} if drawing.filters else {})
    names = list(spec)
    rng.shuffle(names)  # the order of keys means nothing
    return {name: spec[name] for name in names}, drawing.defined


def _measure(drawing: Drawing) -> None:
    """The measure, with its default spelt out or not."""
    rng, spec = drawing.rng, drawing.spec
    measures = (
        ("percentiles",) * 6
        + ("distribution",) * 5
        + ("summary",) * 3
        + ("counts", "counts")
        + ("pings",) * 4
    )
    if "histogram" not in spec and "scalar" not in spec:
        measures = ("counts", "pings", "pings", "pings")
    elif drawing.is_scalar:
        measures = ("percentiles", "percentiles", "distribution", "summary", "summary", "counts")
    elif any(probe in CATEGORIES for probe in drawing.probes):
        measures = tuple(measure for measure in measures if measure != "percentiles")
    measure = rng.choice(measures)
    if measure == "percentiles" and drawing.maybe(0.8):
        spec["percentiles"] = rng.sample(PERCENTILES, rng.randint(1, 6))
        if drawing.maybe(0.2):
            spec["measure"] = measure
    elif measure != "distribution" or drawing.maybe(0.4):
        spec["measure"] = measure
    if (
        measure in ("percentiles", "distribution", "summary")
        and not drawing.is_scalar
        and drawing.maybe(0.75)
    ):
        spec["normalization"] = rng.choice(("client", "client", "client_day", "none"))


def _fields(drawing: Drawing) -> None:
    """What is shown of pings."""
    rng, spec = drawing.rng, drawing.spec
    if drawing.measure != "pings":
        return
    fields = ["document_id", "submission_timestamp", *(name for name in drawing.kinds if "build" not in name)]
    (one, *others) = drawing.columns or (None,)
    is_one_string = one is not None and not others and one.form == "text" and not one.is_keyed
    chosen = rng.sample(fields, rng.randint(1, 3))
    if is_one_string:
        of_histogram = ("histogram", "bucket_count", "histogram_type", "sum")
        chosen += rng.sample((*of_histogram, "range_low", "range_high", "n_samples"), rng.randint(5, 7))
        rng.shuffle(chosen)
    by_name = {name.split(".")[-1]: name for name in chosen}
    has_default = is_one_string or not drawing.columns
    if not (has_default and drawing.maybe(0.4 if drawing.columns else 0.6)):
        spec["fields"] = list(by_name.values())
    if drawing.maybe(0.6):
        spec["limit"] = rng.choice((1, 3, 10, 1000))


def _recordings(drawing: Drawing) -> None:
    """Processes and keys."""
    rng, spec = drawing.rng, drawing.spec
    drawing.of_recording = []
    if drawing.form.names == (None,):
        return
    if drawing.table == MAIN:
        if drawing.is_path:
            (own,) = {one.process for one in drawing.columns}
            if drawing.maybe(0.4):
                spec["process"] = rng.choice((own, own, [own], "combined"))
        elif drawing.maybe(0.6 if drawing.measure != "pings" else 0.15):
            spec["process"] = rng.choice(PROCESSES)
    splits = drawing.measure != "pings"
    if splits and drawing.table == MAIN and drawing.maybe(0.3):
        drawing.of_recording.append("process")
    if drawing.form.is_keyed:
        if splits and drawing.maybe(0.5):
            drawing.of_recording.append("key")
        if drawing.maybe(0.75):
            spec["key"] = rng.choice(KEYS)
        if isinstance(spec.get("key"), Mapping):
            _top(drawing)
        if not drawing.is_path and "key" not in spec and "key" not in drawing.of_recording:
            spec["key"] = "*"  # no definition says of each that it is keyed
    if splits and drawing.maybe(0.1):
        drawing.of_recording.append("histogram")


def _top(drawing: Drawing) -> None:
    """Top keys are of samples, and told apart."""
    if drawing.is_scalar or drawing.measure in ("counts", "pings"):
        drawing.spec["key"] = "*"
        return
    if "key" not in drawing.of_recording:
        drawing.of_recording.append("key")
    if drawing.table == MAIN and not drawing.is_path and drawing.maybe(0.8):
        drawing.spec["process"] = drawing.rng.choice(OVERLAPPING)
        if "process" not in drawing.of_recording:
            drawing.of_recording.append("process")


def _dimensions(drawing: Drawing) -> None:
    """Dimensions of the ping and of what is recorded in it, in any order; and a cube of them."""
    rng, spec = drawing.rng, drawing.spec
    if drawing.measure == "pings":
        return
    is_scalars_summary = drawing.is_scalar and drawing.measure == "summary"
    cubed = drawing.maybe(0.5 if is_scalars_summary else 0.25) and not _overlaps(drawing)
    most = 3 - len(drawing.of_recording) if cubed else 4
    chosen, kinds = dimensions(rng, drawing.table, most, cubed=cubed)
    for name in drawing.of_recording:
        written = name.capitalize() if drawing.maybe(0.5) else name
        chosen.insert(rng.randint(0, len(chosen)), written)
    drawing.kinds |= kinds
    if chosen or drawing.maybe(0.1):
        spec["dimensions"] = chosen
    if chosen and (cubed or drawing.maybe(0.05)):
        spec["cube"] = cubed


def _overlaps(drawing: Drawing) -> bool:
    """Whether items of `process` hold the same, which a cube can't take."""
    process = drawing.spec.get("process")
    if not isinstance(process, list) or "process" not in drawing.of_recording:
        return False
    members = [one for item in dict.fromkeys(process) for one in SETS.get(item, (item,))]
    return len(set(members)) < len(members)


def _buckets(drawing: Drawing) -> None:
    """What is known of buckets, and what is made of it."""
    rng, spec = drawing.rng, drawing.spec
    if not drawing.is_weighed:
        return
    if drawing.maybe(0.28):
        spec["buckets"] = rng.choice(SHAPES)
    elif drawing.maybe(0.1):
        spec["buckets"] = "observed"
    # Of Glean's hundreds of buckets less often, for which Google's evaluator needs seconds.
    if drawing.n_bounds and (drawing.n_bounds < MANY_BOUNDS or drawing.maybe(0.25)):
        if drawing.measure == "percentiles" and drawing.maybe(0.75):
            spec["percentile_method"] = rng.choice(("interpolated", "bucket"))
        if drawing.measure == "distribution" and "buckets" not in spec and drawing.maybe(0.65):
            spec["buckets"] = "all"
        if drawing.maybe(0.2):
            spec["prior"] = "dirichlet"
    recorded = {one.unit for one in drawing.columns}
    kind = "memory" if recorded <= set(UNITS["memory"]) else "time"
    if len(recorded) == 1 and recorded <= set(UNITS[kind]) and drawing.maybe(1 if kind == "memory" else 0.95):
        spec["unit"] = rng.choice(UNITS[kind])


def _dates(drawing: Drawing) -> None:
    bounded = bounds(drawing.rng)
    drawing.filters |= bounded.pop("filters", {})
    drawing.spec |= bounded


def _filters(drawing: Drawing) -> None:
    """Up to three filters on columns, and on dimensions that the spec defines; more on the sample ids."""
    rng = drawing.rng
    is_now = drawing.spec.get("today") == "current"  # all pings are then of these days
    types = sorted({kind.type for kind in drawing.kinds.values()} - ({"timestamp"} if is_now else set()))
    for _ in range(rng.choice((0, 0, 1, 1, 1, 2, 3))):
        type_ = rng.choice(types)
        name = rng.choice([name for name, kind in drawing.kinds.items() if kind.type == type_])
        made = condition(rng, drawing.kinds[name])
        written = name.upper() if drawing.maybe(0.04) else name
        if name.lower() not in {given.lower() for given in drawing.filters}:
            drawing.filters[written] = made
    for name in drawing.of_sample:
        if name not in drawing.filters and drawing.maybe(0.5):
            drawing.filters[name] = condition(rng, drawing.kinds[name])


# --- Keys that stand for themselves --------------------------------------------------------------


class Extra(NamedTuple):
    """A key with its values, how often it is given, and to which specs."""

    key: str
    chance: float
    values: tuple[Any, ...]
    applies: Callable[[Drawing], bool] = lambda _: True


SILENCED = ([], ["full-scan"], ["unscaled-sample", "version-as-text"], ["build-id-as-text", "redash-type"])
EXTRAS: tuple[Extra, ...] = (
    Extra("title", 0.1, TITLES),
    Extra("description", 0.1, TITLES),
    Extra("scale", 0.15, (True, True, True, False), lambda drawing: drawing.measure != "pings"),
    Extra("scale", 0.6, (True,), lambda drawing: bool(drawing.of_sample)),
    Extra("min_clients", 0.2, (1, 2, 2, 3, 5), lambda drawing: drawing.measure != "pings"),
    Extra("low_data", 0.6, ("drop", "mark"), lambda drawing: "min_clients" in drawing.spec),
    Extra("allow_full_scan", 0.05, (True,)),
    Extra("n_undecodable", 0.3, (True, True, True, True, False), lambda drawing: drawing.can_be_damaged),
    Extra("strict", 0.22, (True, True, True, False), lambda drawing: drawing.can_end),
    Extra("silence", 0.08, SILENCED),
)
# All of these let 7 in.
SAMPLED: tuple[Any, ...] = ({"lt": 50}, {"lte": 42}, [0, 7, 42], 7, {"from": 0, "to": 79, "not": [3, 43]})


def _extras(drawing: Drawing) -> None:
    for extra in EXTRAS:
        if extra.applies(drawing) and drawing.maybe(extra.chance):
            drawing.spec.setdefault(extra.key, drawing.rng.choice(extra.values))
    if drawing.spec.get("scale"):
        _sample(drawing)


def _sample(drawing: Drawing) -> None:
    """Filters the sample ids, by one of their names or several, so that some pass."""
    names = ["sample_id", *(name for name in RENAMED_SAMPLE if name in drawing.kinds)]
    for name in [name for name in drawing.filters if name.lower() in names]:
        del drawing.filters[name]
    for name in drawing.rng.sample(names, drawing.rng.randint(1, len(names))):
        drawing.filters[name] = drawing.rng.choice(SAMPLED)
