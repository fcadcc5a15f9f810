TRY_CAST(nullif(regexp_extract(version, '^(\d{1,5})(?:\.|$)', 1), '') AS BIGINT)
