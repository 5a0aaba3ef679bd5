DO $$
DECLARE
    v_policy name;
BEGIN
    FOR v_policy IN
        SELECT p.polname FROM pg_policy p
        WHERE p.polrelid = to_regclass('public.metrics_refresh_log') AND p.polname LIKE 'application\_%'
    LOOP
        EXECUTE format('DROP POLICY %I ON public.metrics_refresh_log', v_policy);
    END LOOP;
END
$$;
DROP FUNCTION IF EXISTS
    refreshtop.is_super_admin(),
    refreshtop.cleanup_logs_for_application(),
    refreshtop.stats_for_application(text, interval),
    refreshtop.refresh_for_application(text, text),
    refreshtop.require_application(text),
    refreshtop.application_says_yes();
DROP FUNCTION IF EXISTS refreshtop_definers.ask_application();
DROP FUNCTION IF EXISTS refreshtop.application_function();
