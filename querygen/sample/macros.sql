-- What pings.sql is written with. Integer arithmetic only, so that every machine agrees.

-- The 16-bit number (0 to 65535) in place `i` (0 to 3) of a 64-bit hash.
CREATE MACRO part(hash, i) AS ((hash >> (16 * i)) & 65535)::BIGINT;

-- One of the choices, by a 16-bit draw; a choice that stands there twice is twice as likely.
CREATE MACRO pick(choices, draw) AS choices[1 + ((draw * len(choices)) >> 16)];

-- A UUID (version 4 by its looks) made of a text.
CREATE MACRO uuid_of(text) AS (md5(text)[:12] || '4' || md5(text)[14:])::UUID::VARCHAR;

-- x^10 by multiplications, which are exact to the last bit everywhere; pow() is not.
CREATE MACRO tenth_power(x) AS (x * x * x * x * x) * (x * x * x * x * x);

-- How many of about `sixteenths / 16` samples fall into each bucket: the expected number (weights add up to
-- 65536), rounded up or down at random. `noise` is in 1 .. 2^31 - 2, `jumps` the multipliers that take it to
-- an independent number per bucket (Lehmer's generator, modulus 2^31 - 1).
CREATE MACRO bucket_counts(weights, sixteenths, noise, jumps) AS list_transform(
  weights,
  lambda weight, i: (sixteenths::BIGINT * weight * 2048 + noise * jumps[i]::BIGINT % 2147483647) >> 31
);

-- Positions of the first and the last bucket that holds anything; NULL where none does.
CREATE MACRO first_filled(counts) AS
  list_min(list_transform(counts, lambda c, i: CASE WHEN c > 0 THEN i END));
CREATE MACRO last_filled(counts) AS
  list_max(list_transform(counts, lambda c, i: CASE WHEN c > 0 THEN i END));

-- The smallest sum that the counts allow, and by how much it may be more. Bucket i begins at
-- keys[skipped + i].
-- The last bucket of all is open: it adds nothing to the slack.
CREATE MACRO least_sum(counts, keys, skipped) AS
  list_sum(list_transform(counts, lambda c, i: c * keys[skipped + i]))::BIGINT;
CREATE MACRO sum_slack(counts, keys, skipped) AS
  list_sum(list_transform(counts, lambda c, i: c * (keys[skipped + i + 1] - keys[skipped + i] - 1)))::BIGINT;

-- `"80":0,"115":1,"165":0`: the filled buckets, with an empty one on either side, as Firefox writes them.
CREATE MACRO bucket_text(counts, keys, skipped, first, last) AS array_to_string(
  list_transform(
    counts,
    lambda c, i: CASE
      WHEN c > 0 OR i = first - 1 OR i = last + 1 THEN concat('"', keys[skipped + i], '":', c)
    END
  ),
  ','
);

-- A sum that the counts allow.
CREATE MACRO spread_sum(counts, keys, skipped, draw) AS
  least_sum(counts, keys, skipped) + ((sum_slack(counts, keys, skipped) * draw) >> 16);

-- An exponential histogram as Firefox writes it; NULL without samples.
CREATE MACRO histogram_text(counts, keys, skipped, sum) AS CASE
  WHEN last_filled(counts) IS NOT NULL THEN concat(
    '{"bucket_count":', len(keys), ',"histogram_type":0,"sum":', sum,
    ',"range":[1,', keys[len(keys)], '],"values":{',
    bucket_text(counts, keys, skipped, first_filled(counts), last_filled(counts)), '}}'
  )
END;

-- The filled buckets of a Glean distribution, which sends no others.
CREATE MACRO filled_buckets(counts, keys, skipped) AS list_filter(
  list_transform(counts, lambda c, i: {'key': keys[skipped + i]::BIGINT, 'value': c::BIGINT}),
  lambda bucket: bucket.value > 0
);

-- A Glean distribution of such buckets, NULL without samples. Each bucket is at least `hundredths` of its lower
-- bound wide, so that the sum may be so much more than the least that the buckets allow.
CREATE MACRO distribution(buckets, hundredths, draw) AS CASE
  WHEN len(buckets) > 0 THEN {
    'count': list_sum(list_transform(buckets, lambda bucket: bucket.value))::BIGINT,
    'sum': (
      list_sum(list_transform(buckets, lambda bucket: bucket.key * bucket.value))
      * (6553600 + hundredths * draw) // 6553600
    )::BIGINT,
    'values': list_transform(
      buckets, lambda bucket: {'key': bucket.key::VARCHAR, 'value': bucket.value}
    )
  }
END;

-- Seconds from a release until a client is offered it: half a day for one in two, and up to two days.
CREATE MACRO update_delay(draws) AS
  if(part(draws, 0) < 32768, part(draws, 1) * 43200 >> 16, 43200 + (part(draws, 1) * 129600 >> 16));
