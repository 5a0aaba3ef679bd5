//! Whatever is dropped or changed behind our back: `migrate` says what it put back, a refresh works and is logged, and a
//! rollback leaves what was there before.

use super::{down, refresh, refreshed, up};
use crate::support::{
    client, cluster, execute, fresh_app,
    schema::{catalogs, schema},
    target, unique, value,
};
use refreshtop::command::migrate;
use std::process::{Command, Stdio};

/// What is done, and a word of what the migration must say that it put back.
const DAMAGE: [(&str, &str); 45] = [
    ("DROP TABLE public.metrics_refresh_log CASCADE", "table public.metrics_refresh_log"),
    ("DROP VIEW refreshtop.log_door; DROP TABLE public.metrics_refresh_log", "table refreshtop.log_door"),
    ("DROP POLICY admins_read ON public.metrics_refresh_log", "policy admins_read of public.metrics_refresh_log"),
    ("ALTER TABLE public.metrics_refresh_log DISABLE ROW LEVEL SECURITY", "table public.metrics_refresh_log"),
    ("ALTER TABLE public.metrics_refresh_log FORCE ROW LEVEL SECURITY", "table public.metrics_refresh_log"),
    ("ALTER TABLE public.metrics_refresh_log DROP COLUMN black_box CASCADE", "black_box"),
    ("ALTER TABLE public.metrics_refresh_log DROP CONSTRAINT metrics_refresh_log_pkey", "index public.metrics_refresh_log"),
    ("DROP INDEX public.metrics_refresh_log_created_at", "index public.metrics_refresh_log"),
    ("DROP FUNCTION refreshtop.refresh(text, text)", "refreshtop.refresh(text,text)"),
    ("DROP FUNCTION refreshtop.run_refresh(text, text)", "refreshtop.run_refresh(text,text)"),
    ("DROP FUNCTION public.refresh_platform_metrics_with_logging()", "public.refresh_platform_metrics_with_logging()"),
    ("DROP FUNCTION public.trigger_platform_metrics_refresh(), public.get_metrics_refresh_stats(int)", "public.get_metrics_refresh_stats(integer)"),
    (
        "CREATE OR REPLACE FUNCTION refreshtop.not_at_home() RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS 'SELECT NULL::text'",
        "refreshtop.not_at_home()",
    ),
    ("ALTER FUNCTION refreshtop.refresh(text, text) SECURITY INVOKER", "refreshtop.refresh(text,text)"),
    ("ALTER FUNCTION refreshtop.refresh(text, text) RESET ALL", "refreshtop.refresh(text,text)"),
    ("ALTER FUNCTION refreshtop.refresh(text, text) OWNER TO CURRENT_USER", "refreshtop.refresh(text,text)"),
    ("DROP OWNED BY refreshtop_admin", "grant"),
    ("DROP OWNED BY refreshtop_job", "grant"),
    ("DROP OWNED BY refreshtop_monitor CASCADE", "refreshtop_definers.black_box"),
    ("DROP OWNED BY refreshtop_view CASCADE", "grant"),
    ("REVOKE ALL ON public.metrics_refresh_log FROM refreshtop_admin; REVOKE USAGE ON SCHEMA refreshtop FROM refreshtop_admin, refreshtop_job", "grant"),
    ("REVOKE EXECUTE ON FUNCTION refreshtop.refresh(text, text) FROM refreshtop_job", "grant"),
    ("DROP INDEX public.platform_metrics_refresh_key", "unique index of public.platform_metrics"),
    ("DROP MATERIALIZED VIEW public.platform_metrics CASCADE", "public.platform_metrics"),
    ("DROP FUNCTION refreshtop_definers.black_box(oid, oid[])", "refreshtop_definers.black_box"),
    ("DROP SCHEMA refreshtop_definers CASCADE", "schema refreshtop_definers"),
    ("DROP SCHEMA refreshtop_before CASCADE", "schema refreshtop_before"),
    ("REASSIGN OWNED BY refreshtop_owner TO CURRENT_USER", "schema refreshtop"),
    ("DROP TABLE refreshtop.inventory", "refreshtop.inventory"),
    ("DROP TABLE refreshtop.home", "refreshtop.home"),
    ("DROP TABLE refreshtop.undo", "refreshtop.undo"),
    ("DROP TABLE refreshtop.views CASCADE", "refreshtop.views"),
    ("DROP TABLE refreshtop.audit CASCADE", "refreshtop.audit"),
    ("DROP TABLE refreshtop.attempt_key", "refreshtop.attempt_key"),
    ("DELETE FROM refreshtop.attempt_key", "row of refreshtop.attempt_key"),
    ("DROP TABLE refreshtop.log_fallback CASCADE", "refreshtop.log_fallback"),
    ("ALTER TABLE refreshtop.views DROP COLUMN time_zone CASCADE", "time_zone"),
    ("ALTER TABLE refreshtop.views FORCE ROW LEVEL SECURITY", "table refreshtop.views"),
    ("DELETE FROM refreshtop.views", "registration of platform_metrics"),
    ("DELETE FROM refreshtop.home", "row of refreshtop.home"),
    ("DROP TABLE refreshtop.migrations", ""),
    (
        "DO $$ DECLARE s text; BEGIN FOR s IN SELECT oid::regclass::text FROM pg_class WHERE relname LIKE 'attempt_%' AND relkind = 'S' LOOP
             EXECUTE 'DROP SEQUENCE ' || s; END LOOP; END $$",
        "",
    ),
    ("DROP OWNED BY refreshtop_owner CASCADE", ""),
    ("ALTER TABLE public.metrics_refresh_log RENAME TO elsewhere; ALTER TABLE public.elsewhere RENAME TO metrics_refresh_log", ""),
    ("ALTER SCHEMA public RENAME TO elsewhere; ALTER SCHEMA elsewhere RENAME TO public", ""),
];

#[tokio::test]
async fn whatever_is_dropped_or_changed_is_put_back() {
    each_fourth_put_back(0).await;
}

#[tokio::test]
#[ignore = "make attacks runs it"]
async fn whatever_is_dropped_or_changed_is_put_back_second_quarter() {
    each_fourth_put_back(1).await;
}

#[tokio::test]
#[ignore = "make attacks runs it"]
async fn whatever_is_dropped_or_changed_is_put_back_third_quarter() {
    each_fourth_put_back(2).await;
}

#[tokio::test]
#[ignore = "make attacks runs it"]
async fn whatever_is_dropped_or_changed_is_put_back_fourth_quarter() {
    each_fourth_put_back(3).await;
}

/// Tries every fourth damage: `make test` is quick, and still meets each kind of object.
async fn each_fourth_put_back(first: usize) {
    let url = fresh_app("repair").await;
    let before = catalogs(&url).await;
    let mut failures = Vec::new();
    for (damage, reported) in DAMAGE.iter().skip(first).step_by(4) {
        up(&url).await;
        refreshed(&url).await;
        execute(&url, damage).await;
        // However it ends, it must not prevent the repair.
        let _ = client(&url).await.batch_execute("SELECT refreshtop.refresh('platform_metrics')").await;
        let lines = migrate::up(&target(&url)).await;
        if !lines.as_ref().is_ok_and(|lines| lines[0].contains(reported)) {
            failures.push(format!("{damage}: {lines:?}"));
        }
        let works =
            "SELECT refreshtop.refresh('platform_metrics') ->> 'status' || count(*) FILTER (WHERE status = 'success')
                     FROM public.metrics_refresh_log";
        let works = client(&url).await.query_one(works, &[]).await.map(|row| row.get::<_, String>(0));
        if !works.as_ref().is_ok_and(|status| status.starts_with("success")) {
            failures.push(format!("{damage}, refresh: {works:?}"));
        }
        let lines = migrate::up(&target(&url)).await;
        if !lines.as_ref().is_ok_and(|lines| lines[0] == "the database is up to date") {
            failures.push(format!("{damage}, again: {lines:?}"));
        }
        let undone = migrate::down(&target(&url), 0).await;
        assert!(undone.is_ok(), "{damage}: {undone:?}; so far {failures:#?}");
        assert_eq!(catalogs(&url).await, before, "{damage}; so far {failures:#?}");
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test]
async fn a_renamed_schema_is_named_and_nothing_is_lost() {
    let url = fresh_app("renamed").await;
    let before = schema(&url).await;
    up(&url).await;
    execute(&url, "ALTER SCHEMA public RENAME TO old_public").await;
    let (status, message) = refresh(&url).await;
    assert!(status == "error" && message.contains("public.platform_metrics"), "{status}: {message}");
    let logged: i64 = value(&url, "SELECT count(*) FROM old_public.metrics_refresh_log WHERE status = 'error'").await;
    assert_eq!(logged, 1);
    let message = migrate::down(&target(&url), 0).await.unwrap_err().to_string();
    assert!(message.contains("ALTER SCHEMA old_public RENAME TO public"), "{message}");
    let message = migrate::up(&target(&url)).await.unwrap_err().to_string();
    assert!(message.contains("public.accounts is missing"), "{message}");
    execute(&url, "ALTER SCHEMA old_public RENAME TO public").await;
    refreshed(&url).await;
    assert_eq!(up(&url).await[0], "the database is up to date");
    down(&url).await;
    assert_eq!(schema(&url).await, before);
}

#[tokio::test]
async fn a_copy_refreshes_nothing_until_it_is_at_home() {
    let url = fresh_app("original").await;
    let before = schema(&url).await;
    up(&url).await;
    refreshed(&url).await;
    let (name, copy) = (url.rsplit_once('/').unwrap().1, unique("copy"));
    let postgres = cluster().await.url("postgres");
    execute(&postgres, &format!("CREATE DATABASE {copy} TEMPLATE {name}")).await;
    let there = cluster().await.url(&copy);
    let (status, message) = refresh(&there).await;
    assert!(status == "refused" && message.contains(&format!("copy of database {name}")), "{status}: {message}");
    let lines = up(&there).await;
    assert!(lines.iter().any(|line| line.contains(&format!("{name} before"))), "{lines:?}");
    refreshed(&there).await;
    let jobs = super::jobs(&url).await;
    down(&there).await;
    assert_eq!(schema(&there).await, before);
    assert_eq!(super::jobs(&url).await, jobs, "the original's jobs stay");
    refreshed(&url).await;
}

#[tokio::test]
async fn a_restore_into_a_cluster_without_our_roles_is_repaired() {
    let program = cluster().await.programs().bin().join("pg_dump");
    if !program.is_file() {
        return; // The builds of other releases have none.
    }
    let url = fresh_app("dumped").await;
    let before = schema(&url).await;
    up(&url).await;
    refreshed(&url).await;
    let other = refreshtop_cluster::DisposableCluster::start(&crate::support::options(), &mut |_| {}).await.unwrap();
    let there = other.url("postgres");
    let mut dump = Command::new(&program).args(["--dbname", &url]).stdout(Stdio::piped()).spawn().unwrap();
    let restore = Command::new(program.with_file_name("psql"))
        .args(["-X", "-q", &there])
        .stdin(dump.stdout.take().unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(dump.wait().unwrap().success() && restore.success());
    let lines = migrate::up(&target(&there)).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(lines.iter().any(|line| line.contains("at home here now")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("role refreshtop_admin")), "{lines:?}");
    refreshed(&there).await;
    assert_eq!(
        value::<i64>(&there, "SELECT count(*) FROM public.metrics_refresh_log").await,
        2,
        "the old row and ours"
    );
    migrate::down(&target(&there), 0).await.unwrap();
    assert_eq!(catalogs(&there).await, before.split("\n--").next().unwrap().trim_end());
}
