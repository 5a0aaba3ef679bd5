SELECT refreshtop_migration.as_owner();
DROP FUNCTION IF EXISTS refreshtop.lesser_owner(oid), refreshtop.readers(oid),
    refreshtop.relations(oid);
DROP TABLE IF EXISTS refreshtop.views;
SELECT refreshtop_migration.as_migrator();
