DROP FUNCTION refreshtop.record_mend(text, text, text, text, bigint);
DROP FUNCTION refreshtop.cron_facts();
DROP FUNCTION refreshtop.applied_steps();
