IF(
  REGEXP_CONTAINS(version, r'^\d{1,5}(\.\d{1,5}){0,3}([ab]\d{1,5})?(esr|pre)?$'),
  CONCAT(
    -- Up to four numbers of five digits, then a for alpha, b for beta, r for a release, and which of these it is.
    LPAD(REGEXP_EXTRACT(version, r'^\d+'), 5, '0'), '.',
    LPAD(IFNULL(REGEXP_EXTRACT(version, r'^\d+\.(\d+)'), '0'), 5, '0'), '.',
    LPAD(IFNULL(REGEXP_EXTRACT(version, r'^\d+\.\d+\.(\d+)'), '0'), 5, '0'), '.',
    LPAD(IFNULL(REGEXP_EXTRACT(version, r'^\d+\.\d+\.\d+\.(\d+)'), '0'), 5, '0'),
    IFNULL(REGEXP_EXTRACT(version, r'\d([ab])\d'), 'r'),
    LPAD(IFNULL(REGEXP_EXTRACT(version, r'[ab](\d+)'), '0'), 5, '0')
  ),
  NULL
)
