TRY_CAST(
  CASE
    WHEN contains(histogram, '{')
      THEN regexp_extract(histogram, '"histogram_type"\s*:\s*(null|-?\d+)', 1)
    WHEN contains(histogram, ';')
      THEN regexp_extract(histogram, '^\s*-?\d+;(-?\d+);', 1)
    WHEN contains(histogram, ',')
      THEN '2'
    WHEN histogram IS NOT NULL
      THEN '4'
  END AS BIGINT
)
