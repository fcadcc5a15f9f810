-- One shard of the sample: the pings numbered $first up to (not including) $stop, whichever table they are
-- for. The SELECT that makes rows of them stands in the file of the table's name and is put behind this text.
--
-- Every value follows from $seed and the number of a ping or of a client, by MD5 and integer arithmetic, so
-- that the rows are the same on any machine, with any number of threads and shards. No hash(), random(),
-- pow() or ln(): none of them promises the same answer everywhere.
--
-- $pings, $clients    sizes of the whole table, not of the shard
-- $start, $length     of the period, in microseconds (since 1970)
-- $zipf_low/_high     see `ranked`
-- $spinner_curves     weights of the 20 buckets, by how slow a client is; the last is that of heavy users
-- $gc_curve           weights of 14 neighbouring buckets
-- $small_curve        weights of 6 of them
-- $*_keys             where the buckets of a histogram begin
-- $jumps              see bucket_counts

WITH
-- 16-bit draws for every ping, four to a hash.
numbered AS (
  SELECT
    n,
    md5_number_lower(concat_ws('/', $seed, 'ping', n)) AS h1,
    md5_number_upper(concat_ws('/', $seed, 'ping', n)) AS h2,
    md5_number_lower(concat_ws('/', $seed, 'sender', n)) AS sender,
    md5_number_upper(concat_ws('/', $seed, 'sender', n)) AS h3,
    md5_number_lower(concat_ws('/', $seed, 'more', n)) AS h4,
    md5_number_upper(concat_ws('/', $seed, 'more', n)) AS h5
  FROM range($first, $stop) AS numbers (n)
),

-- Who sends it, by Zipf-Mandelbrot (s = 0.9, q = 100): a few clients send very many pings. The share of the
-- first k clients is ((k + q)^0.1 - low) / (high - low), with low = q^0.1 and high = (clients + q)^0.1;
-- this is its inverse, for an even number in [0, 1) that a DOUBLE holds exactly.
ranked AS (
  SELECT
    *,
    least(
      floor(
        tenth_power($zipf_low + ((sender >> 11)::DOUBLE / 9007199254740992) * ($zipf_high - $zipf_low)) - 100
      )::BIGINT,
      $clients - 1
    ) AS client
  FROM numbered
),

drawn AS (
  SELECT
    n,
    client,
    -- Microseconds since the start: the period is cut into as many slots as there are pings.
    n * ($length // $pings) + ((part(h1, 0) * ($length // $pings)) >> 16) AS since_start,
    part(h1, 1) AS spinner_draw,
    part(h1, 2) AS null_draw,
    part(h1, 3) AS sum_draw,
    part(h2, 0) AS hang_draw,
    part(h2, 1) AS lag_draw,
    part(h2, 2) AS oddity,
    part(h2, 3) AS missing,
    1 + (h2 % 2147483646)::BIGINT AS gc_noise,
    1 + (h3 % 2147483646)::BIGINT AS spinner_noise,
    part(h3, 3) AS length_draw,
    part(h4, 0) AS crash_draw,
    part(h4, 1) AS tab_draw,
    part(h4, 2) AS uri_draw,
    part(h4, 3) AS entry_draw,
    1 + (h4 % 2147483646)::BIGINT AS small_noise,
    1 + (h5 % 2147483646)::BIGINT AS content_noise,
    md5_number_lower(concat_ws('/', $seed, 'client', client)) AS c1,
    md5_number_upper(concat_ws('/', $seed, 'client', client)) AS c2,
    md5_number_lower(concat_ws('/', $seed, 'enrolment', client)) AS enrolled
  FROM ranked
),

-- The machine, which stays a client's own.
machines AS (
  SELECT
    *,
    CASE
      WHEN part(c1, 0) < 52429 THEN 'nightly'
      WHEN part(c1, 0) < 58982 THEN 'beta'
      WHEN part(c1, 0) < 65470 THEN 'release'
      ELSE 'Other'
    END AS channel,
    CASE WHEN part(c1, 1) < 53740 THEN 'Windows' WHEN part(c1, 1) < 60294 THEN 'Mac' ELSE 'Linux' END AS os,
    part(c1, 2) AS os_draw,
    part(c1, 3) AS memory_draw,
    part(c2, 0) AS speed_draw,
    -- Slow machines in heavy use: one client in forty, but one in eight of the most active fiftieth.
    part(c2, 1) < if(client < $clients // 50, 8192, 1638) AS is_heavy,
    part(c2, 2) AS place_draw,
    part(c2, 3) AS settings_draw,
    -- A quarter of the clients is in each of two experiments that change nothing: what differs between their
    -- branches differs by chance.
    CASE part(enrolled, 0) // 8192 WHEN 0 THEN 'control' WHEN 1 THEN 'treatment' END AS branch,
    CASE part(enrolled, 1) // 8192 WHEN 0 THEN 'control' WHEN 1 THEN 'treatment' END AS placebo_branch
  FROM drawn
),

systems AS (
  SELECT
    *,
    CASE os
      WHEN 'Windows' THEN if(os_draw < 10486, '6.1', if(os_draw < 13108, '6.3', '10.0'))
      WHEN 'Mac' THEN pick(['19.4.0', '19.4.0', '19.3.0', '18.7.0', '17.7.0'], os_draw)
      ELSE pick(['5.3.0', '5.4.0', '5.5.13', '4.19.0', '4.15.0'], os_draw)
    END AS os_version,
    os = 'Windows' AND os_draw < 10486 AS is_windows_7
  FROM machines
),

sized AS (
  SELECT
    *,
    if(
      is_windows_7,
      pick([2048, 2048, 4096, 4096, 4096, 8192], memory_draw),
      pick([2048, 4096, 4096, 8192, 8192, 8192, 8192, 16384, 16384, 32768], memory_draw)
    ) AS nominal_memory
  FROM systems
),

-- How slow it is (which curve its tab spinners follow), and how many of them a ping holds, in sixteenths.
-- Windows 7 is clearly worse; heavy users see slow spinners, and see very many.
paced AS (
  SELECT
    *,
    if(
      is_heavy,
      len($spinner_curves),
      1 + ((speed_draw * 6) >> 16)
      + CASE nominal_memory WHEN 2048 THEN 4 WHEN 4096 THEN 2 WHEN 8192 THEN 1 ELSE 0 END
      + CASE WHEN is_windows_7 THEN 10 WHEN os_version = '6.3' THEN 3 ELSE 0 END
    ) AS curve,
    if(
      is_heavy, pick([1600, 3200, 6400, 12800], spinner_draw), pick([12, 20, 30, 48, 84, 144], spinner_draw)
    ) AS spinners
  FROM sized
),

counted AS (
  SELECT
    *,
    CASE
      WHEN null_draw >= 20000 THEN bucket_counts($spinner_curves[curve], spinners, spinner_noise, $jumps)
    END AS spinner_counts,
    CASE
      WHEN null_draw % 2 = 1 THEN bucket_counts($gc_curve, spinners + 320, gc_noise, $jumps)
    END AS gc_counts,
    -- A slower machine also collects garbage more slowly: $gc_curve begins behind so many buckets.
    6 + curve AS gc_skipped,
    8 + curve AS composite_skipped,
    CASE
      WHEN null_draw % 2 = 1 THEN bucket_counts($gc_curve, 2 * spinners + 640, content_noise, $jumps)
    END AS content_gc_counts,
    bucket_counts($small_curve, 1600 + 16 * (tab_draw % 64), small_noise, $jumps) AS composite_counts,
    -- How far beyond 1000 ms the spinners of the last bucket lasted.
    (hang_draw * hang_draw * hang_draw) >> 34 AS hang
  FROM paced
),

summed AS (
  SELECT
    *,
    first_filled(spinner_counts) AS spinner_first,
    last_filled(spinner_counts) AS spinner_last,
    spread_sum(spinner_counts, $spinner_keys, 0, sum_draw) + spinner_counts[20] * hang AS spinner_sum,
    list_sum(spinner_counts[:19])::BIGINT AS short_spinners,
    spinner_counts[20] AS long_spinners,
    -- The bucket of the long histogram that the last bucket's spinners fall into.
    CASE
      WHEN spinner_counts[20] > 0 THEN len(list_filter($long_keys, lambda key: key <= 1000 + hang))
    END AS long_bucket,
    spread_sum(gc_counts, $gc_keys, gc_skipped, sum_draw) AS gc_sum,
    -- Tabs opened, pages loaded, and how the addresses were entered.
    1 + ((tab_draw * tab_draw) >> 26) AS tabs_opened,
    ((uri_draw * uri_draw) >> 24) + spinners // 100 AS uris,
    entry_draw % 40 AS entered,
    if(entry_draw % 4 = 0, 1 + entry_draw % 7, 0) AS suggested,
    spread_sum(content_gc_counts, $gc_keys, gc_skipped, length_draw) AS content_gc_sum,
    spread_sum(composite_counts, $composite_keys, composite_skipped, length_draw) AS composite_sum
  FROM counted
),

-- The histograms as Firefox writes them: compact, and not at all where nothing was recorded. A few are broken
-- (always without their `}}`), a few have no samples.
written AS (
  SELECT
    *,
    CASE
      WHEN oddity < 33 THEN ''
      WHEN oddity < 46 THEN '{"bucket_count":20,"histogram_type":0,"sum":1'
      WHEN oddity < 176 THEN '{"bucket_count":20,"histogram_type":0,"sum":0,"range":[1,1000],"values":{}}'
      WHEN spinner_first IS NOT NULL THEN concat(
        '{"bucket_count":20,"histogram_type":0,"sum":', spinner_sum, ',"range":[1,1000],"values":{',
        bucket_text(spinner_counts, $spinner_keys, 0, spinner_first, spinner_last), '}}'
      )
    END AS spinner_visible_ms,
    CASE
      WHEN spinner_first IS NOT NULL AND oddity >= 176 THEN concat(
        '{"bucket_count":20,"histogram_type":0,"sum":', spinner_sum, ',"range":[1000,64000],"values":{',
        concat_ws(
          ',',
          CASE
            WHEN short_spinners > 0 THEN concat('"0":', short_spinners)
            ELSE concat('"', $long_keys[long_bucket - 1], '":0')
          END,
          CASE WHEN long_spinners > 0 THEN concat('"', $long_keys[long_bucket], '":', long_spinners) END,
          concat('"', $long_keys[coalesce(long_bucket, 1) + 1], '":0')
        ),
        '}}'
      )
    END AS spinner_visible_long_ms,
    histogram_text(gc_counts, $gc_keys, gc_skipped, gc_sum) AS gc_ms,
    histogram_text(content_gc_counts, $gc_keys, gc_skipped, content_gc_sum) AS content_gc_ms,
    histogram_text(composite_counts, $composite_keys, composite_skipped, composite_sum) AS composite_time
  FROM summed
),

-- Nightly is built at about 9:45 and 21:45 and used for some days; a build that is newer than the latest
-- comes from a wrong clock. 2020-04-15 has a third build, which few people got.
built AS (
  SELECT
    *,
    -- Half-days between the period's first build and the build in use.
    (since_start + 828000000000) // 43200000000 - 20
    - if(
      oddity BETWEEN 300 AND 399,
      -3,
      pick([0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 9, 12, 16, 22, 40], lag_draw)
    ) AS build,
    since_start // 86400000000 - ((lag_draw * 6) >> 16) AS settled_day
  FROM written
),

released AS (
  SELECT
    *,
    CASE
      WHEN oddity BETWEEN 176 AND 185 THEN NULL
      WHEN oddity BETWEEN 186 AND 190 THEN ''
      WHEN channel = 'release' THEN if(settled_day < 2, '20200403064753', '20200403170909')
      WHEN channel = 'beta' AND settled_day < 2 THEN '20200403202156'
      WHEN channel = 'beta'
        THEN strftime(DATE '2020-04-05' + (settled_day // 2 * 2)::INTEGER, '%Y%m%d') || '003255'
      WHEN build = 19 AND lag_draw % 16 = 0 THEN '20200415163117'
      ELSE strftime(
        make_timestamp($start + 34500000000 + build * 43200000000 + (build + 100) * 7919 % 1500 * 1000000),
        '%Y%m%d%H%M%S'
      )
    END AS build_id,
    CASE channel
      WHEN 'release' THEN if(settled_day < 2, '74.0.1', '75.0')
      WHEN 'beta' THEN if(settled_day < 2, '75.0b11', '76.0b' || settled_day // 2)
      ELSE if(build < 0, '76.0a1', '77.0a1')
    END AS display_version
  FROM built
),

placed AS (
  SELECT
    *,
    -- 76.0b3 is version 76.0, 77.0a1 stays.
    regexp_replace(display_version, 'b[0-9]+$', '') AS version,
    if(missing >= 64880, NULL, pick($countries, place_draw)) AS country,
    -- Crashes of other processes: the longer Firefox ran the likelier, and the build of 2020-04-15 that few
    -- people got has very many. Only Windows has a GPU process.
    list_filter(
      [
        {
          'key': 'content',
          'value': CASE
            WHEN build_id = '20200415163117' AND crash_draw % 4 = 1 THEN 1 + crash_draw // 64 % 3
            WHEN crash_draw % 64 = 7 THEN 1 + crash_draw // 64 % 2
            WHEN length_draw > 32767 AND crash_draw % 64 = 9 THEN 1
            ELSE 0
          END
        },
        {'key': 'gpu', 'value': if(os = 'Windows' AND crash_draw % 256 = 33, 1, 0)},
        {'key': 'plugin', 'value': if(crash_draw % 512 = 99, 1, 0)}
      ],
      lambda crash: crash.value > 0
    ) AS crashes,
    CASE nominal_memory
      WHEN 2048 THEN 2
      WHEN 4096 THEN pick([2, 2, 4], speed_draw)
      ELSE pick([4, 4, 6, 8], speed_draw)
    END AS cores,
    -- What the operating system leaves of it.
    nominal_memory - CASE os
      WHEN 'Windows' THEN 5 + settings_draw % 120
      WHEN 'Linux' THEN nominal_memory // 32 + settings_draw % 40
      ELSE 0
    END AS memory
  FROM released
),

-- The application and its environment, as legacy pings tell of them.
described AS (
  SELECT
    *,
    {
      'architecture': if(nominal_memory = 2048, 'x86', 'x86-64'),
      'build_id': build_id,
      'channel': if(channel = 'Other', 'default', channel),
      'display_version': display_version,
      'name': 'Firefox',
      'version': version
    } AS application,
    {
      'build': {
        'architecture': if(nominal_memory = 2048, 'x86', 'x86-64'),
        'build_id': build_id,
        'version': version
      },
      'experiments': list_filter(
        [
          {'key': $experiment, 'value': {'branch': branch, 'enrollment_id': NULL::VARCHAR, 'type': 'normandy-exp'}},
          {'key': $placebo, 'value': {'branch': placebo_branch, 'enrollment_id': NULL::VARCHAR, 'type': 'normandy-exp'}}
        ],
        lambda enrolment: enrolment.value.branch IS NOT NULL
      ),
      'settings': {
        'e10s_enabled': settings_draw >= 700,
        'is_default_browser': settings_draw % 3 > 0,
        'locale': pick($locales, place_draw),
        'telemetry_enabled': true
      },
      'system': {
        'cpu': {'cores': cores, 'count': cores * 2},
        'memory_mb': memory::DOUBLE,
        'os': {
          'name': CASE os WHEN 'Windows' THEN 'Windows_NT' WHEN 'Mac' THEN 'Darwin' ELSE os END,
          'version': os_version
        }
      }
    } AS environment
  FROM placed
)
