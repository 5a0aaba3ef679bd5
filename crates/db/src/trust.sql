-- What this session may read, as one JSON text. It reads catalogue rows only, and reads or calls nothing of a
-- stranger's. NULL for a session without great rights if refreshtop's functions, the log and pg_cron belong to the
-- right roles; then the session may read whatever it is permitted to.
-- Hostile code in a session gets whatever the session can become, so memberships count, and so does the login role.
-- This text follows CASE WHEN and trust_rights.sql.
THEN (
    WITH session AS MATERIALIZED (
        SELECT EXISTS (
            SELECT FROM pg_catalog.pg_roles g
            WHERE (g.rolsuper OR g.rolcreaterole
                   OR g.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files'))
              AND (pg_catalog.pg_has_role(session_user, g.oid, 'MEMBER')
                OR pg_catalog.pg_has_role(current_user, g.oid, 'MEMBER'))) AS great
    ), member AS MATERIALIZED (
        SELECT m.rolname FROM pg_catalog.pg_auth_members a
        JOIN pg_catalog.pg_roles o ON o.oid = a.roleid JOIN pg_catalog.pg_roles m ON m.oid = a.member
        WHERE o.rolname = 'refreshtop_owner' AND NOT m.rolsuper AND m.rolname <> session_user
    ), known AS MATERIALIZED (
        -- A role's name proves nothing: from release 16 on, a role that may create roles can have created it, made it
        -- the owner of code, and left it. Only a superuser can have given it this setting; see migrate/enter.sql.
        SELECT FROM pg_catalog.pg_roles o
        WHERE o.rolname = 'refreshtop_owner'
          AND (pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 160000
               OR EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s
                          WHERE s.setrole = o.oid AND s.setdatabase = 0
                            AND 'log_parser_stats=off' = ANY (s.setconfig))
               OR EXISTS (SELECT FROM pg_catalog.pg_auth_members a
                          JOIN pg_catalog.pg_roles m ON m.oid = a.member
                          WHERE a.roleid = o.oid AND m.rolname = session_user AND NOT m.rolsuper))
    ), trusted AS MATERIALIZED (
        SELECT r.oid FROM pg_catalog.pg_roles r CROSS JOIN session
        WHERE r.rolsuper OR r.rolname = session_user
           OR r.rolname = 'refreshtop_owner' AND NOT EXISTS (SELECT FROM member) AND EXISTS (SELECT FROM known)
           -- Others gain no great rights through such a session, but they must not be taken for refreshtop.
           OR NOT session.great AND (r.rolname IN (current_user, 'refreshtop_owner') OR r.oid = (
                  SELECT d.datdba FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
    ), schema AS MATERIALIZED (
        -- A stranger who may create in a schema can add a function that fits a call better.
        SELECT n.oid, n.nspname, n.nspowner,
               n.nspowner IN (SELECT t.oid FROM trusted t) AND NOT EXISTS (
                   SELECT FROM pg_catalog.aclexplode(n.nspacl) a
                   WHERE a.privilege_type = 'CREATE' AND a.grantee NOT IN (SELECT t.oid FROM trusted t)) AS closed
        FROM pg_catalog.pg_namespace n WHERE n.nspname IN ('refreshtop', 'cron')
    ), routine AS MATERIALIZED (
        SELECT s.nspname, p.proname, pg_catalog.bool_and(p.prosecdef) AS definer,
               pg_catalog.bool_and(p.proowner IN (SELECT t.oid FROM trusted t)) AS trusted,
               pg_catalog.min(CASE WHEN p.proowner IN (SELECT t.oid FROM trusted t) THEN NULL
                                   ELSE pg_catalog.pg_get_userbyid(p.proowner)::pg_catalog.text END) AS stranger
        -- pg_proc has no index by schema.
        FROM schema s
        JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
                                   AND d.refobjid = s.oid
                                   AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        JOIN pg_catalog.pg_proc p ON p.oid = d.objid AND p.pronamespace = s.oid
        GROUP BY s.nspname, p.proname
    )
    SELECT pg_catalog.jsonb_build_object(
        'role', session_user,
        'great', (SELECT s.great FROM session s),
        'admin', EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = 'refreshtop_admin'),
        'known', EXISTS (SELECT FROM known),
        'event_triggers', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.format(
                'event trigger %I runs a function of role %I',
                t.evtname, pg_catalog.pg_get_userbyid(p.proowner))), '[]')
            FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.evtfoid
            WHERE t.evtenabled <> 'D' AND p.proowner NOT IN (SELECT o.oid FROM trusted o)),
        'members', (SELECT COALESCE(pg_catalog.jsonb_agg(m.rolname ORDER BY m.rolname), '[]') FROM member m),
        'schemas', (SELECT COALESCE(pg_catalog.jsonb_object_agg(s.nspname, pg_catalog.jsonb_build_object(
                'owner', pg_catalog.pg_get_userbyid(s.nspowner), 'trusted', s.nspowner IN (SELECT t.oid FROM trusted t),
                'closed', s.closed)), '{}')
            FROM schema s),
        'functions', (SELECT COALESCE(pg_catalog.jsonb_object_agg(
                pg_catalog.concat(r.nspname, '.', r.proname), pg_catalog.jsonb_build_object(
                    'owner', r.stranger, 'trusted', r.trusted, 'definer', r.definer)), '{}')
            FROM routine r),
        'relations', (SELECT COALESCE(pg_catalog.jsonb_object_agg(
                pg_catalog.concat(n.nspname, '.', c.relname), pg_catalog.jsonb_build_object(
                    'oid', c.oid::pg_catalog.int8, 'kind', c.relkind, 'owner', pg_catalog.pg_get_userbyid(c.relowner),
                    'trusted', c.relowner IN (SELECT t.oid FROM trusted t)
                               -- The owner of the database may not put another log in the place of ours.
                               AND ((SELECT s.great FROM session s)
                                    OR c.relowner <> (SELECT d.datdba FROM pg_catalog.pg_database d
                                                      WHERE d.datname = pg_catalog.current_database())
                                    OR c.relowner IN (SELECT s.nspowner FROM schema s WHERE s.nspname = 'refreshtop')
                                    OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = c.relowner
                                               AND (r.rolsuper OR r.rolname IN (session_user, current_user)))),
                    -- The query of a materialized view is a rule, too.
                    'rules', c.relhasrules AND EXISTS (
                        SELECT FROM pg_catalog.pg_rewrite w
                        WHERE w.ev_class = c.oid AND NOT (c.relkind = 'm' AND w.rulename = '_RETURN')),
                    'children', c.relhassubclass AND EXISTS (
                        SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid),
                    -- Objects that come with the server have lower oids.
                    'types', EXISTS (SELECT FROM pg_catalog.pg_attribute a
                                     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                                       AND a.atttypid >= 16384),
                    'extension', n.nspname = 'cron' AND EXISTS (
                        SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
                          AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
                          AND d.refobjid = (SELECT e.oid FROM pg_catalog.pg_extension e
                                            WHERE e.extname = 'pg_cron')))), '{}')
            -- Everything that is read. What is not in this list counts as missing.
            FROM (VALUES ('public'::pg_catalog.name, 'metrics_refresh_log'::pg_catalog.name),
                         ('public', 'platform_metrics'),
                         ('refreshtop', 'home'), ('refreshtop', 'inventory'), ('refreshtop', 'migrations'),
                         ('refreshtop', 'views'),
                         ('cron', 'job'), ('cron', 'job_run_details')) wanted(schema, name)
            JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
            JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name)
    )::pg_catalog.text)
END AS trust
