SELECT refreshtop_migration.as_owner();
DROP FUNCTION IF EXISTS refreshtop.cleanup_logs(integer, integer), refreshtop.run_cleanup(integer, integer),
    refreshtop.stats(text, interval), refreshtop.run_stats(text, interval),
    refreshtop.stats_of_all(interval), refreshtop.run_stats_of_all(interval),
    refreshtop.recent_of_all(integer), refreshtop.run_recent_of_all(integer);
SELECT refreshtop_migration.as_migrator();
