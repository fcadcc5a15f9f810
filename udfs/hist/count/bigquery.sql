(
  SELECT
    -- A total beyond INT64 is NULL.
    SAFE_CAST(SUM(SAFE_CAST(REGEXP_EXTRACT(entry, r'-?\d+$') AS NUMERIC)) AS INT64)
  FROM
    UNNEST(
      REGEXP_EXTRACT_ALL(
        IF(
          -- The pattern is the one of querygen.histogram_text, where it is explained.
          REGEXP_CONTAINS(histogram, r'^\s*(?:\{\s*(?:(?:(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null))\s*,\s*)*(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null)|"values"\s*:\s*(?:null|\{\s*(?:"-?(?:0|[1-9]\d{0,17})"\s*:\s*-?(?:0|[1-9]\d{0,17})(?:\s*,\s*"-?(?:0|[1-9]\d{0,17})"\s*:\s*-?(?:0|[1-9]\d{0,17}))*\s*)?\}))(?:\s*,\s*(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null)))*\s*)?\}|-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17}),-?(?:0|[1-9]\d{0,17});(?:-?(?:0|[1-9]\d{0,17}):-?(?:0|[1-9]\d{0,17})(?:,-?(?:0|[1-9]\d{0,17}):-?(?:0|[1-9]\d{0,17}))*)?|-?(?:0|[1-9]\d{0,17})(?:,-?(?:0|[1-9]\d{0,17}))?)\s*$'),
          -- A pair becomes 0:false,1:true, and a single count becomes 0:count.
          REGEXP_REPLACE(
            REGEXP_REPLACE(histogram, r'^\s*(-?\d+),(-?\d+)\s*$', r'0:\1,1:\2'),
            r'^\s*(-?\d+)\s*$',
            r'0:\1'
          ),
          NULL
        ),
        r'"?-?\d+"?\s*:\s*-?\d+'
      )
    ) AS entry
)
