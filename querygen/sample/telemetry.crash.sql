-- The crashes in the sessions of pings.sql as rows of telemetry.crash: those of other processes that the main
-- ping counts, and those of the main process, which end a session.
,

-- Windows 7 and the build of 2020-04-15 crash more often, and one client in two hundred in a loop.
crashed AS (
  SELECT
    *,
    list_concat(
      crashes,
      [
        {
          'key': 'main',
          'value': CASE
            WHEN part(loop_draws, 0) < 328 AND part(main_draws, 0) < 16384 THEN 3 + part(main_draws, 1) % 10
            WHEN
              part(main_draws, 0) < 700 * if(is_windows_7, 2, 1) * if(build_id = '20200415163117', 8, 1)
              THEN 1
            ELSE 0
          END
        }
      ]
    ) AS all_crashes
  FROM (
    SELECT
      *,
      md5_number_lower(concat_ws('/', $seed, 'main crash', n)) AS main_draws,
      md5_number_lower(concat_ws('/', $seed, 'crash loop', client)) AS loop_draws
    FROM described
  )
),

-- One row per crash, numbered within its session.
each_crash AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY n ORDER BY process_type, place) AS crash
  FROM (
    SELECT
      * EXCLUDE (kind),
      kind.key AS process_type,
      unnest(range(kind.value)) AS place
    FROM (SELECT *, unnest(all_crashes) AS kind FROM crashed)
  )
)

SELECT
  -- Some microseconds apart, before anyone else's.
  make_timestamp($start + since_start + crash) AS submission_timestamp,
  uuid_of(concat_ws('/', $seed, 'crash', n, crash)) AS document_id,
  if(missing < 328, NULL, uuid_of(concat_ws('/', $seed, 'client', client))) AS client_id,
  'Firefox' AS normalized_app_name,
  channel AS normalized_channel,
  os AS normalized_os,
  os_version AS normalized_os_version,
  country AS normalized_country_code,
  application,
  environment,
  {'geo': {'country': country}} AS metadata,
  {
    'crash_date': strftime(make_timestamp($start + since_start), '%Y-%m-%d'),
    'crash_id': uuid_of(concat_ws('/', $seed, 'crash id', n, crash)),
    'crash_time': strftime(make_timestamp($start + since_start), '%Y-%m-%dT%H:00:00.000Z'),
    'has_crash_environment': true,
    'metadata': {'startup_crash': if(process_type = 'main' AND crash > 1, '1', NULL)},
    'process_type': process_type,
    'version': 1
  } AS payload
FROM each_crash
ORDER BY submission_timestamp
