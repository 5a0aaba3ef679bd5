-- The refresh, and its view. Everything here runs as the owner of the installation, and so never plans or runs what
-- others wrote: the view's query runs as the view's owner inside REFRESH, and PostgreSQL keeps it from other roles'
-- rights.

-- The settings of a function that begins a refresh, whoever calls it.
CREATE FUNCTION refreshtop_migration.pin_settings(p_routine regprocedure) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER FUNCTION %s ', p_routine)
        -- Rows that would be hidden cause an error.
        || 'SET row_security = off '
        -- A migration locks the registry for a while. Then the attempt continues, or there is nothing left to log it
        -- in.
        || 'SET lock_timeout = ''60s'' '
        -- Settings that could change a figure, or break the statement that PostgreSQL builds for itself.
        || 'SET TimeZone = ''UTC'' '
        || 'SET DateStyle = ''ISO, MDY'' '
        || 'SET IntervalStyle = ''postgres'' '
        || 'SET bytea_output = ''hex'' '
        || 'SET extra_float_digits = 1 '
        || 'SET xmlbinary = ''base64'' '
        || 'SET xmloption = ''content'' '
        || 'SET array_nulls = on '
        || 'SET transform_null_equals = off '
        || 'SET standard_conforming_strings = on '
        || 'SET gin_fuzzy_search_limit = 0 '
        || 'SET quote_all_identifiers = off '
        -- Otherwise a failed refresh would end the session, and lose the row that gives the reason.
        || 'SET exit_on_error = off';
END
$$;

SELECT refreshtop_migration.as_owner();

-- Whether our owner has the right MAINTAIN on a relation, which exists from PostgreSQL 17 on.
CREATE OR REPLACE FUNCTION refreshtop.may_maintain(p_relation oid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('server_version_num')::integer < 170000 THEN
        RETURN false;
    END IF;
    RETURN has_table_privilege(p_relation, 'MAINTAIN');
END
$$;
SELECT refreshtop_migration.seal('refreshtop.may_maintain(oid)');

-- The view as registered. If only the name counted, a decoy could be refreshed; if only the oid counted, a view that a
-- release of the application dropped and recreated would be lost. So another view with that name counts if its owner is
-- the same.
CREATE OR REPLACE FUNCTION refreshtop.registered_view(INOUT p_view refreshtop.views)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_name  text := format('%I.%I', p_view.view_schema, p_view.view_name);
    v_fix   text := CASE WHEN p_view.managed_at IS NULL THEN 'refreshtop migrate'
                         ELSE format('refreshtop views add %L', p_view.refresh_type) END;
    v_moved text;
    v_class pg_class;
    v_owner pg_roles;
    v_part  text;
BEGIN
    -- By name in the catalogue, because to_regclass() fails in a schema without USAGE.
    SELECT c.* INTO v_class FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE (n.nspname, c.relname) = (p_view.view_schema, p_view.view_name);
    IF NOT FOUND THEN
        SELECT format('%I.%I', n.nspname, c.relname) INTO v_moved
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = p_view.view_oid AND c.relkind = 'm' AND p_view.managed_at IS NOT NULL;
        IF FOUND THEN
            RAISE EXCEPTION 'materialized view % is named % now', v_name, v_moved USING ERRCODE = 'undefined_table',
                HINT = format('If that is meant, run: refreshtop views add %L', v_moved);
        END IF;
        RAISE EXCEPTION 'materialized view % does not exist', v_name USING ERRCODE = 'undefined_table',
            HINT = CASE WHEN p_view.managed_at IS NULL THEN 'Make it again, or run: refreshtop migrate'
                        ELSE format('Make it again, or run: refreshtop views remove %L', p_view.refresh_type) END;
    ELSIF v_class.relkind <> 'm' THEN
        RAISE EXCEPTION '% is not a materialized view', v_name USING ERRCODE = 'wrong_object_type';
    END IF;
    SELECT * INTO v_owner FROM pg_roles WHERE oid = v_class.relowner;
    IF v_owner.rolname IS DISTINCT FROM p_view.view_owner THEN
        RAISE EXCEPTION 'materialized view % belongs to role %, and was registered with owner %',
            v_name, v_owner.rolname, p_view.view_owner
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = format('If that is meant, run: %s', v_fix);
    END IF;
    IF v_owner.rolsuper THEN
        v_part := refreshtop.lesser_owner(v_class.oid);
        IF v_part IS NOT NULL THEN
            RAISE EXCEPTION 'materialized view % belongs to superuser %, but reads %', v_name, v_owner.rolname, v_part
                USING ERRCODE = 'insufficient_privilege',
                      DETAIL = 'Code of that owner would run with a superuser''s rights at each refresh.',
                      HINT = format('ALTER MATERIALIZED VIEW %s OWNER TO the role that owns what it reads, '
                                    'then run: %s', v_name, v_fix);
        END IF;
    END IF;
    IF p_view.view_oid IS DISTINCT FROM v_class.oid THEN
        UPDATE refreshtop.views SET view_oid = v_class.oid WHERE refresh_type = p_view.refresh_type;
        p_view.view_oid := v_class.oid;
    END IF;
    IF refreshtop.may_maintain(v_class.oid) AND has_schema_privilege(v_class.relnamespace, 'USAGE') THEN
        p_view.definer := NULL;
    ELSIF p_view.definer IS NOT NULL AND NOT EXISTS (
              SELECT 1 FROM pg_proc p
              WHERE p.pronamespace = to_regnamespace('refreshtop_definers') AND p.proname = p_view.definer
                AND p.prosecdef AND p.proowner = v_class.relowner) THEN
        RAISE EXCEPTION 'function refreshtop_definers.%, which refreshes % with the rights of its owner, is gone',
            p_view.definer, v_name
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('Run: %s', v_fix);
    END IF;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.registered_view(refreshtop.views)');

-- Registers a view under a type, and gives our owner the right to refresh it: from PostgreSQL 17 on by MAINTAIN, before
-- by a function of the view's owner, which that owner can't reach. It runs with the caller's rights: those of a
-- superuser, or of the migrating role.
CREATE OR REPLACE FUNCTION refreshtop.register_view(
    p_refresh_type text,
    p_view regclass,
    p_time_zone text DEFAULT 'UTC'
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_view    record;
    v_our     name := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'refreshtop');
    v_definer name;
    v_routine text;
    v_grantee oid;
BEGIN
    SELECT c.oid, n.nspname, c.relname, pg_get_userbyid(c.relowner) AS owner INTO v_view
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = p_view AND c.relkind = 'm';
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is not a materialized view', p_view USING ERRCODE = 'wrong_object_type';
    END IF;
    IF v_view.owner <> v_our AND current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE format('GRANT MAINTAIN ON %I.%I TO %I', v_view.nspname, v_view.relname, v_our);
    END IF;
    -- Also from 17 on: if a release of the application recreates the view, the right is lost with the old one.
    IF NOT pg_has_role(v_our, v_view.owner, 'USAGE') THEN
        v_definer := 'refresh_' || substr(encode(sha256(convert_to(p_refresh_type, 'UTF8')), 'hex'), 1, 32);
        v_routine := format('refreshtop_definers.%I(boolean, jsonb)', v_definer);
        EXECUTE format('DROP FUNCTION IF EXISTS %s', v_routine);
        -- The body is a literal, because the name of a view may contain anything, even the end of a dollar-quoted text.
        EXECUTE format(
            'CREATE FUNCTION refreshtop_definers.%I(p_concurrently boolean, p_settings jsonb) RETURNS void '
            'LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS %L',
            v_definer,
            format(
                -- Its owner may be able to alter how it runs, but can't change this body.
                $body$
                BEGIN
                    IF current_user OPERATOR(pg_catalog.<>) %3$L::pg_catalog.name OR EXISTS (
                           SELECT FROM (VALUES
                               ('search_path', 'pg_catalog, pg_temp'),
                               ('row_security', 'off'),
                               ('DateStyle', 'ISO, MDY'),
                               ('IntervalStyle', 'postgres'),
                               ('bytea_output', 'hex'),
                               ('extra_float_digits', '1'),
                               ('xmlbinary', 'base64'),
                               ('xmloption', 'content'),
                               ('array_nulls', 'on'),
                               ('transform_null_equals', 'off'),
                               ('standard_conforming_strings', 'on'),
                               ('gin_fuzzy_search_limit', '0'),
                               ('quote_all_identifiers', 'off')
                               UNION ALL
                               SELECT * FROM pg_catalog.jsonb_each_text(
                                   p_settings OPERATOR(pg_catalog.-) 'search_path')
                           ) AS pinned (setting, value)
                           WHERE pg_catalog.current_setting(pinned.setting) OPERATOR(pg_catalog.<>) pinned.value) THEN
                        RAISE EXCEPTION 'the function that refreshes the view with the rights of its owner was altered'
                            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run: refreshtop migrate';
                    END IF;
                    -- Up to 16 the functions of the query find their names by it. Only the view's owner, who runs this,
                    -- depends on what is in these schemas.
                    IF p_settings OPERATOR(pg_catalog.?) 'search_path' THEN
                        PERFORM pg_catalog.set_config(
                            'search_path', p_settings OPERATOR(pg_catalog.->>) 'search_path', true);
                    END IF;
                    IF p_concurrently THEN
                        REFRESH MATERIALIZED VIEW CONCURRENTLY %1$I.%2$I;
                    ELSE
                        REFRESH MATERIALIZED VIEW %1$I.%2$I;
                    END IF;
                END
                $body$, v_view.nspname, v_view.relname, v_view.owner));
        IF v_view.owner <> current_user THEN
            -- A role can only be given a function while it may create in the function's schema.
            EXECUTE format('GRANT USAGE, CREATE ON SCHEMA refreshtop_definers TO %I', v_view.owner);
            EXECUTE format('ALTER FUNCTION %s OWNER TO %I', v_routine, v_view.owner);
            EXECUTE format('REVOKE USAGE, CREATE ON SCHEMA refreshtop_definers FROM %I', v_view.owner);
        END IF;
        FOR v_grantee IN
            SELECT DISTINCT a.grantee
            FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
            WHERE p.oid = to_regprocedure(v_routine) AND a.grantee <> p.proowner
        LOOP
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', v_routine,
                CASE v_grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(v_grantee)) END);
        END LOOP;
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', v_routine, v_our);
    END IF;
    -- For the figures that are recorded with each refresh.
    IF NOT has_table_privilege(v_our, p_view, 'SELECT') THEN
        EXECUTE format('GRANT SELECT ON %I.%I TO %I', v_view.nspname, v_view.relname, v_our);
    END IF;
    INSERT INTO refreshtop.views (
        refresh_type, view_schema, view_name, view_oid, view_owner, definer, time_zone, settings)
    SELECT p_refresh_type, v_view.nspname, v_view.relname, v_view.oid, v_view.owner, v_definer, p_time_zone,
           jsonb_object_agg(name, current_setting(name))
    FROM unnest(ARRAY['default_text_search_config', 'lc_monetary', 'lc_numeric', 'lc_time']) AS s(name)
    ON CONFLICT (refresh_type) DO UPDATE SET
        view_schema = excluded.view_schema,
        view_name = excluded.view_name,
        view_oid = excluded.view_oid,
        view_owner = excluded.view_owner,
        definer = excluded.definer;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.register_view(text, regclass, text)');

-- Returns the name of a relation whose row security hides rows from the role with whose rights the view reads it,
-- whoever refreshes. REFRESH turns that into an error (row_security = off); this reports it beforehand.
CREATE OR REPLACE FUNCTION refreshtop.hidden_from_owner(p_view oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT min(c.oid::regclass::text)
    FROM refreshtop.readers(p_view) n
    JOIN pg_class c ON c.oid = n.relation
    JOIN pg_roles r ON r.oid = n.reader
    WHERE c.relrowsecurity AND NOT r.rolsuper AND NOT r.rolbypassrls
      AND (c.relforcerowsecurity OR NOT pg_has_role(r.oid, c.relowner, 'USAGE'))
$$;
SELECT refreshtop_migration.seal('refreshtop.hidden_from_owner(oid)');

-- The time limit of a view in the unit of statement_timeout, milliseconds.
CREATE OR REPLACE FUNCTION refreshtop.in_milliseconds(p_limit interval) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT greatest(1, ceil(extract(epoch FROM p_limit) * 1000)::bigint) $$;
SELECT refreshtop_migration.seal('refreshtop.in_milliseconds(interval)');

-- Whether it was the view's time limit that cancelled this statement: the session has no stricter one, and the time is
-- just over: where the clock had been set before (in a background worker of pg_cron), something else ended it later.
-- The server's message is in the session's language, and says nothing about whose limit it was.
CREATE OR REPLACE FUNCTION refreshtop.is_over_time(p_limit interval) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(s.setting::bigint = refreshtop.in_milliseconds(p_limit)
                    AND clock_timestamp() - statement_timestamp() BETWEEN p_limit AND 1.1 * p_limit + interval '1 s',
                    false)
    FROM pg_settings s WHERE s.name = 'statement_timeout'
$$;
SELECT refreshtop_migration.seal('refreshtop.is_over_time(interval)');

-- How much WAL the server has written; NULL if we may not know.
CREATE OR REPLACE FUNCTION refreshtop.wal_position() RETURNS pg_lsn
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF has_function_privilege('pg_current_wal_insert_lsn()', 'EXECUTE') THEN
        RETURN pg_current_wal_insert_lsn();
    END IF;
    RETURN NULL;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.wal_position()');

-- One attempt, for any permitted caller.
CREATE OR REPLACE FUNCTION refreshtop.run_refresh(p_refresh_type text, p_source text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_view      refreshtop.views;
    v_home      text;
    v_real      text := coalesce(refreshtop_definers.session_source(), 'direct');
    v_row       refreshtop.log_fallback;
    v_running   record;
    v_foreign   record;
    v_slots     regclass[];
    v_online    boolean;
    v_changed   bigint[];
    v_how       jsonb;
    v_wal       pg_lsn;
BEGIN
    IF refreshtop.is_restricted() THEN
        RAISE EXCEPTION 'a refresh can''t be called by the code of a view, an index or a policy'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- A rollback locks the registry before anything else. So we hold nothing that it needs while we wait for it.
    IF NOT pg_is_in_recovery() THEN
        LOCK TABLE refreshtop.views IN ROW SHARE MODE;
    END IF;
    v_home := refreshtop.not_at_home();
    -- The type is part of every notification, whose length is limited.
    IF p_source NOT IN ('schedule', 'manual', 'direct') THEN
        RAISE EXCEPTION 'a refresh is triggered by schedule, manual or direct, not by "%"', left(p_source, 100)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Nobody else may claim to be the schedule.
    v_row.trigger_source := CASE WHEN p_source IS NULL OR p_source = 'schedule' THEN v_real ELSE p_source END;
    IF pg_is_in_recovery() THEN
        RETURN jsonb_build_object('success', false, 'status', 'refused', 'refresh_type', p_refresh_type,
            'message', 'this server is a read-only standby: refresh on its primary');
    ELSIF v_home IS NOT NULL THEN
        RETURN jsonb_build_object('success', false, 'status', 'refused', 'refresh_type', p_refresh_type,
            'message', format('this database is not the one that was migrated (%s); run: refreshtop migrate', v_home));
    END IF;

    -- The lock is on a row that only the owner may lock, because any role could take and keep an advisory lock.
    -- It lasts until the transaction ends, as does the lock that REFRESH itself takes on the view.
    SELECT * INTO v_view FROM refreshtop.views v WHERE v.refresh_type = p_refresh_type FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        IF NOT EXISTS (SELECT 1 FROM refreshtop.views v WHERE v.refresh_type = p_refresh_type) THEN
            RAISE EXCEPTION 'no materialized view is registered as "%"', p_refresh_type
                USING ERRCODE = 'invalid_parameter_value',
                      HINT = 'SELECT refresh_type FROM refreshtop.views lists them.';
        END IF;
        SELECT * INTO v_running FROM refreshtop.running(p_refresh_type);
        PERFORM refreshtop.try_to_note_act('refresh', 'running', jsonb_build_object(
            'refresh_type', p_refresh_type,
            'source', v_row.trigger_source,
            'running_pid', v_running.pid));
        RETURN jsonb_build_object(
            'success', false,
            'status', 'running',
            'refresh_type', p_refresh_type,
            'pid', v_running.pid,
            'message', format(
                'a refresh of %s is already running%s',
                p_refresh_type,
                CASE WHEN v_running.pid IS NULL THEN ''
                     ELSE format(' (%s)', concat_ws(', ', 'pid ' || v_running.pid,
                                                   nullif(v_running.application_name, ''))) END));
    END IF;

    -- The figures would look new, but would lack the changes that such a transaction does not see.
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable')
       AND clock_timestamp() > transaction_timestamp() + interval '2 s' THEN
        RETURN jsonb_build_object('success', false, 'status', 'refused', 'refresh_type', p_refresh_type,
            'message', format('this %s transaction began at %s, and may not see what came since: '
                              'refresh in a transaction of its own',
                              current_setting('transaction_isolation'), transaction_timestamp()));
    END IF;

    v_row.id := gen_random_uuid();
    v_row.refresh_type := p_refresh_type;
    v_row.status := 'success';
    v_slots := refreshtop.attempt_slots(p_refresh_type);
    v_slots[1] := refreshtop.log_lost_attempts(p_refresh_type, v_slots);
    v_row.started_at := clock_timestamp();
    PERFORM setval(v_slots[1], refreshtop.attempt_mark(p_refresh_type, v_row.started_at));
    v_wal := refreshtop.wal_position();
    BEGIN
        PERFORM set_config('lock_timeout', (extract(epoch FROM v_view.lock_timeout) * 1000)::bigint || 'ms', true),
                set_config('TimeZone', v_view.time_zone, true),
                -- A search path is for the query alone, and only a function of the view's owner takes it.
                (SELECT count(set_config(s.key, s.value, true))
                 FROM jsonb_each_text(v_view.settings - 'search_path') s);
        v_view := refreshtop.registered_view(v_view);
        -- A view without data can't be refreshed concurrently. Nobody can read it either, so nobody is blocked.
        SELECT relispopulated AND NOT v_view.blocking INTO v_online FROM pg_class WHERE oid = v_view.view_oid;
        v_changed := ARRAY[pg_stat_get_xact_tuples_inserted(v_view.view_oid),
                           pg_stat_get_xact_tuples_deleted(v_view.view_oid)];
        IF v_view.definer IS NOT NULL THEN
            -- The argument has an explicit type, so that no other function with that name is a better match.
            EXECUTE format('SELECT refreshtop_definers.%I(%L::boolean, %L::jsonb)', v_view.definer, v_online,
                           v_view.settings || jsonb_build_object('TimeZone', current_setting('TimeZone')));
        ELSE
            -- Event triggers watch this statement, and their functions would run as our owner.
            SELECT * INTO v_foreign FROM refreshtop.foreign_event_trigger();
            IF v_foreign.name IS NOT NULL THEN
                RAISE EXCEPTION 'event trigger % would run function % of role % with the rights of refreshtop',
                    v_foreign.name, v_foreign.function, v_foreign.owner
                    USING ERRCODE = 'insufficient_privilege',
                          HINT = format('Give that function to a superuser, or: ALTER EVENT TRIGGER %I DISABLE',
                                        v_foreign.name);
            END IF;
            EXECUTE format('REFRESH MATERIALIZED VIEW %s %I.%I', CASE WHEN v_online THEN 'CONCURRENTLY' ELSE '' END,
                           v_view.view_schema, v_view.view_name);
        END IF;
        IF NOT EXISTS (SELECT 1 FROM pg_locks l
                       WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted
                         AND l.relation = v_view.view_oid
                         AND l.mode IN ('ExclusiveLock', 'AccessExclusiveLock')) THEN
            RAISE EXCEPTION 'another relation took the place of %.% during the refresh',
                v_view.view_schema, v_view.view_name
                USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        v_how := jsonb_build_object('concurrently', v_online);
        -- A plain refresh replaces the file of the view, which counts as no change of a row.
        IF v_online AND current_setting('track_counts')::boolean THEN
            v_how := v_how || jsonb_build_object(
                'rows_inserted', pg_stat_get_xact_tuples_inserted(v_view.view_oid) - v_changed[1],
                'rows_deleted', pg_stat_get_xact_tuples_deleted(v_view.view_oid) - v_changed[2]);
        END IF;
    -- OTHERS includes neither a cancelled query nor a failed assertion.
    EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
        v_row.status := 'error';
        GET STACKED DIAGNOSTICS
            v_row.error_message = MESSAGE_TEXT,
            v_row.sqlstate = RETURNED_SQLSTATE,
            v_row.error_detail = PG_EXCEPTION_DETAIL,
            v_row.error_hint = PG_EXCEPTION_HINT,
            v_row.error_context = PG_EXCEPTION_CONTEXT;
    END;
    -- What all sessions wrote meanwhile. A session's own share is known only once its transaction has ended.
    v_how := jsonb_strip_nulls(coalesce(v_how, '{}')
        || jsonb_build_object('server_wal_bytes', pg_wal_lsn_diff(refreshtop.wal_position(), v_wal)));
    IF v_row.sqlstate = '57014' AND refreshtop.is_over_time(v_view.time_limit) THEN
        v_row.error_detail := v_row.error_message;
        v_row.error_message := format('ended by the view''s time limit of %s', v_view.time_limit);
        v_row.error_hint := format('refreshtop views set %L time_limit=… changes it', p_refresh_type);
    END IF;
    -- Another refresh has changed rows since the caller's transaction began. That is no fault of the view.
    IF v_row.sqlstate = '40001' AND current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        PERFORM setval(v_slots[1], 0);
        RETURN jsonb_build_object('success', false, 'status', 'refused', 'refresh_type', p_refresh_type,
            'message', 'this transaction began before another refresh ended: refresh in a transaction of its own');
    END IF;
    v_row.completed_at := clock_timestamp();
    v_row.created_at := v_row.completed_at;
    v_row.duration_ms := round(extract(epoch FROM v_row.completed_at - v_row.started_at)::numeric * 1000, 3);
    IF v_row.status = 'error' THEN
        v_row.black_box := refreshtop.evidence(v_view.view_oid);
        -- One request to cancel reaches the process as two signals: one to the process, one to its group. The second
        -- may still be coming; we wait for it here, where it does no harm.
        IF v_row.sqlstate = '57014' THEN
            BEGIN
                PERFORM pg_sleep(0.05);
            EXCEPTION WHEN query_canceled THEN
                NULL;
            END;
            IF v_row.black_box ? 'error' THEN
                v_row.black_box := refreshtop.evidence(v_view.view_oid);
            END IF;
        END IF;
        RAISE WARNING 'refresh of % failed: % (SQLSTATE %)',
            p_refresh_type, left(v_row.error_message, 500), v_row.sqlstate;
        v_row.measured := v_how;
    ELSE
        v_row.measured := refreshtop.measure(v_view) || v_how;
    END IF;

    v_row.error_detail := nullif(v_row.error_detail, '');
    v_row.error_hint := nullif(v_row.error_hint, '');
    v_row.error_context := nullif(v_row.error_context, '');
    v_row.triggered_by := refreshtop.caller();
    v_row.login_role := session_user;
    v_row.application_name := left(current_setting('application_name'), 200);
    v_row.client_addr := inet_client_addr();
    v_row.backend_pid := pg_backend_pid();
    -- The error is not raised again: that would roll the row back.
    PERFORM refreshtop.write_log(v_row);
    PERFORM refreshtop.notify(v_row);
    IF v_row.trigger_source <> 'schedule' THEN
        PERFORM refreshtop.try_to_note_act(
            CASE v_row.trigger_source WHEN 'manual' THEN 'trigger' ELSE 'refresh' END,
            v_row.status,
            jsonb_build_object('run', v_row.id));
    END IF;

    RETURN jsonb_strip_nulls(jsonb_build_object(
        'success', v_row.status = 'success',
        'status', v_row.status,
        'id', v_row.id,
        'refresh_type', p_refresh_type,
        'duration_ms', v_row.duration_ms,
        'started_at', v_row.started_at,
        'completed_at', v_row.completed_at,
        'sqlstate', v_row.sqlstate,
        'hint', v_row.error_hint,
        'context', v_row.error_context,
        'message', CASE v_row.status
            WHEN 'success' THEN format('%s refreshed in %s ms', p_refresh_type, v_row.duration_ms)
            ELSE v_row.error_message
        END)
        || CASE WHEN v_row.status = 'success' THEN v_how ELSE '{}' END);
END
$$;
SELECT refreshtop_migration.seal('refreshtop.run_refresh(text, text)');

-- Super administrators and pg_cron's job may call this. PostgreSQL checks EXECUTE against the role that really calls.
CREATE OR REPLACE FUNCTION refreshtop.refresh(p_refresh_type text, p_source text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN refreshtop.run_refresh(p_refresh_type, p_source); END $$;
SELECT refreshtop_migration.pin_settings('refreshtop.refresh(text, text)');
COMMENT ON FUNCTION refreshtop.refresh(text, text) IS
    'Refreshes a registered materialized view without blocking its readers, logs the attempt, notifies; '
    'returns at once where a refresh is running';
SELECT refreshtop_migration.seal('refreshtop.refresh(text, text)', 'admin', 'job');

-- PostgreSQL starts the clock of statement_timeout when a statement begins, so no function can limit the statement that
-- calls it. This one limits the statements that follow in the same transaction.
CREATE OR REPLACE FUNCTION refreshtop.limit_time(p_refresh_type text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_limit bigint := (SELECT refreshtop.in_milliseconds(v.time_limit) FROM refreshtop.views v
                       WHERE v.refresh_type = p_refresh_type AND v.time_limit IS NOT NULL);
BEGIN
    IF v_limit IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pg_settings s WHERE s.name = 'statement_timeout'
                                           AND s.setting::bigint BETWEEN 1 AND v_limit) THEN
        PERFORM set_config('statement_timeout', v_limit || 'ms', true);
    END IF;
    RETURN current_setting('statement_timeout');
END
$$;
COMMENT ON FUNCTION refreshtop.limit_time(text) IS
    'Gives the statements that follow in this transaction the time limit of a view, if the session has no stricter '
    'one; returns statement_timeout';
SELECT refreshtop_migration.seal('refreshtop.limit_time(text)', 'admin', 'job');

-- What a job runs to refresh a view. The statements of one command are one transaction, and the limit is read anew each
-- time, so the job stays the same when the limit changes.
CREATE OR REPLACE FUNCTION refreshtop.job_command(p_refresh_type text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT format('SELECT refreshtop.limit_time(%1$L); SELECT refreshtop.refresh(%1$L)', p_refresh_type) $$;
COMMENT ON FUNCTION refreshtop.job_command(text) IS 'The command of a job that refreshes a view within its time limit';
SELECT refreshtop_migration.seal('refreshtop.job_command(text)');
SELECT refreshtop_migration.as_migrator();
