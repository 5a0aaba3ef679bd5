SELECT refreshtop_migration.as_owner();
DROP FUNCTION IF EXISTS
    refreshtop.refresh(text, text),
    refreshtop.run_refresh(text, text),
    refreshtop.measure(refreshtop.views),
    refreshtop.evidence(oid),
    refreshtop.hidden_from_owner(oid),
    refreshtop.register_view(text, regclass, text),
    refreshtop.registered_view(refreshtop.views),
    refreshtop.may_maintain(oid),
    refreshtop.log_lost_attempts(text, regclass[]),
    refreshtop.merge_fallback(),
    refreshtop.notify(refreshtop.log_fallback),
    refreshtop.write_log(refreshtop.log_fallback),
    refreshtop.attempt_start(regclass),
    refreshtop.attempt_slots(text);
DO $$
DECLARE
    v_slot text;
BEGIN
    FOR v_slot IN
        SELECT c.oid::regclass::text FROM pg_class c
        WHERE c.relnamespace = 'refreshtop'::regnamespace AND c.relkind = 'S' AND c.relname LIKE 'attempt\_%'
    LOOP
        EXECUTE format('DROP SEQUENCE %s', v_slot);
    END LOOP;
END
$$;
SELECT refreshtop_migration.as_migrator();
