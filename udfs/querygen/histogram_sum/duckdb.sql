TRY_CAST(
  CASE
    WHEN contains(histogram, '{')
      THEN regexp_extract(histogram, '"sum"\s*:\s*(null|-?\d+)', 1)
    WHEN contains(histogram, ';')
      THEN regexp_extract(histogram, '^\s*(?:-?\d+;){2}(-?\d+);', 1)
    ELSE regexp_extract(histogram, '(-?\d+)\s*$', 1)
  END AS BIGINT
)
