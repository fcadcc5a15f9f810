SAFE_CAST(
  CASE
    WHEN STRPOS(histogram, '{') > 0
      THEN REGEXP_EXTRACT(histogram, r'"histogram_type"\s*:\s*(null|-?\d+)')
    WHEN STRPOS(histogram, ';') > 0
      THEN REGEXP_EXTRACT(histogram, r'^\s*-?\d+;(-?\d+);')
    WHEN STRPOS(histogram, ',') > 0
      THEN '2'
    WHEN histogram IS NOT NULL
      THEN '4'
  END AS INT64
)
