TRY_CAST(
  CASE
    WHEN contains(histogram, '{')
      THEN regexp_extract(histogram, '"bucket_count"\s*:\s*(null|-?\d+)', 1)
    WHEN contains(histogram, ';')
      THEN regexp_extract(histogram, '^\s*(-?\d+);', 1)
    WHEN histogram IS NOT NULL
      THEN '3'
  END AS BIGINT
)
