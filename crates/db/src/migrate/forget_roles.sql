-- After a full rollback, drops the roles that nothing in this cluster needs any more. It tries instead of checking
-- first, because another database may begin to use a role in between.
-- A dropped role stays locked until the commit, and a migration of another database may wait for it while it holds the
-- next one. So this hardly waits for a lock: if a session holds one on a role, the role is needed.
SET LOCAL lock_timeout = '10ms';
DO $$
DECLARE
    v_role name;
BEGIN
    FOR v_role IN
        SELECT r.rolname FROM pg_roles r
        WHERE r.rolname IN ('refreshtop_job', 'refreshtop_admin', 'refreshtop_monitor',
                            'refreshtop_view', 'refreshtop_owner')
          AND shobj_description(r.oid, 'pg_authid') ~ 'refreshtop'
        ORDER BY r.rolname
    LOOP
        BEGIN
            IF v_role <> 'refreshtop_admin' AND has_schema_privilege(v_role, 'public', 'USAGE') THEN
                EXECUTE format('REVOKE ALL ON SCHEMA public FROM %I', v_role);
            END IF;
            EXECUTE format('DROP ROLE %I', v_role);
        -- Another database that is being migrated at this moment may use it, or drop it.
        EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege OR object_in_use OR undefined_object
                       OR deadlock_detected OR lock_not_available THEN
            NULL;
        END;
    END LOOP;
END
$$;
