-- A story of releases: who used which version of Firefox when, and what crashed.
--
-- An update is applied when Firefox starts, so that those whose Firefox crashes much have a new version first;
-- and the hours that they use it are told only at the end of a session. Both make every version look bad in its
-- first days. As for all samples: MD5 and integer arithmetic, for the same rows everywhere.
--
-- $clients, $days   how many
-- $start            of the first day, in microseconds (since 1970)
-- $versions         the versions in order, $builds their build ids, $released when they came out (as $start),
--                   $sound how many in 256 of what could crash does not
WITH
clients AS (
  SELECT
    client,
    md5_number_lower(concat_ws('/', $seed, 'user', client)) AS c1,
    md5_number_upper(concat_ws('/', $seed, 'user', client)) AS c2
  FROM range($clients) AS numbers (client)
),

-- Most crash a few times a year, one in ten every other week, one in thirty every other day; and of these one
-- in ten in a loop, whenever it does.
people AS (
  SELECT
    client,
    CASE WHEN part(c1, 0) < 52429 THEN 'Windows' WHEN part(c1, 0) < 60294 THEN 'Mac' ELSE 'Linux' END AS os,
    part(c1, 1) < 220 AS is_looping,
    -- Crashes in 1000 hours.
    CASE WHEN part(c1, 1) < 2200 THEN 100 WHEN part(c1, 1) < 8800 THEN 12 ELSE 1 END
    * if(part(c1, 0) >= 60294, 2, 1) AS crashiness,
    -- Seconds of a day, from the day's first start on.
    3600 * (5 + part(c1, 2) % 13) AS habitual_start,
    3600 * (2 + part(c1, 3) % 7) AS habitual_use,
    -- One in ten closes Firefox every evening.
    part(c2, 0) < 6554 AS closes,
    part(c2, 1) AS place_draw
  FROM clients
),

-- The days on which they use it, less often at weekends. The story begins on a Thursday.
days AS (
  SELECT
    *,
    md5_number_lower(concat_ws('/', $seed, 'day', client, day)) AS d1,
    md5_number_upper(concat_ws('/', $seed, 'day', client, day)) AS d2
  FROM people, range($days) AS numbers (day)
),

used AS (
  SELECT
    *,
    day * 86400 + habitual_start + part(d1, 1) % 7200 AS start_second,
    habitual_use // 2 + ((habitual_use * part(d1, 2)) >> 16) AS use
  FROM days
  WHERE part(d1, 0) < if(day % 7 IN (2, 3), 36000, 52000)
),

-- How often Firefox could crash on a day: as often as expected, rounded up or down at random.
risked AS (
  SELECT
    *,
    if(
      is_looping AND part(d1, 3) < 6554,
      5 + part(d2, 0) % 8,
      ((crashiness * use * 65536) // 3600000 + part(d2, 0)) >> 16
    ) AS ends
  FROM used
),

-- The pieces of a day between these: each is told by one ping.
pieces AS (
  SELECT
    *,
    start_second + use * piece // (ends + 1) AS from_second,
    start_second + use * (piece + 1) // (ends + 1) AS to_second,
    piece < ends AS ends_early,
    -- Who doesn't close Firefox starts it anew once in ten days.
    piece > 0 OR closes OR part(d2, 1) < 6554 AS starts
  FROM (SELECT *, unnest(range(ends + 1)) AS piece FROM risked)
),

-- A session lasts from one start to the next.
sessions AS (
  SELECT
    *,
    last_value(CASE WHEN starts THEN from_second END IGNORE NULLS)
    OVER (PARTITION BY client ORDER BY day, piece) AS started
  FROM pieces
),

-- The newest version that was there by then: half of all clients are offered it within half a day, the others
-- within two.
versioned AS (
  SELECT
    *,
    list_max(
      list_transform(
        $released,
        lambda moment, i: CASE
          WHEN
            i = 1
            OR moment + 1000000 * update_delay(md5_number_lower(concat_ws('/', $seed, 'update', client, i)))
            <= $start + 1000000 * coalesce(started, 0)
            THEN i
        END
      )
    ) AS release,
    md5_number_lower(concat_ws('/', $seed, 'piece', client, day, piece)) AS p1
  FROM sessions
),

described AS (
  SELECT
    *,
    $versions[release] AS version,
    ends_early AND part(p1, 0) % 256 >= $sound[release] AS crashed,
    CASE WHEN part(p1, 1) < 1200 THEN 1 + part(p1, 1) % 2 ELSE 0 END AS content_crashes,
    -- A client's own microsecond, so that no two pings come at once.
    $start + 1000000 * to_second + 32 * client AS ended,
    if(part(p1, 2) < 200, NULL, uuid_of(concat_ws('/', $seed, 'user', client))) AS client_id,
    pick($countries, place_draw) AS country,
    {
      'architecture': 'x86-64',
      'build_id': $builds[release],
      'channel': 'release',
      'display_version': $versions[release],
      'name': 'Firefox',
      'version': $versions[release]
    } AS application,
    {
      'build': {
        'architecture': 'x86-64', 'build_id': $builds[release], 'version': $versions[release]
      },
      'settings': {'locale': pick($locales, place_draw), 'telemetry_enabled': true},
      'system': {
        'os': {'name': CASE os WHEN 'Windows' THEN 'Windows_NT' WHEN 'Mac' THEN 'Darwin' ELSE os END}
      }
    } AS environment
  FROM versioned
)
