//! A day of invented refreshes, so that the charts have data from the start.
//!
//! They are marked by their `application_name`.

use crate::demo::session::{Session, SessionError};

/// Adds 24 hours of refreshes, one each five minutes, whose durations vary about `typical_ms`, so that real ones
/// continue the curve. Three kinds of failure are among them.
pub async fn run(session: &Session, typical_ms: f64) -> Result<(), SessionError> {
    // Always with a decimal point, so that it is a numeric in SQL.
    session.run(&HISTORY.replace("$typical_ms", &format!("{typical_ms:.3}"))).await
}

/// Slot 0 is the last full five minutes. The figures and sizes lead up to those of the first real refresh, at the
/// growth of the seed's 30 days; only one table swells, like one that is updated more than it is vacuumed. `load` peaks at 15:00
/// UTC; three summed random numbers are near enough to a bell curve; one refresh in fifty has a bad day.
const HISTORY: &str = r#"
WITH slot AS (
    SELECT n, to_timestamp((floor((extract(epoch FROM now()) - 15) / 300) - n) * 300) + random() * interval '200 ms' AS started_at
    FROM generate_series(0, 287) AS n
), load AS (
    SELECT n, started_at,
           (1 + 0.3 * cos((extract(epoch FROM started_at) / 3600 - 15) / 12 * pi()))
           * (1 + 0.15 * (random() + random() + random() - 1.5))
           * CASE WHEN random() < 0.02 THEN 2 + random() ELSE 1 END AS load,
           n % 53 = 7 AS is_manual
    FROM slot
), failure (n, duration_ms, sqlstate, message, detail, hint, application, username, query) AS (VALUES
    (26, 5003.184, '55P03', 'canceling statement due to lock timeout', NULL, NULL,
     'nightly-export', 'etl', 'LOCK TABLE public.assets IN ACCESS EXCLUSIVE MODE'),
    (103, 2140.771, '57014', 'canceling statement due to user request', NULL, NULL, NULL, NULL, NULL),
    (166, 5001.926, '55P03', 'canceling statement due to lock timeout', NULL, NULL,
     'schema-migration', 'deploy', 'ALTER TABLE public.accounts ADD COLUMN region text'),
    (241, 318.402, '53100', 'could not write to file "base/pgsql_tmp/pgsql_tmp2178.3": No space left on device',
     NULL, 'Check free disk space.', NULL, NULL, NULL)
), attempt AS (
    SELECT load.n AS slot, started_at, is_manual, failure.*,
           coalesce(failure.duration_ms, round((load * $typical_ms)::numeric, 3)) AS took_ms
    FROM load LEFT JOIN failure ON failure.n = load.n
), timed AS (
    SELECT *, started_at + took_ms::float8 * interval '1 ms' AS completed_at FROM attempt
), base AS (
    SELECT measured FROM public.metrics_refresh_log WHERE measured IS NOT NULL ORDER BY created_at DESC LIMIT 1
)
INSERT INTO public.metrics_refresh_log (
    id, refresh_type, status, duration_ms, error_message, started_at, completed_at, created_at, sqlstate, error_detail,
    error_hint, error_context, trigger_source, triggered_by, login_role, application_name, backend_pid, measured, black_box)
SELECT gen_random_uuid(), 'platform_metrics', CASE WHEN sqlstate IS NULL THEN 'success' ELSE 'error' END,
       took_ms, message, started_at, completed_at, completed_at, sqlstate, detail, hint,
       CASE WHEN sqlstate IS NOT NULL THEN
           'SQL statement "REFRESH MATERIALIZED VIEW CONCURRENTLY public.platform_metrics"' END,
       CASE WHEN is_manual THEN 'manual' ELSE 'schedule' END, current_user, session_user, 'refreshtop demo history',
       NULL,
       CASE WHEN sqlstate IS NULL THEN (SELECT jsonb_build_object(
           'figures', (SELECT jsonb_object_agg(key, round(value::text::numeric * (1 - slot * CASE WHEN key LIKE 'new%' THEN 0.00003 ELSE 0.0000065 END)))
                       FROM jsonb_each(base.measured -> 'figures')),
           'sources', (SELECT jsonb_object_agg(key, (SELECT jsonb_object_agg(size.key,
                                   round(size.value::text::numeric * (1 - slot * CASE WHEN source.key LIKE '%assets' AND size.key = 'bytes' THEN 0.0006 ELSE 0.0000065 END)))
                               FROM jsonb_each(source.value) AS size))
                       FROM jsonb_each(base.measured -> 'sources') AS source)) FROM base) END,
       CASE WHEN sqlstate IS NOT NULL THEN jsonb_build_object('captured_at', completed_at, 'sessions',
           CASE WHEN application IS NULL THEN '[]'::jsonb ELSE jsonb_build_array(
               jsonb_build_object('pid', 2411, 'user', username, 'application', application, 'client', '10.20.0.17',
                   'state', 'idle in transaction', 'xact_age_s', 41.5, 'query_start', started_at - interval '41.5 s',
                   'query', query, 'blocked_by', '[]'::jsonb, 'locks', jsonb_build_array(jsonb_build_object(
                       'relation', substring(query FROM 'public\.\w+'), 'mode', 'AccessExclusiveLock', 'granted', true))),
               jsonb_build_object('pid', 2440, 'user', 'app', 'application', 'app-backend', 'client', '10.20.0.4',
                   'state', 'active', 'xact_age_s', 3.2, 'query_start', started_at + interval '1.8 s',
                   'query', 'INSERT INTO public.assets (account_id) VALUES ($1)', 'blocked_by', '[2411]'::jsonb,
                   'locks', jsonb_build_array(jsonb_build_object(
                       'relation', substring(query FROM 'public\.\w+'), 'mode', 'RowExclusiveLock', 'granted', false)))
           ) END) END
FROM timed
"#;
