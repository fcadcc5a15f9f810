TRY_CAST(
  CASE
    WHEN contains(histogram, '{')
      THEN regexp_extract(histogram, '"range"\s*:\s*\[\s*-?\d+\s*,\s*(-?\d+)', 1)
    WHEN contains(histogram, ';')
      THEN regexp_extract(histogram, '^\s*(?:-?\d+;){3}-?\d+,(-?\d+);', 1)
    WHEN histogram IS NOT NULL
      THEN '2'
  END AS BIGINT
)
