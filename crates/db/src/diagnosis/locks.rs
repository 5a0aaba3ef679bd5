//! Facts of locks: which sessions wait for the view and its sources, which ones block them, and which are idle with
//! locks.

use super::{Asker, target::Target};
use crate::error::Result;
use refreshtop_core::diagnosis::locks::Facts;

/// The columns about a session `a` of `pg_stat_activity`.
const SESSION: &str = "
    a.pid, a.usename AS \"user\", left(a.application_name, 100) AS application, host(a.client_addr) AS client, a.state,
    a.backend_type AS kind, a.backend_start,
    extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS xact_age_s,
    extract(epoch FROM clock_timestamp() - a.state_change)::float8 AS state_age_s,
    CASE WHEN a.state = 'active' THEN extract(epoch FROM clock_timestamp() - a.query_start)::float8 END AS query_age_s,
    a.wait_event_type || ': ' || a.wait_event AS wait, left(a.query, 300) AS query,
    ARRAY(SELECT DISTINCT n.name || ' ' || n.mode || CASE WHEN n.granted THEN '' ELSE ' (waits)' END
          FROM near n WHERE n.pid = a.pid ORDER BY 1 LIMIT 20) AS locks";

/// Prepared transactions of this database with locks on these relations, or with an advisory lock: a refresh and a
/// migration wait for one of their own.
const PREPARED: &str = "
    SELECT 0 AS pid, p.owner AS \"user\", left(p.gid, 200) AS application, 'prepared' AS state,
           extract(epoch FROM clock_timestamp() - p.prepared)::float8 AS xact_age_s,
           extract(epoch FROM clock_timestamp() - p.prepared)::float8 AS state_age_s, '{}'::int[] AS blocked_by,
           array_agg(DISTINCT coalesce(n.name || ' ' || n.mode, 'advisory lock')) AS locks
    FROM pg_prepared_xacts p
    JOIN lock own ON own.locktype = 'transactionid' AND own.transactionid = p.transaction AND own.pid IS NULL
    JOIN lock l ON l.virtualtransaction = own.virtualtransaction
    LEFT JOIN near n ON n.virtualtransaction = l.virtualtransaction
    WHERE p.database = current_database() AND (l.locktype = 'advisory' OR n.name IS NOT NULL)
    GROUP BY p.gid, p.owner, p.prepared ORDER BY p.prepared LIMIT 20";

fn query(target: &Target) -> String {
    format!(
        "WITH RECURSIVE {reached}, lock AS MATERIALIZED (
            SELECT * FROM pg_locks
        ), near AS MATERIALIZED (
            SELECT l.pid, l.virtualtransaction, c.oid::regclass::text AS name, l.mode, l.granted
            FROM lock l JOIN reached ON reached.relation = l.relation JOIN pg_class c ON c.oid = l.relation
            WHERE l.locktype = 'relation' AND c.relkind IN ('r', 'p', 'f', 'm', 'v') AND l.pid IS DISTINCT FROM pg_backend_pid()
              AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        ), involved(pid) AS (
            -- Whoever has to do with these relations and waits, be it for a row of them, or for something else.
            SELECT w.pid FROM (SELECT DISTINCT n.pid FROM near n JOIN lock l ON l.pid = n.pid WHERE NOT l.granted ORDER BY 1 LIMIT 50) w
            UNION
            -- Whoever has a relation to itself is in the way of the next refresh, whether or not anybody waits now.
            SELECT h.pid FROM (SELECT DISTINCT n.pid FROM near n
                               WHERE n.granted AND n.mode = 'AccessExclusiveLock' AND n.pid IS NOT NULL ORDER BY 1 LIMIT 20) h
            UNION
            SELECT b.pid FROM involved CROSS JOIN LATERAL unnest(pg_blocking_pids(involved.pid)) AS b(pid)
            WHERE b.pid <> 0 AND b.pid <> pg_backend_pid()
        ), blocked AS MATERIALIZED (
            SELECT pid, ARRAY(SELECT DISTINCT b FROM unnest(pg_blocking_pids(pid)) b WHERE b <> pg_backend_pid() ORDER BY b) AS blocked_by
            FROM involved LIMIT 200
        ), chain AS (
            SELECT {SESSION}, blocked.blocked_by FROM blocked JOIN pg_stat_activity a USING (pid)
            UNION ALL
            -- A prepared transaction holds its locks without any session.
            SELECT 0, p.owner, p.gid, NULL, 'prepared', 'prepared transaction', NULL,
                   extract(epoch FROM clock_timestamp() - p.prepared)::float8, NULL, NULL, NULL, NULL,
                   array_agg(DISTINCT n.name || ' ' || n.mode), '{{}}'
            FROM near n
            JOIN lock own ON own.locktype = 'transactionid' AND own.virtualtransaction = n.virtualtransaction
            JOIN pg_prepared_xacts p ON p.transaction = own.transactionid
            WHERE n.pid IS NULL
              AND (EXISTS (SELECT 1 FROM blocked WHERE 0 = ANY (blocked_by)) OR n.mode = 'AccessExclusiveLock')
            GROUP BY p.gid, p.owner, p.prepared
        )
        SELECT jsonb_build_object('database', current_database(),
            'sees_sessions', pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
            'chain', (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]')
                      FROM (SELECT * FROM chain ORDER BY cardinality(blocked_by), xact_age_s DESC NULLS LAST LIMIT 60) c),
            'idle', (SELECT coalesce(jsonb_agg(to_jsonb(i)), '[]')
                     FROM (SELECT {SESSION}, '{{}}'::int[] AS blocked_by FROM pg_stat_activity a
                           WHERE a.state LIKE 'idle in transaction%' AND a.pid IN (SELECT n.pid FROM near n WHERE n.granted)
                           ORDER BY a.state_change LIMIT 20) i),
            'prepared', (SELECT coalesce(jsonb_agg(to_jsonb(p)), '[]') FROM ({PREPARED}) p))",
        reached = target.reached()
    )
}

pub(super) async fn facts(asker: &Asker<'_>, target: &Target) -> Result<Facts> {
    asker.catalog(&query(target)).await
}
