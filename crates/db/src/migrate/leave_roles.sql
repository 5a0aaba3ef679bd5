-- Runs after leave.sql and the migrator's own last writes: the migrating role is no longer a member of our roles.
DO $$
DECLARE
    v_statement text;
BEGIN
    FOREACH v_statement IN ARRAY string_to_array(current_setting('refreshtop.leave_roles'), chr(1)) LOOP
        IF v_statement <> '' THEN
            EXECUTE v_statement;
        END IF;
    END LOOP;
END
$$;
