/* Percentiles of memory.heap_allocated by os */
/* Counted: one vote per client within each group; pings without a client id have none. n_clients are the clients with a sample, and n_samples their samples */
/* Filters: channel is nightly; submission_date from 2020-04-06 to 2020-04-20 */
/* Chart in STMO: type bar, x = os, y = value, series = percentile */
/* Made with querygen 0.1.0 */
WITH
-- The pings of firefox_desktop.metrics that pass the filters and that carry the histogram.
pings AS (
  SELECT
    m.normalized_os AS os,
    m.client_info.client_id AS client_id,
    m.metrics.memory_distribution.memory_heap_allocated.values AS recorded,
    m.metrics.memory_distribution.memory_heap_allocated.sum AS recorded_sum,
  FROM
    `firefox_desktop.metrics` AS m
  WHERE
    DATE(m.submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND m.normalized_channel = 'nightly'
    AND m.client_info.client_id IS NOT NULL
    AND ARRAY_LENGTH(m.metrics.memory_distribution.memory_heap_allocated.values) > 0
),
-- Each histogram as an array of keys and counts.
histograms AS (
  SELECT
    os,
    client_id,
    ARRAY(
      SELECT AS STRUCT
        CAST(entry.key AS INT64) AS key,
        entry.value AS value
      FROM
        UNNEST(recorded) AS entry
      WHERE
        REGEXP_CONTAINS(entry.key, r'^-?(?:0|[1-9]\d{0,17})$')
    ) AS buckets,
  FROM
    pings
),
-- Each client's samples together. Empty buckets and impossible counts are dropped.
clients AS (
  SELECT
    os,
    client_id,
    SUM(entry.value) AS n_samples,
    ARRAY_AGG(STRUCT(entry.key AS key, entry.value AS value)) AS entries,
  FROM
    histograms
  CROSS JOIN
    UNNEST(histograms.buckets) AS entry
  WHERE
    entry.value BETWEEN 1 AND 1099511627776
  GROUP BY
    os,
    client_id
),
-- One row per bucket. Every client has one vote, divided among its buckets by its samples. A
-- client is counted at its first entry.
buckets AS (
  SELECT
    os,
    entry.key AS bucket,
    SUM(entry.value / clients.n_samples) AS votes,
    SUM(entry.value) AS n_samples,
    COUNTIF(position = 0) AS n_clients,
  FROM
    clients
  CROSS JOIN
    UNNEST(clients.entries) AS entry WITH OFFSET AS position
  GROUP BY
    os,
    bucket
),
-- The share of votes at or below each bucket, within each os; clients and samples of the whole
-- group.
shares AS (
  SELECT
    os,
    bucket,
    SUM(votes) OVER up_to_bucket / SUM(votes) OVER whole_group AS cumulative_share,
    SUM(n_clients) OVER whole_group AS n_clients,
    SUM(n_samples) OVER whole_group AS n_samples,
  FROM
    buckets
  WINDOW
    whole_group AS (PARTITION BY os),
    up_to_bucket AS (whole_group ORDER BY bucket)
)
-- A percentile is the lowest bucket whose cumulative share reaches it.
SELECT
  os,
  percentile,
  MIN(bucket) / 1048576 AS value,
  n_clients,
  n_samples,
FROM
  shares
CROSS JOIN
  UNNEST([0.25, 0.5, 0.75]) AS percentile
WHERE
  cumulative_share >= percentile - 1e-9
GROUP BY
  os,
  percentile,
  n_clients,
  n_samples
ORDER BY
  os,
  percentile
