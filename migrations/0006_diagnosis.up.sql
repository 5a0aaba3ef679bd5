-- What a diagnosis asks with the owner's rights, and the trace of what was mended.

-- The steps that are applied here. The table itself is the owner's.
CREATE FUNCTION refreshtop.applied_steps() RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM refreshtop.require_super_admin('see the applied steps');
    RETURN ARRAY(SELECT m.version FROM refreshtop.migrations m WHERE m.success ORDER BY m.version);
END
$$;

-- Jobs and their newest executions, where pg_cron lives in this database: as the owner, because pg_cron shows each role
-- only its own jobs. The same answer as the program's own query where pg_cron lives elsewhere.
CREATE FUNCTION refreshtop.cron_facts() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_facts jsonb;
BEGIN
    PERFORM refreshtop.require_super_admin('see the schedule');
    -- Only pg_cron's own table: a view of that name would run whatever its owner likes, with our rights.
    IF NOT EXISTS (SELECT 1 FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                   WHERE d.classid = 'pg_class'::regclass AND d.objid = to_regclass('cron.job') AND d.deptype = 'e'
                     AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'pg_cron') THEN
        RETURN NULL;
    END IF;
    -- The history has no index on the job: only the newest executions of all jobs are looked at.
    EXECUTE $query$
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'id', j.jobid, 'name', j.jobname, 'schedule', left(j.schedule, 200), 'command', left(j.command, 2000),
            'database', j.database, 'role', j.username, 'active', j.active,
            'runs', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                         'id', r.runid, 'status', r.status, 'message', left(r.return_message, 500), 'start', r.start_time,
                         'end', r.end_time, 'pid', r.job_pid) ORDER BY r.runid DESC), '[]')
                     FROM (SELECT * FROM cron.job_run_details d WHERE d.jobid = j.jobid
                             AND d.runid > (SELECT coalesce(max(m.runid), 0) - 2000 FROM cron.job_run_details m)
                           ORDER BY d.runid DESC LIMIT 10) r)) ORDER BY j.active DESC, j.jobid), '[]')
        FROM (SELECT * FROM cron.job c
              WHERE c.jobname ~ '^(refresh-platform-metrics|cleanup-metrics-logs)(@|$)'
                 OR c.command ~* '(refresh_platform_metrics_with_logging|cleanup_old_metrics_logs)'
              ORDER BY c.database = current_database() DESC, c.jobid LIMIT 50) j $query$
        INTO v_facts;
    RETURN v_facts;
END
$$;

-- Leaves the trace of a mend. A job that it scheduled goes with a rollback, like those that the migration put there.
CREATE FUNCTION refreshtop.record_mend(p_label text, p_database text, p_sql text, p_outcome text, p_scheduled bigint DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM refreshtop.require_super_admin('mend');
    PERFORM refreshtop.record_act('mend', left(p_outcome, 500), jsonb_build_object('label', left(p_label, 500),
        'database', p_database, 'sql', left(p_sql, 20000)));
    IF p_scheduled IS NOT NULL THEN
        INSERT INTO refreshtop.schedule_ledger (cron_database, act, undo)
        VALUES (p_database, format('the scheduling of job %s', p_scheduled), format(
            'DO $do$ BEGIN IF to_regclass(''cron.job'') IS NOT NULL THEN IF EXISTS (SELECT 1 FROM cron.job WHERE jobid = %1$s) '
            'THEN PERFORM cron.unschedule(%1$s::bigint); END IF; END IF; END $do$', p_scheduled));
    END IF;
END
$$;

DO $$
DECLARE
    v_function text;
BEGIN
    FOREACH v_function IN ARRAY ARRAY['refreshtop.applied_steps()', 'refreshtop.cron_facts()',
                                      'refreshtop.record_mend(text, text, text, text, bigint)'] LOOP
        -- Default privileges may have let others in.
        PERFORM refreshtop.strip_routine(v_function);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO refreshtop_admin', v_function);
    END LOOP;
END
$$;
