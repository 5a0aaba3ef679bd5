//! A database that goes, comes back, or answers no more.

use super::{REFRESH, live};
use crate::support::{
    execute, migrate, migrated_app, options, processes::processes_of, session::Session, small_app_in, terminal::Launch,
};
use refreshtop_cluster::DisposableCluster;
use rustix::process::{Pid, Signal, kill_process};

/// A server of the test's own, with a migrated application.
async fn own_server() -> (DisposableCluster, String) {
    let cluster = DisposableCluster::start(&options(), &mut |_| {}).await.unwrap();
    let url = small_app_in(&cluster, "app").await;
    migrate(&url).await;
    (cluster, url)
}

/// Processes that are stopped until this is dropped.
struct Frozen(Vec<u32>);

impl Frozen {
    fn new(pids: Vec<u32>) -> Self {
        let frozen = Self(pids);
        frozen.signal(Signal::STOP);
        frozen
    }

    fn signal(&self, signal: Signal) {
        for pid in &self.0 {
            kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).ok();
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal(Signal::CONT);
    }
}

#[tokio::test]
async fn a_server_that_was_away_is_back_with_what_happened_meanwhile() {
    let (mut cluster, url) = own_server().await;
    execute(&url, REFRESH).await;
    let mut monitor = live(&url);
    monitor.wait_text("RUNS  1 ");
    cluster.stop_postgres().await.unwrap();
    monitor.wait_for("an old screen that says so", |screen| {
        screen.contains("DOWN for") && screen.contains("OLD") && screen.contains("? no connection")
    });
    monitor.wait_text("refused the connection");
    monitor.send("?");
    monitor.wait_text("read everything again");
    monitor.send("?r");
    monitor.wait_text("refused: not connected");

    // It can't reconnect before the refresh: it is stopped.
    let asleep = Frozen::new(vec![monitor.pid()]);
    cluster.start_postgres().await.unwrap();
    execute(&url, REFRESH).await;
    drop(asleep);
    monitor.wait_for("a live screen with both runs", |screen| {
        screen.contains("LIVE") && screen.contains("RUNS  2 ") && !screen.contains("OLD")
    });
    execute(&url, REFRESH).await;
    monitor.wait_text("RUNS  3 ");
    drop(monitor);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn an_ended_listener_listens_again() {
    const LISTENER: &str =
        "pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'refreshtop monitor'";
    let url = migrated_app("listener").await;
    let monitor = live(&url);
    let asking = Session::open(&url).await;
    let first: i32 = asking.value(LISTENER).await;
    asking.value::<bool>(&format!("pg_terminate_backend({first})")).await;
    asking.until(&format!("EXISTS (SELECT {LISTENER} AND pid <> {first})")).await;
    monitor.wait_text("LIVE");
    execute(&url, REFRESH).await;
    monitor.wait_for("a live screen with the run", |screen| screen.contains("LIVE") && screen.contains("RUNS  1 "));
}

#[tokio::test]
async fn keys_answer_while_the_server_hangs() {
    let (cluster, url) = own_server().await;
    let mut monitor = live(&url);
    let mut other = live(&url);
    let server = processes_of(cluster.folder()).into_iter().filter(|pid| *pid != cluster.watcher_pid()).collect();
    let hung = Frozen::new(server);
    for monitor in [&mut monitor, &mut other] {
        monitor.send("pr");
        monitor.wait_text("refreshing");
        monitor.send("?");
        monitor.wait_text("read everything again");
    }
    other.send("q");
    assert_eq!(other.wait_exit(), Ok(0));
    other.assert_given_back();

    monitor.send("?");
    monitor.wait_for("no more than an old screen", |screen| screen.contains("DOWN") && screen.contains("OLD"));
    drop(hung);
    monitor.wait_text("LIVE");
    drop(monitor);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_was_never_there_is_waited_for() {
    let (mut cluster, url) = own_server().await;
    cluster.stop_postgres().await.unwrap();
    let mut monitor = Launch::monitor(&url).start();
    monitor.wait_for("why there is nothing", |screen| {
        screen.contains("NOTHING HAS BEEN READ YET") && screen.contains("refused the connection")
    });
    monitor.send("?");
    monitor.wait_text("read everything again");
    monitor.send("?");
    cluster.start_postgres().await.unwrap();
    monitor.wait_for("a live screen", |screen| screen.contains("LIVE") && screen.contains("data of"));
    drop(monitor);
    cluster.stop().await.unwrap();
}
