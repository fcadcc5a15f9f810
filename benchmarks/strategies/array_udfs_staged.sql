-- The same steps as array_udfs.sql, as a DuckDB expert would write the functions: over lists, with
-- lambdas instead of subqueries, and every step in a materialised CTE.

CREATE OR REPLACE TEMP MACRO json_extract_histogram(text) AS (
  list_transform(
    [from_json(
      CASE WHEN json_valid(text) THEN text END,
      '{"bucket_count": "BIGINT", "histogram_type": "BIGINT", "sum": "BIGINT", "range": ["BIGINT"],
        "values": "MAP(VARCHAR, BIGINT)"}'
    )],
    lambda json: struct_pack(
      bucket_count := json['bucket_count'],
      histogram_type := json['histogram_type'],
      sum := json['sum'],
      "range" := json['range'],
      "values" := CAST(map_entries(json['values']) AS STRUCT(key BIGINT, value BIGINT)[])
    )
  )[1]
);

CREATE OR REPLACE TEMP MACRO histogram_merge(histograms) AS (
  struct_pack(
    bucket_count := histograms[1]['bucket_count'],
    histogram_type := histograms[1]['histogram_type'],
    sum := list_sum(list_transform(histograms, lambda histogram: histogram['sum'])),
    "range" := histograms[1]['range'],
    "values" := list_transform(
      list_distinct(
        flatten(
          list_transform(
            histograms,
            lambda histogram: list_transform(histogram['values'], lambda entry: entry['key'])
          )
        )
      ),
      lambda key: struct_pack(
        key := key,
        value := list_sum(
          list_transform(
            list_filter(
              flatten(list_transform(histograms, lambda histogram: histogram['values'])),
              lambda entry: entry['key'] = key
            ),
            lambda entry: entry['value']
          )
        )
      )
    )
  )
);

CREATE OR REPLACE TEMP MACRO histogram_total(histogram) AS (
  list_sum(list_transform(histogram['values'], lambda entry: entry['value']))
);

CREATE OR REPLACE TEMP MACRO histogram_normalize(histogram) AS (
  list_transform(
    [nullif(histogram_total(histogram), 0)],
    lambda total: list_transform(
      histogram['values'],
      lambda entry: struct_pack(key := entry['key'], value := entry['value'] / total)
    )
  )[1]
);

CREATE OR REPLACE TEMP MACRO histogram_percentiles(entries, percentiles) AS (
  list_transform(
    [struct_pack(
      entries := list_sort(entries),
      total := list_sum(list_transform(entries, lambda entry: entry['value']))
    )],
    lambda sorted: list_transform(
      percentiles,
      lambda percentile: struct_pack(
        percentile := percentile,
        value := list_min(
          list_transform(
            list_filter(
              sorted['entries'],
              lambda entry, position: list_sum(
                list_transform(sorted['entries'][:position], lambda below: below['value'])
              ) / sorted['total'] >= percentile - 1e-9
            ),
            lambda entry: entry['key']
          )
        )
      )
    )
  )[1]
);

WITH extracted AS MATERIALIZED (
  SELECT
    strptime(application.build_id, '%Y%m%d%H%M%S') AS build_time,
    client_id,
    json_extract_histogram(payload.histograms.fx_tab_switch_spinner_visible_ms) AS histogram
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
),
per_build_client AS MATERIALIZED (
  SELECT
    build_time,
    client_id,
    histogram_merge(list(histogram)) AS histogram
  FROM
    extracted
  GROUP BY
    build_time,
    client_id
),
normalized AS MATERIALIZED (
  SELECT
    build_time,
    histogram_total(histogram) AS total,
    histogram_normalize(histogram) AS entries
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
merged_histograms AS MATERIALIZED (
  SELECT
    build_time,
    entry['key'] AS key,
    sum(entry['value']) AS value
  FROM
    (SELECT build_time, unnest(entries) AS entry FROM normalized)
  GROUP BY
    build_time,
    key
),
as_struct AS MATERIALIZED (
  SELECT
    build_time,
    list(struct_pack(key := key, value := value)) AS entries
  FROM
    merged_histograms
  WHERE
    value > 0
  GROUP BY
    build_time
),
percentiles AS MATERIALIZED (
  SELECT
    build_time,
    unnest(
      histogram_percentiles(entries, CAST([0.05, 0.25, 0.5, 0.75, 0.95] AS DOUBLE[]))
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
