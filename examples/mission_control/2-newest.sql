/* Crashes of 56.0.2 beside those of the versions before it */
/* The newest version is off the charts beside the two before it. */
/* Counted: pings of telemetry.crash per 1000 usage hours, of all pings; n_clients are the clients that sent any of them */
/* Filters: channel is release; app_version is 56.0 or 56.0.1 or 56.0.2; submission_date from 2017-10-26 to 2017-10-31 */
/* Chart in STMO: type line, x = time, y = rate, series = app_version */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.crash that pass the filters.
pings AS (
  SELECT
    TIMESTAMP_TRUNC(submission_timestamp, DAY) AS `time`,
    application.display_version AS app_version,
    client_id,
    submission_timestamp,
  FROM
    `telemetry.crash`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2017-10-26' AND DATE '2017-10-31'
    AND normalized_channel = 'release'
    AND application.display_version IN ('56.0', '56.0.1', '56.0.2')
    AND payload.process_type = 'main'
),
-- Each client's pings of telemetry.crash.
counted AS (
  SELECT
    `time`,
    app_version,
    client_id,
    IF(client_id IS NULL, submission_timestamp, NULL) AS alone_at,
    COUNT(*) AS amount,
  FROM
    pings
  GROUP BY
    `time`,
    app_version,
    client_id,
    alone_at
),
-- The pings of telemetry.main that pass the filters.
exposure_pings AS (
  SELECT
    TIMESTAMP_TRUNC(submission_timestamp, DAY) AS `time`,
    application.display_version AS app_version,
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
    DATE(submission_timestamp) BETWEEN DATE '2017-10-26' AND DATE '2017-10-31'
    AND normalized_channel = 'release'
    AND application.display_version IN ('56.0', '56.0.1', '56.0.2')
),
-- Each client's usage hours.
exposure_counted AS (
  SELECT
    `time`,
    app_version,
    client_id,
    IF(client_id IS NULL, submission_timestamp, NULL) AS alone_at,
    COALESCE(SUM(amount), 0) AS amount,
  FROM
    exposure_pings
  GROUP BY
    `time`,
    app_version,
    client_id,
    alone_at
),
-- Both amounts of each client, below each other.
together AS (
  SELECT
    `time`,
    app_version,
    client_id,
    alone_at,
    amount AS events,
    0 AS exposure,
  FROM
    counted
  UNION ALL
  SELECT
    `time`,
    app_version,
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
    app_version,
    client_id,
    alone_at,
    SUM(events) AS events,
    SUM(exposure) AS exposure,
  FROM
    together
  GROUP BY
    `time`,
    app_version,
    client_id,
    alone_at
),
-- Events and exposure, within each time and app_version.
rates AS (
  SELECT
    `time`,
    app_version,
    SUM(events) AS events,
    SUM(exposure) AS exposure,
    COUNT(client_id) AS n_clients,
  FROM
    exposed
  GROUP BY
    `time`,
    app_version
)
-- The rate, per 1000 usage hours.
SELECT
  `time`,
  app_version,
  events,
  exposure / 3600 AS exposure,
  events * 3600000.0 / NULLIF(exposure, 0) AS rate,
  n_clients,
FROM
  rates
ORDER BY
  `time`,
  IF(
    REGEXP_CONTAINS(app_version, r'^\d{1,5}(\.\d{1,5}){0,3}([ab]\d{1,5})?(esr|pre)?$'),
    CONCAT(
      -- Up to four numbers of five digits, then a for alpha, b for beta, r for a release, and which of these it is.
      LPAD(REGEXP_EXTRACT(app_version, r'^\d+'), 5, '0'), '.',
      LPAD(IFNULL(REGEXP_EXTRACT(app_version, r'^\d+\.(\d+)'), '0'), 5, '0'), '.',
      LPAD(IFNULL(REGEXP_EXTRACT(app_version, r'^\d+\.\d+\.(\d+)'), '0'), 5, '0'), '.',
      LPAD(IFNULL(REGEXP_EXTRACT(app_version, r'^\d+\.\d+\.\d+\.(\d+)'), '0'), 5, '0'),
      IFNULL(REGEXP_EXTRACT(app_version, r'\d([ab])\d'), 'r'),
      LPAD(IFNULL(REGEXP_EXTRACT(app_version, r'[ab](\d+)'), '0'), 5, '0')
    ),
    NULL
  ),
  app_version
