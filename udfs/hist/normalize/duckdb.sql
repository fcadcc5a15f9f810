struct_pack(
  bucket_count := histogram['bucket_count'],
  sum := CAST(1 AS BIGINT),
  histogram_type := histogram['histogram_type'],
  "range" := histogram['range'],
  "values" := coalesce(
    -- The list of one element gives the total a name, so that it is computed once.
    list_transform(
      [list_sum(list_transform(histogram['values'], lambda entry: entry['value']))],
      lambda total: list_transform(
        histogram['values'],
        lambda entry: struct_pack(
          key := entry['key'],
          value := entry['value'] / nullif(CAST(total AS DOUBLE), 0)
        )
      )
    )[1],
    []
  )
)
