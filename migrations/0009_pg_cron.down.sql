DROP FUNCTION IF EXISTS
    refreshtop.change_job(text, text, boolean, boolean),
    refreshtop.cron_facts(),
    refreshtop.cron_job(text),
    refreshtop.cron_settings();
DROP FUNCTION IF EXISTS
    refreshtop_definers.cron_settings(),
    refreshtop_definers.change_job(text, text, boolean, boolean),
    refreshtop_definers.cron_facts(),
    refreshtop_definers.cron_job(text);
DROP FUNCTION IF EXISTS refreshtop.has_cron();
