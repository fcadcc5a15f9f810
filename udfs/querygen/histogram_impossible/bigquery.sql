IF(
  histogram IS NULL,
  NULL,
  (
    SELECT
      COUNTIF(NOT SAFE_CAST(REGEXP_EXTRACT(entry, r'-?\d+$') AS INT64) BETWEEN 0 AND 1099511627776)
    FROM
      UNNEST(
        -- As in querygen.histogram_samples: entries of the text, or the counts of a pair, or a single count.
        REGEXP_EXTRACT_ALL(
          REGEXP_REPLACE(
            REGEXP_REPLACE(histogram, r'^\s*(-?\d+)\s*,\s*(-?\d+)\s*$', r'0:\1,1:\2'),
            r'^\s*(-?\d+)\s*$',
            r'0:\1'
          ),
          r'-?\d+"?\s*:\s*-?\d+'
        )
      ) AS entry
  )
)
