DROP FUNCTION refreshtop.record_act(text, text, jsonb);
DROP TABLE refreshtop.audit;
DROP FUNCTION refreshtop.require_super_admin(text);
DROP FUNCTION refreshtop.is_super_admin();
DROP FUNCTION refreshtop.application_says_super_admin();
DROP FUNCTION refreshtop.application_decides();
DROP FUNCTION refreshtop.caller();
REVOKE ALL ON SCHEMA refreshtop FROM refreshtop_admin;
-- Now nothing here hangs on the role any more, so it can go where it was made here.
SELECT refreshtop.undo(1);
DROP FUNCTION refreshtop.acl_sql(text, text, aclitem[]);
DROP FUNCTION refreshtop.undo(integer);
DROP FUNCTION refreshtop.note_undo(integer, text);
DROP TABLE refreshtop.ledger;
