SELECT refreshtop_migration.as_owner();
DROP FUNCTION IF EXISTS
    refreshtop.refresh(text, text),
    refreshtop.run_refresh(text, text),
    refreshtop.hidden_from_owner(oid),
    refreshtop.register_view(text, regclass, text),
    refreshtop.registered_view(refreshtop.views),
    refreshtop.may_maintain(oid);
SELECT refreshtop_migration.as_migrator();
