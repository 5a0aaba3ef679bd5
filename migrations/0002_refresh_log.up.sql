-- The refresh log: made new, or adopted from a deployment that was set up by hand, with every row kept.
DO $$
DECLARE
    v_column record;
    v_acl    aclitem[];
BEGIN
    IF to_regclass('public.metrics_refresh_log') IS NULL THEN
        CREATE TABLE public.metrics_refresh_log (
            id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            refresh_type  varchar(100) NOT NULL,
            status        varchar(20)  NOT NULL CHECK (status IN ('success', 'error')),
            duration_ms   numeric,
            error_message text,
            started_at    timestamptz NOT NULL,
            completed_at  timestamptz,
            created_at    timestamptz NOT NULL DEFAULT now()
        );
        COMMENT ON TABLE public.metrics_refresh_log IS 'One row for every attempt to refresh a materialized view';
        PERFORM refreshtop.note_undo(2, 'DROP TABLE public.metrics_refresh_log');
        -- Default privileges may have given rights that nobody meant for this table.
        SELECT relacl INTO v_acl FROM pg_class WHERE oid = 'public.metrics_refresh_log'::regclass;
        FOR v_column IN
            SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
            FROM aclexplode(v_acl) a
            WHERE a.grantee <> (SELECT relowner FROM pg_class WHERE oid = 'public.metrics_refresh_log'::regclass)
        LOOP
            EXECUTE format('REVOKE ALL ON public.metrics_refresh_log FROM %s', v_column.grantee);
        END LOOP;
    ELSE
        -- Whoever could write or truncate through PUBLIC could forge or wipe the evidence.
        SELECT relacl INTO v_acl FROM pg_class WHERE oid = 'public.metrics_refresh_log'::regclass;
        IF EXISTS (SELECT 1 FROM aclexplode(v_acl) a WHERE a.grantee = 0) THEN
            PERFORM refreshtop.note_undo(2, refreshtop.acl_sql('TABLE', 'public.metrics_refresh_log',
                ARRAY(SELECT i FROM unnest(v_acl) i WHERE i::text LIKE '=%')));
            REVOKE ALL ON public.metrics_refresh_log FROM PUBLIC;
        END IF;
        -- What no policy covers: truncating, and a trigger, which would run with the rights of whoever writes the log.
        FOR v_column IN
            SELECT DISTINCT a.grantee
            FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
            WHERE c.oid = 'public.metrics_refresh_log'::regclass AND a.grantee NOT IN (0, c.relowner)
              AND a.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')
        LOOP
            PERFORM refreshtop.note_undo(2, refreshtop.acl_sql('TABLE', 'public.metrics_refresh_log',
                ARRAY(SELECT i FROM unnest(v_acl) i, aclexplode(ARRAY[i]) a WHERE a.grantee = v_column.grantee)));
            EXECUTE format('REVOKE TRUNCATE, REFERENCES, TRIGGER ON public.metrics_refresh_log FROM %I CASCADE',
                pg_get_userbyid(v_column.grantee));
        END LOOP;
    END IF;

    -- What diagnosis and audit need beside the original eight columns, and any of the eight that is missing.
    FOR v_column IN
        SELECT * FROM (VALUES
            ('duration_ms', 'numeric', NULL),
            ('error_message', 'text', NULL),
            ('started_at', 'timestamptz', NULL),
            ('completed_at', 'timestamptz', NULL),
            ('created_at', 'timestamptz NOT NULL DEFAULT now()', NULL),
            ('sqlstate', 'text', 'SQLSTATE of the failure'),
            ('error_detail', 'text', 'DETAIL of the failure'),
            ('error_hint', 'text', 'HINT of the failure'),
            ('error_context', 'text', 'CONTEXT of the failure'),
            ('trigger_source', 'text', 'What set it off: schedule, manual or direct; NULL in rows older than refreshtop'),
            ('triggered_by', 'text', 'Effective role of the caller'),
            ('login_role', 'text', 'Role that had logged in'),
            ('application_name', 'text', 'application_name of the session that ran it'),
            ('client_addr', 'inet', 'Address of that session; NULL for a local socket or a background worker'),
            ('backend_pid', 'integer', 'Backend process that ran it'),
            ('black_box', 'jsonb', 'Sessions that held or waited for conflicting locks when it failed')
        ) AS wanted (name, type, meaning)
        WHERE NOT EXISTS (SELECT 1 FROM pg_attribute a
                          WHERE a.attrelid = 'public.metrics_refresh_log'::regclass AND a.attname = wanted.name AND NOT a.attisdropped)
    LOOP
        EXECUTE format('ALTER TABLE public.metrics_refresh_log ADD COLUMN %I %s', v_column.name, v_column.type);
        IF v_column.meaning IS NOT NULL THEN
            EXECUTE format('COMMENT ON COLUMN public.metrics_refresh_log.%I IS %L', v_column.name, v_column.meaning);
        END IF;
        PERFORM refreshtop.note_undo(2, format('ALTER TABLE public.metrics_refresh_log DROP COLUMN IF EXISTS %I', v_column.name));
    END LOOP;

    -- A poll must cost the same over a month of rows and over ten million.
    FOR v_column IN
        SELECT * FROM (VALUES
            ('metrics_refresh_log_created_at', '(created_at)'),
            ('metrics_refresh_log_type_created_at', '(refresh_type, created_at)'),
            ('metrics_refresh_log_errors', '(refresh_type, created_at) WHERE status = ''error''')
        ) AS wanted (name, def)
        WHERE to_regclass('public.' || wanted.name) IS NULL
    LOOP
        EXECUTE format('CREATE INDEX %I ON public.metrics_refresh_log %s', v_column.name, v_column.def);
        PERFORM refreshtop.note_undo(2, format('DROP INDEX IF EXISTS public.%I', v_column.name));
    END LOOP;

    IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = 'public.metrics_refresh_log'::regclass) THEN
        ALTER TABLE public.metrics_refresh_log ENABLE ROW LEVEL SECURITY;
        PERFORM refreshtop.note_undo(2, 'ALTER TABLE IF EXISTS public.metrics_refresh_log DISABLE ROW LEVEL SECURITY');
    END IF;
    IF NOT has_table_privilege('refreshtop_admin', 'public.metrics_refresh_log', 'SELECT') THEN
        GRANT SELECT ON public.metrics_refresh_log TO refreshtop_admin;
        PERFORM refreshtop.note_undo(2, 'REVOKE SELECT ON public.metrics_refresh_log FROM refreshtop_admin');
    END IF;
END
$$;

-- The first lets super administrators read. The second is restrictive: a policy that an older migration left
-- behind, however generous, can't let anybody else in.
CREATE POLICY refreshtop_super_admin_reads ON public.metrics_refresh_log
    FOR SELECT USING ((SELECT refreshtop.is_super_admin()));
CREATE POLICY refreshtop_nobody_else ON public.metrics_refresh_log
    AS RESTRICTIVE USING ((SELECT refreshtop.is_super_admin())) WITH CHECK ((SELECT refreshtop.is_super_admin()));
