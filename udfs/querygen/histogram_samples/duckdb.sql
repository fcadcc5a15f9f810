CASE
  WHEN histogram IS NOT NULL
    -- A list sums up to a HUGEINT. No decodable text has so many entries of 2^40 that BIGINT is too small.
    THEN CAST(
      coalesce(
        list_sum(
          list_filter(
            CASE
              -- As in querygen.histogram_buckets: the parser is faster, but refuses the white space \f, chr(12).
              WHEN contains(histogram, '{') AND NOT contains(histogram, chr(12))
                THEN TRY(CAST(json_extract(histogram, '$.values.*') AS BIGINT[]))
              -- "key": count in JSON, key:count in the five parts; neither occurs elsewhere in a decodable text.
              WHEN contains(histogram, '{') OR contains(histogram, ';')
                THEN TRY_CAST(regexp_extract_all(histogram, '-?\d+"?\s*:\s*(-?\d+)', 1) AS BIGINT[])
              -- A pair of counts, or a single one.
              ELSE TRY_CAST(regexp_extract_all(histogram, '-?\d+') AS BIGINT[])
            END,
            lambda count: count BETWEEN 1 AND 1099511627776
          )
        ),
        0
      ) AS BIGINT
    )
END
