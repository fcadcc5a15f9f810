CASE
  WHEN histogram IS NULL
    THEN CAST([] AS STRUCT(key BIGINT, value BIGINT)[])
  -- JSON. DuckDB's parser is the fastest way to the entries, but refuses the white space \f, chr(12).
  -- json_keys and '.*' list the members in the order of the text, repeated keys included.
  WHEN contains(histogram, '{') AND NOT contains(histogram, chr(12))
    THEN TRY(CAST(
      list_zip(
        CAST(json_keys(histogram, '$.values') AS BIGINT[]),
        CAST(json_extract(histogram, '$.values.*') AS BIGINT[])
      ) AS STRUCT(key BIGINT, value BIGINT)[]
    ))
  -- "key": count in JSON, key:count in the five parts; neither occurs elsewhere in a decodable text.
  WHEN contains(histogram, '{') OR contains(histogram, ';')
    THEN TRY_CAST(
      list_zip(
        regexp_extract_all(histogram, '(-?\d+)"?\s*:\s*(-?\d+)', 1),
        regexp_extract_all(histogram, '(-?\d+)"?\s*:\s*(-?\d+)', 2)
      ) AS STRUCT(key BIGINT, value BIGINT)[]
    )
  -- A pair has the keys 0 and 1, a single count has the key 0.
  ELSE
    TRY_CAST(
      list_zip(
        range(len(regexp_extract_all(histogram, '-?\d+'))),
        regexp_extract_all(histogram, '-?\d+')
      ) AS STRUCT(key BIGINT, value BIGINT)[]
    )
END
