(
  SELECT
    COUNTIF(
      entry.value IS NULL
      OR NOT entry.value BETWEEN 0 AND 1099511627776
      OR (entry.value > 0 AND NOT IFNULL(REGEXP_CONTAINS(entry.key, r'^-?(?:0|[1-9]\d{0,17})$'), FALSE))
    )
  FROM
    UNNEST(distribution) AS entry
)
