//! Facts of the tables, the view and the log.

use super::{Asker, Question, target::Target};
use crate::{
    error::Result,
    trust::{LOG, Thing},
};
use refreshtop_core::diagnosis::{
    Check,
    storage::{self, Facts, Log, OLD_ROWS},
};

fn facts_query(target: &Target) -> String {
    format!(
        "WITH RECURSIVE {reached}, relation AS (
            SELECT c.oid, c.relowner, c.relname, c.relpages, c.reltuples, n.nspname, age(c.relfrozenxid) AS xid_age,
                   -- A size is read under a lock: nobody who holds the table, or one of its indexes, is waited for.
                   EXISTS (SELECT 1 FROM pg_locks l
                           WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
                             AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                             AND (l.relation = c.oid OR l.relation IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = c.oid))) AS held
            FROM reached JOIN pg_class c ON c.oid = reached.relation JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'm') ORDER BY c.relpages DESC, c.oid LIMIT 200
        )
        SELECT jsonb_build_object('database', current_database(), 'standby', pg_is_in_recovery(),
            'freeze_max_age', current_setting('autovacuum_freeze_max_age')::bigint,
            'view', (SELECT jsonb_build_object('schema', vn.nspname, 'name', v.relname,
                        'populated', v.relispopulated, 'rows', v.reltuples,
                        'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
                                    WHERE a.attrelid = v.oid AND a.attnum > 0 AND NOT a.attisdropped),
                        'taken', (SELECT coalesce(jsonb_agg(t.relname), '[]') FROM pg_class t
                                  WHERE t.relnamespace = v.relnamespace AND t.relname LIKE '%\\_refresh\\_key%'),
                        'indexes', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', i.indexrelid::regclass::text,
                                        'unique', i.indisunique, 'valid', i.indisvalid, 'immediate', i.indimmediate,
                                        'partial', i.indpred IS NOT NULL, 'expression', i.indexprs IS NOT NULL,
                                        'btree', am.amname = 'btree',
                                        'nulls', (SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attnum), '[]')
                                                  FROM pg_attribute a JOIN pg_stats s ON s.schemaname = vn.nspname
                                                       AND s.tablename = v.relname AND s.attname = a.attname
                                                  WHERE a.attrelid = v.oid AND a.attnum = ANY (i.indkey) AND s.null_frac > 0))
                                        ORDER BY i.indexrelid), '[]')
                                    FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam
                                    WHERE i.indrelid = v.oid))
                     FROM pg_class v JOIN pg_namespace vn ON vn.oid = v.relnamespace
                     WHERE v.oid = (SELECT t.oid FROM target t)),
            'relations', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', r.oid::regclass::text,
                'bytes', coalesce(CASE WHEN r.held THEN r.relpages::bigint * current_setting('block_size')::bigint
                                       ELSE pg_total_relation_size(r.oid) END, 0),
                'estimated', r.held, 'xid_age', r.xid_age, 'live', coalesce(s.n_live_tup, 0), 'dead', coalesce(s.n_dead_tup, 0),
                'planned_rows', r.reltuples, 'planned_pages', r.relpages, 'changed', coalesce(s.n_mod_since_analyze, 0),
                'vacuum_age_s', extract(epoch FROM clock_timestamp() - greatest(s.last_vacuum, s.last_autovacuum))::float8,
                'analyze_age_s', extract(epoch FROM clock_timestamp() - greatest(s.last_analyze, s.last_autoanalyze))::float8,
                'may_maintain', pg_has_role(current_user, r.relowner, 'USAGE')
                    OR pg_has_role(current_user, (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database()), 'USAGE')
                    OR CASE WHEN current_setting('server_version_num')::int >= 170000 THEN has_table_privilege(r.oid, 'MAINTAIN') ELSE false END,
                'has_statistics', CASE WHEN has_table_privilege(r.oid, 'SELECT') AND NOT row_security_active(r.oid)
                    THEN EXISTS (SELECT 1 FROM pg_stats p WHERE p.schemaname = r.nspname AND p.tablename = r.relname) END)
                ORDER BY r.nspname, r.relname), '[]')
                FROM relation r LEFT JOIN pg_stat_all_tables s ON s.relid = r.oid))",
        reached = target.reached()
    )
}

/// Rows that clean-up should have deleted; what is judged is kept, and clean-up comes once a night: until it has had its
/// turn, a row of yesterday's limit is no fault.
fn log_query() -> String {
    format!(
        "WITH kept AS MATERIALIZED (
            SELECT v.refresh_type::text AS type, greatest(v.keep_log, v.stats_window, 2 * v.run_every, 2 * v.max_age) AS span
            FROM refreshtop.views v ORDER BY 1 LIMIT 2000
        )
        SELECT jsonb_build_object('database', current_database(),
            'sees_rows', refreshtop.is_super_admin() OR NOT row_security_active('public.metrics_refresh_log'),
            'old', (SELECT count(*) FROM (
                SELECT 1 FROM kept CROSS JOIN LATERAL (
                    SELECT 1 FROM public.metrics_refresh_log l
                    WHERE l.refresh_type = kept.type
                      AND l.created_at < now() - least(kept.span, interval '1000 years') - interval '25 hours'
                      -- The last success of a view stays, however old it is.
                      AND (l.status <> 'success' OR EXISTS (
                          SELECT 1 FROM public.metrics_refresh_log n
                          WHERE n.refresh_type = l.refresh_type AND n.status = 'success' AND n.created_at > l.created_at))
                    LIMIT {OLD_ROWS} + 1) o
                LIMIT {OLD_ROWS} + 1) o),
            'bytes', pg_total_relation_size('public.metrics_refresh_log'),
            'future', (SELECT count(*) FROM (SELECT 1 FROM public.metrics_refresh_log
                       WHERE created_at > clock_timestamp() + interval '1 minute' AND created_at < 'infinity' LIMIT {OLD_ROWS} + 1) f),
            'ahead_s', (SELECT extract(epoch FROM created_at - clock_timestamp())::float8 FROM public.metrics_refresh_log
                        WHERE created_at > clock_timestamp() + interval '1 minute' AND created_at < 'infinity'
                        ORDER BY created_at DESC LIMIT 1),
            'oldest_days', (SELECT extract(epoch FROM now() - created_at)::float8 / 86400 FROM public.metrics_refresh_log
                            WHERE created_at IS NOT NULL ORDER BY created_at LIMIT 1))"
    )
}

pub(super) async fn facts(asker: &Asker<'_>, target: &Target) -> Result<Facts> {
    asker.catalog(&facts_query(target)).await
}

pub(super) async fn log_checks(asker: &Asker<'_>) -> [Check; 2] {
    let things = [LOG, Thing::Function("is_super_admin"), Thing::Relation("refreshtop.views")];
    match asker.ask::<Log>(&Question::about(&things, &log_query())).await {
        Ok(log) => [storage::log_growth(&log), storage::future_rows(&log)],
        Err(failure) => [
            asker.unknown("log-growth", "Growth of the log", &failure).await,
            asker.unknown("future-rows", "Rows from the future", &failure).await,
        ],
    }
}
