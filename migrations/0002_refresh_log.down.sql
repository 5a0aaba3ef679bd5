DROP POLICY refreshtop_nobody_else ON public.metrics_refresh_log;
DROP POLICY refreshtop_super_admin_reads ON public.metrics_refresh_log;
SELECT refreshtop.undo(2);
