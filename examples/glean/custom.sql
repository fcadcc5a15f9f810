/* Distribution of browser.engagement.tab_count */
/* Counted: one vote per client and submission day; pings without a client id have none. n_clients are the clients with a sample, and n_samples their samples */
/* Filters: channel is nightly; submission_date from 2020-04-06 to 2020-04-20 */
/* Chart in STMO: type bar, x = bucket (as category, not sorted again), y = share */
/* Made with querygen 0.1.0 */
WITH
-- The pings of firefox_desktop.metrics that pass the filters and that carry the histogram.
pings AS (
  SELECT
    m.client_info.client_id AS client_id,
    DATE(m.submission_timestamp) AS day,
    m.metrics.custom_distribution.browser_engagement_tab_count.values AS recorded,
    m.metrics.custom_distribution.browser_engagement_tab_count.sum AS recorded_sum,
  FROM
    `firefox_desktop.metrics` AS m
  WHERE
    DATE(m.submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND m.normalized_channel = 'nightly'
    AND m.client_info.client_id IS NOT NULL
    AND ARRAY_LENGTH(m.metrics.custom_distribution.browser_engagement_tab_count.values) > 0
),
-- Each histogram as an array of keys and counts.
histograms AS (
  SELECT
    client_id,
    day,
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
-- Each client's samples of a day. Empty buckets and impossible counts are dropped.
client_days AS (
  SELECT
    client_id,
    day,
    SUM(entry.value) AS n_samples,
    ARRAY_AGG(STRUCT(entry.key AS key, entry.value AS value)) AS entries,
  FROM
    histograms
  CROSS JOIN
    UNNEST(histograms.buckets) AS entry
  WHERE
    entry.value BETWEEN 1 AND 1099511627776
  GROUP BY
    client_id,
    day
),
-- Each client's samples together, each with its share of its day.
clients AS (
  SELECT
    client_id,
    ARRAY_AGG(
      STRUCT(entry.key AS key, entry.value AS value, entry.value / client_days.n_samples AS vote)
    ) AS entries,
  FROM
    client_days
  CROSS JOIN
    UNNEST(client_days.entries) AS entry
  GROUP BY
    client_id
),
-- One row per bucket. Every client has one vote per day, divided among its buckets by samples. A
-- client is counted at its first entry.
buckets AS (
  SELECT
    entry.key AS bucket,
    SUM(entry.vote) AS votes,
    SUM(entry.value) AS n_samples,
    COUNTIF(position = 0) AS n_clients,
  FROM
    clients
  CROSS JOIN
    UNNEST(clients.entries) AS entry WITH OFFSET AS position
  GROUP BY
    bucket
),
-- Each bucket's share of the votes, within all together; clients and samples of the whole group.
shares AS (
  SELECT
    bucket,
    votes AS count,
    votes / SUM(votes) OVER whole_group AS share,
    SUM(n_clients) OVER whole_group AS n_clients,
    SUM(n_samples) OVER whole_group AS n_samples,
  FROM
    buckets
  WINDOW
    whole_group AS ()
)
-- One row per bucket that has samples.
SELECT
  bucket,
  count,
  share,
  n_clients,
  n_samples,
FROM
  shares
ORDER BY
  bucket
