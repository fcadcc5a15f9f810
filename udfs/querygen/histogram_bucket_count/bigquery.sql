SAFE_CAST(
  CASE
    WHEN STRPOS(histogram, '{') > 0
      THEN REGEXP_EXTRACT(histogram, r'"bucket_count"\s*:\s*(null|-?\d+)')
    WHEN STRPOS(histogram, ';') > 0
      THEN REGEXP_EXTRACT(histogram, r'^\s*(-?\d+);')
    WHEN histogram IS NOT NULL
      THEN '3'
  END AS INT64
)
