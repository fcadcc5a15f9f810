CASE
  -- The pattern is the one of querygen.histogram_text, where it is explained.
  WHEN regexp_matches(histogram, '^\s*(?:\{\s*(?:(?:(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null))\s*,\s*)*(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null)|"values"\s*:\s*(?:null|\{\s*(?:"-?(?:0|[1-9]\d{0,17})"\s*:\s*-?(?:0|[1-9]\d{0,17})(?:\s*,\s*"-?(?:0|[1-9]\d{0,17})"\s*:\s*-?(?:0|[1-9]\d{0,17}))*\s*)?\}))(?:\s*,\s*(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null)))*\s*)?\}|-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17}),-?(?:0|[1-9]\d{0,17});(?:-?(?:0|[1-9]\d{0,17}):-?(?:0|[1-9]\d{0,17})(?:,-?(?:0|[1-9]\d{0,17}):-?(?:0|[1-9]\d{0,17}))*)?|-?(?:0|[1-9]\d{0,17})(?:,-?(?:0|[1-9]\d{0,17}))?)\s*$')
    THEN TRY_CAST(
      list_sum(
        CASE
          -- As in querygen.histogram_buckets: the parser is faster, but refuses the white space \f, chr(12).
          WHEN contains(histogram, '{') AND NOT contains(histogram, chr(12))
            THEN TRY(CAST(json_extract(histogram, '$.values.*') AS BIGINT[]))
          WHEN contains(histogram, '{') OR contains(histogram, ';')
            THEN TRY_CAST(regexp_extract_all(histogram, '-?\d+"?\s*:\s*(-?\d+)', 1) AS BIGINT[])
          ELSE TRY_CAST(regexp_extract_all(histogram, '-?\d+') AS BIGINT[])
        END
      ) AS BIGINT
    )
END
