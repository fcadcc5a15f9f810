/* Crashes of each version of Firefox over all its time */
/* The newest version looks worse than the one before it. */
/* Counted: pings of telemetry.crash per 1000 usage hours, of all pings; n_clients are the clients that sent any of them */
/* Filters: channel is release; major_version from 56 to 59; submission_date from 2017-09-28 to 2018-03-22 */
/* Chart in STMO: type bar, x = major_version, y = rate */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.crash that pass the filters.
pings AS (
  SELECT
    SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) AS major_version,
    client_id,
    submission_timestamp,
  FROM
    `telemetry.crash`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2017-09-28' AND DATE '2018-03-22'
    AND normalized_channel = 'release'
    AND SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) BETWEEN 56 AND 59
    AND payload.process_type = 'main'
),
-- Each client's pings of telemetry.crash.
counted AS (
  SELECT
    major_version,
    client_id,
    IF(client_id IS NULL, submission_timestamp, NULL) AS alone_at,
    COUNT(*) AS amount,
  FROM
    pings
  GROUP BY
    major_version,
    client_id,
    alone_at
),
-- The pings of telemetry.main that pass the filters.
exposure_pings AS (
  SELECT
    SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) AS major_version,
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
    DATE(submission_timestamp) BETWEEN DATE '2017-09-28' AND DATE '2018-03-22'
    AND normalized_channel = 'release'
    AND SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) BETWEEN 56 AND 59
),
-- Each client's usage hours.
exposure_counted AS (
  SELECT
    major_version,
    client_id,
    IF(client_id IS NULL, submission_timestamp, NULL) AS alone_at,
    COALESCE(SUM(amount), 0) AS amount,
  FROM
    exposure_pings
  GROUP BY
    major_version,
    client_id,
    alone_at
),
-- Both amounts of each client, below each other.
together AS (
  SELECT
    major_version,
    client_id,
    alone_at,
    amount AS events,
    0 AS exposure,
  FROM
    counted
  UNION ALL
  SELECT
    major_version,
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
    major_version,
    client_id,
    alone_at,
    SUM(events) AS events,
    SUM(exposure) AS exposure,
  FROM
    together
  GROUP BY
    major_version,
    client_id,
    alone_at
),
-- Events and exposure, within each major_version.
rates AS (
  SELECT
    major_version,
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
    major_version
),
-- The standard error of ratio, with the client as the independent unit.
spread AS (
  SELECT
    major_version,
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
)
-- The rate, with limits by how clients differ, per 1000 usage hours.
SELECT
  major_version,
  events,
  exposure / 3600 AS exposure,
  events * 3600000.0 / NULLIF(exposure, 0) AS rate,
  GREATEST((ratio - 1.9599639845400536 * deviation) * 3600000.0, 0.0) AS lower,
  (ratio + 1.9599639845400536 * deviation) * 3600000.0 AS upper,
  n_clients,
FROM
  spread
ORDER BY
  major_version
