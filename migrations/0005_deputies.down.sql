SELECT refreshtop.undo(5);
DROP POLICY refreshtop_reads ON refreshtop.views;
ALTER TABLE refreshtop.views DISABLE ROW LEVEL SECURITY;
ALTER TABLE refreshtop.schedule_ledger DISABLE ROW LEVEL SECURITY;
ALTER TABLE refreshtop.ledger DISABLE ROW LEVEL SECURITY;
DROP POLICY refreshtop_super_admin_reads ON refreshtop.audit;
ALTER TABLE refreshtop.audit DISABLE ROW LEVEL SECURITY;
DROP POLICY refreshtop_no_deputy ON public.metrics_refresh_log;
