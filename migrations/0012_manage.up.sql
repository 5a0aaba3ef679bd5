-- Which views are managed, and how each is refreshed. Everything here runs with the caller's rights, who must be able
-- to grant rights on the view: a superuser, or a role that may migrate. It reads catalogues only, so no code of a view,
-- of its indexes or of what it reads runs here.
SELECT refreshtop_migration.as_owner();

-- Whether a view has a unique index that a concurrent refresh can use: on plain columns, without WHERE.
CREATE OR REPLACE FUNCTION refreshtop.has_key(p_view oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT 1 FROM pg_index i
                   WHERE i.indrelid = p_view AND i.indisunique AND i.indisvalid AND i.indimmediate
                     AND i.indpred IS NULL AND i.indexprs IS NULL)
$$;
SELECT refreshtop_migration.seal('refreshtop.has_key(oid)');

-- The relations that a view's query reads with the rights of a role that may not read them.
CREATE OR REPLACE FUNCTION refreshtop.unreadable(p_view oid) RETURNS TABLE (relation oid, reader oid)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.relation, r.reader FROM refreshtop.readers(p_view) r
    WHERE NOT has_table_privilege(r.reader, r.relation, 'SELECT')
      AND NOT has_any_column_privilege(r.reader, r.relation, 'SELECT')
$$;
SELECT refreshtop_migration.seal('refreshtop.unreadable(oid)');

-- Everything that keeps the caller from managing a view, the most serious first.
CREATE OR REPLACE FUNCTION refreshtop.obstacles(p_view oid, p_blocking boolean DEFAULT false)
RETURNS TABLE (place integer, code text, problem text, fix text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_view   record;
    v_name   text;
    v_hidden text;
    v_part   text;
BEGIN
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, o.rolname AS owner, o.rolsuper
    INTO v_view
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
    WHERE c.oid = p_view;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 1, '42P01', 'there is no such relation any more',
            'refreshtop views lists those that exist'::text;
        RETURN;
    END IF;
    v_name := format('%I.%I', v_view.nspname, v_view.relname);
    IF v_view.relkind <> 'm' THEN
        RETURN QUERY SELECT 1, '42809', format('%s is not a materialized view', v_name),
            'only materialized views can be refreshed'::text;
        RETURN;
    ELSIF v_view.nspname IN ('refreshtop', 'refreshtop_definers', 'refreshtop_before') THEN
        RETURN QUERY SELECT 1, '42501', format('%s is in a schema of refreshtop', v_name),
            'it is not there to be refreshed'::text;
        RETURN;
    END IF;
    IF length(refreshtop.type_of(p_view)) > 100 THEN
        RETURN QUERY SELECT 2, '42622', format('the name %s is longer than 100 characters', v_name),
            'the log has no room for it: rename the view or its schema'::text;
    END IF;
    IF NOT pg_has_role(v_view.relowner, 'USAGE') THEN
        RETURN QUERY SELECT 3, '42501',
            format('%s belongs to role %I, and role %I may not grant rights on it',
                   v_name, v_view.owner, current_user),
            format('connect as a superuser, or as a role that may migrate and is a member of %I', v_view.owner);
    END IF;
    IF v_view.rolsuper THEN
        v_part := refreshtop.lesser_owner(p_view);
        IF v_part IS NOT NULL THEN
            RETURN QUERY SELECT 4, '42501',
                format('%s belongs to superuser %I, but reads %s, whose owner''s code would run as that superuser',
                       v_name, v_view.owner, v_part),
                format('give it to the role that owns what it reads: ALTER MATERIALIZED VIEW %s OWNER TO …', v_name);
        END IF;
    END IF;
    v_hidden := refreshtop.hidden_from_owner(p_view);
    IF v_hidden IS NOT NULL THEN
        RETURN QUERY SELECT 5, '55000',
            format('row security hides rows of %s from role %I, which owns %s: its figures would be wrong',
                   v_hidden, v_view.owner, v_name),
            format('ALTER ROLE %I BYPASSRLS, or give the view to the owner of the table', v_view.owner);
    END IF;
    RETURN QUERY
        SELECT 6, '42501',
               format('role %I may not read %s, which the query of %s needs',
                      pg_get_userbyid(u.reader), u.relation::regclass, v_name),
               format('GRANT SELECT ON %s TO %I', u.relation::regclass, pg_get_userbyid(u.reader))
        FROM refreshtop.unreadable(p_view) u ORDER BY u.relation::regclass::text;
    IF p_blocking THEN
        RETURN;
    END IF;
    IF NOT refreshtop.has_key(p_view) THEN
        RETURN QUERY SELECT 7, '55000',
            format('%s has no unique index on plain columns without WHERE, which a concurrent refresh needs', v_name),
            format('CREATE UNIQUE INDEX CONCURRENTLY ON %s (the columns that tell its rows apart), '
                   'or manage it as blocking: each refresh then keeps its readers waiting', v_name);
    END IF;
    IF NOT has_database_privilege(v_view.relowner, current_database(), 'TEMPORARY') THEN
        RETURN QUERY SELECT 8, '42501',
            format('role %I, which owns %s, may not create temporary tables, which a concurrent refresh needs',
                   v_view.owner, v_name),
            format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), v_view.owner);
    END IF;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.obstacles(oid, boolean)');

-- The name under which a view is managed, and its attempts are logged: as SQL writes it, without schema public.
CREATE OR REPLACE FUNCTION refreshtop.type_of(p_view oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE n.nspname WHEN 'public' THEN format('%I', c.relname) ELSE format('%I.%I', n.nspname, c.relname) END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = p_view
$$;
SELECT refreshtop_migration.seal('refreshtop.type_of(oid)');

-- The time zone of refreshes by hand: of the view's owner, or of the database.
CREATE OR REPLACE FUNCTION refreshtop.zone_of(p_view oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(
        (SELECT split_part(c.setting, '=', 2)
         FROM pg_class v CROSS JOIN pg_database d
         JOIN pg_db_role_setting s ON s.setdatabase IN (0, d.oid) AND s.setrole IN (0, v.relowner)
         CROSS JOIN LATERAL unnest(s.setconfig) AS c(setting)
         WHERE v.oid = p_view AND d.datname = current_database() AND c.setting ILIKE 'timezone=%'
         ORDER BY s.setrole DESC, s.setdatabase DESC LIMIT 1),
        (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'),
        'UTC')
$$;
SELECT refreshtop_migration.seal('refreshtop.zone_of(oid)');

-- Manages a view: registers it, and gives our owner the right to refresh it. Returns the name under which it is
-- managed. A view that is managed already gets back what it lacks, and one that was renamed takes its settings along.
-- With p_owner, the view must still belong to that role: for callers that have examined it before.
CREATE OR REPLACE FUNCTION refreshtop.manage(
    p_view regclass,
    p_blocking boolean DEFAULT false,
    p_owner name DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_our   name := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'refreshtop');
    v_home  text := refreshtop.not_at_home();
    v_view  record;
    v_named text;
    v_type  text;
    v_old   refreshtop.views;
    v_given text[];
    v_found record;
BEGIN
    IF v_home IS NOT NULL THEN
        RAISE EXCEPTION 'this database is not the one that was migrated (%)', v_home
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run: refreshtop migrate';
    END IF;
    SELECT c.oid, c.relkind, n.nspname, n.nspowner, c.relname INTO v_view
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = p_view;
    IF v_view.relkind = 'm' THEN
        v_named := format('%I.%I', v_view.nspname, v_view.relname);
        -- Analysing a statement locks what it names until the transaction ends, and executes nothing. From here on
        -- nobody can replace the view, rename it or give it away.
        EXECUTE format('PREPARE refreshtop_hold AS SELECT FROM %s', v_named);
        DEALLOCATE refreshtop_hold;
        IF to_regclass(v_named) IS DISTINCT FROM p_view
           OR p_owner IS NOT NULL AND p_owner IS DISTINCT FROM (
                  SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = p_view) THEN
            RAISE EXCEPTION 'materialized view % was replaced at this moment, or given to another role', v_named
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Examine it again.';
        END IF;
    END IF;
    FOR v_found IN SELECT * FROM refreshtop.obstacles(p_view, p_blocking) o ORDER BY o.place LIMIT 1 LOOP
        RAISE EXCEPTION '%', v_found.problem USING ERRCODE = v_found.code, HINT = v_found.fix;
    END LOOP;
    v_type := refreshtop.type_of(p_view);
    SELECT v.refresh_type, v.managed_at INTO v_found FROM refreshtop.views v
    WHERE (v.view_schema, v.view_name) = (v_view.nspname, v_view.relname)
      AND (v.refresh_type <> v_type OR v.managed_at IS NULL);
    IF FOUND THEN
        RAISE EXCEPTION '% is registered as "%" already', v_named, v_found.refresh_type
            USING ERRCODE = 'duplicate_object', HINT = 'It is refreshed under that name.';
    END IF;
    -- Where another view has the old name now, it is that one which is refreshed under it.
    SELECT * INTO v_old FROM refreshtop.views v
    WHERE v.view_oid = p_view AND v.refresh_type <> v_type AND v.managed_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                      WHERE (n.nspname, c.relname) = (v.view_schema, v.view_name) AND c.relkind = 'm')
    FOR UPDATE;
    IF FOUND THEN
        UPDATE refreshtop.undo u SET object_name = v_type
        WHERE u.kind = 'job' AND u.detail ? 'paused' AND u.object_name = v_old.refresh_type;
        PERFORM refreshtop.unmanage(v_old.refresh_type);
    END IF;
    v_given := ARRAY(SELECT a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
                     WHERE c.oid = p_view AND a.grantee = (SELECT r.oid FROM pg_roles r WHERE r.rolname = v_our));
    PERFORM refreshtop.register_view(v_type, p_view, refreshtop.zone_of(p_view));
    UPDATE refreshtop.views v SET
        blocking = p_blocking,
        managed_at = coalesce(v.managed_at, clock_timestamp()),
        time_zone = coalesce(v_old.time_zone, v.time_zone),
        settings = coalesce(v_old.settings, v.settings),
        lock_timeout = coalesce(v_old.lock_timeout, v.lock_timeout),
        keep_log = coalesce(v_old.keep_log, v.keep_log),
        schedule = coalesce(v_old.schedule, v.schedule),
        run_every = coalesce(v_old.run_every, v.run_every),
        max_age = coalesce(v_old.max_age, v.max_age),
        max_duration = coalesce(v_old.max_duration, v.max_duration),
        success_warning = coalesce(v_old.success_warning, v.success_warning),
        success_critical = coalesce(v_old.success_critical, v.success_critical),
        stats_window = coalesce(v_old.stats_window, v.stats_window),
        time_limit = coalesce(v_old.time_limit, v.time_limit)
    WHERE v.refresh_type = v_type;
    IF v_old.schedule IS NOT NULL THEN
        PERFORM refreshtop.follow_schedule(v_type);
    END IF;
    INSERT INTO refreshtop.undo (step, kind, object_schema, object_name, detail)
    SELECT 12, 'grant', v_view.nspname, v_view.relname,
           jsonb_build_object('right', a.privilege_type, 'kind', 'VIEW', 'role', v_our, 'view', v_type, 'oid', c.oid)
    FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.oid = p_view AND a.grantee = (SELECT r.oid FROM pg_roles r WHERE r.rolname = v_our)
      AND a.grantee <> c.relowner AND a.privilege_type <> ALL (v_given)
    ON CONFLICT DO NOTHING;
    -- Without it the figures can't be read. Where it can't be given, the view is refreshed all the same.
    IF NOT has_schema_privilege(v_our, v_view.nspname, 'USAGE') AND pg_has_role(v_view.nspowner, 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', v_view.nspname, v_our);
        INSERT INTO refreshtop.undo (step, kind, object_name, detail)
        VALUES (12, 'grant', v_view.nspname,
                jsonb_build_object('right', 'USAGE', 'kind', 'SCHEMA OF VIEWS', 'role', v_our));
    END IF;
    PERFORM refreshtop.note_act('views add', 'success', jsonb_strip_nulls(jsonb_build_object(
        'view', v_type, 'blocking', p_blocking, 'renamed_from', v_old.refresh_type)));
    RETURN v_type;
END
$$;
COMMENT ON FUNCTION refreshtop.manage(regclass, boolean, name) IS
    'Manages a materialized view; for superusers, and for roles that may migrate and act as its owner';
SELECT refreshtop_migration.seal('refreshtop.manage(regclass, boolean, name)');

-- Lets the jobs of others run again that were paused for a view, as far as pg_cron is in this database and the caller
-- may change them. A job that is left keeps its note, and the program resumes it.
CREATE OR REPLACE FUNCTION refreshtop.resume_jobs(p_refresh_type text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Only a superuser's table is read: reading another one could run code of its owner.
    v_here boolean := refreshtop.has_cron() AND refreshtop.not_at_home() IS NULL AND EXISTS (
        SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
        WHERE n.nspname = 'cron' AND c.relname = 'job' AND r.rolsuper AND has_schema_privilege(n.oid, 'USAGE')
          AND has_table_privilege(c.oid, 'SELECT'));
    v_note record;
    v_id   bigint;
BEGIN
    FOR v_note IN
        SELECT u.id, u.detail -> 'paused' AS job FROM refreshtop.undo u
        WHERE u.kind = 'job' AND u.detail ? 'paused' AND u.object_name = p_refresh_type ORDER BY u.at
    LOOP
        v_id := NULL;
        IF v_here THEN
            BEGIN
                EXECUTE $query$
                    SELECT j.jobid FROM cron.job j
                    WHERE j.database = current_database() AND j.jobname IS NOT DISTINCT FROM $1
                      AND j.schedule = $2 AND j.command = $3 AND j.username = $4
                    ORDER BY j.active DESC, j.jobid LIMIT 1 $query$
                INTO v_id
                USING v_note.job ->> 'jobname', v_note.job ->> 'schedule', v_note.job ->> 'command',
                      v_note.job ->> 'username';
                IF v_id IS NOT NULL THEN
                    -- With all its types, so that no other function of that name is a better match.
                    EXECUTE 'SELECT cron.alter_job($1, NULL::text, NULL::text, NULL::text, NULL::text, true)'
                    USING v_id;
                    DELETE FROM refreshtop.undo u WHERE u.id = v_note.id;
                END IF;
            EXCEPTION WHEN insufficient_privilege OR undefined_function THEN
                v_id := NULL;
            END;
        END IF;
        IF v_id IS NULL THEN
            RAISE NOTICE 'job % (%) was paused for %, and stays paused',
                coalesce(v_note.job ->> 'jobname', 'without a name'), v_note.job ->> 'schedule', p_refresh_type
                USING HINT = 'refreshtop job restore lets it run again.';
        END IF;
    END LOOP;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.resume_jobs(text)');

-- Takes back what manage() did. The rows in the log stay. The program resumes jobs itself if p_jobs is false.
CREATE OR REPLACE FUNCTION refreshtop.unmanage(p_refresh_type text, p_jobs boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_view    refreshtop.views;
    v_routine text;
    v_note    record;
    v_slot    text;
BEGIN
    -- It waits for a refresh that is running.
    SELECT * INTO v_view FROM refreshtop.views v WHERE v.refresh_type = p_refresh_type FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no materialized view is managed as "%"', p_refresh_type
            USING ERRCODE = 'undefined_object', HINT = 'SELECT refresh_type FROM refreshtop.views lists them.';
    ELSIF v_view.managed_at IS NULL THEN
        RAISE EXCEPTION '% came with a migration', p_refresh_type
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'refreshtop migrate down removes it.';
    END IF;
    SELECT c.oid::regclass::text AS named, r.rolname AS owner INTO v_note
    FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
    WHERE c.oid = v_view.view_oid AND NOT pg_has_role(r.oid, 'USAGE');
    IF FOUND THEN
        RAISE EXCEPTION '% belongs to role %, and role % may not revoke rights on it',
            v_note.named, v_note.owner, current_user
            USING ERRCODE = 'insufficient_privilege', HINT = 'Connect as a superuser, or as a member of that role.';
    END IF;
    FOR v_note IN
        SELECT u.id, u.detail ->> 'right' AS "right", u.detail ->> 'role' AS role,
               CASE WHEN c.oid IS NOT NULL THEN format('%I.%I', n.nspname, c.relname) END AS named
        FROM refreshtop.undo u
        -- The view to which it was given may be gone; or another one has its name, and it has another name.
        LEFT JOIN pg_class c ON c.oid = coalesce((u.detail ->> 'oid')::oid, v_view.view_oid) AND c.relkind = 'm'
                            AND pg_has_role(c.relowner, 'USAGE')
        LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE u.kind = 'grant' AND u.detail ->> 'kind' = 'VIEW' AND u.detail ->> 'view' = p_refresh_type
          AND u.detail ->> 'right' IN ('SELECT', 'MAINTAIN')
    LOOP
        IF v_note.named IS NOT NULL THEN
            EXECUTE format('REVOKE %s ON %s FROM %I', v_note.right, v_note.named, v_note.role);
        END IF;
        DELETE FROM refreshtop.undo u WHERE u.id = v_note.id;
    END LOOP;
    IF v_view.definer IS NOT NULL THEN
        v_routine := format('refreshtop_definers.%I(boolean, jsonb)', v_view.definer);
        EXECUTE format('DROP FUNCTION IF EXISTS %s', v_routine);
        DELETE FROM refreshtop.inventory i
        WHERE i.object IN (format('refreshtop_definers.%I(boolean,jsonb)', v_view.definer),
                           format('function refreshtop_definers.%I(boolean,jsonb)', v_view.definer));
    END IF;
    FOR i IN 1 .. 8 LOOP
        v_slot := format('refreshtop.attempt_%s_%s',
                         substr(encode(sha256(convert_to(p_refresh_type, 'UTF8')), 'hex'), 1, 32), i);
        EXECUTE format('DROP SEQUENCE IF EXISTS %s', v_slot);
    END LOOP;
    UPDATE refreshtop.views v SET schedule = NULL WHERE v.refresh_type = p_refresh_type AND v.schedule IS NOT NULL;
    IF FOUND THEN
        PERFORM refreshtop.follow_schedule(p_refresh_type);
    END IF;
    DELETE FROM refreshtop.views v WHERE v.refresh_type = p_refresh_type;
    -- The right on a schema goes with the last view in it.
    FOR v_note IN
        SELECT u.id, u.object_name AS named, u.detail ->> 'role' AS role FROM refreshtop.undo u
        WHERE u.kind = 'grant' AND u.detail ->> 'kind' = 'SCHEMA OF VIEWS' AND u.detail ->> 'right' = 'USAGE'
          AND NOT EXISTS (SELECT 1 FROM refreshtop.views v
                          WHERE v.view_schema = u.object_name AND v.managed_at IS NOT NULL)
    LOOP
        IF to_regnamespace(quote_ident(v_note.named)) IS NOT NULL THEN
            EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM %I', v_note.named, v_note.role);
        END IF;
        DELETE FROM refreshtop.undo u WHERE u.id = v_note.id;
    END LOOP;
    IF p_jobs THEN
        PERFORM refreshtop.resume_jobs(p_refresh_type);
    END IF;
    PERFORM refreshtop.note_act('views remove', 'success', jsonb_build_object('view', p_refresh_type));
END
$$;
COMMENT ON FUNCTION refreshtop.unmanage(text, boolean) IS
    'Manages a materialized view no longer, takes back the rights that manage() gave, and resumes the jobs of others '
    'that were paused for it; its log stays';
SELECT refreshtop_migration.seal('refreshtop.unmanage(text, boolean)');

-- The schemas of a search path as it is stored, for the query of a view; an error if somebody else could put objects
-- into one of them: the query would run these with the rights of the view's owner.
CREATE OR REPLACE FUNCTION refreshtop.checked_path(p_path text, p_view oid) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_owner  record;
    v_path   name[];
    v_schema record;
BEGIN
    SELECT r.oid, r.rolname, r.rolsuper INTO v_owner
    FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = p_view;
    IF v_owner.rolsuper THEN
        RAISE EXCEPTION 'the view belongs to superuser %, whose queries get no search path', v_owner.rolname
            USING ERRCODE = 'insufficient_privilege', HINT = 'ALTER FUNCTION … SET search_path instead.';
    ELSIF EXISTS (SELECT 1 FROM refreshtop.views v WHERE v.view_oid = p_view AND v.definer IS NULL) THEN
        RAISE EXCEPTION 'the view is refreshed with the rights of refreshtop''s owner, whose queries get no search path'
            USING ERRCODE = 'insufficient_privilege', HINT = 'ALTER FUNCTION … SET search_path instead.';
    END IF;
    PERFORM set_config('search_path', p_path, true);
    v_path := pg_catalog.current_schemas(false);
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    FOR v_schema IN
        SELECT n.nspname, n.nspowner, n.nspacl FROM pg_namespace n
        WHERE n.nspname = ANY (v_path) AND n.nspname <> 'pg_catalog'
    LOOP
        IF v_schema.nspname LIKE 'pg\_%' OR v_schema.nspname LIKE 'refreshtop%' THEN
            RAISE EXCEPTION 'schema % does not belong into a search path', v_schema.nspname
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF EXISTS (
            SELECT 1
            FROM (
                SELECT v_schema.nspowner AS role
                UNION ALL
                SELECT a.grantee FROM aclexplode(v_schema.nspacl) a WHERE a.privilege_type = 'CREATE'
            ) AS may_create
            LEFT JOIN pg_roles r ON r.oid = may_create.role
            LEFT JOIN pg_database d ON d.datname = current_database() AND r.rolname = 'pg_database_owner'
            WHERE coalesce(d.datdba, may_create.role) NOT IN (
                      v_owner.oid, (SELECT n.nspowner FROM pg_namespace n WHERE n.nspname = 'refreshtop'))
              AND NOT EXISTS (SELECT 1 FROM pg_roles s WHERE s.oid = coalesce(d.datdba, may_create.role) AND s.rolsuper)
        ) THEN
            RAISE EXCEPTION 'others than % may create in schema %, and their code would run as that role',
                v_owner.rolname, v_schema.nspname
                USING ERRCODE = 'insufficient_privilege',
                      HINT = format('ALTER FUNCTION … SET search_path instead, or first: '
                                    'REVOKE CREATE ON SCHEMA %I FROM PUBLIC', v_schema.nspname);
        END IF;
    END LOOP;
    IF current_setting('server_version_num')::integer >= 170000 THEN
        RAISE EXCEPTION 'PostgreSQL refreshes with a search path of its own from release 17 on'
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'ALTER FUNCTION … SET search_path, for each function of the query that needs one.';
    END IF;
    RETURN (SELECT string_agg(quote_ident(p.schema), ', ' ORDER BY p.place)
            FROM (SELECT 'pg_catalog'::name AS schema, 0 AS place
                  UNION ALL
                  SELECT u.schema, u.place FROM unnest(v_path) WITH ORDINALITY AS u(schema, place)
                  WHERE u.schema <> 'pg_catalog'
                  UNION ALL SELECT 'pg_temp', 1000000) AS p);
END
$$;
SELECT refreshtop_migration.seal('refreshtop.checked_path(text, oid)');

-- Changes how a managed view is refreshed; NULL puts a value back to its default.
CREATE OR REPLACE FUNCTION refreshtop.change_view(p_refresh_type text, p_changes jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Settings that any role may change, and that change how a query is executed, not what it may do.
    v_tunable text[] := ARRAY[
        'work_mem', 'maintenance_work_mem', 'hash_mem_multiplier', 'max_parallel_workers_per_gather',
        'max_parallel_maintenance_workers', 'jit', 'random_page_cost', 'seq_page_cost', 'effective_cache_size',
        'effective_io_concurrency', 'enable_hashagg', 'enable_hashjoin', 'enable_mergejoin', 'enable_nestloop',
        'enable_seqscan', 'enable_sort', 'from_collapse_limit', 'join_collapse_limit', 'geqo', 'plan_cache_mode',
        'default_text_search_config', 'lc_monetary', 'lc_numeric', 'lc_time'];
    v_view   refreshtop.views;
    v_change record;
    v_before text;
BEGIN
    SELECT * INTO v_view FROM refreshtop.views v WHERE v.refresh_type = p_refresh_type FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no materialized view is managed as "%"', p_refresh_type
            USING ERRCODE = 'undefined_object', HINT = 'SELECT refresh_type FROM refreshtop.views lists them.';
    END IF;
    FOR v_change IN SELECT c.key, c.value FROM jsonb_each_text(p_changes) c ORDER BY c.key LOOP
        IF v_change.key = ANY (v_tunable) THEN
            v_view.settings := v_view.settings - v_change.key;
            IF v_change.value IS NOT NULL OR v_change.key LIKE 'lc\_%' OR v_change.key LIKE 'default\_%' THEN
                -- As the server writes it: a refresh compares.
                v_before := current_setting(v_change.key);
                PERFORM set_config(v_change.key, coalesce(v_change.value, v_before), true);
                v_view.settings := v_view.settings
                    || jsonb_build_object(v_change.key, current_setting(v_change.key));
                PERFORM set_config(v_change.key, v_before, true);
            END IF;
            CONTINUE;
        END IF;
        BEGIN
            -- Years less days can compare as one day, and be more than a time can hold.
            IF v_change.key IN ('lock_timeout', 'keep_log', 'max_age', 'max_duration', 'stats_window', 'time_limit')
               AND strpos(v_change.value, '-') > 0 THEN
                RAISE invalid_datetime_format;
            END IF;
            CASE v_change.key
                WHEN 'lock_timeout' THEN
                    v_view.lock_timeout := coalesce(v_change.value, '5 s')::interval;
                WHEN 'keep_log' THEN
                    v_view.keep_log := coalesce(v_change.value, '30 days')::interval;
                WHEN 'schedule' THEN
                    v_view.schedule := CASE WHEN lower(btrim(v_change.value)) NOT IN ('', 'none')
                                            THEN btrim(v_change.value) END;
                    v_view.run_every := refreshtop.longest_pause(v_view.schedule);
                    IF v_view.schedule IS NULL AND v_view.managed_at IS NULL THEN
                        RAISE EXCEPTION 'the job of % came with a migration', p_refresh_type
                            USING ERRCODE = 'object_not_in_prerequisite_state',
                                  HINT = 'refreshtop job pause stops it, refreshtop job remove removes it.';
                    END IF;
                WHEN 'max_age' THEN
                    v_view.max_age := v_change.value::interval;
                WHEN 'max_duration' THEN
                    v_view.max_duration := v_change.value::interval;
                WHEN 'success_warning' THEN
                    v_view.success_warning := round(rtrim(v_change.value, ' %')::numeric, 6);
                WHEN 'success_critical' THEN
                    v_view.success_critical := round(rtrim(v_change.value, ' %')::numeric, 6);
                WHEN 'stats_window' THEN
                    v_view.stats_window := v_change.value::interval;
                WHEN 'time_limit' THEN
                    v_view.time_limit := v_change.value::interval;
                WHEN 'time_zone' THEN
                    v_before := current_setting('TimeZone');
                    PERFORM set_config('TimeZone',
                                       coalesce(v_change.value, refreshtop.zone_of(v_view.view_oid), 'UTC'), true);
                    v_view.time_zone := current_setting('TimeZone');
                    PERFORM set_config('TimeZone', v_before, true);
                WHEN 'blocking' THEN
                    v_view.blocking := coalesce(v_change.value, 'off')::boolean;
                    IF NOT v_view.blocking AND NOT refreshtop.has_key(v_view.view_oid) THEN
                        RAISE EXCEPTION '% has no unique index that a concurrent refresh needs', p_refresh_type
                            USING ERRCODE = 'object_not_in_prerequisite_state',
                                  HINT = 'It stays blocking until it has one.';
                    END IF;
                WHEN 'search_path' THEN
                    v_view.settings := v_view.settings - 'search_path';
                    IF v_change.value IS NOT NULL THEN
                        v_view.settings := v_view.settings || jsonb_build_object(
                            'search_path', refreshtop.checked_path(v_change.value, v_view.view_oid));
                    END IF;
                ELSE
                    RAISE EXCEPTION 'a view has no setting "%"', left(v_change.key, 100)
                        USING ERRCODE = 'invalid_parameter_value',
                              HINT = format('It has blocking, keep_log, lock_timeout, max_age, max_duration, '
                                            'schedule, search_path, stats_window, success_critical, success_warning, '
                                            'time_limit, time_zone, %s.', array_to_string(v_tunable, ', '));
            END CASE;
        EXCEPTION WHEN invalid_datetime_format OR invalid_text_representation OR datetime_field_overflow
                       OR interval_field_overflow THEN
            RAISE EXCEPTION '% can''t be "%"', v_change.key, left(v_change.value, 100)
                USING ERRCODE = 'invalid_parameter_value',
                      HINT = CASE WHEN v_change.key = 'blocking' THEN 'It is on or off.'
                                  WHEN v_change.key LIKE 'success\_%' THEN 'It is a number of per cent, such as 95.'
                                  ELSE 'It is a length of time, such as 5 s or 30 days.' END;
        END;
    END LOOP;
    IF v_view.lock_timeout NOT BETWEEN '1 ms' AND '1 h' THEN
        RAISE EXCEPTION 'lock_timeout is between 1 ms and 1 h' USING ERRCODE = 'invalid_parameter_value';
    ELSIF v_view.keep_log NOT BETWEEN '1 hour' AND '1000 years' THEN
        RAISE EXCEPTION 'keep_log is between 1 hour and 1000 years' USING ERRCODE = 'invalid_parameter_value';
    ELSIF v_view.max_age NOT BETWEEN '1 s' AND '100 years' THEN
        RAISE EXCEPTION 'max_age is between 1 s and 100 years' USING ERRCODE = 'invalid_parameter_value';
    ELSIF v_view.max_duration NOT BETWEEN '1 ms' AND '100 years' THEN
        RAISE EXCEPTION 'max_duration is between 1 ms and 100 years' USING ERRCODE = 'invalid_parameter_value';
    ELSIF v_view.stats_window NOT BETWEEN '1 min' AND '100 years' THEN
        RAISE EXCEPTION 'stats_window is between 1 minute and 100 years' USING ERRCODE = 'invalid_parameter_value';
    ELSIF v_view.time_limit NOT BETWEEN '1 ms' AND '24 days' THEN
        RAISE EXCEPTION 'time_limit is between 1 ms and 24 days' USING ERRCODE = 'invalid_parameter_value';
    ELSIF v_view.success_warning NOT BETWEEN 0 AND 100 OR v_view.success_critical NOT BETWEEN 0 AND 100 THEN
        RAISE EXCEPTION 'success_warning and success_critical are between 0 and 100'
            USING ERRCODE = 'invalid_parameter_value';
    -- The usual limits take the place of those that are not set.
    ELSIF coalesce(v_view.success_warning, 95) < coalesce(v_view.success_critical, 80) THEN
        RAISE EXCEPTION 'success_warning (%) must not be below success_critical (%)',
            coalesce(v_view.success_warning, 95), coalesce(v_view.success_critical, 80)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Change both in one call.';
    END IF;
    UPDATE refreshtop.views v SET
        lock_timeout = v_view.lock_timeout,
        keep_log = v_view.keep_log,
        time_zone = v_view.time_zone,
        blocking = v_view.blocking,
        schedule = v_view.schedule,
        run_every = v_view.run_every,
        max_age = v_view.max_age,
        max_duration = v_view.max_duration,
        success_warning = v_view.success_warning,
        success_critical = v_view.success_critical,
        stats_window = v_view.stats_window,
        time_limit = v_view.time_limit,
        settings = v_view.settings
    WHERE v.refresh_type = p_refresh_type;
    IF p_changes ? 'schedule' THEN
        PERFORM refreshtop.follow_schedule(p_refresh_type);
    END IF;
    PERFORM refreshtop.note_act('views set', 'success',
                                jsonb_build_object('view', p_refresh_type, 'changes', p_changes));
END
$$;
COMMENT ON FUNCTION refreshtop.change_view(text, jsonb) IS
    'Changes how and when a view is refreshed and judged: schedule, lock_timeout, time_limit, max_age, blocking, more';
SELECT refreshtop_migration.seal('refreshtop.change_view(text, jsonb)');
SELECT refreshtop_migration.as_migrator();

-- Gives our owner back what it needs to refresh the managed views, if somebody has dropped it.
DO $$
DECLARE
    v_view record;
BEGIN
    FOR v_view IN
        SELECT v.refresh_type, v.view_oid, v.time_zone
        FROM refreshtop.views v
        JOIN pg_class c ON c.oid = v.view_oid AND c.relkind = 'm' AND c.relname = v.view_name
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = v.view_schema
        WHERE v.managed_at IS NOT NULL AND pg_get_userbyid(c.relowner) = v.view_owner
          AND pg_has_role(c.relowner, 'USAGE')
    LOOP
        PERFORM refreshtop.register_view(v_view.refresh_type, v_view.view_oid, v_view.time_zone);
    END LOOP;
END
$$;
