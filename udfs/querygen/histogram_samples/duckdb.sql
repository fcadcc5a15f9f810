CASE
  WHEN histogram IS NOT NULL
    -- A list sums up to a HUGEINT. No decodable text has so many entries of 2^40 that BIGINT is too small.
    THEN CAST(
      coalesce(
        list_sum(
          list_filter(
            CASE
              -- "key": count in JSON, key:count in the five parts; neither occurs elsewhere in a decodable text.
              WHEN contains(histogram, ':')
                THEN TRY_CAST(regexp_extract_all(histogram, '-?\d+"?\s*:\s*(-?\d+)', 1) AS BIGINT[])
              -- A pair of counts, or a single one.
              WHEN NOT contains(histogram, ';')
                THEN TRY_CAST(regexp_extract_all(histogram, '-?\d+') AS BIGINT[])
            END,
            lambda count: count BETWEEN 1 AND 1099511627776
          )
        ),
        0
      ) AS BIGINT
    )
END
