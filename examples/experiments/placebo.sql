/* Comparison of FX_TAB_SWITCH_SPINNER_VISIBLE_MS by experiment and branch */
/* Counted: one vote per client within each group; pings without a client id have none */
/* Note: the clients of not enrolled (10%) are a sample of clients that could have been enrolled and were not; they may differ from enrolled ones in more than the experiment */
/* Note: startup-cache-nightly-77 is a placebo, which should show no difference; what it shows is no effect */
/* Note: the client is the unit: each of m = 1000 permutations draws clients anew, whatever they sent */
/* Note: p_value is (b + 1) / (m + 1) if b of them differ as much as the branches do, by the column difference */
/* Note: detectable is the difference that must be exceeded for a p_value of at most 0.05 */
/* Note: p_holm and p_bh are p_value corrected for all tests of this result (Holm; Benjamini and Hochberg) */
/* Filters: submission_date from 2020-04-06 to 2020-04-20 */
/* Chart in STMO: type bar, x = experiment, y = difference, series = statistic and branch */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the histogram.
pings AS (
  SELECT
    enrolled_in AS experiment,
    IF(
      enrolled_in = 'tab-warming-nightly-77',
      IF(
        EXISTS(
          SELECT
            1
          FROM UNNEST(environment.experiments) AS enrolment
          WHERE
            enrolment.key = 'tab-warming-nightly-77'
        ),
        (
          SELECT
            MAX(enrolment.value.branch)
          FROM UNNEST(environment.experiments) AS enrolment
          WHERE
            enrolment.key = 'tab-warming-nightly-77'
        ),
        'not enrolled'
      ),
      IF(
        EXISTS(
          SELECT
            1
          FROM UNNEST(environment.experiments) AS enrolment
          WHERE
            enrolment.key = 'startup-cache-nightly-77'
        ),
        (
          SELECT
            MAX(enrolment.value.branch)
          FROM UNNEST(environment.experiments) AS enrolment
          WHERE
            enrolment.key = 'startup-cache-nightly-77'
        ),
        'not enrolled'
      )
    ) AS branch,
    client_id,
    payload.histograms.fx_tab_switch_spinner_visible_ms AS recorded,
  FROM
    `telemetry.main`
  CROSS JOIN
    UNNEST(
      ['tab-warming-nightly-77', 'startup-cache-nightly-77']
    ) AS enrolled_in
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND (
      (
        enrolled_in = 'tab-warming-nightly-77'
        AND (
          EXISTS(
            SELECT
              1
            FROM UNNEST(environment.experiments) AS enrolment
            WHERE
              enrolment.key = 'tab-warming-nightly-77'
          )
          OR SUBSTRING(TO_HEX(MD5(CONCAT('querygen-control-', client_id))), 1, 8) < '1999999a'
        )
      )
      OR (
        enrolled_in = 'startup-cache-nightly-77'
        AND (
          EXISTS(
            SELECT
              1
            FROM UNNEST(environment.experiments) AS enrolment
            WHERE
              enrolment.key = 'startup-cache-nightly-77'
          )
          OR SUBSTRING(TO_HEX(MD5(CONCAT('querygen-control-', client_id))), 1, 8) < '1999999a'
        )
      )
    )
    AND client_id IS NOT NULL
    AND payload.histograms.fx_tab_switch_spinner_visible_ms IS NOT NULL
),
-- Strings of the forms that Firefox writes; others contribute nothing.
decodable AS (
  SELECT
    experiment,
    branch,
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
    experiment,
    branch,
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
    experiment,
    branch,
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
    experiment,
    branch,
    client_id
),
-- A place for each client, from a hash of its id alone.
placed AS (
  SELECT
    experiment,
    branch,
    n_samples,
    MOD(
      CAST(CONCAT('0x', SUBSTRING(TO_HEX(MD5(CONCAT('querygen-cells--', client_id))), 1, 8)) AS INT64),
      20000
    ) AS client_place,
    entries,
  FROM
    clients
),
-- Votes by place and bucket. A client is counted at its first entry.
place_buckets AS (
  SELECT
    experiment,
    branch,
    client_place,
    entry.key AS bucket,
    SUM(entry.value / placed.n_samples) AS votes,
    COUNTIF(position = 0) AS n_clients,
  FROM
    placed
  CROSS JOIN
    UNNEST(placed.entries) AS entry WITH OFFSET AS position
  GROUP BY
    experiment,
    branch,
    client_place,
    bucket
),
-- Each branch with the control, and how many clients both have.
paired AS (
  SELECT
    experiment,
    treatment,
    bucket,
    votes,
    IF(branch = treatment, votes, 0) AS treated_votes,
    SUM(IF(branch = treatment, n_clients, 0)) OVER pair AS n_treated,
    SUM(IF(branch = treatment, 0, n_clients)) OVER pair AS n_control,
    DENSE_RANK() OVER by_place AS place_rank,
  FROM
    place_buckets
  CROSS JOIN
    UNNEST(['treatment']) AS treatment
  WHERE
    branch = treatment OR branch = 'not enrolled'
  WINDOW
    pair AS (PARTITION BY experiment, treatment),
    by_place AS (pair ORDER BY client_place)
),
-- Not more cells than places, and about 100 of the smaller branch.
sized AS (
  SELECT
    experiment,
    treatment,
    n_treated,
    n_control,
    place_rank,
    bucket,
    votes,
    treated_votes,
    LEAST(
      MAX(place_rank) OVER (PARTITION BY experiment, treatment),
      100.0 * (n_treated + n_control) / GREATEST(LEAST(n_treated, n_control), 1)
    ) AS most_cells,
  FROM
    paired
),
-- The number of cells is a prime, 2 modulo 3, so that cubes modulo it are one to one.
celled AS (
  SELECT
    experiment,
    treatment,
    n_treated,
    n_control,
    place_rank,
    bucket,
    votes,
    treated_votes,
    CASE
      WHEN most_cells >= 18041 THEN 18041
      WHEN most_cells >= 14411 THEN 14411
      WHEN most_cells >= 11519 THEN 11519
      WHEN most_cells >= 9203 THEN 9203
      WHEN most_cells >= 7349 THEN 7349
      WHEN most_cells >= 5879 THEN 5879
      WHEN most_cells >= 4703 THEN 4703
      WHEN most_cells >= 3761 THEN 3761
      WHEN most_cells >= 2999 THEN 2999
      WHEN most_cells >= 2393 THEN 2393
      WHEN most_cells >= 1907 THEN 1907
      WHEN most_cells >= 1523 THEN 1523
      WHEN most_cells >= 1217 THEN 1217
      WHEN most_cells >= 971 THEN 971
      WHEN most_cells >= 773 THEN 773
      WHEN most_cells >= 617 THEN 617
      WHEN most_cells >= 491 THEN 491
      WHEN most_cells >= 389 THEN 389
      WHEN most_cells >= 311 THEN 311
      WHEN most_cells >= 239 THEN 239
      WHEN most_cells >= 191 THEN 191
      WHEN most_cells >= 149 THEN 149
      WHEN most_cells >= 113 THEN 113
      WHEN most_cells >= 89 THEN 89
      WHEN most_cells >= 71 THEN 71
      WHEN most_cells >= 53 THEN 53
      WHEN most_cells >= 41 THEN 41
      WHEN most_cells >= 29 THEN 29
      WHEN most_cells >= 23 THEN 23
      WHEN most_cells >= 17 THEN 17
      WHEN most_cells >= 11 THEN 11
      WHEN most_cells >= 5 THEN 5
      ELSE 2
    END AS n_cells,
  FROM
    sized
),
-- Votes by cell. The cell -1 has all buckets, and their votes in all cells.
cell_buckets AS (
  SELECT
    experiment,
    treatment,
    n_treated,
    n_control,
    n_cells,
    IF(is_frame, -1, MOD(place_rank, n_cells)) AS cell,
    bucket,
    SUM(IF(is_frame, 0, votes)) AS votes,
    SUM(IF(is_frame, 0, treated_votes)) AS treated_votes,
    SUM(IF(is_frame, votes, 0)) AS all_votes,
  FROM
    celled
  CROSS JOIN
    UNNEST([FALSE, TRUE]) AS is_frame
  GROUP BY
    experiment,
    treatment,
    n_treated,
    n_control,
    n_cells,
    cell,
    bucket
),
-- One row per cell; as many are drawn as the branch has of the clients.
cells AS (
  SELECT
    experiment,
    treatment,
    n_treated,
    n_control,
    n_cells,
    GREATEST(
      1,
      LEAST(n_cells - 1, CAST(ROUND(n_cells * n_treated / (n_treated + n_control)) AS INT64))
    ) AS n_drawn,
    cell,
    ARRAY_AGG(
      STRUCT(
        bucket AS bucket,
        votes AS votes,
        treated_votes AS treated_votes,
        all_votes AS all_votes
      )
    ) AS entries,
  FROM
    cell_buckets
  GROUP BY
    experiment,
    treatment,
    n_treated,
    n_control,
    n_cells,
    cell
),
-- Permutations, 0 being the real split; three numbers of a hash for each.
draws AS (
  SELECT
    permutation,
    CAST(CONCAT('0x', SUBSTR(hashed, 1, 8)) AS INT64) AS draw_start,
    CAST(CONCAT('0x', SUBSTR(hashed, 9, 8)) AS INT64) AS draw_factor,
    CAST(CONCAT('0x', SUBSTR(hashed, 17, 8)) AS INT64) AS draw_shift,
  FROM
    (
      SELECT
        permutation,
        TO_HEX(MD5(CONCAT('querygen-permutation--', CAST(permutation AS STRING)))) AS hashed,
      FROM
        UNNEST(GENERATE_ARRAY(0, 1000)) AS permutation
    )
),
-- The cells that each permutation draws: those that land below n_drawn.
drawn AS (
  SELECT
    experiment,
    treatment,
    n_treated,
    n_control,
    permutation,
    entries,
  FROM
    cells
  CROSS JOIN
    draws
  WHERE
    permutation = 0
    OR cell = -1
    OR MOD(
      (1 + MOD(draw_factor, n_cells - 1))
        * (cell + MOD(draw_start, n_cells)) * (cell + MOD(draw_start, n_cells)) * (cell + MOD(draw_start, n_cells))
        + draw_shift,
      n_cells
    ) < n_drawn
),
-- Votes of the cells that were drawn, and of all.
splits AS (
  SELECT
    experiment,
    treatment,
    n_treated,
    n_control,
    permutation,
    entry.bucket AS bucket,
    SUM(IF(permutation = 0, entry.treated_votes, entry.votes)) AS drawn_votes,
    SUM(entry.all_votes) AS all_votes,
  FROM
    drawn
  CROSS JOIN
    UNNEST(drawn.entries) AS entry
  GROUP BY
    experiment,
    treatment,
    n_treated,
    n_control,
    permutation,
    bucket
),
-- Those that were drawn and the rest, each as shares.
sides AS (
  SELECT
    experiment,
    treatment,
    n_treated,
    n_control,
    permutation,
    bucket,
    drawn_votes / NULLIF(SUM(drawn_votes) OVER split, 0) AS drawn_share,
    (all_votes - drawn_votes) / NULLIF(SUM(all_votes - drawn_votes) OVER split, 0) AS rest_share,
    SUM(drawn_votes) OVER by_bucket / NULLIF(SUM(drawn_votes) OVER split, 0) AS drawn_reached,
    SUM(all_votes - drawn_votes) OVER by_bucket
      / NULLIF(SUM(all_votes - drawn_votes) OVER split, 0) AS rest_reached,
  FROM
    splits
  WINDOW
    split AS (PARTITION BY experiment, treatment, permutation),
    by_bucket AS (split ORDER BY bucket)
),
-- What each permutation gives.
statistics AS (
  SELECT
    experiment,
    treatment,
    n_treated,
    n_control,
    0.5 * SUM(
      (
        drawn_share - rest_share
      ) * (
        drawn_share - rest_share
      ) / (
        drawn_share + rest_share + 1e-10
      )
    ) AS distance_1,
    MIN(IF(drawn_reached >= 0.5 - 1e-9, bucket, NULL)) AS drawn_2,
    MIN(IF(rest_reached >= 0.5 - 1e-9, bucket, NULL)) AS rest_2,
    permutation,
  FROM
    sides
  GROUP BY
    experiment,
    treatment,
    n_treated,
    n_control,
    permutation
),
-- The same in rows, beside the real difference.
observed AS (
  SELECT
    experiment,
    treatment,
    n_treated,
    n_control,
    permutation,
    asked.statistic AS statistic,
    asked.value AS value,
    asked.control_value AS control_value,
    asked.difference AS difference,
    asked.distance AS distance,
    ROW_NUMBER()
      OVER (
        PARTITION BY experiment, treatment, asked.statistic, permutation = 0
        ORDER BY IFNULL(ABS(asked.distance), 1e300) DESC
      ) AS distance_rank,
    MAX(IF(permutation = 0, asked.distance, NULL))
      OVER (PARTITION BY experiment, treatment, asked.statistic) AS observed_distance,
  FROM
    statistics
  CROSS JOIN
    UNNEST(
      [
        STRUCT(
      'chi2' AS statistic,
      CAST(NULL AS FLOAT64) AS value,
      CAST(NULL AS FLOAT64) AS control_value,
      CAST(distance_1 AS FLOAT64) AS difference,
      CAST(distance_1 AS FLOAT64) AS distance
    ),
        STRUCT(
      'median' AS statistic,
      CAST(drawn_2 AS FLOAT64) AS value,
      CAST(rest_2 AS FLOAT64) AS control_value,
      CAST(drawn_2 - rest_2 AS FLOAT64) AS difference,
      CAST(drawn_2 - rest_2 AS FLOAT64) AS distance
    )
      ]
    ) AS asked
),
-- Permutations that are nearer than the real split are not counted.
tested AS (
  SELECT
    experiment,
    treatment,
    n_treated,
    n_control,
    statistic,
    MAX(IF(permutation = 0, value, NULL)) AS value,
    MAX(IF(permutation = 0, control_value, NULL)) AS control_value,
    MAX(IF(permutation = 0, difference, NULL)) AS difference,
    MAX(IF(permutation > 0 AND distance_rank = 50, ABS(distance), NULL)) AS detectable,
    IF(
      MAX(observed_distance) IS NULL,
      NULL,
      (1001 - COUNTIF(ABS(distance) < ABS(observed_distance) * (1 - 1e-9))) / 1001
    ) AS p_value,
  FROM
    observed
  GROUP BY
    experiment,
    treatment,
    n_treated,
    n_control,
    statistic
),
-- The rank of each p-value among those of the whole result.
ranked AS (
  SELECT
    experiment,
    treatment,
    n_treated,
    n_control,
    statistic,
    value,
    control_value,
    difference,
    detectable,
    p_value,
    ROW_NUMBER() OVER (PARTITION BY p_value IS NULL ORDER BY p_value) AS p_rank,
    COUNT(p_value) OVER () AS n_tests,
  FROM
    tested
),
-- p_holm and p_bh allow for the number of tests.
compare AS (
  SELECT
    experiment,
    treatment AS branch,
    'not enrolled' AS control,
    statistic,
    value,
    control_value,
    difference,
    detectable,
    p_value,
    MAX(LEAST(1.0, (n_tests - p_rank + 1) * p_value)) OVER (PARTITION BY p_value IS NULL ORDER BY p_rank) AS p_holm,
    MIN(n_tests * p_value / p_rank) OVER (PARTITION BY p_value IS NULL ORDER BY p_rank DESC) AS p_bh,
    n_treated AS n_clients,
    n_control,
  FROM
    ranked
)
-- low_data marks fewer than 100 clients in either branch.
SELECT
  experiment,
  branch,
  control,
  statistic,
  value,
  control_value,
  difference,
  detectable,
  p_value,
  p_holm,
  p_bh,
  n_clients,
  n_control,
  LEAST(n_clients, n_control) < 100 AS low_data,
FROM
  compare
ORDER BY
  CASE experiment WHEN 'tab-warming-nightly-77' THEN 1 WHEN 'startup-cache-nightly-77' THEN 2 END,
  branch,
  CASE statistic WHEN 'chi2' THEN 0 WHEN 'median' THEN 1 END
