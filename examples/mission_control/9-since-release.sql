/* Crashes of each version by the days since its release */
/* One line a version; under them the usage hours, and how many users had come to it. */
/* Counted: pings of telemetry.crash per 1000 usage hours, of all pings; n_clients are the clients that sent any of them */
/* Filters: channel is release; major_version from 57 to 59; submission_date from 2017-11-14 to 2018-03-22 */
/* Chart in STMO: type line, x = hours_since_release, y = rate, series = major_version */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.crash that pass the filters.
pings AS (
  SELECT
    TIMESTAMP_TRUNC(submission_timestamp, DAY) AS `time`,
    SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) AS major_version,
    client_id,
    submission_timestamp,
  FROM
    `telemetry.crash`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2017-11-14' AND DATE '2018-03-22'
    AND normalized_channel = 'release'
    AND SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) BETWEEN 57 AND 59
    AND payload.process_type = 'main'
),
-- Each client's pings of telemetry.crash.
counted AS (
  SELECT
    `time`,
    major_version,
    client_id,
    IF(client_id IS NULL, submission_timestamp, NULL) AS alone_at,
    COUNT(*) AS amount,
  FROM
    pings
  GROUP BY
    `time`,
    major_version,
    client_id,
    alone_at
),
-- The pings of telemetry.main that pass the filters.
exposure_pings AS (
  SELECT
    TIMESTAMP_TRUNC(submission_timestamp, DAY) AS `time`,
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
    DATE(submission_timestamp) BETWEEN DATE '2017-11-14' AND DATE '2018-03-22'
    AND normalized_channel = 'release'
    AND SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) BETWEEN 57 AND 59
),
-- Each client's usage hours.
exposure_counted AS (
  SELECT
    `time`,
    major_version,
    client_id,
    IF(client_id IS NULL, submission_timestamp, NULL) AS alone_at,
    COALESCE(SUM(amount), 0) AS amount,
  FROM
    exposure_pings
  GROUP BY
    `time`,
    major_version,
    client_id,
    alone_at
),
-- Both amounts of each client, below each other.
together AS (
  SELECT
    `time`,
    major_version,
    client_id,
    alone_at,
    amount AS events,
    0 AS exposure,
  FROM
    counted
  UNION ALL
  SELECT
    `time`,
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
    `time`,
    major_version,
    client_id,
    alone_at,
    SUM(events) AS events,
    SUM(exposure) AS exposure,
  FROM
    together
  GROUP BY
    `time`,
    major_version,
    client_id,
    alone_at
),
-- Events and exposure, within each time and major_version.
rates AS (
  SELECT
    `time`,
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
    `time`,
    major_version
),
-- The standard error of ratio, with the client as the independent unit.
spread AS (
  SELECT
    `time`,
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
),
-- The rate, with limits by how clients differ, per 1000 usage hours.
divided AS (
  SELECT
    `time`,
    major_version,
    events,
    exposure / 3600 AS exposure,
    events * 3600000.0 / NULLIF(exposure, 0) AS rate,
    GREATEST((ratio - 1.9599639845400536 * deviation) * 3600000.0, 0.0) AS lower,
    (ratio + 1.9599639845400536 * deviation) * 3600000.0 AS upper,
    n_clients,
  FROM
    spread
),
-- Hours since the version's release, and its share of the exposure of all versions at that time.
aged AS (
  SELECT
    `time`,
    major_version,
    events,
    exposure,
    rate,
    lower,
    upper,
    n_clients,
    (
      UNIX_SECONDS(`time`)
      - UNIX_SECONDS(MIN(`time`) OVER series)
    ) / 3600 AS hours_since_release,
    exposure / NULLIF(SUM(exposure) OVER moment, 0) AS share_of_exposure,
  FROM
    divided
  WINDOW
    series AS (PARTITION BY major_version),
    moment AS (PARTITION BY `time`)
)
-- low_data marks fewer than 100 usage hours.
SELECT
  `time`,
  major_version,
  events,
  exposure,
  rate,
  lower,
  upper,
  n_clients,
  hours_since_release,
  share_of_exposure,
  exposure < 100.0 AS low_data,
FROM
  aged
ORDER BY
  `time`,
  major_version
