ARRAY(
  SELECT AS STRUCT
    CAST(entry.key AS INT64) AS key,
    entry.value AS value
  FROM
    UNNEST(distribution) AS entry
  WHERE
    REGEXP_CONTAINS(entry.key, r'^-?(?:0|[1-9]\d{0,17})$')
)
