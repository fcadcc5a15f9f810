-- The tutorial's last query but one, taken literally: its nesting is its own, and each UDF is a macro
-- whose body is, as mozfun's is, subqueries over the unnested arrays. A histogram is a struct with an
-- array of entries; a client's histograms are collected with list(), merged and normalised as arrays.
--
-- Beyond the tutorial: client ids that are NULL have no vote, strings that are no JSON are left out, the last day's builds count, and
-- clients and samples are counted, for which merging and normalising stand in two CTEs. The bounds,
-- which nothing here reads, are those of the first histogram, less work than the most frequent ones.

CREATE OR REPLACE TEMP MACRO json_extract_histogram(text) AS (
  struct_pack(
    bucket_count := CAST(json_extract(text, '$.bucket_count') AS BIGINT),
    histogram_type := CAST(json_extract(text, '$.histogram_type') AS BIGINT),
    sum := CAST(json_extract(text, '$.sum') AS BIGINT),
    "range" := CAST(json_extract(text, '$.range') AS BIGINT[]),
    "values" := (
      SELECT
        list(
          struct_pack(
            key := CAST(trim(string_split(entry, ':')[1], '"') AS BIGINT),
            value := CAST(string_split(entry, ':')[2] AS BIGINT)
          )
        )
      FROM
        (SELECT unnest(string_split(trim(json_extract_string(text, '$.values'), '{}'), ',')) AS entry)
      WHERE
        entry <> ''
    )
  )
);

CREATE OR REPLACE TEMP MACRO histogram_merge(histograms) AS (
  struct_pack(
    bucket_count := histograms[1]['bucket_count'],
    histogram_type := histograms[1]['histogram_type'],
    sum := (SELECT sum(histogram['sum']) FROM (SELECT unnest(histograms) AS histogram)),
    "range" := histograms[1]['range'],
    "values" := (
      SELECT
        list(struct_pack(key := key, value := value))
      FROM
        (
          SELECT
            entry['key'] AS key,
            CAST(sum(entry['value']) AS BIGINT) AS value
          FROM
            (
              SELECT unnest(histogram['values']) AS entry
              FROM (SELECT unnest(histograms) AS histogram)
            )
          GROUP BY
            entry['key']
        )
    )
  )
);

CREATE OR REPLACE TEMP MACRO histogram_total(histogram) AS (
  (SELECT sum(entry['value']) FROM (SELECT unnest(histogram['values']) AS entry))
);

CREATE OR REPLACE TEMP MACRO histogram_normalize(histogram) AS (
  struct_pack(
    "values" := (
      SELECT
        list(
          struct_pack(
            key := entry['key'],
            value := entry['value'] / nullif(histogram_total(histogram), 0)
          )
        )
      FROM
        (SELECT unnest(histogram['values']) AS entry)
    )
  )
);

CREATE OR REPLACE TEMP MACRO histogram_percentiles(histogram, percentiles) AS (
  (
    SELECT
      list(struct_pack(percentile := percentile, value := value))
    FROM
      (
        SELECT
          percentile,
          min(key) AS value
        FROM
          (
            SELECT
              entry['key'] AS key,
              sum(entry['value']) OVER (ORDER BY entry['key']) / sum(entry['value']) OVER () AS share
            FROM
              (SELECT unnest(histogram['values']) AS entry)
          ),
          (SELECT unnest(percentiles) AS percentile)
        WHERE
          share >= percentile - 1e-9
        GROUP BY
          percentile
      )
  )
);

WITH per_build_client AS (
  SELECT
    strptime(application.build_id, '%Y%m%d%H%M%S') AS build_time,
    client_id,
    histogram_merge(
      list(json_extract_histogram(payload.histograms.fx_tab_switch_spinner_visible_ms))
    ) AS histogram
  FROM
    read_parquet(getvariable('file'))
  WHERE
    normalized_channel = 'nightly'
    AND normalized_os = 'Windows'
    AND application.build_id >= '20200406'
    AND application.build_id < '20200421'
    AND submission_timestamp >= TIMESTAMPTZ '2020-04-06 00:00:00+00'
    AND submission_timestamp < TIMESTAMPTZ '2020-04-21 00:00:00+00'
    AND payload.histograms.fx_tab_switch_spinner_visible_ms IS NOT NULL
    AND client_id IS NOT NULL
    AND json_valid(payload.histograms.fx_tab_switch_spinner_visible_ms)
  GROUP BY
    build_time,
    client_id
),
normalized AS (
  SELECT
    build_time,
    histogram_total(histogram) AS total,
    histogram_normalize(histogram) AS histogram
  FROM
    per_build_client
),
counts AS (
  SELECT
    build_time,
    count(*) AS n_clients,
    CAST(sum(total) AS BIGINT) AS n_samples
  FROM
    normalized
  WHERE
    total > 0
  GROUP BY
    build_time
),
merged_histograms AS (
  SELECT
    build_time,
    entry['key'] AS key,
    sum(entry['value']) AS value
  FROM
    (SELECT build_time, unnest(histogram['values']) AS entry FROM normalized)
  GROUP BY
    build_time,
    key
),
as_struct AS (
  SELECT
    build_time,
    struct_pack("values" := list(struct_pack(key := key, value := value))) AS histogram
  FROM
    merged_histograms
  GROUP BY
    build_time
),
percentiles AS (
  SELECT
    build_time,
    unnest(
      histogram_percentiles(histogram, CAST([0.05, 0.25, 0.5, 0.75, 0.95] AS DOUBLE[]))
    ) AS percentile
  FROM
    as_struct
)
SELECT
  build_time,
  percentile['percentile'] AS percentile,
  percentile['value'] AS value,
  n_clients,
  n_samples
FROM
  percentiles
JOIN
  counts USING (build_time)
ORDER BY
  build_time,
  percentile;
