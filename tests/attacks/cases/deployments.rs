//! Each deployment in tests/fixtures/cases: adopted and put back, or refused with the reason.

use super::{down, jobs, refresh, refreshed, up, whole};
use crate::support::{
    CRON_DATABASE, SMALL_APP, cluster, execute, fresh_app, fresh_database, session::Session, target, value,
};
use refreshtop::command::migrate;

/// The application's tables, and the deployment.
async fn deployment(prefix: &str, fixture: &str) -> String {
    let url = fresh_database(prefix).await;
    execute(&url, SMALL_APP).await;
    execute(&url, fixture).await;
    url
}

/// A job of somebody else in the database of `url`, which never runs; without a name if that is empty.
async fn schedule(url: &str, name: &str, command: &str) {
    let cluster = cluster().await;
    if !cluster.has_cron() {
        return;
    }
    let database = url.rsplit_once('/').unwrap().1;
    let session = Session::open(&cluster.url(CRON_DATABASE)).await;
    let called = if name.is_empty() { format!("nameless {database} {command}") } else { name.to_owned() };
    let sql = "SELECT cron.schedule_in_database($1, '0 3 31 2 *', $2, $3)";
    let id: i64 = session.client.query_one(sql, &[&called, &command, &database]).await.unwrap().get(0);
    if name.is_empty() {
        session.run(&format!("UPDATE cron.job SET jobname = NULL WHERE jobid = {id}")).await;
    }
}

/// Migrates, refreshes, sees the figures of the application, and rolls back. Returns the migration's output.
async fn there_and_back(url: &str) -> Vec<String> {
    let before = whole(url).await;
    let lines = migrate::up(&target(url)).await.unwrap_or_else(|error| panic!("{error}"));
    refreshed(url).await;
    for job in &before.2 {
        assert!(jobs(url).await.contains(job), "{job} stays while ours are there: {lines:?}");
    }
    if value::<bool>(url, "SELECT count(*) = 1 FROM public.platform_metrics").await {
        assert_eq!(value::<i64>(url, "SELECT total_accounts FROM public.platform_metrics").await, 10);
    }
    let again = migrate::up(&target(url)).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again[0], "the database is up to date");
    down(url).await;
    let after = whole(url).await;
    assert_eq!(after.0, before.0);
    assert_eq!(after.1, before.1);
    assert_eq!(after.2, before.2);
    lines
}

/// Sees that the migration is refused for that reason, and that nothing was changed.
async fn refused(url: &str, reason: &[&str]) {
    let before = whole(url).await;
    let message = migrate::up(&target(url)).await.expect_err("a refusal").to_string();
    for part in reason {
        assert!(message.contains(part), "{part:?} not in {message}");
    }
    assert_eq!(whole(url).await, before);
}

#[tokio::test]
async fn views_and_jobs_of_others_stay_as_they_are() {
    let figures = "set statement_timeout to 60000; select figures.refresh_all();";
    for (prefix, fixture, commands) in [
        (
            "case_02",
            include_str!("../../fixtures/cases/02-jobs-without-a-name.sql"),
            vec![("", "REFRESH MATERIALIZED VIEW CONCURRENTLY shows_by_day")],
        ),
        (
            "case_04",
            include_str!("../../fixtures/cases/04-one-function-for-many-views.sql"),
            vec![("figures of towns", figures)],
        ),
        ("case_05", include_str!("../../fixtures/cases/05-mixed-case-and-no-key.sql"), vec![]),
        (
            "case_13",
            include_str!("../../fixtures/cases/13-a-log-of-another-name.sql"),
            vec![("", "SELECT * FROM refresh_all_views()")],
        ),
        (
            "case_20",
            include_str!("../../fixtures/cases/20-once-a-month.sql"),
            vec![("", "REFRESH MATERIALIZED VIEW yearly.BY_YEAR")],
        ),
    ] {
        let url = deployment(prefix, fixture).await;
        for (name, command) in commands {
            schedule(&url, name, command).await;
        }
        there_and_back(&url).await;
    }
}

#[tokio::test]
async fn a_query_that_needs_another_search_path_is_refused_with_the_name_that_it_lacks() {
    for (prefix, fixture, name) in [
        ("case_08", include_str!("../../fixtures/cases/08-name-in-a-string.sql"), "relation \"papers\" does not exist"),
        (
            "case_09",
            include_str!("../../fixtures/cases/09-functions-find-names-by-path.sql"),
            "relation \"tariffs\" does not exist",
        ),
    ] {
        refused(&deployment(prefix, fixture).await, &[name]).await;
    }
    let url = deployment("case_09_set", include_str!("../../fixtures/cases/09-functions-find-names-by-path.sql")).await;
    execute(
        &url,
        "ALTER FUNCTION public.rate_of(text) SET search_path = public; ALTER TABLE public.accounts RENAME TO accounts_;
                   CREATE TABLE public.accounts (id bigint, created_at timestamptz)",
    )
    .await;
    up(&url).await;
    refreshed(&url).await;
}

#[tokio::test]
async fn an_event_trigger_is_named_before_it_runs_and_when_it_fails() {
    let url = deployment("case_10", include_str!("../../fixtures/cases/10-event-triggers.sql")).await;
    let mut session = crate::support::open(&url).await;
    let mut reported = Vec::new();
    let outcome =
        refreshtop_db::migrate::begin_up(&mut session, refreshtop_db::migrate::With::default(), &mut |text| {
            reported.push(text.to_owned());
        })
        .await;
    let message = outcome.expect_err("it fails").to_string();
    let note = "event trigger note_refreshes runs function public.note_refresh()";
    assert!(reported.iter().any(|line| line.starts_with("note: ") && line.contains(note)), "{reported:?}");
    assert!(message.contains("relation \"refresh_figures\" does not exist") && message.contains(note), "{message}");
    drop(session);
    refused(&url, &[note]).await;

    // With its names qualified it does its work, and so do we.
    execute(&url, "ALTER FUNCTION public.note_refresh() SET search_path = public").await;
    up(&url).await;
    refreshed(&url).await;
    let seen: i64 =
        value(&url, "SELECT count(*) FROM public.refresh_figures WHERE name LIKE '%platform_metrics'").await;
    assert!(seen >= 2, "{seen}");
    down(&url).await;
}

#[tokio::test]
async fn a_view_that_a_release_recreates_is_taken_and_found_again() {
    let url = deployment("case_15", include_str!("../../fixtures/cases/15-made-anew-by-a-release.sql")).await;
    let lines = there_and_back(&url).await;
    assert!(lines.iter().any(|line| line.contains("keeps its own query")), "{lines:?}");

    // The same release while we are there: the index is gone with the old view.
    up(&url).await;
    execute(
        &url,
        "DROP MATERIALIZED VIEW public.platform_metrics;
         CREATE MATERIALIZED VIEW public.platform_metrics AS
         SELECT count(*) AS total_accounts, max(created_at) AS newest_account, now() AS last_updated FROM public.accounts",
    )
    .await;
    assert_eq!(refresh(&url).await.0, "error");
    let lines = up(&url).await;
    assert!(lines[0].contains("put back what was missing or changed"), "{lines:?}");
    refreshed(&url).await;
    down(&url).await;
    let left: i64 = value(&url, "SELECT count(*) FROM pg_class WHERE relname LIKE 'platform_metrics%'").await;
    assert_eq!(left, 1, "the release's own view, without our index");
}

#[tokio::test]
async fn rows_that_a_key_would_lose_are_refused_and_a_null_in_the_key_is_reported() {
    let url = deployment("case_18", include_str!("../../fixtures/cases/18-nulls-hide-rows.sql")).await;
    refused(&url, &["index public.notes_title takes each key once", "without an error"]).await;
    execute(
        &url,
        "UPDATE public.notes SET title = NULL; DROP INDEX public.notes_title; REFRESH MATERIALIZED VIEW public.platform_metrics;
         CREATE UNIQUE INDEX notes_title ON public.platform_metrics (title)",
    )
    .await;
    let lines = up(&url).await;
    assert!(lines.iter().any(|line| line.starts_with("warning: 2 rows") && line.contains("NULL")), "{lines:?}");
    refreshed(&url).await;
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM public.platform_metrics").await, 2);
}

#[tokio::test]
async fn rows_that_are_hidden_from_the_views_owner_make_no_wrong_figure() {
    let fixture = include_str!("../../fixtures/cases/22-rows-hidden-from-the-owner.sql");
    there_and_back(&deployment("case_22", fixture).await).await;
    // Something that depends on it keeps it, and its owner.
    let url = deployment("case_22_kept", fixture).await;
    execute(&url, "CREATE VIEW public.report AS SELECT total_accounts FROM public.platform_metrics").await;
    refused(&url, &["row security hides rows of public.accounts from role cases_reports"]).await;
    // Switched on later: an error, and the figures stay as they were.
    let url = deployment("case_22_later", fixture).await;
    execute(
        &url,
        "CREATE VIEW public.report AS SELECT total_accounts FROM public.platform_metrics;
         ALTER TABLE public.accounts DISABLE ROW LEVEL SECURITY",
    )
    .await;
    up(&url).await;
    refreshed(&url).await;
    execute(&url, "ALTER TABLE public.accounts ENABLE ROW LEVEL SECURITY").await;
    let (status, message) = refresh(&url).await;
    assert!(status == "error" && message.contains("row-level security"), "{status}: {message}");
    assert_eq!(value::<i64>(&url, "SELECT total_accounts FROM public.report").await, 10);
}

#[tokio::test]
async fn jobs_of_others_that_refresh_the_same_view_stay() {
    let url = deployment("case_23", include_str!("../../fixtures/cases/23-jobs-beside-ours.sql")).await;
    let several = "set statement_timeout to 3600000; SELECT public.refresh_platform_metrics_with_logging(); SELECT public.sum_invoices();";
    let nightly = "select public.sum_invoices(); select public.refresh_platform_metrics_with_logging();";
    for (name, command) in [
        ("", "REFRESH MATERIALIZED VIEW CONCURRENTLY platform_metrics"),
        ("refresh-platform-metrics", several),
        ("nightly sums", nightly),
        ("safely", "SELECT refresh_safely('platform_metrics');"),
    ] {
        schedule(&url, name, command).await;
    }
    let lines = there_and_back(&url).await.join("\n");
    if cluster().await.has_cron() {
        assert!(lines.contains("among other statements: it counts as the schedule and stays as it is"), "{lines}");
    }
}

#[tokio::test]
async fn of_a_view_of_many_rows_only_a_column_that_tells_them_apart_becomes_the_key() {
    let url = deployment("case_24", include_str!("../../fixtures/cases/24-many-rows-and-no-key.sql")).await;
    let before = whole(&url).await;
    let lines = up(&url).await;
    assert!(lines.iter().any(|line| line.contains("no column that is unique")), "{lines:?}");
    let keys: i64 =
        value(&url, "SELECT count(*) FROM pg_index WHERE indrelid = 'public.platform_metrics'::regclass").await;
    assert_eq!(keys, 0);
    let (status, message) = refresh(&url).await;
    assert!(status == "error" && message.contains("concurrently"), "{status}: {message}");
    down(&url).await;
    assert_eq!(whole(&url).await, before);

    let url = fresh_app("case_24_id").await;
    execute(&url, "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT 7 AS same, id, created_at AS own FROM public.accounts").await;
    let before = whole(&url).await;
    up(&url).await;
    let key: String = value(
        &url,
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'public.platform_metrics'::regclass",
    )
    .await;
    assert!(key.ends_with("(id)"), "{key}");
    refreshed(&url).await;
    down(&url).await;
    assert_eq!(whole(&url).await, before);
}
