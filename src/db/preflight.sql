-- Everything that would stop the migrations, found before anything is changed. One row for each problem.
WITH source(name, col) AS (
    VALUES ('accounts', 'id'), ('accounts', 'created_at'),
           ('accounts_memberships', 'user_id'), ('accounts_memberships', 'account_id'), ('accounts_memberships', 'created_at'),
           ('assets', 'id'), ('assets', 'account_id'), ('assets', 'created_at'),
           ('software_licenses', 'id'), ('software_licenses', 'account_id'), ('software_licenses', 'created_at')
), owned(name, owner) AS (
    SELECT c.oid::regclass::text, c.relowner FROM pg_class c
    WHERE c.oid IN (to_regclass('public.metrics_refresh_log'), to_regclass('public.platform_metrics'))
    UNION ALL
    SELECT p.oid::regprocedure::text, p.proowner FROM pg_proc p
    WHERE p.pronamespace = to_regnamespace('public') AND p.proname IN ('refresh_platform_metrics_with_logging',
        'trigger_platform_metrics_refresh', 'get_metrics_refresh_stats', 'cleanup_old_metrics_logs')
)
SELECT problem, mend, place IN (5, 6, 7, 8, 9, 15) AS of_rights FROM (
    SELECT 1 AS place, 'server release ' || current_setting('server_version') || ' is older than 13' AS problem,
           'upgrade PostgreSQL' AS mend
    WHERE current_setting('server_version_num')::integer < 130000
    UNION ALL
    SELECT 2, 'this server is a read-only standby', 'migrate its primary' WHERE pg_is_in_recovery()
    UNION ALL
    SELECT 3, 'table public.' || name || ' is missing', 'create the application''s tables first'
    FROM source WHERE to_regclass('public.' || name) IS NULL GROUP BY name
    UNION ALL
    SELECT 4, 'table public.' || name || ' has no column ' || col, 'the figures need it: see README, "What it reads"'
    FROM source
    WHERE to_regclass('public.' || name) IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = to_regclass('public.' || name) AND a.attname = col AND NOT a.attisdropped)
    UNION ALL
    SELECT 5, 'role ' || current_user || ' may not read public.' || name, format('GRANT SELECT ON public.%I TO %I', name, current_user)
    FROM source
    WHERE to_regclass('public.' || name) IS NOT NULL AND NOT has_table_privilege(to_regclass('public.' || name), 'SELECT') GROUP BY name
    UNION ALL
    SELECT 6, 'role ' || current_user || ' may not create in schema public', format('GRANT USAGE, CREATE ON SCHEMA public TO %I', current_user)
    WHERE to_regnamespace('public') IS NOT NULL AND NOT has_schema_privilege('public', 'CREATE')
    UNION ALL
    SELECT 7, 'role ' || current_user || ' may not create schemas in database ' || current_database(),
           format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user)
    WHERE NOT has_database_privilege(current_database(), 'CREATE')
    UNION ALL
    SELECT 7, 'role ' || current_user || ' may not create temporary tables in database ' || current_database(),
           format('every concurrent refresh needs them: GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), current_user)
    WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')
    UNION ALL
    SELECT 8, 'role ' || current_user || ' may not create the role refreshtop_admin', 'a superuser can: CREATE ROLE refreshtop_admin NOLOGIN'
    WHERE to_regrole('refreshtop_admin') IS NULL
      AND NOT (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user)
    UNION ALL
    SELECT 9, name || ' belongs to role ' || pg_get_userbyid(owner), 'migrate as its owner or as a superuser'
    FROM owned WHERE NOT pg_has_role(current_user, owner, 'USAGE')
    UNION ALL
    SELECT 10, 'public.platform_metrics exists and is not a materialized view', 'rename or drop it'
    FROM pg_class WHERE oid = to_regclass('public.platform_metrics') AND relkind <> 'm'
    UNION ALL
    SELECT 11, 'public.metrics_refresh_log exists and is not a plain table', 'rename or drop it'
    FROM pg_class WHERE oid = to_regclass('public.metrics_refresh_log') AND relkind <> 'r'
    UNION ALL
    SELECT 12, 'public.metrics_refresh_log has no column ' || col, 'add it, or rename the table'
    FROM (VALUES ('id'), ('refresh_type'), ('status')) AS needed(col)
    WHERE to_regclass('public.metrics_refresh_log') IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = to_regclass('public.metrics_refresh_log') AND a.attname = col AND NOT a.attisdropped)
    UNION ALL
    SELECT 13, 'schema refreshtop belongs to role ' || pg_get_userbyid(n.nspowner), 'drop it, or migrate as that role'
    FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner
    WHERE n.nspname = 'refreshtop' AND o.rolname <> current_user AND NOT o.rolsuper
    UNION ALL
    SELECT 14, format('trigger %I on public.metrics_refresh_log runs a function of role %s', t.tgname, pg_get_userbyid(p.proowner)),
           'it would run with your rights: drop it, or migrate as that role'
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_roles o ON o.oid = p.proowner
    WHERE t.tgrelid = to_regclass('public.metrics_refresh_log') AND NOT t.tgisinternal AND o.rolname <> current_user AND NOT o.rolsuper
      -- Our own runs with its owner's rights, whoever inserts.
      AND NOT (p.prosecdef AND p.pronamespace = to_regnamespace('refreshtop'))
    UNION ALL
    SELECT 15, 'row security hides rows of public.' || name || ' from role ' || current_user,
           'the figures would be wrong: migrate as its owner or as a role with BYPASSRLS'
    FROM source
    WHERE CASE WHEN has_table_privilege(to_regclass('public.' || name), 'SELECT') THEN row_security_active(to_regclass('public.' || name)) END
    GROUP BY name
    UNION ALL
    SELECT 16, 'public.metrics_refresh_log has child tables', 'rename it, so that a new one is made'
    WHERE EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = to_regclass('public.metrics_refresh_log'))
) found
ORDER BY place, problem
