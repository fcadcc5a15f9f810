CASE
  WHEN regexp_matches(version, '^\d{1,5}(\.\d{1,5}){0,3}([ab]\d{1,5})?(esr|pre)?$')
    -- An empty text where the pattern isn't found is padded to zeros.
    THEN concat(
      lpad(regexp_extract(version, '^\d+'), 5, '0'), '.',
      lpad(regexp_extract(version, '^\d+\.(\d+)', 1), 5, '0'), '.',
      lpad(regexp_extract(version, '^\d+\.\d+\.(\d+)', 1), 5, '0'), '.',
      lpad(regexp_extract(version, '^\d+\.\d+\.\d+\.(\d+)', 1), 5, '0'),
      coalesce(nullif(regexp_extract(version, '\d([ab])\d', 1), ''), 'r'),
      lpad(regexp_extract(version, '[ab](\d+)', 1), 5, '0')
    )
END
