-- After a full rollback: the roles go if nothing of this cluster needs them any more. Tried, not looked up first:
-- another database may begin to use one in between.
-- What is dropped stays locked until the commit, and a migration of another database may wait for that and hold what
-- comes next: so this hardly waits. Who holds a role needs it.
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
        -- Another database that is migrating just now may use it, or drop it.
        EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege OR object_in_use OR undefined_object
                       OR deadlock_detected OR lock_not_available THEN
            NULL;
        END;
    END LOOP;
END
$$;
