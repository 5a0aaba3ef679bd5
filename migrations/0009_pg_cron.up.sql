-- What pg_cron knows about our jobs, if it is in this database. pg_cron shows each role only its own jobs, so these
-- functions belong to the role that the jobs run as. They read only pg_cron's own tables: without pg_cron, anybody may
-- have created a schema with that name.
SELECT refreshtop_migration.as_owner();
CREATE OR REPLACE FUNCTION refreshtop.has_cron() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- By name in the catalogue, because to_regclass() fails in a schema without USAGE.
    SELECT count(*) = 2
    FROM pg_depend d
    JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
    JOIN pg_class c ON c.oid = d.objid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE e.extname = 'pg_cron' AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
      AND n.nspname = 'cron' AND c.relkind = 'r' AND c.relname IN ('job', 'job_run_details')
$$;
SELECT refreshtop_migration.seal('refreshtop.has_cron()');
SELECT refreshtop_migration.as_migrator();

CREATE OR REPLACE FUNCTION refreshtop_definers.cron_job(p_job_name text)
RETURNS TABLE (schedule text, command text, active boolean, last_status text, last_message text, last_start timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- As text, because the tables need not exist when this is created. The history is indexed only by its own number;
    -- it is read backwards until an execution of the job is found.
    RETURN QUERY EXECUTE $query$
        SELECT j.schedule::text, j.command::text, j.active, d.status::text, left(d.return_message, 200), d.start_time
        FROM cron.job j
        LEFT JOIN LATERAL (
            SELECT r.status, r.return_message, r.start_time FROM cron.job_run_details r
            WHERE r.jobid = j.jobid AND r.runid > (SELECT coalesce(max(m.runid), 0) - 20000 FROM cron.job_run_details m)
            ORDER BY r.runid DESC LIMIT 1) d ON true
        WHERE j.jobname IN ($1, $1 || '@' || current_database()) AND j.database = current_database()
        ORDER BY j.username = current_user DESC, j.active DESC, j.jobid DESC LIMIT 1 $query$ USING p_job_name;
END
$$;

-- Jobs and their newest executions, with the same columns as the program's own query if pg_cron is in another database.
CREATE OR REPLACE FUNCTION refreshtop_definers.cron_facts() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_facts jsonb;
BEGIN
    EXECUTE $query$
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'id', j.jobid,
            'name', j.jobname,
            'schedule', left(j.schedule, 200),
            'command', left(j.command, 2000),
            'database', j.database,
            'role', j.username,
            'active', j.active,
            'runs', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                         'id', r.runid,
                         'status', r.status,
                         'message', left(r.return_message, 500),
                         'start', r.start_time,
                         'end', r.end_time,
                         'pid', r.job_pid) ORDER BY r.runid DESC), '[]')
                     FROM (SELECT * FROM cron.job_run_details d
                           WHERE d.jobid = j.jobid
                             AND d.runid > (SELECT coalesce(max(m.runid), 0) - 20000 FROM cron.job_run_details m)
                           ORDER BY d.runid DESC LIMIT 10) r)) ORDER BY j.active DESC, j.jobid), '[]')
        FROM (SELECT * FROM cron.job c
              WHERE c.jobname ~ '^(refresh-platform-metrics|cleanup-metrics-logs)(@|$)'
                 OR c.command ~* '(refresh_platform_metrics_with_logging|cleanup_old_metrics_logs)'
              ORDER BY c.database = current_database() DESC, c.jobid LIMIT 50) j $query$
        INTO v_facts;
    RETURN v_facts;
END
$$;

-- Changes the job with that name in this database, if it runs as the owner of this function.
CREATE OR REPLACE FUNCTION refreshtop_definers.change_job(
    p_job_name text,
    p_schedule text,
    p_active boolean,
    p_remove boolean
)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_job bigint;
BEGIN
    EXECUTE $query$
        SELECT j.jobid FROM cron.job j
        WHERE j.jobname IN ($1, $1 || '@' || current_database())
          AND j.database = current_database()
          AND j.username = current_user
          -- Without a backslash, which is an escape in some sessions.
          AND j.command ~ '^[[:space:]]*SELECT '
                          '(public[.](refresh_platform_metrics_with_logging|cleanup_old_metrics_logs)|'
                          'refreshtop[.]cleanup_logs)[(][)];?[[:space:]]*$'
        ORDER BY j.active DESC, j.jobid DESC LIMIT 1 $query$ INTO v_job USING p_job_name;
    IF v_job IS NULL THEN
        RETURN false;
    ELSIF p_remove THEN
        EXECUTE 'SELECT cron.unschedule($1)' USING v_job;
    ELSE
        EXECUTE 'SELECT cron.alter_job($1, schedule := $2, active := $3)' USING v_job, p_schedule, p_active;
    END IF;
    RETURN true;
END
$$;

-- The database of pg_cron, and the time zone of its schedules: settings that not every role may read. Up to pg_cron 1.4
-- the time zone is no setting, and a line for it in the configuration has no effect; then PostgreSQL does not list it.
-- Every poll calls this: in PL/pgSQL a session plans it once. It does not use current_setting(), which would return a
-- value that anybody has set under that name if pg_cron is not loaded.
CREATE OR REPLACE FUNCTION refreshtop_definers.cron_settings()
RETURNS TABLE (database text, zone text, readable boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    readable := pg_has_role(current_user, 'pg_read_all_settings', 'USAGE');
    IF readable THEN
        SELECT nullif(max(s.setting) FILTER (WHERE s.name = 'cron.database_name'), ''),
               nullif(max(s.setting) FILTER (WHERE s.name = 'cron.timezone'), '')
        INTO database, zone
        FROM pg_settings s WHERE s.name IN ('cron.database_name', 'cron.timezone');
    ELSIF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
        database := current_database();
    END IF;
    zone := coalesce(zone, 'GMT');
    RETURN NEXT;
END
$$;

SELECT refreshtop_migration.give('refreshtop_definers.cron_job(text)', refreshtop_migration.role('job')),
       refreshtop_migration.give('refreshtop_definers.cron_facts()', refreshtop_migration.role('job')),
       refreshtop_migration.give('refreshtop_definers.change_job(text, text, boolean, boolean)',
                                 refreshtop_migration.role('job')),
       refreshtop_migration.give('refreshtop_definers.cron_settings()', refreshtop_migration.role('monitor'));
SELECT refreshtop_migration.let_monitor('pg_read_all_settings');

SELECT refreshtop_migration.as_owner();
CREATE OR REPLACE FUNCTION refreshtop.cron_settings()
RETURNS TABLE (database text, utc_offset integer, readable boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT s.database,
           extract(epoch FROM (now() AT TIME ZONE s.zone) - (now() AT TIME ZONE 'UTC'))::integer,
           s.readable
    FROM refreshtop_definers.cron_settings() s;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.cron_settings()', 'admin');

CREATE OR REPLACE FUNCTION refreshtop.cron_job(p_job_name text DEFAULT 'refresh-platform-metrics')
RETURNS TABLE (schedule text, command text, active boolean, last_status text, last_message text, last_start timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF refreshtop.has_cron() THEN
        RETURN QUERY SELECT * FROM refreshtop_definers.cron_job(p_job_name);
    END IF;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.cron_job(text)', 'admin');

CREATE OR REPLACE FUNCTION refreshtop.cron_facts() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF refreshtop.has_cron() THEN
        RETURN refreshtop_definers.cron_facts();
    END IF;
    RETURN NULL;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.cron_facts()', 'admin');

-- Changes one of our jobs of this database; NULL keeps a value. False if there is no such job, or if pg_cron is in
-- another database.
CREATE OR REPLACE FUNCTION refreshtop.change_job(
    p_job_name text,
    p_schedule text,
    p_active boolean,
    p_remove boolean DEFAULT false
)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_job_name NOT IN ('refresh-platform-metrics', 'cleanup-metrics-logs') OR NOT refreshtop.has_cron()
       OR refreshtop.not_at_home() IS NOT NULL
       OR NOT refreshtop_definers.change_job(p_job_name, p_schedule, p_active, p_remove) THEN
        RETURN false;
    END IF;
    PERFORM refreshtop.note_act(
        CASE WHEN p_remove THEN 'job remove'
             WHEN p_schedule IS NOT NULL THEN 'job every'
             WHEN p_active THEN 'job resume'
             ELSE 'job pause' END,
        'success',
        jsonb_build_object('job', p_job_name, 'schedule', p_schedule));
    RETURN true;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.change_job(text, text, boolean, boolean)', 'admin');
SELECT refreshtop_migration.as_migrator();
