/* Crashes of each version of Firefox at the age of the newest */
/* Over the same time since its release the newest version is the best. */
/* Counted: pings of telemetry.crash per 1000 usage hours, of all pings; n_clients are the clients that sent any of them */
/* Filters: channel is release; major_version from 56 to 59; submission_date from 2017-09-28 to 2018-03-22 */
/* Chart in STMO: type bar, x = major_version, y = rate and adjusted_rate */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.crash that pass the filters.
pings AS (
  SELECT
    SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) AS major_version,
    client_id,
    submission_timestamp,
    TIMESTAMP_SUB(
      TIMESTAMP_TRUNC(submission_timestamp, MINUTE),
      INTERVAL MOD(EXTRACT(MINUTE FROM submission_timestamp), 5) MINUTE
    ) AS five_minutes,
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
    five_minutes,
    COUNT(*) AS amount,
  FROM
    pings
  GROUP BY
    major_version,
    client_id,
    alone_at,
    five_minutes
),
-- The pings of telemetry.main that pass the filters.
exposure_pings AS (
  SELECT
    SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) AS major_version,
    client_id,
    submission_timestamp,
    TIMESTAMP_SUB(
      TIMESTAMP_TRUNC(submission_timestamp, MINUTE),
      INTERVAL MOD(EXTRACT(MINUTE FROM submission_timestamp), 5) MINUTE
    ) AS five_minutes,
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
    five_minutes,
    COALESCE(SUM(amount), 0) AS amount,
  FROM
    exposure_pings
  GROUP BY
    major_version,
    client_id,
    alone_at,
    five_minutes
),
-- Both amounts of each client, below each other.
together AS (
  SELECT
    major_version,
    client_id,
    alone_at,
    five_minutes,
    amount AS events,
    0 AS exposure,
  FROM
    counted
  UNION ALL
  SELECT
    major_version,
    client_id,
    alone_at,
    five_minutes,
    0 AS events,
    amount AS exposure,
  FROM
    exposure_counted
),
-- The pings of telemetry.main that pass the filters.
releases_pings AS (
  SELECT
    SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) AS major_version,
    TIMESTAMP_SUB(
      TIMESTAMP_TRUNC(submission_timestamp, MINUTE),
      INTERVAL MOD(EXTRACT(MINUTE FROM submission_timestamp), 5) MINUTE
    ) AS five_minutes,
    SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) AS version_rank,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2017-09-28' AND DATE '2018-03-22'
    AND normalized_channel = 'release'
    AND SAFE_CAST(REGEXP_EXTRACT(application.display_version, r'^(\d{1,5})(?:\.|$)') AS INT64) BETWEEN 56 AND 59
),
-- When each version's first and last ping came.
releases_seen AS (
  SELECT
    major_version,
    version_rank,
    MIN(five_minutes) AS started,
    MAX(five_minutes) AS last_seen,
  FROM
    releases_pings
  WHERE
    version_rank IS NOT NULL
  GROUP BY
    major_version,
    version_rank
),
-- The same, with the releases of the next version and of the newest.
releases_dated AS (
  SELECT
    major_version,
    UNIX_SECONDS(started) AS started,
    UNIX_SECONDS(LEAD(started) OVER by_version) AS next_started,
    UNIX_SECONDS(FIRST_VALUE(started) OVER newest_first) AS newest_started,
    UNIX_SECONDS(MAX(last_seen) OVER ()) AS last_seen,
  FROM
    releases_seen
  WINDOW
    by_version AS (ORDER BY version_rank, major_version),
    newest_first AS (ORDER BY version_rank DESC, major_version DESC)
),
-- What is compared: as long since each version's release as the newest has been out, but not
-- longer than until the next one came.
releases_compared AS (
  SELECT
    major_version,
    started AS first_second,
    NULLIF(
      GREATEST(LEAST(COALESCE(next_started, last_seen) - started, last_seen - newest_started), 0),
      0
    ) AS seconds,
  FROM
    releases_dated
),
-- Each amount, and once more if it is of the time that is compared.
windowed AS (
  SELECT
    together.major_version AS major_version,
    together.client_id AS client_id,
    together.alone_at AS alone_at,
    together.five_minutes AS five_minutes,
    together.events AS events,
    together.exposure AS exposure,
    is_adjusted,
  FROM
    together
  CROSS JOIN
    UNNEST([FALSE, TRUE]) AS is_adjusted
  LEFT JOIN
    releases_compared
  ON
    together.major_version = releases_compared.major_version
  WHERE
    NOT is_adjusted
    OR UNIX_SECONDS(together.five_minutes) - releases_compared.first_second BETWEEN 0 AND releases_compared.seconds
),
-- Each client's events and exposure. A ping without a client id stands for itself.
exposed AS (
  SELECT
    major_version,
    is_adjusted,
    client_id,
    alone_at,
    SUM(events) AS events,
    SUM(exposure) AS exposure,
  FROM
    windowed
  GROUP BY
    major_version,
    is_adjusted,
    client_id,
    alone_at
),
-- Events and exposure, within each major_version.
rates AS (
  SELECT
    major_version,
    is_adjusted,
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
    major_version,
    is_adjusted
),
-- The standard error of ratio, with the client as the independent unit.
spread AS (
  SELECT
    major_version,
    is_adjusted,
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
    major_version,
    is_adjusted,
    events,
    exposure / 3600 AS exposure,
    events * 3600000.0 / NULLIF(exposure, 0) AS rate,
    GREATEST((ratio - 1.9599639845400536 * deviation) * 3600000.0, 0.0) AS lower,
    (ratio + 1.9599639845400536 * deviation) * 3600000.0 AS upper,
    n_clients,
  FROM
    spread
)
-- One row per group, with what holds for the time that is compared beside the rest.
SELECT
  major_version,
  MAX(IF(NOT is_adjusted, events, NULL)) AS events,
  MAX(IF(NOT is_adjusted, exposure, NULL)) AS exposure,
  MAX(IF(NOT is_adjusted, rate, NULL)) AS rate,
  MAX(IF(NOT is_adjusted, lower, NULL)) AS lower,
  MAX(IF(NOT is_adjusted, upper, NULL)) AS upper,
  MAX(IF(NOT is_adjusted, n_clients, NULL)) AS n_clients,
  MAX(IF(is_adjusted, events, NULL)) AS adjusted_events,
  MAX(IF(is_adjusted, exposure, NULL)) AS adjusted_exposure,
  MAX(IF(is_adjusted, rate, NULL)) AS adjusted_rate,
  MAX(IF(is_adjusted, lower, NULL)) AS adjusted_lower,
  MAX(IF(is_adjusted, upper, NULL)) AS adjusted_upper,
  MAX(IF(is_adjusted, n_clients, NULL)) AS adjusted_n_clients,
FROM
  divided
GROUP BY
  major_version
ORDER BY
  major_version
