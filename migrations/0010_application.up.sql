-- The application's own public.is_super_admin(), if it has one: the end users that it accepts have the permissions of
-- super administrators. They all share a role of the database (authenticated), so EXECUTE alone does not distinguish
-- them.
SELECT refreshtop_migration.as_owner();

-- The function, without parameters or with defaults for all of them. In many databases any role may create in schema
-- public, and the answer decides everything. So a function counts only if its owner can act as an owner of the
-- application or of the installation. Superusers can.
CREATE OR REPLACE FUNCTION refreshtop.application_function() RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.oid FROM pg_proc p
    WHERE p.pronamespace = to_regnamespace('public') AND p.proname = 'is_super_admin' AND p.prokind = 'f'
      AND p.pronargs = p.pronargdefaults AND p.prorettype = 'boolean'::regtype
      AND EXISTS (
          SELECT 1 FROM (
              SELECT n.nspowner FROM pg_namespace n WHERE n.nspname IN ('public', 'refreshtop')
              UNION
              SELECT d.datdba FROM pg_database d WHERE d.datname = current_database()
              UNION
              SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = 'public'
                AND c.relname IN ('accounts', 'accounts_memberships', 'assets', 'software_licenses')
          ) AS trusted(role) WHERE pg_has_role(p.proowner, trusted.role, 'MEMBER'))
    ORDER BY p.pronargs LIMIT 1
$$;
SELECT refreshtop_migration.seal('refreshtop.application_function()');
SELECT refreshtop_migration.as_migrator();

-- Calls it with the rights of its own owner, never with more, because the owner can change what it does. A superuser's
-- function is called as refreshtop_view, because what it reads, and other objects in schema public, belong to others.
-- It runs with the search path that it sets itself, or otherwise with public in the path, because a function that
-- decides from a JWT commonly reads its own tables there. Anything but a clear yes counts as no, an error too: claims
-- that are not JSON must neither admit anybody nor give him an error that explains nothing.
DO $do$
DECLARE
    v_owner name := (
        SELECT CASE WHEN r.rolsuper AND refreshtop_migration.role('view') <> current_user
                    THEN refreshtop_migration.role('view')
                    ELSE r.rolname END
        FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
        WHERE p.oid = refreshtop.application_function());
    v_asked oid := to_regprocedure('refreshtop_definers.ask_application()');
BEGIN
    IF v_asked IS NOT NULL
       AND (v_owner IS NULL OR v_owner <> (SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE oid = v_asked)) THEN
        DROP FUNCTION refreshtop_definers.ask_application();
    END IF;
    IF v_owner IS NULL THEN
        RETURN;
    END IF;
    CREATE OR REPLACE FUNCTION refreshtop_definers.ask_application() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET row_security = on
    AS $$
    DECLARE
        v_answer boolean;
    BEGIN
        -- Its owner can make it SECURITY INVOKER, or give it another search path, but can't change this body. So the
        -- body checks with whose rights it runs, using names that no search path changes.
        IF coalesce(current_user OPERATOR(pg_catalog.<>) (
               SELECT pg_catalog.pg_get_userbyid(p.proowner)
               FROM pg_catalog.pg_proc p, pg_catalog.pg_namespace n
               WHERE p.proname OPERATOR(pg_catalog.=) 'ask_application'::pg_catalog.name
                 AND p.pronargs OPERATOR(pg_catalog.=) 0
                 AND p.pronamespace OPERATOR(pg_catalog.=) n.oid
                 AND n.nspname OPERATOR(pg_catalog.=) 'refreshtop_definers'::pg_catalog.name), true) THEN
            RETURN false;
        END IF;
        EXECUTE 'SELECT public.is_super_admin()' INTO v_answer;
        RETURN coalesce(v_answer, false);
    EXCEPTION WHEN assert_failure OR OTHERS THEN
        RAISE WARNING 'public.is_super_admin() failed, which counts as no: %', pg_catalog.left(SQLERRM, 500);
        RETURN false;
    END
    $$;
    PERFORM refreshtop_migration.give('refreshtop_definers.ask_application()', v_owner);
    IF NOT has_function_privilege(v_owner, refreshtop.application_function(), 'EXECUTE')
       OR NOT has_schema_privilege(v_owner, 'public', 'USAGE') THEN
        PERFORM refreshtop_migration.note_kept(format(
            'public.is_super_admin() can''t be asked, because role %s may not call it; '
            'its owner can run: GRANT EXECUTE ON FUNCTION %s TO %I',
            v_owner, refreshtop.application_function()::regprocedure, v_owner));
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    PERFORM refreshtop_migration.note_kept(format(
        'public.is_super_admin() of role %s is not asked, because only a superuser, or a member of that role, '
        'can let it run with its owner''s rights: migrate as one',
        v_owner));
END
$do$;

SELECT refreshtop_migration.as_owner();
-- The application is not asked in the session of a superuser, or of a role that creates roles: its owner's code could
-- leave something in the session (a cursor held beyond the transaction) that runs as that role. It is not asked for
-- code that must not act, either.
CREATE OR REPLACE FUNCTION refreshtop.application_says_yes() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF refreshtop.is_restricted()
       OR (SELECT r.rolsuper OR r.rolcreaterole FROM pg_roles r WHERE r.rolname = session_user)
       OR NOT EXISTS (
           SELECT 1 FROM pg_proc own JOIN pg_proc theirs ON theirs.oid = refreshtop.application_function()
           WHERE own.oid = to_regprocedure('refreshtop_definers.ask_application()') AND own.prosecdef
             AND (own.proowner = theirs.proowner
               OR EXISTS (SELECT 1 FROM pg_roles r WHERE r.oid = theirs.proowner AND r.rolsuper)
                  AND own.proowner = to_regrole('refreshtop_view'))) THEN
        RETURN false;
    END IF;
    RETURN refreshtop_definers.ask_application();
END
$$;
SELECT refreshtop_migration.seal('refreshtop.application_says_yes()');

CREATE OR REPLACE FUNCTION refreshtop.require_application(p_action text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT refreshtop.application_says_yes() THEN
        -- The exception rolls back every table write, so the trace of a refusal is in the server's log.
        RAISE LOG 'refreshtop: % refused to role "%" (login "%")', p_action, refreshtop.caller(), session_user;
        RAISE EXCEPTION 'role "%" may not %: only super administrators may', refreshtop.caller(), p_action
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'The application''s public.is_super_admin() decides, and it did not say yes.';
    END IF;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.require_application(text)');

CREATE OR REPLACE FUNCTION refreshtop.refresh_for_application(
    p_refresh_type text,
    p_source text DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM refreshtop.require_application('refresh ' || p_refresh_type);
    RETURN refreshtop.run_refresh(p_refresh_type, p_source);
END
$$;
SELECT refreshtop_migration.pin_settings('refreshtop.refresh_for_application(text, text)');
CREATE OR REPLACE FUNCTION refreshtop.stats_for_application(p_refresh_type text, p_window interval)
RETURNS TABLE (
    total_refreshes bigint,
    successful_refreshes bigint,
    failed_refreshes bigint,
    success_rate numeric,
    avg_duration_ms numeric,
    max_duration_ms numeric,
    min_duration_ms numeric,
    last_refresh_at timestamptz,
    last_error text,
    last_success_at timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM refreshtop.require_application('see refresh statistics');
    RETURN QUERY SELECT * FROM refreshtop.run_stats(p_refresh_type, p_window);
END
$$;
CREATE OR REPLACE FUNCTION refreshtop.cleanup_logs_for_application() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM refreshtop.require_application('clean up the refresh log');
    RETURN refreshtop.run_cleanup(10000, 100);
END
$$;
SELECT refreshtop_migration.seal('refreshtop.refresh_for_application(text, text)'),
       refreshtop_migration.seal('refreshtop.stats_for_application(text, interval)'),
       refreshtop_migration.seal('refreshtop.cleanup_logs_for_application()');

-- What a caller is, for display only; it decides nothing.
CREATE OR REPLACE FUNCTION refreshtop.is_super_admin() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT has_function_privilege(refreshtop.caller(), 'refreshtop.stats(text, interval)', 'EXECUTE') $$;
COMMENT ON FUNCTION refreshtop.is_super_admin() IS
    'Whether the caller is a superuser, the owner or a member of refreshtop_admin; '
    'for display, nothing is decided by it';
SELECT refreshtop_migration.seal('refreshtop.is_super_admin()', 'admin');

-- The roles by which the application calls: authenticated, and the roles that an older deployment had let in by name.
DO $$
DECLARE
    v_role name;
BEGIN
    FOR v_role IN
        SELECT rolname FROM pg_roles WHERE rolname = 'authenticated' AND refreshtop.application_function() IS NOT NULL
        UNION
        SELECT pg_get_userbyid(a.grantee) FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a
        WHERE p.pronamespace = 'refreshtop_before'::regnamespace AND a.grantee NOT IN (0, p.proowner)
          AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.oid = a.grantee)
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA refreshtop TO %I', v_role);
        EXECUTE format('GRANT EXECUTE ON FUNCTION refreshtop.refresh_for_application(text, text), '
                       'refreshtop.stats_for_application(text, interval), '
                       'refreshtop.cleanup_logs_for_application(), '
                       'refreshtop.application_says_yes() TO %I', v_role);
        EXECUTE format('GRANT SELECT ON public.metrics_refresh_log TO %I', v_role);
        IF NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = 'public.metrics_refresh_log'::regclass
                       AND p.polname = left('application_' || v_role, 63)) THEN
            EXECUTE format('CREATE POLICY %I ON public.metrics_refresh_log FOR SELECT TO %I '
                           'USING ((SELECT refreshtop.application_says_yes()))',
                           left('application_' || v_role, 63), v_role);
        END IF;
    END LOOP;
END
$$;
SELECT refreshtop_migration.as_migrator();
