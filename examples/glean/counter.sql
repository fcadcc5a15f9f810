/* Summary of browser.engagement.tab_open_event_count by os */
/* Counted: one number per client within each group, the sum over its pings; pings without a client id have none */
/* Filters: channel is nightly; submission_date from 2020-04-06 to 2020-04-20 */
/* Chart in STMO: type bar, x = os, y = mean */
/* Made with querygen 0.1.0 */
WITH
-- The pings of firefox_desktop.metrics that pass the filters and that carry the scalar.
pings AS (
  SELECT
    m.normalized_os AS os,
    m.client_info.client_id AS client_id,
    m.metrics.counter.browser_engagement_tab_open_event_count AS recorded,
  FROM
    `firefox_desktop.metrics` AS m
  WHERE
    DATE(m.submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND m.normalized_channel = 'nightly'
    AND m.client_info.client_id IS NOT NULL
    AND m.metrics.counter.browser_engagement_tab_open_event_count IS NOT NULL
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
)
-- Clients, sum and mean of their numbers, within each os.
SELECT
  os,
  COUNT(*) AS count,
  SUM(CAST(number AS FLOAT64)) AS sum,
  SUM(CAST(number AS FLOAT64)) / COUNT(*) AS mean,
  COUNTIF(number > 0) / COUNT(*) AS share_above_zero,
  COUNT(*) AS n_clients,
FROM
  numbers
GROUP BY
  os
ORDER BY
  os
