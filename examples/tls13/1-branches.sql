/* Clients and pings by branch */
/* Counted: distinct client ids and pings; pings without a client id are in n_pings only */
/* Note: the clients of control (10%) are a sample of clients that could have been enrolled and were not; they may differ from enrolled ones in more than the experiment */
/* Filters: app_name is Firefox; channel is beta; app_version at least 51 below 52; build_id at least 20170105155013; submission_date from 2017-01-12 to 2017-01-30 */
/* Chart in STMO: type bar, x = branch, y = n_clients */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters.
pings AS (
  SELECT
    IF(
      COALESCE(environment.addons.active_experiment.id = 'tls13-compat-ff51@experiments.mozilla.org', FALSE),
      environment.addons.active_experiment.branch,
      'control'
    ) AS branch,
    client_id,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2017-01-12' AND DATE '2017-01-30'
    AND normalized_app_name = 'Firefox'
    AND normalized_channel = 'beta'
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
    ), 1, 5) >= '00051'
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
    ), 1, 5) < '00052'
    AND application.build_id >= '20170105155013'
    AND (
      COALESCE(environment.addons.active_experiment.id = 'tls13-compat-ff51@experiments.mozilla.org', FALSE)
      OR SUBSTRING(TO_HEX(MD5(CONCAT('querygen-control-', client_id))), 1, 8) < '1999999a'
    )
)
-- Clients and pings, each branch.
SELECT
  branch,
  COUNT(DISTINCT client_id) AS n_clients,
  COUNT(*) AS n_pings,
FROM
  pings
GROUP BY
  branch
ORDER BY
  branch
