/* Summary of SUBPROCESS_CRASHES_WITH_DUMP by key */
/* Counted: every recorded sample once. n_clients are the clients with a sample */
/* Filters: channel is nightly; submission_date from 2020-04-06 to 2020-04-20 */
/* Chart in STMO: type bar, x = key, y = mean */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the histogram.
all_pings AS (
  SELECT
    payload.keyed_histograms.subprocess_crashes_with_dump AS recorded,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND normalized_channel = 'nightly'
    AND ARRAY_LENGTH(payload.keyed_histograms.subprocess_crashes_with_dump) > 0
),
-- One row per recording and key.
all_keys AS (
  SELECT
    keyed.key AS key,
    keyed.value AS recorded,
  FROM
    all_pings
  CROSS JOIN
    UNNEST(all_pings.recorded) AS keyed
),
-- Strings of the forms that Firefox writes; others contribute nothing.
all_decodable AS (
  SELECT
    key,
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
    all_keys
),
-- Each histogram's number of samples.
all_samples AS (
  SELECT
    key,
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
    ) AS n_samples,
    SAFE_CAST(
      CASE
        WHEN STRPOS(histogram_text, '{') > 0
          THEN REGEXP_EXTRACT(histogram_text, r'"sum"\s*:\s*(null|-?\d+)')
        WHEN STRPOS(histogram_text, ';') > 0
          THEN REGEXP_EXTRACT(histogram_text, r'^\s*(?:-?\d+;){2}(-?\d+);')
        ELSE REGEXP_EXTRACT(histogram_text, r'(-?\d+)\s*$')
      END AS INT64
    ) AS sum,
  FROM
    all_decodable
),
-- The 1 keys with the most samples.
top_keys AS (
  SELECT
    key,
  FROM
    all_samples
  WHERE
    n_samples > 0
    AND key IS NOT NULL
  GROUP BY
    key
  ORDER BY
    SUM(n_samples) DESC,
    key
  LIMIT
    1
),
-- The pings of telemetry.main that pass the filters and that carry the histogram.
pings AS (
  SELECT
    client_id,
    payload.keyed_histograms.subprocess_crashes_with_dump AS recorded,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND normalized_channel = 'nightly'
    AND ARRAY_LENGTH(payload.keyed_histograms.subprocess_crashes_with_dump) > 0
),
-- One row per recording and key.
keys AS (
  SELECT
    client_id,
    IF(wanted.key IS NULL, '(other)', keyed.key) AS key,
    keyed.value AS recorded,
  FROM
    pings
  CROSS JOIN
    UNNEST(pings.recorded) AS keyed
  LEFT JOIN
    top_keys AS wanted
  ON
    wanted.key = keyed.key
),
-- Strings of the forms that Firefox writes; others contribute nothing.
decodable AS (
  SELECT
    client_id,
    key,
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
    keys
),
-- Each histogram's number of samples and their sum.
samples AS (
  SELECT
    client_id,
    key,
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
    ) AS n_samples,
    SAFE_CAST(
      CASE
        WHEN STRPOS(histogram_text, '{') > 0
          THEN REGEXP_EXTRACT(histogram_text, r'"sum"\s*:\s*(null|-?\d+)')
        WHEN STRPOS(histogram_text, ';') > 0
          THEN REGEXP_EXTRACT(histogram_text, r'^\s*(?:-?\d+;){2}(-?\d+);')
        ELSE REGEXP_EXTRACT(histogram_text, r'(-?\d+)\s*$')
      END AS INT64
    ) AS sum,
  FROM
    decodable
),
-- The same per client. Histograms without a valid sample contribute nothing.
totals AS (
  SELECT
    key,
    client_id,
    SUM(n_samples) AS n_samples,
    SUM(CAST(sum AS FLOAT64)) AS sum,
  FROM
    samples
  WHERE
    n_samples > 0
  GROUP BY
    key,
    client_id
)
-- Count, sum and mean, within each key; every sample counts once.
SELECT
  key,
  SUM(n_samples) AS count,
  IFNULL(SUM(sum), 0) AS sum,
  IFNULL(SUM(sum), 0) / SUM(n_samples) AS mean,
  COUNT(DISTINCT client_id) AS n_clients,
FROM
  totals
GROUP BY
  key
ORDER BY
  key = '(other)',
  key
