IF(
  REGEXP_CONTAINS(build_id, r'^[12]\d{7}(?:(?:[01]\d|2[0-3])[0-5]\d[0-5]\d)?$'),
  SAFE.PARSE_DATE('%Y%m%d', SUBSTR(build_id, 1, 8)),
  NULL
)
