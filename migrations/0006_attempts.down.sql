SELECT refreshtop_migration.as_owner();
DROP FUNCTION IF EXISTS
    refreshtop.evidence(oid),
    refreshtop.measure(refreshtop.views),
    refreshtop.foreign_event_trigger(),
    refreshtop.log_lost_attempts(text, regclass[]),
    refreshtop.merge_fallback(),
    refreshtop.notify(refreshtop.log_fallback),
    refreshtop.write_log(refreshtop.log_fallback),
    refreshtop.attempt_start(text, regclass),
    refreshtop.attempt_mark(text, timestamptz),
    refreshtop.attempt_slots(text);
DROP TABLE IF EXISTS refreshtop.attempt_key;
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
