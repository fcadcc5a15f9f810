-- The story of the TLS 1.3 experiment on Firefox Beta 51, as rows of telemetry.main: a tenth of the pings of each
-- branch that there were in January 2017, with made-up values.
--
-- Enrolled clients browse less than others, by a seventh, whatever experiment they are in; that is no effect of
-- it. TLS 1.3 has one: it is a quarter of the handshakes of the branch `enabled`, and these are done sooner. What
-- is sent before a certificate is the same everywhere. Some clients who are not enrolled, or no more, have the
-- histograms of TLS 1.3 all the same.
--
-- $seed makes other values. $clients are all of them, of which those of the first branches are so many: $enabled,
-- $disabled, $unknown, and $elsewhere in another experiment. $time_keys are the lower bounds of buckets.

WITH
numbered AS (
  SELECT
    client,
    CASE
      WHEN client < $enabled THEN 'enabled'
      WHEN client < $enabled + $disabled THEN 'disabled'
      WHEN client < $enabled + $disabled + $unknown THEN 'unknown'
      WHEN client < $enabled + $disabled + $unknown + $elsewhere THEN 'elsewhere'
      ELSE 'nowhere'
    END AS kind,
    md5_number_lower(concat_ws('/', $seed, 'client', client)) AS c1,
    md5_number_upper(concat_ws('/', $seed, 'client', client)) AS c2
  FROM range($clients) AS clients (client)
),

-- Handshakes an hour: 277 in the middle, a seventh less for clients in any experiment.
habits AS (
  SELECT
    *,
    kind <> 'nowhere' AS is_enrolled,
    (60 + ((1160 * ((part(c1, 0) * part(c1, 1)) >> 16)) >> 16)) * if(kind = 'nowhere', 100, 86) AS handshakes_100,
    part(c2, 0) < 32768 AS has_content_process
  FROM numbered
),

-- One to seven pings each.
sent AS (
  SELECT
    habits.*,
    ping,
    md5_number_lower(concat_ws('/', $seed, 'ping', client, ping)) AS h1,
    md5_number_upper(concat_ws('/', $seed, 'ping', client, ping)) AS h2,
    md5_number_lower(concat_ws('/', $seed, 'more', client, ping)) AS h3
  FROM habits, range(7) AS pings (ping)
  WHERE ping < 1 + (part(c1, 2) * 7 >> 16)
),

lived AS (
  SELECT
    *,
    300 + (part(h1, 0) * part(h1, 1) >> 16) * 3 // 4 AS seconds,
    part(h2, 0) AS oddity
  FROM sent
),

browsed AS (
  SELECT
    *,
    greatest(handshakes_100 * seconds // 360000 * (49152 + (part(h1, 2) >> 1)) >> 16, 1) AS handshakes,
    kind = 'enabled' AS has_tls13,
    -- In two of a thousand pings of others TLS 1.3 was on for a while, mostly since the experiment ended then.
    CASE
      WHEN kind <> 'nowhere' THEN 'none'
      WHEN oddity < 110 THEN 'expired'
      WHEN oddity < 141 THEN 'addon'
      WHEN oddity < 148 THEN 'other'
      ELSE 'none'
    END AS unexpected
  FROM lived
),

counted AS (
  SELECT
    *,
    if(has_tls13, handshakes >> 2, 0) AS tls13,
    handshakes // 50 AS tls10,
    handshakes * 44 // 1000 AS with_ssl,
    handshakes * 27 // 1000 AS without_ssl,
    -- Of 65536 handshakes, those done in each bucket; with TLS 1.3 they are a bucket sooner.
    if(
      has_tls13,
      [3000, 9000, 14000, 14000, 10000, 6500, 4200, 2600, 1436, 800],
      [2000, 6500, 12000, 14500, 12000, 7600, 5000, 3200, 1736, 1000]
    ) AS times,
    (has_tls13 AND part(h2, 1) < 13107) OR unexpected <> 'none' AS is_intolerant
  FROM browsed
)

SELECT
  make_timestamp(
    1484179200000000 + (client * 7919 + ping * 104729) % 1641600 * 1000000 + part(h3, 0) * 15
  ) AS submission_timestamp,
  uuid_of(concat_ws('/', $seed, 'document', client, ping)) AS document_id,
  uuid_of(concat_ws('/', $seed, 'client', client)) AS client_id,
  'Firefox' AS normalized_app_name,
  'beta' AS normalized_channel,
  CASE WHEN part(c2, 1) < 55000 THEN 'Windows' WHEN part(c2, 1) < 62000 THEN 'Mac' ELSE 'Linux' END
    AS normalized_os,
  {
    'build_id': if(part(c2, 2) < 6000, '20170101030204', '20170105155013'),
    'display_version': pick(['51.0b13', '51.0b14', '51.0', '52.0b1'], part(c2, 3) * 7 // 8),
    'name': 'Firefox',
    'version': '51.0'
  } AS application,
  {
    'addons': {
      'active_experiment': CASE kind
        WHEN 'nowhere' THEN NULL
        WHEN 'elsewhere' THEN {'id': 'gpu-process-nightly53@experiments.mozilla.org', 'branch': 'enabled'}
        ELSE {
          'id': 'tls13-compat-ff51@experiments.mozilla.org', 'branch': if(kind = 'unknown', NULL, kind)
        }
      END
    }
  } AS environment,
  {
    'histograms': {
      'http_pageload_is_ssl': concat(
        '{"bucket_count":3,"histogram_type":2,"sum":', with_ssl, ',"range":[1,2],"values":{"0":', without_ssl,
        ',"1":', with_ssl, ',"2":0}}'
      ),
      'ssl_handshake_version': concat(
        '{"bucket_count":17,"histogram_type":1,"sum":', tls10 + 3 * (handshakes - tls10 - tls13) + 4 * tls13,
        ',"range":[1,16],"values":{"0":0,"1":', tls10, ',"3":', handshakes - tls10 - tls13, ',"4":', tls13,
        ',"5":0}}'
      ),
      'ssl_time_until_ready': histogram_text(
        bucket_counts(times, 16 * handshakes, 1 + (h2 % 2147483646)::BIGINT, $jumps), $time_keys, 3, 0
      ),
      'ssl_time_until_handshake_finished': histogram_text(
        bucket_counts(times, 16 * handshakes, 1 + (h3 % 2147483646)::BIGINT, $jumps), $time_keys, 2, 0
      ),
      'ssl_bytes_before_cert_callback': histogram_text(
        bucket_counts(
          if(
            part(c2, 2) % 3 = 0,
            [0, 9000, 20000, 20000, 9000, 3000, 1536, 3000, 0, 0],
            [0, 3000, 9000, 20000, 20000, 9000, 3000, 1536, 0, 0]
          ),
          16 * handshakes,
          1 + (h1 % 2147483646)::BIGINT, $jumps
        ),
        $time_keys, 4, 0
      ),
      'ssl_tls12_intolerance_reason_pre': CASE
        WHEN part(h2, 2) < if(has_tls13, 1311, 655) THEN
          '{"bucket_count":65,"histogram_type":1,"sum":17,"range":[1,64],"values":{"16":0,"17":1,"18":0}}'
      END,
      'ssl_tls13_intolerance_reason_pre': CASE
        WHEN is_intolerant THEN
          '{"bucket_count":65,"histogram_type":1,"sum":17,"range":[1,64],"values":{"16":0,"17":1,"18":0}}'
        WHEN has_tls13 THEN
          '{"bucket_count":65,"histogram_type":1,"sum":0,"range":[1,64],"values":{"0":0}}'
      END,
      'ssl_tls13_intolerance_reason_post': CASE
        WHEN is_intolerant AND part(h2, 3) < 16384 THEN
          '{"bucket_count":65,"histogram_type":1,"sum":17,"range":[1,64],"values":{"16":0,"17":1,"18":0}}'
      END,
      'ssl_version_fallback_inappropriate': CASE
        WHEN kind = 'nowhere' AND oddity BETWEEN 40000 AND 40014 THEN
          '{"bucket_count":3,"histogram_type":3,"sum":0,"range":[1,2],"values":{"0":1,"1":0}}'
      END
    },
    'info': {
      'addons': if(unexpected = 'addon', 'tls13-compat-ff51%40experiments.mozilla.org:1.0', 'clock%40example.org:2.4'),
      'subsession_length': seconds
    },
    'keyed_histograms': {
      'subprocess_crashes_with_dump': [
        {
          'key': crashed.process,
          'value': '{"bucket_count":3,"histogram_type":4,"sum":1,"range":[1,2],"values":{"0":1,"1":0}}'
        }
        FOR crashed IN [
          {'process': 'content', 'at': 0, 'upto': 900},
          {'process': 'gmplugin', 'at': 900, 'upto': 906},
          {'process': 'plugin', 'at': 906, 'upto': 1300}
        ]
        IF part(h3, 1) >= crashed.at AND part(h3, 1) < crashed.upto
      ]
    },
    'processes': {
      'content': {
        'histograms': {
          'http_pageload_is_ssl': CASE
            WHEN has_content_process THEN concat(
              '{"bucket_count":3,"histogram_type":2,"sum":', with_ssl // 3, ',"range":[1,2],"values":{"0":',
              without_ssl // 3, ',"1":', with_ssl // 3, ',"2":0}}'
            )
          END
        }
      }
    },
    'simple_measurements': {'total_time': seconds + part(h3, 2) % 600}
  } AS payload,
  CASE unexpected
    WHEN 'expired' THEN
      '{"payload":{"log":[["EXPERIMENT_TERMINATION",2105,"EXPIRED","tls13-compat-ff51@experiments.mozilla.org"]]}}'
    WHEN 'other' THEN
      '{"payload":{"log":[["EXPERIMENT_ACTIVATION",2105,"REJECTED","gpu-process-nightly53@experiments.mozilla.org"]]}}'
    ELSE '{"payload":{"log":[]}}'
  END AS additional_properties
FROM counted
ORDER BY submission_timestamp, document_id
