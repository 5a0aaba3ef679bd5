//! What a poll of 1,000 views costs the server over ten million log rows, and over a tenth of them: at most 20 ms of
//! processor time, and 2 ms of one view.
//!
//! Takes some minutes and 5 GB in the folder for temporary files. `ROWS` sets another number, and `VIEWS` another number
//! of views: `ROWS=100000 VIEWS=100` takes seconds.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark, run by hand")]

#[path = "../tests/support/mod.rs"]
mod support;

use refreshtop_cluster::{ClusterOptions, DisposableCluster};
use refreshtop_core::address::ViewId;
use refreshtop_db::poller::Poller;
use std::{
    env, fs,
    time::{Duration, Instant},
};
use support::{durations::Durations, execute, migrate, options, session::Session, small_app_in, target};

const VIEWS: u64 = 1_000;
const MANY: u64 = 10_000_000;
const POLLS: usize = 100;
/// Attempts that end between two polls, five seconds apart: those of ten million rows in thirty days.
const NEW: u64 = 20;

/// Statements that read the same for all views; each is timed by itself.
const PARTS: [(&str, &str); 7] = [
    ("statistics of all", "SELECT * FROM refreshtop.stats_of_all('1 day')"),
    ("newest attempts of all", "SELECT * FROM refreshtop.recent_of_all(20)"),
    ("both, since the last poll", "SELECT * FROM refreshtop.changed_stats('1 day', 20, $1::text::jsonb)"),
    ("registry", "SELECT * FROM refreshtop.views"),
    ("catalog", include_str!("../crates/db/src/views/board.sql")),
    ("catalog, whether it has changed", include_str!("../crates/db/src/views/board_state.sql")),
    ("catalog of `refreshtop views`", include_str!("../crates/db/src/views/list.sql")),
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
    for (rows, count) in [(many / 10, count), (many, count), (many / 10, 1)] {
        costs(&cluster, rows, count).await;
    }
    cluster.stop().await.expect("it stops");
}

/// What is read of `count` views with `rows` log rows over thirty days.
async fn costs(cluster: &DisposableCluster, rows: u64, count: u64) {
    let database = format!("rows_{rows}_{count}");
    let url = small_app_in(cluster, &database).await;
    fill(&url, rows, count).await;
    let since = Instant::now();
    migrate(&url).await;
    execute(&url, "DELETE FROM refreshtop.views WHERE refresh_type = 'platform_metrics'").await;
    println!("\n{count} views, {rows} rows: the migration that makes the sums took {:.1?}", since.elapsed());
    let admin = format!("oncall_{database}");
    execute(&url, &format!("CREATE ROLE {admin} LOGIN PASSWORD '{admin}' IN ROLE refreshtop_admin")).await;
    let url_of_admin = cluster.url_of(&admin, &admin, &database);
    let session = Session::open(&url_of_admin).await;
    for (name, sql) in PARTS {
        println!("  {name}: {}", of_a_statement(&session, sql).await);
    }
    let writer = Session::open(&url).await;
    println!("  a poll, nothing new: {}", of_polls(&url_of_admin, &writer, count, "SELECT").await);
    let attempts = format!(
        "DO $$ BEGIN FOR n IN 1 .. {NEW} LOOP
             INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, started_at, created_at)
             VALUES ('public.v' || 1 + floor(random() * {count})::int, 'success', 12.345, now(), clock_timestamp());
         END LOOP; END $$"
    );
    println!("  a poll, {NEW} new attempts: {}", of_polls(&url_of_admin, &writer, count, &attempts).await);
    let shape =
        "ALTER MATERIALIZED VIEW public.v1 RENAME TO renamed; ALTER MATERIALIZED VIEW public.renamed RENAME TO v1;
                 ALTER INDEX v1_a_idx RENAME TO i; ALTER INDEX i RENAME TO v1_a_idx; SELECT";
    println!("  a poll, after changes of a view: {}", of_polls(&url_of_admin, &writer, count, shape).await);
    writer.run("UPDATE refreshtop.views SET stats_window = interval '30 days'").await;
    println!("  windows of 30 days of their own:");
    println!("  statistics of all: {}", of_a_statement(&session, "SELECT * FROM refreshtop.stats_of_all(NULL)").await);
    println!("  a poll, {NEW} new attempts: {}", of_polls(&url_of_admin, &writer, count, &attempts).await);
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
    println!("  an insert of one attempt, elapsed: {taken}");
}

/// The processor time that a process of the server has used.
fn used(pid: i32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).expect("Linux, and the right to read it");
    Duration::from_nanos(text.split_whitespace().next().expect("a number").parse().expect("a number"))
}

/// Of the server's process for polls as the monitor makes them, the first one apart, with `meanwhile` before each.
async fn of_polls(url: &str, writer: &Session, count: u64, meanwhile: &str) -> String {
    let mut poller = Poller::open(&target(url), &ViewId::new("public.v1")).await.expect("a session");
    poller.set_direct();
    let pid = poller.session().pid().await.expect("a process");
    let (mut first, mut taken) = (Duration::ZERO, Durations::default());
    for number in 0..=POLLS {
        writer.run(meanwhile).await;
        let before = used(pid);
        let polled = poller.poll(None, |_| {}).await.expect("a poll");
        // What was only read is rolled back after the answer.
        poller.session().pid().await.expect("a process");
        let views = polled.board.expect("a board").expect("views");
        assert_eq!(views.views.iter().filter(|view| view.stats.is_some()).count() as u64, count);
        match number {
            0 => first = used(pid).saturating_sub(before),
            _ => taken.push(used(pid).saturating_sub(before)),
        }
    }
    format!("{taken} (the first {first:.2?})")
}

/// Of the server's process for a statement.
async fn of_a_statement(session: &Session, sql: &str) -> Durations {
    let pid: i32 = session.value("pg_backend_pid()").await;
    let mut known: Option<String> = None;
    let mut taken = Durations::default();
    // The first ones fill caches.
    for number in 0..POLLS + 5 {
        let before = used(pid);
        let rows = if sql.contains("$1") {
            session.client.query(sql, &[&known]).await
        } else {
            session.client.query(sql, &[]).await
        };
        let spent = used(pid).saturating_sub(before);
        let rows = rows.expect("rows");
        if sql.contains("$1") {
            known = Some(rows[0].get::<_, serde_json::Value>("known").to_string());
        }
        if number >= 5 {
            taken.push(spent);
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
    session.run("VACUUM ANALYZE").await;
}
