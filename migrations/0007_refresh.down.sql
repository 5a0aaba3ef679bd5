SELECT refreshtop_migration.as_owner();
DROP FUNCTION IF EXISTS
    refreshtop.job_command(text),
    refreshtop.limit_time(text),
    refreshtop.refresh(text, text),
    refreshtop.run_refresh(text, text),
    refreshtop.is_over_time(interval),
    refreshtop.in_milliseconds(interval),
    refreshtop.wal_position(),
    refreshtop.hidden_from_owner(oid),
    refreshtop.register_view(text, regclass, text),
    refreshtop.registered_view(refreshtop.views),
    refreshtop.may_maintain(oid);
SELECT refreshtop_migration.as_migrator();
-- Views may have been registered without platform_metrics, whose own rollback drops these as well.
DO $$
DECLARE
    v_routine text;
BEGIN
    FOR v_routine IN
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = to_regnamespace('refreshtop_definers') AND p.proname LIKE 'refresh\_%'
    LOOP
        EXECUTE format('DROP FUNCTION %s', v_routine);
    END LOOP;
END
$$;
