"""Random specs about processes, keys, several histograms, Glean's distributions and probe definitions."""

from functools import lru_cache
from typing import Any, NamedTuple

from hypothesis import strategies as st
from oracle import Probe
from oracle.recordings import SETS, probe_of

from pings.glean import glean_pings
from pings.probes import CATEGORIES, DELAY, GC, HANDSHAKE, OVERUSE, PROBES, SECURE, SPINNER, TAB_SIZE, VERDICT
from pings.recordings import recording_pings
from pings.rows import CLIENTS, Ping
from pings.specs import DEFINED, FILTERS, PERCENTILES, POOL, chance, submission_date

Spec = dict[str, Any]
GLEAN = "firefox_desktop.metrics"


class Pair(NamedTuple):
    """What to compile, run and judge; and whether with the probe definitions."""

    spec: Spec
    pings: list[Ping]
    defined: bool


# --- What is asked of any table ------------------------------------------------------------------

CUBED_NAMES = (
    *("channel", "os", "country", "app_version"),
    *("build_date", "build_time", "submission_date", "sample_id"),
)
# Definitions that only need columns of both tables.
_SHARED = ("sampled", "place", "os_family", "os_group", "age", "released")
SHARED_DEFINED = tuple(pair for pair in DEFINED if pair[0]["name"] in _SHARED)
_FILTERED = ("channel", "os", "os_version", "country", "app_version", "build_id", "build_date", "sample_id")
SHARED_FILTERS = {name: FILTERS[name] for name in _FILTERED}


@st.composite
def _dimensions(draw: st.DrawFn, of_recording: tuple[str, ...], most: int) -> tuple[list[Any], Spec]:
    """Dimensions of the ping and of what is recorded in it, in any order; and filters on defined ones."""
    chosen: list[Any] = [name for name in of_recording if draw(chance(0.45))]
    ordinary = draw(st.sampled_from((0, 0, 1, 1, 2)))
    filters: Spec = {}
    for _ in range(min(ordinary, most - len(chosen))):
        made: Any = draw(st.sampled_from(CUBED_NAMES))
        if draw(chance(0.35)):
            made, conditions = draw(st.sampled_from(SHARED_DEFINED))
            if draw(chance(0.2)):
                filters[made["name"]] = draw(st.sampled_from(conditions))
        if made not in chosen:
            chosen.insert(draw(st.integers(0, len(chosen))), made)
    return chosen, filters


def _probes(names: list[str], source: str) -> list[Probe | None]:
    """What is known of these histograms of a table."""
    return [probe_of({"source": source}, name, PROBES)[1] for name in names]


@st.composite
def _measure(draw: st.DrawFn, probes: list[Probe | None], units: tuple[str, ...]) -> Spec:
    """The keys that say what is asked of histograms that have these definitions."""
    spec: Spec = {}
    categories = any(probe in CATEGORIES for probe in probes)
    bounded = len({probe and probe.bounds for probe in probes}) == 1 and probes[0] is not None
    measures = ("percentiles",) * 4 + ("distribution",) * 3 + ("summary", "counts")
    measure = draw(st.sampled_from(tuple(m for m in measures if not categories or m != "percentiles")))
    if measure == "percentiles":
        if draw(chance(0.85)):
            chosen = draw(st.lists(st.sampled_from(PERCENTILES), min_size=1, max_size=6, unique=True))
            spec["percentiles"] = chosen
        if "percentiles" not in spec or draw(chance(0.2)):
            spec["measure"] = measure
        if bounded and draw(chance(0.6)):
            spec["percentile_method"] = draw(st.sampled_from(("interpolated", "interpolated", "bucket")))
    elif measure != "distribution" or draw(chance(0.3)):
        spec["measure"] = measure
    if measure == "distribution" and bounded and draw(chance(0.5)):
        spec["buckets"] = draw(st.sampled_from(("all", "all", "observed")))
    if units and measure in ("percentiles", "distribution") and draw(chance(0.4)):
        spec["unit"] = draw(st.sampled_from(units))
    if measure != "counts" and draw(chance(0.75)):
        spec["normalization"] = draw(st.sampled_from(("client", "client_day", "none")))
    return spec


@st.composite
def _rest(draw: st.DrawFn, spec: Spec, dimensions: list[Any], client: str) -> Spec:
    """Cube, low data, dates and filters."""
    more: Spec = {"dimensions": dimensions} if dimensions else {}
    if dimensions and draw(chance(0.4)):
        more["cube"] = draw(st.sampled_from((True, True, True, False)))
    if draw(chance(0.3)):
        more["min_clients"] = draw(st.sampled_from((1, 2, 3, 5, 9)))
        if draw(chance(0.6)):
            more["low_data"] = draw(st.sampled_from(("drop", "drop", "mark")))
    bounds = draw(submission_date())
    filters = bounds.pop("filters", {})
    for name in draw(st.lists(st.sampled_from(tuple(SHARED_FILTERS)), max_size=1)):
        filters.setdefault(name, draw(SHARED_FILTERS[name]))
    if draw(chance(0.1)):
        filters[client] = {"not": draw(st.sampled_from(CLIENTS[:3]))}
    return more | bounds | ({"filters": filters} if filters else {})


def _with_filters(spec: Spec, filters: Spec) -> Spec:
    return spec | {"filters": filters | spec.get("filters", {})} if filters else spec


KEYS = st.one_of(
    st.sampled_from(("a", "b", "it's", "", "\u00e9", "*")),
    st.sampled_from(
        (["a", "b"], ["a"], ["", " ", "a", "**"], ["a", "e\u0301"], ["a", "*"], ["b", "no", "a"])
    ),
)

BYTES = ("bytes", "KiB", "MiB", "GiB")

# --- telemetry.main ------------------------------------------------------------------------------

PROCESSES = st.one_of(
    st.sampled_from(("parent", "content", "gpu", "children", "combined")),
    st.sampled_from(
        (
            ["parent", "content"],
            ["gpu"],
            ["content", "gpu", "parent"],
            ["parent", "children"],
            ["children", "combined", "content"],
            ["combined"],
            ["children", "gpu"],
            ["content", "content"],
        )
    ),
)
PLAIN = (SPINNER, SPINNER, SPINNER.lower(), GC, TAB_SIZE, HANDSHAKE, VERDICT, SECURE)
LISTS = (
    [SPINNER, GC],
    [GC, "Fx_Tab_Switch_Spinner_Visible_Ms"],
    [SPINNER],
    [HANDSHAKE, VERDICT, SECURE],
    [TAB_SIZE, SPINNER],
)
PATHS = (
    f"payload.histograms.{SPINNER}",
    f"payload.keyed_histograms.{OVERUSE.lower()}",
    f"payload.processes.content.histograms.{GC.lower()}",
    f"payload.processes.gpu.keyed_histograms.{DELAY.lower()}",
)
UNITS = ("ms", "s", "min", "h")  # smaller ones make the largest keys overflow


FORMS = ("plain",) * 4 + ("keyed",) * 4 + ("list", "list", "keyed list", "path", "path")


@st.composite
def recording_specs(draw: st.DrawFn, defined: bool) -> Spec:
    """A valid spec for telemetry.main about processes, keys, and several histograms."""
    form = draw(st.sampled_from(FORMS))
    histogram: Any = {
        "plain": st.sampled_from(PLAIN),
        "keyed": st.sampled_from((OVERUSE, DELAY)),
        "list": st.sampled_from(LISTS),
        "keyed list": st.just([OVERUSE, DELAY]),
        "path": st.sampled_from(PATHS),
    }[form]
    histogram = draw(histogram)
    names = [histogram] if isinstance(histogram, str) else histogram
    is_keyed = form.startswith("keyed") or "keyed" in names[0]
    spec: Spec = {"histogram": histogram}
    if draw(chance(0.15)):
        spec["histogram"] = {"telemetry.main": histogram, GLEAN: "browser.tabswitch.total"}
    of_recording: tuple[str, ...] = ("process",)
    if is_keyed:
        of_recording = ("key", "process")
        if draw(chance(0.6)):
            spec["key"] = draw(KEYS)
    if form != "list" and draw(chance(0.15)):
        of_recording = (*of_recording, "histogram")
    dimensions, filters = draw(_dimensions(of_recording, most=3))
    if is_keyed and not defined and form != "path" and "key" not in spec and "key" not in dimensions:
        spec["key"] = "*"  # nothing else says that it is keyed
    if form == "path":
        spec["process"] = names[0].split(".")[2] if "processes" in names[0] else "parent"
    elif draw(chance(0.8)):
        spec["process"] = draw(PROCESSES)
    probes = _probes(names, "telemetry.main") if defined else [None]
    recorded = {probe and probe.unit for probe in probes}
    units = {"ms": UNITS, "KiB": BYTES[1:]}.get(*recorded, ()) if len(recorded) == 1 else ()
    spec |= draw(_measure(probes, units))
    spec |= draw(_rest(spec, dimensions, "client_id"))
    return _with_filters(_without_overlap(spec), filters)


def _without_overlap(spec: Spec) -> Spec:
    """A cube can't have overlapping items of `process`: these are asked for without it."""
    process = spec.get("process")
    if "process" not in spec.get("dimensions", ()) or process is None or isinstance(process, str):
        return spec
    members = [one for item in dict.fromkeys(process) for one in SETS.get(item, (item,))]
    overlaps = len(set(members)) < len(members)
    return {key: value for key, value in spec.items() if key != "cube"} if overlaps else spec


# --- firefox_desktop.metrics ---------------------------------------------------------------------

SPINNER_METRIC = "browser.tabswitch.spinner_visible"
TIMINGS = (SPINNER_METRIC, "javascript.gc.total_time", "Browser.TabSwitch.Spinner_Visible")
NAMED = (*TIMINGS, "tabs.size", "page.weight", "ssl.handshake")
UNDEFINED = TIMINGS[::2]  # what the built-in schema knows by itself
LABELLED = ("idle.budget_overuse", "idle.queue_delay", "idle.queue_length")
MIRRORED = (SPINNER, GC, TAB_SIZE, HANDSHAKE)
GLEAN_PATHS = (
    "metrics.timing_distribution.browser_tabswitch_spinner_visible",
    "metrics.memory_distribution.tabs_size",
    "metrics.custom_distribution.page_weight",
    "metrics.labeled_timing_distribution.idle_budget_overuse",
    "metrics.labeled_custom_distribution.idle_queue_length",
)
GLEAN_LISTS = (list(TIMINGS[:2]), ["javascript.gc.total_time"])
TIMES = ("ns", "us", *UNITS)


@st.composite
def glean_specs(draw: st.DrawFn, defined: bool) -> Spec:
    """A valid spec for firefox_desktop.metrics."""
    forms = {
        "name": st.sampled_from(NAMED if defined else UNDEFINED),
        "labelled": st.sampled_from(LABELLED if defined else GLEAN_PATHS[3:]),
        "path": st.sampled_from(GLEAN_PATHS),
        "list": st.sampled_from(GLEAN_LISTS if defined else (list(UNDEFINED[:1]), list(GLEAN_PATHS[:1]))),
    }
    if defined:
        forms |= {
            "mirrored": st.sampled_from((*MIRRORED, OVERUSE, DELAY)),
            "mirrored list": st.sampled_from(([SPINNER, GC], [OVERUSE, DELAY], [SPINNER])),
        }
    form = draw(st.sampled_from(tuple(forms)))
    histogram = draw(forms[form])
    names = [histogram] if isinstance(histogram, str) else histogram
    is_keyed = form == "labelled" or "labeled" in names[0] or names[0] in (OVERUSE, DELAY)
    spec: Spec = {"source": GLEAN, "histogram": histogram}
    if draw(chance(0.15)):
        spec["histogram"] = {GLEAN: histogram, "telemetry.main": SPINNER}
    if is_keyed and draw(chance(0.6)):
        spec["key"] = draw(KEYS)
    of_recording: tuple[str, ...] = ("key",) if is_keyed else ()
    if not form.endswith("list") and draw(chance(0.15)):
        of_recording = (*of_recording, "histogram")
    dimensions, filters = draw(_dimensions(of_recording, most=3))
    is_custom = any(part in names[0] for part in ("custom", "page", "ssl", "length", HANDSHAKE))
    units = BYTES if "size" in names[0].lower() else () if is_custom else TIMES
    spec |= draw(_measure(_probes(names, GLEAN) if defined else [None], units))
    spec |= draw(_rest(spec, dimensions, "client_info.client_id"))
    return _with_filters(spec, filters)


# --- Pairs ---------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _recordings(seed: int) -> list[Ping]:
    return recording_pings(POOL, seed)


@lru_cache(maxsize=8)
def _metrics(seed: int) -> list[Ping]:
    return glean_pings(POOL, seed)


@st.composite
def recording_pairs(draw: st.DrawFn, smallest: int = 40, largest: int = 120) -> Pair:
    """A spec for telemetry.main and pings; at most a fifth of the answers is empty."""
    defined = draw(st.booleans())
    return Pair(draw(recording_specs(defined)), _window(draw, _recordings, smallest, largest), defined)


@st.composite
def glean_pairs(draw: st.DrawFn, smallest: int = 40, largest: int = 120) -> Pair:
    """A spec for firefox_desktop.metrics and pings; at most a fifth of the answers is empty."""
    defined = draw(st.booleans())
    return Pair(draw(glean_specs(defined)), _window(draw, _metrics, smallest, largest), defined)


def _window(draw: st.DrawFn, pool: Any, smallest: int, largest: int) -> list[Ping]:
    size = draw(st.integers(smallest, largest))
    start = draw(st.integers(0, POOL - size))
    return pool(draw(st.integers(0, 7)))[start : start + size]
