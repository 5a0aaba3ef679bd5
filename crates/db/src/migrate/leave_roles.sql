-- Runs after leave.sql and whatever the migrator itself still writes: whoever migrates is no member of our roles any
-- more.
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
