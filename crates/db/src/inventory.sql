-- What is installed of refreshtop: one line for everything that its functions and its security depend on. It reads
-- catalogues only. A migration stores the lines; if one is missing later, somebody else has changed the object.
WITH relation AS (
    SELECT c.* FROM pg_catalog.pg_class c
    WHERE c.relnamespace = pg_catalog.to_regnamespace('refreshtop')
      AND c.relkind IN ('r', 'v')
      AND c.relname <> 'migrations'
       OR c.oid = pg_catalog.to_regclass('public.metrics_refresh_log')
), routine AS (
    SELECT p.* FROM pg_catalog.pg_proc p
    WHERE p.pronamespace IN (pg_catalog.to_regnamespace('refreshtop'),
                             pg_catalog.to_regnamespace('refreshtop_definers'))
       -- Without platform_metrics others may have functions of these names.
       OR p.proowner = (SELECT n.nspowner FROM pg_catalog.pg_namespace n WHERE n.nspname = 'refreshtop')
          AND p.oid IN (pg_catalog.to_regprocedure('public.refresh_platform_metrics_with_logging()'),
                        pg_catalog.to_regprocedure('public.trigger_platform_metrics_refresh()'),
                        pg_catalog.to_regprocedure('public.get_metrics_refresh_stats(integer)'),
                        pg_catalog.to_regprocedure('public.cleanup_old_metrics_logs()'))
), own_view AS (
    SELECT c.* FROM pg_catalog.pg_class c
    WHERE c.oid = pg_catalog.to_regclass('public.platform_metrics')
      AND EXISTS (SELECT 1 FROM routine r WHERE r.pronamespace = pg_catalog.to_regnamespace('public'))
), shared AS (
    -- The cluster's roles, if this installation uses them.
    SELECT r.oid, r.rolname, r.rolcanlogin, r.rolvaliduntil FROM pg_catalog.pg_roles r
    WHERE r.rolname IN ('refreshtop_owner', 'refreshtop_view', 'refreshtop_monitor', 'refreshtop_admin',
                        'refreshtop_job')
      AND EXISTS (SELECT 1 FROM pg_catalog.pg_namespace n
                  WHERE n.nspname = 'refreshtop' AND pg_catalog.pg_get_userbyid(n.nspowner) = 'refreshtop_owner')
), own AS (
    -- The settings of the jobs' role in its sessions; see own_settings() in migrate/enter.sql.
    SELECT * FROM (VALUES ('default_transaction_isolation=read committed', 0), ('default_transaction_read_only=off', 0),
                          ('exit_on_error=off', 0), ('statement_timeout=0', 0), ('transaction_timeout=0', 170000)
                  ) AS pinned(setting, since)
    WHERE pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= pinned.since
), granted AS (
    SELECT 'schema ' || n.nspname AS object, n.nspowner AS owner, n.nspacl AS acl FROM pg_catalog.pg_namespace n
    WHERE n.nspname IN ('refreshtop', 'refreshtop_definers', 'refreshtop_before')
    UNION ALL SELECT 'table ' || r.oid::pg_catalog.regclass::text, r.relowner, r.relacl FROM relation r
    UNION ALL SELECT 'table ' || c.oid::pg_catalog.regclass::text, c.relowner, c.relacl FROM own_view c
    UNION ALL SELECT 'sequence ' || c.oid::pg_catalog.regclass::text, c.relowner, c.relacl FROM pg_catalog.pg_class c
    WHERE c.relnamespace = pg_catalog.to_regnamespace('refreshtop') AND c.relkind = 'S'
    UNION ALL SELECT 'function ' || p.oid::pg_catalog.regprocedure::text, p.proowner, p.proacl FROM routine p
)
SELECT 'role' AS kind, r.rolname::text AS object,
       CASE WHEN s.oid IS NULL THEN ''
            ELSE pg_catalog.concat_ws(', ',
                CASE WHEN s.rolcanlogin THEN 'may log in' ELSE 'may not log in' END,
                CASE WHEN s.rolvaliduntil = '-infinity' THEN 'not by a password' END)
       END AS detail
FROM pg_catalog.pg_roles r LEFT JOIN shared s ON s.oid = r.oid
WHERE r.rolname IN ('refreshtop_owner', 'refreshtop_view', 'refreshtop_monitor', 'refreshtop_admin', 'refreshtop_job')
UNION ALL
-- Code that runs as the jobs' role can give it settings for all databases. The mark of a superuser's role does not
-- count; see migrate/enter.sql.
SELECT 'setting', r.rolname::text, pg_catalog.concat_ws(' in database ', c.setting, d.datname)
FROM shared r
JOIN pg_catalog.pg_db_role_setting s ON s.setrole = r.oid
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c(setting)
WHERE s.setdatabase <> 0 OR c.setting NOT IN ('log_parser_stats=off', 'log_planner_stats=off')
  AND NOT (r.rolname = 'refreshtop_job' AND EXISTS (SELECT FROM own WHERE own.setting = c.setting))
UNION ALL
-- That code can also remove the settings that the role has in each session. If no superuser created the role, it may
-- have none.
SELECT 'setting', r.rolname::text, pg_catalog.split_part(own.setting, '=', 1) || '='
FROM shared r CROSS JOIN own
JOIN pg_catalog.pg_db_role_setting s ON s.setrole = r.oid AND s.setdatabase = 0
WHERE r.rolname = 'refreshtop_job' AND 'log_planner_stats=off' = ANY (s.setconfig)
  AND NOT own.setting = ANY (s.setconfig)
UNION ALL
SELECT 'member', r.rolname::text, g.rolname::text
FROM pg_catalog.pg_auth_members m
JOIN pg_catalog.pg_roles r ON r.oid = m.member
JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
WHERE r.rolname = 'refreshtop_monitor'
UNION ALL
SELECT 'schema', n.nspname::text, pg_catalog.pg_get_userbyid(n.nspowner)::text FROM pg_catalog.pg_namespace n
WHERE n.nspname IN ('refreshtop', 'refreshtop_definers', 'refreshtop_before')
UNION ALL
SELECT 'table', r.oid::pg_catalog.regclass::text,
       pg_catalog.concat_ws(' ',
           r.relkind,
           pg_catalog.pg_get_userbyid(r.relowner),
           r.relrowsecurity,
           r.relforcerowsecurity)
FROM relation r
UNION ALL
SELECT 'column', r.oid::pg_catalog.regclass::text,
       pg_catalog.concat_ws(' ', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull)
FROM relation r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'index', r.oid::pg_catalog.regclass::text, pg_catalog.pg_get_indexdef(i.indexrelid)
FROM relation r JOIN pg_catalog.pg_index i ON i.indrelid = r.oid WHERE i.indisvalid
UNION ALL
SELECT 'policy', r.oid::pg_catalog.regclass::text,
       pg_catalog.concat_ws(' ',
           p.polname,
           p.polcmd,
           p.polpermissive,
           p.polroles::pg_catalog.regrole[]::text,
           pg_catalog.pg_get_expr(p.polqual, p.polrelid),
           pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
FROM relation r JOIN pg_catalog.pg_policy p ON p.polrelid = r.oid
UNION ALL
SELECT 'trigger', r.oid::pg_catalog.regclass::text, pg_catalog.concat_ws(' ', t.tgname, t.tgenabled)
FROM relation r JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'rule', r.oid::pg_catalog.regclass::text, w.rulename::text
FROM relation r JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid WHERE r.relkind = 'r' OR w.rulename <> '_RETURN'
UNION ALL
SELECT 'routine', p.oid::pg_catalog.regprocedure::text,
       pg_catalog.concat_ws(' ',
           pg_catalog.pg_get_userbyid(p.proowner),
           p.prosecdef,
           p.provolatile,
           p.prorettype::pg_catalog.regtype,
           p.proconfig::text,
           pg_catalog.md5(p.prosrc))
FROM routine p
UNION ALL
SELECT 'grant', g.object,
       pg_catalog.concat_ws(' ',
           a.privilege_type,
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END)
FROM granted g CROSS JOIN LATERAL pg_catalog.aclexplode(g.acl) a WHERE a.grantee <> g.owner
UNION ALL
SELECT 'view', c.oid::pg_catalog.regclass::text, pg_catalog.pg_get_userbyid(c.relowner)::text FROM own_view c
WHERE c.relkind = 'm'
UNION ALL
SELECT 'unique index', c.oid::pg_catalog.regclass::text, '' FROM own_view c
WHERE EXISTS (SELECT 1 FROM pg_catalog.pg_index i
              WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
                AND i.indpred IS NULL AND i.indexprs IS NULL)
