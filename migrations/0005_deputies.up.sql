-- Code that others wrote and that runs in a super administrator's session, or with the installation's rights, gains
-- nothing by it.

-- A SECURITY DEFINER function of any role, or one in an index that autovacuum evaluates, runs in a session whose login is
-- a superuser's. The login and SET ROLE say nothing there: who reads is the role with whose rights the statement runs.
-- Inline, since a function of ours would be called with its owner's rights and never see that role.
CREATE POLICY refreshtop_no_deputy ON public.metrics_refresh_log AS RESTRICTIVE FOR SELECT
    USING ((SELECT current_user = CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END
                   OR pg_has_role(current_user, 'refreshtop_admin', 'USAGE')));

-- Who may read every table (pg_read_all_data, a grant by mistake) may not read the trail: the log's rule holds here too.
ALTER TABLE refreshtop.audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY refreshtop_super_admin_reads ON refreshtop.audit FOR SELECT
    USING ((SELECT refreshtop.is_super_admin()
                   AND (current_user = CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END
                        OR pg_has_role(current_user, 'refreshtop_admin', 'USAGE'))));

-- Nor does a right to write every table (pg_write_all_data, a grant by mistake) reach what a rollback runs, the trail,
-- or the row whose lock keeps refreshes apart. Tables without a policy for a command refuse it to all but their owner.
ALTER TABLE refreshtop.ledger ENABLE ROW LEVEL SECURITY;
ALTER TABLE refreshtop.schedule_ledger ENABLE ROW LEVEL SECURITY;
ALTER TABLE refreshtop.views ENABLE ROW LEVEL SECURITY;
CREATE POLICY refreshtop_reads ON refreshtop.views FOR SELECT USING (true);

-- A refresh runs the view's query, and whatever functions stand in a source that is a view itself, with the rights of the
-- view's owner. Where all sources belong to one role of fewer rights, whoever can change them must not gain by that: the
-- view goes to that role. It could read every figure anyway.
DO $$
DECLARE
    v_view   name;
    v_source name;
BEGIN
    SELECT pg_get_userbyid(relowner) INTO v_view FROM pg_class WHERE oid = 'public.platform_metrics'::regclass;
    SELECT min(pg_get_userbyid(c.relowner)::text) INTO v_source
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relname IN ('accounts', 'accounts_memberships', 'assets', 'software_licenses')
    HAVING count(DISTINCT c.relowner) = 1;
    -- The installation must go on refreshing it, and its owner needs a temporary table for that.
    IF v_source <> v_view AND NOT pg_has_role(v_source, v_view, 'MEMBER') AND pg_has_role(current_user, v_source, 'USAGE')
       AND pg_has_role((SELECT proowner FROM pg_proc WHERE oid = 'refreshtop.refresh(text, text)'::regprocedure), v_source, 'USAGE')
       AND has_database_privilege(v_source, current_database(), 'TEMPORARY') AND has_schema_privilege(v_source, 'public', 'USAGE') THEN
        BEGIN
            EXECUTE format('ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO %I', v_source);
            PERFORM refreshtop.note_undo(5, format('ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO %I', v_view));
        -- A plain owner of the installation can't give away to a role that may not create in schema public.
        EXCEPTION WHEN insufficient_privilege THEN
            PERFORM refreshtop.record_act('migrate up', 'kept', jsonb_build_object('message', format(
                'public.platform_metrics stays with role %s: role %s, which owns its sources, may not own objects in schema public', v_view, v_source)));
        END;
    END IF;
END
$$;
