/* Pings of SSL_TLS13_INTOLERANCE_REASON_PRE */
/* Counted: nothing; each row is one ping */
/* Note: the clients of control (10%) are a sample of clients that could have been enrolled and were not; they may differ from enrolled ones in more than the experiment */
/* Filters: app_name is Firefox; channel is beta; app_version at least 51 below 52; build_id at least 20170105155013; submission_date from 2017-01-12 to 2017-01-30; branch is control; reason is other */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the histogram.
pings AS (
  SELECT
    CASE
      WHEN JSON_VALUE(additional_properties, '$.payload.log[0][0]') = 'EXPERIMENT_TERMINATION'
      AND JSON_VALUE(additional_properties, '$.payload.log[0][2]') = 'EXPIRED'
      AND JSON_VALUE(additional_properties, '$.payload.log[0][3]') = 'tls13-compat-ff51@experiments.mozilla.org'
      THEN 'EXPIRED'
      WHEN INSTR(payload.info.addons, 'tls13-compat-ff51%40experiments.mozilla.org') > 0
      THEN 'addonNoExperimentTag'
      ELSE 'other'
    END AS reason,
    payload.histograms.ssl_tls13_intolerance_reason_pre AS histogram,
    payload.info.addons AS addons,
    additional_properties,
    payload.histograms.ssl_tls13_intolerance_reason_pre AS recorded,
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
    AND IF(
      COALESCE(environment.addons.active_experiment.id = 'tls13-compat-ff51@experiments.mozilla.org', FALSE),
      environment.addons.active_experiment.branch,
      'control'
    ) = 'control'
    AND CASE
      WHEN JSON_VALUE(additional_properties, '$.payload.log[0][0]') = 'EXPERIMENT_TERMINATION'
      AND JSON_VALUE(additional_properties, '$.payload.log[0][2]') = 'EXPIRED'
      AND JSON_VALUE(additional_properties, '$.payload.log[0][3]') = 'tls13-compat-ff51@experiments.mozilla.org'
      THEN 'EXPIRED'
      WHEN INSTR(payload.info.addons, 'tls13-compat-ff51%40experiments.mozilla.org') > 0
      THEN 'addonNoExperimentTag'
      ELSE 'other'
    END = 'other'
    AND (
      COALESCE(environment.addons.active_experiment.id = 'tls13-compat-ff51@experiments.mozilla.org', FALSE)
      OR SUBSTRING(TO_HEX(MD5(CONCAT('querygen-control-', client_id))), 1, 8) < '1999999a'
    )
    AND payload.histograms.ssl_tls13_intolerance_reason_pre IS NOT NULL
),
-- Only strings of the forms that Firefox writes can be decoded.
decodable AS (
  SELECT
    reason,
    histogram,
    addons,
    additional_properties,
    IF(
      -- A count, false_count,true_count, or bucket_count;histogram_type;sum;low,high;key:count,key:count,…
      -- Integers have up to 18 digits; each is first written as 0.
      REGEXP_CONTAINS(
        REGEXP_REPLACE(recorded, r'-?(?:0|[1-9]\d{0,17})', '0'),
        r'^\s*(?:0|0,0|0;0;0;0,0;(?:0:0(?:,0:0)*)?)\s*$'
      )
      -- A JSON object, step by step: no white space; no fractions, which old versions have in some members;
      -- no digit but 0; then 3 stands for the values, which it may have once, and 1 for each other member.
      OR REGEXP_CONTAINS(
        REGEXP_REPLACE(
          REGEXP_REPLACE(
            REGEXP_REPLACE(
              REGEXP_REPLACE(
                REGEXP_REPLACE(recorded, r'\s*([{}\[\]:,])\s*', r'\1'),
                r'"(?:log_sum(?:_squares)?|sum_squares_(?:lo|hi))":(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null)', '"sum":0'
              ),
              r'-?(?:0|[1-9]\d{0,17})', '0'
            ),
            r'"values":(?:null|\{(?:"0":0(?:,"0":0)*)?\})', '3'
          ),
          r'"(?:bucket_count|histogram_type|sum)":(?:0|null)|"range":\[0,0\]', '1'
        ),
        r'^\s*\{(?:(?:1,)*[13](?:,1)*)?\}\s*$'
      ),
      recorded,
      NULL
    ) AS histogram_text,
  FROM
    pings
),
-- Those with a sample.
with_samples AS (
  SELECT
    reason,
    histogram,
    addons,
    additional_properties,
    histogram_text,
  FROM
    decodable
  WHERE
    IF(
      histogram_text IS NULL,
      NULL,
      (
        SELECT
          IFNULL(SUM(IF(value BETWEEN 1 AND 1099511627776, value, 0)), 0)
        FROM
          (
            SELECT
              SAFE_CAST(REGEXP_EXTRACT(entry, r'-?\d+$') AS INT64) AS value
            FROM
              UNNEST(
                -- "key": count in JSON, key:count in the five parts; neither occurs elsewhere in a decodable text.
                REGEXP_EXTRACT_ALL(
                  -- A pair false,true becomes 0:false,1:true, and a single count becomes 0:count.
                  REGEXP_REPLACE(
                    REGEXP_REPLACE(histogram_text, r'^\s*(-?\d+)\s*,\s*(-?\d+)\s*$', r'0:\1,1:\2'),
                    r'^\s*(-?\d+)\s*$',
                    r'0:\1'
                  ),
                  r'-?\d+"?\s*:\s*-?\d+'
                )
              ) AS entry
          )
      )
    ) > 0
),
-- The fields asked for.
fields AS (
  SELECT
    reason,
    histogram,
    addons,
    additional_properties,
  FROM
    with_samples
)
-- At most 5 pings, in the order of the fields, so that every run shows the same.
SELECT
  reason,
  histogram,
  addons,
  additional_properties,
FROM
  fields
ORDER BY
  reason,
  histogram,
  addons,
  additional_properties
LIMIT
  5
