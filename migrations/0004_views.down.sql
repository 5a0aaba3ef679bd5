SELECT pg_temp.refreshtop_as_owner();
DROP FUNCTION IF EXISTS refreshtop.lesser_owner(oid), refreshtop.relations(oid);
DROP TABLE IF EXISTS refreshtop.views;
SELECT pg_temp.refreshtop_as_migrator();
