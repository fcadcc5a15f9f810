/* Percentiles of browser_engagement_tab_open_event_count by os */
/* Counted: one number per client within each group, the sum over its pings; pings without a client id have none */
/* Filters: channel is nightly; submission_date from 2020-04-06 to 2020-04-20 */
/* Chart in STMO: type bar, x = os, y = value, series = percentile */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the scalar.
pings AS (
  SELECT
    normalized_os AS os,
    client_id,
    payload.processes.parent.scalars.browser_engagement_tab_open_event_count AS recorded,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND normalized_channel = 'nightly'
    AND client_id IS NOT NULL
    AND payload.processes.parent.scalars.browser_engagement_tab_open_event_count IS NOT NULL
),
-- Each client's number: the sum over its pings. Impossible values are dropped.
numbers AS (
  SELECT
    os,
    client_id,
    SUM(recorded) AS number,
    COUNT(*) AS n_recorded,
  FROM
    pings
  WHERE
    recorded BETWEEN 0 AND 1099511627776
  GROUP BY
    os,
    client_id
),
-- How many clients have each number. Every client counts once.
tallies AS (
  SELECT
    os,
    number AS bucket,
    COUNT(*) AS votes,
    SUM(n_recorded) AS n_samples,
    COUNT(*) AS n_clients,
  FROM
    numbers
  GROUP BY
    os,
    number
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
    tallies
  WINDOW
    whole_group AS (PARTITION BY os),
    up_to_bucket AS (whole_group ORDER BY bucket)
)
-- A percentile is the lowest bucket whose cumulative share reaches it.
SELECT
  os,
  percentile,
  MIN(bucket) AS value,
  n_clients,
  n_samples,
FROM
  shares
CROSS JOIN
  UNNEST([0.25, 0.5, 0.75, 0.95]) AS percentile
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
