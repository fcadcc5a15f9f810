/* Percentiles of FX_TAB_SWITCH_SPINNER_VISIBLE_MS by os */
/* Counted: one vote per client within each group; pings without a client id have none. n_clients are the clients with a sample, and n_samples their samples */
/* Filters: channel is beta; submission_date from 2020-04-06 to 2020-04-20 */
/* Chart in STMO: type bar, x = os, y = value, series = percentile */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the histogram.
pings AS (
  SELECT
    normalized_os AS os,
    client_id,
    payload.histograms.fx_tab_switch_spinner_visible_ms AS recorded,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND normalized_channel = 'beta'
    AND client_id IS NOT NULL
    AND payload.histograms.fx_tab_switch_spinner_visible_ms IS NOT NULL
),
-- Strings of the forms that Firefox writes; others contribute nothing.
decodable AS (
  SELECT
    os,
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
    os,
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
    os,
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
    os,
    client_id
),
-- What each client has reached with each of its entries, in the order of buckets.
progress AS (
  SELECT
    os,
    clients.client_id AS client_id,
    entry.key AS bucket,
    entry.value / clients.n_samples AS votes,
    entry.value AS n_samples,
    position = 0 AS is_first,
    CAST(1 AS FLOAT64) AS total,
    SUM(CAST(entry.value / clients.n_samples AS FLOAT64)) OVER so_far AS reached,
  FROM
    clients
  CROSS JOIN
    UNNEST(clients.entries) AS entry WITH OFFSET AS position
  WINDOW
    so_far AS (PARTITION BY os, client_id ORDER BY entry.key, position)
),
-- One row per bucket, with sums over clients that tell how much these differ.
spread_buckets AS (
  SELECT
    os,
    bucket,
    SUM(votes) AS votes,
    SUM(n_samples) AS n_samples,
    COUNTIF(is_first AND client_id IS NOT NULL) AS n_clients,
    SUM(votes * (2 * reached - votes)) AS squares,
    SUM(votes * total) AS products,
    SUM(IF(is_first, total * total, 0)) AS total_squares,
    SUM(IF(is_first, total * total * total * total, 0)) AS total_fourths,
    COUNTIF(is_first) AS n_units,
  FROM
    progress
  GROUP BY
    os,
    bucket
),
-- The share of votes at or below each bucket, within each os; clients and samples of the whole
-- group.
shares AS (
  SELECT
    os,
    bucket,
    SUM(votes) OVER up_to_bucket / SUM(votes) OVER whole_group AS cumulative_share,
    SUM(n_clients) OVER whole_group AS n_clients,
    SUM(n_samples) OVER whole_group AS n_samples,
    SUM(squares) OVER up_to_bucket AS squares,
    SUM(products) OVER up_to_bucket AS products,
    SUM(total_squares) OVER whole_group AS total_squares,
    SUM(votes) OVER whole_group AS total,
    SUM(n_units) OVER whole_group AS n_units,
    GREATEST(
      SUM(total_squares) OVER whole_group * SUM(total_squares) OVER whole_group
        / SUM(total_fourths) OVER whole_group - 1,
      1
    ) AS freedom,
  FROM
    spread_buckets
  WINDOW
    whole_group AS (PARTITION BY os),
    up_to_bucket AS (whole_group ORDER BY bucket)
),
-- The standard error of cumulative_share, with the client as the independent unit.
spread AS (
  SELECT
    os,
    freedom,
    bucket,
    cumulative_share,
    n_clients,
    n_samples,
    IF(
      n_units > 1,
      SQRT(
        GREATEST(
          -- Less than a part in a million is rounding.
          squares - 2 * cumulative_share * products + cumulative_share * cumulative_share * total_squares
            - 1e-12 * cumulative_share * cumulative_share * total_squares,
          0
        ) * n_units / (n_units - 1)
      ) / total,
      NULL
    ) AS deviation,
  FROM
    shares
),
-- The limits are as many standard errors away as hold 0.95 by Student's t.
margins AS (
  SELECT
    os,
    bucket,
    cumulative_share,
    n_clients,
    n_samples,
    EXP(
      0.672926097839 + 1.21049240447 / freedom + 0.704513770345 / POWER(freedom, 2)
        + 0.177384596473 / POWER(freedom, 3) - 0.328519833749 / POWER(freedom, 4)
        + 0.105293400681 / POWER(freedom, 5)
    ) * deviation AS margin,
  FROM
    spread
)
-- A percentile is the lowest bucket whose cumulative share reaches it.
SELECT
  os,
  percentile,
  MIN(IF(cumulative_share >= percentile - 1e-9, bucket, NULL)) AS value,
  MIN(IF(cumulative_share + margin >= percentile - 1e-9, bucket, NULL)) AS lower,
  IF(
    COUNT(margin) > 0,
    COALESCE(MIN(IF(cumulative_share - margin >= percentile - 1e-9, bucket, NULL)), MAX(bucket)),
    NULL
  ) AS upper,
  n_clients,
  n_samples,
FROM
  margins
CROSS JOIN
  UNNEST([0.5, 0.95]) AS percentile
GROUP BY
  os,
  percentile,
  n_clients,
  n_samples
ORDER BY
  os,
  percentile
