SAFE_CAST(
  CASE
    WHEN STRPOS(histogram, '{') > 0
      THEN REGEXP_EXTRACT(histogram, r'"range"\s*:\s*\[\s*-?\d+\s*,\s*(-?\d+)')
    WHEN STRPOS(histogram, ';') > 0
      THEN REGEXP_EXTRACT(histogram, r'^\s*(?:-?\d+;){3}-?\d+,(-?\d+);')
    WHEN histogram IS NOT NULL
      THEN '2'
  END AS INT64
)
