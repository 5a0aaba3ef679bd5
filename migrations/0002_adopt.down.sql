-- Everything that was moved aside goes back to its place. The objects come from the catalogue; refreshtop.undo only
-- holds their names and schemas.
DO $$
DECLARE
    v_object record;
BEGIN
    FOR v_object IN
        SELECT refreshtop_migration.kind(c.relkind) AS kind,
               c.relname AS now,
               coalesce(u.detail ->> 'name', c.relname) AS name,
               coalesce(u.object_schema, 'public') AS schema,
               u.at
        FROM pg_class c
        LEFT JOIN refreshtop.undo u
            ON u.kind = 'moved' AND u.object_name = c.relname AND u.detail ->> 'kind' <> 'ROUTINE'
        WHERE c.relnamespace = to_regnamespace('refreshtop_before') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        ORDER BY u.at
    LOOP
        EXECUTE format('ALTER %s refreshtop_before.%I SET SCHEMA %I', v_object.kind, v_object.now, v_object.schema);
        -- An object that was in the way of an earlier one keeps its present name.
        IF v_object.now <> v_object.name AND to_regclass(format('%I.%I', v_object.schema, v_object.name)) IS NULL THEN
            EXECUTE format('ALTER %s %I.%I RENAME TO %I', v_object.kind, v_object.schema, v_object.now, v_object.name);
        END IF;
    END LOOP;
    FOR v_object IN
        SELECT p.oid::regprocedure::text AS identity FROM pg_proc p
        WHERE p.pronamespace = to_regnamespace('refreshtop_before')
    LOOP
        EXECUTE format('ALTER ROUTINE %s SET SCHEMA public', v_object.identity);
    END LOOP;
END
$$;
