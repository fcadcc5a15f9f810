CASE
  WHEN histogram['sum'] = 0
    THEN 0
  WHEN histogram['sum'] > 0
    THEN TRY_CAST(
      histogram['sum'] // list_sum(
        list_transform(
          list_filter(histogram['values'], lambda entry: entry['value'] > 0),
          lambda entry: least(entry['value'], 2147483648)
        )
      ) AS BIGINT
    )
END
