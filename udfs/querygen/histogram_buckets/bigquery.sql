ARRAY(
  SELECT AS STRUCT
    SAFE_CAST(REGEXP_EXTRACT(entry, r'-?\d+') AS INT64) AS key,
    SAFE_CAST(REGEXP_EXTRACT(entry, r'-?\d+$') AS INT64) AS value
  FROM
    UNNEST(
      -- "key": count in JSON, key:count in the five parts; neither occurs elsewhere in a decodable text.
      REGEXP_EXTRACT_ALL(
        -- A pair false,true becomes 0:false,1:true, and a single count becomes 0:count.
        REGEXP_REPLACE(
          REGEXP_REPLACE(histogram, r'^\s*(-?\d+),(-?\d+)\s*$', r'0:\1,1:\2'),
          r'^\s*(-?\d+)\s*$',
          r'0:\1'
        ),
        r'"?-?\d+"?\s*:\s*-?\d+'
      )
    ) AS entry
)
