SAFE_CAST(REGEXP_EXTRACT(version, r'^(\d{1,5})(?:\.|$)') AS INT64)
