"""What tests/data/Histograms.json and tests/data/metrics.yaml say, worked out by hand."""

from pathlib import Path

from oracle import Probe, functional

from pings.histograms import BUCKETS

DEFINITIONS = Path(__file__).parents[1] / "data"

SPINNER, GC = "FX_TAB_SWITCH_SPINNER_VISIBLE_MS", "GC_MS"
TAB_SIZE, HANDSHAKE, VERDICT, SECURE = "TAB_SIZE_KB", "SSL_HANDSHAKE_VERSION", "LOGIN_VERDICT", "IS_SECURE"
OVERUSE, DELAY = "IDLE_BUDGET_OVERUSE_MS", "QUEUE_DELAY_MS"

# BUCKETS are those of range [1, 1000] in 20 buckets, as Firefox sends them.
_MILLISECONDS = Probe("histograms", BUCKETS, overflow=1000, unit="ms")
_KEYED = Probe("keyed_histograms", BUCKETS, overflow=1000, unit="ms", is_keyed=True)
_LEGACY = {
    SPINNER: _MILLISECONDS,
    GC: _MILLISECONDS,
    TAB_SIZE: Probe("histograms", (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100), overflow=100, unit="KiB"),
    OVERUSE: _KEYED,
    DELAY: _KEYED,
    # 16 values and one more for all others; categories without names.
    HANDSHAKE: Probe("histograms", tuple(range(17)), overflow=16),
    # At least 50 labels, so that some can be added, and one bucket for all others.
    VERDICT: Probe(
        "histograms",
        tuple(range(51)),
        overflow=50,
        labels={0: "Safe", 1: "Unsafe", 2: "it's", 50: "(other)"},
    ),
    SECURE: Probe("histograms", (0, 1, 2), labels={0: "false", 1: "true"}),
}

# Glean keeps timings from 1 to 600·10⁹ of their unit, and memory up to a TiB.
_MILLION, _MOST = 10**6, 600 * 10**9
_TIMING = functional(8, _MILLION, _MOST * _MILLION)
_GLEAN = {
    "browser.tabswitch.spinner_visible": Probe(
        "timing_distribution", _TIMING, unit="ns", mirrors=SPINNER, scale=_MILLION
    ),
    "javascript.gc.total_time": Probe("timing_distribution", _TIMING, unit="ns", mirrors=GC, scale=_MILLION),
    "tabs.size": Probe(
        "memory_distribution", functional(16, 0, 2**40), unit="bytes", mirrors=TAB_SIZE, scale=1024
    ),
    "page.weight": Probe("custom_distribution", BUCKETS, overflow=1000),
    "ssl.handshake": Probe("custom_distribution", tuple(range(17)), overflow=16, mirrors=HANDSHAKE),
    # Labelled timings are mirrored in milliseconds, whatever their unit.
    "idle.budget_overuse": Probe(
        "labeled_timing_distribution",
        functional(8, 1, _MOST),
        unit="ns",
        is_keyed=True,
        mirrors=OVERUSE,
        scale=_MILLION,
    ),
    "idle.queue_delay": Probe(
        "labeled_timing_distribution", _TIMING, unit="ns", is_keyed=True, mirrors=DELAY, scale=_MILLION
    ),
    "idle.queue_length": Probe("labeled_custom_distribution", BUCKETS, overflow=1000, is_keyed=True),
}

PROBES = {name.lower(): probe for name, probe in (_LEGACY | _GLEAN).items()}
CATEGORIES = tuple(PROBES[name.lower()] for name in (HANDSHAKE, VERDICT, SECURE, "ssl.handshake"))
