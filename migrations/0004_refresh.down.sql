DROP FUNCTION public.refresh_platform_metrics_with_logging();
DROP FUNCTION public.trigger_platform_metrics_refresh();
DROP FUNCTION public.get_metrics_refresh_stats(integer);
DROP FUNCTION public.cleanup_old_metrics_logs();
SELECT refreshtop.undo(4);
DROP FUNCTION refreshtop.cron_job(text);
DROP FUNCTION refreshtop.cron_settings();
DROP FUNCTION refreshtop.cleanup_logs(integer, integer);
DROP FUNCTION refreshtop.stats(text, interval);
DROP FUNCTION refreshtop.refresh(text, text);
DROP FUNCTION refreshtop.log_lost_attempt(text, regclass);
DROP FUNCTION refreshtop.attempt_marker(text);
DO $$
DECLARE
    v_marker text;
BEGIN
    FOR v_marker IN
        SELECT c.oid::regclass::text FROM pg_class c
        WHERE c.relnamespace = 'refreshtop'::regnamespace AND c.relkind = 'S' AND c.relname LIKE 'attempt\_%'
    LOOP
        EXECUTE format('DROP SEQUENCE %s', v_marker);
    END LOOP;
END
$$;
DROP FUNCTION refreshtop.running(text);
DROP FUNCTION refreshtop.session_source();
DROP FUNCTION refreshtop.black_box(oid);
DROP FUNCTION refreshtop.relations(oid);
DROP TABLE refreshtop.schedule_ledger;
DROP TABLE refreshtop.views;
