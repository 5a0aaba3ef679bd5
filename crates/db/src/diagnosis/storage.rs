//! Facts of the tables, the view and the log.

use super::{Asker, Options, Question, REACHED};
use crate::{
    error::Result,
    trust::{LOG, Thing},
};
use futures_util::future::join;
use refreshtop_core::diagnosis::{
    Check,
    storage::{self, Facts, Log, OLD_ROWS},
};

fn facts_query() -> String {
    format!(
        "WITH RECURSIVE {REACHED}, measured AS (
            SELECT relation FROM reached
            UNION SELECT to_regclass('public.metrics_refresh_log')::oid
        ), relation AS (
            SELECT c.oid, c.relowner, c.relname, c.relpages, c.reltuples, n.nspname,
                   -- A size is read under a lock: nobody who holds the table, or one of its indexes, is waited for.
                   EXISTS (SELECT 1 FROM pg_locks l
                           WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
                             AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                             AND (l.relation = c.oid OR l.relation IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = c.oid))) AS held
            FROM measured JOIN pg_class c ON c.oid = measured.relation JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'm') ORDER BY c.relpages DESC, c.oid LIMIT 200
        )
        SELECT jsonb_build_object('database', current_database(), 'standby', pg_is_in_recovery(),
            'view', (SELECT jsonb_build_object('populated', v.relispopulated, 'rows', v.reltuples,
                        'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
                                    WHERE a.attrelid = v.oid AND a.attnum > 0 AND NOT a.attisdropped),
                        'taken', (SELECT coalesce(jsonb_agg(t.relname), '[]') FROM pg_class t
                                  WHERE t.relnamespace = v.relnamespace AND t.relname LIKE 'platform\\_metrics\\_refresh\\_key%'),
                        'indexes', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', i.indexrelid::regclass::text,
                                        'unique', i.indisunique, 'valid', i.indisvalid, 'immediate', i.indimmediate,
                                        'partial', i.indpred IS NOT NULL, 'expression', i.indexprs IS NOT NULL,
                                        'btree', am.amname = 'btree',
                                        'nulls', (SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attnum), '[]')
                                                  FROM pg_attribute a JOIN pg_stats s ON s.schemaname = 'public'
                                                       AND s.tablename = 'platform_metrics' AND s.attname = a.attname
                                                  WHERE a.attrelid = v.oid AND a.attnum = ANY (i.indkey) AND s.null_frac > 0))
                                        ORDER BY i.indexrelid), '[]')
                                    FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam
                                    WHERE i.indrelid = v.oid))
                     FROM pg_class v WHERE v.oid = to_regclass('public.platform_metrics') AND v.relkind = 'm'),
            'relations', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', r.oid::regclass::text,
                'bytes', coalesce(CASE WHEN r.held THEN r.relpages::bigint * current_setting('block_size')::bigint
                                       ELSE pg_total_relation_size(r.oid) END, 0),
                'estimated', r.held, 'live', coalesce(s.n_live_tup, 0), 'dead', coalesce(s.n_dead_tup, 0),
                'planned_rows', r.reltuples, 'planned_pages', r.relpages, 'changed', coalesce(s.n_mod_since_analyze, 0),
                'vacuum_age_s', extract(epoch FROM clock_timestamp() - greatest(s.last_vacuum, s.last_autovacuum))::float8,
                'analyze_age_s', extract(epoch FROM clock_timestamp() - greatest(s.last_analyze, s.last_autoanalyze))::float8,
                'may_maintain', pg_has_role(current_user, r.relowner, 'USAGE')
                    OR pg_has_role(current_user, (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database()), 'USAGE')
                    OR CASE WHEN current_setting('server_version_num')::int >= 170000 THEN has_table_privilege(r.oid, 'MAINTAIN') ELSE false END,
                'has_statistics', CASE WHEN has_table_privilege(r.oid, 'SELECT') AND NOT row_security_active(r.oid)
                    THEN EXISTS (SELECT 1 FROM pg_stats p WHERE p.schemaname = r.nspname AND p.tablename = r.relname) END)
                ORDER BY r.nspname, r.relname), '[]')
                FROM relation r LEFT JOIN pg_stat_all_tables s ON s.relid = r.oid))"
    )
}

fn log_query() -> String {
    // Clean-up comes once a night: until it has had its turn, a row of yesterday's limit is no fault.
    format!(
        "WITH kept AS (
            SELECT coalesce((SELECT keep_log FROM refreshtop.views WHERE refresh_type = 'platform_metrics'), interval '30 days') AS span
        )
        SELECT jsonb_build_object('database', current_database(),
            'sees_rows', refreshtop.is_super_admin() OR NOT row_security_active('public.metrics_refresh_log'),
            'keep_days', extract(epoch FROM kept.span)::float8 / 86400,
            'old', (SELECT count(*) FROM (SELECT 1 FROM public.metrics_refresh_log l
                    WHERE l.created_at < now() - kept.span - interval '25 hours'
                      -- The last success of a view stays, however old it is.
                      AND (l.status <> 'success' OR EXISTS (
                          SELECT 1 FROM public.metrics_refresh_log n
                          WHERE n.refresh_type = l.refresh_type AND n.status = 'success' AND n.created_at > l.created_at))
                    LIMIT {OLD_ROWS} + 1) o),
            'future', (SELECT count(*) FROM (SELECT 1 FROM public.metrics_refresh_log
                       WHERE created_at > clock_timestamp() + interval '1 minute' AND created_at < 'infinity' LIMIT {OLD_ROWS} + 1) f),
            'ahead_s', (SELECT extract(epoch FROM created_at - clock_timestamp())::float8 FROM public.metrics_refresh_log
                        WHERE created_at > clock_timestamp() + interval '1 minute' AND created_at < 'infinity'
                        ORDER BY created_at DESC LIMIT 1),
            'oldest_days', (SELECT extract(epoch FROM now() - created_at)::float8 / 86400 FROM public.metrics_refresh_log
                            WHERE created_at IS NOT NULL ORDER BY created_at LIMIT 1))
        FROM kept"
    )
}

pub(super) async fn checks(asker: &Asker<'_>, options: &Options) -> [Check; 6] {
    let (facts, [log, future]) = join(facts(asker), log_checks(asker)).await;
    match facts {
        Ok(facts) => [
            storage::sizes(&facts),
            storage::dead_rows(&facts, &options.limits),
            storage::statistics(&facts),
            storage::unique_index(&facts),
            log,
            future,
        ],
        Err(failure) => [
            asker.unknown("sizes", "Sizes", &failure).await,
            asker.unknown("dead-rows", "Dead rows", &failure).await,
            asker.unknown("statistics", "Planner's statistics", &failure).await,
            asker.unknown("unique-index", "Index for concurrent refreshes", &failure).await,
            log,
            future,
        ],
    }
}

async fn facts(asker: &Asker<'_>) -> Result<Facts> {
    asker.catalog(&facts_query()).await
}

async fn log_checks(asker: &Asker<'_>) -> [Check; 2] {
    let things = [LOG, Thing::Function("is_super_admin"), Thing::Relation("refreshtop.views")];
    match asker.ask::<Log>(&Question::about(&things, &log_query())).await {
        Ok(log) => [storage::log_growth(&log), storage::future_rows(&log)],
        Err(failure) => [
            asker.unknown("log-growth", "Growth of the log", &failure).await,
            asker.unknown("future-rows", "Rows from the future", &failure).await,
        ],
    }
}
