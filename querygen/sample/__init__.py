"""Synthetic tables: realistic in their proportions, the same on every machine, and nobody's data.

They tell the tutorial's story. A few very active clients with slow machines make most of the tab spinners, so
merged percentiles are far above those with one vote per client; and Windows 7 is clearly worse. As on the
real table there are NULL and broken histograms, NULL client ids and countries, builds with few clients and
builds that are older or newer than the day they report on. A string of the tab spinner histogram is broken
exactly where it does not end in `}}`.

telemetry.main and firefox_desktop.metrics hold the same sessions of the same clients, each in its own way:
the spinners of a legacy bucket (milliseconds) are in one of Glean's (nanoseconds) that begins inside it, and
crashes of other processes, opened tabs and experiments agree. telemetry.crash has a ping for each of these
crashes, and for those of the main process, which the others don't tell of.

Other stories are told by `story` (releases) and `tls13` (an experiment).
"""

from querygen.sample.columns import CRASH, GLEAN, MAIN, RELEASED, SCHEMAS
from querygen.sample.generate import builtin_sample, sample_table
from querygen.sample.story import story_table
from querygen.sample.tls13 import tls13_table
from querygen.sample.write import STORIES, Format, write_sample, write_story

SCHEMA = SCHEMAS[MAIN]
"""The columns of telemetry.main."""

TABLE = MAIN
"""The table that a sample is of where none is named."""

__all__ = [
    "CRASH",
    "GLEAN",
    "MAIN",
    "RELEASED",
    "SCHEMA",
    "SCHEMAS",
    "STORIES",
    "TABLE",
    "Format",
    "builtin_sample",
    "sample_table",
    "story_table",
    "tls13_table",
    "write_sample",
    "write_story",
]
