list_transform(
  list_filter(distribution, lambda entry: regexp_matches(entry.key, '^-?(?:0|[1-9]\d{0,17})$')),
  lambda entry: {'key': TRY_CAST(entry.key AS BIGINT), 'value': entry.value}
)
