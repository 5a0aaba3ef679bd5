//! The view's index, statistics, dead rows, the log, the plan.

use super::{check, diagnose_with, fixed, verdict};
use crate::support::*;
use refreshtop_core::{
    address::ViewId,
    diagnosis::{Detail, FixKind, Limits, Verdict},
};
use refreshtop_db::{diagnosis::Options, statistics};
use std::time::Duration;

#[tokio::test]
async fn an_index_that_postgresql_does_not_take_is_replaced() {
    let url = migrated_app("index").await;
    assert_eq!(verdict(&url, "unique-index").await, Verdict::Good);
    execute(
        &url,
        "DROP INDEX public.platform_metrics_refresh_key;
         CREATE UNIQUE INDEX platform_metrics_refresh_key ON public.platform_metrics ((1))",
    )
    .await;
    let bad = check(&url, "unique-index").await;
    assert_eq!(bad.verdict, Verdict::Bad);
    assert!(bad.finding.contains("is on an expression"), "{}", bad.finding);
    fixed(&url, "unique-index", FixKind::CreateIndex).await;
    assert_eq!(verdict(&url, "unique-index").await, Verdict::Good);
    let status: String = value(&url, "SELECT public.trigger_platform_metrics_refresh() ->> 'status'").await;
    assert_eq!(status, "success");
}

#[tokio::test]
async fn a_view_without_data_is_filled() {
    let url = migrated_app("empty_view").await;
    execute(&url, "REFRESH MATERIALIZED VIEW public.platform_metrics WITH NO DATA").await;
    fixed(&url, "unique-index", FixKind::Refresh).await;
    assert_eq!(verdict(&url, "unique-index").await, Verdict::Good);
}

#[tokio::test]
async fn tables_that_were_never_analysed_are() {
    let url = migrated_app("statistics").await;
    let poor = check(&url, "statistics").await;
    assert_eq!(poor.verdict, Verdict::Warning, "{poor:#?}");
    while check(&url, "statistics").await.verdict == Verdict::Warning {
        fixed(&url, "statistics", FixKind::Analyze).await;
    }
    assert_eq!(verdict(&url, "statistics").await, Verdict::Good);
}

#[tokio::test]
async fn dead_rows_are_vacuumed() {
    let url = migrated_app("dead").await;
    execute(&url, "ALTER TABLE public.assets SET (autovacuum_enabled = off)").await;
    assert_eq!(verdict(&url, "dead-rows").await, Verdict::Good);
    let session = client(&url).await;
    session
        .batch_execute(
            "INSERT INTO public.assets SELECT n, 1, now() FROM generate_series(1000, 5000) n;
             DELETE FROM public.assets WHERE id >= 1000",
        )
        .await
        .unwrap();
    // A session reports its statistics when it is idle for a moment, or ends.
    drop(session);
    eventually_verdict(&url, "dead-rows", Verdict::Warning).await;
    fixed(&url, "dead-rows", FixKind::Vacuum).await;
    eventually_verdict(&url, "dead-rows", Verdict::Good).await;
}

async fn eventually_verdict(url: &str, id: &str, wanted: Verdict) {
    for _ in 0..200 {
        if verdict(url, id).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{id} never became {wanted:?}");
}

#[tokio::test]
async fn old_rows_of_the_log_are_cleaned_up() {
    let url = migrated_app("log").await;
    assert_eq!(verdict(&url, "log-growth").await, Verdict::Good);
    execute(
        &url,
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at, created_at)
         SELECT 'platform_metrics', 'success', at, at
         FROM (SELECT now() - interval '32 days' - n * interval '1 minute' AS at FROM generate_series(1, 20) n) old",
    )
    .await;
    let grown = check(&url, "log-growth").await;
    assert!(grown.finding.starts_with("19 rows"), "all but the last success: {}", grown.finding);
    fixed(&url, "log-growth", FixKind::CleanUpLog).await;
    assert_eq!(verdict(&url, "log-growth").await, Verdict::Good);
}

#[tokio::test]
async fn sizes_are_listed_and_never_wait_for_a_lock() {
    let url = migrated_app("sizes").await;
    let Detail::Table(table) = check(&url, "sizes").await.detail else { panic!() };
    let names: Vec<&str> = table.rows.iter().map(|row| &*row[0]).collect();
    for name in ["public.assets", "public.platform_metrics"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let holder = session::Session::with(&url, "BEGIN; LOCK TABLE public.assets").await;
    let held = check(&url, "sizes").await;
    assert_eq!(held.verdict, Verdict::Good, "{held:#?}");
    let plan = check(&url, "plan").await;
    assert_eq!(plan.verdict, Verdict::Unknown);
    assert!(plan.finding.contains("locked"), "{}", plan.finding);
    holder.run("ROLLBACK").await;
}

#[tokio::test]
async fn the_plan_points_at_its_costly_step() {
    let url = migrated_app("plan").await;
    let estimated = check(&url, "plan").await;
    let Detail::Plan(root) = &estimated.detail else { panic!("{estimated:#?}") };
    assert!(root.costly().is_some() && root.total_ms.is_none(), "{root:#?}");
    let options = Options { run_plan: Some(Duration::from_secs(20)), limits: Limits::default() };
    let diagnosis = diagnose_with(&url, &options).await;
    let Detail::Plan(root) = &diagnosis.check("plan").unwrap().detail else { panic!("{diagnosis:#?}") };
    assert!(root.total_ms.is_some(), "{root:#?}");
    let mut scans = Vec::new();
    root.walk(&mut |node| scans.extend(node.label.contains("public.assets").then_some(node.actual_rows)));
    assert_eq!(scans, [Some(30.0)]);
}

#[tokio::test]
async fn a_plan_that_takes_too_long_is_given_up_and_foreign_functions_are_not_run() {
    let url = migrated_app("slow_plan").await;
    execute(
        &url,
        "DROP MATERIALIZED VIEW public.platform_metrics;
         CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT pg_sleep(60)::text AS last_updated WITH NO DATA",
    )
    .await;
    let options = Options { run_plan: Some(Duration::from_millis(300)), limits: Limits::default() };
    let diagnosis = diagnose_with(&url, &options).await;
    let plan = diagnosis.check("plan").unwrap();
    assert!(plan.verdict == Verdict::Unknown && plan.finding.contains("was stopped after 300 ms"), "{plan:#?}");
    assert_eq!(plan.advice, "Give it longer: refreshtop doctor --analyze 3s.");
    let Detail::Plan(root) = &plan.detail else { panic!("{plan:#?}") };
    assert!(root.total_ms.is_none(), "as it is planned: {root:#?}");

    let (owner, _) = fresh_role(&url, "view_owner", "").await;
    execute(
        &url,
        &format!(
            "DROP MATERIALIZED VIEW public.platform_metrics;
             CREATE FUNCTION public.evil() RETURNS text IMMUTABLE LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'run as %', current_user; END $$;
             CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT public.evil() AS last_updated WITH NO DATA;
             ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO {owner}"
        ),
    )
    .await;
    let plan = check(&url, "plan").await;
    assert!(plan.verdict == Verdict::Unknown && plan.finding.contains("is not looked at"), "{plan:#?}");
}

/// `DROP TABLE assets CASCADE` takes the view with it.
#[tokio::test]
async fn a_view_that_was_dropped_comes_back_by_the_advice() {
    let url = migrated_app("dropped").await;
    execute(
        &url,
        "SELECT public.refresh_platform_metrics_with_logging(); DROP MATERIALIZED VIEW public.platform_metrics",
    )
    .await;
    let missing = check(&url, "view").await;
    assert!(missing.verdict == Verdict::Bad && missing.advice.contains("Run: refreshtop migrate"), "{missing:#?}");
    let inventory = check(&url, "inventory").await;
    assert!(
        inventory.verdict == Verdict::Bad && inventory.finding.contains("public.platform_metrics"),
        "{inventory:#?}"
    );
    refreshtop::command::migrate::up(&target(&url)).await.unwrap();
    for id in ["view", "unique-index", "inventory", "source-security"] {
        assert_eq!(verdict(&url, id).await, Verdict::Good, "{id}");
    }
    execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
    let rows = "SELECT count(*) FROM public.metrics_refresh_log WHERE status = 'success'";
    assert_eq!(value::<i64>(&url, rows).await, 2, "the log is kept");
    refreshtop::command::migrate::down(&target(&url), 0).await.unwrap();
}

/// What the figures rest on may change after the migration, and no refresh need fail by it.
#[tokio::test]
async fn rows_that_are_hidden_from_the_views_owner_are_reported() {
    let url = migrated_app("hidden").await;
    let (owner, _) = fresh_role(&url, "view_owner", "").await;
    assert_eq!(verdict(&url, "source-security").await, Verdict::Good);
    execute(
        &url,
        &format!(
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {owner}; GRANT CREATE ON SCHEMA public TO {owner};
             ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO {owner};
             ALTER TABLE public.assets ENABLE ROW LEVEL SECURITY"
        ),
    )
    .await;
    let hidden = check(&url, "source-security").await;
    assert!(hidden.verdict == Verdict::Bad && hidden.finding.contains("public.assets"), "{hidden:#?}");
    execute(&url, &format!("ALTER ROLE {owner} BYPASSRLS")).await;
    assert_eq!(verdict(&url, "source-security").await, Verdict::Good);

    // Through a plain view its owner reads, and through a security_invoker whoever reads that one.
    execute(&url, &format!("ALTER ROLE {owner} NOBYPASSRLS; ALTER TABLE public.assets RENAME TO all_assets")).await;
    execute(
        &url,
        &format!(
            "CREATE VIEW public.assets AS SELECT * FROM public.all_assets; GRANT SELECT ON public.assets TO {owner};
        DROP MATERIALIZED VIEW public.platform_metrics; CREATE MATERIALIZED VIEW public.platform_metrics AS
            SELECT count(*) AS total_assets, now() AS last_updated FROM public.assets WITH NO DATA;
        ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO {owner}"
        ),
    )
    .await;
    assert_eq!(verdict(&url, "source-security").await, Verdict::Good);
    if value::<bool>(&url, "SELECT current_setting('server_version_num')::integer >= 150000").await {
        execute(&url, "ALTER VIEW public.assets SET (security_invoker = yes)").await;
        assert_eq!(verdict(&url, "source-security").await, Verdict::Bad);
    }
}

#[tokio::test]
async fn rows_from_the_future_are_reported_and_make_nothing_fresh() {
    let url = migrated_app("future").await;
    assert_eq!(verdict(&url, "future-rows").await, Verdict::Good);
    execute(
        &url,
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at, completed_at, created_at)
         SELECT 'platform_metrics', 'success', at, at, at
         FROM (VALUES (now() - interval '2 hours'), (now() + interval '3 days')) t(at)",
    )
    .await;
    let future = check(&url, "future-rows").await;
    assert!(future.verdict == Verdict::Warning && future.finding.starts_with("1 row of the log is"), "{future:#?}");
    let mut session = crate::support::open(&url).await;
    let look = look(&mut session).await;
    let view = ViewId::new("platform_metrics");
    let stats = statistics::statistics(&look, &view, Some(Duration::from_hours(24)));
    let (stats, _) = stats.await.unwrap();
    assert_eq!((stats.total, stats.successful), (1, 1));
    assert!(chrono::Utc::now() - stats.last_success_at.unwrap() > chrono::TimeDelta::minutes(100), "{stats:?}");
}

/// A template's copy carries everything along but its place.
#[tokio::test]
async fn a_copy_is_reported() {
    let url = migrated_app("original").await;
    assert_eq!(verdict(&url, "home").await, Verdict::Good);
    let (server, original) = url.rsplit_once('/').unwrap();
    let copy = unique("copy");
    execute(&format!("{server}/postgres"), &format!("CREATE DATABASE {copy} TEMPLATE {original}")).await;
    let home = check(&format!("{server}/{copy}"), "home").await;
    assert!(
        home.verdict == Verdict::Bad && home.finding.contains(&format!("is a copy of database {original}")),
        "{home:#?}"
    );
}
