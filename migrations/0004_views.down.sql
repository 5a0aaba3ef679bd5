SELECT refreshtop_migration.as_owner();
DROP FUNCTION IF EXISTS refreshtop.lesser_owner(oid), refreshtop.readers(oid),
    refreshtop.relations(oid), refreshtop.window_of(refreshtop.views), refreshtop.limits_of(refreshtop.views);
DROP TABLE IF EXISTS refreshtop.views;
SELECT refreshtop_migration.as_migrator();
