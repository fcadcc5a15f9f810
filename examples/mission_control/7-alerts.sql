/* Is 59 as it was to be expected */
/* The same with what the versions before it lead to expect, and a state for schedulers. */
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
),
-- One row per group, with what holds for the time that is compared beside the rest.
adjusted AS (
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
),
-- The logarithm of each version's rate, and what it may be off by chance.
logarithms AS (
  SELECT
    major_version,
    events,
    exposure,
    rate,
    lower,
    upper,
    n_clients,
    adjusted_events,
    adjusted_exposure,
    adjusted_rate,
    adjusted_lower,
    adjusted_upper,
    adjusted_n_clients,
    major_version AS version_rank,
    IF(adjusted_upper IS NOT NULL, LN(NULLIF(adjusted_rate, 0)), NULL) AS log_rate,
    IF(
      adjusted_upper IS NOT NULL,
      (adjusted_upper / NULLIF(adjusted_rate, 0) - 1) / 1.9599639845400536,
      NULL
    ) AS log_error,
  FROM
    adjusted
),
-- The versions before each, at the same age.
before AS (
  SELECT
    major_version,
    events,
    exposure,
    rate,
    lower,
    upper,
    n_clients,
    adjusted_events,
    adjusted_exposure,
    adjusted_rate,
    adjusted_lower,
    adjusted_upper,
    adjusted_n_clients,
    LAG(adjusted_rate) OVER by_version AS previous_rate,
    adjusted_rate / NULLIF(LAG(adjusted_rate) OVER by_version, 0) - 1 AS change,
    -- Chance is as large as in the versions before, for the same usage.
    AVG(log_error * log_error * adjusted_exposure) OVER earlier / NULLIF(adjusted_exposure, 0) AS own_variance,
    COUNT(log_rate) OVER earlier AS n_before,
    AVG(log_rate) OVER earlier AS mean_before,
    VAR_SAMP(log_rate) OVER earlier AS variance_before,
    AVG(log_error * log_error) OVER earlier AS chance_before,
  FROM
    logarithms
  WINDOW
    by_version AS (ORDER BY version_rank, major_version),
    earlier AS (by_version ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
-- Where 0.97 of such versions are, by Student's t of those before it.
expected AS (
  SELECT
    major_version,
    events,
    exposure,
    rate,
    lower,
    upper,
    n_clients,
    adjusted_events,
    adjusted_exposure,
    adjusted_rate,
    adjusted_lower,
    adjusted_upper,
    adjusted_n_clients,
    previous_rate,
    change,
    n_before,
    mean_before,
    IF(
      n_before >= 3,
      -- How versions differ, less what is chance; its own chance; and that their mean is not known better.
      SQRT(GREATEST(variance_before - chance_before, 0) + own_variance + variance_before / n_before)
        * CASE n_before
          WHEN 3 THEN 5.642778353 WHEN 4 THEN 3.896045934 WHEN 5 THEN 3.297629728 WHEN 6 THEN 3.002874974
          WHEN 7 THEN 2.828927862 WHEN 8 THEN 2.714573011 WHEN 9 THEN 2.633814378 WHEN 10 THEN 2.573803978
          WHEN 11 THEN 2.527484244 WHEN 12 THEN 2.490663933 WHEN 13 THEN 2.460700166 WHEN 14 THEN 2.435845212
          WHEN 15 THEN 2.414897728 WHEN 16 THEN 2.397005038 WHEN 17 THEN 2.381545373 WHEN 18 THEN 2.368054761
          WHEN 19 THEN 2.356180007 WHEN 20 THEN 2.345647534 WHEN 21 THEN 2.33624216 WHEN 22 THEN 2.327792325
          WHEN 23 THEN 2.320159578 WHEN 24 THEN 2.31323096 WHEN 25 THEN 2.306913405 WHEN 26 THEN 2.301129543
          WHEN 27 THEN 2.295814528 WHEN 28 THEN 2.290913608 WHEN 29 THEN 2.286380229
          ELSE 2.286380229
        END,
      NULL
    ) AS margin,
  FROM
    before
),
-- The expected range of the rate.
ranged AS (
  SELECT
    major_version,
    events,
    exposure,
    rate,
    lower,
    upper,
    n_clients,
    adjusted_events,
    adjusted_exposure,
    adjusted_rate,
    adjusted_lower,
    adjusted_upper,
    adjusted_n_clients,
    previous_rate,
    change,
    EXP(mean_before - margin) AS expected_lower,
    EXP(mean_before + margin) AS expected_upper,
    n_before,
  FROM
    expected
)
-- The state of each row: the first of these that holds.
SELECT
  major_version,
  events,
  exposure,
  rate,
  lower,
  upper,
  n_clients,
  adjusted_events,
  adjusted_exposure,
  adjusted_rate,
  adjusted_lower,
  adjusted_upper,
  adjusted_n_clients,
  previous_rate,
  change,
  expected_lower,
  expected_upper,
  n_before,
  CASE
    WHEN rate IS NULL THEN 'low_data'
    WHEN adjusted_rate IS NULL THEN 'too_new'
    WHEN adjusted_lower > previous_rate * 1.25 THEN 'alert'
    WHEN adjusted_rate > expected_upper THEN 'alert'
    WHEN adjusted_rate > previous_rate * 1.25 THEN 'watch'
    WHEN expected_upper IS NULL THEN 'too_new'
    ELSE 'ok'
  END AS state,
FROM
  ranged
ORDER BY
  major_version
