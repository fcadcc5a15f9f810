"""Random pings and random specs for tests: small domains, so that groups hold several clients.

`random_pings` gives rows of telemetry.main with every corner case of their columns, `recording_pings` the
same recorded in several processes and under keys, with scalars, `glean_pings` rows of
firefox_desktop.metrics. `pairs` are specs of every key and option with pings that fit them: `specs` makes the
specs out of `conditions` and `dimensions`.
"""

from pings.glean import as_glean, glean_pings
from pings.histograms import BUCKETS, ODD_HISTOGRAMS, UNDECODABLE
from pings.pairs import Pair, numbered, pairs
from pings.probes import DEFINITIONS, PROBES
from pings.recordings import recording_pings
from pings.rows import (
    HISTOGRAM,
    HOSTILE_TEXTS,
    ODD_BUILDS,
    TIED_BUILD,
    random_pings,
    write_ndjson,
)

__all__ = [
    "BUCKETS",
    "DEFINITIONS",
    "HISTOGRAM",
    "HOSTILE_TEXTS",
    "ODD_BUILDS",
    "ODD_HISTOGRAMS",
    "PROBES",
    "TIED_BUILD",
    "UNDECODABLE",
    "Pair",
    "as_glean",
    "glean_pings",
    "numbered",
    "pairs",
    "random_pings",
    "recording_pings",
    "write_ndjson",
]
