//! Migrations up and down: on an empty database, on an unmanaged deployment, and on databases on which they can't run.

use crate::support::{
    self, client, execute, fresh_app, fresh_database, fresh_role, listed, schema::schema, session::Session, steps,
    target, unique, value,
};
use refreshtop::command::{Failure, migrate};
use refreshtop_cluster::DisposableCluster;
use refreshtop_core::exit;
use refreshtop_db::migrate::{MigrateError, With};

const UNMANAGED: &str = include_str!("../fixtures/unmanaged.sql");

async fn up(url: &str) -> Vec<String> {
    let lines = migrate::up(&target(url)).await.unwrap_or_else(|error| panic!("{error}"));
    support::pause_jobs(url).await;
    lines
}

async fn down(url: &str) -> Vec<String> {
    migrate::down(&target(url), 0).await.unwrap_or_else(|error| panic!("{error}"))
}

/// A checksum over every row that was in the unmanaged log, in the columns that it had.
async fn log_rows(url: &str) -> (i64, String) {
    let row = client(url)
        .await
        .query_one(
            "SELECT count(*), md5(string_agg(concat_ws('|', id, refresh_type, status, duration_ms, error_message, started_at,
                 completed_at, created_at), ',' ORDER BY id))
             FROM public.metrics_refresh_log WHERE error_message LIKE 'older%' OR duration_ms BETWEEN 1 AND 500 AND duration_ms = trunc(duration_ms)",
            &[],
        )
        .await
        .unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn an_empty_database_gets_everything_and_a_second_run_changes_nothing() {
    let url = fresh_app("up").await;
    assert_eq!(up(&url).await[0], format!("applied steps {}", listed(steps(1))));
    let status: String = value(&url, "SELECT public.refresh_platform_metrics_with_logging() ->> 'status'").await;
    assert_eq!(status, "success");
    let once = schema(&url).await;
    let touched: i64 = value(&url, "SELECT count(*) FROM refreshtop.audit").await;

    assert_eq!(up(&url).await[0], "the database is up to date");
    assert_eq!(schema(&url).await, once);
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM refreshtop.audit").await, touched);
    let text = migrate::status(&target(&url)).await.unwrap();
    assert_eq!(text.matches("applied 20").count(), steps(1).len(), "{text}");
}

#[tokio::test]
async fn a_rollback_leaves_what_was_there_before_the_migrations() {
    let url = fresh_app("down").await;
    let before = schema(&url).await;
    up(&url).await;
    execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
    let announced = migrate::announce_down(&target(&url), 0).await.unwrap();
    let takes = if support::cluster().await.has_cron() {
        "dropping public.platform_metrics, deleting 1 row of the refresh log and taking 2 jobs out of pg_cron"
    } else {
        "dropping public.platform_metrics and deleting 1 row of the refresh log"
    };
    let steps_undone = listed(steps(1).into_iter().rev());
    assert_eq!(announced, Some(format!("undoes steps {steps_undone}, {takes}")));
    let part = migrate::announce_down(&target(&url), 2).await.unwrap().unwrap();
    assert!(part.contains("deleting 1 row of the refresh log"), "{part}");
    down(&url).await;
    assert_eq!(schema(&url).await, before);
    assert_eq!(down(&url).await, ["there is nothing to undo"]);
    assert_eq!(migrate::announce_down(&target(&url), 0).await.unwrap(), None);
    assert!(migrate::status(&target(&url)).await.unwrap().lines().all(|line| line.ends_with("pending")));
    up(&url).await;
}

#[tokio::test]
async fn a_rollback_can_stop_half_way_and_go_forward_again() {
    let url = fresh_app("half").await;
    up(&url).await;
    let whole = schema(&url).await;
    let lines = migrate::down(&target(&url), 3).await.unwrap();
    assert_eq!(lines.last(), Some(&format!("undid steps {}", listed(steps(4).into_iter().rev()))));
    assert!(value::<Option<String>>(&url, "SELECT to_regclass('public.platform_metrics')::text").await.is_none());
    assert!(value::<Option<String>>(&url, "SELECT to_regclass('public.metrics_refresh_log')::text").await.is_some());
    assert_eq!(up(&url).await[0], format!("applied steps {}", listed(steps(4))));
    assert_eq!(schema(&url).await, whole);
}

#[tokio::test]
async fn an_unmanaged_deployment_is_repaired_and_every_row_is_kept() {
    let url = fresh_app("unmanaged").await;
    execute(&url, UNMANAGED).await;
    let before = schema(&url).await;
    let rows = log_rows(&url).await;
    assert_eq!(rows.0, 500);
    let broken = client(&url).await.simple_query("SELECT public.refresh_platform_metrics_with_logging()").await;
    assert_eq!(broken.unwrap_err().code().unwrap().code(), "55000", "the fixture must be broken as it was");

    up(&url).await;
    assert_eq!(log_rows(&url).await, rows);
    for call in ["refresh_platform_metrics_with_logging", "trigger_platform_metrics_refresh"] {
        let status: String = value(&url, &format!("SELECT public.{call}() ->> 'status'")).await;
        assert_eq!(status, "success", "{call}");
    }
    // The failure that the old function lost is logged now.
    execute(&url, "DROP INDEX public.platform_metrics_refresh_key").await;
    let status: String = value(&url, "SELECT public.refresh_platform_metrics_with_logging() ->> 'status'").await;
    assert_eq!(status, "error");
    let sqlstate: String =
        value(&url, "SELECT sqlstate FROM public.metrics_refresh_log ORDER BY created_at DESC LIMIT 1").await;
    assert_eq!(sqlstate, "55000");
    execute(&url, "CREATE UNIQUE INDEX platform_metrics_refresh_key ON public.platform_metrics (last_updated)").await;
    let total: i64 = value(&url, "SELECT total_refreshes FROM public.get_metrics_refresh_stats(24)").await;
    assert!(total > 280, "old rows count too: {total}");

    let announced = migrate::announce_down(&target(&url), 0).await.unwrap().unwrap();
    let (_, comes_back) = announced.split_once("putting back ").expect("what comes back");
    assert!(comes_back.contains("table public.metrics_refresh_log"), "{announced}");
    assert!(!announced.contains("deleting"), "the older log keeps every row: {announced}");
    down(&url).await;
    assert_eq!(schema(&url).await, before, "the unmanaged objects come back as they were");
    assert_eq!(log_rows(&url).await, rows);
    let count: i64 = value(&url, "SELECT count(*) FROM public.metrics_refresh_log").await;
    assert_eq!(count, 503, "with three of ours");
}

#[tokio::test]
async fn the_repaired_view_counts_right_and_stays_readable_to_its_readers() {
    let url = fresh_app("readers").await;
    execute(&url, UNMANAGED).await;
    let (_, reader) = fresh_role(&url, "reader", "").await;
    up(&url).await;
    let users: i64 = value(&reader, "SELECT total_users FROM public.platform_metrics").await;
    assert_eq!(users, 11);
    let denied = client(&reader).await.simple_query("SELECT * FROM public.metrics_refresh_log").await;
    assert_eq!(denied.unwrap_err().code().unwrap().code(), "42501", "PUBLIC could read the log before");
}

#[tokio::test]
async fn a_view_that_others_depend_on_keeps_its_query_and_gets_an_index() {
    let url = fresh_app("dependent").await;
    execute(&url, UNMANAGED).await;
    execute(&url, "CREATE VIEW public.dashboard AS SELECT total_accounts FROM public.platform_metrics").await;
    let before = schema(&url).await;
    let lines = up(&url).await;
    assert!(lines.iter().any(|line| line.contains("keeps its own query") && line.contains("dashboard")), "{lines:?}");
    let status: String = value(&url, "SELECT public.refresh_platform_metrics_with_logging() ->> 'status'").await;
    assert_eq!(status, "success");
    assert_eq!(value::<i64>(&url, "SELECT total_accounts FROM public.dashboard").await, 10);
    down(&url).await;
    assert_eq!(schema(&url).await, before);
}

#[tokio::test]
async fn a_view_with_columns_of_its_own_keeps_them() {
    let url = fresh_app("columns").await;
    execute(&url, "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT 1 AS id, 7::bigint AS total_widgets, now() AS last_updated")
        .await;
    let lines = up(&url).await;
    assert!(lines.iter().any(|line| line.contains("columns")), "{lines:?}");
    assert_eq!(value::<i64>(&url, "SELECT total_widgets FROM public.platform_metrics").await, 7);
    let status: String = value(&url, "SELECT public.refresh_platform_metrics_with_logging() ->> 'status'").await;
    assert_eq!(status, "success");
}

#[tokio::test]
async fn a_missing_source_table_or_column_is_named_and_nothing_is_changed() {
    let url = fresh_app("missing").await;
    execute(&url, "DROP TABLE public.assets; ALTER TABLE public.accounts DROP COLUMN created_at").await;
    let before = schema(&url).await;
    let error = migrate::up_with(&target(&url), With::PlatformMetrics).await.unwrap_err();
    assert!(matches!(error, MigrateError::Preflight(_)));
    let text = error.to_string();
    assert!(text.starts_with("nothing was changed:\n  - "), "{text}");
    assert!(
        text.contains("table public.assets is missing") && text.contains("accounts has no column created_at"),
        "{text}"
    );
    assert_eq!(schema(&url).await, before);
}

#[tokio::test]
async fn a_role_without_the_rights_learns_all_that_is_missing_and_nothing_is_changed() {
    let url = fresh_app("rights").await;
    // Up to PostgreSQL 14 everybody may create there.
    execute(&url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
    let (name, role) = fresh_role(&url, "weak", "").await;
    let before = schema(&url).await;
    let error = migrate::up(&target(&role)).await.unwrap_err();
    let text = error.to_string();
    assert_eq!(Failure::from(error).code, exit::NOT_PERMITTED, "{text}");
    for needed in [
        "may not read public.accounts",
        "may not create in schema public",
        "may not create schemas",
        &format!("TO {name}"),
    ] {
        assert!(text.contains(needed), "{needed:?} not in {text}");
    }
    assert_eq!(schema(&url).await, before);
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_can_migrate() {
    let url = fresh_app("owner").await;
    let (name, owner) = fresh_role(&url, "owner", "CREATEROLE").await;
    support::let_migrate(&url, &name).await;
    let before = schema(&url).await;
    up(&owner).await;
    let status: String = value(&owner, "SELECT public.trigger_platform_metrics_refresh() ->> 'status'").await;
    assert_eq!(status, "success");
    down(&owner).await;
    assert_eq!(schema(&url).await, before);
}

#[tokio::test]
async fn what_is_in_the_way_is_named_and_nothing_is_changed() {
    for (prefix, obstacle, needle) in [
        ("plain_view", "CREATE VIEW public.platform_metrics AS SELECT 1 AS x", "not a materialized view"),
        ("log_view", "CREATE VIEW public.metrics_refresh_log AS SELECT 1 AS id", "not a plain table"),
        ("odd_log", "CREATE TABLE public.metrics_refresh_log (id uuid, note text)", "has no column refresh_type"),
    ] {
        let url = fresh_app(prefix).await;
        execute(&url, obstacle).await;
        let before = schema(&url).await;
        let text = migrate::up(&target(&url)).await.unwrap_err().to_string();
        assert!(text.contains(needle), "{text}");
        assert_eq!(schema(&url).await, before);
    }
}

/// Whoever may create there can take a name that is about to be ours; he is named before anything is changed.
#[tokio::test]
async fn what_takes_a_name_of_ours_is_named_with_its_owner() {
    for (prefix, obstacle, needle) in [
        ("log_type", "CREATE TYPE public.metrics_refresh_log AS ENUM ('a')", "type public.metrics_refresh_log"),
        ("log_row", "CREATE TYPE public.metrics_refresh_log AS (a integer)", "type public.metrics_refresh_log"),
        ("log_domain", "CREATE DOMAIN public.metrics_refresh_log AS text", "type public.metrics_refresh_log"),
        ("view_type", "CREATE TYPE public.platform_metrics AS ENUM ('a')", "type public.platform_metrics"),
        ("key", "CREATE TABLE public.platform_metrics_refresh_key ()", "public.platform_metrics_refresh_key"),
        ("index", "CREATE TABLE public.metrics_refresh_log_errors ()", "public.metrics_refresh_log_errors"),
        (
            "sequence",
            "CREATE SEQUENCE public.metrics_refresh_log_type_created_at",
            "public.metrics_refresh_log_type_created_at",
        ),
        (
            "indexed",
            "CREATE TABLE public.other (a integer); CREATE INDEX metrics_refresh_log_created_at ON public.other (a)",
            "public.metrics_refresh_log_created_at",
        ),
    ] {
        let url = fresh_app(prefix).await;
        let (squatter, squatter_url) = fresh_role(&url, "squatter", "").await;
        execute(&url, &format!("GRANT CREATE ON SCHEMA public TO {squatter}")).await;
        execute(&squatter_url, obstacle).await;
        let before = schema(&url).await;
        let text = migrate::up(&target(&url)).await.unwrap_err().to_string();
        assert!(text.contains(needle) && text.contains(&squatter), "{prefix}: {text}");
        assert_eq!(schema(&url).await, before);
        execute(&url, &format!("DROP OWNED BY {squatter} CASCADE")).await;
        up(&url).await;
    }
}

#[tokio::test]
async fn a_schema_of_the_migrations_name_is_named_with_its_owner() {
    let url = fresh_app("helpers").await;
    let (squatter, squatter_url) = fresh_role(&url, "squatter", "").await;
    execute(&url, &format!("GRANT CREATE ON DATABASE {} TO {squatter}", url.rsplit_once('/').unwrap().1)).await;
    execute(&squatter_url, "CREATE SCHEMA refreshtop_migration").await;
    let is_reported = |text: &str| text.contains("schema refreshtop_migration") && text.contains(&squatter);
    let text = migrate::up(&target(&url)).await.unwrap_err().to_string();
    assert!(is_reported(&text), "{text}");
    execute(&squatter_url, "DROP SCHEMA refreshtop_migration").await;
    up(&url).await;
    execute(&squatter_url, "CREATE SCHEMA refreshtop_migration").await;
    let text = migrate::up(&target(&url)).await.unwrap_err().to_string();
    assert!(is_reported(&text), "{text}");
    let text = migrate::down(&target(&url), 0).await.unwrap_err().to_string();
    assert!(is_reported(&text), "{text}");
    let text = migrate::announce_down(&target(&url), 0).await.unwrap_err().to_string();
    assert!(is_reported(&text), "{text}");
    execute(&url, &format!("DROP OWNED BY {squatter}")).await;
    down(&url).await;
}

/// An older setting, in which a backslash escapes in every string.
#[tokio::test]
async fn a_database_whose_strings_escape_is_migrated() {
    let url = fresh_app("escapes").await;
    let database = url.rsplit_once('/').unwrap().1;
    execute(&url, &format!("ALTER DATABASE {database} SET standard_conforming_strings = off")).await;
    up(&url).await;
    execute(&url, "DROP FUNCTION refreshtop.stats(text, interval)").await;
    let again = up(&url).await;
    assert!(again[0].contains("refreshtop.stats"), "{again:?}");
    assert_eq!(up(&url).await[0], "the database is up to date");
    let status: String = value(&url, "SELECT public.trigger_platform_metrics_refresh() ->> 'status'").await;
    assert_eq!(status, "success");
    let pattern = "SELECT count(*) FROM refreshtop.migrations WHERE octet_length(checksum) <> 48";
    assert_eq!(value::<i64>(&url, pattern).await, 0);
    down(&url).await;
}

#[tokio::test]
async fn a_step_that_fails_takes_all_the_others_back() {
    let url = fresh_app("atomic").await;
    // An event trigger of somebody else refuses what the step of the view does.
    execute(
        &url,
        "CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no views here'; END $$;
         CREATE EVENT TRIGGER no_views ON ddl_command_end WHEN TAG IN ('CREATE MATERIALIZED VIEW')
             EXECUTE FUNCTION public.refuse()",
    )
    .await;
    let before = schema(&url).await;
    let error = migrate::up(&target(&url)).await.unwrap_err();
    let MigrateError::Step { version, reason, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*version, 11);
    assert!(reason.contains("no views here"), "{reason}");
    assert_eq!(schema(&url).await, before);
}

#[tokio::test]
async fn two_migrators_at_once_do_not_collide() {
    let url = fresh_app("race").await;
    let one = target(&url);
    let (first, second) = tokio::join!(migrate::up(&one), migrate::up(&one));
    let mut lines = [first.unwrap()[0].clone(), second.unwrap()[0].clone()];
    lines.sort();
    assert_eq!(lines, [format!("applied steps {}", listed(steps(1))), "the database is up to date".to_owned()]);
}

#[tokio::test]
async fn the_applications_own_is_super_admin_and_migrations_table_are_left_alone() {
    let url = fresh_app("own").await;
    execute(
        &url,
        "CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE sql AS 'SELECT false';
         CREATE TABLE public._sqlx_migrations (version bigint PRIMARY KEY, mine text)",
    )
    .await;
    up(&url).await;
    let source: String = value(
        &url,
        "SELECT prosrc FROM pg_proc WHERE proname = 'is_super_admin' AND pronamespace = 'public'::regnamespace",
    )
    .await;
    assert_eq!(source, "SELECT false");
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM public._sqlx_migrations").await, 0);
    down(&url).await;
    assert!(value::<Option<String>>(&url, "SELECT to_regprocedure('public.is_super_admin()')::text").await.is_some());
}

#[tokio::test]
async fn the_role_stays_while_another_database_needs_it() {
    let (one, other) = (fresh_app("role_a").await, fresh_app("role_b").await);
    up(&one).await;
    up(&other).await;
    down(&one).await;
    assert!(value::<bool>(&other, "SELECT to_regrole('refreshtop_admin') IS NOT NULL").await);
    let status: String = value(&other, "SELECT public.trigger_platform_metrics_refresh() ->> 'status'").await;
    assert_eq!(status, "success");
}

#[tokio::test]
async fn default_privileges_give_nobody_a_way_in() {
    let url = fresh_database("defaults").await;
    let (name, role) = fresh_role(&url, "everyone", "").await;
    execute(
        &url,
        &format!(
            "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {name}; ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO {name};"
        ),
    )
    .await;
    let other = unique("app");
    execute(&url, &format!("CREATE ROLE {other}")).await;
    execute(
        &url,
        "CREATE TABLE public.accounts (id bigint, created_at timestamptz);
         CREATE TABLE public.accounts_memberships (user_id bigint, account_id bigint, created_at timestamptz);
         CREATE TABLE public.assets (id bigint, account_id bigint, created_at timestamptz);
         CREATE TABLE public.software_licenses (id bigint, account_id bigint, created_at timestamptz)",
    )
    .await;
    up(&url).await;
    for sql in [
        "SELECT * FROM public.metrics_refresh_log",
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at) VALUES ('x', 'success', now())",
        "SELECT public.trigger_platform_metrics_refresh()",
        "SELECT * FROM public.get_metrics_refresh_stats(24)",
    ] {
        let denied = client(&role).await.simple_query(sql).await;
        assert_eq!(denied.unwrap_err().code().unwrap().code(), "42501", "{sql}");
    }
}

/// Every SQL file of this program, the steps' and those beside the code that runs them.
fn sql_files() -> Vec<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("migrations"), root.join("crates/db/src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sql") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// `name:line: columns` of every line that is wider than the rest of this program may be.
fn too_wide(name: &str, text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.chars().count()).enumerate();
    let wide = lines.filter(|(_, columns)| *columns > 120);
    wide.map(|(above, columns)| format!("{name}:{}: {columns} columns", above + 1)).collect()
}

/// rustfmt keeps the code within 120 columns; nothing else does that for SQL.
#[test]
fn no_line_of_sql_is_wider_than_the_code() {
    let planted = format!("SELECT 1;\n{}\n{}\n", "é".repeat(120), "é".repeat(121));
    assert_eq!(too_wide("planted.sql", &planted), ["planted.sql:3: 121 columns"]);
    let files = sql_files();
    assert!(files.len() > 2 * steps(1).len(), "steps up and down, and more: {files:?}");
    let wide: Vec<String> = files
        .iter()
        .flat_map(|path| too_wide(&path.display().to_string(), &std::fs::read_to_string(path).unwrap()))
        .collect();
    assert!(wide.is_empty(), "\n{}", wide.join("\n"));
}

#[tokio::test]
async fn a_membership_that_somebody_grants_meanwhile_is_no_failure() {
    let cluster = DisposableCluster::start(&support::options(), &mut |_| {}).await.unwrap();
    let maintenance = cluster.url("postgres");
    if value::<i32>(&maintenance, "SELECT current_setting('server_version_num')::integer").await >= 160_000 {
        // A role grants only what it may administer, and its grants are in addition to those of others.
        return;
    }
    migrate::up(&target(&support::small_app_in(&cluster, "first").await)).await.unwrap();
    execute(&maintenance, "CREATE ROLE service LOGIN CREATEROLE PASSWORD 'service'").await;
    let url = support::small_app_in(&cluster, "second").await;
    support::hand_over(&url, "service").await;
    let granting = Session::with(&maintenance, "BEGIN; GRANT refreshtop_admin TO service").await;
    let service = cluster.url_of("service", "service", "second");
    let migrating = tokio::spawn(async move { migrate::up(&target(&service)).await });
    granting.until("EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted)").await;
    granting.run("COMMIT").await;
    migrating.await.unwrap().unwrap_or_else(|error| panic!("{error}"));
    cluster.stop().await.unwrap();
}
