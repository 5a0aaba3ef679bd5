-- What only other sessions can show: which sessions block a refresh, which one runs a refresh, what triggered it. The
-- functions belong to refreshtop_monitor, the only role of ours that may see other roles' sessions, and they read only
-- catalogues and statistics views. Without the roles they belong to the owner, and show as much as that role may see.

-- The evidence of this moment: the sessions that hold, or wait for, a lock that blocks the refresh, and the sessions
-- that they wait for.
CREATE OR REPLACE FUNCTION refreshtop_definers.black_box(p_view oid, p_relations oid[]) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_box jsonb;
BEGIN
    -- Activity that was read earlier in this transaction is cached, but the blocker's current activity is needed.
    PERFORM pg_stat_clear_snapshot();
    WITH RECURSIVE lock AS MATERIALIZED (
        SELECT l.pid, l.virtualtransaction, l.relation, l.mode, l.granted, l.relation = p_view AS is_view
        FROM pg_locks l
        WHERE l.locktype = 'relation' AND l.relation = ANY (p_relations) AND l.pid IS DISTINCT FROM pg_backend_pid()
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ), involved(pid) AS (
        -- A refresh takes EXCLUSIVE on the view and ACCESS SHARE on what it reads.
        SELECT lock.pid FROM lock
        WHERE lock.pid IS NOT NULL
          AND CASE WHEN is_view THEN mode <> 'AccessShareLock' ELSE mode = 'AccessExclusiveLock' END
        UNION
        SELECT blocker.pid FROM involved CROSS JOIN LATERAL unnest(pg_blocking_pids(involved.pid)) AS blocker(pid)
        WHERE blocker.pid <> 0 AND blocker.pid <> pg_backend_pid()
    ), session AS (
        SELECT a.pid,
               a.usename AS "user",
               left(a.application_name, 100) AS application,
               host(a.client_addr) AS client,
               a.state,
               round(extract(epoch FROM clock_timestamp() - a.xact_start)::numeric, 3) AS xact_age_s,
               a.query_start,
               left(a.query, 200) AS query,
               (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object(
                    'relation', lock.relation::regclass::text, 'mode', lock.mode, 'granted', lock.granted)), '[]')
                FROM lock WHERE lock.pid = a.pid) AS locks,
               to_jsonb(array_remove(pg_blocking_pids(a.pid), pg_backend_pid())) AS blocked_by
        FROM involved JOIN pg_stat_activity a USING (pid)
        UNION ALL
        -- A prepared transaction holds its locks without any session.
        SELECT 0,
               p.owner,
               left('prepared transaction ' || p.gid, 100),
               NULL,
               'prepared',
               round(extract(epoch FROM clock_timestamp() - p.prepared)::numeric, 3),
               p.prepared,
               NULL,
               jsonb_agg(DISTINCT jsonb_build_object(
                   'relation', lock.relation::regclass::text, 'mode', lock.mode, 'granted', lock.granted)),
               '[]'
        FROM lock
        JOIN pg_locks own ON own.locktype = 'transactionid' AND own.virtualtransaction = lock.virtualtransaction
        JOIN pg_prepared_xacts p ON p.transaction = own.transactionid
        WHERE lock.pid IS NULL
          AND CASE WHEN is_view THEN lock.mode <> 'AccessShareLock' ELSE lock.mode = 'AccessExclusiveLock' END
        GROUP BY p.gid, p.owner, p.prepared
    )
    SELECT jsonb_build_object(
               'captured_at', clock_timestamp(),
               'sessions', coalesce(jsonb_agg(to_jsonb(top) - 'place' ORDER BY place), '[]'))
    INTO v_box
    FROM (SELECT *, row_number() OVER (ORDER BY jsonb_array_length(blocked_by), xact_age_s DESC NULLS LAST) AS place
          FROM session ORDER BY place LIMIT 20) top;
    RETURN v_box;
EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
    -- The row must be written even if the evidence can't be collected; a second cancel arrives just here.
    RETURN jsonb_build_object('captured_at', clock_timestamp(), 'sessions', '[]'::jsonb, 'error', left(SQLERRM, 500));
END
$$;

-- The session that is refreshing a view right now.
CREATE OR REPLACE FUNCTION refreshtop_definers.running(p_view oid)
RETURNS TABLE (pid integer, since timestamptz, application_name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT l.pid, a.xact_start, left(a.application_name, 100)
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND l.mode = 'ExclusiveLock' AND l.relation = p_view AND l.pid <> pg_backend_pid()
      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    ORDER BY l.granted DESC, a.xact_start
    LIMIT 1;
END
$$;

-- What triggered this session's attempt, if the caller did not say so.
CREATE OR REPLACE FUNCTION refreshtop_definers.session_source() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN a.backend_type LIKE 'pg_cron%'
          OR a.application_name LIKE 'pg_cron%'
          OR a.application_name LIKE 'refreshtop schedule%'
        THEN 'schedule'
        ELSE 'direct'
    END
    FROM pg_stat_get_activity(pg_backend_pid()) a
$$;

SELECT refreshtop_migration.give('refreshtop_definers.black_box(oid, oid[])', refreshtop_migration.role('monitor')),
       refreshtop_migration.give('refreshtop_definers.running(oid)', refreshtop_migration.role('monitor')),
       refreshtop_migration.give('refreshtop_definers.session_source()', refreshtop_migration.role('monitor'));
SELECT refreshtop_migration.let_monitor('pg_read_all_stats');

SELECT refreshtop_migration.as_owner();
CREATE OR REPLACE FUNCTION refreshtop.running(p_refresh_type text DEFAULT 'platform_metrics')
RETURNS TABLE (pid integer, since timestamptz, application_name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.pid, r.since, r.application_name
    FROM refreshtop.views v
    CROSS JOIN LATERAL refreshtop_definers.running(v.view_oid) r
    WHERE v.refresh_type = p_refresh_type;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.running(text)', 'admin');
SELECT refreshtop_migration.as_migrator();
