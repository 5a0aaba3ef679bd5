//! The demo, on a real server, with a replacement for the migrations.

use crate::support::{self, client, execute};
use refreshtop::demo::{
    Demo, DemoError, DemoOptions, history, seed, session::Session, shop, workload::WorkloadOptions,
};
use std::time::{Duration, Instant};

/// Log and function with the columns and the ways of the real ones.
const STAND_IN: &str = "
CREATE TABLE public.metrics_refresh_log (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), refresh_type varchar(100) NOT NULL,
    status varchar(20) NOT NULL CHECK (status IN ('success', 'error')), duration_ms numeric, error_message text,
    started_at timestamptz NOT NULL, completed_at timestamptz, created_at timestamptz DEFAULT now(),
    sqlstate text, error_detail text, error_hint text, error_context text,
    trigger_source text CHECK (trigger_source IN ('schedule', 'manual', 'direct')),
    triggered_by text, login_role text, application_name text, backend_pid int, measured jsonb, black_box jsonb);
CREATE MATERIALIZED VIEW public.platform_metrics AS
    SELECT 1 AS id, (SELECT count(*) FROM public.accounts) AS total_accounts,
           (SELECT count(DISTINCT user_id) FROM public.accounts_memberships) AS total_users,
           (SELECT count(*) FROM public.assets) AS total_assets,
           (SELECT count(*) FROM public.software_licenses) AS total_licenses;
CREATE UNIQUE INDEX ON public.platform_metrics (id);
CREATE FUNCTION public.refresh_platform_metrics_with_logging() RETURNS void LANGUAGE plpgsql
SET lock_timeout = '700ms' AS $$
DECLARE
    began timestamptz := clock_timestamp();
    state text;
    message text;
BEGIN
    BEGIN
        REFRESH MATERIALIZED VIEW CONCURRENTLY public.platform_metrics;
    EXCEPTION WHEN query_canceled OR OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    END;
    INSERT INTO public.metrics_refresh_log
        (refresh_type, status, duration_ms, error_message, started_at, completed_at, sqlstate, trigger_source, application_name)
    SELECT 'platform_metrics', CASE WHEN state IS NULL THEN 'success' ELSE 'error' END,
           extract(epoch FROM clock_timestamp() - began) * 1000, message, began, clock_timestamp(), state, 'schedule',
           current_setting('application_name');
END $$;
CREATE SCHEMA refreshtop;
CREATE FUNCTION refreshtop.manage(regclass, boolean) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION refreshtop.change_view(text, jsonb) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION refreshtop.refresh(text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN EXECUTE 'REFRESH MATERIALIZED VIEW ' || $1; END $$;
";

async fn stand_in(url: &str) -> Result<(), String> {
    execute(url, STAND_IN).await;
    Ok(())
}

fn full() -> DemoOptions {
    DemoOptions { pg_bin: support::options().pg_bin, ..DemoOptions::default() }
}

fn quick() -> DemoOptions {
    let workload = WorkloadOptions {
        change_every: Duration::from_millis(50),
        refresh_every: Duration::from_millis(100),
        first_fault: Duration::from_millis(300),
        fault_every: Duration::from_millis(500)..Duration::from_millis(600),
        cancel_after: Duration::from_millis(300),
        reconnect_after: Duration::from_millis(100),
    };
    DemoOptions { accounts: 100, workload, ..full() }
}

async fn start(options: &DemoOptions) -> Demo {
    Demo::start(options, stand_in, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn count(url: &str, condition: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM public.metrics_refresh_log WHERE {condition}");
    client(url).await.query_one(&sql, &[]).await.unwrap().get(0)
}

async fn until_logged(url: &str, condition: &str) {
    let since = Instant::now();
    while count(url, condition).await == 0 {
        assert!(since.elapsed() < Duration::from_mins(1), "no row with {condition}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn refreshes_fails_in_both_ways_survives_a_restart_and_ends() {
    let mut demo = start(&quick()).await;
    let url = demo.url();
    let live = "application_name = 'refreshtop schedule'";
    until_logged(&url, &format!("{live} AND status = 'success'")).await;
    until_logged(&url, &format!("{live} AND sqlstate = '55P03'")).await;
    until_logged(&url, &format!("{live} AND sqlstate = '57014'")).await;

    demo.cluster.restart().await.unwrap();
    let restarted = "started_at > pg_postmaster_start_time()";
    until_logged(&url, &format!("{live} AND status = 'success' AND {restarted}")).await;
    until_logged(&url, &format!("{live} AND status = 'error' AND {restarted}")).await;

    let folder = demo.cluster.folder().to_owned();
    let since = Instant::now();
    demo.stop().await.unwrap();
    // A server that is asked to wait for its sessions would never end.
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_failing_migration_is_reported_and_leaves_nothing() {
    let base = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(base.path(), mode).unwrap();
    let options = DemoOptions { temp_dir: Some(base.path().into()), ..quick() };
    let refused = async |_: &str| Err("no such object");
    let error = Demo::start(&options, refused, &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, DemoError::Migrate(_)) && error.to_string().contains("no such object"), "{error}");
    assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn seeds_the_proportions_of_a_plausible_product() {
    let url = support::fresh_database("seed").await;
    let mut steps = Vec::new();
    let session = Session::connect(&url, "test").await.unwrap();
    seed::run(&session, 1_000, &mut |step| steps.push(step.to_owned())).await.unwrap();
    assert!(steps.contains(&"adding 20,000 assets".to_owned()), "{steps:?}");

    let asking = client(&url).await;
    let row = asking.query_one(
        "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM accounts_memberships),
                (SELECT count(DISTINCT user_id) FROM accounts_memberships), (SELECT count(*) FROM assets),
                (SELECT count(*) FROM software_licenses),
                (SELECT count(*) FROM assets WHERE created_at > now() - interval '30 days'),
                (SELECT count(*) FROM assets WHERE created_at > now() OR created_at < now() - interval '731 days')",
        &[],
    );
    let row = row.await.unwrap();
    let counts: Vec<i64> = (0..7).map(|column| row.get(column)).collect();
    assert_eq!(counts[..5], [1_000, 5_000, 3_500, 20_000, 5_000]);
    assert!((600..2_000).contains(&counts[5]), "growth of {} in 20,000", counts[5]);
    assert_eq!(counts[6], 0);
}

#[tokio::test]
async fn the_smallest_scale_works() {
    let url = support::fresh_database("tiny").await;
    let session = Session::connect(&url, "test").await.unwrap();
    seed::run(&session, 0, &mut |_| {}).await.unwrap();
}

#[tokio::test]
async fn history_is_a_full_day_that_says_it_is_made_up() {
    let url = support::fresh_app("history").await;
    stand_in(&url).await.unwrap();
    history::run(&Session::connect(&url, "test").await.unwrap(), 80.0).await.unwrap();
    let asking = client(&url).await;
    let row = asking.query_one(
        "SELECT count(*), count(*) FILTER (WHERE status = 'error'), count(DISTINCT sqlstate),
                count(*) FILTER (WHERE trigger_source = 'manual'), count(black_box),
                count(*) FILTER (WHERE application_name = 'refreshtop demo history'),
                count(*) FILTER (WHERE completed_at > now() OR started_at < now() - interval '24 hours 1 minute'),
                count(*) FILTER (WHERE (status = 'error') <> (error_message IS NOT NULL AND sqlstate IS NOT NULL)),
                (avg(duration_ms) FILTER (WHERE status = 'success'))::float8,
                max(jsonb_array_length(black_box->'sessions'))::bigint
         FROM metrics_refresh_log",
        &[],
    );
    let row = row.await.unwrap();
    let counts: Vec<i64> = (0..8).map(|column| row.get(column)).collect();
    assert_eq!(counts, [288, 4, 3, 6, 4, 288, 0, 0]);
    let average: f64 = row.get(8);
    assert!((60.0..120.0).contains(&average), "{average}");
    assert_eq!(row.get::<_, i64>(9), 2);
}

#[tokio::test]
async fn the_shop_has_views_of_each_kind_and_a_day_of_history() {
    let url = support::migrated_app("shop").await;
    let session = Session::connect(&url, "test").await.unwrap();
    shop::seed(&session, 500).await.unwrap();
    shop::manage(&session).await.unwrap();
    shop::history(&session).await.unwrap();
    for _ in 0..20 {
        session.run(shop::CHANGE).await.unwrap();
    }
    for turn in 0..4 {
        session.run(&shop::refresh_in_turn(turn)).await.unwrap();
    }
    let asking = client(&url).await;
    let managed =
        "SELECT string_agg(refresh_type || CASE WHEN blocking THEN ' blocking' ELSE '' END, ', ' ORDER BY refresh_type)
                   FROM refreshtop.views WHERE managed_at IS NOT NULL";
    let managed: String = asking.query_one(managed, &[]).await.unwrap().get(0);
    assert_eq!(managed, "shop.bought_together blocking, shop.daily_sales, shop.margins, shop.monthly_sales");
    let log = "SELECT count(DISTINCT refresh_type), count(*) FILTER (WHERE application_name = 'test'),
                      count(*) FILTER (WHERE application_name <> 'test' AND status = 'error'),
                      count(*) FILTER (WHERE (status = 'error') <> (error_message IS NOT NULL AND sqlstate IS NOT NULL)
                                          OR completed_at > now() OR started_at < now() - interval '24 hours 1 minute')
               FROM metrics_refresh_log";
    let row = asking.query_one(log, &[]).await.unwrap();
    let counts: Vec<i64> = (0..4).map(|column| row.get(column)).collect();
    assert_eq!(counts, [4, 8, 8, 0]);
}
