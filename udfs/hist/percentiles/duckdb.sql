coalesce(
  (
    SELECT
      list(struct_pack(percentile := reached.percentile, value := reached.value) ORDER BY reached.percentile)
    FROM (
      SELECT
        asked.percentile,
        min(cumulative.key) AS value
      FROM
        (SELECT unnest(CAST(percentiles AS DOUBLE[])) AS percentile) AS asked
      CROSS JOIN
        (
          SELECT
            entries.entry['key'] AS key,
            sum(CAST(entries.entry['value'] AS DOUBLE)) OVER (ORDER BY entries.entry['key'] NULLS FIRST)
              / nullif(sum(CAST(entries.entry['value'] AS DOUBLE)) OVER (), 0) AS share
          FROM
            (SELECT unnest(histogram['values']) AS entry) AS entries
        ) AS cumulative
      WHERE
        cumulative.share >= asked.percentile - 1e-9
        AND cumulative.key IS NOT NULL
      GROUP BY
        asked.percentile
    ) AS reached
  ),
  []
)
