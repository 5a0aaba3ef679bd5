//! Every role and every operation: docs/access.md says what a real server answers. `REFRESHTOP_WRITE_DOCS=1` writes the
//! document anew; without it, what it says is compared.

use crate::{
    FROM_JWT, make_role, mistaken_grants,
    support::{
        CRON_DATABASE, cluster, execute, fresh_app, fresh_role, migrate, owned_app_adopting, session::Session, target,
    },
};
use std::{fmt::Write as _, path::PathBuf, sync::Mutex};
use tokio_postgres::SimpleQueryMessage;

/// Who tries: what the document says of it, its URL, what it does first, and the function through which it goes.
struct Caller {
    who: &'static str,
    url: String,
    enter: String,
    through: Option<String>,
}

impl Caller {
    fn new(who: &'static str, url: &str, enter: impl Into<String>) -> Self {
        Self { who, url: url.to_owned(), enter: enter.into(), through: None }
    }

    fn through(who: &'static str, url: &str, function: String) -> Self {
        Self { who, url: url.to_owned(), enter: String::new(), through: Some(function) }
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
struct Operation {
    name: &'static str,
    sql: &'static str,
    counts: bool,
}

const fn rows(name: &'static str, sql: &'static str) -> Operation {
    Operation { name, sql, counts: true }
}

const fn act(name: &'static str, sql: &'static str) -> Operation {
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
    ("Functions of schema refreshtop", &FUNCTIONS),
    (
        "Tables of schema refreshtop",
        &[
            rows("`SELECT` from `audit`", "SELECT * FROM refreshtop.audit"),
            rows(
                "`INSERT` into `audit`",
                "INSERT INTO refreshtop.audit (action, outcome, caller, login_role) VALUES ('x', 'x', 'x', 'x')",
            ),
            rows("`DELETE` from `audit`", "DELETE FROM refreshtop.audit"),
            rows("`SELECT` from `views`", "SELECT * FROM refreshtop.views"),
            rows("`UPDATE` of `views`", "UPDATE refreshtop.views SET lock_timeout = '1 s'"),
            rows("`SELECT` from `ledger`", "SELECT * FROM refreshtop.ledger"),
            rows("`INSERT` into `ledger`", "INSERT INTO refreshtop.ledger (version, undo) VALUES (99, 'SELECT 1')"),
            rows("`SELECT` from `schedule_ledger`", "SELECT * FROM refreshtop.schedule_ledger"),
            rows("`SELECT` from `migrations`", "SELECT * FROM refreshtop.migrations"),
        ],
    ),
    (
        "Changing what is there",
        &[
            act(
                "`ALTER TABLE` the log",
                "ALTER TABLE public.metrics_refresh_log ALTER duration_ms SET DEFAULT random()",
            ),
            act("`DROP TABLE` the log", "DROP TABLE public.metrics_refresh_log"),
            act(
                "`CREATE TRIGGER` on the log",
                "CREATE TRIGGER planted BEFORE INSERT ON public.metrics_refresh_log
                 FOR EACH ROW EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
            ),
            act("`CREATE POLICY` on the log", "CREATE POLICY planted ON public.metrics_refresh_log USING (true)"),
            act("`DROP POLICY` of the log", "DROP POLICY refreshtop_nobody_else ON public.metrics_refresh_log"),
            act("Row security off", "ALTER TABLE public.metrics_refresh_log DISABLE ROW LEVEL SECURITY"),
            act("`CREATE INDEX` on the view", "CREATE INDEX ON public.platform_metrics (total_users)"),
            act("`DROP` the view", "DROP MATERIALIZED VIEW public.platform_metrics"),
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
const FUNCTIONS: [Operation; 30] = [
    rows("`acl_sql`", "SELECT refreshtop.acl_sql('TABLE', 'public.accounts', NULL)"),
    rows("`application_decides`", "SELECT refreshtop.application_decides()"),
    rows("`application_function`", "SELECT refreshtop.application_function()"),
    rows("`application_owner_is_trusted`", "SELECT refreshtop.application_owner_is_trusted()"),
    rows("`applied_steps`", "SELECT refreshtop.applied_steps()"),
    rows("`ask_application`", "SELECT refreshtop.ask_application()"),
    rows("`attempt_slots`", "SELECT refreshtop.attempt_slots('platform_metrics')"),
    rows("`black_box`", "SELECT refreshtop.black_box('public.platform_metrics'::regclass)"),
    rows("`caller`", "SELECT refreshtop.caller()"),
    rows("`cleanup_logs`", "SELECT refreshtop.cleanup_logs()"),
    rows("`cron_facts`", "SELECT refreshtop.cron_facts()"),
    act("`cron_job`", "SELECT * FROM refreshtop.cron_job()"),
    rows("`cron_settings`", "SELECT * FROM refreshtop.cron_settings()"),
    rows("`is_super_admin`", "SELECT refreshtop.is_super_admin()"),
    rows("`log_lost_attempts`", "SELECT refreshtop.log_lost_attempts('platform_metrics', '{}')"),
    act("`measure`", "SELECT refreshtop.measure()"),
    act("`outlast_cancel`", "SELECT refreshtop.outlast_cancel()"),
    rows("`note_undo`", "SELECT refreshtop.note_undo(99, 'SELECT 1')"),
    rows("`record_act`", "SELECT refreshtop.record_act('forged', 'success', NULL)"),
    rows("`record_mend`", "SELECT refreshtop.record_mend('forged', 'app', 'SELECT 1', 'success')"),
    rows("`refresh`", "SELECT * FROM refreshtop.refresh('platform_metrics') r WHERE r ->> 'status' = 'success'"),
    rows("`relations`", "SELECT * FROM refreshtop.relations('public.platform_metrics'::regclass)"),
    rows("`require_super_admin`", "SELECT refreshtop.require_super_admin('pass')"),
    act("`running`", "SELECT * FROM refreshtop.running()"),
    rows("`session_source`", "SELECT refreshtop.session_source()"),
    rows("`stats`", "SELECT * FROM refreshtop.stats('platform_metrics', '1 day')"),
    rows("`strip_grants`", "SELECT refreshtop.strip_grants('TABLE', 'public.accounts', 10, NULL)"),
    rows("`strip_relation`", "SELECT refreshtop.strip_relation('public.platform_metrics')"),
    rows("`strip_routine`", "SELECT refreshtop.strip_routine('public.is_super_admin()')"),
    rows("`undo`", "SELECT refreshtop.undo(99)"),
];

/// In the database where `pg_cron` lives, over a job that a superuser's migration put there.
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
                 EXECUTE 'GRANT USAGE ON SCHEMA public, refreshtop TO {role}';
                 EXECUTE 'GRANT SELECT ON ALL TABLES IN SCHEMA public, refreshtop TO {role}';
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
                 EXECUTE 'GRANT USAGE ON SCHEMA public, refreshtop TO {role}';
                 EXECUTE 'GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, refreshtop TO {role}';
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

/// A database whose log a plain role had made, migrated by an owner without a superuser's rights, and everybody in it.
async fn everybody() -> (String, Vec<Caller>) {
    let url = fresh_app("everybody").await;
    execute(&url, &make_role("authenticated")).await;
    execute(&url, FROM_JWT).await;
    let (former, former_url) = fresh_role(&url, "former", "").await;
    execute(&url, &format!("GRANT USAGE, CREATE ON SCHEMA public TO {former}")).await;
    execute(
        &former_url,
        "CREATE TABLE public.metrics_refresh_log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
             refresh_type varchar(100) NOT NULL, status varchar(20) NOT NULL, duration_ms numeric, error_message text,
             started_at timestamptz, completed_at timestamptz, created_at timestamptz DEFAULT now())",
    )
    .await;
    let (owner, owner_url) = owned_app_adopting(&url, &former).await;
    execute(
        &url,
        "SELECT public.trigger_platform_metrics_refresh();
         INSERT INTO refreshtop.schedule_ledger (cron_database, act, undo) VALUES ('postgres', 'x', 'SELECT 1')",
    )
    .await;

    let (plain, plain_url) = fresh_role(&url, "plain", "").await;
    execute(&url, &format!("GRANT {plain} TO {owner}")).await;
    let (_, member) = fresh_role(&url, "member", "IN ROLE refreshtop_admin").await;
    let (_, noinherit) = fresh_role(&url, "noinherit", "NOINHERIT IN ROLE refreshtop_admin").await;
    let (_, authenticator) = fresh_role(&url, "authenticator", "NOINHERIT IN ROLE authenticated").await;
    let (selects, selects_url) = fresh_role(&url, "selects", "").await;
    execute(&url, &format!("GRANT SELECT ON public.metrics_refresh_log TO {selects}")).await;
    let (mistaken, mistaken_url) = fresh_role(&url, "mistaken", "").await;
    execute(&url, &mistaken_grants(&mistaken)).await;
    let (reader, reader_url) = fresh_role(&url, "reader", "").await;
    reads_all(&url, &reader).await;
    let (writer, writer_url) = fresh_role(&url, "writer", "").await;
    writes_all(&url, &writer).await;
    let (_, monitor) = fresh_role(&url, "monitor", "IN ROLE pg_monitor").await;
    let (_, statistics) = fresh_role(&url, "statistics", "IN ROLE pg_read_all_stats").await;
    let (_, bypass) = fresh_role(&url, "bypass", "BYPASSRLS").await;
    let (both, both_url) = fresh_role(&url, "both", "BYPASSRLS").await;
    execute(&url, &format!("GRANT SELECT ON public.metrics_refresh_log TO {both}")).await;
    let of_owner = definer(&url, &owner).await;
    let of_mistaken = definer(&url, &mistaken).await;

    let end_user =
        |role| format!("SET LOCAL ROLE authenticated; SET LOCAL request.jwt.claims = '{{\"app_role\": \"{role}\"}}'");
    let callers = vec![
        Caller::new("superuser", &url, ""),
        Caller::new("owner of the installation, no superuser", &owner_url, ""),
        Caller::new("owner after `SET ROLE` to a plain role", &owner_url, format!("SET LOCAL ROLE {plain}")),
        Caller::new("owner after `SET ROLE` and back", &owner_url, format!("SET LOCAL ROLE {plain}; RESET ROLE")),
        Caller::new("member of `refreshtop_admin`", &member, ""),
        Caller::new("`NOINHERIT` member of it", &noinherit, ""),
        Caller::new("`NOINHERIT` member after `SET ROLE`", &noinherit, "SET LOCAL ROLE refreshtop_admin"),
        Caller::new(
            "end user whom the application's `is_super_admin()` admits",
            &authenticator,
            end_user("super_admin"),
        ),
        Caller::new("end user whom it denies", &authenticator, end_user("editor")),
        Caller::new("plain role, with what `PUBLIC` has", &plain_url, ""),
        Caller::new("plain role with `SELECT` on the log by mistake", &selects_url, ""),
        Caller::new("plain role with `SELECT` on the log and every function by mistake", &mistaken_url, ""),
        Caller::new("`pg_read_all_data`", &reader_url, ""),
        Caller::new("`pg_monitor`", &monitor, ""),
        Caller::new("`pg_read_all_stats`", &statistics, ""),
        Caller::new("former owner of an adopted log", &former_url, ""),
        Caller::new("`BYPASSRLS`", &bypass, ""),
        Caller::new("`BYPASSRLS` with `SELECT` on the log by mistake", &both_url, ""),
        Caller::through("plain role in a `SECURITY DEFINER` function of the owner", &plain_url, of_owner),
        Caller::through("superuser in a `SECURITY DEFINER` function of role L", &url, of_mistaken),
        Caller::new("`pg_write_all_data`", &writer_url, ""),
    ];
    (url, callers)
}

/// The letter of the column with this number.
fn letter(column: usize) -> char {
    char::from(b'A' + u8::try_from(column).expect("few columns"))
}

/// The tables of `groups`, after the legend of their columns.
async fn tables(callers: &[Caller], groups: &[(&str, &[Operation])]) -> String {
    let mut text = String::from("| column | who |\n|---|---|\n");
    for (column, caller) in callers.iter().enumerate() {
        writeln!(text, "| {} | {} |", letter(column), caller.who).unwrap();
    }
    let mut sessions = Vec::new();
    for caller in callers {
        sessions.push(Session::open(&caller.url).await);
    }
    for (title, operations) in groups {
        let head: Vec<String> = (0..callers.len()).map(|column| letter(column).to_string()).collect();
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

/// Compares a part of docs/access.md with what the server said, or writes it.
fn compare(part: &str, found: &str) {
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

#[tokio::test]
async fn the_document_says_what_everybody_may() {
    let (url, callers) = everybody().await;
    let names = Session::open(&url)
        .await
        .rows("SELECT DISTINCT proname AS name FROM pg_proc WHERE pronamespace = 'refreshtop'::regnamespace")
        .await;
    for name in names.iter().map(|row| row["name"].as_str().unwrap()) {
        let known = FUNCTIONS.iter().any(|operation| operation.name == format!("`{name}`"));
        assert!(known, "function refreshtop.{name} has no row in the matrix");
    }
    compare("rights", &tables(&callers, &GROUPS).await);
}

#[tokio::test]
async fn the_document_says_who_may_change_the_schedule_in_pg_cron() {
    let url = fresh_app("schedule").await;
    migrate(&url).await;
    refreshtop::command::migrate::up(&target(&url)).await.unwrap();
    let cron_url = cluster().await.url(CRON_DATABASE);
    let (_, plain) = fresh_role(&cron_url, "plain", "").await;
    let (_, member) = fresh_role(&cron_url, "member", "IN ROLE refreshtop_admin").await;
    let (_, monitor) = fresh_role(&cron_url, "monitor", "IN ROLE pg_monitor").await;
    let (scheduler, scheduler_url) = fresh_role(&cron_url, "scheduler", "").await;
    execute(&cron_url, &format!("GRANT USAGE ON SCHEMA cron TO {scheduler}")).await;
    let callers = [
        Caller::new("superuser", &cron_url, ""),
        Caller::new("member of `refreshtop_admin`", &member, ""),
        Caller::new("plain role", &plain, ""),
        Caller::new("`pg_monitor`", &monitor, ""),
        Caller::new("plain role with `USAGE` on schema `cron`", &scheduler_url, ""),
    ];
    let found = tables(&callers, &[("The job of a superuser's migration", &SCHEDULE)]).await;
    refreshtop::command::migrate::down(&target(&url), 0).await.unwrap();
    compare("schedule", &found);
}
