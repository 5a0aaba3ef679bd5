-- The view. Each source table is read once: joining the four and counting distinct ids multiplies their rows.
-- A person is new when the first membership is; joining a second account does not make one new.
DO $$
DECLARE
    v_query      constant text := $query$
SELECT a.total_accounts, u.total_users, s.total_assets, l.total_licenses,
       a.new_accounts_30d, u.new_users_30d, s.new_assets_30d, now() AS last_updated
FROM (SELECT count(*) AS total_accounts,
             count(*) FILTER (WHERE created_at >= now() - interval '30 days') AS new_accounts_30d
      FROM public.accounts) a
CROSS JOIN (SELECT count(*) AS total_users,
                   count(*) FILTER (WHERE joined_at >= now() - interval '30 days') AS new_users_30d
            FROM (SELECT min(created_at) AS joined_at FROM public.accounts_memberships
                  WHERE user_id IS NOT NULL GROUP BY user_id) people) u
CROSS JOIN (SELECT count(*) AS total_assets,
                   count(*) FILTER (WHERE created_at >= now() - interval '30 days') AS new_assets_30d
            FROM public.assets) s
CROSS JOIN (SELECT count(*) AS total_licenses FROM public.software_licenses) l$query$;
    v_view       oid := to_regclass('public.platform_metrics');
    v_kind       "char";
    v_dependents text;
    v_replace    boolean := false;
    v_undo       text;
    v_owner      name;
    v_acl        aclitem[];
    v_column     name;
BEGIN
    IF v_view IS NOT NULL THEN
        SELECT relkind, relacl, pg_get_userbyid(relowner) INTO v_kind, v_acl, v_owner FROM pg_class WHERE oid = v_view;
        IF v_kind <> 'm' THEN
            RAISE EXCEPTION 'public.platform_metrics exists and is not a materialized view'
                USING ERRCODE = 'wrong_object_type', HINT = 'Rename or drop it, then migrate again.';
        END IF;

        EXECUTE 'CREATE MATERIALIZED VIEW refreshtop.platform_metrics_wanted AS ' || v_query || ' WITH NO DATA';
        SELECT string_agg(DISTINCT d_class.oid::regclass::text, ', ') INTO v_dependents
        FROM pg_depend d
        JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        JOIN pg_class d_class ON d_class.oid = r.ev_class
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = v_view AND r.ev_class <> v_view;

        IF pg_get_viewdef(v_view) IS DISTINCT FROM pg_get_viewdef('refreshtop.platform_metrics_wanted'::regclass) THEN
            IF v_dependents IS NOT NULL THEN
                PERFORM refreshtop.record_act('migrate up', 'kept', jsonb_build_object('message', format(
                    'public.platform_metrics keeps its own query, because %s depends on it', v_dependents)));
            ELSIF EXISTS (SELECT attname FROM pg_attribute WHERE attrelid = v_view AND attnum > 0 AND NOT attisdropped
                          EXCEPT SELECT attname FROM pg_attribute WHERE attrelid = 'refreshtop.platform_metrics_wanted'::regclass AND attnum > 0) THEN
                PERFORM refreshtop.record_act('migrate up', 'kept', jsonb_build_object('message',
                    'public.platform_metrics keeps its own query, because it has columns that refreshtop''s query has not'));
            ELSE
                v_replace := true;
            END IF;
        END IF;
        DROP MATERIALIZED VIEW refreshtop.platform_metrics_wanted;
    END IF;

    IF v_replace THEN
        -- The old view goes into the ledger whole: query, indexes, owner, rights, comment.
        SELECT format('DROP MATERIALIZED VIEW public.platform_metrics; CREATE MATERIALIZED VIEW public.platform_metrics AS %s',
                      pg_get_viewdef(v_view))
            || coalesce((SELECT string_agg(' ' || pg_get_indexdef(indexrelid) || ';', '') FROM pg_index WHERE indrelid = v_view), '')
            || format(' ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO %I; SELECT refreshtop.strip_relation(''public.platform_metrics''); ', v_owner)
            || coalesce(refreshtop.acl_sql('TABLE', 'public.platform_metrics', v_acl), '')
            || coalesce(format(' COMMENT ON MATERIALIZED VIEW public.platform_metrics IS %L;', obj_description(v_view, 'pg_class')), '')
        INTO v_undo;
        BEGIN
            DROP MATERIALIZED VIEW public.platform_metrics;
            PERFORM refreshtop.note_undo(3, v_undo);
            PERFORM refreshtop.record_act('migrate up', 'kept', jsonb_build_object('message',
                'public.platform_metrics counts with refreshtop''s query now; its own comes back with a rollback'));
        -- A function that returns its rows, for instance.
        EXCEPTION WHEN dependent_objects_still_exist THEN
            v_replace := false;
            PERFORM refreshtop.record_act('migrate up', 'kept', jsonb_build_object('message',
                'public.platform_metrics keeps its own query, because other objects depend on it'));
        END;
    END IF;

    IF v_view IS NULL OR v_replace THEN
        EXECUTE 'CREATE MATERIALIZED VIEW public.platform_metrics AS ' || v_query;
        COMMENT ON MATERIALIZED VIEW public.platform_metrics IS 'Platform-wide figures, one row, kept fresh by refreshtop';
        -- Default privileges may have let in whom nobody meant; a materialized view has no row security.
        PERFORM refreshtop.strip_relation('public.platform_metrics');
        IF v_view IS NULL THEN
            PERFORM refreshtop.note_undo(3, 'DROP MATERIALIZED VIEW public.platform_metrics');
        ELSE
            EXECUTE format('ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO %I', v_owner);
            EXECUTE coalesce(refreshtop.acl_sql('TABLE', 'public.platform_metrics', v_acl), '');
        END IF;
    END IF;

    -- PostgreSQL refreshes concurrently only over a unique index on plain columns, without an expression or a
    -- WHERE. One row, so any column will do; last_updated is never NULL.
    IF NOT EXISTS (SELECT 1 FROM pg_index i
                   WHERE i.indrelid = 'public.platform_metrics'::regclass AND i.indisunique AND i.indisvalid AND i.indimmediate
                     AND i.indpred IS NULL AND i.indexprs IS NULL) THEN
        SELECT attname INTO v_column FROM pg_attribute
        WHERE attrelid = 'public.platform_metrics'::regclass AND attnum > 0 AND NOT attisdropped
        ORDER BY attname <> 'last_updated', attnum LIMIT 1;
        EXECUTE format('CREATE UNIQUE INDEX platform_metrics_refresh_key ON public.platform_metrics (%I)', v_column);
        PERFORM refreshtop.note_undo(3, 'DROP INDEX IF EXISTS public.platform_metrics_refresh_key');
    END IF;
    IF NOT has_table_privilege('refreshtop_admin', 'public.platform_metrics', 'SELECT') THEN
        GRANT SELECT ON public.platform_metrics TO refreshtop_admin;
        PERFORM refreshtop.note_undo(3, 'REVOKE SELECT ON public.platform_metrics FROM refreshtop_admin');
    END IF;
END
$$;
