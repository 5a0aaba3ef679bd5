SELECT refreshtop_migration.as_owner();
-- The log may have another name by now.
DO $$
DECLARE
    v_trigger record;
BEGIN
    FOR v_trigger IN
        SELECT t.tgname, t.tgrelid::regclass::text AS log FROM pg_trigger t
        WHERE t.tgfoid = to_regprocedure('refreshtop.log_changed()')
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', v_trigger.tgname, v_trigger.log);
    END LOOP;
END
$$;
DROP FUNCTION IF EXISTS refreshtop.changed_stats(interval, integer, jsonb),
    refreshtop.run_changed_stats(interval, integer, jsonb), refreshtop.changed_since(interval, jsonb),
    refreshtop.stats_of_all(interval), refreshtop.run_stats_of_all(interval, text[]),
    refreshtop.recent_of_all(integer), refreshtop.run_recent_of_all(integer, text[]),
    refreshtop.log_changed(), refreshtop.sum_all_again(), refreshtop.count_attempt(refreshtop.log_fallback),
    refreshtop.sum_again(text), refreshtop.newest_to_keep(text), refreshtop.sum_days(text, timestamptz, timestamptz),
    refreshtop.newest(text, integer, timestamptz), refreshtop.streak(text, timestamptz, boolean),
    refreshtop.usual_duration(text, timestamptz), refreshtop.blocker(jsonb),
    refreshtop.has_sums(), refreshtop.keepers_of(oid);
DROP TABLE IF EXISTS refreshtop.log_days, refreshtop.log_newest, refreshtop.log_outdated, refreshtop.log_summed;
SELECT refreshtop_migration.as_migrator();
