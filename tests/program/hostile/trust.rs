//! Who looks with great rights runs nobody else's code: a stranger has put it wherever the program looks.
//!
//! His functions say in the server's log who ran them. A table would not do: what is looked at is looked at in
//! transactions that read only.

use crate::support::{
    cluster, execute, fresh_app, fresh_database, fresh_role, migrate, migrated_app, target,
    terminal::{Launch, REFRESHTOP},
};
use refreshtop_core::address::ViewId;
use refreshtop_db::{
    contract::PLATFORM_METRICS,
    error, figures,
    read_transaction::ReadTransaction,
    recent_runs::{self, LogFilter},
    refusal::Refusal,
    snapshot::{self, Kept, Scope},
    statistics,
};
use std::{
    process::{Command, Stdio},
    time::Duration,
};

fn own_view() -> ViewId {
    ViewId::new(PLATFORM_METRICS)
}

/// What a plain role may have been given, and what it makes of it: functions for others to run.
const FUNCTIONS: &str = "
    CREATE SCHEMA trap;
    CREATE FUNCTION trap.spring(p_where text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
        BEGIN RAISE LOG 'SPRUNG in % by % as %: %', current_database(), session_user, current_user, p_where; RETURN true; END$$;
    CREATE FUNCTION trap.answer(p_where text) RETURNS text LANGUAGE sql AS $$SELECT 'success' WHERE trap.spring(p_where)$$;
    GRANT USAGE ON SCHEMA trap TO PUBLIC;
    -- Fits better than PostgreSQL's own.
    CREATE FUNCTION public.to_json(p integer) RETURNS json LANGUAGE sql AS $$SELECT pg_catalog.to_json(p) WHERE trap.spring('to_json')$$;";

const COLUMNS: &str = "gen_random_uuid() AS id, 'platform_metrics'::text AS refresh_type, trap.answer('column') AS status,
    1.0::numeric AS duration_ms, NULL::text AS error_message, now() AS started_at, now() AS completed_at, now() AS created_at,
    NULL::text AS sqlstate, 'manual'::text AS trigger_source, NULL::name AS triggered_by, NULL::text AS application_name,
    NULL::jsonb AS black_box, NULL::jsonb AS measured, NULL::text AS error_detail, NULL::text AS error_hint,
    NULL::text AS error_context, 1 AS backend_pid";

const FIGURES: &str =
    "1 AS total_accounts, 1 AS total_users, 1 AS total_assets, 1 AS total_licenses, 1 AS new_accounts_30d,
    1 AS new_users_30d, 1 AS new_assets_30d, now() AS last_updated";

/// Views under our names.
fn views() -> String {
    format!(
        "CREATE VIEW public.metrics_refresh_log AS SELECT {COLUMNS};
         CREATE VIEW public.platform_metrics AS SELECT {FIGURES} WHERE trap.spring('figures');
         GRANT SELECT ON public.metrics_refresh_log, public.platform_metrics TO PUBLIC;"
    )
}

/// A table and a materialized view under our names, whose owner's code runs when a question about them is planned.
fn tables() -> String {
    format!(
        "CREATE TABLE public.metrics_refresh_log AS SELECT {};
         CREATE INDEX ON public.metrics_refresh_log (created_at) WHERE trap.spring('index of the log');
         CREATE INDEX ON public.metrics_refresh_log ((trap.spring(status)));
         ALTER TABLE public.metrics_refresh_log ADD CHECK (trap.spring('check'));
         CREATE STATISTICS public.log_statistics ON (trap.spring(status)), created_at FROM public.metrics_refresh_log;
         CREATE TABLE public.a_child () INHERITS (public.metrics_refresh_log);
         CREATE INDEX ON public.a_child (created_at) WHERE trap.spring('index of a child');
         CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT {FIGURES};
         CREATE UNIQUE INDEX ON public.platform_metrics (last_updated);
         CREATE INDEX ON public.platform_metrics (total_users) WHERE trap.spring('index of the view');
         GRANT SELECT ON public.metrics_refresh_log, public.platform_metrics TO PUBLIC;",
        COLUMNS.replace("trap.answer('column')", "'success'::text")
    )
}

/// Everything of schema `refreshtop` that is called or read, as this kind of function.
fn schema(security: &str) -> String {
    let function = |signature: &str, returns: &str, body: &str| {
        let name = signature.split('(').next().unwrap();
        format!(
            "CREATE FUNCTION refreshtop.{signature} RETURNS {returns} LANGUAGE plpgsql SECURITY {security} AS $$
                 BEGIN PERFORM trap.spring('{name}'); {body} END$$;"
        )
    };
    let stats = "TABLE (total_refreshes bigint, successful_refreshes bigint, failed_refreshes bigint, success_rate numeric,
        avg_duration_ms numeric, max_duration_ms numeric, min_duration_ms numeric, last_refresh_at timestamptz, last_error text,
        last_success_at timestamptz)";
    let job = "TABLE (schedule text, active boolean, last_status text, last_message text, last_start timestamptz)";
    [
        "CREATE SCHEMA refreshtop; GRANT USAGE ON SCHEMA refreshtop TO PUBLIC;".to_owned(),
        function("stats(a text, b interval)", stats, "RETURN;"),
        function("running(a text DEFAULT '')", "TABLE (pid integer, since timestamptz, application_name text)", "RETURN;"),
        function("cron_settings()", "TABLE (database text, utc_offset integer, readable boolean, launcher boolean)", "RETURN;"),
        function("cron_job(a text)", job, "RETURN;"),
        function("cron_facts()", "jsonb", "RETURN '[]';"),
        function("applied_steps()", "bigint[]", "RETURN '{1}';"),
        function("refresh(a text, b text DEFAULT '')", "jsonb", "RETURN '{\"status\": \"running\"}';"),
        function("cleanup_logs(a integer DEFAULT 1, b integer DEFAULT 1)", "bigint", "RETURN 1;"),
        function("cleanup_logs_older(a interval)", "bigint", "RETURN 1;"),
        function(
            "past_keeping(a interval DEFAULT NULL)",
            "TABLE (refresh_type text, log_rows bigint, oldest timestamptz)",
            "RETURN;",
        ),
        function("is_super_admin()", "boolean", "RETURN true;"),
        function("record_act(a text, b text, c jsonb)", "void", ""),
        function("change_job(a text, b text, c boolean, d boolean DEFAULT false)", "boolean", "RETURN true;"),
        "CREATE VIEW refreshtop.migrations AS SELECT 1::bigint AS version, trap.spring('migrations') AS success;
         CREATE VIEW refreshtop.views AS SELECT 'platform_metrics'::text AS refresh_type, interval '1 day' AS keep_log
             WHERE trap.spring('views');
         CREATE VIEW refreshtop.home AS SELECT 1::bigint AS system_identifier, 1::oid AS database_oid, 'x'::name AS database_name
             WHERE trap.spring('home');
         CREATE VIEW refreshtop.inventory AS SELECT 'x'::text AS kind, 'x'::text AS object, 'x'::text AS detail
             WHERE trap.spring('inventory');
         GRANT SELECT ON ALL TABLES IN SCHEMA refreshtop TO PUBLIC;"
            .to_owned(),
        format!(
            "CREATE FUNCTION public.trigger_platform_metrics_refresh() RETURNS jsonb LANGUAGE sql SECURITY {security} AS
                 $$SELECT '{{}}'::jsonb WHERE trap.spring('public trigger')$$;
             CREATE FUNCTION public.cleanup_old_metrics_logs() RETURNS bigint LANGUAGE sql SECURITY {security} AS
                 $$SELECT 1::bigint WHERE trap.spring('public cleanup')$$;"
        ),
    ]
    .concat()
}

/// A replacement for `pg_cron` if there is none.
const DECOYS: &str = "
    CREATE SCHEMA cron; GRANT USAGE ON SCHEMA cron TO PUBLIC;
    CREATE VIEW cron.job AS SELECT 1::bigint AS jobid, 'refresh-platform-metrics'::text AS jobname, '* * * * *'::text AS schedule,
        trap.answer('job') AS command, true AS active, current_database()::text AS database, 'postgres'::text AS username;
    CREATE VIEW cron.job_run_details AS SELECT 1::bigint AS jobid, 1::bigint AS runid, trap.answer('runs') AS status,
        ''::text AS return_message, now() AS start_time, now() AS end_time, 1 AS job_pid;
    GRANT SELECT ON ALL TABLES IN SCHEMA cron TO PUBLIC;";

/// Commands that only look, and those that do what every administrator may.
const COMMANDS: [&str; 8] = ["status", "stats", "runs", "check", "metrics", "doctor", "trigger", "cleanup"];

/// Lines of the server's log that tell of traps in the database of `url` that somebody else than `stranger` ran into.
async fn sprung(url: &str, stranger: &str) -> Vec<String> {
    let database = url.rsplit_once('/').unwrap().1;
    let log = std::fs::read(cluster().await.log_path()).unwrap();
    let (here, himself) = (format!("SPRUNG in {database} by "), format!("by {stranger} as {stranger}:"));
    let lines = String::from_utf8_lossy(&log).lines().map(str::to_owned).collect::<Vec<_>>();
    lines.into_iter().filter(|line| line.contains(&here) && !line.contains(&himself)).collect()
}

fn run(url: &str, command: &str) -> (i32, String) {
    let mut program = Command::new(REFRESHTOP);
    program.env_clear().env("REFRESHTOP_URL", url).env("HOME", "/nonexistent").arg(command).stdin(Stdio::null());
    let output = program.output().unwrap();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), printed)
}

/// A database in which a stranger may create whatever he likes: the superuser's URL of it, his name and his URL.
async fn with_stranger(url: String) -> (String, String, String) {
    let (name, stranger) = fresh_role(&url, "stranger", "").await;
    let database = url.rsplit_once('/').unwrap().1;
    execute(&url, &format!("GRANT CREATE ON DATABASE {database} TO {name}; GRANT CREATE ON SCHEMA public TO {name}"))
        .await;
    execute(&stranger, FUNCTIONS).await;
    (url, name, stranger)
}

/// Looks with every command and with the monitor; nothing of the stranger's may have run.
async fn nothing_runs(what: &str, url: &str, stranger: &str, words: &str) {
    for command in COMMANDS {
        let (code, printed) = run(url, command);
        assert_eq!(sprung(url, stranger).await, [""; 0], "{what}: {command}: {printed}");
        assert!(code != 0 || command == "metrics", "{what}: {command} found nothing wrong: {printed}");
        assert!(command != "check" || code == 3, "{what}: no verdict is UNKNOWN, not {code}: {printed}");
        let names = !matches!(command, "metrics" | "cleanup" | "trigger");
        assert!(!names || printed.contains(words), "{what}: {command} does not say {words:?}: {printed}");
    }
    // The catalogs can be read whoever owns what they describe.
    let (code, printed) = run(url, "views");
    assert_eq!((code, sprung(url, stranger).await), (0, Vec::new()), "{what}: views: {printed}");
    let mut monitor = Launch::refreshtop(&["--poll", "1s"]).env("REFRESHTOP_URL", url).start();
    monitor.wait_text("not looked at");
    monitor.send("5");
    monitor.wait_text("Migrations");
    drop(monitor);
    assert_eq!(sprung(url, stranger).await, [""; 0], "{what}: the monitor");
}

#[tokio::test]
async fn views_and_tables_under_our_names() {
    for (what, traps) in [("views", views()), ("tables", tables())] {
        let (url, name, stranger) = with_stranger(fresh_database("decoy").await).await;
        execute(&stranger, &traps).await;
        // Where anybody else looks they do run: the traps are real.
        let (_, reader) = fresh_role(&url, "reader", "").await;
        execute(&reader, "SELECT count(*) FROM public.metrics_refresh_log WHERE created_at IS NOT NULL").await;
        assert_ne!(sprung(&url, &name).await, [""; 0], "{what}");
        let (url, name, stranger) = with_stranger(fresh_database("decoy").await).await;
        execute(&stranger, &traps).await;
        nothing_runs(what, &url, &name, &format!("belongs to {name}")).await;
    }
}

#[tokio::test]
async fn a_schema_under_our_name() {
    for security in ["INVOKER", "DEFINER"] {
        let (url, name, stranger) = with_stranger(fresh_app("schema").await).await;
        execute(&stranger, &format!("{}{}{DECOYS}", views(), schema(security))).await;
        nothing_runs(security, &url, &name, "not looked at").await;
        let (code, printed) = run(&url, "trigger");
        assert!(code == 77 && printed.contains(&format!("belongs to {name}")), "{printed}");
        let (code, printed) = run(&url, "cleanup");
        assert!(code == 77 && printed.contains(&format!("belongs to {name}")), "{printed}");
    }
}

#[tokio::test]
async fn an_installation_of_a_lesser_role() {
    let url = fresh_app("lesser").await;
    // That of an administrator who made one before.
    execute(
        &url,
        "DO $$BEGIN CREATE ROLE refreshtop_admin NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END$$",
    )
    .await;
    let (owner, owner_url) = fresh_role(&url, "lesser", "").await;
    let database = url.rsplit_once('/').unwrap().1;
    execute(&url, &format!("ALTER DATABASE {database} OWNER TO {owner}; ALTER SCHEMA public OWNER TO {owner}")).await;
    for table in ["accounts", "accounts_memberships", "assets", "software_licenses"] {
        execute(&url, &format!("ALTER TABLE public.{table} OWNER TO {owner}")).await;
    }
    migrate(&owner_url).await;
    execute(&owner_url, FUNCTIONS).await;
    execute(
        &owner_url,
        "CREATE OR REPLACE FUNCTION refreshtop.cron_settings() RETURNS TABLE (database text, utc_offset integer, readable boolean, launcher boolean)
             LANGUAGE sql SECURITY INVOKER AS $$SELECT current_database()::text, 0, true, true WHERE trap.spring('cron_settings')$$;
         CREATE INDEX ON public.metrics_refresh_log (created_at) WHERE trap.spring('index')",
    )
    .await;
    let (_, admin) = fresh_role(&url, "oncall", "IN ROLE refreshtop_admin").await;
    nothing_runs("lesser", &url, &owner, "CREATE ROLE oncall LOGIN PASSWORD").await;
    // The role that the sentence recommends has access.
    let (_, printed) = run(&admin, "trigger");
    assert!(printed.contains("refreshed in"), "{printed}");
    let (code, printed) = run(&admin, "status");
    assert!(code == 0 && printed.contains("1 of 1 ok"), "{printed}");
}

#[tokio::test]
async fn what_is_replaced_between_the_gate_and_the_question() {
    let (url, name, stranger) = with_stranger(migrated_app("race").await).await;
    let mut session = crate::support::open(&url).await;
    let look = ReadTransaction::begin(&mut session).await.unwrap();
    assert_eq!(recent_runs::recent_runs(&look, &own_view(), LogFilter::All, 1).await.unwrap(), []);
    drop(look);
    let look = ReadTransaction::begin(&mut session).await.unwrap();
    execute(&url, "ALTER TABLE public.metrics_refresh_log RENAME TO the_log").await;
    execute(
        &stranger,
        &tables()
            .replace("CREATE MATERIALIZED VIEW public.platform_metrics", "CREATE MATERIALIZED VIEW public.other")
            .replace("ON public.platform_metrics", "ON public.other")
            .replace(", public.platform_metrics TO", " TO"),
    )
    .await;
    let failure = recent_runs::recent_runs(&look, &own_view(), LogFilter::All, 1).await.unwrap_err();
    assert_eq!(sprung(&url, &name).await, [""; 0], "{failure}");
    let Some(Refusal::Stranger(why)) = error::refusal(&failure) else { panic!("{failure:?}") };
    assert!(why.reason.contains("public.metrics_refresh_log was replaced at this moment"), "{why:?}");
    assert!(!error::is_missing(&failure));
    // The look goes on.
    assert!(statistics::statistics(&look, &own_view(), Some(Duration::from_mins(1))).await.is_ok());
}

#[tokio::test]
async fn what_comes_into_being_after_the_gate() {
    let (url, name, stranger) = with_stranger(fresh_app("late").await).await;
    let mut session = crate::support::open(&url).await;
    let look = ReadTransaction::begin(&mut session).await.unwrap();
    execute(&stranger, &format!("{}{}", views(), schema("INVOKER"))).await;
    let failures = [
        recent_runs::recent_runs(&look, &own_view(), LogFilter::All, 1).await.unwrap_err(),
        statistics::statistics(&look, &own_view(), Some(Duration::from_mins(1))).await.unwrap_err(),
        figures::figures(&look).await.unwrap_err(),
    ];
    assert_eq!(sprung(&url, &name).await, [""; 0]);
    assert!(failures.iter().all(error::is_missing), "{failures:?}");
}

#[tokio::test]
async fn a_session_that_comes_by_great_rights_looks_before_it_reads() {
    let (url, name, stranger) = with_stranger(fresh_app("promoted").await).await;
    let (role, of_role) = fresh_role(&url, "promoted", "").await;
    let scope = Scope { window: Some(Duration::from_mins(1)), runs: 1, errors: 1, board: false };
    let mut app = Kept::open(&target(&of_role), "test").await.unwrap();
    for _ in 0..2 {
        snapshot::read(&mut app, &own_view(), &scope).await.unwrap();
    }
    execute(&url, &format!("ALTER ROLE {role} SUPERUSER")).await;
    execute(&stranger, &format!("{}{}", views(), schema("INVOKER"))).await;
    for _ in 0..3 {
        let read = snapshot::read(&mut app, &own_view(), &scope).await.unwrap().complete();
        assert!(read.figures.is_err() && read.stats.is_err(), "{read:?}");
    }
    assert_eq!(sprung(&url, &name).await, [""; 0]);
    // And back.
    execute(&url, &format!("ALTER ROLE {role} NOSUPERUSER")).await;
    snapshot::read(&mut app, &own_view(), &scope).await.unwrap();
}

#[tokio::test]
async fn a_session_that_keeps_its_question_asks_it_each_time() {
    let (url, name, stranger) = with_stranger(migrated_app("kept").await).await;
    let scope = Scope { window: Some(Duration::from_mins(1)), runs: 1, errors: 1, board: false };
    let mut app = Kept::open(&target(&url), "test").await.unwrap();
    app.set_direct();
    let names = "SELECT name FROM pg_prepared_statements WHERE from_sql";
    for poll in 0..4 {
        let read = snapshot::read(&mut app, &own_view(), &scope).await.unwrap().complete();
        assert!(read.stats.is_ok() && read.figures.is_ok(), "{read:?}");
        let kept = app.session.query(names, &[]).await.unwrap().len();
        assert_eq!(kept, usize::from(poll > 0), "from the second poll on");
    }
    // A pooler gives the next transaction another session, and then the first one again.
    app.session.run("DEALLOCATE ALL").await.unwrap();
    for _ in 0..3 {
        let read = snapshot::read(&mut app, &own_view(), &scope).await.unwrap().complete();
        assert!(read.stats.is_ok() && read.figures.is_ok(), "{read:?}");
    }
    // What the kept question says is of now.
    execute(&url, &format!("ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO {name}")).await;
    execute(&stranger, "CREATE INDEX ON public.platform_metrics (total_accounts) WHERE trap.spring('kept')").await;
    let before = sprung(&url, &name).await.len();
    let read = snapshot::read(&mut app, &own_view(), &scope).await.unwrap().complete();
    assert!(read.figures.unwrap_err().reason.contains("belongs to"));
    assert_eq!(sprung(&url, &name).await.len(), before);
}
