(
  SELECT
    entry.value
  FROM
    UNNEST(map) AS entry WITH OFFSET AS position
  WHERE
    entry.key = k
  ORDER BY
    position
  LIMIT
    1
)
