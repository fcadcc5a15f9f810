IF(
  -- The pattern is the one of querygen.histogram_text, where it is explained.
  REGEXP_CONTAINS(histogram, r'^\s*(?:\{\s*(?:(?:(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null))\s*,\s*)*(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null)|"values"\s*:\s*(?:null|\{\s*(?:"-?(?:0|[1-9]\d{0,17})"\s*:\s*-?(?:0|[1-9]\d{0,17})(?:\s*,\s*"-?(?:0|[1-9]\d{0,17})"\s*:\s*-?(?:0|[1-9]\d{0,17}))*\s*)?\}))(?:\s*,\s*(?:"(?:bucket_count|histogram_type|sum)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})|null)|"range"\s*:\s*\[\s*-?(?:0|[1-9]\d{0,17})\s*,\s*-?(?:0|[1-9]\d{0,17})\s*\]|"(?:log_sum|log_sum_squares|sum_squares_lo|sum_squares_hi)"\s*:\s*(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null)))*\s*)?\}|-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17});-?(?:0|[1-9]\d{0,17}),-?(?:0|[1-9]\d{0,17});(?:-?(?:0|[1-9]\d{0,17}):-?(?:0|[1-9]\d{0,17})(?:,-?(?:0|[1-9]\d{0,17}):-?(?:0|[1-9]\d{0,17}))*)?|-?(?:0|[1-9]\d{0,17})(?:,-?(?:0|[1-9]\d{0,17}))?)\s*$'),
  STRUCT(
    SAFE_CAST(
      CASE
        WHEN STRPOS(histogram, '{') > 0
          THEN REGEXP_EXTRACT(histogram, r'"bucket_count"\s*:\s*(null|-?\d+)')
        WHEN STRPOS(histogram, ';') > 0
          THEN REGEXP_EXTRACT(histogram, r'^\s*(-?\d+);')
        ELSE '3'
      END AS INT64
    ) AS bucket_count,
    SAFE_CAST(
      CASE
        WHEN STRPOS(histogram, '{') > 0
          THEN REGEXP_EXTRACT(histogram, r'"histogram_type"\s*:\s*(null|-?\d+)')
        WHEN STRPOS(histogram, ';') > 0
          THEN REGEXP_EXTRACT(histogram, r'^\s*-?\d+;(-?\d+);')
        WHEN STRPOS(histogram, ',') > 0
          THEN '2'
        ELSE '4'
      END AS INT64
    ) AS histogram_type,
    SAFE_CAST(
      CASE
        WHEN STRPOS(histogram, '{') > 0
          THEN REGEXP_EXTRACT(histogram, r'"sum"\s*:\s*(null|-?\d+)')
        WHEN STRPOS(histogram, ';') > 0
          THEN REGEXP_EXTRACT(histogram, r'^\s*(?:-?\d+;){2}(-?\d+);')
        ELSE REGEXP_EXTRACT(histogram, r'(-?\d+)\s*$')
      END AS INT64
    ) AS sum,
    ARRAY(
      SELECT
        SAFE_CAST(bound AS INT64)
      FROM
        UNNEST(
          REGEXP_EXTRACT_ALL(
            CASE
              WHEN STRPOS(histogram, '{') > 0
                THEN REGEXP_EXTRACT(histogram, r'"range"\s*:\s*(\[[^\]]*)')
              WHEN STRPOS(histogram, ';') > 0
                THEN REGEXP_EXTRACT(histogram, r'^\s*(?:-?\d+;){3}([^;]*);')
              ELSE '1,2'
            END,
            r'-?\d+'
          )
        ) AS bound WITH OFFSET AS position
      ORDER BY
        position
    ) AS `range`,
    ARRAY(
      SELECT AS STRUCT
        SAFE_CAST(REGEXP_EXTRACT(entry, r'-?\d+') AS INT64) AS key,
        SAFE_CAST(REGEXP_EXTRACT(entry, r'-?\d+$') AS INT64) AS value
      FROM
        UNNEST(
          -- "key": count in JSON, key:count in the five parts; neither occurs elsewhere in such a text.
          REGEXP_EXTRACT_ALL(
            -- A pair becomes 0:false,1:true,2:0, and a single count becomes 0:count,1:0.
            REGEXP_REPLACE(
              REGEXP_REPLACE(histogram, r'^\s*(-?\d+),(-?\d+)\s*$', r'0:\1,1:\2,2:0'),
              r'^\s*(-?\d+)\s*$',
              r'0:\1,1:0'
            ),
            r'"?-?\d+"?\s*:\s*-?\d+'
          )
        ) AS entry WITH OFFSET AS position
      ORDER BY
        position
    ) AS `values`
  ),
  NULL
)
