"""Raw pings made into rows of their BigQuery table, by the rules of Mozilla's pipeline.

A main ping, as about:telemetry shows it and Firefox sends it, becomes a row of telemetry.main, a crash ping
one of telemetry.crash, a Glean ping one of firefox_desktop.metrics. The table's schema decides what is a
column; everything else is kept, as JSON text under its own names, in the column `additional_properties`.

The rules, in the modules that hold them:
- names (`querygen.names`): `l2cacheKB` becomes `l2cache_kb`, `browser.tabswitch.spinner_visible` has
  underscores for dots.
- `rows`: an object under a key/value column becomes an array of such pairs (experiments, keyed histograms,
  labels, buckets); a list under a record of `f0_`, `f1_`, … becomes that record; an object under a STRING
  column, such as a histogram, becomes its JSON text; a value of another type than its column's, which no
  rule converts, is left over, as are names that the schema doesn't know.
- `derive`: what the pipeline adds by itself: `submission_timestamp`, `document_id`, `sample_id`,
  `metadata.uri` and the `normalized_*` columns.
"""

from querygen.ingest.rows import convert
from querygen.ingest.run import IngestReport, Progress, ingest
from querygen.names import column_name

__all__ = ["IngestReport", "Progress", "column_name", "convert", "ingest"]
