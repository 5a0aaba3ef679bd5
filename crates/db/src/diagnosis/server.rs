//! Facts of the server: migrations, notifications, connections, replication, row security.

use super::{Asker, Options, Question};
use crate::{error::Result, migrate, trust::Thing};
use futures_util::future::join;
use refreshtop_core::diagnosis::{
    Check,
    server::{self, Facts},
};
use serde::Deserialize;

const FACTS: &str = "
    SELECT jsonb_build_object(
        'database', current_database(), 'standby', pg_is_in_recovery(),
        'queue', CASE WHEN NOT pg_is_in_recovery() THEN pg_notification_queue_usage() END,
        'max_connections', current_setting('max_connections')::int,
        'reserved', current_setting('superuser_reserved_connections')::int
                    + coalesce(current_setting('reserved_connections', true)::int, 0),
        -- Kinds of other roles' processes are hidden from some; that they have a database is not.
        'connections', (SELECT count(*) FROM pg_stat_activity
                        WHERE backend_type = 'client backend' OR backend_type IS NULL AND datid IS NOT NULL),
        'by_role', (SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]')
                    FROM (SELECT usename AS role, count(*) AS count FROM pg_stat_activity
                          WHERE backend_type = 'client backend' OR backend_type IS NULL AND datid IS NOT NULL
                          GROUP BY usename ORDER BY count(*) DESC, usename LIMIT 10) r),
        'slots', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', s.slot_name, 'active', s.active, 'status', s.wal_status,
                      'bytes', pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                                               s.restart_lsn)::bigint)), '[]')
                  FROM (SELECT * FROM pg_replication_slots WHERE NOT temporary ORDER BY restart_lsn LIMIT 20) s),
        'replay_age_s', CASE WHEN pg_is_in_recovery() THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 END,
        'caught_up', CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() END,
        'log', (SELECT jsonb_build_object('enabled', c.relrowsecurity,
                    -- Where there is no such role, only the owner looks.
                    'lets_in', to_regrole('refreshtop_admin') IS NULL OR EXISTS (
                        SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
                          AND p.polroles = ARRAY[to_regrole('refreshtop_admin')::oid]),
                    'others', (SELECT coalesce(jsonb_agg(p.polname ORDER BY p.polname), '[]') FROM pg_policy p
                               WHERE p.polrelid = c.oid AND p.polpermissive AND p.polname <> 'admins_read'
                                 AND p.polname NOT LIKE 'application@_%' ESCAPE '@'),
                    'public_rights', EXISTS (SELECT 1 FROM aclexplode(c.relacl) a WHERE a.grantee = 0))
                FROM pg_class c WHERE c.oid = to_regclass('public.metrics_refresh_log')))";

/// How the applied steps can be read here.
#[derive(Deserialize)]
struct Ways {
    schema: bool,
    helper: bool,
    /// Whether the tables of `platform_metrics` are there.
    sources: bool,
}

/// The steps, and whether the one of `platform_metrics` is left out.
struct Applied {
    steps: Vec<i64>,
    left_out: bool,
    /// Whether `platform_metrics` is installed, or should be.
    wanted: bool,
}

const WAYS: &str = "
    SELECT jsonb_build_object(
        'schema', to_regnamespace('refreshtop') IS NOT NULL,
        'sources', (SELECT count(*) = 4 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = 'public'
                      AND c.relname IN ('accounts', 'accounts_memberships', 'assets', 'software_licenses')),
        'helper', EXISTS (SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                          WHERE n.nspname = 'refreshtop' AND p.proname = 'applied_steps'))";

pub(super) async fn checks(asker: &Asker<'_>, options: &Options) -> [Check; 5] {
    let (applied, facts) = join(applied(asker), asker.catalog::<Facts>(FACTS)).await;
    // Nobody else sets it.
    let _ = asker.platform_metrics.set(applied.as_ref().map_or(true, |applied| applied.wanted));
    let migrations = match applied {
        Ok(Applied { steps, left_out: false, .. }) => server::migrations(&migrate::known(), &steps),
        Ok(Applied { steps, left_out: true, .. }) => server::without_platform_metrics(&migrate::needed(), &steps),
        Err(failure) => asker.unknown("migrations", "Migrations", &failure).await,
    };
    match facts {
        Ok(facts) => [
            migrations,
            server::queue(&facts),
            server::connections(&facts, &options.limits),
            server::replication(&facts, &options.limits),
            server::row_security(&facts),
        ],
        Err(failure) => [
            migrations,
            asker.unknown("notify-queue", "Queue of notifications", &failure).await,
            asker.unknown("connections", "Connections", &failure).await,
            asker.unknown("replication", "Replication", &failure).await,
            asker.unknown("row-security", "Who reads the log", &failure).await,
        ],
    }
}

async fn applied(asker: &Asker<'_>) -> Result<Applied> {
    let ways: Ways = asker.catalog(WAYS).await?;
    let sources = ways.sources;
    let steps = steps(asker, ways).await?;
    let applied = |version: &i64| steps.contains(version);
    let left_out = !sources && migrate::needed().iter().all(applied) && !migrate::known().iter().all(applied);
    let wanted = sources || migrate::known().iter().all(applied);
    Ok(Applied { steps, left_out, wanted })
}

async fn steps(asker: &Asker<'_>, ways: Ways) -> Result<Vec<i64>> {
    let (thing, query) = match ways {
        Ways { schema: false, .. } => return Ok(Vec::new()),
        Ways { helper: true, .. } => (Thing::Function("applied_steps"), "SELECT to_jsonb(refreshtop.applied_steps())"),
        // The table is the owner's.
        _ => (
            Thing::Relation("refreshtop.migrations"),
            "SELECT coalesce(jsonb_agg(version ORDER BY version), '[]') FROM refreshtop.migrations WHERE success",
        ),
    };
    asker.ask(&Question::about(&[thing], query)).await
}
