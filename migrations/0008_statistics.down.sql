SELECT refreshtop_migration.as_owner();
DROP FUNCTION IF EXISTS refreshtop.cleanup_logs(integer, integer), refreshtop.run_cleanup(integer, integer),
    refreshtop.stats(text, interval), refreshtop.run_stats(text, interval),
    refreshtop.window_start(interval);
SELECT refreshtop_migration.as_migrator();
