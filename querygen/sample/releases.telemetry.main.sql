-- The pieces of releases.sql as rows of telemetry.main.

SELECT
  make_timestamp(ended) AS submission_timestamp,
  uuid_of(concat_ws('/', $seed, 'piece', client, day, piece)) AS document_id,
  client_id,
  'Firefox' AS normalized_app_name,
  'release' AS normalized_channel,
  os AS normalized_os,
  country AS normalized_country_code,
  application,
  environment,
  {'geo': {'country': country}} AS metadata,
  {
    'info': {
      'reason': CASE WHEN ends_early THEN 'aborted-session' WHEN closes THEN 'shutdown' ELSE 'daily' END,
      'subsession_length': to_second - from_second
    },
    'keyed_histograms': {
      'subprocess_crashes_with_dump': CASE
        WHEN content_crashes > 0 THEN [{
          'key': 'content',
          'value': concat(
            '{"bucket_count":3,"histogram_type":4,"sum":', content_crashes,
            ',"range":[1,2],"values":{"0":', content_crashes, ',"1":0}}'
          )
        }]
        ELSE []
      END
    }
  } AS payload
FROM described
ORDER BY ended
