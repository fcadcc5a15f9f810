CASE
  WHEN regexp_matches(build_id, '^[12]\d{7}(?:[01]\d|2[0-3])[0-5]\d[0-5]\d$')
    THEN try_strptime(build_id, '%Y%m%d%H%M%S')
END
