IF(
  REGEXP_CONTAINS(build_id, r'^[12]\d{7}(?:[01]\d|2[0-3])[0-5]\d[0-5]\d$'),
  SAFE.PARSE_DATETIME('%Y%m%d%H%M%S', build_id),
  NULL
)
