CASE
  -- The pattern is the one of querygen.histogram_text, where it is explained.
  WHEN regexp_matches(histogram, '^\s*(?:\{\s*(?:(?:(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null))\s*,\s*)*(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null)|"values"\s*:\s*(?:null|\{\s*(?:"-?(?:0|[1-9]\d{0,17})"\s*:\s*-?(?:0|[1-9]\d{0,17})(?:\s*,\s*"-?(?:0|[1-9]\d{0,17})"\s*:\s*-?(?:0|[1-9]\d{0,17}))*\s*)?\}))(?:\s*,\s*(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null)))*\s*)?\}|-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17}),-?(?:0|[1-9]\d{0,17});(?:-?(?:0|[1-9]\d{0,17}):-?(?:0|[1-9]\d{0,17})(?:,-?(?:0|[1-9]\d{0,17}):-?(?:0|[1-9]\d{0,17}))*)?|-?(?:0|[1-9]\d{0,17})(?:,-?(?:0|[1-9]\d{0,17}))?)\s*$')
    THEN struct_pack(
      bucket_count := TRY_CAST(
        CASE
          WHEN contains(histogram, '{')
            THEN regexp_extract(histogram, '"bucket_count"\s*:\s*(null|-?\d+)', 1)
          WHEN contains(histogram, ';')
            THEN regexp_extract(histogram, '^\s*(-?\d+);', 1)
          ELSE '3'
        END AS BIGINT
      ),
      histogram_type := TRY_CAST(
        CASE
          WHEN contains(histogram, '{')
            THEN regexp_extract(histogram, '"histogram_type"\s*:\s*(null|-?\d+)', 1)
          WHEN contains(histogram, ';')
            THEN regexp_extract(histogram, '^\s*-?\d+;(-?\d+);', 1)
          WHEN contains(histogram, ',')
            THEN '2'
          ELSE '4'
        END AS BIGINT
      ),
      sum := TRY_CAST(
        CASE
          WHEN contains(histogram, '{')
            THEN regexp_extract(histogram, '"sum"\s*:\s*(null|-?\d+)', 1)
          WHEN contains(histogram, ';')
            THEN regexp_extract(histogram, '^\s*(?:-?\d+;){2}(-?\d+);', 1)
          ELSE regexp_extract(histogram, '(-?\d+)\s*$', 1)
        END AS BIGINT
      ),
      "range" := TRY_CAST(
        regexp_extract_all(
          CASE
            WHEN contains(histogram, '{')
              THEN regexp_extract(histogram, '"range"\s*:\s*(\[[^\]]*)', 1)
            WHEN contains(histogram, ';')
              THEN regexp_extract(histogram, '^\s*(?:-?\d+;){3}([^;]*);', 1)
            ELSE '1,2'
          END,
          '-?\d+'
        ) AS BIGINT[]
      ),
      "values" := CASE
        -- As in querygen.histogram_buckets: the parser is faster, but refuses the white space \f, chr(12).
        WHEN contains(histogram, '{') AND NOT contains(histogram, chr(12))
          THEN TRY(CAST(
            list_zip(
              CAST(json_keys(histogram, '$.values') AS BIGINT[]),
              CAST(json_extract(histogram, '$.values.*') AS BIGINT[])
            ) AS STRUCT(key BIGINT, value BIGINT)[]
          ))
        WHEN contains(histogram, '{') OR contains(histogram, ';')
          THEN TRY_CAST(
            list_zip(
              regexp_extract_all(histogram, '(-?\d+)"?\s*:\s*-?\d+', 1),
              regexp_extract_all(histogram, '-?\d+"?\s*:\s*(-?\d+)', 1)
            ) AS STRUCT(key BIGINT, value BIGINT)[]
          )
        -- A pair has the keys 0, 1 and 2, a single count has the keys 0 and 1; the last is empty.
        ELSE
          TRY_CAST(
            list_zip(
              range(1 + len(regexp_extract_all(histogram, '-?\d+'))),
              list_append(regexp_extract_all(histogram, '-?\d+'), '0')
            ) AS STRUCT(key BIGINT, value BIGINT)[]
          )
      END
    )
END
