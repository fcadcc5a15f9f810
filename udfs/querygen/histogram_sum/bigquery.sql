SAFE_CAST(
  CASE
    WHEN STRPOS(histogram, '{') > 0
      THEN REGEXP_EXTRACT(histogram, r'"sum"\s*:\s*(null|-?\d+)')
    WHEN STRPOS(histogram, ';') > 0
      THEN REGEXP_EXTRACT(histogram, r'^\s*(?:-?\d+;){2}(-?\d+);')
    ELSE REGEXP_EXTRACT(histogram, r'(-?\d+)\s*$')
  END AS INT64
)
