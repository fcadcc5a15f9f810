ARRAY(
  SELECT AS STRUCT
    percentile,
    MIN(cumulative.key) AS value
  FROM
    UNNEST(percentiles) AS percentile
  CROSS JOIN
    (
      SELECT
        entry.key,
        SAFE_DIVIDE(
          SUM(CAST(entry.value AS FLOAT64)) OVER (ORDER BY entry.key),
          SUM(CAST(entry.value AS FLOAT64)) OVER ()
        ) AS share
      FROM
        UNNEST(histogram.values) AS entry
    ) AS cumulative
  WHERE
    cumulative.share >= percentile - 1e-9
    AND cumulative.key IS NOT NULL
  GROUP BY
    percentile
  ORDER BY
    percentile
)
