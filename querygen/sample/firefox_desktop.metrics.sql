-- The pings of pings.sql as rows of firefox_desktop.metrics: the same people, sessions and spinners as in
-- telemetry.main, told in Glean's way. Times are in nanoseconds, memory in bytes.

-- What only Glean records here. `$*_keys` begin behind the buckets that a slower, larger or busier Firefox
-- leaves empty.
,
recorded AS (
  SELECT
    *,
    filled_buckets(
      spinner_counts,
      -- Where the legacy histogram has its last bucket Glean goes on.
      $spinner_nanos[:19]
      || [list_max(list_filter($nano_keys, lambda key: key <= (1000 + hang) * 1000000))],
      0
    ) AS spinner_buckets,
    filled_buckets(
      bucket_counts($small_curve, 16 + 16 * (length_draw >> 12), small_noise * 48271 % 2147483647, $jumps),
      $memory_keys,
      curve + CASE nominal_memory WHEN 2048 THEN 0 WHEN 4096 THEN 8 WHEN 8192 THEN 16 ELSE 24 END
    ) AS heap_buckets,
    filled_buckets(
      bucket_counts($small_curve, 16 + 16 * (length_draw >> 13), small_noise * 69621 % 2147483647, $jumps),
      $tab_keys,
      1 + ((tab_draw * tab_draw) >> 26)
    ) AS tab_buckets,
    list_transform(
      ['h1_others', 'h2_others', 'h3_others'],
      lambda label, place: {
        'key': label,
        'value': distribution(
          filled_buckets(
            bucket_counts($small_curve, uris * [2, 12, 5][place], small_noise * (place + 3) % 2147483647, $jumps),
            $fetch_keys,
            4 + curve - 2 * place
          ),
          9,
          sum_draw
        )
      }
    ) AS fetches
  FROM placed
)

SELECT
  make_timestamp($start + since_start) AS submission_timestamp,
  uuid_of(concat_ws('/', $seed, 'glean', n)) AS document_id,
  if(missing < 328, NULL, uuid_of(concat_ws('/', $seed, 'client', client))) AS client_id,
  'Firefox' AS normalized_app_name,
  channel AS normalized_channel,
  os AS normalized_os,
  os_version AS normalized_os_version,
  country AS normalized_country_code,
  {
    'app_build': build_id,
    'app_channel': if(channel = 'Other', 'default', channel),
    'app_display_version': display_version,
    'architecture': if(nominal_memory = 2048, 'x86', 'x86_64'),
    'locale': pick($locales, place_draw),
    'os': if(os = 'Mac', 'Darwin', os),
    'os_version': os_version
  } AS client_info,
  {'geo': {'country': country}} AS metadata,
  {
    'boolean': {'browser_default_at_launch': settings_draw % 3 > 0},
    'counter': {'browser_engagement_tab_open_event_count': tabs_opened},
    'custom_distribution': {'browser_engagement_tab_count': distribution(tab_buckets, 0, 0)},
    'labeled_counter': {'subprocess_crashes_with_dump': crashes},
    'labeled_timing_distribution': {
      'network_http_fetch_duration': list_filter(fetches, lambda one: one.value IS NOT NULL)
    },
    'memory_distribution': {'memory_heap_allocated': distribution(heap_buckets, 4, sum_draw)},
    'quantity': {'system_memory': memory},
    'timing_distribution': {
      -- Not where the legacy histogram is broken or without samples.
      'browser_tabswitch_spinner_visible': CASE
        WHEN oddity >= 176 THEN distribution(spinner_buckets, 9, sum_draw)
      END
    }
  } AS metrics,
  {
    'end_time': strftime(make_timestamp($start + since_start), '%Y-%m-%dT%H:%M+00:00'),
    'experiments': list_filter(
      [
        {'key': $experiment, 'value': {'branch': branch, 'extra': {'enrollment_id': NULL::VARCHAR, 'type': 'normandy-exp'}}},
        {'key': $placebo, 'value': {'branch': placebo_branch, 'extra': {'enrollment_id': NULL::VARCHAR, 'type': 'normandy-exp'}}}
      ],
      lambda enrolment: enrolment.value.branch IS NOT NULL
    ),
    'reason': pick(['overdue', 'overdue', 'tomorrow', 'today', 'reschedule', 'upgrade'], length_draw),
    'seq': (settings_draw >> 6) + since_start // 10800000000,
    'start_time': strftime(
      make_timestamp($start + since_start - (15 + ((length_draw * length_draw * 43200) >> 32)) * 1000000),
      '%Y-%m-%dT%H:%M+00:00'
    )
  } AS ping_info
FROM recorded
