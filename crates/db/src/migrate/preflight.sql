-- Finds everything that would stop the migrations, before anything is changed. One row for each problem.
WITH source(name, col) AS (
    VALUES ('accounts', 'id'), ('accounts', 'created_at'),
           ('accounts_memberships', 'user_id'), ('accounts_memberships', 'account_id'),
           ('accounts_memberships', 'created_at'),
           ('assets', 'id'), ('assets', 'account_id'), ('assets', 'created_at'),
           ('software_licenses', 'id'), ('software_licenses', 'account_id'), ('software_licenses', 'created_at')
), owned(name, owner, place) AS (
    SELECT c.oid::regclass::text, c.relowner, CASE c.relname WHEN 'platform_metrics' THEN 15 ELSE 9 END FROM pg_class c
    WHERE c.oid IN (to_regclass('public.metrics_refresh_log'), to_regclass('public.platform_metrics'))
    UNION ALL
    SELECT p.oid::regprocedure::text, p.proowner, 15 FROM pg_proc p
    WHERE p.pronamespace = to_regnamespace('public')
      AND p.proname IN ('refresh_platform_metrics_with_logging', 'trigger_platform_metrics_refresh',
                        'get_metrics_refresh_stats', 'cleanup_old_metrics_logs')
), ours(role) AS (
    -- A role that can't become one of them gets the finding about the schema's owner instead.
    SELECT oid FROM pg_roles WHERE rolname IN ('refreshtop_owner', 'refreshtop_view')
), release(major, minor) AS (
    SELECT current_setting('server_version_num')::integer / 10000,
           current_setting('server_version_num')::integer % 10000
), schema_owner AS (
    SELECT o.oid, o.rolname, o.rolsuper,
           -- A role that can become the owner could have added its own code to the schema.
           (SELECT min(m.rolname) FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member
            WHERE a.roleid = o.oid AND NOT m.rolsuper AND m.rolname <> current_user) AS lesser_member,
           EXISTS (SELECT 1 FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member
                   WHERE a.roleid = o.oid AND NOT m.rolsuper AND m.rolname = current_user) AS member
    FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner WHERE n.nspname = 'refreshtop'
), unknown_role AS (
    -- Roles with our names that no superuser created, and in which somebody can have left code; see enter.sql.
    SELECT r.oid, r.rolname,
           (SELECT string_agg(DISTINCT quote_ident(coalesce(d.datname, current_database())), ', ')
            FROM pg_shdepend s LEFT JOIN pg_database d ON d.oid = s.dbid
            WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid) AS databases,
           (SELECT string_agg(DISTINCT quote_ident(m.rolname), ' or ')
            FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member
            WHERE a.roleid = r.oid AND NOT m.rolsuper) AS members
    FROM release CROSS JOIN pg_roles r
    JOIN (VALUES ('refreshtop_owner', 'log_parser_stats=off'), ('refreshtop_view', 'log_parser_stats=off'),
                 ('refreshtop_monitor', 'log_parser_stats=off'), ('refreshtop_job', 'log_planner_stats=off')
         ) AS ours(role, mark) ON ours.role = r.rolname
    WHERE release.major >= 16
      AND NOT EXISTS (SELECT 1 FROM pg_db_role_setting s
                      WHERE s.setrole = r.oid AND s.setdatabase = 0 AND ours.mark = ANY (s.setconfig))
)
SELECT problem, fix, place IN (5, 6, 7, 9, 15) AS is_privilege, place = 13 AS of_trust, place = 8 AS in_the_way,
       -- These two are about platform_metrics alone, which can be left out: its sources, and what has its names.
       place IN (3, 4, 5) AS of_sources, place IN (10, 15) AS of_view
FROM (
    SELECT 1 AS place, 'server release ' || current_setting('server_version') || ' is older than 13' AS problem,
           'upgrade PostgreSQL' AS fix
    FROM release WHERE major < 13
    UNION ALL
    -- CVE-2024-0985: a concurrent refresh could be made to run code with more rights than the view's owner has.
    SELECT 1,
           'server release ' || current_setting('server_version')
               || ' has a known hole in concurrent refreshes (CVE-2024-0985)',
           format('upgrade PostgreSQL to %s.%s or newer', major, fixed.minor)
    FROM release JOIN (VALUES (13, 14), (14, 11), (15, 6), (16, 2)) AS fixed(major, minor) USING (major)
    WHERE release.minor < fixed.minor
    UNION ALL
    -- The setting role may come from the database: its owner could have his code treated as the migrator's, which could
    -- take the rights of the role that logged in.
    SELECT 13,
           format('role %I logged in, and acts as role %I, whose code could take more rights',
                  session_user, current_user),
           format('log in as the role that is to migrate, or first: ALTER DATABASE %I RESET role', current_database())
    WHERE EXISTS (SELECT FROM pg_roles great
                  WHERE (great.rolsuper OR great.rolcreaterole OR great.rolname IN (
                            'pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files'))
                    AND pg_has_role(session_user, great.oid, 'MEMBER')
                    AND NOT pg_has_role(current_user, great.oid, 'MEMBER'))
    UNION ALL
    SELECT 2, 'this server is a read-only standby', 'migrate its primary' WHERE pg_is_in_recovery()
    UNION ALL
    SELECT 3, 'table public.' || name || ' is missing', 'create the application''s tables first'
    FROM source WHERE to_regclass('public.' || name) IS NULL GROUP BY name
    UNION ALL
    SELECT 4, 'table public.' || name || ' has no column ' || col,
           'the figures need it: see docs/database.md, "platform_metrics"'
    FROM source
    WHERE to_regclass('public.' || name) IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM pg_attribute a
                      WHERE a.attrelid = to_regclass('public.' || name) AND a.attname = col AND NOT a.attisdropped)
    UNION ALL
    SELECT 5, 'role ' || current_user || ' may not read public.' || name,
           format('GRANT SELECT ON public.%I TO %I', name, current_user)
    FROM source
    WHERE to_regclass('public.' || name) IS NOT NULL
      AND NOT has_table_privilege(to_regclass('public.' || name), 'SELECT')
    GROUP BY name
    UNION ALL
    SELECT 6, 'role ' || current_user || ' may not create in schema public',
           format('GRANT USAGE, CREATE ON SCHEMA public TO %I', current_user)
    WHERE to_regnamespace('public') IS NOT NULL AND NOT has_schema_privilege('public', 'CREATE')
    UNION ALL
    SELECT 7, 'role ' || current_user || ' may not create schemas in database ' || current_database(),
           format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user)
    WHERE NOT has_database_privilege(current_database(), 'CREATE')
    UNION ALL
    SELECT 7, 'role ' || current_user || ' may not create temporary tables in database ' || current_database(),
           format('every concurrent refresh needs them: GRANT TEMPORARY ON DATABASE %I TO %I',
                  current_database(), current_user)
    WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')
    UNION ALL
    -- The migrations create this schema, and drop it before they end.
    SELECT 8, format('schema refreshtop_migration of role %s has the name of one that the migrations make',
                     pg_get_userbyid(nspowner)),
           'let its owner or a superuser drop or rename it'
    FROM pg_namespace WHERE nspname = 'refreshtop_migration'
    UNION ALL
    SELECT place, name || ' belongs to role ' || pg_get_userbyid(owner), 'migrate as its owner or as a superuser'
    FROM owned WHERE NOT pg_has_role(current_user, owner, 'USAGE') AND owner NOT IN (SELECT role FROM ours)
    UNION ALL
    -- Copying an old log, or dropping an old view, runs code that any member of its owner can have added. The old
    -- functions are only moved.
    SELECT CASE c.relname WHEN 'platform_metrics' THEN 15 ELSE 9 END,
           format('%s belongs to role %s, which role %s can become as well',
                     c.oid::regclass, o.rolname, min(m.rolname)),
           format('give it to role %s, or migrate as a superuser', current_user)
    FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
    JOIN pg_auth_members a ON a.roleid = o.oid JOIN pg_roles m ON m.oid = a.member
    WHERE c.oid IN (to_regclass('public.metrics_refresh_log'), to_regclass('public.platform_metrics'))
      AND o.rolname NOT IN (current_user, 'refreshtop_owner', 'refreshtop_view')
      AND NOT m.rolsuper AND m.rolname <> current_user
      AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
    GROUP BY c.oid, c.relname, o.rolname
    UNION ALL
    SELECT 9, 'this database was migrated by another role',
           'migrate as the role that migrated this database before, or as a superuser'
    FROM schema_owner
    WHERE rolname = 'refreshtop_owner' AND NOT pg_has_role(schema_owner.oid, 'MEMBER')
      AND NOT (SELECT r.rolcreaterole FROM pg_roles r WHERE r.rolname = current_user)
    UNION ALL
    SELECT 10, 'public.platform_metrics exists and is not a materialized view', 'rename or drop it'
    FROM pg_class WHERE oid = to_regclass('public.platform_metrics') AND relkind NOT IN ('m', 'c')
    UNION ALL
    SELECT 11, 'public.metrics_refresh_log exists and is not a plain table', 'rename or drop it'
    FROM pg_class WHERE oid = to_regclass('public.metrics_refresh_log') AND relkind NOT IN ('r', 'c')
    UNION ALL
    -- A table also has a type of its name.
    SELECT CASE t.typname WHEN 'platform_metrics' THEN 10 ELSE 11 END,
           format('type public.%I of role %s has the name of what the migrations make',
                      t.typname, pg_get_userbyid(t.typowner)),
           'let its owner or a superuser drop or rename it'
    FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typnamespace = to_regnamespace('public') AND t.typname IN ('metrics_refresh_log', 'platform_metrics')
      AND coalesce(c.relkind, 'c') = 'c'
      -- An array type gives way.
      AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = t.oid)
    UNION ALL
    SELECT CASE made.relation WHEN 'public.platform_metrics' THEN 10 ELSE 11 END,
           format('relation public.%I of role %s has the name of an index that the migrations make',
                      c.relname, pg_get_userbyid(c.relowner)),
           'let its owner or a superuser drop or rename it'
    FROM (VALUES ('metrics_refresh_log_created_at', 'public.metrics_refresh_log'),
                 ('metrics_refresh_log_type_created_at', 'public.metrics_refresh_log'),
                 ('metrics_refresh_log_errors', 'public.metrics_refresh_log'),
                 ('platform_metrics_refresh_key', 'public.platform_metrics')) AS made(name, relation)
    JOIN pg_class c ON c.relname = made.name AND c.relnamespace = to_regnamespace('public')
    WHERE NOT EXISTS (SELECT 1 FROM pg_index i
                      WHERE i.indexrelid = c.oid AND i.indrelid = to_regclass(made.relation))
      -- A view that has another key does not get this index.
      AND NOT (made.name = 'platform_metrics_refresh_key' AND EXISTS (
                   SELECT 1 FROM pg_index i
                   WHERE i.indrelid = to_regclass(made.relation) AND i.indisunique AND i.indisvalid
                     AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL))
    UNION ALL
    SELECT 12, 'public.metrics_refresh_log has no column ' || col, 'add it, or rename the table'
    FROM (VALUES ('id'), ('refresh_type'), ('status')) AS needed(col)
    WHERE to_regclass('public.metrics_refresh_log') IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM pg_attribute a
                      WHERE a.attrelid = to_regclass('public.metrics_refresh_log')
                        AND a.attname = col AND NOT a.attisdropped)
    UNION ALL
    SELECT 13, 'schema refreshtop belongs to role ' || rolname, 'drop it, or migrate as that role'
    FROM schema_owner WHERE rolname <> current_user AND NOT rolsuper AND rolname <> 'refreshtop_owner'
    UNION ALL
    SELECT 13, format('schema refreshtop belongs to refreshtop_owner, and role %s can become that role', lesser_member),
           format('migrate as role %s; to end the membership is not enough, since what refreshtop_owner owns may hold '
                  'code of that role: DROP OWNED BY refreshtop_owner CASCADE in each database and '
                  'DROP ROLE refreshtop_owner remove it, with the log', lesser_member)
    FROM schema_owner WHERE rolname = 'refreshtop_owner' AND lesser_member IS NOT NULL
    UNION ALL
    SELECT 13, 'schema refreshtop belongs to refreshtop_owner, a role that no superuser made',
           'what that role owns may hold code of whoever made it: DROP OWNED BY refreshtop_owner CASCADE in each '
               'database and DROP ROLE refreshtop_owner remove it; docs/security.md says what else there is to do'
    FROM schema_owner
    WHERE rolname = 'refreshtop_owner' AND lesser_member IS NULL AND NOT member
      AND EXISTS (SELECT 1 FROM unknown_role u WHERE u.oid = schema_owner.oid)
    UNION ALL
    -- Each of our statements would run it with the rights of the migrating superuser.
    SELECT 13, format('event trigger %I runs function %s of role %I at each statement of a migration',
                      t.evtname, p.oid::regprocedure, pg_get_userbyid(p.proowner)),
           format('give that function to a superuser, or first: ALTER EVENT TRIGGER %I DISABLE', t.evtname)
    FROM pg_event_trigger t JOIN pg_proc p ON p.oid = t.evtfoid
    WHERE t.evtenabled <> 'D' AND (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
      AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = p.proowner AND r.rolsuper)
    UNION ALL
    -- A role that owns nothing is created anew.
    SELECT 14, format('no superuser made role %I, and something belongs to it in database %s', u.rolname, u.databases),
           format('it may be code of whoever made that role: %3$sDROP OWNED BY %1$I CASCADE in %2$s, with what was '
                  'installed there, and DROP ROLE %1$I',
                  u.rolname, u.databases, 'migrate as role ' || u.members || ', or ')
    FROM unknown_role u
    WHERE u.databases IS NOT NULL AND (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
      AND NOT EXISTS (SELECT 1 FROM schema_owner o WHERE o.oid = u.oid)
    UNION ALL
    -- The objects in the schema must belong to the schema's owner or to a superuser, because reading or planning them
    -- can run code of their owner.
    SELECT 13, format('%s in schema refreshtop belongs to role %s', found.name, pg_get_userbyid(found.owner)),
           'drop it, or let its owner give it to the owner of the schema'
    FROM schema_owner CROSS JOIN LATERAL (
        SELECT c.relname::text, c.relowner FROM pg_class c
        WHERE c.relnamespace = to_regnamespace('refreshtop') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        UNION ALL
        SELECT p.proname::text, p.proowner FROM pg_proc p WHERE p.pronamespace = to_regnamespace('refreshtop')
    ) AS found(name, owner)
    WHERE found.owner <> schema_owner.oid AND pg_get_userbyid(found.owner) NOT IN (current_user, 'refreshtop_owner')
      AND NOT EXISTS (SELECT 1 FROM pg_roles r WHERE r.oid = found.owner AND r.rolsuper)
) found
ORDER BY place, problem
