/* Clients and pings by submission_date */
/* Counted: distinct client ids and pings; pings without a client id are in n_pings only */
/* Filters: channel is nightly; submission_date from 2020-04-06 to 2020-04-20 */
/* Chart in STMO: type line, x = submission_date, y = n_clients */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters.
pings AS (
  SELECT
    DATE(submission_timestamp) AS submission_date,
    client_id,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND normalized_channel = 'nightly'
)
-- Clients and pings, each submission_date.
SELECT
  submission_date,
  COUNT(DISTINCT client_id) AS n_clients,
  COUNT(*) AS n_pings,
FROM
  pings
GROUP BY
  submission_date
ORDER BY
  submission_date
