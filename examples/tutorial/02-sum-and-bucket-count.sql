/* Pings of FX_TAB_SWITCH_SPINNER_VISIBLE_MS */
/* Counted: nothing; each row is one ping */
/* Note: of 1% of all clients, chosen by sample_id; rows are those of this sample */
/* Filters: sample_id is 42; channel is nightly; submission_date is 2020-04-20 */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the histogram.
pings AS (
  SELECT
    payload.histograms.fx_tab_switch_spinner_visible_ms AS recorded,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) = DATE '2020-04-20'
    AND sample_id = 42
    AND normalized_channel = 'nightly'
    AND payload.histograms.fx_tab_switch_spinner_visible_ms IS NOT NULL
),
-- Only strings of the forms that Firefox writes can be decoded.
decodable AS (
  SELECT
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
-- The fields asked for.
fields AS (
  SELECT
    SAFE_CAST(
      CASE
        WHEN STRPOS(histogram_text, '{') > 0
          THEN REGEXP_EXTRACT(histogram_text, r'"sum"\s*:\s*(null|-?\d+)')
        WHEN STRPOS(histogram_text, ';') > 0
          THEN REGEXP_EXTRACT(histogram_text, r'^\s*(?:-?\d+;){2}(-?\d+);')
        ELSE REGEXP_EXTRACT(histogram_text, r'(-?\d+)\s*$')
      END AS INT64
    ) AS sum,
    SAFE_CAST(
      CASE
        WHEN STRPOS(histogram_text, '{') > 0
          THEN REGEXP_EXTRACT(histogram_text, r'"bucket_count"\s*:\s*(null|-?\d+)')
        WHEN STRPOS(histogram_text, ';') > 0
          THEN REGEXP_EXTRACT(histogram_text, r'^\s*(-?\d+);')
        WHEN histogram_text IS NOT NULL
          THEN '3'
      END AS INT64
    ) AS bucket_count,
  FROM
    decodable
)
-- At most 3 pings, in the order of the fields, so that every run shows the same.
SELECT
  sum,
  bucket_count,
FROM
  fields
ORDER BY
  sum,
  bucket_count
LIMIT
  3
