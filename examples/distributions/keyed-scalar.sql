/* Summary of browser_engagement_navigation_urlbar by key */
/* Counted: one number per client within each group, the sum over its pings; pings without a client id have none */
/* Filters: channel is nightly; submission_date from 2020-04-06 to 2020-04-20 */
/* Chart in STMO: type bar, x = key, y = mean */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the scalar.
pings AS (
  SELECT
    client_id,
    payload.processes.parent.keyed_scalars.browser_engagement_navigation_urlbar AS recorded,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND normalized_channel = 'nightly'
    AND client_id IS NOT NULL
    AND ARRAY_LENGTH(payload.processes.parent.keyed_scalars.browser_engagement_navigation_urlbar) > 0
),
-- One row per recording and key.
keys AS (
  SELECT
    client_id,
    keyed.key AS key,
    keyed.value AS recorded,
  FROM
    pings
  CROSS JOIN
    UNNEST(pings.recorded) AS keyed
),
-- Each client's number: the sum over its pings. Impossible values are dropped.
numbers AS (
  SELECT
    key,
    client_id,
    SUM(recorded) AS number,
    COUNT(*) AS n_recorded,
  FROM
    keys
  WHERE
    recorded BETWEEN 0 AND 1099511627776
  GROUP BY
    key,
    client_id
),
-- Clients, sum and mean of their numbers, within each key.
totals_of_numbers AS (
  SELECT
    key,
    COUNT(*) AS count,
    SUM(CAST(number AS FLOAT64)) AS sum,
    SUM(CAST(number AS FLOAT64)) / COUNT(*) AS mean,
    COUNTIF(number > 0) AS n_above_zero,
    COUNT(*) AS n_clients,
  FROM
    numbers
  GROUP BY
    key
),
-- The pings of telemetry.main that pass the filters.
all_pings AS (
  SELECT
    client_id,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND normalized_channel = 'nightly'
    AND client_id IS NOT NULL
),
-- All clients, all together.
all_counts AS (
  SELECT
    COUNT(DISTINCT client_id) AS n_clients,
    COUNT(*) AS n_pings,
  FROM
    all_pings
  HAVING
    COUNT(*) > 0
),
-- The share of all clients whose number is above zero. Those that never sent it count as zero.
clients_joined AS (
  SELECT
    totals_of_numbers.key AS key,
    totals_of_numbers.count AS count,
    totals_of_numbers.sum AS sum,
    totals_of_numbers.mean AS mean,
    totals_of_numbers.n_clients AS n_clients,
    totals_of_numbers.n_above_zero / all_counts.n_clients AS share_of_clients,
    all_counts.n_clients AS n_all_clients,
  FROM
    totals_of_numbers
  CROSS JOIN
    all_counts
)
-- The rows, in order.
SELECT
  key,
  count,
  sum,
  mean,
  n_clients,
  share_of_clients,
  n_all_clients,
FROM
  clients_joined
ORDER BY
  key
