-- Runs last in the transaction of every migration: gives back what enter.sql took for the moment.
SELECT pg_temp.refreshtop_as_migrator();
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
DO $$
DECLARE
    v_helper text;
BEGIN
    FOR v_helper IN
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = pg_my_temp_schema() AND p.proname LIKE 'refreshtop\_%'
    LOOP
        EXECUTE format('DROP ROUTINE %s', v_helper);
    END LOOP;
END
$$;
