-- Runs last in the transaction of every migration: revokes the temporary rights that enter.sql took.
SELECT refreshtop_migration.as_migrator();
DO $$
DECLARE
    v_statement text;
BEGIN
    FOREACH v_statement IN ARRAY string_to_array(current_setting('refreshtop.leave'), chr(1)) LOOP
        IF v_statement <> '' THEN
            EXECUTE v_statement;
        END IF;
    END LOOP;
END
$$;
DROP SCHEMA refreshtop_migration CASCADE;
