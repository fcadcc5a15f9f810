/* Pings of FX_TAB_SWITCH_SPINNER_VISIBLE_MS */
/* Counted: nothing; each row is one ping */
/* Note: of 1% of all clients, chosen by sample_id; rows are those of this sample */
/* Filters: sample_id is 42; channel is nightly; submission_date is 2020-04-20 */
/* Made with querygen 0.1.0 */
WITH
-- The pings of telemetry.main that pass the filters and that carry the histogram.
pings AS (
  SELECT
    payload.histograms.fx_tab_switch_spinner_visible_ms AS histogram,
  FROM
    `telemetry.main`
  WHERE
    DATE(submission_timestamp) = DATE '2020-04-20'
    AND sample_id = 42
    AND normalized_channel = 'nightly'
    AND payload.histograms.fx_tab_switch_spinner_visible_ms IS NOT NULL
)
-- At most 3 pings, in the order of the fields, so that every run shows the same.
SELECT
  histogram,
FROM
  pings
ORDER BY
  histogram
LIMIT
  3
