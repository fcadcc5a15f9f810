coalesce(
  len(
    list_filter(
      distribution,
      lambda entry: entry.value IS NULL
        OR NOT entry.value BETWEEN 0 AND 1099511627776
        OR (entry.value > 0 AND NOT coalesce(regexp_matches(entry.key, '^-?(?:0|[1-9]\d{0,17})$'), FALSE))
    )
  ),
  0
)
