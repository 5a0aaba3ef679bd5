-- Whether this session must check before it reads: it has great rights, or refreshtop's functions, its log or pg_cron
-- belong to somebody else. This text stands between CASE WHEN and THEN.
EXISTS (
    SELECT FROM pg_catalog.pg_roles g
    WHERE (g.rolsuper OR g.rolcreaterole
           OR g.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files'))
      AND (pg_catalog.pg_has_role(session_user, g.oid, 'MEMBER')
        OR pg_catalog.pg_has_role(current_user, g.oid, 'MEMBER')))
OR EXISTS (
    SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles o ON o.oid = n.nspowner
    WHERE n.nspname IN ('refreshtop', 'cron')
      AND (NOT (o.rolsuper OR o.rolname IN (session_user, current_user)
                OR n.nspname = 'refreshtop' AND (o.rolname = 'refreshtop_owner' OR o.oid = (
                       SELECT d.datdba FROM pg_catalog.pg_database d
                       WHERE d.datname = pg_catalog.current_database())))
        OR n.nspname = 'refreshtop' AND EXISTS (
               SELECT FROM pg_catalog.aclexplode(n.nspacl) a
               WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner)
        OR n.nspname = 'refreshtop' AND EXISTS (
               SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles l ON l.oid = c.relowner
               WHERE c.relnamespace = (SELECT p.oid FROM pg_catalog.pg_namespace p WHERE p.nspname = 'public')
                 AND c.relname = 'metrics_refresh_log'
                 AND (c.relkind <> 'r' OR NOT (l.oid = n.nspowner OR l.rolsuper
                                               OR l.rolname IN (session_user, current_user))))))
