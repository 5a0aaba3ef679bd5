SELECT refreshtop_migration.as_owner();
DROP FUNCTION IF EXISTS
    refreshtop.evidence(oid),
    refreshtop.measure(refreshtop.views),
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
    FOR v_slot IN SELECT refreshtop_migration.attempt_marks() LOOP
        EXECUTE format('DROP SEQUENCE %s', v_slot);
    END LOOP;
END
$$;
SELECT refreshtop_migration.as_migrator();
