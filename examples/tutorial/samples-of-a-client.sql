/* Percentiles of samples of FX_TAB_SWITCH_SPINNER_VISIBLE_MS */
/* Counted: one number per client, samples of FX_TAB_SWITCH_SPINNER_VISIBLE_MS; pings without a client id are left out */
/* Filters: channel is nightly; os is Windows; submission_date is 2020-04-20 */
/* Chart in STMO: type bar, x = percentile, y = value */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the histogram.
pings AS (
  SELECT
    client_id,
    payload.histograms.fx_tab_switch_spinner_visible_ms AS recorded,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) = DATE '2020-04-20'
    AND normalized_channel = 'nightly'
    AND normalized_os = 'Windows'
    AND client_id IS NOT NULL
    AND payload.histograms.fx_tab_switch_spinner_visible_ms IS NOT NULL
),
-- Strings of the forms that Firefox writes; others contribute nothing.
decodable AS (
  SELECT
    client_id,
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
-- Each histogram's number of samples and their sum.
samples AS (
  SELECT
    client_id,
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
-- Each client's number: samples of FX_TAB_SWITCH_SPINNER_VISIBLE_MS.
numbers AS (
  SELECT
    client_id,
    COALESCE(SUM(n_samples), 0) AS number,
    COUNT(*) AS n_recorded,
  FROM
    samples
  WHERE
    n_samples IS NOT NULL
  GROUP BY
    client_id
),
-- How many clients have each number. Every client counts once.
tallies AS (
  SELECT
    number AS bucket,
    COUNT(*) AS votes,
    SUM(n_recorded) AS n_samples,
    COUNT(*) AS n_clients,
  FROM
    numbers
  GROUP BY
    number
),
-- The share of votes at or below each bucket, within all together; clients and samples of the
-- whole group.
shares AS (
  SELECT
    bucket,
    SUM(votes) OVER up_to_bucket / SUM(votes) OVER whole_group AS cumulative_share,
    SUM(n_clients) OVER whole_group AS n_clients,
    SUM(n_samples) OVER whole_group AS n_samples,
  FROM
    tallies
  WINDOW
    whole_group AS (),
    up_to_bucket AS (whole_group ORDER BY bucket)
)
-- A percentile is the lowest bucket whose cumulative share reaches it.
SELECT
  percentile,
  MIN(bucket) AS value,
  n_clients,
  n_samples,
FROM
  shares
CROSS JOIN
  UNNEST([0.5, 0.9, 0.99]) AS percentile
WHERE
  cumulative_share >= percentile - 1e-9
GROUP BY
  percentile,
  n_clients,
  n_samples
ORDER BY
  percentile
