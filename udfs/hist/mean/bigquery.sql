CASE
  WHEN histogram.sum = 0
    THEN 0
  WHEN histogram.sum > 0
    THEN DIV(
      histogram.sum,
      (SELECT SUM(LEAST(entry.value, 2147483648)) FROM UNNEST(histogram.values) AS entry WHERE entry.value > 0)
    )
  ELSE NULL
END
