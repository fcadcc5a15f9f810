"""A synthetic telemetry.main: realistic in its proportions, the same on every machine, and nobody's data.

It tells the tutorial's story. A few very active clients with slow machines make most of the tab spinners, so
merged percentiles are far above those with one vote per client; and Windows 7 is clearly worse. As on the
real table there are NULL and broken histograms, NULL client ids and countries, builds with few clients and
builds that are older or newer than the day they report on. A string of the tab spinner histogram is broken
exactly where it does not end in `}}`.
"""

from querygen.sample.generate import builtin_sample, sample_table
from querygen.sample.shape import SCHEMA
from querygen.sample.write import TABLE, Format, write_sample

__all__ = ["SCHEMA", "TABLE", "Format", "builtin_sample", "sample_table", "write_sample"]
