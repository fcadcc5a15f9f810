CAST(coalesce(
  list_sum(list_transform(
    list_filter(
      distribution,
      lambda entry: entry.value BETWEEN 1 AND 1099511627776
        AND regexp_matches(entry.key, '^-?(?:0|[1-9]\d{0,17})$')
    ),
    lambda entry: entry.value
  )),
  0
) AS BIGINT)
