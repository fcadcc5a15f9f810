/* Comparison of samples of SUBPROCESS_CRASHES_WITH_DUMP per usage hours by key and branch */
/* Counted: one number per client within each group, samples of SUBPROCESS_CRASHES_WITH_DUMP per usage hours; pings without a client id are left out */
/* Note: the clients of control (10%) are a sample of clients that could have been enrolled and were not; they may differ from enrolled ones in more than the experiment */
/* Note: the client is the unit: each of m = 1000 permutations draws clients anew, whatever they sent */
/* Note: p_value is (b + 1) / (m + 1) if b of them differ as much as the branches do, by the column difference */
/* Note: detectable is the difference that must be exceeded for a p_value of at most 0.05 */
/* Note: p_holm and p_bh are p_value corrected for all tests of this result (Holm; Benjamini and Hochberg) */
/* Filters: app_name is Firefox; channel is beta; app_version at least 51 below 52; build_id at least 20170105155013; submission_date from 2017-01-12 to 2017-01-30 */
/* Chart in STMO: type bar, x = key, y = difference, series = branch */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the histogram.
pings AS (
  SELECT
    IF(
      COALESCE(environment.addons.active_experiment.id = 'tls13-compat-ff51@experiments.mozilla.org', FALSE),
      environment.addons.active_experiment.branch,
      'control'
    ) AS branch,
    client_id,
    payload.keyed_histograms.subprocess_crashes_with_dump AS recorded,
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
    AND client_id IS NOT NULL
    AND ARRAY_LENGTH(payload.keyed_histograms.subprocess_crashes_with_dump) > 0
),
-- One row per recording and key.
keys AS (
  SELECT
    branch,
    client_id,
    keyed.key AS key,
    keyed.value AS recorded,
  FROM
    pings
  CROSS JOIN
    UNNEST(pings.recorded) AS keyed
),
-- Strings of the forms that Firefox writes; others contribute nothing.
decodable AS (
  SELECT
    branch,
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
    branch,
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
-- Each client's samples of SUBPROCESS_CRASHES_WITH_DUMP.
counted AS (
  SELECT
    key,
    branch,
    client_id,
    COALESCE(SUM(n_samples), 0) AS amount,
    COUNT(*) AS n_recorded,
  FROM
    samples
  WHERE
    n_samples IS NOT NULL
  GROUP BY
    key,
    branch,
    client_id
),
-- The pings of telemetry.main that pass the filters.
exposure_pings AS (
  SELECT
    IF(
      COALESCE(environment.addons.active_experiment.id = 'tls13-compat-ff51@experiments.mozilla.org', FALSE),
      environment.addons.active_experiment.branch,
      'control'
    ) AS branch,
    client_id,
    IF(
      payload.info.subsession_length < 0,
      0,
      IF(payload.info.subsession_length > 86400, 86400, payload.info.subsession_length)
    ) AS amount,
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
    AND client_id IS NOT NULL
),
-- Each client's usage hours.
exposure_counted AS (
  SELECT
    branch,
    client_id,
    COALESCE(SUM(amount), 0) AS amount,
    COUNT(*) AS n_recorded,
  FROM
    exposure_pings
  GROUP BY
    branch,
    client_id
),
-- The pings of telemetry.main that pass the filters and that carry the histogram.
groups_pings AS (
  SELECT
    payload.keyed_histograms.subprocess_crashes_with_dump AS recorded,
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
    AND client_id IS NOT NULL
    AND ARRAY_LENGTH(payload.keyed_histograms.subprocess_crashes_with_dump) > 0
),
-- One row per recording and key.
groups_keys AS (
  SELECT
    keyed.key AS key,
    keyed.value AS recorded,
  FROM
    groups_pings
  CROSS JOIN
    UNNEST(groups_pings.recorded) AS keyed
),
-- Every key that events are recorded by.
groups_groups AS (
  SELECT DISTINCT
    key
  FROM
    groups_keys
),
-- The exposure of each of these, which is that of all clients.
exposure_joined AS (
  SELECT
    groups_groups.key AS key,
    exposure_counted.branch AS branch,
    exposure_counted.client_id AS client_id,
    exposure_counted.amount AS amount,
  FROM
    exposure_counted
  CROSS JOIN
    groups_groups
),
-- Both amounts of each client, below each other.
together AS (
  SELECT
    key,
    branch,
    client_id,
    amount AS events,
    0 AS exposure,
    n_recorded,
  FROM
    counted
  UNION ALL
  SELECT
    key,
    branch,
    client_id,
    0 AS events,
    amount AS exposure,
    0 AS n_recorded,
  FROM
    exposure_joined
),
-- Each client's number: events by exposure, per 1; without exposure it has none.
numbers AS (
  SELECT
    key,
    branch,
    client_id,
    CAST(SUM(events) AS FLOAT64) * 3600.0 / SUM(exposure) AS number,
    SUM(n_recorded) AS n_recorded,
  FROM
    together
  GROUP BY
    key,
    branch,
    client_id
  HAVING
    SUM(exposure) > 0
),
-- How many clients have each number. A place for each client, from a hash of its id alone.
place_numbers AS (
  SELECT
    key,
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
    key,
    branch,
    client_place,
    number
),
-- Sums over each branch, that tell how much its clients differ.
arms AS (
  SELECT
    key,
    branch,
    client_place,
    bucket,
    votes,
    n_clients,
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
    arm AS (PARTITION BY key, branch)
),
-- How far the limits are from the value of each branch.
arm_limits AS (
  SELECT
    key,
    branch,
    client_place,
    bucket,
    votes,
    n_clients,
    EXP(
      0.672926097839 + 1.21049240447 / freedom + 0.704513770345 / POWER(freedom, 2)
        + 0.177384596473 / POWER(freedom, 3) - 0.328519833749 / POWER(freedom, 4)
        + 0.105293400681 / POWER(freedom, 5)
    ) * mean_deviation AS under_1,
  FROM
    arms
  WINDOW
    arm AS (PARTITION BY key, branch)
),
-- Each branch with the control, and how many clients both have.
paired AS (
  SELECT
    key,
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
        + POWER(MAX(IF(branch = treatment, NULL, under_1)) OVER pair, 2)
    ) AS below_1,
    SQRT(
      POWER(MAX(IF(branch = treatment, under_1, NULL)) OVER pair, 2)
        + POWER(MAX(IF(branch = treatment, NULL, under_1)) OVER pair, 2)
    ) AS above_1,
  FROM
    arm_limits
  CROSS JOIN
    UNNEST(['enabled']) AS treatment
  WHERE
    branch = treatment OR branch = 'control'
  WINDOW
    pair AS (PARTITION BY key, treatment),
    by_bucket AS (pair ORDER BY bucket),
    by_place AS (pair ORDER BY client_place)
),
-- For permutations, numbers are rounded up to one of 500 quantiles of both branches, which are
-- closest around each percentile.
gridded AS (
  SELECT
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    place_rank,
    MAX(bucket) OVER (
      PARTITION BY
        key, treatment
    ) AS bucket,
    votes,
    treated_votes,
    CAST(bucket AS FLOAT64) * votes AS amount,
    CAST(bucket AS FLOAT64) * treated_votes AS treated_amount,
  FROM
    paired
  WINDOW
    pair AS (PARTITION BY key, treatment)
),
-- Not more cells than places, and about 100 of the smaller branch.
sized AS (
  SELECT
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    place_rank,
    bucket,
    votes,
    treated_votes,
    amount,
    treated_amount,
    LEAST(
      MAX(place_rank) OVER (PARTITION BY key, treatment),
      100.0 * (n_treated + n_control) / GREATEST(LEAST(n_treated, n_control), 1)
    ) AS most_cells,
  FROM
    gridded
),
-- The number of cells is a prime, 2 modulo 3, so that cubes modulo it are one to one.
celled AS (
  SELECT
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
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
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
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
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    n_cells,
    cell,
    bucket
),
-- One row per cell; as many are drawn as the branch has of the clients.
cells AS (
  SELECT
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
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
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
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
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
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
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
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
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    permutation,
    bucket
),
-- Those that were drawn and the rest, each as shares.
sides AS (
  SELECT
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    permutation,
    bucket,
    drawn_amount / NULLIF(SUM(drawn_votes) OVER split, 0) AS drawn_amount,
    (all_amount - drawn_amount) / NULLIF(SUM(all_votes - drawn_votes) OVER split, 0) AS rest_amount,
  FROM
    splits
  WINDOW
    split AS (PARTITION BY key, treatment, permutation)
),
-- What each permutation gives.
statistics AS (
  SELECT
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    SUM(drawn_amount) AS drawn_1,
    SUM(rest_amount) AS rest_1,
    permutation,
  FROM
    sides
  GROUP BY
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    permutation
),
-- The same in rows, beside the real difference.
observed AS (
  SELECT
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    permutation,
    asked.statistic AS statistic,
    asked.value AS value,
    asked.control_value AS control_value,
    asked.difference AS difference,
    asked.distance AS distance,
    ROW_NUMBER()
      OVER (
        PARTITION BY key, treatment, asked.statistic, permutation = 0
        ORDER BY IFNULL(ABS(asked.distance), 1e300) DESC
      ) AS distance_rank,
    MAX(IF(permutation = 0, asked.distance, NULL))
      OVER (PARTITION BY key, treatment, asked.statistic) AS observed_distance,
  FROM
    statistics
  CROSS JOIN
    UNNEST(
      [
        STRUCT(
      'mean' AS statistic,
      CAST(drawn_1 AS FLOAT64) AS value,
      CAST(rest_1 AS FLOAT64) AS control_value,
      CAST(drawn_1 - rest_1 AS FLOAT64) AS difference,
      CAST(drawn_1 - rest_1 AS FLOAT64) AS distance
    )
      ]
    ) AS asked
),
-- Permutations that are nearer than the real split are not counted.
tested AS (
  SELECT
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
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
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
    statistic
),
-- The rank of each p-value among those of the whole result.
ranked AS (
  SELECT
    key,
    treatment,
    n_treated,
    n_control,
    below_1,
    above_1,
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
  key,
  treatment AS branch,
  'control' AS control,
  statistic,
  value,
  control_value,
  difference,
  difference - CASE statistic WHEN 'mean' THEN below_1 END AS lower,
  difference + CASE statistic WHEN 'mean' THEN above_1 END AS upper,
  detectable,
  p_value,
  MAX(LEAST(1.0, (n_tests - p_rank + 1) * p_value)) OVER (PARTITION BY p_value IS NULL ORDER BY p_rank) AS p_holm,
  MIN(n_tests * p_value / p_rank) OVER (PARTITION BY p_value IS NULL ORDER BY p_rank DESC) AS p_bh,
  n_treated AS n_clients,
  n_control,
FROM
  ranked
ORDER BY
  key,
  branch
