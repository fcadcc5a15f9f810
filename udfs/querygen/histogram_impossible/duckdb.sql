CASE
  WHEN histogram IS NOT NULL
    THEN len(
      list_filter(
        CASE
          -- key:count in JSON and the five parts; neither occurs elsewhere in a decodable text.
          WHEN contains(histogram, '{') OR contains(histogram, ';')
            THEN TRY_CAST(regexp_extract_all(histogram, '-?\d+"?\s*:\s*(-?\d+)', 1) AS BIGINT[])
          -- A pair of counts, or a single one.
          ELSE TRY_CAST(regexp_extract_all(histogram, '-?\d+') AS BIGINT[])
        END,
        lambda count: NOT count BETWEEN 0 AND 1099511627776
      )
    )
END
