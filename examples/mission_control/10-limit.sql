/* Crashes of 58 by the hour and and a limit */
/* Hours without a ping are gaps, and no hours without a crash. */
/* Counted: pings of telemetry.crash per 1000 usage hours, of all pings; n_clients are the clients that sent any of them */
/* Filters: channel is release; major_version is 58; submission_date from 2018-01-23 to 2018-01-28 */
/* Chart in STMO: type line, x = time, y = rate and lower and upper */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.crash that pass the filters.
pings AS (
  SELECT
    TIMESTAMP_TRUNC(submission_timestamp, HOUR) AS `time`,
    client_id,
    submission_timestamp,
  FROM
    `telemetry.crash`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2018-01-23' AND DATE '2018-01-28'
    AND normalized_channel = 'release'
    AND SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) = 58
    AND payload.process_type = 'main'
),
-- Each client's pings of telemetry.crash.
counted AS (
  SELECT
    `time`,
    client_id,
    IF(client_id IS NULL, submission_timestamp, NULL) AS alone_at,
    COUNT(*) AS amount,
  FROM
    pings
  GROUP BY
    `time`,
    client_id,
    alone_at
),
-- The pings of telemetry.main that pass the filters.
exposure_pings AS (
  SELECT
    TIMESTAMP_TRUNC(submission_timestamp, HOUR) AS `time`,
    client_id,
    submission_timestamp,
    IF(
      payload.info.subsession_length < 0,
      0,
      IF(payload.info.subsession_length > 86400, 86400, payload.info.subsession_length)
    ) AS amount,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2018-01-23' AND DATE '2018-01-28'
    AND normalized_channel = 'release'
    AND SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) = 58
),
-- Each client's usage hours.
exposure_counted AS (
  SELECT
    `time`,
    client_id,
    IF(client_id IS NULL, submission_timestamp, NULL) AS alone_at,
    COALESCE(SUM(amount), 0) AS amount,
  FROM
    exposure_pings
  GROUP BY
    `time`,
    client_id,
    alone_at
),
-- Both amounts of each client, below each other.
together AS (
  SELECT
    `time`,
    client_id,
    alone_at,
    amount AS events,
    0 AS exposure,
  FROM
    counted
  UNION ALL
  SELECT
    `time`,
    client_id,
    alone_at,
    0 AS events,
    amount AS exposure,
  FROM
    exposure_counted
),
-- Each client's events and exposure. A ping without a client id stands for itself.
exposed AS (
  SELECT
    `time`,
    client_id,
    alone_at,
    SUM(events) AS events,
    SUM(exposure) AS exposure,
  FROM
    together
  GROUP BY
    `time`,
    client_id,
    alone_at
),
-- Events and exposure, within each time.
rates AS (
  SELECT
    `time`,
    SUM(events) AS events,
    SUM(exposure) AS exposure,
    COUNT(client_id) AS n_clients,
    -- How clients differ is not known where none had an event.
    NULLIF(SUM(events), 0) / NULLIF(SUM(exposure), 0) AS ratio,
    SUM(CAST(events AS FLOAT64) * events) AS squares,
    SUM(CAST(events AS FLOAT64) * exposure) AS products,
    SUM(CAST(exposure AS FLOAT64) * exposure) AS total_squares,
    NULLIF(CAST(SUM(exposure) AS FLOAT64), 0) AS total,
    COUNT(*) AS n_units,
  FROM
    exposed
  GROUP BY
    `time`
),
-- The standard error of ratio, with the client as the independent unit.
spread AS (
  SELECT
    `time`,
    events,
    exposure,
    ratio,
    n_clients,
    IF(
      n_units > 1,
      SQRT(
        GREATEST(
          -- Less than a part in a million is rounding.
          squares - 2 * ratio * products + ratio * ratio * total_squares
            - 1e-12 * ratio * ratio * total_squares,
          0
        ) * n_units / (n_units - 1)
      ) / total,
      NULL
    ) AS deviation,
  FROM
    rates
),
-- The rate, with limits by how clients differ, per 1000 usage hours.
divided AS (
  SELECT
    `time`,
    events,
    exposure / 3600 AS exposure,
    events * 3600000.0 / NULLIF(exposure, 0) AS rate,
    GREATEST((ratio - 1.9599639845400536 * deviation) * 3600000.0, 0.0) AS lower,
    (ratio + 1.9599639845400536 * deviation) * 3600000.0 AS upper,
    n_clients,
  FROM
    spread
),
-- Each row's time, and the times without a row that follow it or come before all.
spaced AS (
  SELECT
    `time`,
    events,
    exposure,
    rate,
    lower,
    upper,
    n_clients,
    UNIX_SECONDS(`time`) AS own_second,
    IF(
      LAG(`time`) OVER series IS NULL,
      UNIX_SECONDS(MIN(`time`) OVER ()),
      UNIX_SECONDS(`time`)
    ) AS first_second,
    COALESCE(
      UNIX_SECONDS(LEAD(`time`) OVER series) - 3600,
      UNIX_SECONDS(MAX(`time`) OVER ())
    ) AS last_second,
  FROM
    divided
  WHERE
    `time` IS NOT NULL
  WINDOW
    series AS (ORDER BY `time`)
),
-- A row for every interval; where there was nothing, the rate is unknown.
gaps AS (
  SELECT
    TIMESTAMP_SECONDS(second) AS time,
    IF(second = own_second, events, 0) AS events,
    IF(second = own_second, exposure, 0) AS exposure,
    IF(second = own_second, rate, NULL) AS rate,
    IF(second = own_second, lower, NULL) AS lower,
    IF(second = own_second, upper, NULL) AS upper,
    IF(second = own_second, n_clients, 0) AS n_clients,
  FROM
    spaced
  CROSS JOIN
    UNNEST(GENERATE_ARRAY(spaced.first_second, spaced.last_second, 3600)) AS second
),
-- low_data marks fewer than 20 usage hours.
marked AS (
  SELECT
    `time`,
    events,
    exposure,
    rate,
    lower,
    upper,
    n_clients,
    exposure < 20.0 AS low_data,
  FROM
    gaps
)
-- The state of each row: the first of these that holds.
SELECT
  `time`,
  events,
  exposure,
  rate,
  lower,
  upper,
  n_clients,
  low_data,
  CASE
    WHEN low_data THEN 'low_data'
    WHEN rate IS NULL THEN 'low_data'
    WHEN lower > 8.0 THEN 'alert'
    WHEN rate > 8.0 THEN 'watch'
    ELSE 'ok'
  END AS state,
FROM
  marked
ORDER BY
  `time`
