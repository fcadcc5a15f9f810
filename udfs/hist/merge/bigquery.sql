STRUCT(
  -- The most frequent one, among equals the later.
  (
    SELECT
      histogram.bucket_count
    FROM
      UNNEST(histogram_list) AS histogram WITH OFFSET AS position
    WHERE
      histogram.bucket_count IS NOT NULL
    GROUP BY
      histogram.bucket_count
    ORDER BY
      COUNT(*) DESC,
      MAX(position) DESC
    LIMIT
      1
  ) AS bucket_count,
  -- A total beyond INT64 is NULL, here and in the counts.
  (
    SELECT
      SAFE_CAST(SUM(CAST(histogram.sum AS NUMERIC)) AS INT64)
    FROM
      UNNEST(histogram_list) AS histogram
  ) AS sum,
  (
    SELECT
      histogram.histogram_type
    FROM
      UNNEST(histogram_list) AS histogram WITH OFFSET AS position
    WHERE
      histogram.histogram_type IS NOT NULL
    GROUP BY
      histogram.histogram_type
    ORDER BY
      COUNT(*) DESC,
      MAX(position) DESC
    LIMIT
      1
  ) AS histogram_type,
  ARRAY(
    SELECT
      bound
    FROM
      UNNEST(
        [
          STRUCT(
            0 AS side,
            (
              SELECT
                histogram.`range`[SAFE_OFFSET(0)]
              FROM
                UNNEST(histogram_list) AS histogram WITH OFFSET AS position
              WHERE
                histogram.`range`[SAFE_OFFSET(0)] IS NOT NULL
              GROUP BY
                histogram.`range`[SAFE_OFFSET(0)]
              ORDER BY
                COUNT(*) DESC,
                MAX(position) DESC
              LIMIT
                1
            ) AS bound
          ),
          STRUCT(
            1 AS side,
            (
              SELECT
                histogram.`range`[SAFE_OFFSET(1)]
              FROM
                UNNEST(histogram_list) AS histogram WITH OFFSET AS position
              WHERE
                histogram.`range`[SAFE_OFFSET(1)] IS NOT NULL
              GROUP BY
                histogram.`range`[SAFE_OFFSET(1)]
              ORDER BY
                COUNT(*) DESC,
                MAX(position) DESC
              LIMIT
                1
            ) AS bound
          )
        ]
      )
    WHERE
      bound IS NOT NULL
    ORDER BY
      side
  ) AS `range`,
  ARRAY(
    SELECT AS STRUCT
      entry.key,
      SAFE_CAST(SUM(CAST(entry.value AS NUMERIC)) AS INT64) AS value
    FROM
      UNNEST(histogram_list) AS histogram
    CROSS JOIN
      UNNEST(histogram.values) AS entry
    GROUP BY
      entry.key
    ORDER BY
      entry.key
  ) AS `values`
)
