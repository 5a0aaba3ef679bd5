//! Attempts that could not log themselves: the next one does it for them.

use crate::support::{self, SMALL_APP, execute, migrate, migrated_app, session::Session};
use refreshtop_cluster::DisposableCluster;
use serde_json::{Value, json};

const REFRESH: &str = "public.refresh_platform_metrics_with_logging()";

/// Starts a refresh that waits for a lock; returns its process, the lock's holder and somebody who looks on. The
/// task that runs it ends in a panic when its session is ended, and nobody asks it.
async fn waiting_refresh(url: &str) -> (i32, Session, Session) {
    execute(url, "UPDATE refreshtop.views SET lock_timeout = '5 min'").await;
    let onlooker = Session::open(url).await;
    let holder = Session::with(url, "BEGIN; LOCK TABLE public.assets").await;
    let doomed = Session::open(url).await;
    let pid = doomed.pid;
    drop(doomed.start::<Value>(REFRESH));
    onlooker.until_waiting(pid).await;
    (pid, holder, onlooker)
}

fn check_lost(row: &Value) {
    assert_eq!(row["status"], "error");
    let message = row["error_message"].as_str().unwrap();
    assert!(message.contains("its session was terminated, the server went down, or"), "{message}");
    assert_eq!(
        (&row["completed_at"], &row["duration_ms"], &row["sqlstate"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(row["started_at"], row["created_at"], "it stands where it happened");
}

#[tokio::test]
async fn an_attempt_whose_session_was_terminated_is_logged_by_the_next() {
    let url = migrated_app("terminated").await;
    let (pid, holder, onlooker) = waiting_refresh(&url).await;
    let before: String = onlooker.value("clock_timestamp()::text").await;
    onlooker.run(&format!("SELECT pg_terminate_backend({pid})")).await;
    onlooker.until(&format!("NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {pid})")).await;
    holder.run("ROLLBACK").await;
    assert_eq!(onlooker.log().await, Vec::<Value>::new(), "nobody was left to log it");

    let mut listener = Session::with(&url, "LISTEN metrics_refresh").await;
    assert_eq!(onlooker.value::<Value>(REFRESH).await["status"], "success");
    let log = onlooker.log().await;
    assert_eq!(log.len(), 2, "{log:?}");
    check_lost(&log[0]);
    assert!(
        onlooker
            .value::<bool>(&format!("'{}'::timestamptz < '{before}'", log[0]["started_at"].as_str().unwrap()))
            .await
    );
    assert_eq!(log[1]["status"], "success");
    assert_eq!(listener.payload().await["id"], log[0]["id"]);
    assert_eq!(listener.payload().await["id"], log[1]["id"]);

    assert_eq!(onlooker.value::<Value>(REFRESH).await["status"], "success");
    assert_eq!(onlooker.log().await.len(), 3, "it is logged once");
}

#[tokio::test]
async fn each_of_several_lost_attempts_is_logged_once() {
    let url = migrated_app("several").await;
    for _ in 0..3 {
        let (pid, holder, onlooker) = waiting_refresh(&url).await;
        onlooker.run(&format!("SELECT pg_terminate_backend({pid})")).await;
        onlooker.until(&format!("NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {pid})")).await;
        holder.run("ROLLBACK").await;
    }
    let session = Session::open(&url).await;
    for _ in 0..2 {
        assert_eq!(session.value::<Value>(REFRESH).await["status"], "success");
    }
    let log = session.log().await;
    assert_eq!(log.len(), 5, "{log:?}");
    log[..3].iter().for_each(check_lost);
    assert!(log[..3].windows(2).all(|pair| pair[0]["started_at"].as_str() < pair[1]["started_at"].as_str()));
}

#[tokio::test]
async fn an_attempt_that_a_crash_ended_is_logged_by_the_next() {
    let mut cluster = DisposableCluster::start(&support::options(), &mut |_| {}).await.unwrap();
    execute(&cluster.url("postgres"), "CREATE DATABASE app").await;
    let url = cluster.url("app");
    execute(&url, SMALL_APP).await;
    migrate(&url).await;
    let (_, _holder, onlooker) = waiting_refresh(&url).await;
    // The mark reaches the disk with the next commit, anybody's.
    onlooker.run("SET synchronous_commit = on; CREATE TABLE public.traffic ()").await;
    cluster.kill9();
    cluster.start_postgres().await.unwrap();

    let session = Session::open(&url).await;
    assert_eq!(session.value::<Value>(REFRESH).await["status"], "success");
    let log = session.log().await;
    assert_eq!(log.len(), 2, "{log:?}");
    check_lost(&log[0]);
    cluster.stop().await.unwrap();
}

/// From inside the database it can't be distinguished from one whose session died before the commit.
#[tokio::test]
async fn an_attempt_that_its_caller_rolled_back_is_logged_by_the_next() {
    let url = migrated_app("undone").await;
    let session = Session::with(&url, "BEGIN").await;
    assert_eq!(session.value::<Value>(REFRESH).await["status"], "success");
    session.run("ROLLBACK").await;
    assert_eq!(session.value::<Value>(REFRESH).await["status"], "success");
    let log = session.log().await;
    assert_eq!(log.len(), 2, "{log:?}");
    check_lost(&log[0]);
}

/// With everything done but the commit.
#[tokio::test]
async fn an_attempt_whose_session_ends_before_the_commit_is_logged_by_the_next() {
    let url = migrated_app("uncommitted").await;
    let session = Session::with(&url, "BEGIN").await;
    assert_eq!(session.value::<Value>(REFRESH).await["status"], "success");
    let onlooker = Session::open(&url).await;
    let pid = session.pid;
    onlooker.run(&format!("SELECT pg_terminate_backend({pid})")).await;
    onlooker.until(&format!("NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {pid})")).await;
    assert_eq!(onlooker.value::<Value>(REFRESH).await["status"], "success");
    let log = onlooker.log().await;
    assert_eq!(log.len(), 2, "{log:?}");
    check_lost(&log[0]);
}

/// The audit row is written before the attempt counts as finished.
#[tokio::test]
async fn a_trigger_that_could_not_be_audited_is_logged_by_the_next() {
    let url = migrated_app("unaudited").await;
    let holder = Session::with(&url, "BEGIN; LOCK TABLE refreshtop.audit").await;
    execute(&url, "UPDATE refreshtop.views SET lock_timeout = '5 min'").await;
    let session = Session::open(&url).await;
    let pid = session.pid;
    let cancel = async {
        holder.until_waiting(pid).await;
        holder.run(&format!("SELECT pg_cancel_backend({pid}); ROLLBACK")).await;
    };
    let (sqlstate, ()) = tokio::join!(session.sqlstate("SELECT public.trigger_platform_metrics_refresh()"), cancel);
    assert_eq!(sqlstate, "57014");
    assert_eq!(session.value::<Value>(REFRESH).await["status"], "success");
    let statuses: Vec<Value> = session.log().await.iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, [json!("error"), json!("success")]);
}

/// It is kept aside until the log takes rows again.
#[tokio::test]
async fn an_attempt_that_could_not_write_its_row_is_put_into_the_log_by_the_next() {
    let url = migrated_app("unwritten").await;
    execute(&url, "UPDATE refreshtop.views SET lock_timeout = '100 ms'").await;
    let holder = Session::with(&url, "BEGIN; LOCK TABLE public.metrics_refresh_log").await;
    let session = Session::open(&url).await;
    let kept: Value = session.value(REFRESH).await;
    assert_eq!(kept["status"], "success");
    holder.run("ROLLBACK").await;
    assert!(session.log().await.is_empty());
    assert_eq!(session.value::<Value>(REFRESH).await["status"], "success");
    let log = session.log().await;
    assert_eq!(log.len(), 2, "{log:?}");
    assert_eq!(log[0]["id"], kept["id"]);
}
