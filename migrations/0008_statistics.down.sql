SELECT refreshtop_migration.as_owner();
DROP FUNCTION IF EXISTS refreshtop.past_keeping(interval), refreshtop.cleanup_logs_older(interval),
    refreshtop.cleanup_logs(integer, integer), refreshtop.run_cleanup(integer, integer, interval),
    refreshtop.kept_of_log(interval),
    refreshtop.stats(text, interval), refreshtop.run_stats(text, interval),
    refreshtop.window_start(interval);
SELECT refreshtop_migration.as_migrator();
