-- The owner's own rights are enough; it owns everything here.
SELECT refreshtop_migration.as_owner();
DROP FUNCTION IF EXISTS refreshtop.applied_steps(), refreshtop.is_restricted(), refreshtop.not_at_home(),
    refreshtop.record_act(text, text, jsonb), refreshtop.try_to_note_act(text, text, jsonb),
    refreshtop.note_act(text, text, jsonb), refreshtop.caller();
SELECT refreshtop_migration.as_migrator();
DO $$
DECLARE
    v_member record;
BEGIN
    FOR v_member IN
        SELECT u.object_name, u.detail ->> 'member' AS member FROM refreshtop.undo u
        JOIN pg_roles r ON r.rolname = u.object_name JOIN pg_roles m ON m.rolname = u.detail ->> 'member'
        WHERE u.kind = 'member'
    LOOP
        EXECUTE format('REVOKE %I FROM %I', v_member.object_name, v_member.member);
    END LOOP;
END
$$;
SELECT refreshtop_migration.as_owner();
DROP TABLE IF EXISTS refreshtop.audit, refreshtop.inventory, refreshtop.undo, refreshtop.home;
DROP SCHEMA IF EXISTS refreshtop_definers;
DROP SCHEMA IF EXISTS refreshtop_before;
-- Including what the migrator itself keeps there.
DROP TABLE IF EXISTS refreshtop.migrations;
DROP SCHEMA refreshtop;
SELECT refreshtop_migration.as_migrator();
