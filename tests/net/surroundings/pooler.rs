//! Behind a real PgBouncer.

use super::{Polls, REFRESH, polling};
use crate::support::{
    CRON_DATABASE, client, cluster,
    companion::Pooler,
    execute, fresh_app, migrate, migrated_app, options,
    session::Session,
    small_app_in,
    terminal::{Launch, REFRESHTOP},
    value,
};
use refreshtop_cluster::{ClusterOptions, Cron, DisposableCluster};
use std::{
    collections::HashSet,
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const IGNORING: &str = "ignore_startup_parameters = options,extra_float_digits";
const BOTH: [&str; 2] = ["", IGNORING];
const NOTICED: &str = "notifications don't come through";

#[tokio::test]
async fn in_session_mode_notifications_arrive() {
    for settings in BOTH {
        let url = migrated_app("session").await;
        let pooler = Pooler::start(cluster().await, "session", 5, settings);
        let monitor = Launch::monitor(&pooler.url(&url)).live();
        monitor.wait_text("no refresh");
        execute(&url, REFRESH).await;
        monitor.wait_for("the run, by its notification", |screen| screen.contains("RUNS  1 "));
    }
}

#[tokio::test]
async fn in_transaction_mode_missing_notifications_are_noticed_and_polling_carries_on() {
    for settings in BOTH {
        let url = migrated_app("transaction").await;
        let pooler = Pooler::start(cluster().await, "transaction", 5, settings);
        let mut monitor = polling(&pooler.url(&url)).start();
        monitor.wait_for("why it polls", |screen| screen.contains("POLLING every 1s") && screen.contains(NOTICED));
        execute(&url, REFRESH).await;
        monitor.wait_text("RUNS  1 ");
        monitor.send("r");
        monitor.wait_text("refreshed in");
        monitor.wait_text("RUNS  2 ");
    }
}

#[tokio::test]
async fn nothing_is_left_on_connections_that_others_get() {
    let url = migrated_app("left").await;
    // One connection of the server for all.
    let pooler = Pooler::start(cluster().await, "transaction", 1, IGNORING);
    let monitor = polling(&pooler.url(&url)).start();
    monitor.wait_text(NOTICED);
    monitor.wait_text("data of");
    let other = Session::open(&pooler.url(&url)).await;
    for (setting, own) in [("statement_timeout", "0"), ("lock_timeout", "0"), ("default_transaction_read_only", "off")]
    {
        let answer = other.client.simple_query(&format!("SHOW {setting}")).await.unwrap();
        let found = answer.iter().find_map(|part| match part {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        assert_eq!(found, Some(own), "{setting}");
    }
    let answer = other.client.simple_query("SELECT pg_listening_channels()").await.unwrap();
    let channels = answer.iter().filter(|part| matches!(part, tokio_postgres::SimpleQueryMessage::Row(_))).count();
    assert_eq!(channels, 0, "{answer:?}");
}

#[tokio::test]
async fn polls_hop_between_connections_of_the_server_and_all_succeed() {
    let url = migrated_app("hop").await;
    execute(&url, REFRESH).await;
    let pooler = Pooler::start(cluster().await, "transaction", 5, "server_round_robin = 1");
    let through = pooler.url(&url);
    let done = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..8)
        .map(|_| {
            let (through, done) = (through.clone(), done.clone());
            tokio::spawn(async move {
                let client = client(&through).await;
                let mut times = 0_u32;
                while !done.load(Ordering::Relaxed) {
                    client.batch_execute("BEGIN; SELECT count(*) FROM public.accounts; COMMIT").await.unwrap();
                    times += 1;
                }
                times
            })
        })
        .collect();
    let watcher = {
        let (session, done) = (Session::open(&url).await, done.clone());
        tokio::spawn(async move {
            let mut pids = HashSet::new();
            while !done.load(Ordering::Relaxed) {
                let sql = "SELECT pid FROM pg_stat_activity
                           WHERE application_name = 'refreshtop poll' AND datname = current_database()";
                pids.extend(session.client.query(sql, &[]).await.unwrap().iter().map(|row| row.get::<_, i32>(0)));
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            pids
        })
    };
    let mut polls = Polls::new(&through);
    for number in 0..200 {
        let snapshot = polls.poll().await.unwrap_or_else(|why| panic!("poll {number}: {why:?}"));
        let stats = snapshot.stats.unwrap_or_else(|why| panic!("poll {number}: {why:?}"));
        assert_eq!((stats.total, snapshot.runs.unwrap().len(), snapshot.errors.unwrap().len()), (1, 1, 0));
        assert_eq!(snapshot.figures.unwrap().total_accounts, 10);
    }
    done.store(true, Ordering::Relaxed);
    for other in others {
        assert!(other.await.unwrap() > 0);
    }
    let pids = watcher.await.unwrap();
    assert!(pids.len() > 1, "all on one connection of the server: {pids:?}");
}

#[tokio::test]
async fn a_run_is_read_in_full_behind_the_pooler() {
    let url = migrated_app("full").await;
    execute(&url, REFRESH).await;
    let pooler = Pooler::start(cluster().await, "transaction", 2, "");
    let mut monitor = polling(&pooler.url(&url)).start();
    monitor.wait_text("RUNS  1 ");
    monitor.send("\t\r");
    monitor.wait_text("postgres");
}

#[tokio::test]
async fn the_monitor_recovers_after_a_pooler_or_its_server_pauses_or_restarts() {
    let mut cluster = DisposableCluster::start(&options(), &mut |_| {}).await.unwrap();
    let url = small_app_in(&cluster, "app").await;
    migrate(&url).await;
    let mut pooler = Pooler::start(&cluster, "transaction", 5, "");
    let monitor = polling(&pooler.url(&url)).start();
    let well = |screen: &str| screen.contains("POLLING every") && screen.contains(NOTICED);
    monitor.wait_for("a first look", |screen| well(screen) && screen.contains("no refresh"));

    pooler.command(&url, "PAUSE").await;
    monitor.wait_for("the pause", |screen| screen.contains("OLD"));
    pooler.command(&url, "RESUME").await;
    execute(&url, REFRESH).await;
    monitor.wait_for("the end of the pause", |screen| well(screen) && screen.contains("RUNS  1 "));

    pooler.stop();
    monitor.wait_text("DOWN");
    pooler.resume();
    execute(&url, REFRESH).await;
    monitor.wait_for("the new pooler", |screen| well(screen) && screen.contains("RUNS  2 "));

    cluster.restart().await.unwrap();
    execute(&url, REFRESH).await;
    monitor.wait_for("the new server", |screen| well(screen) && screen.contains("RUNS  3 "));
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM public.metrics_refresh_log").await, 3);
    drop(monitor);
    drop(pooler);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_database_without_migrations_is_read_behind_the_pooler() {
    let url = fresh_app("plain").await;
    execute(&url, include_str!("../../fixtures/unmanaged.sql")).await;
    let pooler = Pooler::start(cluster().await, "transaction", 2, IGNORING);
    let snapshot = super::snapshot(&pooler.url(&url)).await;
    assert_eq!(snapshot.stats.unwrap().failed, 28);
}

fn refreshtop(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(REFRESHTOP);
    command.args(arguments).env_clear().env("REFRESHTOP_URL", url).env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

fn answer(url: &str, arguments: &[&str]) -> Output {
    refreshtop(url, arguments).output().unwrap()
}

/// What is prepared on either connection of a pool of two; both are open afterwards.
async fn left_prepared(url: &str) -> Vec<String> {
    // Each holds one while its transaction lasts.
    let clients = [client(url).await, client(url).await];
    for client in &clients {
        client.batch_execute("BEGIN").await.unwrap();
    }
    let mut left = Vec::new();
    for client in clients {
        let answer = client.simple_query("SELECT statement FROM pg_prepared_statements; COMMIT").await.unwrap();
        left.extend(answer.iter().filter_map(|part| match part {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0)?.to_owned()),
            _ => None,
        }));
    }
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_work_on_connections_that_change_and_leave_no_statement_there() {
    let url = fresh_app("commands").await;
    // Each transaction goes to another connection of the server than the one before it.
    let pooler = Pooler::start(cluster().await, "transaction", 2, "server_round_robin = 1");
    let through = pooler.url(&url);
    let elsewhere = pooler.url(&cluster().await.url(CRON_DATABASE));
    for database in [&through, &elsewhere] {
        assert_eq!(left_prepared(database).await, [""; 0]);
    }
    let cron: &[&[&str]] = &[
        &["job"],
        &["job", "runs"],
        &["job", "pause"],
        &["job", "resume"],
        &["job", "every", "*/10 * * * *"],
        &["job", "remove", "--yes"],
        &["job", "restore"],
    ];
    let others: &[&[&str]] = &[
        &["migrate"],
        &["migrate"],
        &["migrate", "status"],
        &["trigger"],
        &["status"],
        &["stats"],
        &["runs"],
        &["runs", "--failed", "--since", "6h"],
        &["views"],
        &["views", "show", "platform_metrics"],
        &["views", "tree"],
        &["cleanup", "--yes"],
        &["metrics"],
        &["check"],
    ];
    let down: &[&[&str]] = &[&["migrate", "down", "--to", "3", "--yes"], &["migrate", "down", "--yes"]];
    let has_cron = cluster().await.has_cron();
    for arguments in others.iter().chain(if has_cron { cron } else { &[] }).chain(down) {
        let answer = answer(&through, arguments);
        assert!(answer.status.success(), "{arguments:?}: {answer:?}");
        assert_eq!(left_prepared(&through).await, [""; 0], "{arguments:?}");
        assert_eq!(left_prepared(&elsewhere).await, [""; 0], "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheduler_and_a_follower_begin_on_connections_that_change() {
    let url = migrated_app("streams").await;
    execute(&url, REFRESH).await;
    let pooler = Pooler::start(cluster().await, "transaction", 2, "server_round_robin = 1");
    let through = pooler.url(&url);
    assert_eq!(left_prepared(&through).await, [""; 0]);
    for arguments in [&["schedule", "--cron", "0 0 1 1 *"][..], &["runs", "--follow"]] {
        let mut command = refreshtop(&through, arguments);
        let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let ended = running.try_wait().unwrap();
        running.kill().unwrap();
        let output = running.wait_with_output().unwrap();
        assert!(ended.is_none() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
        assert_eq!(left_prepared(&through).await, [""; 0], "{arguments:?}");
    }
}

/// A pooler may offer a database under another name than its own, and no other one.
#[tokio::test(flavor = "multi_thread")]
async fn the_job_is_found_if_the_pooler_has_another_name_for_the_database() {
    let cluster =
        DisposableCluster::start(&ClusterOptions { cron: Cron::IfInstalled("app".into()), ..options() }, &mut |_| {})
            .await
            .unwrap();
    if cluster.has_cron() {
        let url = small_app_in(&cluster, "app").await;
        let settings = format!("[databases]\nalias = host=127.0.0.1 port={} dbname=app", cluster.port());
        let pooler = Pooler::start(&cluster, "transaction", 5, &settings);
        let through = format!("{}/alias", pooler.url(&url).rsplit_once('/').unwrap().0);
        let migrated = answer(&through, &["migrate"]);
        assert!(migrated.status.success(), "{migrated:?}");
        // Without this nothing but the alias leads to the server.
        pooler.command(&url, "DISABLE app").await;
        for arguments in [&["status", "--json"][..], &["job", "--json"], &["doctor", "--json"]] {
            let printed = String::from_utf8(answer(&through, arguments).stdout).unwrap();
            assert!(
                printed.contains("*/5 * * * *") && !printed.contains("can't be seen, because"),
                "{arguments:?}: {printed}"
            );
        }
        let job = super::snapshot(&through).await.job.unwrap();
        assert_eq!(job.schedule, "*/5 * * * *");
    }
    cluster.stop().await.unwrap();
}
