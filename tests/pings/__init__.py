"""Random pings and random specs for tests: small domains, so that groups hold several clients.

`random_pings` gives rows of telemetry.main with every corner case of their columns, `recording_pings` the
same recorded in several processes and under keys, `glean_pings` rows of firefox_desktop.metrics. The pairs of
`specs_with_pings` cover every key and operator of a spec, those of `recording_pairs` and `glean_pairs` what
can be asked of processes, keys, several histograms, Glean's distributions and probe definitions.
"""

from pings.glean import as_glean, glean_pings
from pings.histograms import BUCKETS, ODD_HISTOGRAMS, UNDECODABLE
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
from pings.specs import ping_lists, specs, specs_with_pings
from pings.specs_of_recordings import glean_pairs, glean_specs, recording_pairs, recording_specs

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
    "as_glean",
    "glean_pairs",
    "glean_pings",
    "glean_specs",
    "ping_lists",
    "random_pings",
    "recording_pairs",
    "recording_pings",
    "recording_specs",
    "specs",
    "specs_with_pings",
    "write_ndjson",
]
