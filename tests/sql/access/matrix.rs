//! Every role and every operation: docs/access.md says what a real server answers. `REFRESHTOP_WRITE_DOCS=1` writes the
//! document anew; without it, what it says is compared.

use super::{FROM_JWT, Managed, make_role, mistaken_grants, own_app};
use crate::support::{
    CRON_DATABASE, cluster, execute, fresh_app, fresh_database, fresh_role, migrate, migrated_app, session::Session,
};
use std::{fmt::Write as _, path::PathBuf, sync::Mutex};
use tokio_postgres::SimpleQueryMessage;

/// Who tries: its column in the document, what that says of it, its URL, what it does first, and the function through
/// which it goes.
pub(super) struct Caller {
    pub(super) column: &'static str,
    who: &'static str,
    url: String,
    enter: String,
    through: Option<String>,
}

impl Caller {
    pub(super) fn new(column: &'static str, who: &'static str, url: &str, enter: impl Into<String>) -> Self {
        Self { column, who, url: url.to_owned(), enter: enter.into(), through: None }
    }

    fn through(column: &'static str, who: &'static str, url: &str, function: String) -> Self {
        Self { column, who, url: url.to_owned(), enter: String::new(), through: Some(function) }
    }

    /// The cell for `operation`, tried in a transaction that leaves nothing.
    async fn tries(&self, session: &Session, operation: &Operation) -> String {
        session.run(&format!("BEGIN; {}", self.enter)).await;
        let sql = match &self.through {
            Some(function) => format!("SELECT FROM {function}($tried${}$tried$) n WHERE n > 0", operation.sql),
            None => operation.sql.to_owned(),
        };
        let outcome = session.client.simple_query(&sql).await;
        session.run("ROLLBACK").await;
        match outcome {
            Ok(messages) => {
                let rows = messages.iter().rev().find_map(|message| match message {
                    SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
                    _ => None,
                });
                if operation.counts && rows == Some(0) { "no rows" } else { "yes" }.to_owned()
            }
            Err(error) => match error.code().expect("the server's error").code() {
                "42501" => "–".to_owned(),
                other => format!("error {other}"),
            },
        }
    }
}

/// What is tried: its name in the document, the statement, and whether it must reach a row to have worked.
pub(super) struct Operation {
    name: &'static str,
    sql: &'static str,
    counts: bool,
}

pub(super) const fn rows(name: &'static str, sql: &'static str) -> Operation {
    Operation { name, sql, counts: true }
}

pub(super) const fn act(name: &'static str, sql: &'static str) -> Operation {
    Operation { name, sql, counts: false }
}

const GROUPS: [(&str, &[Operation]); 5] = [
    (
        "The log, the view, the channel",
        &[
            rows("`SELECT` from the log", "SELECT * FROM public.metrics_refresh_log"),
            rows(
                "`INSERT` into the log",
                "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at) VALUES ('x', 'success', now())",
            ),
            rows("`UPDATE` the log", "UPDATE public.metrics_refresh_log SET status = 'success'"),
            rows("`DELETE` from the log", "DELETE FROM public.metrics_refresh_log"),
            act("`TRUNCATE` the log", "TRUNCATE public.metrics_refresh_log"),
            rows("`SELECT` from the view", "SELECT * FROM public.platform_metrics"),
            act("`REFRESH` the view", "REFRESH MATERIALIZED VIEW public.platform_metrics"),
            act("`LISTEN`", "LISTEN metrics_refresh"),
            act("`NOTIFY`", "NOTIFY metrics_refresh, 'forged'"),
        ],
    ),
    (
        "Public functions",
        &[
            rows(
                "`refresh_platform_metrics_with_logging()`",
                "SELECT * FROM public.refresh_platform_metrics_with_logging() r WHERE r ->> 'status' = 'success'",
            ),
            rows(
                "`trigger_platform_metrics_refresh()`",
                "SELECT * FROM public.trigger_platform_metrics_refresh() r WHERE r ->> 'status' = 'success'",
            ),
            rows("`get_metrics_refresh_stats(24)`", "SELECT * FROM public.get_metrics_refresh_stats(24)"),
            rows("`cleanup_old_metrics_logs()`", "SELECT public.cleanup_old_metrics_logs()"),
        ],
    ),
    ("Functions of schema refreshtop", FUNCTIONS),
    (
        "Tables of schema refreshtop",
        &[
            rows("`SELECT` from `attempt_key`", "SELECT * FROM refreshtop.attempt_key"),
            rows("`SELECT` from `audit`", "SELECT * FROM refreshtop.audit"),
            rows(
                "`INSERT` into `audit`",
                "INSERT INTO refreshtop.audit (action, outcome, caller, login_role) VALUES ('x', 'x', 'x', 'x')",
            ),
            rows("`DELETE` from `audit`", "DELETE FROM refreshtop.audit"),
            rows("`SELECT` from `views`", "SELECT * FROM refreshtop.views"),
            rows("`UPDATE` of `views`", "UPDATE refreshtop.views SET lock_timeout = '1 s'"),
            rows("`SELECT` from `migrations`", "SELECT * FROM refreshtop.migrations"),
            rows("`SELECT` from `undo`", "SELECT * FROM refreshtop.undo"),
            rows(
                "`INSERT` into `undo`",
                "INSERT INTO refreshtop.undo (step, kind, object_schema, object_name) VALUES (99, 'moved', 'public', 'x')",
            ),
            rows("`SELECT` from `home`", "SELECT * FROM refreshtop.home"),
            rows("`UPDATE` of `home`", "UPDATE refreshtop.home SET database_oid = 1"),
            rows("`SELECT` from `inventory`", "SELECT * FROM refreshtop.inventory"),
            rows("`DELETE` from `inventory`", "DELETE FROM refreshtop.inventory"),
            rows("`SELECT` from `log_door`", "SELECT * FROM refreshtop.log_door"),
            rows(
                "`INSERT` into `log_door`",
                "INSERT INTO refreshtop.log_door (refresh_type, status, started_at) VALUES ('x', 'success', now())",
            ),
            rows("`DELETE` from `log_door`", "DELETE FROM refreshtop.log_door"),
            rows(
                "`INSERT` into `log_fallback`",
                "INSERT INTO refreshtop.log_fallback (id, refresh_type, status, started_at, created_at)
                 VALUES (gen_random_uuid(), 'x', 'success', now(), now())",
            ),
            rows("`SELECT` from `log_newest`", "SELECT * FROM refreshtop.log_newest"),
            rows("`UPDATE` `log_days`", "UPDATE refreshtop.log_days SET newest_at = newest_at"),
            rows("`INSERT` into `log_outdated`", "INSERT INTO refreshtop.log_outdated VALUES ('x', now())"),
            act(
                "`setval` of the mark of an attempt",
                "SELECT setval(c.oid::regclass, 1) FROM pg_class c WHERE c.relkind = 'S' AND c.relname LIKE 'attempt\\_%'",
            ),
            act("`SELECT` from whatever went aside into `refreshtop_before`", ASIDE),
            act("Anything else in `refreshtop_definers` or `refreshtop_before`", ANYTHING),
        ],
    ),
    (
        "Changing what is there",
        &[
            act(
                "`ALTER TABLE` the log",
                "ALTER TABLE public.metrics_refresh_log ALTER duration_ms SET DEFAULT random()",
            ),
            act("`DROP TABLE` the log, with `CASCADE`", "DROP TABLE public.metrics_refresh_log CASCADE"),
            act(
                "`CREATE TRIGGER` on the log",
                "CREATE TRIGGER planted BEFORE INSERT ON public.metrics_refresh_log
                 FOR EACH ROW EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
            ),
            act("`CREATE POLICY` on the log", "CREATE POLICY planted ON public.metrics_refresh_log USING (true)"),
            act("`DROP POLICY` of the log", "DROP POLICY admins_read ON public.metrics_refresh_log"),
            act("Row security off", "ALTER TABLE public.metrics_refresh_log DISABLE ROW LEVEL SECURITY"),
            act("`CREATE INDEX` on the view", "CREATE INDEX ON public.platform_metrics (total_users)"),
            act("`DROP` the view", "DROP MATERIALIZED VIEW public.platform_metrics"),
            act("`DROP` table `accounts` with `CASCADE`", "DROP TABLE public.accounts CASCADE"),
            act("`CREATE` in schema public", "CREATE TABLE public.planted ()"),
            act(
                "`ALTER` a public function",
                "ALTER FUNCTION public.trigger_platform_metrics_refresh() SECURITY INVOKER",
            ),
            act("`DROP` a public function", "DROP FUNCTION public.trigger_platform_metrics_refresh()"),
            act("`CREATE` in schema refreshtop", "CREATE TABLE refreshtop.planted ()"),
            act("`DROP SCHEMA` refreshtop", "DROP SCHEMA refreshtop CASCADE"),
        ],
    ),
];

/// Each function of the schema has a row that begins with its name.
const FUNCTIONS: &[Operation] = &[
    rows("`application_function`", "SELECT refreshtop.application_function()"),
    rows("`application_says_yes`", "SELECT FROM refreshtop.application_says_yes() yes WHERE yes"),
    rows("`applied_steps`", "SELECT refreshtop.applied_steps()"),
    rows("`attempt_mark`", "SELECT refreshtop.attempt_mark('platform_metrics', now())"),
    rows("`attempt_slots`", "SELECT refreshtop.attempt_slots('platform_metrics')"),
    rows("`attempt_start`", "SELECT refreshtop.attempt_start('platform_metrics', c.oid::regclass) FROM pg_class c WHERE c.relkind = 'S' AND c.relname LIKE 'attempt\\_%'"),
    rows("`blocker`", "SELECT refreshtop.blocker(NULL)"),
    rows("`caller`", "SELECT refreshtop.caller()"),
    act("`change_job`", "SELECT refreshtop.change_job('refresh-platform-metrics', NULL, false)"),
    act("`change_view`", "SELECT refreshtop.change_view('platform_metrics', '{\"lock_timeout\": \"4 s\"}')"),
    rows("`changed_since`", "SELECT * FROM refreshtop.changed_since('1 day', NULL)"),
    rows("`changed_stats`", "SELECT * FROM refreshtop.changed_stats('1 day', 20, NULL)"),
    rows("`checked_path`", "SELECT refreshtop.checked_path('public', 'public.platform_metrics'::regclass)"),
    rows("`cleanup_logs`", "SELECT refreshtop.cleanup_logs()"),
    rows("`cleanup_logs_older`", "SELECT refreshtop.cleanup_logs_older('1 day')"),
    rows("`cleanup_logs_for_application`", "SELECT refreshtop.cleanup_logs_for_application()"),
    rows("`count_attempt`", "SELECT refreshtop.count_attempt(jsonb_populate_record(NULL::refreshtop.log_fallback,
             '{\"refresh_type\": \"x\", \"status\": \"success\", \"created_at\": \"now\"}'))"),
    rows("`cron_facts`", "SELECT refreshtop.cron_facts()"),
    rows("`cron_field`", "SELECT refreshtop.cron_field('*/5', 0, 59)"),
    act("`cron_job`", "SELECT * FROM refreshtop.cron_job()"),
    rows("`cron_settings`", "SELECT * FROM refreshtop.cron_settings()"),
    rows("`evidence`", "SELECT refreshtop.evidence('public.platform_metrics'::regclass)"),
    rows("`has_cron`", "SELECT refreshtop.has_cron()"),
    rows("`has_key`", "SELECT refreshtop.has_key('public.platform_metrics'::regclass)"),
    rows("`follow_schedule`", "SELECT refreshtop.follow_schedule('platform_metrics')"),
    rows("`has_sums`", "SELECT refreshtop.has_sums()"),
    rows("`foreign_event_trigger`", "SELECT refreshtop.foreign_event_trigger()"),
    rows("`hidden_from_owner`", "SELECT refreshtop.hidden_from_owner('public.platform_metrics'::regclass)"),
    rows("`in_milliseconds`", "SELECT refreshtop.in_milliseconds('1 s')"),
    rows("`is_over_time`", "SELECT refreshtop.is_over_time('1 s')"),
    rows("`is_restricted`", "SELECT refreshtop.is_restricted()"),
    rows("`is_super_admin`", "SELECT refreshtop.is_super_admin()"),
    rows("`job_command`", "SELECT refreshtop.job_command('platform_metrics')"),
    rows("`job_name`", "SELECT refreshtop.job_name('platform_metrics')"),
    rows("`job_offset`", "SELECT refreshtop.job_offset('platform_metrics', '5 min')"),
    rows("`jobs_of_views`", "SELECT count(*) FROM refreshtop.jobs_of_views()"),
    act("`keep_schedule`", "SELECT refreshtop.keep_schedule('refresh-platform-metrics', '*/7 * * * *')"),
    rows("`kept_of_log`", "SELECT refreshtop.kept_of_log(NULL)"),
    rows("`keepers_of`", "SELECT refreshtop.keepers_of(0)"),
    rows("`lesser_owner`", "SELECT refreshtop.lesser_owner('public.platform_metrics'::regclass)"),
    rows("`limit_time`", "SELECT refreshtop.limit_time('platform_metrics')"),
    rows("`limits_of`", "SELECT refreshtop.limits_of(NULL)"),
    act("`log_changed`", "CREATE TEMPORARY TABLE planted (); CREATE TRIGGER planted AFTER INSERT ON planted EXECUTE FUNCTION refreshtop.log_changed()"),
    rows("`log_lost_attempts`", "SELECT refreshtop.log_lost_attempts('platform_metrics', '{}')"),
    rows("`longest_pause`", "SELECT refreshtop.longest_pause('*/5 * * * *')"),
    act("`manage`", "CREATE MATERIALIZED VIEW public.planted AS SELECT 1 AS one; SELECT refreshtop.manage('public.planted', true)"),
    rows("`may_maintain`", "SELECT refreshtop.may_maintain('public.platform_metrics'::regclass)"),
    rows("`measure`", "SELECT refreshtop.measure(NULL)"),
    rows("`merge_fallback`", "SELECT refreshtop.merge_fallback()"),
    rows("`newest`", "SELECT * FROM refreshtop.newest('platform_metrics', 1, now()) n WHERE n.refresh_type IS NOT NULL"),
    rows("`newest_to_keep`", "SELECT * FROM refreshtop.newest_to_keep('platform_metrics')"),
    rows("`not_at_home`", "SELECT refreshtop.not_at_home()"),
    rows("`note_act`", "SELECT refreshtop.note_act('forged', 'success', NULL)"),
    rows("`notify`", "SELECT refreshtop.notify(NULL)"),
    rows("`obstacles`", "SELECT FROM refreshtop.obstacles(0)"),
    rows("`past_keeping`", "SELECT count(*) FROM refreshtop.past_keeping()"),
    rows("`readers`", "SELECT * FROM refreshtop.readers('public.platform_metrics'::regclass)"),
    rows("`recent_of_all`", "SELECT * FROM refreshtop.recent_of_all(20)"),
    rows("`record_act`", "SELECT refreshtop.record_act('fix', 'success', NULL)"),
    rows("`refresh`", "SELECT * FROM refreshtop.refresh('platform_metrics') r WHERE r ->> 'status' = 'success'"),
    rows("`refresh_for_application`", "SELECT * FROM refreshtop.refresh_for_application('platform_metrics') r WHERE r ->> 'status' = 'success'"),
    rows("`register_view`", "SELECT refreshtop.register_view('platform_metrics', 'public.platform_metrics')"),
    rows("`registered_view`", "SELECT (refreshtop.registered_view(v)).view_oid FROM refreshtop.views v"),
    rows("`relations`", "SELECT * FROM refreshtop.relations('public.platform_metrics'::regclass)"),
    rows("`require_application`", "SELECT refreshtop.require_application('pass')"),
    act("`resume_jobs`", "SELECT refreshtop.resume_jobs('planted')"),
    rows("`run_changed_stats`", "SELECT * FROM refreshtop.run_changed_stats('1 day', 20, NULL)"),
    rows("`run_cleanup`", "SELECT refreshtop.run_cleanup(1000, 1)"),
    rows("`run_recent_of_all`", "SELECT * FROM refreshtop.run_recent_of_all(20, NULL)"),
    rows("`run_refresh`", "SELECT refreshtop.run_refresh('platform_metrics', NULL)"),
    rows("`run_stats`", "SELECT * FROM refreshtop.run_stats('platform_metrics', '1 day')"),
    rows("`run_stats_of_all`", "SELECT * FROM refreshtop.run_stats_of_all('1 day', NULL)"),
    act("`running`", "SELECT * FROM refreshtop.running()"),
    rows("`scheduled_command`", "SELECT refreshtop.scheduled_command('platform_metrics')"),
    rows("`scheduled_views`", "SELECT count(*) FROM refreshtop.scheduled_views()"),
    rows("`short_name`", "SELECT refreshtop.short_name('refresh-view-x')"),
    rows("`stats`", "SELECT * FROM refreshtop.stats('platform_metrics', '1 day')"),
    rows("`stats_for_application`", "SELECT * FROM refreshtop.stats_for_application('platform_metrics', '1 day')"),
    rows("`stats_of_all`", "SELECT * FROM refreshtop.stats_of_all('1 day')"),
    rows("`streak`", "SELECT refreshtop.streak('platform_metrics', now(), true)"),
    rows("`sum_again`", "SELECT refreshtop.sum_again('platform_metrics')"),
    rows("`sum_all_again`", "SELECT refreshtop.sum_all_again()"),
    rows("`sum_days`", "SELECT * FROM refreshtop.sum_days('platform_metrics', NULL, NULL)"),
    rows("`try_to_note_act`", "SELECT refreshtop.try_to_note_act('forged', 'success', NULL)"),
    rows("`type_of`", "SELECT refreshtop.type_of('public.platform_metrics'::regclass)"),
    act("`unmanage`", "CREATE MATERIALIZED VIEW public.planted AS SELECT 1 AS one; SELECT refreshtop.manage('public.planted', true); SELECT refreshtop.unmanage('planted')"),
    rows("`unreadable`", "SELECT count(*) FROM refreshtop.unreadable('public.platform_metrics'::regclass)"),
    rows("`usual_duration`", "SELECT refreshtop.usual_duration('platform_metrics', now())"),
    rows("`wal_position`", "SELECT refreshtop.wal_position()"),
    rows("`window_of`", "SELECT refreshtop.window_of(NULL)"),
    rows("`window_start`", "SELECT refreshtop.window_start('1 day')"),
    rows("`write_log`", "SELECT refreshtop.write_log(jsonb_populate_record(NULL::refreshtop.log_fallback, '{\"id\": \"6f1c4f43-4f0e-4d0c-9f43-1f0b5f0c2a11\",
             \"refresh_type\": \"x\", \"status\": \"success\", \"started_at\": \"now\", \"created_at\": \"now\"}'))"),
    rows("`zone_of`", "SELECT refreshtop.zone_of('public.platform_metrics'::regclass)"),
];

/// Reads every table in the schema of what went aside, if only from the catalogue if there is none.
const ASIDE: &str = "
DO $aside$
DECLARE
    v_table text;
BEGIN
    IF NOT has_schema_privilege('refreshtop_before', 'USAGE') THEN
        RAISE insufficient_privilege;
    END IF;
    FOR v_table IN SELECT c.oid::regclass FROM pg_class c
                   WHERE c.relnamespace = 'refreshtop_before'::regnamespace AND c.relkind = 'r' LOOP
        EXECUTE 'SELECT * FROM ' || v_table;
    END LOOP;
END
$aside$";

/// Whatever stands in the two schemas that nobody but the owner reaches, one after the other: dropping a function needs no
/// more than a way to it and its ownership.
const ANYTHING: &str = "
DO $any$
DECLARE
    v_try text;
BEGIN
    FOR v_try IN
        SELECT 'DROP ROUTINE ' || p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname IN ('refreshtop_definers', 'refreshtop_before')
        UNION ALL
        SELECT format(what, c.oid::regclass) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN unnest(ARRAY['DELETE FROM %s', 'ALTER TABLE %s ADD planted integer', 'LOCK TABLE %s']) AS what
        WHERE n.nspname IN ('refreshtop_definers', 'refreshtop_before') AND c.relkind = 'r'
        UNION ALL
        SELECT 'SELECT refreshtop_definers.session_source()'
        UNION ALL
        SELECT 'CREATE TABLE ' || s || '.planted ()' FROM unnest(ARRAY['refreshtop_definers', 'refreshtop_before']) s
    LOOP
        BEGIN
            EXECUTE v_try;
            RETURN;
        EXCEPTION WHEN insufficient_privilege THEN
            NULL;
        END;
    END LOOP;
    RAISE insufficient_privilege;
END
$any$";

/// In the database of `pg_cron`, with a job that a superuser's migration scheduled.
const SCHEDULE: [Operation; 5] = [
    rows("See the job", "SELECT * FROM cron.job WHERE command LIKE '%refresh_platform_metrics%'"),
    rows("`cron.schedule` a job", "SELECT cron.schedule('planted', '* * * * *', 'SELECT 1')"),
    rows(
        "Pause the job",
        "SELECT cron.alter_job(min(jobid), active := false) FROM cron.job WHERE command LIKE '%refresh_platform_metrics%'
         HAVING count(*) > 0",
    ),
    rows(
        "`cron.unschedule` the job",
        "SELECT cron.unschedule(min(jobid)) FROM cron.job WHERE command LIKE '%refresh_platform_metrics%' HAVING count(*) > 0",
    ),
    rows("Change `cron.job` by hand", "UPDATE cron.job SET active = false WHERE command LIKE '%refresh_platform_metrics%'"),
];

/// What gives a role the right to read every table. PostgreSQL 13 has no role for it; the same rights stand for it.
async fn reads_all(url: &str, role: &str) {
    let sql = format!(
        "DO $do$ BEGIN
             IF current_setting('server_version_num')::integer >= 140000 THEN
                 EXECUTE 'GRANT pg_read_all_data TO {role}';
             ELSE
                 EXECUTE 'GRANT USAGE ON SCHEMA public, refreshtop, refreshtop_definers, refreshtop_before TO {role}';
                 EXECUTE 'GRANT SELECT ON ALL TABLES IN SCHEMA public, refreshtop, refreshtop_before TO {role}';
                 EXECUTE 'GRANT SELECT ON ALL SEQUENCES IN SCHEMA public, refreshtop TO {role}';
             END IF;
         END $do$"
    );
    execute(url, &sql).await;
}

/// The same for writing.
async fn writes_all(url: &str, role: &str) {
    let sql = format!(
        "DO $do$ BEGIN
             IF current_setting('server_version_num')::integer >= 140000 THEN
                 EXECUTE 'GRANT pg_write_all_data TO {role}';
             ELSE
                 EXECUTE 'GRANT USAGE ON SCHEMA public, refreshtop, refreshtop_definers, refreshtop_before TO {role}';
                 EXECUTE 'GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, refreshtop, refreshtop_before TO {role}';
                 EXECUTE 'GRANT UPDATE ON ALL SEQUENCES IN SCHEMA public, refreshtop TO {role}';
             END IF;
         END $do$"
    );
    execute(url, &sql).await;
}

/// Makes a function that runs what it is given with the rights of `role`, open to all: its name.
async fn definer(url: &str, role: &str) -> String {
    let sql = format!(
        "CREATE SCHEMA of_{role} AUTHORIZATION {role};
         CREATE FUNCTION of_{role}.run(p_sql text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $run$
         DECLARE n bigint;
         BEGIN
             EXECUTE p_sql;
             GET DIAGNOSTICS n = ROW_COUNT;
             RETURN CASE WHEN p_sql ~ '^(SELECT|INSERT|UPDATE|DELETE)' THEN n ELSE 1 END;
         END $run$;
         ALTER FUNCTION of_{role}.run OWNER TO {role}; GRANT USAGE ON SCHEMA of_{role} TO PUBLIC"
    );
    execute(url, &sql).await;
    format!("of_{role}.run")
}

/// Whom both installations have: plain roles with what is given to them by mistake or for another purpose, super
/// administrators, end users, the job's role, the owner of another database.
async fn strangers(url: &str) -> Vec<Caller> {
    let (plain, plain_url) = fresh_role(url, "plain", "").await;
    let (selects, selects_url) = fresh_role(url, "selects", "").await;
    execute(url, &format!("GRANT SELECT ON public.metrics_refresh_log TO {selects}")).await;
    let (mistaken, mistaken_url) = fresh_role(url, "mistaken", "").await;
    execute(url, &mistaken_grants(&mistaken)).await;
    let (reader, reader_url) = fresh_role(url, "reader", "").await;
    reads_all(url, &reader).await;
    let (writer, writer_url) = fresh_role(url, "writer", "").await;
    writes_all(url, &writer).await;
    let (_, monitor) = fresh_role(url, "monitor", "IN ROLE pg_monitor").await;
    let (_, bypass) = fresh_role(url, "bypass", "BYPASSRLS").await;
    let (both, both_url) = fresh_role(url, "both", "BYPASSRLS").await;
    execute(url, &format!("GRANT SELECT ON public.metrics_refresh_log TO {both}")).await;
    let (maker, maker_url) = fresh_role(url, "maker", "").await;
    let database = url.rsplit_once('/').expect("a URL with a database").1;
    execute(url, &format!("GRANT CREATE ON DATABASE {database} TO {maker}; GRANT CREATE ON SCHEMA public TO {maker}"))
        .await;
    let (_, member) = fresh_role(url, "member", &format!("IN ROLE refreshtop_admin, {plain}")).await;
    let (_, noinherit) = fresh_role(url, "noinherit", "NOINHERIT IN ROLE refreshtop_admin").await;
    let (_, authenticator) = fresh_role(url, "authenticator", "NOINHERIT IN ROLE authenticated").await;
    let elsewhere = fresh_database("elsewhere").await;
    let (other, other_url) = fresh_role(url, "other", "").await;
    let elsewhere = elsewhere.rsplit_once('/').expect("a URL with a database").1;
    execute(url, &format!("ALTER DATABASE {elsewhere} OWNER TO {other}")).await;
    let (great, _) = fresh_role(url, "great", "SUPERUSER").await;
    let of_great = definer(url, &great).await;
    let of_mistaken = definer(url, &mistaken).await;
    let end_user =
        |role| format!("SET LOCAL ROLE authenticated; SET LOCAL request.jwt.claims = '{{\"app_role\": \"{role}\"}}'");
    vec![
        Caller::new("S", "superuser", url, ""),
        Caller::new("S1", "superuser after `SET ROLE` to a plain role", url, format!("SET LOCAL ROLE {plain}")),
        Caller::through("S2", "superuser in a `SECURITY DEFINER` function of role A2", url, of_mistaken),
        Caller::through("S3", "role A in a `SECURITY DEFINER` function of a superuser", &plain_url, of_great),
        Caller::new("J", "`refreshtop_job`", url, "SET LOCAL SESSION AUTHORIZATION refreshtop_job"),
        Caller::new("A", "plain role, with what `PUBLIC` has", &plain_url, ""),
        Caller::new("A1", "plain role with `SELECT` on the log by mistake", &selects_url, ""),
        Caller::new(
            "A2",
            "plain role with, by mistake, `SELECT` on the log, the public functions and the application's",
            &mistaken_url,
            "",
        ),
        Caller::new("A3", "`pg_read_all_data`", &reader_url, ""),
        Caller::new("A4", "`pg_write_all_data`", &writer_url, ""),
        Caller::new("A5", "`pg_monitor`", &monitor, ""),
        Caller::new("A6", "`BYPASSRLS`", &bypass, ""),
        Caller::new("A7", "`BYPASSRLS` with `SELECT` on the log by mistake", &both_url, ""),
        Caller::new("B", "role with `CREATE` on the database and on schema public", &maker_url, ""),
        Caller::new("F", "member of `refreshtop_admin`", &member, ""),
        Caller::new("F1", "member after `SET ROLE` to a plain role", &member, format!("SET LOCAL ROLE {plain}")),
        Caller::new("F2", "`NOINHERIT` member", &noinherit, ""),
        Caller::new("F3", "`NOINHERIT` member after `SET ROLE`", &noinherit, "SET LOCAL ROLE refreshtop_admin"),
        Caller::new("G", "end user whom the application admits", &authenticator, end_user("super_admin")),
        Caller::new("G1", "end user whom it denies", &authenticator, end_user("editor")),
        Caller::new("G2", "end user without claims", &authenticator, "SET LOCAL ROLE authenticated"),
        Caller::new("H", "owner of another database", &other_url, ""),
    ]
}

/// A new database of the application. Up to PostgreSQL 14 any role may create in schema public; here only who is let.
async fn app(prefix: &str) -> String {
    let url = fresh_app(prefix).await;
    execute(&url, &make_role("authenticated")).await;
    execute(&url, FROM_JWT).await;
    execute(&url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
    url
}

/// A database that a superuser migrated, in which everything else belongs to somebody else, and everybody in it;
/// besides, who migrated another one, of another cluster, for a managed service.
async fn with_roles() -> (Managed, String, Vec<Caller>) {
    let url = app("everybody").await;
    let (former, former_url) = fresh_role(&url, "former", "").await;
    let (source, source_url) = fresh_role(&url, "source", "").await;
    let (view, view_url) = fresh_role(&url, "view", "").await;
    let (database_owner, database_owner_url) = fresh_role(&url, "dbowner", "").await;
    let (schema_owner, schema_owner_url) = fresh_role(&url, "schemaowner", "").await;
    let database = url.rsplit_once('/').expect("a URL with a database").1;
    execute(
        &url,
        &format!(
            "ALTER DATABASE {database} OWNER TO {database_owner}; ALTER SCHEMA public OWNER TO {schema_owner};
             CREATE TABLE public.metrics_refresh_log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
                 refresh_type varchar(100) NOT NULL, status varchar(20) NOT NULL, duration_ms numeric, error_message text,
                 started_at timestamptz, completed_at timestamptz, created_at timestamptz DEFAULT now());
             INSERT INTO public.metrics_refresh_log (refresh_type, status) VALUES ('platform_metrics', 'error');
             ALTER TABLE public.metrics_refresh_log OWNER TO {former};
             ALTER TABLE public.accounts OWNER TO {source}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {view};
             CREATE MATERIALIZED VIEW public.platform_metrics AS
                 SELECT count(*) AS total_users, 1 AS own_figure, now() AS last_updated FROM public.accounts;
             ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO {view}"
        ),
    )
    .await;
    migrate(&url).await;
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    let managed = Managed::start().await;
    let managed_url = &managed.service_url;

    let mut callers = strangers(&url).await;
    callers.extend([
        Caller::new("A8", "former owner of the log that went aside", &former_url, ""),
        Caller::new("C", "owner of a source table", &source_url, ""),
        Caller::new("D", "owner of the view", &view_url, ""),
        Caller::new("E", "owner of the database", &database_owner_url, ""),
        Caller::new("E1", "owner of schema public", &schema_owner_url, ""),
        Caller::new(
            "M",
            "managed service's role with `CREATEROLE` that migrated a database of its own",
            managed_url,
            "",
        ),
        Caller::new("M1", "the same after `SET ROLE refreshtop_job`", managed_url, "SET LOCAL ROLE refreshtop_job"),
    ]);
    callers.sort_by_key(|caller| ("SMJABCDEFGH".find(&caller.column[..1]), caller.column));
    (managed, url, callers)
}

/// A database whose owner, who can't create roles, migrated it, and everybody in it.
async fn alone() -> (String, Vec<Caller>) {
    // Somebody has made refreshtop_admin, for another database.
    drop(migrated_app("roles").await);
    let url = app("alone").await;
    let (owner, owner_url) = fresh_role(&url, "alone", "").await;
    own_app(&url, &owner).await;
    migrate(&owner_url).await;
    execute(&owner_url, "SELECT public.trigger_platform_metrics_refresh()").await;
    let (plain, plain_url) = fresh_role(&url, "plain", "").await;
    execute(&url, &format!("GRANT {plain} TO {owner}")).await;
    let (_, heir) = fresh_role(&url, "heir", &format!("IN ROLE {owner}")).await;
    let of_owner = definer(&url, &owner).await;
    let mut callers = strangers(&url).await;
    callers.extend([
        Caller::new("M", "owner of the database, who migrated", &owner_url, ""),
        Caller::new("M1", "the same after `SET ROLE` to a plain role", &owner_url, format!("SET LOCAL ROLE {plain}")),
        Caller::new("M2", "member of that role", &heir, ""),
        Caller::through("M3", "role A in a `SECURITY DEFINER` function of that role", &plain_url, of_owner),
    ]);
    callers.sort_by_key(|caller| ("SMJABCDEFGH".find(&caller.column[..1]), caller.column));
    (url, callers)
}

/// The tables of `groups`, after the legend of their columns.
pub(super) async fn tables(callers: &[Caller], groups: &[(&str, &[Operation])]) -> String {
    let mut text = String::from("| column | who |\n|---|---|\n");
    for caller in callers {
        writeln!(text, "| {} | {} |", caller.column, caller.who).unwrap();
    }
    let mut sessions = Vec::new();
    for caller in callers {
        sessions.push(Session::open(&caller.url).await);
    }
    for (title, operations) in groups {
        let head: Vec<_> = callers.iter().map(|caller| caller.column).collect();
        write!(text, "\n### {title}\n\n| operation | {} |\n|---|{}\n", head.join(" | "), "---|".repeat(callers.len()))
            .unwrap();
        for operation in *operations {
            write!(text, "| {} |", operation.name).unwrap();
            for (caller, session) in callers.iter().zip(&sessions) {
                write!(text, " {} |", caller.tries(session, operation).await).unwrap();
            }
            text.push('\n');
        }
    }
    text
}

/// One test at a time writes the document.
static DOCUMENT: Mutex<()> = Mutex::new(());

/// Compares a part of docs/access.md with the server's answers, or writes it.
pub(super) fn compare(part: &str, found: &str) {
    let _guard = DOCUMENT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/access.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- begin {part} -->\n"), format!("<!-- end {part} -->"));
    let (before, rest) = document.split_once(&begin).expect("the part begins");
    let (written, after) = rest.split_once(&end).expect("the part ends");
    if std::env::var_os("REFRESHTOP_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{begin}\n{found}\n{end}{after}")).unwrap();
        return;
    }
    let differ: Vec<String> = found
        .lines()
        .zip(written.trim().lines())
        .filter(|(found, written)| found != written)
        .map(|(found, written)| format!("  server:   {found}\n  document: {written}"))
        .collect();
    assert!(
        differ.is_empty() && found.lines().count() == written.trim().lines().count(),
        "docs/access.md says something else than the server (REFRESHTOP_WRITE_DOCS=1 writes it anew):\n{}",
        differ.join("\n")
    );
}

/// Every function of the installation of `url` has a row.
async fn all_functions_are_tried(url: &str) {
    let names = Session::open(url)
        .await
        .rows("SELECT DISTINCT proname AS name FROM pg_proc WHERE pronamespace = 'refreshtop'::regnamespace")
        .await;
    for name in names.iter().map(|row| row["name"].as_str().unwrap()) {
        let known = FUNCTIONS.iter().any(|operation| operation.name == format!("`{name}`"));
        assert!(known, "function refreshtop.{name} has no row in the matrix");
    }
}

#[tokio::test]
async fn the_document_says_what_everybody_may() {
    let (_managed, url, callers) = with_roles().await;
    all_functions_are_tried(&url).await;
    compare("rights", &tables(&callers, &GROUPS).await);
}

#[tokio::test]
async fn the_document_says_what_everybody_may_where_the_owner_migrated_alone() {
    let (url, callers) = alone().await;
    all_functions_are_tried(&url).await;
    compare("alone", &tables(&callers, &GROUPS).await);
}

#[tokio::test]
async fn the_document_says_who_may_change_the_schedule_in_pg_cron() {
    let url = fresh_app("schedule").await;
    migrate(&url).await;
    let cron_url = cluster().await.url(CRON_DATABASE);
    let database = url.rsplit_once('/').expect("a URL with a database").1;
    // As a superuser's migration schedules it: the job's role, and the contract's command.
    execute(
        &cron_url,
        &format!(
            "GRANT USAGE ON SCHEMA cron TO refreshtop_job;
             SELECT cron.schedule_in_database('refresh-platform-metrics', '0 0 1 1 *',
                 'SELECT public.refresh_platform_metrics_with_logging();', '{database}', 'refreshtop_job')"
        ),
    )
    .await;
    let (_, plain) = fresh_role(&cron_url, "plain", "").await;
    let (_, member) = fresh_role(&cron_url, "member", "IN ROLE refreshtop_admin").await;
    let (_, monitor) = fresh_role(&cron_url, "monitor", "IN ROLE pg_monitor").await;
    let (scheduler, scheduler_url) = fresh_role(&cron_url, "scheduler", "").await;
    execute(&cron_url, &format!("GRANT USAGE ON SCHEMA cron TO {scheduler}")).await;
    let (managed, managed_url) = fresh_role(&cron_url, "managed", "IN ROLE refreshtop_job").await;
    execute(&cron_url, &format!("GRANT USAGE ON SCHEMA cron TO {managed}")).await;
    let callers = [
        Caller::new("S", "superuser", &cron_url, ""),
        Caller::new("J", "`refreshtop_job`", &cron_url, "SET LOCAL SESSION AUTHORIZATION refreshtop_job"),
        Caller::new("M", "managed service's role, a member of `refreshtop_job`", &managed_url, ""),
        Caller::new("M1", "the same after `SET ROLE refreshtop_job`", &managed_url, "SET LOCAL ROLE refreshtop_job"),
        Caller::new("A", "plain role", &plain, ""),
        Caller::new("A5", "`pg_monitor`", &monitor, ""),
        Caller::new("A9", "plain role with `USAGE` on schema `cron`", &scheduler_url, ""),
        Caller::new("F", "member of `refreshtop_admin`", &member, ""),
    ];
    let found = tables(&callers, &[("The job of a superuser's migration", &SCHEDULE)]).await;
    execute(&cron_url, &format!("SELECT cron.unschedule(jobid) FROM cron.job WHERE database = '{database}'")).await;
    compare("schedule", &found);
}
