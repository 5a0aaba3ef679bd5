-- The refresh itself, for any materialized view that is registered here under its refresh_type.

CREATE TABLE refreshtop.views (
    refresh_type varchar(100) PRIMARY KEY,
    view_schema  name NOT NULL DEFAULT 'public',
    view_name    name NOT NULL,
    lock_timeout interval NOT NULL DEFAULT '5 s' CHECK (lock_timeout BETWEEN '1 ms' AND '1 h'),
    keep_log     interval NOT NULL DEFAULT '30 days' CHECK (keep_log >= '1 hour'),
    UNIQUE (view_schema, view_name)
);
COMMENT ON TABLE refreshtop.views IS 'Materialized views that refreshtop refreshes; a refresh holds its row locked, so that two never run at once';
COMMENT ON COLUMN refreshtop.views.lock_timeout IS 'How long a refresh waits for a lock before it gives up with a logged error';
GRANT SELECT ON refreshtop.views TO refreshtop_admin;
INSERT INTO refreshtop.views (refresh_type, view_name) VALUES ('platform_metrics', 'platform_metrics');

-- What was done to pg_cron, which may live in another database of the cluster, and how to undo it there.
CREATE TABLE refreshtop.schedule_ledger (
    seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cron_database name NOT NULL,
    act           text NOT NULL,
    undo          text NOT NULL
);
COMMENT ON TABLE refreshtop.schedule_ledger IS 'What was added to pg_cron, and the statement that undoes it in the database where pg_cron lives';

-- The view and every relation that its refresh reads: tables, partitions, and what lies behind plain views.
CREATE FUNCTION refreshtop.relations(p_view oid) RETURNS SETOF oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE reached(relation) AS (
        SELECT p_view
        UNION
        SELECT next.relation
        FROM reached
        CROSS JOIN LATERAL (
            SELECT d.refobjid
            FROM pg_rewrite r
            JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
            JOIN pg_class c ON c.oid = r.ev_class
            WHERE r.ev_class = reached.relation AND (c.relkind = 'v' OR r.ev_class = p_view)
            UNION ALL
            SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = reached.relation
        ) next(relation)
    )
    SELECT c.oid FROM reached JOIN pg_class c ON c.oid = reached.relation WHERE c.relkind IN ('r', 'p', 'f', 'm', 'v')
$$;

-- The evidence of the moment: who holds, or waits for, a lock that stops the refresh, and whom those wait for.
CREATE FUNCTION refreshtop.black_box(p_view oid) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_box jsonb;
BEGIN
    -- The activity seen earlier in this transaction is cached; the blocker's is wanted as it is now.
    PERFORM pg_stat_clear_snapshot();
    WITH RECURSIVE relation AS MATERIALIZED (
        SELECT r.oid, r.oid = p_view AS is_view FROM refreshtop.relations(p_view) AS r(oid)
    ), lock AS MATERIALIZED (
        SELECT l.pid, l.virtualtransaction, l.relation, l.mode, l.granted, relation.is_view
        FROM pg_locks l JOIN relation ON relation.oid = l.relation
        WHERE l.locktype = 'relation' AND l.pid IS DISTINCT FROM pg_backend_pid()
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
        SELECT a.pid, a.usename AS "user", left(a.application_name, 100) AS application, host(a.client_addr) AS client,
               a.state, round(extract(epoch FROM clock_timestamp() - a.xact_start)::numeric, 3) AS xact_age_s,
               a.query_start, left(a.query, 200) AS query,
               (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('relation', lock.relation::regclass::text,
                           'mode', lock.mode, 'granted', lock.granted)), '[]') FROM lock WHERE lock.pid = a.pid) AS locks,
               to_jsonb(array_remove(pg_blocking_pids(a.pid), pg_backend_pid())) AS blocked_by
        FROM involved JOIN pg_stat_activity a USING (pid)
        UNION ALL
        -- A prepared transaction holds its locks without any session.
        SELECT 0, p.owner, left('prepared transaction ' || p.gid, 100), NULL, 'prepared',
               round(extract(epoch FROM clock_timestamp() - p.prepared)::numeric, 3), p.prepared, NULL,
               jsonb_agg(DISTINCT jsonb_build_object('relation', lock.relation::regclass::text, 'mode', lock.mode, 'granted', lock.granted)),
               '[]'
        FROM lock
        JOIN pg_locks own ON own.locktype = 'transactionid' AND own.virtualtransaction = lock.virtualtransaction
        JOIN pg_prepared_xacts p ON p.transaction = own.transactionid
        WHERE lock.pid IS NULL
          AND CASE WHEN is_view THEN lock.mode <> 'AccessShareLock' ELSE lock.mode = 'AccessExclusiveLock' END
        GROUP BY p.gid, p.owner, p.prepared
    )
    SELECT jsonb_build_object('captured_at', clock_timestamp(), 'sessions', coalesce(jsonb_agg(to_jsonb(top) - 'place' ORDER BY place), '[]'))
    INTO v_box
    FROM (SELECT *, row_number() OVER (ORDER BY jsonb_array_length(blocked_by), xact_age_s DESC NULLS LAST) AS place
          FROM session ORDER BY place LIMIT 20) top;
    RETURN v_box;
EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
    -- Evidence that can't be taken must not cost the row that would say so; a second cancel arrives just here.
    RETURN jsonb_build_object('captured_at', clock_timestamp(), 'sessions', '[]'::jsonb, 'error', left(SQLERRM, 500));
END
$$;

-- What set this session's attempt off, where the caller did not say.
CREATE FUNCTION refreshtop.session_source() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN a.backend_type LIKE 'pg_cron%' OR a.application_name LIKE 'pg_cron%' OR a.application_name LIKE 'refreshtop schedule%'
        THEN 'schedule' ELSE 'direct' END
    FROM pg_stat_activity a WHERE a.pid = pg_backend_pid()
$$;

-- Who is refreshing the view right now.
CREATE FUNCTION refreshtop.running(p_refresh_type text DEFAULT 'platform_metrics')
RETURNS TABLE (pid integer, since timestamptz, application_name text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM refreshtop.require_super_admin('see running refreshes');
    RETURN QUERY
        SELECT l.pid, a.xact_start, left(a.application_name, 100)
        FROM refreshtop.views v
        JOIN pg_locks l ON l.locktype = 'relation' AND l.mode = 'ExclusiveLock'
             AND l.relation = to_regclass(format('%I.%I', v.view_schema, v.view_name))
             AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        LEFT JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE v.refresh_type = p_refresh_type AND l.pid <> pg_backend_pid()
        ORDER BY l.granted DESC, a.xact_start
        LIMIT 1;
END
$$;

-- Remember the start of each attempt that has not come to its end, in microseconds since 1970; 0 is a free slot. A
-- sequence is the one thing in a database that the end of a transaction does not undo: what it says outlives a session
-- that is terminated, and a server that crashes, in the middle of an attempt. Eight slots, because the attempt that
-- would log the loss of another may be lost itself.
CREATE FUNCTION refreshtop.attempt_slots(p_refresh_type text) RETURNS regclass[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_slots regclass[] := '{}';
    v_name  text;
BEGIN
    FOR i IN 1 .. 8 LOOP
        v_name := format('refreshtop.attempt_%s_%s', substr(encode(sha256(convert_to(p_refresh_type, 'UTF8')), 'hex'), 1, 32), i);
        IF to_regclass(v_name) IS NULL THEN
            EXECUTE format('CREATE SEQUENCE %s MINVALUE 0 START 0', v_name);
            EXECUTE format('COMMENT ON SEQUENCE %s IS %L', v_name, 'Start of an unfinished attempt to refresh ' || p_refresh_type);
        END IF;
        v_slots := v_slots || v_name::regclass;
    END LOOP;
    RETURN v_slots;
END
$$;

-- Logs the attempts that could not log themselves: their sessions were terminated, or the server went down, while they
-- ran. Returns a slot for the attempt that begins now. A log that takes no row must not stop it.
CREATE FUNCTION refreshtop.log_lost_attempts(p_refresh_type text, p_slots regclass[]) RETURNS regclass
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_slot    regclass;
    v_free    regclass;
    v_id      uuid;
    v_micros  bigint;
    v_started timestamptz;
BEGIN
    FOREACH v_slot IN ARRAY p_slots LOOP
        EXECUTE format('SELECT last_value FROM %s', v_slot) INTO v_micros;
        IF v_micros = 0 THEN
            v_free := v_slot;
            CONTINUE;
        END IF;
        v_id := gen_random_uuid();
        v_started := 'epoch'::timestamptz + v_micros * interval '1 microsecond';
        INSERT INTO public.metrics_refresh_log (id, refresh_type, status, error_message, started_at, created_at)
        VALUES (v_id, p_refresh_type, 'error',
                'this attempt ended without a trace: its session was terminated, or the server went down, while it ran',
                v_started, v_started);
        PERFORM pg_notify('metrics_refresh', jsonb_build_object('id', v_id, 'refresh_type', p_refresh_type, 'status', 'error',
            'started_at', v_started)::text);
    END LOOP;
    RETURN coalesce(v_free, p_slots[1]);
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'a lost attempt could not be logged: %', left(SQLERRM, 500);
    RETURN p_slots[1];
END
$$;

CREATE FUNCTION refreshtop.refresh(p_refresh_type text, p_source text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Set here so that the caller's own value comes back at return; the view's own limit is set below.
SET lock_timeout = '5s'
AS $$
DECLARE
    v_view      refreshtop.views;
    v_relation  text;
    v_source    text := coalesce(p_source, refreshtop.session_source(), 'direct');
    v_id        uuid := gen_random_uuid();
    v_started   timestamptz;
    v_completed timestamptz;
    v_duration  numeric;
    v_status    text := 'success';
    v_message   text;
    v_sqlstate  text;
    v_detail    text;
    v_hint      text;
    v_context   text;
    v_box       jsonb;
    v_running   record;
    v_slots     regclass[];
    v_slot      regclass;
BEGIN
    PERFORM refreshtop.require_super_admin('refresh ' || p_refresh_type);
    -- It goes into every notification, whose length has a limit.
    IF v_source NOT IN ('schedule', 'manual', 'direct') THEN
        RAISE EXCEPTION 'a refresh is set off by schedule, manual or direct, not by "%"', left(v_source, 100)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF pg_is_in_recovery() THEN
        RETURN jsonb_build_object('success', false, 'status', 'refused', 'refresh_type', p_refresh_type,
            'message', 'this server is a read-only standby: refresh on its primary');
    END IF;

    -- The lock is on a row that only the owner may lock: an advisory lock could be taken, and kept, by any role.
    -- It lasts until the transaction ends, as does the lock that REFRESH itself takes on the view.
    SELECT * INTO v_view FROM refreshtop.views v WHERE v.refresh_type = p_refresh_type FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        IF NOT EXISTS (SELECT 1 FROM refreshtop.views v WHERE v.refresh_type = p_refresh_type) THEN
            RAISE EXCEPTION 'no materialized view is registered as "%"', p_refresh_type
                USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT refresh_type FROM refreshtop.views lists them.';
        END IF;
        SELECT * INTO v_running FROM refreshtop.running(p_refresh_type);
        PERFORM refreshtop.record_act('refresh', 'running', jsonb_build_object('refresh_type', p_refresh_type, 'source', v_source, 'running_pid', v_running.pid));
        RETURN jsonb_build_object('success', false, 'status', 'running', 'refresh_type', p_refresh_type, 'pid', v_running.pid,
            'message', format('a refresh of %s is already running%s', p_refresh_type,
                CASE WHEN v_running.pid IS NULL THEN '' ELSE format(' (pid %s, %s)', v_running.pid, v_running.application_name) END));
    END IF;

    v_relation := format('%I.%I', v_view.view_schema, v_view.view_name);
    -- With the lock ours, a mark that still stands is that of an attempt which never came to its end.
    v_slots := refreshtop.attempt_slots(p_refresh_type);
    v_slot := refreshtop.log_lost_attempts(p_refresh_type, v_slots);
    v_started := clock_timestamp();
    PERFORM setval(v_slot, (extract(epoch FROM v_started) * 1000000)::bigint);
    BEGIN
        PERFORM set_config('lock_timeout', (extract(epoch FROM v_view.lock_timeout) * 1000)::bigint || 'ms', true);
        -- A view without data can't be refreshed concurrently; nobody can read it either, so nobody is blocked.
        IF (SELECT relispopulated FROM pg_class WHERE oid = to_regclass(v_relation)) IS FALSE THEN
            EXECUTE 'REFRESH MATERIALIZED VIEW ' || v_relation;
        ELSE
            EXECUTE 'REFRESH MATERIALIZED VIEW CONCURRENTLY ' || v_relation;
        END IF;
    -- OTHERS does not include a cancelled query, nor a failed assertion.
    EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
        v_status := 'error';
        GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_sqlstate = RETURNED_SQLSTATE, v_detail = PG_EXCEPTION_DETAIL,
            v_hint = PG_EXCEPTION_HINT, v_context = PG_EXCEPTION_CONTEXT;
    END;
    v_completed := clock_timestamp();
    v_duration := round(extract(epoch FROM v_completed - v_started)::numeric * 1000, 3);
    IF v_status = 'error' THEN
        v_box := refreshtop.black_box(to_regclass(v_relation));
        -- One request to cancel reaches the process as two signals, and the second may have hit just that.
        IF v_sqlstate = '57014' AND v_box ? 'error' THEN
            v_box := refreshtop.black_box(to_regclass(v_relation));
        END IF;
        RAISE WARNING 'refresh of % failed: % (SQLSTATE %)', p_refresh_type, left(v_message, 500), v_sqlstate;
    END IF;

    -- Not raised again: that would roll the row back.
    INSERT INTO public.metrics_refresh_log (id, refresh_type, status, duration_ms, error_message, started_at, completed_at,
        created_at, sqlstate, error_detail, error_hint, error_context, trigger_source, triggered_by, login_role,
        application_name, client_addr, backend_pid, black_box)
    VALUES (v_id, p_refresh_type, v_status, v_duration, v_message, v_started, v_completed, v_completed,
        v_sqlstate, nullif(v_detail, ''), nullif(v_hint, ''), nullif(v_context, ''), v_source, refreshtop.caller(), session_user,
        left(current_setting('application_name'), 200), inet_client_addr(), pg_backend_pid(), v_box);
    -- Ids, status and timings only: any role may listen. Never near the limit of 8,000 bytes.
    PERFORM pg_notify('metrics_refresh', jsonb_build_object('id', v_id, 'refresh_type', p_refresh_type, 'status', v_status,
        'source', v_source, 'duration_ms', v_duration, 'started_at', v_started, 'completed_at', v_completed)::text);
    IF v_source = 'manual' THEN
        PERFORM refreshtop.record_act('trigger', v_status, jsonb_build_object('run', v_id));
    END IF;
    -- The last thing: from here on only the commit itself could fail.
    PERFORM setval(slot, 0) FROM unnest(v_slots) AS slot;

    RETURN jsonb_strip_nulls(jsonb_build_object('success', v_status = 'success', 'status', v_status, 'id', v_id,
        'refresh_type', p_refresh_type, 'duration_ms', v_duration, 'started_at', v_started, 'completed_at', v_completed,
        'sqlstate', v_sqlstate,
        'message', CASE v_status WHEN 'success' THEN format('%s refreshed in %s ms', p_refresh_type, v_duration) ELSE v_message END));
END
$$;
COMMENT ON FUNCTION refreshtop.refresh(text, text) IS
    'Refreshes a registered materialized view without blocking its readers, logs the attempt, notifies; returns at once where a refresh is running';

CREATE FUNCTION refreshtop.stats(p_refresh_type text, p_window interval)
RETURNS TABLE (total_refreshes bigint, successful_refreshes bigint, failed_refreshes bigint, success_rate numeric,
    avg_duration_ms numeric, max_duration_ms numeric, min_duration_ms numeric, last_refresh_at timestamptz, last_error text,
    last_success_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Over millions of rows the planner expects more of them in the window than there are; starting workers for a few
-- hundred takes twenty times as long as counting them.
SET max_parallel_workers_per_gather = 0
AS $$
#variable_conflict use_column
DECLARE
    v_since timestamptz;
BEGIN
    PERFORM refreshtop.require_super_admin('see refresh statistics');
    IF p_window IS NULL OR p_window <= interval '0' THEN
        RAISE EXCEPTION 'the statistics window must be positive, not %', coalesce(p_window::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Further back than time reaches is as good as always.
    v_since := statement_timestamp() - least(p_window, interval '1000 years');
    RETURN QUERY
        SELECT count(*), count(*) FILTER (WHERE l.status = 'success'), count(*) FILTER (WHERE l.status = 'error'),
               round(count(*) FILTER (WHERE l.status = 'success') * 100.0 / nullif(count(*), 0), 2),
               -- How long a refresh takes: an attempt that failed after 2 ms, or after the lock wait, was none.
               round(avg(l.duration_ms) FILTER (WHERE l.status = 'success')::numeric, 3),
               (max(l.duration_ms) FILTER (WHERE l.status = 'success'))::numeric,
               (min(l.duration_ms) FILTER (WHERE l.status = 'success'))::numeric,
               max(coalesce(l.completed_at, l.created_at)),
               (SELECT e.error_message FROM public.metrics_refresh_log e
                WHERE e.refresh_type = p_refresh_type AND e.status = 'error' AND e.created_at > v_since
                ORDER BY e.created_at DESC LIMIT 1),
               (SELECT coalesce(s.completed_at, s.created_at) FROM public.metrics_refresh_log s
                WHERE s.refresh_type = p_refresh_type AND s.status = 'success' AND s.created_at IS NOT NULL
                ORDER BY s.created_at DESC LIMIT 1)
        FROM public.metrics_refresh_log l
        WHERE l.refresh_type = p_refresh_type AND l.created_at > v_since;
END
$$;
COMMENT ON FUNCTION refreshtop.stats(text, interval) IS
    'Statistics of a window; durations are those of successful refreshes; last_refresh_at is the last attempt, last_success_at the last success, inside the window or before it';

-- Deletes in batches, so that no statement holds millions of rows; what one call leaves, the next night takes.
CREATE FUNCTION refreshtop.cleanup_logs(p_batch integer DEFAULT 10000, p_max_batches integer DEFAULT 100) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_total   bigint := 0;
    v_deleted bigint;
    v_type    record;
BEGIN
    PERFORM refreshtop.require_super_admin('clean up the refresh log');
    IF (p_batch > 0 AND p_max_batches > 0) IS NOT TRUE THEN
        RAISE EXCEPTION 'a cleanup takes at least one batch of at least one row, not % of %',
            coalesce(p_max_batches::text, 'NULL'), coalesce(p_batch::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR v_type IN
        SELECT v.refresh_type, v.keep_log FROM refreshtop.views v
        -- Rows of views that are registered no longer go by the default.
        UNION ALL SELECT NULL, interval '30 days'
    LOOP
        FOR i IN 1 .. p_max_batches LOOP
            DELETE FROM public.metrics_refresh_log
            WHERE created_at < now() - v_type.keep_log AND ctid = ANY (ARRAY(
                SELECT l.ctid FROM public.metrics_refresh_log l
                WHERE l.created_at < now() - v_type.keep_log
                  AND CASE WHEN v_type.refresh_type IS NULL
                           THEN NOT EXISTS (SELECT 1 FROM refreshtop.views v WHERE v.refresh_type = l.refresh_type)
                           ELSE l.refresh_type = v_type.refresh_type END
                LIMIT p_batch));
            GET DIAGNOSTICS v_deleted = ROW_COUNT;
            v_total := v_total + v_deleted;
            EXIT WHEN v_deleted < p_batch;
        END LOOP;
    END LOOP;
    DELETE FROM refreshtop.audit WHERE at < now() - interval '400 days';
    PERFORM refreshtop.record_act('cleanup', 'success', jsonb_build_object('deleted', v_total));
    RETURN v_total;
END
$$;

-- The public names. They may exist, made by hand: with another return type, other parameter names, a body that
-- raises again or calls what does not exist. They go into the ledger whole, with owner and rights, and come back
-- with a rollback.
CREATE TEMP TABLE refreshtop_old_grants (proname name, acl aclitem[]) ON COMMIT DROP;
DO $$
DECLARE
    v_old record;
BEGIN
    FOR v_old IN
        SELECT p.oid, format('public.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) AS identity, p.proname,
               p.oid::regprocedure::text AS identity_of_types, p.proowner, p.proacl, pg_get_functiondef(p.oid) AS def,
               pg_get_userbyid(p.proowner) AS owner, obj_description(p.oid, 'pg_proc') AS comment
        FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p')
          AND p.proname IN ('refresh_platform_metrics_with_logging', 'trigger_platform_metrics_refresh', 'get_metrics_refresh_stats', 'cleanup_old_metrics_logs')
          -- Of several by one name only those that a call without arguments, or with one whole number, could mean.
          AND (p.pronargs = p.pronargdefaults OR p.proargtypes::text = '23')
    LOOP
        PERFORM refreshtop.note_undo(4, v_old.def || ';'
            || format(' ALTER ROUTINE %s OWNER TO %I;', v_old.identity, v_old.owner)
            || format(' SELECT refreshtop.strip_routine(%L); ', v_old.identity_of_types)
            || refreshtop.acl_sql('ROUTINE', v_old.identity, coalesce(v_old.proacl, acldefault('f', v_old.proowner)))
            || coalesce(format(' COMMENT ON ROUTINE %s IS %L;', v_old.identity, v_old.comment), ''));
        INSERT INTO refreshtop_old_grants VALUES (v_old.proname, v_old.proacl);
        EXECUTE format('DROP ROUTINE %s', v_old.identity);
    END LOOP;
END
$$;

CREATE FUNCTION public.refresh_platform_metrics_with_logging() RETURNS jsonb
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT refreshtop.refresh('platform_metrics') $$;
COMMENT ON FUNCTION public.refresh_platform_metrics_with_logging() IS
    'Refreshes public.platform_metrics concurrently, logs the attempt whatever its outcome, and notifies on metrics_refresh';

CREATE FUNCTION public.trigger_platform_metrics_refresh() RETURNS jsonb
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT refreshtop.refresh('platform_metrics', 'manual') $$;
COMMENT ON FUNCTION public.trigger_platform_metrics_refresh() IS 'A manual refresh, for super administrators';

CREATE FUNCTION public.get_metrics_refresh_stats(p_hours integer DEFAULT 24)
RETURNS TABLE (total_refreshes bigint, successful_refreshes bigint, failed_refreshes bigint, success_rate numeric,
    avg_duration_ms numeric, max_duration_ms numeric, min_duration_ms numeric, last_refresh_at timestamptz, last_error text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.total_refreshes, s.successful_refreshes, s.failed_refreshes, s.success_rate, s.avg_duration_ms,
           s.max_duration_ms, s.min_duration_ms, s.last_refresh_at, s.last_error
    FROM refreshtop.stats('platform_metrics', make_interval(hours => coalesce(p_hours, 24))) s
$$;
COMMENT ON FUNCTION public.get_metrics_refresh_stats(integer) IS
    'Statistics of the last p_hours hours; durations are those of successful refreshes; last_refresh_at is the last attempt';

CREATE FUNCTION public.cleanup_old_metrics_logs() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT refreshtop.cleanup_logs() $$;
COMMENT ON FUNCTION public.cleanup_old_metrics_logs() IS 'Deletes log rows older than 30 days, in bounded batches; returns how many';

-- Where pg_cron lives and how far from UTC it reads schedules. Its settings are for superusers and members of
-- pg_read_all_settings only; an owner who is neither still sees the extension beside it, or knows where the jobs
-- were put.
CREATE FUNCTION refreshtop.cron_settings()
RETURNS TABLE (database text, utc_offset integer, readable boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_readable boolean := pg_has_role(current_user, 'pg_read_all_settings', 'USAGE');
    v_database text;
    v_zone     text := 'GMT';
BEGIN
    PERFORM refreshtop.require_super_admin('see the schedule');
    IF v_readable THEN
        v_database := nullif(current_setting('cron.database_name', true), '');
        v_zone := coalesce(nullif(current_setting('cron.timezone', true), ''), 'GMT');
    ELSIF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron') THEN
        v_database := current_database();
    ELSE
        SELECT l.cron_database INTO v_database FROM refreshtop.schedule_ledger l ORDER BY l.seq DESC LIMIT 1;
    END IF;
    RETURN QUERY SELECT v_database, extract(epoch FROM (now() AT TIME ZONE v_zone) - (now() AT TIME ZONE 'UTC'))::integer, v_readable;
END
$$;

-- What pg_cron knows of our jobs, where it lives in this database. As the owner, because pg_cron shows each role
-- only its own jobs.
CREATE FUNCTION refreshtop.cron_job(p_job_name text DEFAULT 'refresh-platform-metrics')
RETURNS TABLE (schedule text, command text, active boolean, last_status text, last_message text, last_start timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM refreshtop.require_super_admin('see the schedule');
    IF to_regclass('cron.job') IS NULL THEN
        RETURN;
    END IF;
    -- The history has no index on the job; the newest few thousand executions are enough to find its last one.
    RETURN QUERY EXECUTE $query$
        SELECT j.schedule::text, j.command::text, j.active, d.status::text, left(d.return_message, 200), d.start_time
        FROM cron.job j
        LEFT JOIN LATERAL (
            SELECT r.status, r.return_message, r.start_time FROM cron.job_run_details r
            WHERE r.jobid = j.jobid AND r.runid > (SELECT coalesce(max(m.runid), 0) - 2000 FROM cron.job_run_details m)
            ORDER BY r.runid DESC LIMIT 1) d ON true
        WHERE j.jobname IN ($1, $1 || '@' || current_database()) AND j.database = current_database()
        ORDER BY j.active DESC, j.jobid DESC LIMIT 1 $query$ USING p_job_name;
END
$$;

-- Made now, so that even the very first attempt can be missed.
DO $$ BEGIN PERFORM refreshtop.attempt_slots('platform_metrics'); END $$;

-- Rights: nobody through PUBLIC, nobody through default privileges; refreshtop_admin, whoever an older deployment
-- had let in by name, and the role by which a JWT-based application calls. Each function asks again who is calling.
DO $$
DECLARE
    v_function record;
    v_grantee  text;
BEGIN
    FOR v_function IN
        SELECT p.oid, p.oid::regprocedure::text AS identity, p.proname, p.proowner, n.nspname
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE (n.nspname = 'public' AND p.proname IN ('refresh_platform_metrics_with_logging', 'trigger_platform_metrics_refresh', 'get_metrics_refresh_stats', 'cleanup_old_metrics_logs'))
           OR (n.nspname = 'refreshtop' AND p.proname IN ('relations', 'black_box', 'session_source', 'attempt_slots', 'log_lost_attempts', 'running', 'refresh', 'stats', 'cleanup_logs', 'cron_settings', 'cron_job'))
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', v_function.identity);
        FOR v_grantee IN
            SELECT DISTINCT quote_ident(pg_get_userbyid(a.grantee))
            FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a
            WHERE p.oid = v_function.oid AND a.grantee NOT IN (0, v_function.proowner)
        LOOP
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', v_function.identity, v_grantee);
        END LOOP;
        IF v_function.proname NOT IN ('relations', 'black_box', 'session_source', 'attempt_slots', 'log_lost_attempts') THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO refreshtop_admin', v_function.identity);
        END IF;
        FOR v_grantee IN
            SELECT DISTINCT quote_ident(pg_get_userbyid(a.grantee))
            FROM refreshtop_old_grants o CROSS JOIN LATERAL aclexplode(o.acl) a
            WHERE v_function.nspname = 'public' AND o.proname = v_function.proname AND a.grantee NOT IN (0, v_function.proowner)
        LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', v_function.identity, v_grantee);
        END LOOP;
        IF v_function.nspname = 'public' AND refreshtop.application_function() IS NOT NULL AND to_regrole('authenticated') IS NOT NULL THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO authenticated', v_function.identity);
        END IF;
    END LOOP;
    IF refreshtop.application_function() IS NOT NULL AND to_regrole('authenticated') IS NOT NULL
       AND NOT has_table_privilege('authenticated', 'public.metrics_refresh_log', 'SELECT') THEN
        GRANT SELECT ON public.metrics_refresh_log TO authenticated;
        PERFORM refreshtop.note_undo(4, 'REVOKE SELECT ON public.metrics_refresh_log FROM authenticated');
    END IF;
END
$$;

-- A log that was made by hand may not take the rows that belong into it: another type, a constraint, a column of its
-- own. Better to learn that now than at each refresh.
DO $$
BEGIN
    INSERT INTO public.metrics_refresh_log (id, refresh_type, status, duration_ms, error_message, started_at, completed_at,
        created_at, sqlstate, error_detail, error_hint, error_context, trigger_source, triggered_by, login_role,
        application_name, client_addr, backend_pid, black_box)
    SELECT gen_random_uuid(), 'platform_metrics', status, 1.5, repeat('x', 10000), now(), now(), now(), '55P03', 'd', 'h', 'c',
        'manual', 'r', 'l', 'a', '127.0.0.1', 1, '{}'
    FROM (VALUES ('success'), ('error')) AS trial(status);
    PERFORM * FROM refreshtop.stats('platform_metrics', '1 hour');
    RAISE EXCEPTION USING ERRCODE = 'RT000';
EXCEPTION
    -- Takes the trial rows back.
    WHEN SQLSTATE 'RT000' THEN NULL;
    WHEN OTHERS THEN
        RAISE EXCEPTION 'the existing table public.metrics_refresh_log can''t take a refresh''s row: %', SQLERRM
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Change the table, or rename it so that a new one is made.';
END
$$;
