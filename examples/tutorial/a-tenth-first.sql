/* Percentiles of FX_TAB_SWITCH_SPINNER_VISIBLE_MS by build_time */
/* Counted: one vote per client within each group; pings without a client id have none. n_clients are the clients with a sample, and n_samples their samples */
/* Note: of 10% of all clients, chosen by sample_id; counts are those of this sample */
/* Filters: sample_id below 10; channel is nightly; os is Windows; submission_date in the last 15 days; build_date in the last 15 days */
/* Chart in STMO: type line, x = build_time, y = value, series = percentile */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the histogram.
pings AS (
  SELECT
    IF(
      REGEXP_CONTAINS(application.build_id, r'^[12]\d{7}(?:[01]\d|2[0-3])[0-5]\d[0-5]\d$'),
      SAFE.PARSE_DATETIME('%Y%m%d%H%M%S', application.build_id),
      NULL
    ) AS build_time,
    client_id,
    payload.histograms.fx_tab_switch_spinner_visible_ms AS recorded,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND sample_id < 10
    AND normalized_channel = 'nightly'
    AND normalized_os = 'Windows'
    AND IF(
      REGEXP_CONTAINS(application.build_id, r'^[12]\d{7}(?:(?:[01]\d|2[0-3])[0-5]\d[0-5]\d)?$'),
      SAFE.PARSE_DATE('%Y%m%d', SUBSTR(application.build_id, 1, 8)),
      NULL
    ) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND client_id IS NOT NULL
    AND payload.histograms.fx_tab_switch_spinner_visible_ms IS NOT NULL
),
-- Strings of the forms that Firefox writes; others contribute nothing.
decodable AS (
  SELECT
    build_time,
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
-- Each histogram as an array of keys and counts.
histograms AS (
  SELECT
    build_time,
    client_id,
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
-- Each client's samples together. Empty buckets and impossible counts are dropped.
clients AS (
  SELECT
    build_time,
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
    build_time,
    client_id
),
-- One row per bucket. Every client has one vote, divided among its buckets by its samples. A
-- client is counted at its first entry.
buckets AS (
  SELECT
    build_time,
    entry.key AS bucket,
    SUM(entry.value / clients.n_samples) AS votes,
    SUM(entry.value) AS n_samples,
    COUNTIF(position = 0) AS n_clients,
  FROM
    clients
  CROSS JOIN
    UNNEST(clients.entries) AS entry WITH OFFSET AS position
  GROUP BY
    build_time,
    bucket
),
-- The share of votes at or below each bucket, within each build_time; clients and samples of the
-- whole group.
shares AS (
  SELECT
    build_time,
    bucket,
    SUM(votes) OVER up_to_bucket / SUM(votes) OVER whole_group AS cumulative_share,
    SUM(n_clients) OVER whole_group AS n_clients,
    SUM(n_samples) OVER whole_group AS n_samples,
  FROM
    buckets
  WINDOW
    whole_group AS (PARTITION BY build_time),
    up_to_bucket AS (whole_group ORDER BY bucket)
)
-- A percentile is the lowest bucket whose cumulative share reaches it.
SELECT
  build_time,
  percentile,
  MIN(bucket) AS value,
  n_clients,
  n_samples,
FROM
  shares
CROSS JOIN
  UNNEST([0.05, 0.25, 0.5, 0.75, 0.95]) AS percentile
WHERE
  cumulative_share >= percentile - 1e-9
GROUP BY
  build_time,
  percentile,
  n_clients,
  n_samples
ORDER BY
  build_time,
  percentile
