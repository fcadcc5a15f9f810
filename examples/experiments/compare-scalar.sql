/* Comparison of browser.engagement.tab_open_event_count by os and branch */
/* Counted: one number per client within each group, the sum over its pings; pings without a client id have none */
/* Note: the client is the unit: each of m = 1000 permutations draws clients anew, whatever they sent */
/* Note: p_value is (b + 1) / (m + 1) if b of them differ as much as the branches do, by the column difference */
/* Note: detectable is the difference that must be exceeded for a p_value of at most 0.05 */
/* Note: p_holm and p_bh are p_value corrected for all tests of this result (Holm; Benjamini and Hochberg) */
/* Filters: submission_date from 2020-04-06 to 2020-04-20 */
/* Chart in STMO: type bar, x = os, y = difference, series = statistic and branch */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the scalar.
pings AS (
  SELECT
    normalized_os AS os,
    (
      SELECT
        MAX(enrolment.value.branch)
      FROM UNNEST(environment.experiments) AS enrolment
      WHERE
        enrolment.key = 'tab-warming-nightly-77'
    ) AS branch,
    client_id,
    payload.processes.parent.scalars.browser_engagement_tab_open_event_count AS recorded,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) BETWEEN DATE '2020-04-06' AND DATE '2020-04-20'
    AND EXISTS(
      SELECT
        1
      FROM UNNEST(environment.experiments) AS enrolment
      WHERE
        enrolment.key = 'tab-warming-nightly-77'
    )
    AND client_id IS NOT NULL
    AND payload.processes.parent.scalars.browser_engagement_tab_open_event_count IS NOT NULL
),
-- Each client's number: the sum over its pings. Impossible values are dropped.
numbers AS (
  SELECT
    os,
    branch,
    client_id,
    SUM(recorded) AS number,
    COUNT(*) AS n_recorded,
  FROM
    pings
  WHERE
    recorded BETWEEN 0 AND 1099511627776
  GROUP BY
    os,
    branch,
    client_id
),
-- How many clients have each number. A place for each client, from a hash of its id alone.
place_numbers AS (
  SELECT
    os,
    branch,
    MOD(
      CAST(CONCAT('0x', SUBSTRING(TO_HEX(MD5(CONCAT('querygen-cells--', client_id))), 1, 8)) AS INT64),
      20000
    ) AS client_place,
    number AS bucket,
    COUNT(*) AS votes,
    COUNT(*) AS n_clients,
    COUNT(*) AS squares,
    COUNT(*) AS products,
    COUNT(*) AS total_squares,
    COUNT(*) AS total_fourths,
    COUNT(*) AS n_units,
  FROM
    numbers
  GROUP BY
    os,
    branch,
    client_place,
    number
),
-- Sums over each branch, that tell how much its clients differ.
arms AS (
  SELECT
    os,
    branch,
    client_place,
    bucket,
    votes,
    n_clients,
    SUM(votes) OVER up_to_bucket / SUM(votes) OVER arm AS cumulative_share,
    SUM(squares) OVER up_to_bucket AS squares,
    SUM(products) OVER up_to_bucket AS products,
    SUM(total_squares) OVER arm AS total_squares,
    SUM(votes) OVER arm AS total,
    SUM(n_units) OVER arm AS n_units,
    SQRT(
      GREATEST(
        SUM(CAST(bucket AS FLOAT64) * bucket * votes) OVER arm
          - SUM(CAST(bucket AS FLOAT64) * votes) OVER arm * SUM(CAST(bucket AS FLOAT64) * votes) OVER arm
            / SUM(votes) OVER arm,
        0
      ) / NULLIF(SUM(votes) OVER arm * (SUM(votes) OVER arm - 1), 0)
    ) AS mean_deviation,
    GREATEST(
      SUM(total_squares) OVER arm * SUM(total_squares) OVER arm / SUM(total_fourths) OVER arm - 1,
      1
    ) AS freedom,
  FROM
    place_numbers
  WINDOW
    arm AS (PARTITION BY os, branch),
    up_to_bucket AS (arm ORDER BY bucket)
),
-- The standard error of cumulative_share, with the client as the independent unit.
spread AS (
  SELECT
    os,
    branch,
    client_place,
    bucket,
    votes,
    n_clients,
    cumulative_share,
    freedom,
    mean_deviation,
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
    arms
),
-- The limits are as many standard errors away as hold 0.95 by Student's t.
margins AS (
  SELECT
    os,
    branch,
    client_place,
    bucket,
    votes,
    n_clients,
    cumulative_share,
    freedom,
    mean_deviation,
    EXP(
      0.672926097839 + 1.21049240447 / freedom + 0.704513770345 / POWER(freedom, 2)
        + 0.177384596473 / POWER(freedom, 3) - 0.328519833749 / POWER(freedom, 4)
        + 0.105293400681 / POWER(freedom, 5)
    ) * deviation AS margin,
  FROM
    spread
),
-- How far the limits are from the value of each branch.
arm_limits AS (
  SELECT
    os,
    branch,
    client_place,
    bucket,
    votes,
    n_clients,
    MIN(IF(cumulative_share >= 0.5 - 1e-9, bucket, NULL)) OVER arm
      - MIN(IF(cumulative_share + margin >= 0.5 - 1e-9, bucket, NULL)) OVER arm AS under_1,
    IF(
      COUNT(margin) OVER arm > 0,
      COALESCE(MIN(IF(cumulative_share - margin >= 0.5 - 1e-9, bucket, NULL)) OVER arm, MAX(bucket) OVER arm),
      NULL
    ) - MIN(IF(cumulative_share >= 0.5 - 1e-9, bucket, NULL)) OVER arm AS over_1,
    EXP(
      0.672926097839 + 1.21049240447 / freedom + 0.704513770345 / POWER(freedom, 2)
        + 0.177384596473 / POWER(freedom, 3) - 0.328519833749 / POWER(freedom, 4)
        + 0.105293400681 / POWER(freedom, 5)
    ) * mean_deviation AS under_2,
  FROM
    margins
  WINDOW
    arm AS (PARTITION BY os, branch)
),
-- Each branch with the control, and how many clients both have.
paired AS (
  SELECT
    os,
    treatment,
    bucket,
    votes,
    IF(branch = treatment, votes, 0) AS treated_votes,
    SUM(IF(branch = treatment, n_clients, 0)) OVER pair AS n_treated,
    SUM(IF(branch = treatment, 0, n_clients)) OVER pair AS n_control,
    DENSE_RANK() OVER by_place AS place_rank,
    SUM(votes) OVER by_bucket / SUM(votes) OVER pair AS pooled_reached,
    SUM(IF(branch = treatment, votes, 0)) OVER by_bucket
      / NULLIF(SUM(IF(branch = treatment, votes, 0)) OVER pair, 0) AS treated_reached,
    SUM(IF(branch = treatment, 0, votes)) OVER by_bucket
      / NULLIF(SUM(IF(branch = treatment, 0, votes)) OVER pair, 0) AS control_reached,
    SQRT(
      POWER(MAX(IF(branch = treatment, under_1, NULL)) OVER pair, 2)
        + POWER(MAX(IF(branch = treatment, NULL, over_1)) OVER pair, 2)
    ) AS below_1,
    SQRT(
      POWER(MAX(IF(branch = treatment, over_1, NULL)) OVER pair, 2)
        + POWER(MAX(IF(branch = treatment, NULL, under_1)) OVER pair, 2)
    ) AS above_1,
    SQRT(
      POWER(MAX(IF(branch = treatment, under_2, NULL)) OVER pair, 2)
        + POWER(MAX(IF(branch = treatment, NULL, under_2)) OVER pair, 2)
    ) AS below_2,
    SQRT(
      POWER(MAX(IF(branch = treatment, under_2, NULL)) OVER pair, 2)
        + POWER(MAX(IF(branch = treatment, NULL, under_2)) OVER pair, 2)
    ) AS above_2,
  FROM
    arm_limits
  CROSS JOIN
    UNNEST(['treatment']) AS treatment
  WHERE
    branch = treatment OR branch = 'control'
  WINDOW
    pair AS (PARTITION BY os, treatment),
    by_bucket AS (pair ORDER BY bucket),
    by_place AS (pair ORDER BY client_place)
),
-- For permutations, numbers are rounded up to one of 500 quantiles of both branches, which are
-- closest around each percentile.
gridded AS (
  SELECT
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    place_rank,
    MIN(IF(treated_reached >= 0.5 - 1e-9, bucket, NULL)) OVER pair AS treated_1,
    MIN(IF(control_reached >= 0.5 - 1e-9, bucket, NULL)) OVER pair AS control_1,
    MAX(bucket) OVER (
      PARTITION BY
        os, treatment,
        CAST(CEIL(
      LEAST(
        250.0,
        GREATEST(
          -250.0,
          83.33333333333333 * (
            pooled_reached - 0.5
          ) / SQRT((
            n_treated + n_control
          ) / GREATEST(n_treated * n_control, 1))
        )
      )
    ) AS INT64)
    ) AS bucket,
    votes,
    treated_votes,
    CAST(bucket AS FLOAT64) * votes AS amount,
    CAST(bucket AS FLOAT64) * treated_votes AS treated_amount,
  FROM
    paired
  WINDOW
    pair AS (PARTITION BY os, treatment)
),
-- Not more cells than places, and about 100 of the smaller branch.
sized AS (
  SELECT
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
    place_rank,
    bucket,
    votes,
    treated_votes,
    amount,
    treated_amount,
    LEAST(
      MAX(place_rank) OVER (PARTITION BY os, treatment),
      100.0 * (n_treated + n_control) / GREATEST(LEAST(n_treated, n_control), 1)
    ) AS most_cells,
  FROM
    gridded
),
-- The number of cells is a prime, 2 modulo 3, so that cubes modulo it are one to one.
celled AS (
  SELECT
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
    place_rank,
    bucket,
    votes,
    treated_votes,
    amount,
    treated_amount,
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
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
    n_cells,
    IF(is_frame, -1, MOD(place_rank, n_cells)) AS cell,
    bucket,
    SUM(IF(is_frame, 0, votes)) AS votes,
    SUM(IF(is_frame, 0, treated_votes)) AS treated_votes,
    SUM(IF(is_frame, votes, 0)) AS all_votes,
    SUM(IF(is_frame, 0, amount)) AS amount,
    SUM(IF(is_frame, 0, treated_amount)) AS treated_amount,
    SUM(IF(is_frame, amount, 0)) AS all_amount,
  FROM
    celled
  CROSS JOIN
    UNNEST([FALSE, TRUE]) AS is_frame
  GROUP BY
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
    n_cells,
    cell,
    bucket
),
-- One row per cell; as many are drawn as the branch has of the clients.
cells AS (
  SELECT
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
    n_cells,
    GREATEST(
      1,
      LEAST(n_cells - 1, CAST(ROUND(n_cells * n_treated / (n_treated + n_control)) AS INT64))
    ) AS n_drawn,
    cell,
    ARRAY_AGG(
      STRUCT(
        bucket AS bucket,
        amount AS amount,
        treated_amount AS treated_amount,
        all_amount AS all_amount,
        votes AS votes,
        treated_votes AS treated_votes,
        all_votes AS all_votes
      )
    ) AS entries,
  FROM
    cell_buckets
  GROUP BY
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
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
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
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
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
    permutation,
    entry.bucket AS bucket,
    SUM(IF(permutation = 0, entry.treated_votes, entry.votes)) AS drawn_votes,
    SUM(entry.all_votes) AS all_votes,
    SUM(IF(permutation = 0, entry.treated_amount, entry.amount)) AS drawn_amount,
    SUM(entry.all_amount) AS all_amount,
  FROM
    drawn
  CROSS JOIN
    UNNEST(drawn.entries) AS entry
  GROUP BY
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
    permutation,
    bucket
),
-- Those that were drawn and the rest, each as shares.
sides AS (
  SELECT
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
    permutation,
    bucket,
    SUM(drawn_votes) OVER by_bucket / NULLIF(SUM(drawn_votes) OVER split, 0) AS drawn_reached,
    SUM(all_votes - drawn_votes) OVER by_bucket
      / NULLIF(SUM(all_votes - drawn_votes) OVER split, 0) AS rest_reached,
    drawn_amount / NULLIF(SUM(drawn_votes) OVER split, 0) AS drawn_amount,
    (all_amount - drawn_amount) / NULLIF(SUM(all_votes - drawn_votes) OVER split, 0) AS rest_amount,
  FROM
    splits
  WINDOW
    split AS (PARTITION BY os, treatment, permutation),
    by_bucket AS (split ORDER BY bucket)
),
-- What each permutation gives.
statistics AS (
  SELECT
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
    MIN(IF(drawn_reached >= 0.5 - 1e-9, bucket, NULL)) AS drawn_1,
    MIN(IF(rest_reached >= 0.5 - 1e-9, bucket, NULL)) AS rest_1,
    SUM(drawn_amount) AS drawn_2,
    SUM(rest_amount) AS rest_2,
    permutation,
  FROM
    sides
  GROUP BY
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
    permutation
),
-- The same in rows, beside the real difference.
observed AS (
  SELECT
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
    permutation,
    asked.statistic AS statistic,
    asked.value AS value,
    asked.control_value AS control_value,
    asked.difference AS difference,
    asked.distance AS distance,
    ROW_NUMBER()
      OVER (
        PARTITION BY os, treatment, asked.statistic, permutation = 0
        ORDER BY IFNULL(ABS(asked.distance), 1e300) DESC
      ) AS distance_rank,
    MAX(IF(permutation = 0, asked.distance, NULL))
      OVER (PARTITION BY os, treatment, asked.statistic) AS observed_distance,
  FROM
    statistics
  CROSS JOIN
    UNNEST(
      [
        STRUCT(
      'median' AS statistic,
      CAST(treated_1 AS FLOAT64) AS value,
      CAST(control_1 AS FLOAT64) AS control_value,
      CAST(treated_1 - control_1 AS FLOAT64) AS difference,
      CAST(drawn_1 - rest_1 AS FLOAT64) AS distance
    ),
        STRUCT(
      'mean' AS statistic,
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
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
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
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
    treated_1,
    control_1,
    statistic
),
-- The rank of each p-value among those of the whole result.
ranked AS (
  SELECT
    os,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    below_2,
    above_2,
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
)
-- p_holm and p_bh allow for the number of tests.
SELECT
  os,
  treatment AS branch,
  'control' AS control,
  statistic,
  value,
  control_value,
  difference,
  difference - CASE statistic WHEN 'median' THEN below_1 WHEN 'mean' THEN below_2 END AS lower,
  difference + CASE statistic WHEN 'median' THEN above_1 WHEN 'mean' THEN above_2 END AS upper,
  detectable,
  p_value,
  MAX(LEAST(1.0, (n_tests - p_rank + 1) * p_value)) OVER (PARTITION BY p_value IS NULL ORDER BY p_rank) AS p_holm,
  MIN(n_tests * p_value / p_rank) OVER (PARTITION BY p_value IS NULL ORDER BY p_rank DESC) AS p_bh,
  n_treated AS n_clients,
  n_control,
FROM
  ranked
ORDER BY
  os,
  branch,
  CASE statistic WHEN 'median' THEN 0 WHEN 'mean' THEN 1 END
