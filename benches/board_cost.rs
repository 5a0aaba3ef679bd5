//! What a poll of 1,000 views costs the server over ten million log rows, and over a tenth of them: at most 20 ms.
//!
//! Takes some minutes and 4 GB in the folder for temporary files. `ROWS` sets another number, and `VIEWS` another number
//! of views: `ROWS=100000 VIEWS=100` takes seconds.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark, run by hand")]

#[path = "../tests/support/mod.rs"]
mod support;

use refreshtop_cluster::{ClusterOptions, DisposableCluster};
use refreshtop_db::{snapshot::Kept, views};
use std::{
    env,
    time::{Duration, Instant},
};
use support::{durations::Durations, execute, migrate, open, options, session::Session, small_app_in};

const VIEWS: u64 = 1_000;
const MANY: u64 = 10_000_000;
const POLLS: usize = 100;
const DAY: Duration = Duration::from_hours(24);

/// What the server does for a poll; each is timed by itself, on the server.
const PARTS: [(&str, &str); 4] = [
    ("stats_of_all", "SELECT * FROM refreshtop.stats_of_all('1 day')"),
    ("recent_of_all", "SELECT * FROM refreshtop.recent_of_all(20)"),
    ("registry", "SELECT * FROM refreshtop.views"),
    ("catalog", include_str!("../crates/db/src/views/list.sql")),
];

#[tokio::main]
async fn main() {
    let number = |name, usual| env::var(name).map_or(usual, |value| value.parse().expect("a number"));
    let (many, count) = (number("ROWS", MANY), number("VIEWS", VIEWS));
    let settings = [
        ("shared_buffers", "512MB"),
        ("maintenance_work_mem", "256MB"),
        ("max_wal_size", "4GB"),
        ("max_locks_per_transaction", "512"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options = ClusterOptions { settings, ..options() };
    let cluster = DisposableCluster::start(&options, &mut |_| {}).await.expect("a cluster");
    for rows in [many / 10, many] {
        polls(&cluster, rows, count).await;
    }
    cluster.stop().await.expect("it stops");
}

/// Times what the board's poll reads of `count` views with `rows` log rows over thirty days.
async fn polls(cluster: &DisposableCluster, rows: u64, count: u64) {
    let database = format!("rows_{rows}");
    let url = small_app_in(cluster, &database).await;
    fill(&url, rows, count).await;
    let since = Instant::now();
    migrate(&url).await;
    println!("{count} views, {rows} rows: the migration that makes the sums took {:.1?}", since.elapsed());
    let admin = format!("oncall_{database}");
    execute(&url, &format!("CREATE ROLE {admin} LOGIN PASSWORD '{admin}' IN ROLE refreshtop_admin")).await;
    let url_of_admin = cluster.url_of(&admin, &admin, &database);
    let session = Session::open(&url_of_admin).await;
    for (name, sql) in PARTS {
        println!("  {name}: {}", on_the_server(&session, sql).await);
    }
    let mut kept = Kept::of(open(&url_of_admin).await);
    let mut taken = Durations::default();
    for number in 0..=POLLS {
        let since = Instant::now();
        let all = views::read(&mut kept, Some(DAY)).await.expect("the views");
        assert_eq!(all.views.iter().filter(|view| view.stats.is_some()).count() as u64, count + 1);
        if number > 0 {
            taken.push(since.elapsed());
        }
    }
    println!("  a whole read, with its transfer and its decoding: {taken}");
    let writer = Session::open(&url).await;
    let mut taken = Durations::default();
    for number in 0..POLLS {
        let since = Instant::now();
        writer
            .run(&format!(
                "INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, started_at, created_at)
                 VALUES ('public.v{}', 'success', 12.345, now(), now())",
                1 + number as u64 % count
            ))
            .await;
        taken.push(since.elapsed());
    }
    println!("  an insert of one attempt: {taken}");
}

/// The time to plan and to execute on the server, without transfer.
async fn on_the_server(session: &Session, sql: &str) -> Durations {
    let explain = format!("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}");
    let mut taken = Durations::default();
    // The first ones plan, and fill caches.
    for number in 0..POLLS + 5 {
        let plan: serde_json::Value = session.client.query_one(&explain, &[]).await.expect("a plan").get(0);
        let milliseconds = |name: &str| plan[0][name].as_f64().expect("a time");
        if number >= 5 {
            let all = milliseconds("Planning Time") + milliseconds("Execution Time");
            taken.push(Duration::from_secs_f64(all / 1000.0));
        }
    }
    taken
}

/// Registers views, and fills the log in the time order in which it grows. One attempt in fifty failed.
async fn fill(url: &str, rows: u64, count: u64) {
    migrate(url).await;
    let session = Session::open(url).await;
    session
        .run(&format!(
            "DO $$ BEGIN FOR n IN 1 .. {count} LOOP
                 EXECUTE format('CREATE MATERIALIZED VIEW public.v%s AS SELECT %s AS a', n, n);
                 EXECUTE format('CREATE UNIQUE INDEX ON public.v%s (a)', n);
             END LOOP; END $$"
        ))
        .await;
    session
        .run(&format!(
            "INSERT INTO refreshtop.views (refresh_type, view_schema, view_name, view_oid, view_owner)
             SELECT 'public.v' || n, 'public', 'v' || n, ('public.v' || n)::regclass, current_user
             FROM generate_series(1, {count}) n"
        ))
        .await;
    // Afterwards the migration makes the sums, as it does in a database that has a log already.
    session.run("ALTER TABLE public.metrics_refresh_log DISABLE TRIGGER USER").await;
    session
        .run(&format!(
            "INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, error_message, sqlstate,
                 started_at, completed_at, created_at, trigger_source, triggered_by, login_role, application_name,
                 backend_pid)
             SELECT 'public.v' || (1 + n % {count}), CASE WHEN failed THEN 'error' ELSE 'success' END, 100 + n % 50,
                 CASE WHEN failed THEN 'canceling statement due to lock timeout' END, CASE WHEN failed THEN '55P03' END,
                 at, at, at, 'schedule', 'postgres', 'postgres', 'pg_cron', 1
             FROM (SELECT n, n % 53 = 0 AS failed, now() - n * interval '30 days' / {rows} AS at
                   FROM generate_series({rows}::bigint, 1, -1) n) run"
        ))
        .await;
    session.run("VACUUM ANALYZE public.metrics_refresh_log").await;
}
