-- Our view is dropped. A view that was kept stays, without what was added to it. The rollback of step 2 restores the
-- one that was moved aside.
DO $$
DECLARE
    v_view record;
    v_note record;
    v_our  name := refreshtop_migration.role('owner');
BEGIN
    SELECT c.oid, c.relname, obj_description(c.oid, 'pg_class') LIKE '%kept fresh by refreshtop' AS made_here
    INTO v_view
    FROM refreshtop.views v
    JOIN pg_class c ON c.oid = to_regclass(format('%I.%I', v.view_schema, v.view_name))
                   AND c.relkind = 'm'
                   AND c.oid = v.view_oid
    WHERE v.refresh_type = 'platform_metrics';
    IF v_view.made_here THEN
        DROP MATERIALIZED VIEW public.platform_metrics;
    ELSIF v_view.oid IS NOT NULL THEN
        EXECUTE format('REVOKE ALL ON public.platform_metrics FROM %I', v_our);
    END IF;
    FOR v_note IN SELECT u.* FROM refreshtop.undo u WHERE u.kind = 'index' LOOP
        EXECUTE format('DROP INDEX IF EXISTS %I.%I', v_note.object_schema, v_note.object_name);
    END LOOP;
    FOR v_note IN
        SELECT u.object_schema,
               u.object_name,
               u.detail ->> 'right' AS right,
               u.detail ->> 'kind' AS kind,
               u.detail ->> 'role' AS role
        FROM refreshtop.undo u JOIN pg_roles r ON r.rolname = u.detail ->> 'role'
        WHERE u.kind = 'grant'
          AND u.detail ->> 'right' IN ('SELECT', 'USAGE', 'TEMPORARY')
          AND u.detail ->> 'kind' IN ('TABLE', 'SCHEMA', 'DATABASE')
    LOOP
        CONTINUE WHEN v_note.kind = 'TABLE'
                  AND to_regclass(format('%I.%I', v_note.object_schema, v_note.object_name)) IS NULL;
        EXECUTE format(
            'REVOKE %s ON %s %s FROM %I',
            v_note.right,
            v_note.kind,
            CASE WHEN v_note.object_schema IS NULL
                 THEN quote_ident(CASE v_note.kind WHEN 'DATABASE' THEN current_database() ELSE v_note.object_name END)
                 ELSE format('%I.%I', v_note.object_schema, v_note.object_name) END,
            v_note.role);
    END LOOP;
    FOR v_note IN
        SELECT p.oid::regprocedure::text AS identity FROM pg_proc p
        WHERE p.pronamespace = to_regnamespace('refreshtop_definers') AND p.proname LIKE 'refresh\_%'
    LOOP
        EXECUTE format('DROP FUNCTION %s', v_note.identity);
    END LOOP;
    -- A decoy that was created in their place belongs to somebody else.
    FOR v_note IN
        SELECT p.oid::regprocedure::text AS identity FROM pg_proc p
        WHERE p.pronamespace = to_regnamespace('public') AND pg_get_userbyid(p.proowner) = v_our
          AND obj_description(p.oid, 'pg_proc') LIKE 'refreshtop:%'
    LOOP
        EXECUTE format('DROP FUNCTION %s', v_note.identity);
    END LOOP;
END
$$;
