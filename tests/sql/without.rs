//! Databases that have not the four tables of `platform_metrics`: everything else is installed, and it can come later.
//! The migrations as a script of SQL.

use crate::support::{
    self, CRON_DATABASE, SMALL_APP, client, cluster, execute, fresh_database, listed, open, schema::schema, steps,
    target, value,
};
use refreshtop::command::{Failure, migrate};
use refreshtop_connect::Limits;
use refreshtop_core::{address::ViewId, exit};
use refreshtop_db::{
    default_view::{self, Choice},
    diagnosis::{Options, Sessions},
    migrate::{MigrateError, With},
    session::Session,
};
use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

/// The step of `platform_metrics`.
const PART: i64 = 11;
const LEFT_OUT: &str = "platform_metrics is left out: tables public.accounts, public.accounts_memberships, \
                        public.assets and public.software_licenses are missing; if its tables come later, run \
                        refreshtop migrate again";

async fn up(url: &str) -> Vec<String> {
    let lines = migrate::up(&target(url)).await.unwrap_or_else(|error| panic!("{error}"));
    support::pause_jobs(url).await;
    lines
}

async fn down(url: &str, to: i64) -> Vec<String> {
    migrate::down(&target(url), to).await.unwrap_or_else(|error| panic!("{error}"))
}

fn without_part() -> Vec<i64> {
    steps(1).into_iter().filter(|step| *step != PART).collect()
}

/// A database of a shop: a table, and a view of its own.
async fn shop(prefix: &str) -> String {
    let url = fresh_database(prefix).await;
    execute(
        &url,
        "CREATE TABLE public.orders (id bigint PRIMARY KEY, total numeric NOT NULL);
         INSERT INTO public.orders SELECT n, n FROM generate_series(1, 10) n;
         CREATE MATERIALIZED VIEW public.sales AS SELECT id, total FROM public.orders;
         CREATE UNIQUE INDEX ON public.sales (id)",
    )
    .await;
    url
}

/// The jobs of the database of `url`: name and command.
async fn jobs(url: &str) -> Vec<(String, String)> {
    let cluster = cluster().await;
    if !cluster.has_cron() {
        return Vec::new();
    }
    let database = url.rsplit_once('/').unwrap().1;
    let sql = "SELECT split_part(jobname, '@', 1), command FROM cron.job WHERE database = $1 ORDER BY 1";
    let rows = client(&cluster.url(CRON_DATABASE)).await.query(sql, &[&database]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

fn job(name: &str, command: &str) -> (String, String) {
    (name.to_owned(), command.to_owned())
}

/// Lets psql run `script` in the database of `url`, in one transaction if `whole`.
fn psql(url: &str, script: &str, whole: bool) -> Output {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]).args(whole.then_some("-1")).args(["-d", url, "-f", "-"]);
    let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = psql.stdin.take().unwrap();
    let script = script.to_owned();
    let writer = std::thread::spawn(move || {
        // Ignore the error: it stops reading at the first failure.
        let _ = input.write_all(script.as_bytes());
    });
    let output = psql.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

#[tokio::test]
async fn any_database_gets_everything_but_platform_metrics() {
    let url = shop("shop").await;
    let before = schema(&url).await;
    let lines = up(&url).await;
    assert_eq!(lines[..2], [format!("applied steps {}", listed(without_part())), LEFT_OUT.to_owned()]);
    let status = migrate::status(&target(&url)).await.unwrap();
    let left_out = status.lines().find(|line| line.starts_with("0011")).unwrap();
    assert!(left_out.contains("optional, left out: tables public.accounts, "), "{status}");
    assert_eq!(status.matches("applied 20").count(), without_part().len(), "{status}");
    assert!(!status.contains("pending"), "{status}");

    let once = schema(&url).await;
    let acts: i64 = value(&url, "SELECT count(*) FROM refreshtop.audit").await;
    assert_eq!(up(&url).await[..2], ["the database is up to date".to_owned(), LEFT_OUT.to_owned()]);
    assert_eq!(schema(&url).await, once);
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM refreshtop.audit").await, acts);
    // What others have dropped comes back here too.
    execute(&url, "DROP FUNCTION refreshtop.stats(text, interval)").await;
    let again = up(&url).await;
    assert!(again[0].contains("put back what was missing or changed: ") && again[0].contains("refreshtop.stats"));
    assert_eq!(schema(&url).await, once);

    assert_eq!(value::<i64>(&url, "SELECT refreshtop.cleanup_logs()").await, 0);
    let announced = migrate::announce_down(&target(&url), 0).await.unwrap().unwrap();
    assert!(!announced.contains("platform_metrics"), "{announced}");
    down(&url, 0).await;
    assert_eq!(schema(&url).await, before);
    assert!(jobs(&url).await.is_empty());
}

#[tokio::test]
async fn the_job_that_cleans_up_needs_no_platform_metrics_in_pg_cron() {
    let cleanup = |command| job("cleanup-metrics-logs", command);
    let (alone, contract) = ("SELECT refreshtop.cleanup_logs();", "SELECT public.cleanup_old_metrics_logs();");
    let url = shop("cleanup").await;
    up(&url).await;
    assert_eq!(jobs(&url).await, [cleanup(alone)]);
    let found = Sessions::to_diagnose(&target(&url))
        .await
        .unwrap()
        .diagnose(&[ViewId::new("platform_metrics")], &Options::default())
        .await;
    let check = found.checks.iter().find(|check| check.id == "cleanup-job").unwrap();
    assert!(!check.finding.contains("another command"), "{}", check.finding);

    // It keeps its schedule when the contract's function comes, and is gone after a rollback.
    let cron = cluster().await.url(CRON_DATABASE);
    let database = url.rsplit_once('/').unwrap().1;
    let alter =
        format!("SELECT cron.alter_job(jobid, schedule := '7 3 * * *') FROM cron.job WHERE database = '{database}'");
    execute(&cron, &alter).await;
    execute(&url, SMALL_APP).await;
    let lines = up(&url).await;
    assert!(lines.iter().any(|line| line.contains("runs SELECT public.cleanup_old_metrics_logs() now")), "{lines:?}");
    let refresh = job("refresh-platform-metrics", "SELECT public.refresh_platform_metrics_with_logging();");
    assert_eq!(jobs(&url).await, [cleanup(contract), refresh]);
    let kept = format!("SELECT schedule FROM cron.job WHERE database = '{database}' AND command LIKE '%cleanup%'");
    assert_eq!(value::<String>(&cron, &kept).await, "7 3 * * *");
    down(&url, 0).await;
    assert!(jobs(&url).await.is_empty());
}

#[tokio::test]
async fn platform_metrics_comes_when_its_tables_do() {
    let url = shop("later").await;
    up(&url).await;
    execute(&url, SMALL_APP).await;
    let before = migrate::status(&target(&url)).await.unwrap();
    assert!(before.lines().any(|line| line.starts_with("0011") && line.ends_with("pending")), "{before}");
    assert_eq!(up(&url).await[0], format!("applied step {PART}"));
    let status: String = value(&url, "SELECT public.trigger_platform_metrics_refresh() ->> 'status'").await;
    assert_eq!(status, "success");
    assert_eq!(up(&url).await[0], "the database is up to date");

    // From now on it belongs to the installation.
    execute(&url, "DROP TABLE public.assets CASCADE").await;
    let why = migrate::up(&target(&url)).await.unwrap_err().to_string();
    assert!(why.contains("table public.assets is missing"), "{why}");
    down(&url, 10).await;
    let lines = up(&url).await;
    assert_eq!(lines[0], "applied steps 12, 13");
    assert!(lines[1].starts_with("platform_metrics is left out: table public.assets is missing; "), "{lines:?}");
    down(&url, 0).await;
}

#[tokio::test]
async fn platform_metrics_can_be_asked_for() {
    let url = shop("asked").await;
    let before = schema(&url).await;
    let error = migrate::up_with(&target(&url), With::PlatformMetrics).await.unwrap_err();
    assert!(matches!(error, MigrateError::Preflight(_)));
    let text = error.to_string();
    assert!(text.starts_with("nothing was changed:\n  - table public.accounts is missing"), "{text}");
    assert_eq!(Failure::from(error).code, exit::FAILURE);
    assert_eq!(schema(&url).await, before);
    execute(&url, SMALL_APP).await;
    let lines = migrate::up_with(&target(&url), With::PlatformMetrics).await.unwrap();
    assert_eq!(lines[0], format!("applied steps {}", listed(steps(1))));
    down(&url, 0).await;
}

#[tokio::test]
async fn tables_that_do_not_fit_are_left_alone_and_named() {
    let url = fresh_database("misfit").await;
    execute(&url, SMALL_APP).await;
    execute(&url, "ALTER TABLE public.accounts DROP COLUMN created_at").await;
    let lines = up(&url).await;
    let wanted = "platform_metrics is left out: table public.accounts has no column created_at; ";
    assert!(lines[1].starts_with(wanted), "{lines:?}");
    down(&url, 0).await;

    // A role that may not read them.
    execute(&url, "ALTER TABLE public.accounts ADD COLUMN created_at timestamptz").await;
    let (name, role) = support::fresh_role(&url, "lesser", "").await;
    let database = url.rsplit_once('/').unwrap().1;
    execute(
        &url,
        &format!(
            "GRANT CREATE, TEMPORARY ON DATABASE {database} TO {name}; GRANT USAGE, CREATE ON SCHEMA public TO {name}"
        ),
    )
    .await;
    let before = schema(&url).await;
    let lines = migrate::up(&target(&role)).await.unwrap_or_else(|error| panic!("{error}"));
    let wanted = format!("platform_metrics is left out: role {name} may not read public.accounts; ");
    assert!(lines[1].starts_with(&wanted), "{lines:?}");
    down(&role, 0).await;
    assert_eq!(schema(&url).await, before);
}

/// Without `platform_metrics` nothing of ours has these names.
#[tokio::test]
async fn what_has_the_names_of_platform_metrics_stays_where_it_is() {
    let url = shop("names").await;
    execute(
        &url,
        "CREATE TABLE public.platform_metrics (day date);
         CREATE FUNCTION public.cleanup_old_metrics_logs() RETURNS void LANGUAGE sql AS 'SELECT';
         CREATE FUNCTION public.get_metrics_refresh_stats(p_hours integer DEFAULT 24) RETURNS integer LANGUAGE sql
             AS 'SELECT p_hours'",
    )
    .await;
    let before = schema(&url).await;
    up(&url).await;
    assert_eq!(value::<i32>(&url, "SELECT public.get_metrics_refresh_stats()").await, 24);
    execute(
        &url,
        "CREATE OR REPLACE FUNCTION public.cleanup_old_metrics_logs() RETURNS void LANGUAGE sql AS 'SELECT 1'",
    )
    .await;
    assert_eq!(up(&url).await[0], "the database is up to date", "their functions are not ours to watch");
    execute(&url, "CREATE OR REPLACE FUNCTION public.cleanup_old_metrics_logs() RETURNS void LANGUAGE sql AS 'SELECT'")
        .await;
    let text = migrate::up_with(&target(&url), With::PlatformMetrics).await.unwrap_err().to_string();
    assert!(text.contains("public.platform_metrics exists and is not a materialized view"), "{text}");
    down(&url, 0).await;
    assert_eq!(schema(&url).await, before);
}

#[tokio::test]
async fn the_only_view_is_meant_if_none_is_named() {
    let url = shop("meant").await;
    up(&url).await;
    let mut session = Session::open(&target(&url), "test", &Limits::READING).await.unwrap();
    assert_eq!(default_view::choose(&mut session).await.unwrap(), Choice::Nothing);
    for (name, wanted) in [
        ("sales", Choice::View(ViewId::new("sales"))),
        ("stock", Choice::Several(vec!["sales".into(), "stock".into()])),
        ("platform_metrics", Choice::View(ViewId::new("platform_metrics"))),
    ] {
        execute(&url, &format!("INSERT INTO refreshtop.views (refresh_type, view_name) VALUES ('{name}', '{name}')"))
            .await;
        assert_eq!(default_view::choose(&mut session).await.unwrap(), wanted, "{name}");
    }
}

#[tokio::test]
async fn a_diagnosis_finds_no_fault_in_what_is_left_out() {
    let url = shop("diagnosed").await;
    up(&url).await;
    let found = Sessions::to_diagnose(&target(&url))
        .await
        .unwrap()
        .diagnose(&[ViewId::new("platform_metrics")], &Options::default())
        .await;
    let text = format!("{found:?}");
    assert!(text.contains("platform_metrics is left out"), "{text}");
    for id in ["unique-index", "source-security", "refresh-job", "plan"] {
        assert!(!found.checks.iter().any(|check| check.id == id), "{id}: {text}");
    }
}

#[tokio::test]
async fn the_script_installs_what_the_program_does() {
    for (with, steps) in [(false, without_part()), (true, steps(1))] {
        let url = if with { support::fresh_app("script").await } else { shop("script").await };
        let twin = if with { support::fresh_app("twin").await } else { shop("twin").await };
        let before = schema(&url).await;
        let script = refreshtop_db::migrate::install(with);
        let ran = psql(&url, &script, true);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let status = migrate::status(&target(&url)).await.unwrap();
        assert_eq!(status.matches("applied 20").count(), steps.len(), "{status}");
        assert!(!status.contains("pending"), "{status}");
        let mut session = open(&twin).await;
        refreshtop_db::migrate::up(&mut session).await.unwrap();
        assert_eq!(schema(&url).await, schema(&twin).await);
        let inventory = "SELECT md5(string_agg(i::text, ',' ORDER BY i::text)) FROM refreshtop.inventory i";
        assert_eq!(value::<String>(&url, inventory).await, value::<String>(&twin, inventory).await);
        let noted = "SELECT string_agg(concat_ws(' ', version, description, success, checksum), ',' ORDER BY version)
                     FROM refreshtop.migrations";
        assert_eq!(value::<String>(&url, noted).await, value::<String>(&twin, noted).await);
        let audited = "SELECT (detail -> 'steps')::text FROM refreshtop.audit
                       WHERE action = 'migrate up' AND outcome = 'success'";
        assert_eq!(value::<String>(&url, audited).await, format!("[{}]", listed(steps.iter().copied())));

        let once = schema(&url).await;
        // But for the jobs, which are not in the script.
        assert_eq!(up(&url).await[0], "the database is up to date");
        assert_eq!(schema(&url).await, once);
        if with {
            let status: String = value(&url, "SELECT public.trigger_platform_metrics_refresh() ->> 'status'").await;
            assert_eq!(status, "success");
        }
        // It may run again.
        execute(&url, "DROP FUNCTION refreshtop.stats(text, interval)").await;
        let ran = psql(&url, &script, true);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(up(&url).await[0], "the database is up to date");
        down(&url, 0).await;
        assert_eq!(schema(&url).await, before);
    }
}

#[tokio::test]
async fn the_script_changes_nothing_unless_everything_fits() {
    let url = shop("refused").await;
    let before = schema(&url).await;
    let refused = |script: &str, whole: bool, wanted: &str| {
        let ran = psql(&url, script, whole);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(!ran.status.success() && said.contains(wanted), "{wanted}: {said}");
    };
    let (alone, all) = (refreshtop_db::migrate::install(false), refreshtop_db::migrate::install(true));
    refused(&alone, false, "SAVEPOINT can only be used in transaction blocks");
    assert_eq!(schema(&url).await, before);
    refused(&all, true, "table public.accounts is missing");
    assert_eq!(schema(&url).await, before);
    execute(&url, "CREATE VIEW public.metrics_refresh_log AS SELECT 1 AS id").await;
    refused(&alone, true, "public.metrics_refresh_log exists and is not a plain table");
    execute(&url, "DROP VIEW public.metrics_refresh_log").await;
    assert_eq!(schema(&url).await, before);

    // The database's owner decides which functions an unqualified name finds, until the script does.
    let database = url.rsplit_once('/').unwrap().1;
    let decoys = format!(
        "CREATE SCHEMA decoys; CREATE TABLE decoys.caught (by text);
         CREATE FUNCTION decoys.catch(text) RETURNS text LANGUAGE sql AS 'INSERT INTO decoys.caught VALUES ($1) RETURNING by';
         CREATE FUNCTION decoys.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT decoys.catch($1)';
         CREATE FUNCTION decoys.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT decoys.catch($1)';
         CREATE FUNCTION decoys.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT decoys.catch($1)';
         ALTER DATABASE {database} SET search_path = decoys, pg_catalog"
    );
    execute(&url, &decoys).await;
    // A schema of our name that a stranger has made.
    let (stranger, theirs) = support::fresh_role(&url, "stranger", "").await;
    execute(&url, &format!("GRANT CREATE ON DATABASE {database} TO {stranger}")).await;
    execute(&theirs, "CREATE SCHEMA refreshtop; CREATE TABLE refreshtop.migrations (version bigint)").await;
    refused(&alone, true, &format!("schema refreshtop belongs to role {stranger}"));
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM decoys.caught").await, 0);
    execute(
        &url,
        &format!("DROP SCHEMA decoys CASCADE; DROP OWNED BY {stranger}; ALTER DATABASE {database} RESET search_path"),
    )
    .await;

    // What a tool does after it, in the same transaction, finds the search path that it had.
    let tail = format!("SET search_path = public; {alone}\nCREATE TABLE noted (version text);");
    let ran = psql(&url, &tail, true);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(value::<Option<String>>(&url, "SELECT to_regclass('public.noted')::text").await.is_some());
    execute(&url, "DROP TABLE public.noted").await;
    execute(&url, "INSERT INTO refreshtop.migrations VALUES (9999, 'of tomorrow', now(), true, '', 0)").await;
    refused(&alone, true, "migrated by another refreshtop (step 9999)");
    execute(
        &url,
        "DELETE FROM refreshtop.migrations WHERE version = 9999; UPDATE refreshtop.home SET database_oid = 1",
    )
    .await;
    refused(&alone, true, "renamed, copied or restored");
}

/// As a managed service's administrator does.
#[tokio::test]
async fn a_role_that_is_no_superuser_can_run_the_script() {
    let url = shop("managed").await;
    let (name, role) = support::fresh_role(&url, "managed", "CREATEROLE").await;
    support::let_migrate(&url, &name).await;
    let before = schema(&url).await;
    let ran = psql(&role, &refreshtop_db::migrate::install(false), true);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let lines = up(&role).await;
    assert_eq!(lines[0], "the database is up to date", "{lines:?}");
    down(&role, 0).await;
    assert_eq!(schema(&url).await, before);
}
