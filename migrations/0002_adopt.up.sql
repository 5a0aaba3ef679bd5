-- Objects that have our names and are not ours are moved as a whole into a schema that nobody can access, with owner,
-- rights, indexes, triggers and rows. So none of their code ever runs, and a rollback only has to move them back. Step
-- 11 handles the view, because it may have to stay.

-- An object is ours if it has our comment and belongs to us, or to a role that could act as us anyway.
CREATE FUNCTION refreshtop_migration.is_ours(p_owner oid, p_comment text, p_wanted text) RETURNS boolean
LANGUAGE sql STABLE
AS $$ SELECT refreshtop_migration.is_trusted(p_owner) AND p_comment IS NOT DISTINCT FROM p_wanted $$;

-- Moves a relation aside; if its name is taken there, it gets a number.
CREATE FUNCTION refreshtop_migration.move_relation(p_relation oid) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
    v_object pg_class;
    v_schema name;
    v_kind   text;
    v_name   name;
BEGIN
    SELECT * INTO v_object FROM pg_class WHERE oid = p_relation;
    SELECT nspname INTO v_schema FROM pg_namespace WHERE oid = v_object.relnamespace;
    v_kind := refreshtop_migration.kind(v_object.relkind);
    v_name := v_object.relname;
    FOR i IN 2 .. 1000 LOOP
        EXIT WHEN to_regclass(format('refreshtop_before.%I', v_name)) IS NULL;
        v_name := left(v_object.relname, 58) || '_' || i;
    END LOOP;
    IF v_name <> v_object.relname THEN
        EXECUTE format('ALTER %s %I.%I RENAME TO %I', v_kind, v_schema, v_object.relname, v_name);
    END IF;
    -- If it is not ours, its owner must be able to create in the schema at this moment, unless we are a superuser.
    EXECUTE format('ALTER %s %I.%I SET SCHEMA refreshtop_before', v_kind, v_schema, v_name);
    INSERT INTO refreshtop.undo (step, kind, object_schema, object_name, detail)
    VALUES (2, 'moved', v_schema, v_name, jsonb_build_object('kind', v_kind, 'name', v_object.relname))
    ON CONFLICT DO NOTHING;
END
$$;

DO $$
DECLARE
    v_log record;
BEGIN
    FOR v_log IN
        SELECT c.oid, c.relowner, n.nspname = 'public' AS in_place, c.relkind = 'r'
               AND refreshtop_migration.is_ours(c.relowner, obj_description(c.oid, 'pg_class'),
                   'One row for every attempt to refresh a materialized view') AS ours
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relname = 'metrics_refresh_log' AND n.nspname <> 'refreshtop_before' AND n.nspname !~ '^pg_temp'
          AND (n.nspname = 'public' OR EXISTS (
              -- Schema public was renamed with our log in it.
              SELECT 1 FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
              WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = c.oid
                AND r.ev_class = to_regclass('refreshtop.log_door')))
        ORDER BY in_place DESC
    LOOP
        IF NOT v_log.ours AND v_log.in_place THEN
            PERFORM refreshtop_migration.move_relation(v_log.oid);
            IF to_regclass('refreshtop.log_door') IS NULL THEN
                PERFORM refreshtop_migration.note_kept(
                    'the table public.metrics_refresh_log that was here is kept in schema refreshtop_before; '
                    'its rows are copied');
            END IF;
        ELSIF v_log.ours THEN
            IF v_log.relowner <> (SELECT oid FROM pg_roles WHERE rolname = refreshtop_migration.role('owner')) THEN
                EXECUTE format('ALTER TABLE %s OWNER TO %I', v_log.oid::regclass, refreshtop_migration.role('owner'));
            END IF;
            IF NOT v_log.in_place AND to_regclass('public.metrics_refresh_log') IS NULL THEN
                EXECUTE format('ALTER TABLE %s SET SCHEMA public', v_log.oid::regclass);
            END IF;
        END IF;
    END LOOP;
END
$$;

-- Of several functions with one of the names, only those that match a call without arguments, or with one integer. If
-- step 11 is left out, nothing takes their place.
DO $$
DECLARE
    v_old   record;
    v_owner name := refreshtop_migration.role('owner');
BEGIN
    FOR v_old IN
        SELECT p.oid, p.oid::regprocedure::text AS identity, p.proname, p.proargtypes,
               pg_get_userbyid(p.proowner) AS owner,
               refreshtop_migration.is_ours(
                   p.proowner, left(obj_description(p.oid, 'pg_proc'), 11), 'refreshtop:') AS ours
        FROM pg_proc p
        WHERE p.pronamespace = to_regnamespace('public') AND p.prokind IN ('f', 'p')
          AND p.proname IN ('refresh_platform_metrics_with_logging', 'trigger_platform_metrics_refresh',
                            'get_metrics_refresh_stats', 'cleanup_old_metrics_logs')
          AND (p.pronargs = p.pronargdefaults OR p.proargtypes::text = '23')
          AND current_setting('refreshtop.parts', true) = 'platform_metrics'
    LOOP
        IF NOT v_old.ours THEN
            IF EXISTS (SELECT 1 FROM pg_proc p WHERE p.pronamespace = 'refreshtop_before'::regnamespace
                       AND p.proname = v_old.proname AND p.proargtypes = v_old.proargtypes) THEN
                RAISE EXCEPTION
                    'function % is not ours, and another of that name is kept in schema refreshtop_before already',
                    v_old.identity
                    USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Drop or rename it, then migrate again.';
            END IF;
            EXECUTE format('ALTER ROUTINE %s SET SCHEMA refreshtop_before', v_old.identity);
            INSERT INTO refreshtop.undo (step, kind, object_schema, object_name, detail)
            VALUES (2, 'moved', 'public', v_old.proname, '{"kind": "ROUTINE"}') ON CONFLICT DO NOTHING;
        ELSIF v_old.owner <> v_owner THEN
            EXECUTE format('ALTER ROUTINE %s OWNER TO %I', v_old.identity, v_owner);
        END IF;
    END LOOP;
END
$$;
