IF(
  -- A count, false_count,true_count, or bucket_count;histogram_type;sum;low,high;key:count,key:count,…
  -- Integers have up to 18 digits; each is first written as 0.
  REGEXP_CONTAINS(
    REGEXP_REPLACE(histogram, r'-?(?:0|[1-9]\d{0,17})', '0'),
    r'^\s*(?:0|0,0|0;0;0;0,0;(?:0:0(?:,0:0)*)?)\s*$'
  )
  -- A JSON object, step by step: no white space; no fractions, which old versions have in some members;
  -- no digit but 0; then 3 stands for the values, which it may have once, and 1 for each other member.
  OR REGEXP_CONTAINS(
    REGEXP_REPLACE(
      REGEXP_REPLACE(
        REGEXP_REPLACE(
          REGEXP_REPLACE(
            REGEXP_REPLACE(histogram, r'\s*([{}\[\]:,])\s*', r'\1'),
            r'"(?:log_sum(?:_squares)?|sum_squares_(?:lo|hi))":(?:-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|null)', '"sum":0'
          ),
          r'-?(?:0|[1-9]\d{0,17})', '0'
        ),
        r'"values":(?:null|\{(?:"0":0(?:,"0":0)*)?\})', '3'
      ),
      r'"(?:bucket_count|histogram_type|sum)":(?:0|null)|"range":\[0,0\]', '1'
    ),
    r'^\s*\{(?:(?:1,)*[13](?:,1)*)?\}\s*$'
  ),
  histogram,
  NULL
)
