STRUCT(
  histogram.bucket_count AS bucket_count,
  1 AS sum,
  histogram.histogram_type AS histogram_type,
  histogram.`range` AS `range`,
  ARRAY(
    SELECT AS STRUCT
      entry.key,
      SAFE_DIVIDE(
        entry.value,
        -- BIGNUMERIC: exact, and no total of counts is beyond it.
        CAST(SUM(CAST(entry.value AS BIGNUMERIC)) OVER () AS FLOAT64)
      ) AS value
    FROM
      UNNEST(histogram.values) AS entry WITH OFFSET AS position
    ORDER BY
      position
  ) AS `values`
)
