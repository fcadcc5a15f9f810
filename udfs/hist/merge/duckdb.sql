struct_pack(
  -- The most frequent one, among equals the later: the greatest of (times, last position, value).
  bucket_count := list_max(
    list_transform(
      list_distinct(list_transform(histogram_list, lambda histogram: histogram['bucket_count'])),
      lambda mode: struct_pack(
        times := len(list_filter(histogram_list, lambda histogram: histogram['bucket_count'] = mode)),
        last := list_max(
          list_transform(
            histogram_list,
            lambda histogram, position: CASE WHEN histogram['bucket_count'] = mode THEN position END
          )
        ),
        mode := mode
      )
    )
  )['mode'],
  -- A total beyond BIGINT is NULL, here and in the counts.
  sum := TRY_CAST(list_sum(list_transform(histogram_list, lambda histogram: histogram['sum'])) AS BIGINT),
  histogram_type := list_max(
    list_transform(
      list_distinct(list_transform(histogram_list, lambda histogram: histogram['histogram_type'])),
      lambda mode: struct_pack(
        times := len(list_filter(histogram_list, lambda histogram: histogram['histogram_type'] = mode)),
        last := list_max(
          list_transform(
            histogram_list,
            lambda histogram, position: CASE WHEN histogram['histogram_type'] = mode THEN position END
          )
        ),
        mode := mode
      )
    )
  )['mode'],
  "range" := list_filter(
    [
      list_max(
        list_transform(
          list_distinct(list_transform(histogram_list, lambda histogram: histogram['range'][1])),
          lambda mode: struct_pack(
            times := len(list_filter(histogram_list, lambda histogram: histogram['range'][1] = mode)),
            last := list_max(
              list_transform(
                histogram_list,
                lambda histogram, position: CASE WHEN histogram['range'][1] = mode THEN position END
              )
            ),
            mode := mode
          )
        )
      )['mode'],
      list_max(
        list_transform(
          list_distinct(list_transform(histogram_list, lambda histogram: histogram['range'][2])),
          lambda mode: struct_pack(
            times := len(list_filter(histogram_list, lambda histogram: histogram['range'][2] = mode)),
            last := list_max(
              list_transform(
                histogram_list,
                lambda histogram, position: CASE WHEN histogram['range'][2] = mode THEN position END
              )
            ),
            mode := mode
          )
        )
      )['mode']
    ],
    lambda bound: bound IS NOT NULL
  ),
  "values" := coalesce(
    list_transform(
      -- The keys in order, NULL in front of them: list_distinct leaves it out.
      list_concat(
        list_filter(
          flatten(
            list_transform(
              histogram_list,
              lambda histogram: list_transform(histogram['values'], lambda entry: entry['key'])
            )
          ),
          lambda key: key IS NULL
        )[:1],
        list_sort(
          list_distinct(
            flatten(
              list_transform(
                histogram_list,
                lambda histogram: list_transform(histogram['values'], lambda entry: entry['key'])
              )
            )
          )
        )
      ),
      lambda key: struct_pack(
        key := key,
        value := TRY_CAST(
          list_sum(
            list_transform(
              list_filter(
                flatten(list_transform(histogram_list, lambda histogram: histogram['values'])),
                lambda entry: entry['key'] IS NOT DISTINCT FROM key
              ),
              lambda entry: entry['value']
            )
          ) AS BIGINT
        )
      )
    ),
    []
  )
)
