CASE
  WHEN regexp_matches(build_id, '^[12]\d{7}(?:(?:[01]\d|2[0-3])[0-5]\d[0-5]\d)?$')
    THEN CAST(try_strptime(substr(build_id, 1, 8), '%Y%m%d') AS DATE)
END
