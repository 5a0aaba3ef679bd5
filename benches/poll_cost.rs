//! What a poll costs over a month of log rows, and over ten million: it must be the same.
//!
//! Takes a few minutes and some 4 GB in the folder for temporary files. `ROWS` sets another number.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark, run by hand")]

#[path = "../tests/support/mod.rs"]
mod support;

use refreshtop_cluster::{ClusterOptions, DisposableCluster};
use refreshtop_core::address::ViewId;
use refreshtop_db::{contract::PLATFORM_METRICS, poller::Poller};
use std::{
    env,
    time::{Duration, Instant},
};
use support::{durations::Durations, execute, migrate, options, session::Session, small_app_in, target};

/// A month of refreshes, one every five minutes; the last day has 288 of them.
const MONTH: u64 = 8_640;
const MANY: u64 = 10_000_000;
const POLLS: usize = 300;
/// What is left to noise in the ratio of two medians that should be the same.
const MOST: f64 = 1.5;
const DAY: Duration = Duration::from_hours(24);

#[tokio::main]
async fn main() {
    let many = env::var("ROWS").ok().map_or(MANY, |rows| rows.parse().expect("ROWS is a number"));
    let settings = [("shared_buffers", "256MB"), ("maintenance_work_mem", "256MB"), ("max_wal_size", "4GB")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options = ClusterOptions { settings, ..options() };
    let cluster = DisposableCluster::start(&options, &mut |_| {}).await.expect("a cluster");
    let month = polls(&cluster, "month", MONTH).await;
    let long = polls(&cluster, "many", many).await;
    cluster.stop().await.expect("it stops");
    let ratio = long.median().as_secs_f64() / month.median().as_secs_f64();
    println!("ratio of the medians: {ratio:.2}");
    assert!(ratio < MOST, "it should not depend on the rows");
}

/// Times polls, as the monitor makes them, on a log of `rows` rows.
async fn polls(cluster: &DisposableCluster, database: &str, rows: u64) -> Durations {
    let since = Instant::now();
    let url = small_app_in(cluster, database).await;
    migrate(&url).await;
    fill(&url, rows).await;
    println!("{rows} rows in {:.0?}", since.elapsed());
    let admin = format!("oncall_{database}");
    execute(&url, &format!("CREATE ROLE {admin} LOGIN PASSWORD '{admin}' IN ROLE refreshtop_admin")).await;
    // Great rights look first, which costs something: the monitor is meant to be run without.
    timed(&url, "superuser", rows).await;
    timed(&cluster.url_of(&admin, &admin, database), "administrator", rows).await
}

async fn timed(url: &str, who: &str, rows: u64) -> Durations {
    let mut poller = Poller::open(&target(url), &ViewId::new(PLATFORM_METRICS)).await.expect("a session");
    poller.set_direct();
    let mut taken = Durations::default();
    // The first connects and fills caches.
    for number in 0..=POLLS {
        let since = Instant::now();
        let snapshot = poller.poll(Some(DAY), |_| {}).await.expect("a snapshot").snapshot;
        assert_eq!(snapshot.runs.expect("runs").len(), 288);
        if number > 0 {
            taken.push(since.elapsed());
        }
    }
    println!("{POLLS} polls of a {who} over {rows} rows: {taken}");
    taken
}

/// The last day's refreshes five minutes apart, as the scheduler makes them; older ones closer the more there are,
/// over 29 days. One in fifty failed.
async fn fill(url: &str, rows: u64) {
    const INDEXES: &str = "coalesce(string_agg(format('%s', pg_get_indexdef(indexrelid)), ';'), '') FROM pg_index
         WHERE indrelid = 'public.metrics_refresh_log'::regclass AND NOT indisprimary";
    const DROP: &str = "coalesce(string_agg(format('DROP INDEX %s', indexrelid::regclass), ';'), '') FROM pg_index
         WHERE indrelid = 'public.metrics_refresh_log'::regclass AND NOT indisprimary";
    let session = Session::open(url).await;
    session.run("REFRESH MATERIALIZED VIEW public.platform_metrics").await;
    let indexes: String = session.value(INDEXES).await;
    let drop: String = session.value(DROP).await;
    let older = rows.saturating_sub(288);
    let insert = format!(
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, error_message, sqlstate, started_at,
             completed_at, created_at, trigger_source, triggered_by, login_role, application_name, backend_pid)
         SELECT 'platform_metrics', CASE WHEN failed THEN 'error' ELSE 'success' END, 100 + n % 50,
             CASE WHEN failed THEN 'canceling statement due to lock timeout' END, CASE WHEN failed THEN '55P03' END,
             at, at, at, 'schedule', 'postgres', 'postgres', 'pg_cron', 1
         FROM (SELECT n, n % 50 = 0 AS failed,
                   now() - CASE WHEN n <= 288 THEN (n - 0.5) * interval '5 min'
                                ELSE interval '1 day' + (n - 288) * interval '29 days' / {older} END AS at
               FROM generate_series({rows}::bigint, 1, -1) n) run"
    );
    session.run(&drop).await;
    session.run(&insert).await;
    session.run(&indexes).await;
    session.run("VACUUM ANALYZE public.metrics_refresh_log").await;
}
