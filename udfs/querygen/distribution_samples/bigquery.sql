(
  SELECT
    IFNULL(SUM(entry.value), 0)
  FROM
    UNNEST(distribution) AS entry
  WHERE
    entry.value BETWEEN 1 AND 1099511627776
    AND REGEXP_CONTAINS(entry.key, r'^-?(?:0|[1-9]\d{0,17})$')
)
