DROP FUNCTION IF EXISTS
    refreshtop.change_job(text, text, boolean, boolean),
    refreshtop.follow_schedule(text),
    refreshtop.keep_schedule(text, text),
    refreshtop.scheduled_views(),
    refreshtop.jobs_of_views(boolean),
    refreshtop.cron_facts(),
    refreshtop.cron_job(text),
    refreshtop.cron_settings();
DROP FUNCTION IF EXISTS
    refreshtop_definers.cron_settings(),
    refreshtop_definers.cron_jobs(boolean),
    refreshtop_definers.put_job(text, text, text, text),
    refreshtop_definers.change_job(text, text, boolean, boolean, text),
    refreshtop_definers.cron_facts(),
    refreshtop_definers.cron_job(text);
DROP FUNCTION IF EXISTS
    refreshtop.scheduled_command(text),
    refreshtop.job_offset(text, interval),
    refreshtop.short_name(text),
    refreshtop.job_name(text),
    refreshtop.longest_pause(text),
    refreshtop.cron_field(text, integer, integer, text[]),
    refreshtop.has_cron();
