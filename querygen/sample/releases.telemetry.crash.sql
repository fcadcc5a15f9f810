-- What crashed in the pieces of releases.sql as rows of telemetry.crash: content processes in the middle of
-- a piece, the main process at its end.
,

each_crash AS (
  SELECT
    *,
    ended - if(process_type = 'main', 0, 500000 * (to_second - from_second)) + 1 + place AS crash_time
  FROM (
    SELECT *, unnest(['main']) AS process_type, 0 AS place FROM described WHERE crashed
    UNION ALL
    SELECT *, 'content' AS process_type, unnest(range(content_crashes)) AS place FROM described
  )
)

SELECT
  make_timestamp(crash_time) AS submission_timestamp,
  uuid_of(concat_ws('/', $seed, 'crash', client, day, piece, process_type, place)) AS document_id,
  client_id,
  'Firefox' AS normalized_app_name,
  'release' AS normalized_channel,
  os AS normalized_os,
  country AS normalized_country_code,
  application,
  environment,
  {'geo': {'country': country}} AS metadata,
  {
    'crash_date': strftime(make_timestamp(crash_time), '%Y-%m-%d'),
    'crash_time': strftime(make_timestamp(crash_time), '%Y-%m-%dT%H:00:00.000Z'),
    'has_crash_environment': true,
    'process_type': process_type,
    'version': 1
  } AS payload
FROM each_crash
ORDER BY crash_time
