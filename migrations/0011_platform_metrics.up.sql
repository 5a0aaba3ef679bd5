-- The materialized view that this product began with, and the four functions by which other programs call it.

-- The tables of the application that the view reads.
CREATE FUNCTION refreshtop_migration.sources() RETURNS name[] LANGUAGE sql IMMUTABLE
AS $$ SELECT ARRAY['accounts', 'accounts_memberships', 'assets', 'software_licenses']::name[] $$;

-- The owner of the view that we create, with whose rights its query runs. The owner of a source can make the query run
-- his code, so only he may own the view. If there are several owners, the view belongs to a role that can read the four
-- tables and nothing else. It may belong to a superuser only if all sources do.
CREATE FUNCTION refreshtop_migration.view_owner() RETURNS name LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_super  boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    v_owners name[];
    v_lesser name[];
BEGIN
    SELECT array_agg(DISTINCT r.rolname),
           array_agg(DISTINCT r.rolname) FILTER (WHERE NOT r.rolsuper AND r.rolname <> current_user)
    INTO v_owners, v_lesser
    FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
    WHERE c.relnamespace = 'public'::regnamespace
      AND c.relname = ANY (refreshtop_migration.sources());
    IF cardinality(v_owners) = 1 AND pg_has_role(v_owners[1], 'USAGE') THEN
        RETURN v_owners[1];
    ELSIF v_lesser IS NULL THEN
        -- Superusers' or ours: nobody with fewer rights can add code.
        RETURN current_user;
    ELSIF refreshtop_migration.role('view') <> current_user AND (v_super OR NOT EXISTS (
            SELECT 1 FROM unnest(refreshtop_migration.sources()) AS t(name)
            WHERE NOT has_table_privilege(format('public.%I', t.name), 'SELECT WITH GRANT OPTION'))) THEN
        RETURN refreshtop_migration.role('view');
    END IF;
    RAISE EXCEPTION
        'the source tables belong to role %, whose code would run with the rights of role % at each refresh',
        v_lesser[1], current_user
        USING ERRCODE = 'insufficient_privilege',
              HINT = format('Migrate as role %s, as a superuser, or as a role that can create roles '
                            'and may grant SELECT on them.', v_lesser[1]);
END
$$;

-- A right on an object of others that one of our roles gets; recorded, so that a rollback revokes it.
CREATE FUNCTION refreshtop_migration.give_right(p_right text, p_kind text, p_schema name, p_name name, p_role name)
RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format(
        'GRANT %s ON %s %s TO %I',
        p_right,
        p_kind,
        CASE WHEN p_schema IS NULL THEN quote_ident(p_name) ELSE format('%I.%I', p_schema, p_name) END,
        p_role);
    INSERT INTO refreshtop.undo (step, kind, object_schema, object_name, detail)
    VALUES (11, 'grant', p_schema, p_name, jsonb_build_object('right', p_right, 'kind', p_kind, 'role', p_role))
    ON CONFLICT DO NOTHING;
END
$$;

-- The column for the unique key that a concurrent refresh needs. For a view with one row any column will do; for one
-- with many rows it must be unique and never NULL in the data, preferably an id. The data are checked in the query of a
-- materialized view of a role without rights.
CREATE FUNCTION refreshtop_migration.key(p_view regclass) RETURNS name LANGUAGE plpgsql
AS $$
DECLARE
    v_view    record;
    v_reader  name := refreshtop_migration.role('view');
    v_columns name[];
    v_counts  bigint[];
    v_found   oid;
BEGIN
    SELECT n.nspname, c.relname INTO v_view
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = p_view;
    v_columns := ARRAY(
        SELECT a.attname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = p_view
          AND a.attnum > 0
          AND NOT a.attisdropped
          AND t.typnamespace = 'pg_catalog'::regnamespace
          AND t.typcategory IN ('N', 'S', 'U', 'D')
          AND t.typname NOT IN ('json', 'xml', 'point', 'jsonpath', 'float4', 'float8')
        ORDER BY a.attname <> 'id', a.attname !~ '(_id|Id)$', t.typcategory = 'D', a.attnum);
    EXECUTE format(
        'CREATE MATERIALIZED VIEW refreshtop_before.refreshtop_counts AS '
        'SELECT ARRAY[count(*)%s] AS counts FROM %I.%I v WITH NO DATA',
        (SELECT string_agg(format(', count(DISTINCT v.%I)', c), '' ORDER BY place)
         FROM unnest(v_columns) WITH ORDINALITY AS u(c, place)),
        v_view.nspname,
        v_view.relname);
    v_found := 'refreshtop_before.refreshtop_counts'::regclass;
    IF v_reader <> current_user THEN
        PERFORM refreshtop_migration.let_own('refreshtop_before', v_reader);
        PERFORM refreshtop_migration.for_now(
            format('GRANT SELECT ON %I.%I TO %I', v_view.nspname, v_view.relname, v_reader),
            format('REVOKE SELECT ON %I.%I FROM %I', v_view.nspname, v_view.relname, v_reader));
        EXECUTE format('ALTER MATERIALIZED VIEW refreshtop_before.refreshtop_counts OWNER TO %I', v_reader);
    END IF;
    REFRESH MATERIALIZED VIEW refreshtop_before.refreshtop_counts;
    PERFORM refreshtop_migration.must_be_plain('refreshtop_before.refreshtop_counts', v_found);
    SELECT counts INTO v_counts FROM refreshtop_before.refreshtop_counts;
    DROP MATERIALIZED VIEW refreshtop_before.refreshtop_counts;
    FOR i IN 1 .. cardinality(v_columns) LOOP
        IF v_counts[i + 1] = v_counts[1] AND (v_counts[1] > 1 OR v_columns[i] ~ '(^id|_id|Id)$') THEN
            RETURN v_columns[i];
        END IF;
    END LOOP;
    IF v_counts[1] <= 1 THEN
        RETURN (SELECT attname FROM pg_attribute WHERE attrelid = p_view AND attnum > 0 AND NOT attisdropped
                ORDER BY attname <> 'last_updated', attnum LIMIT 1);
    END IF;
    RETURN NULL;
END
$$;

-- Each source table is read once, because joining the four and counting distinct ids multiplies their rows. A person is
-- new as of the first membership; joining a second account does not make one new.
CREATE FUNCTION refreshtop_migration.query() RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT $query$
SELECT a.total_accounts, u.total_users, s.total_assets, l.total_licenses,
       a.new_accounts_30d, u.new_users_30d, s.new_assets_30d, now() AS last_updated
FROM (SELECT count(*) AS total_accounts,
             count(*) FILTER (WHERE created_at >= now() - interval '30 days') AS new_accounts_30d
      FROM public.accounts) a
CROSS JOIN (SELECT count(*) AS total_users,
                   count(*) FILTER (WHERE joined_at >= now() - interval '30 days') AS new_users_30d
            FROM (SELECT min(created_at) AS joined_at FROM public.accounts_memberships
                  WHERE user_id IS NOT NULL GROUP BY user_id) people) u
CROSS JOIN (SELECT count(*) AS total_assets,
                   count(*) FILTER (WHERE created_at >= now() - interval '30 days') AS new_assets_30d
            FROM public.assets) s
CROSS JOIN (SELECT count(*) AS total_licenses FROM public.software_licenses) l$query$ $$;

-- Fills the view if it is empty.
CREATE FUNCTION refreshtop_migration.fill_view(p_view oid) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT (SELECT relispopulated FROM pg_class WHERE oid = p_view) THEN
        -- Rows that are hidden from the view's owner cause an error, not fewer rows.
        SET LOCAL row_security = off;
        REFRESH MATERIALIZED VIEW public.platform_metrics;
        SET LOCAL row_security = on;
    END IF;
END
$$;

-- A view with that name and another query is moved aside, unless others depend on it or it has columns that ours lacks.
DO $$
DECLARE
    v_view       oid := to_regclass('public.platform_metrics');
    v_dependents text;
    v_reason     text;
BEGIN
    IF v_view IS NULL OR EXISTS (SELECT 1 FROM refreshtop.views v WHERE v.view_oid = v_view) THEN
        RETURN;
    ELSIF (SELECT relkind FROM pg_class WHERE oid = v_view) <> 'm' THEN
        RAISE EXCEPTION 'public.platform_metrics exists and is not a materialized view'
            USING ERRCODE = 'wrong_object_type', HINT = 'Rename or drop it, then migrate again.';
    END IF;
    EXECUTE 'CREATE MATERIALIZED VIEW refreshtop_before.refreshtop_wanted AS '
        || refreshtop_migration.query() || ' WITH NO DATA';
    SELECT string_agg(DISTINCT coalesce(w.oid::regclass::text, p.oid::regprocedure::text), ', ') INTO v_dependents
    FROM pg_depend d
    LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid AND r.ev_class <> v_view
    LEFT JOIN pg_class w ON w.oid = r.ev_class
    LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = v_view
       OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (SELECT t.oid FROM pg_type t WHERE t.typrelid = v_view);
    IF pg_get_viewdef(v_view) IS NOT DISTINCT FROM pg_get_viewdef('refreshtop_before.refreshtop_wanted'::regclass) THEN
        v_reason := '';
    ELSIF v_dependents IS NOT NULL THEN
        v_reason := format('%s depends on it', v_dependents);
    ELSIF EXISTS (SELECT attname FROM pg_attribute
                  WHERE attrelid = v_view AND attnum > 0 AND NOT attisdropped
                  EXCEPT
                  SELECT attname FROM pg_attribute
                  WHERE attrelid = 'refreshtop_before.refreshtop_wanted'::regclass AND attnum > 0) THEN
        v_reason := 'it has columns that refreshtop''s query has not';
    END IF;
    DROP MATERIALIZED VIEW refreshtop_before.refreshtop_wanted;
    IF v_reason IS NULL THEN
        PERFORM refreshtop_migration.move_relation(v_view);
        PERFORM refreshtop_migration.note_kept(
            'public.platform_metrics counts with refreshtop''s query now; its own comes back with a rollback');
    ELSIF v_reason <> '' THEN
        PERFORM refreshtop_migration.note_kept(
            format('public.platform_metrics keeps its own query, because %s', v_reason));
    END IF;
END
$$;

DO $$
DECLARE
    v_view    oid := to_regclass('public.platform_metrics');
    v_moved   record;
    v_owner   name;
    v_zone    text;
    v_key     name;
    v_hidden  text;
    v_part    text;
    v_lacks   boolean;
    v_grantee record;
BEGIN
    -- `timestamp` columns are in the time zone in which the application writes them: the database's own, if it has one.
    v_zone := coalesce((
        SELECT (SELECT split_part(c, '=', 2) FROM unnest(s.setconfig) c WHERE c ILIKE 'timezone=%' LIMIT 1)
        FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase AND s.setrole = 0
        WHERE d.datname = current_database()), 'UTC');
    IF v_view IS NULL THEN
        SELECT c.oid, c.relacl, c.relowner INTO v_moved
        FROM refreshtop.undo u
        JOIN pg_class c ON c.relname = u.object_name AND c.relnamespace = 'refreshtop_before'::regnamespace
        WHERE u.kind = 'moved' AND u.detail ->> 'name' = 'platform_metrics' ORDER BY u.at LIMIT 1;
        v_owner := refreshtop_migration.view_owner();
        -- It is created empty, given to its owner, and then filled. So the query never runs with the migrating role's
        -- rights.
        EXECUTE 'CREATE MATERIALIZED VIEW public.platform_metrics AS '
            || refreshtop_migration.query() || ' WITH NO DATA';
        v_view := 'public.platform_metrics'::regclass;
        COMMENT ON MATERIALIZED VIEW public.platform_metrics IS
            'Platform-wide figures, one row, kept fresh by refreshtop';
        CREATE UNIQUE INDEX platform_metrics_refresh_key ON public.platform_metrics (last_updated);
        IF v_owner = refreshtop_migration.role('view') AND v_owner <> current_user THEN
            PERFORM refreshtop_migration.give_right('SELECT', 'TABLE', 'public', t.name, v_owner)
            FROM unnest(refreshtop_migration.sources()) AS t(name);
            IF NOT has_schema_privilege(v_owner, 'public', 'USAGE') THEN
                PERFORM refreshtop_migration.give_right('USAGE', 'SCHEMA', NULL, 'public', v_owner);
            END IF;
            IF NOT has_database_privilege(v_owner, current_database(), 'TEMPORARY') THEN
                PERFORM refreshtop_migration.give_right('TEMPORARY', 'DATABASE', NULL, current_database(), v_owner);
            END IF;
        END IF;
        IF v_owner <> current_user THEN
            -- Only for this moment: his code runs when the view is filled, and whatever it created here would stay.
            v_lacks := NOT has_schema_privilege(v_owner, 'public', 'CREATE');
            IF v_lacks THEN
                EXECUTE format('GRANT CREATE ON SCHEMA public TO %I', v_owner);
            END IF;
            EXECUTE format('ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO %I', v_owner);
            IF v_lacks THEN
                EXECUTE format('REVOKE CREATE ON SCHEMA public FROM %I', v_owner);
            END IF;
        END IF;
        PERFORM refreshtop_migration.strip_relation('public.platform_metrics');
        -- Roles that could read the old one can read this one.
        FOR v_grantee IN SELECT DISTINCT a.grantee, a.is_grantable FROM aclexplode(v_moved.relacl) a
                         WHERE a.privilege_type = 'SELECT' AND a.grantee <> v_moved.relowner LOOP
            EXECUTE format('GRANT SELECT ON public.platform_metrics TO %s %s',
                refreshtop_migration.grantee(v_grantee.grantee),
                CASE WHEN v_grantee.is_grantable THEN 'WITH GRANT OPTION' ELSE '' END);
        END LOOP;
        IF v_moved.relowner IS NOT NULL AND pg_get_userbyid(v_moved.relowner) <> v_owner THEN
            EXECUTE format('GRANT SELECT ON public.platform_metrics TO %I', pg_get_userbyid(v_moved.relowner));
        END IF;
    END IF;

    -- The rights of the query matter in the same way for a view that existed before.
    SELECT pg_get_userbyid(relowner) INTO v_owner FROM pg_class WHERE oid = v_view;
    v_hidden := refreshtop.hidden_from_owner(v_view);
    IF v_hidden IS NOT NULL THEN
        RAISE EXCEPTION
            'row security hides rows of % from role %, which owns the materialized view public.platform_metrics',
            v_hidden, v_owner
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = format('The figures would be wrong: ALTER ROLE %I BYPASSRLS, '
                                'or give the view to the owner of the table.', v_owner);
    END IF;
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = v_owner) THEN
        v_part := refreshtop.lesser_owner(v_view);
        IF v_part IS NOT NULL THEN
            RAISE EXCEPTION
                'public.platform_metrics belongs to superuser %, but reads %, '
                'whose owner''s code would run as that superuser',
                v_owner, v_part
                USING ERRCODE = 'insufficient_privilege',
                      HINT = 'Give the view to the owner of what it reads: '
                             'ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO …';
        END IF;
    ELSIF NOT pg_has_role(v_owner, 'USAGE') THEN
        RAISE EXCEPTION 'public.platform_metrics belongs to role %', v_owner
            USING ERRCODE = 'insufficient_privilege', HINT = 'Migrate as its owner or as a superuser.';
    END IF;
    PERFORM refreshtop.register_view('platform_metrics', v_view, v_zone);
    -- The schedule of its job, until that has another one.
    UPDATE refreshtop.views v SET schedule = '*/5 * * * *', run_every = '5 min'
    WHERE v.refresh_type = 'platform_metrics' AND v.schedule IS NULL;

    -- A concurrent refresh needs a unique index on plain columns, without an expression or a WHERE.
    IF NOT EXISTS (SELECT 1 FROM pg_index i
                   WHERE i.indrelid = v_view AND i.indisunique AND i.indisvalid AND i.indimmediate
                     AND i.indpred IS NULL AND i.indexprs IS NULL) THEN
        PERFORM refreshtop_migration.fill_view(v_view);
        v_key := refreshtop_migration.key(v_view);
        IF v_key IS NULL THEN
            PERFORM refreshtop_migration.note_kept(
                'warning: public.platform_metrics has many rows and no column that is unique, '
                'so it can''t be refreshed concurrently: '
                'create a unique index on the columns that tell its rows apart');
        ELSE
            EXECUTE format('CREATE UNIQUE INDEX platform_metrics_refresh_key ON public.platform_metrics (%I)', v_key);
            INSERT INTO refreshtop.undo (step, kind, object_schema, object_name)
            VALUES (11, 'index', 'public', 'platform_metrics_refresh_key')
            ON CONFLICT DO NOTHING;
        END IF;
    END IF;
    IF refreshtop_migration.role('admin') IS NOT NULL
       AND NOT has_table_privilege(refreshtop_migration.role('admin'), v_view, 'SELECT') THEN
        PERFORM refreshtop_migration.give_right(
            'SELECT', 'TABLE', 'public', 'platform_metrics', refreshtop_migration.role('admin'));
    END IF;
    PERFORM refreshtop_migration.fill_view(v_view);
    -- Created now, so that even the loss of the very first attempt is noticed.
    PERFORM refreshtop_migration.as_owner();
    PERFORM refreshtop.attempt_slots('platform_metrics');
    PERFORM refreshtop_migration.as_migrator();
END
$$;

-- A concurrent refresh of a view that existed before loses a row without an error if the query returns the same row
-- twice and one of its columns is NULL. Only a unique key that the query itself guarantees rules that out. The rows are
-- counted as the view's owner sees them. A NULL in the key makes each refresh rewrite that row, but loses none.
DO $$
DECLARE
    v_view    record;
    v_index   record;
    v_rows    bigint[];
    v_problem text;
    v_good    boolean := false;
    v_found   oid;
BEGIN
    SELECT c.oid, pg_get_userbyid(c.relowner) AS owner, rtrim(pg_get_viewdef(c.oid), ';') AS query INTO v_view
    FROM pg_class c WHERE c.oid = to_regclass('public.platform_metrics') AND c.relkind = 'm'
      AND obj_description(c.oid, 'pg_class')
          IS DISTINCT FROM 'Platform-wide figures, one row, kept fresh by refreshtop';
    FOR v_index IN
        SELECT i.indexrelid::regclass::text AS name,
               string_agg(format('q.%I', a.attname), ', ' ORDER BY k.place) AS columns,
               string_agg(format('q.%I IS NULL', a.attname), ' OR ' ORDER BY k.place) AS any_null
        FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE i.indrelid = v_view.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
          AND i.indpred IS NULL AND i.indexprs IS NULL
          AND k.place <= i.indnkeyatts
        GROUP BY i.indexrelid ORDER BY i.indexrelid
    LOOP
        -- Even parsing a stranger's query runs his code: a constant of a domain is checked by its functions. So the
        -- query stays a text until it is executed inside the refresh, as the view's owner.
        EXECUTE format(
            'CREATE FUNCTION refreshtop_before.refreshtop_count() RETURNS bigint[] '
            'LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS %L',
            format(
                'DECLARE v_rows bigint[]; BEGIN EXECUTE %L INTO v_rows; RETURN v_rows; END',
                format(
                    'SELECT ARRAY[count(*), count(DISTINCT ROW(%s)) FILTER (WHERE NOT (%s)), '
                    'count(*) FILTER (WHERE %s)] FROM (%s) q',
                    v_index.columns, v_index.any_null, v_index.any_null, v_view.query)));
        EXECUTE format('GRANT EXECUTE ON FUNCTION refreshtop_before.refreshtop_count() TO %I', v_view.owner);
        CREATE MATERIALIZED VIEW refreshtop_before.refreshtop_rows AS
            SELECT refreshtop_before.refreshtop_count() AS rows WITH NO DATA;
        v_found := 'refreshtop_before.refreshtop_rows'::regclass;
        PERFORM refreshtop_migration.let_own('refreshtop_before', v_view.owner);
        EXECUTE format('ALTER MATERIALIZED VIEW refreshtop_before.refreshtop_rows OWNER TO %I', v_view.owner);
        SET LOCAL row_security = off;
        REFRESH MATERIALIZED VIEW refreshtop_before.refreshtop_rows;
        PERFORM refreshtop_migration.must_be_plain('refreshtop_before.refreshtop_rows', v_found);
        SET LOCAL row_security = on;
        SELECT r.rows INTO v_rows FROM refreshtop_before.refreshtop_rows r;
        DROP MATERIALIZED VIEW refreshtop_before.refreshtop_rows;
        DROP FUNCTION refreshtop_before.refreshtop_count();
        IF v_rows[2] + v_rows[3] < v_rows[1] THEN
            v_problem := format(
                'index %s takes each key once, and the query of public.platform_metrics gives %s rows more: '
                'a concurrent refresh would lose those with a NULL in them without an error',
                v_index.name, v_rows[1] - v_rows[2] - v_rows[3]);
        ELSIF v_rows[3] = 0 THEN
            v_good := true;
        ELSE
            v_good := true;
            PERFORM refreshtop_migration.note_kept(format(
                'warning: %s rows of public.platform_metrics have a NULL in the key of index %s, '
                'and are rewritten by each refresh',
                v_rows[3], v_index.name));
        END IF;
    END LOOP;
    IF v_problem IS NOT NULL AND NOT v_good THEN
        RAISE EXCEPTION '%', v_problem USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Create the unique index on columns that identify the rows of the query, then migrate again.';
    END IF;
END
$$;

-- The public functions. They run with the caller's rights: the owner of schema public could replace them, and gains
-- nothing from them. Super administrators and pg_cron's job come in through one function, the application's users
-- through the other.
SELECT refreshtop_migration.as_owner();
CREATE OR REPLACE FUNCTION public.refresh_platform_metrics_with_logging() RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT has_schema_privilege('refreshtop', 'USAGE') THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('role "%s" may not refresh platform_metrics: only super administrators may', current_user),
            HINT = format('A superuser or the owner can run: GRANT refreshtop_admin TO %I', current_user);
    ELSIF has_function_privilege('refreshtop.refresh(text, text)', 'EXECUTE') THEN
        RETURN refreshtop.refresh('platform_metrics');
    END IF;
    RETURN refreshtop.refresh_for_application('platform_metrics');
END
$$;
COMMENT ON FUNCTION public.refresh_platform_metrics_with_logging() IS
    'refreshtop: refreshes public.platform_metrics concurrently, logs the attempt whatever its outcome, '
    'and notifies on metrics_refresh';

CREATE OR REPLACE FUNCTION public.trigger_platform_metrics_refresh() RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT has_schema_privilege('refreshtop', 'USAGE') THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('role "%s" may not refresh platform_metrics: only super administrators may', current_user),
            HINT = format('A superuser or the owner can run: GRANT refreshtop_admin TO %I', current_user);
    ELSIF has_function_privilege('refreshtop.refresh(text, text)', 'EXECUTE') THEN
        RETURN refreshtop.refresh('platform_metrics', 'manual');
    END IF;
    RETURN refreshtop.refresh_for_application('platform_metrics', 'manual');
END
$$;
COMMENT ON FUNCTION public.trigger_platform_metrics_refresh() IS
    'refreshtop: a manual refresh, for super administrators';

CREATE OR REPLACE FUNCTION public.get_metrics_refresh_stats(p_hours integer DEFAULT 24)
RETURNS TABLE (
    total_refreshes bigint,
    successful_refreshes bigint,
    failed_refreshes bigint,
    success_rate numeric,
    avg_duration_ms numeric,
    max_duration_ms numeric,
    min_duration_ms numeric,
    last_refresh_at timestamptz,
    last_error text
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_window interval := make_interval(hours => coalesce(p_hours, 24));
BEGIN
    IF has_function_privilege('refreshtop.stats(text, interval)', 'EXECUTE') THEN
        RETURN QUERY
            SELECT s.total_refreshes, s.successful_refreshes, s.failed_refreshes, s.success_rate,
                   s.avg_duration_ms, s.max_duration_ms, s.min_duration_ms, s.last_refresh_at, s.last_error
            FROM refreshtop.stats('platform_metrics', v_window) s;
    ELSE
        RETURN QUERY
            SELECT s.total_refreshes, s.successful_refreshes, s.failed_refreshes, s.success_rate,
                   s.avg_duration_ms, s.max_duration_ms, s.min_duration_ms, s.last_refresh_at, s.last_error
            FROM refreshtop.stats_for_application('platform_metrics', v_window) s;
    END IF;
END
$$;
COMMENT ON FUNCTION public.get_metrics_refresh_stats(integer) IS
    'refreshtop: statistics of the last p_hours hours; durations are those of successful refreshes; '
    'last_refresh_at is the last attempt';

CREATE OR REPLACE FUNCTION public.cleanup_old_metrics_logs() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF has_function_privilege('refreshtop.cleanup_logs(integer, integer)', 'EXECUTE') THEN
        RETURN refreshtop.cleanup_logs();
    END IF;
    RETURN refreshtop.cleanup_logs_for_application();
END
$$;
COMMENT ON FUNCTION public.cleanup_old_metrics_logs() IS
    'refreshtop: deletes log rows older than 30 days, in bounded batches; returns how many';

SELECT refreshtop_migration.seal('public.refresh_platform_metrics_with_logging()', 'admin', 'job'),
       refreshtop_migration.seal('public.trigger_platform_metrics_refresh()', 'admin'),
       refreshtop_migration.seal('public.get_metrics_refresh_stats(integer)', 'admin'),
       refreshtop_migration.seal('public.cleanup_old_metrics_logs()', 'admin', 'job');
-- The application's roles, as for the functions that these call.
DO $$
DECLARE
    v_role name;
BEGIN
    FOR v_role IN
        SELECT pg_get_userbyid(a.grantee) FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a
        WHERE p.oid = 'refreshtop.refresh_for_application(text, text)'::regprocedure
          AND a.grantee NOT IN (0, p.proowner)
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION public.refresh_platform_metrics_with_logging(), '
                       'public.trigger_platform_metrics_refresh(), '
                       'public.get_metrics_refresh_stats(integer), '
                       'public.cleanup_old_metrics_logs() TO %I', v_role);
    END LOOP;
END
$$;
SELECT refreshtop_migration.as_migrator();
