/* Crashes of each version since the day of its release */
/* The days come from the list of releases, not from the first ping that was seen. */
/* Counted: pings of telemetry.crash per 1000 usage hours, of all pings; n_clients are the clients that sent any of them */
/* Note: release_date is the earliest date of each version in telemetry.releases where product is firefox and category is major or stability; what it doesn't have was released when its first ping came */
/* Filters: channel is release; app_version below 57; submission_date from 2017-09-21 to 2017-11-05 */
/* Chart in STMO: type bar, x = app_version, y = rate and adjusted_rate */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.crash that pass the filters.
pings AS (
  SELECT
    application.display_version AS app_version,
    client_id,
    submission_timestamp,
    TIMESTAMP_SUB(
      TIMESTAMP_TRUNC(submission_timestamp, MINUTE),
      INTERVAL MOD(EXTRACT(MINUTE FROM submission_timestamp), 5) MINUTE
    ) AS five_minutes,
  FROM
    `telemetry.crash`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2017-09-21' AND DATE '2017-11-05'
    AND normalized_channel = 'release'
    AND SUBSTRING(IF(
      REGEXP_CONTAINS(application.display_version, r'^\d{1,5}(\.\d{1,5}){0,3}([ab]\d{1,5})?(esr|pre)?$'),
      CONCAT(
        -- Up to four numbers of five digits, then a for alpha, b for beta, r for a release, and which of these it is.
        LPAD(REGEXP_EXTRACT(application.display_version, r'^\d+'), 5, '0'), '.',
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'^\d+\.(\d+)'), '0'), 5, '0'), '.',
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'^\d+\.\d+\.(\d+)'), '0'), 5, '0'), '.',
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'^\d+\.\d+\.\d+\.(\d+)'), '0'), 5, '0'),
        IFNULL(REGEXP_EXTRACT(application.display_version, r'\d([ab])\d'), 'r'),
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'[ab](\d+)'), '0'), 5, '0')
      ),
      NULL
    ), 1, 5) < '00057'
    AND payload.process_type = 'main'
),
-- Each client's pings of telemetry.crash.
counted AS (
  SELECT
    app_version,
    client_id,
    IF(client_id IS NULL, submission_timestamp, NULL) AS alone_at,
    five_minutes,
    COUNT(*) AS amount,
  FROM
    pings
  GROUP BY
    app_version,
    client_id,
    alone_at,
    five_minutes
),
-- The pings of telemetry.main that pass the filters.
exposure_pings AS (
  SELECT
    application.display_version AS app_version,
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
    DATE(submission_timestamp) BETWEEN DATE '2017-09-21' AND DATE '2017-11-05'
    AND normalized_channel = 'release'
    AND SUBSTRING(IF(
      REGEXP_CONTAINS(application.display_version, r'^\d{1,5}(\.\d{1,5}){0,3}([ab]\d{1,5})?(esr|pre)?$'),
      CONCAT(
        -- Up to four numbers of five digits, then a for alpha, b for beta, r for a release, and which of these it is.
        LPAD(REGEXP_EXTRACT(application.display_version, r'^\d+'), 5, '0'), '.',
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'^\d+\.(\d+)'), '0'), 5, '0'), '.',
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'^\d+\.\d+\.(\d+)'), '0'), 5, '0'), '.',
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'^\d+\.\d+\.\d+\.(\d+)'), '0'), 5, '0'),
        IFNULL(REGEXP_EXTRACT(application.display_version, r'\d([ab])\d'), 'r'),
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'[ab](\d+)'), '0'), 5, '0')
      ),
      NULL
    ), 1, 5) < '00057'
),
-- Each client's usage hours.
exposure_counted AS (
  SELECT
    app_version,
    client_id,
    IF(client_id IS NULL, submission_timestamp, NULL) AS alone_at,
    five_minutes,
    COALESCE(SUM(amount), 0) AS amount,
  FROM
    exposure_pings
  GROUP BY
    app_version,
    client_id,
    alone_at,
    five_minutes
),
-- Both amounts of each client, below each other.
together AS (
  SELECT
    app_version,
    client_id,
    alone_at,
    five_minutes,
    amount AS events,
    0 AS exposure,
  FROM
    counted
  UNION ALL
  SELECT
    app_version,
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
    application.display_version AS app_version,
    TIMESTAMP_SUB(
      TIMESTAMP_TRUNC(submission_timestamp, MINUTE),
      INTERVAL MOD(EXTRACT(MINUTE FROM submission_timestamp), 5) MINUTE
    ) AS five_minutes,
    IF(
      REGEXP_CONTAINS(application.display_version, r'^\d{1,5}(\.\d{1,5}){0,3}([ab]\d{1,5})?(esr|pre)?$'),
      CONCAT(
        -- Up to four numbers of five digits, then a for alpha, b for beta, r for a release, and which of these it is.
        LPAD(REGEXP_EXTRACT(application.display_version, r'^\d+'), 5, '0'), '.',
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'^\d+\.(\d+)'), '0'), 5, '0'), '.',
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'^\d+\.\d+\.(\d+)'), '0'), 5, '0'), '.',
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'^\d+\.\d+\.\d+\.(\d+)'), '0'), 5, '0'),
        IFNULL(REGEXP_EXTRACT(application.display_version, r'\d([ab])\d'), 'r'),
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'[ab](\d+)'), '0'), 5, '0')
      ),
      NULL
    ) AS version_rank,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2017-09-21' AND DATE '2017-11-05'
    AND normalized_channel = 'release'
    AND SUBSTRING(IF(
      REGEXP_CONTAINS(application.display_version, r'^\d{1,5}(\.\d{1,5}){0,3}([ab]\d{1,5})?(esr|pre)?$'),
      CONCAT(
        -- Up to four numbers of five digits, then a for alpha, b for beta, r for a release, and which of these it is.
        LPAD(REGEXP_EXTRACT(application.display_version, r'^\d+'), 5, '0'), '.',
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'^\d+\.(\d+)'), '0'), 5, '0'), '.',
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'^\d+\.\d+\.(\d+)'), '0'), 5, '0'), '.',
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'^\d+\.\d+\.\d+\.(\d+)'), '0'), 5, '0'),
        IFNULL(REGEXP_EXTRACT(application.display_version, r'\d([ab])\d'), 'r'),
        LPAD(IFNULL(REGEXP_EXTRACT(application.display_version, r'[ab](\d+)'), '0'), 5, '0')
      ),
      NULL
    ), 1, 5) < '00057'
),
-- When each version's first and last ping came.
releases_seen AS (
  SELECT
    app_version,
    version_rank,
    MIN(five_minutes) AS started,
    MAX(five_minutes) AS last_seen,
  FROM
    releases_pings
  WHERE
    version_rank IS NOT NULL
  GROUP BY
    app_version,
    version_rank
),
-- When each app_version was released, as telemetry.releases tells; the earliest date, if it has
-- several.
published AS (
  SELECT
    version AS app_version,
    MIN(`date`) AS release_date,
  FROM
    `telemetry.releases`
  WHERE
    version IS NOT NULL
    AND product = 'firefox'
    AND category IN ('major', 'stability')
  GROUP BY
    1
),
-- The same, released on that date where there is one.
releases_joined AS (
  SELECT
    releases_seen.app_version AS app_version,
    releases_seen.version_rank AS version_rank,
    COALESCE(TIMESTAMP(release_date), releases_seen.started) AS started,
    last_seen,
    release_date,
  FROM
    releases_seen
  LEFT JOIN
    published
  ON
    releases_seen.app_version = published.app_version
),
-- The same, with the releases of the next version and of the newest.
releases_dated AS (
  SELECT
    app_version,
    release_date,
    UNIX_SECONDS(started) AS started,
    UNIX_SECONDS(LEAD(started) OVER by_version) AS next_started,
    UNIX_SECONDS(FIRST_VALUE(started) OVER newest_first) AS newest_started,
    UNIX_SECONDS(MAX(last_seen) OVER ()) AS last_seen,
  FROM
    releases_joined
  WINDOW
    by_version AS (ORDER BY version_rank, app_version),
    newest_first AS (ORDER BY version_rank DESC, app_version DESC)
),
-- What is compared: as long since each version's release as the newest has been out, but not
-- longer than until the next one came.
releases_compared AS (
  SELECT
    app_version,
    release_date,
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
    together.app_version AS app_version,
    together.client_id AS client_id,
    together.alone_at AS alone_at,
    together.five_minutes AS five_minutes,
    together.events AS events,
    together.exposure AS exposure,
    releases_compared.release_date AS release_date,
    is_adjusted,
  FROM
    together
  CROSS JOIN
    UNNEST([FALSE, TRUE]) AS is_adjusted
  LEFT JOIN
    releases_compared
  ON
    together.app_version = releases_compared.app_version
  WHERE
    NOT is_adjusted
    OR UNIX_SECONDS(together.five_minutes) - releases_compared.first_second BETWEEN 0 AND releases_compared.seconds
),
-- Each client's events and exposure. A ping without a client id stands for itself.
exposed AS (
  SELECT
    app_version,
    release_date,
    is_adjusted,
    client_id,
    alone_at,
    SUM(events) AS events,
    SUM(exposure) AS exposure,
  FROM
    windowed
  GROUP BY
    app_version,
    release_date,
    is_adjusted,
    client_id,
    alone_at
),
-- Events and exposure, within each app_version.
rates AS (
  SELECT
    app_version,
    release_date,
    is_adjusted,
    SUM(events) AS events,
    SUM(exposure) AS exposure,
    COUNT(client_id) AS n_clients,
  FROM
    exposed
  GROUP BY
    app_version,
    release_date,
    is_adjusted
),
-- The rate, per 1000 usage hours.
divided AS (
  SELECT
    app_version,
    release_date,
    is_adjusted,
    events,
    exposure / 3600 AS exposure,
    events * 3600000.0 / NULLIF(exposure, 0) AS rate,
    n_clients,
  FROM
    rates
)
-- One row per group, with what holds for the time that is compared beside the rest.
SELECT
  app_version,
  MAX(IF(NOT is_adjusted, events, NULL)) AS events,
  MAX(IF(NOT is_adjusted, exposure, NULL)) AS exposure,
  MAX(IF(NOT is_adjusted, rate, NULL)) AS rate,
  MAX(IF(NOT is_adjusted, n_clients, NULL)) AS n_clients,
  MAX(IF(is_adjusted, events, NULL)) AS adjusted_events,
  MAX(IF(is_adjusted, exposure, NULL)) AS adjusted_exposure,
  MAX(IF(is_adjusted, rate, NULL)) AS adjusted_rate,
  MAX(IF(is_adjusted, n_clients, NULL)) AS adjusted_n_clients,
  MAX(release_date) AS release_date,
FROM
  divided
GROUP BY
  app_version
ORDER BY
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
