-- The pings of pings.sql as rows of telemetry.main.

SELECT
  make_timestamp($start + since_start) AS submission_timestamp,
  uuid_of(concat_ws('/', $seed, 'document', n)) AS document_id,
  -- A few pings come without their client, or from nobody knows where.
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
    'histograms': {
      -- Where there is a GPU process it composites.
      'composite_time': CASE WHEN os <> 'Windows' THEN composite_time END,
      -- The two compact encodings: a count, and how often false and true.
      'devtools_toolbox_opened_count': CASE
        WHEN settings_draw % 16 = 0 THEN (1 + length_draw % 9)::VARCHAR
      END,
      'fx_tab_switch_spinner_visible_long_ms': spinner_visible_long_ms,
      'fx_tab_switch_spinner_visible_ms': spinner_visible_ms,
      'gc_ms': gc_ms,
      'http_pageload_is_ssl': CASE
        WHEN length_draw % 10 > 0
          THEN concat(length_draw % 23 // 4, ',', (length_draw * (1 + hang_draw % 64)) >> 13)
      END
    },
    'info': {
      'profile_subsession_counter': 1 + (settings_draw >> 6) + since_start // 10800000000,
      'reason': pick(['shutdown', 'shutdown', 'shutdown', 'daily', 'environment-change'], length_draw),
      -- Seconds, of which short subsessions have few and the longest half a day.
      'subsession_length': 15 + ((length_draw * length_draw * 43200) >> 32)
    },
    'keyed_histograms': {
      'subprocess_crashes_with_dump': list_transform(
        crashes,
        lambda crash: {
          'key': crash.key,
          'value': concat(
            '{"bucket_count":3,"histogram_type":4,"sum":', crash.value,
            ',"range":[1,2],"values":{"0":', crash.value, ',"1":0}}'
          )
        }
      )
    },
    'processes': {
      'content': {'histograms': {'gc_ms': content_gc_ms}},
      'gpu': {'histograms': {'composite_time': CASE WHEN os = 'Windows' THEN composite_time END}},
      'parent': {
        'keyed_scalars': {
          'browser_engagement_navigation_urlbar': list_filter(
            [{'key': 'search_enter', 'value': entered}, {'key': 'search_suggestion', 'value': suggested}],
            lambda entry: entry.value > 0
          )
        },
        'scalars': {
          'browser_engagement_tab_open_event_count': tabs_opened,
          'browser_engagement_total_uri_count': uris
        }
      }
    }
  } AS payload
FROM described
