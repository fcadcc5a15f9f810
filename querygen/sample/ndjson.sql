-- The pings of one shard as lines of NDJSON, with timestamps as ISO 8601 in UTC.
SELECT
  to_json(ping)::VARCHAR AS line
FROM (
  SELECT
    * REPLACE (strftime(submission_timestamp, '%Y-%m-%dT%H:%M:%S.%fZ') AS submission_timestamp)
  FROM shard
) AS ping
