coalesce(
  TRY_CAST(
    list_sum(
      list_transform(
        list_filter(
          TRY_CAST(
            CASE
              -- The pattern is the one of querygen.histogram_text, where it is explained.
              WHEN NOT regexp_matches(histogram, '^\s*(?:\{\s*(?:(?:(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null))\s*,\s*)*(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null)|"values"\s*:\s*(?:null|\{\s*(?:"-?(?:0|[1-9]\d{0,17})"\s*:\s*-?(?:0|[1-9]\d{0,17})(?:\s*,\s*"-?(?:0|[1-9]\d{0,17})"\s*:\s*-?(?:0|[1-9]\d{0,17}))*\s*)?\}))(?:\s*,\s*(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null)))*\s*)?\}|-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17}),-?(?:0|[1-9]\d{0,17});(?:-?(?:0|[1-9]\d{0,17}):-?(?:0|[1-9]\d{0,17})(?:,-?(?:0|[1-9]\d{0,17}):-?(?:0|[1-9]\d{0,17}))*)?|-?(?:0|[1-9]\d{0,17})(?:,-?(?:0|[1-9]\d{0,17}))?)\s*$')
                THEN NULL
              WHEN contains(histogram, ';') OR contains(histogram, '{')
                THEN list_zip(
                  regexp_extract_all(histogram, '(-?\d+)"?\s*:\s*-?\d+', 1),
                  regexp_extract_all(histogram, '-?\d+"?\s*:\s*(-?\d+)', 1)
                )
              -- A pair has the keys 0 and 1, a single count has the key 0.
              ELSE
                list_zip(
                  CAST(range(len(regexp_extract_all(histogram, '-?\d+'))) AS VARCHAR[]),
                  regexp_extract_all(histogram, '-?\d+')
                )
            END AS STRUCT(key BIGINT, value HUGEINT)[]
          ),
          lambda entry: entry['key'] >= threshold
        ),
        lambda entry: entry['value']
      )
    ) AS BIGINT
  ),
  0
)
