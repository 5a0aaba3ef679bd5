-- What was given to the managed views is taken back. That needs rights on the views, so it runs as the migrating role.
DO $$
DECLARE
    v_type text;
BEGIN
    FOR v_type IN SELECT v.refresh_type FROM refreshtop.views v WHERE v.managed_at IS NOT NULL LOOP
        -- The program puts the jobs back.
        PERFORM refreshtop.unmanage(v_type, false);
    END LOOP;
END
$$;
SELECT refreshtop_migration.as_owner();
DROP FUNCTION IF EXISTS
    refreshtop.change_view(text, jsonb),
    refreshtop.checked_path(text, oid),
    refreshtop.unmanage(text, boolean),
    refreshtop.resume_jobs(text),
    refreshtop.manage(regclass, boolean, name),
    refreshtop.zone_of(oid),
    refreshtop.obstacles(oid, boolean),
    refreshtop.type_of(oid),
    refreshtop.unreadable(oid),
    refreshtop.has_key(oid);
SELECT refreshtop_migration.as_migrator();
