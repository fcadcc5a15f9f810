/* Distribution of FX_TAB_SWITCH_SPINNER_VISIBLE_MS */
/* Counted: every recorded sample once. n_clients are the clients with a sample, and n_samples their samples */
/* Filters: channel is nightly; os is Windows; submission_date is 2020-04-20 */
/* Chart in STMO: type bar, x = bucket (as category, not sorted again), y = share */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the histogram.
pings AS (
  SELECT
    client_id,
    submission_timestamp,
    payload.histograms.fx_tab_switch_spinner_visible_ms AS recorded,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) = DATE '2020-04-20'
    AND normalized_channel = 'nightly'
    AND normalized_os = 'Windows'
    AND payload.histograms.fx_tab_switch_spinner_visible_ms IS NOT NULL
),
-- Strings of the forms that Firefox writes; others contribute nothing.
decodable AS (
  SELECT
    client_id,
    submission_timestamp,
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
-- Each histogram as an array of keys and counts.
histograms AS (
  SELECT
    client_id,
    submission_timestamp,
    ARRAY(
      SELECT AS STRUCT
        SAFE_CAST(REGEXP_EXTRACT(entry, r'-?\d+') AS INT64) AS key,
        SAFE_CAST(REGEXP_EXTRACT(entry, r'-?\d+$') AS INT64) AS value
      FROM
        UNNEST(
          -- "key": count in JSON, key:count in the five parts; neither occurs elsewhere in a decodable text.
          REGEXP_EXTRACT_ALL(
            -- A pair false,true becomes 0:false,1:true, and a single count becomes 0:count.
            REGEXP_REPLACE(
              REGEXP_REPLACE(histogram_text, r'^\s*(-?\d+),(-?\d+)\s*$', r'0:\1,1:\2'),
              r'^\s*(-?\d+)\s*$',
              r'0:\1'
            ),
            r'"?-?\d+"?\s*:\s*-?\d+'
          )
        ) AS entry
    ) AS buckets,
  FROM
    decodable
),
-- Each client's samples together. Empty buckets and impossible counts are dropped. A ping without
-- a client id stands for itself.
clients AS (
  SELECT
    client_id,
    SUM(entry.value) AS n_samples,
    ARRAY_AGG(STRUCT(entry.key AS key, entry.value AS value)) AS entries,
  FROM
    histograms
  CROSS JOIN
    UNNEST(histograms.buckets) AS entry
  WHERE
    entry.value BETWEEN 1 AND 1099511627776
  GROUP BY
    client_id,
    IF(client_id IS NULL, submission_timestamp, NULL)
),
-- One row per bucket. Every sample counts once. A client is counted at its first entry.
buckets AS (
  SELECT
    entry.key AS bucket,
    SUM(entry.value) AS votes,
    SUM(entry.value) AS n_samples,
    COUNTIF(position = 0 AND clients.client_id IS NOT NULL) AS n_clients,
  FROM
    clients
  CROSS JOIN
    UNNEST(clients.entries) AS entry WITH OFFSET AS position
  GROUP BY
    bucket
),
-- Each bucket that the probe has is there, observed or not.
filled AS (
  SELECT
    slot.bucket AS bucket,
    SUM(IF(slot.observed, buckets.votes, 0)) AS votes,
    SUM(IF(slot.observed, buckets.n_samples, 0)) AS n_samples,
    SUM(IF(slot.observed, buckets.n_clients, 0)) AS n_clients,
  FROM
    buckets
  CROSS JOIN
    UNNEST(
      ARRAY_CONCAT(
        [STRUCT(buckets.bucket AS bucket, TRUE AS observed)],
        [
      STRUCT(0 AS bucket, FALSE AS observed),
      STRUCT(1 AS bucket, FALSE AS observed),
      STRUCT(2 AS bucket, FALSE AS observed),
      STRUCT(3 AS bucket, FALSE AS observed),
      STRUCT(4 AS bucket, FALSE AS observed),
      STRUCT(6 AS bucket, FALSE AS observed),
      STRUCT(9 AS bucket, FALSE AS observed),
      STRUCT(13 AS bucket, FALSE AS observed),
      STRUCT(19 AS bucket, FALSE AS observed),
      STRUCT(27 AS bucket, FALSE AS observed),
      STRUCT(39 AS bucket, FALSE AS observed),
      STRUCT(56 AS bucket, FALSE AS observed),
      STRUCT(80 AS bucket, FALSE AS observed),
      STRUCT(115 AS bucket, FALSE AS observed),
      STRUCT(165 AS bucket, FALSE AS observed),
      STRUCT(237 AS bucket, FALSE AS observed),
      STRUCT(340 AS bucket, FALSE AS observed),
      STRUCT(487 AS bucket, FALSE AS observed),
      STRUCT(698 AS bucket, FALSE AS observed),
      STRUCT(1000 AS bucket, FALSE AS observed)
    ]
      )
    ) AS slot
  GROUP BY
    slot.bucket
),
-- Each bucket's share of the votes, within all together; clients and samples of the whole group.
shares AS (
  SELECT
    bucket,
    votes AS count,
    votes / SUM(votes) OVER whole_group AS share,
    SUM(n_clients) OVER whole_group AS n_clients,
    SUM(n_samples) OVER whole_group AS n_samples,
  FROM
    filled
  WINDOW
    whole_group AS ()
)
-- One row per bucket that the probe has.
SELECT
  bucket,
  count,
  share,
  n_clients,
  n_samples,
FROM
  shares
ORDER BY
  bucket
