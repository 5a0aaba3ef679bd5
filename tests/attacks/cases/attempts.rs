//! Every attempt leaves its row, whatever happens around it.

use super::{down, refresh, refreshed, up};
use crate::support::{execute, fresh_app, migrate, options, session::Session, small_app_in, value};
use refreshtop_cluster::{ClusterOptions, DisposableCluster};

const LOG: &str = "SELECT string_agg(status, ' ' ORDER BY created_at) FROM public.metrics_refresh_log";

#[tokio::test]
async fn a_full_queue_of_notifications_costs_no_row() {
    let settings = vec![("max_notify_queue_pages".to_owned(), "64".to_owned())];
    let probe = crate::support::cluster().await.programs().major();
    if probe < 17 {
        return; // 8 GB would have to be filled.
    }
    let cluster = DisposableCluster::start(&ClusterOptions { settings, ..options() }, &mut |_| {}).await.unwrap();
    let url = small_app_in(&cluster, "app").await;
    migrate(&url).await;
    let listener = Session::with(&url, "LISTEN somebody").await;
    listener.run("BEGIN; SELECT 1").await;
    let session = Session::open(&url).await;
    for round in 0..2000 {
        let sql =
            format!("SELECT pg_notify('somebody', '{round} ' || n || repeat('x', 7000)) FROM generate_series(1, 3) n");
        if !session.sqlstate(&sql).await.is_empty()
            || session.value::<bool>("pg_notification_queue_usage() > 0.97").await
        {
            break;
        }
    }
    assert!(session.value::<f64>("pg_notification_queue_usage()").await > 0.9);
    refreshed(&url).await;
    let _holder = Session::with(&url, "BEGIN; REFRESH MATERIALIZED VIEW public.platform_metrics").await;
    execute(&url, "UPDATE refreshtop.views SET lock_timeout = '10 ms'").await;
    assert_eq!(refresh(&url).await.0, "error");
    assert_eq!(value::<String>(&url, LOG).await, "success error");
}

#[tokio::test]
async fn an_attempt_whose_transaction_does_not_end_well_is_logged_by_the_next() {
    let url = fresh_app("lost").await;
    up(&url).await;
    let session = Session::with(&url, "BEGIN; SELECT refreshtop.refresh('platform_metrics')").await;
    execute(&url, &format!("SELECT pg_terminate_backend({})", session.pid)).await;
    refresh_when_free(&url).await;
    assert_eq!(value::<String>(&url, LOG).await, "error success");
    let session = Session::with(&url, "BEGIN; SELECT refreshtop.refresh('platform_metrics'); ROLLBACK").await;
    drop(session);
    refreshed(&url).await;
    assert_eq!(value::<String>(&url, LOG).await, "error success error success");
}

/// Refreshes as soon as a session that was terminated is gone.
async fn refresh_when_free(url: &str) {
    while refresh(url).await.0 == "running" {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

const OLDER: &str = "CREATE TABLE public.metrics_refresh_log (id uuid PRIMARY KEY, refresh_type text, status text, created_at timestamptz)";

#[tokio::test]
async fn a_rollback_waits_for_a_refresh_and_keeps_its_row() {
    let url = fresh_app("refresh_first").await;
    execute(&url, OLDER).await;
    up(&url).await;
    let refreshing = Session::with(&url, "BEGIN; SELECT refreshtop.refresh('platform_metrics')").await;
    let there = url.clone();
    let rollback = tokio::spawn(async move { down(&there).await });
    let observer = Session::open(&url).await;
    observer.until("EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))").await;
    refreshing.run("COMMIT").await;
    rollback.await.unwrap();
    assert_eq!(value::<String>(&url, LOG).await, "success");
}

#[tokio::test]
async fn a_refresh_beside_a_rollback_is_logged_or_fails_at_once() {
    for commits in [false, true] {
        let url = fresh_app("rollback_first").await;
        execute(&url, OLDER).await;
        up(&url).await;
        let mut session = crate::support::open(&url).await;
        let pending = refreshtop_db::migrate::begin_down(&mut session, 0, &mut |_| {}, async |_| Ok(())).await.unwrap();
        let refreshing = Session::open(&url).await;
        let pid = refreshing.pid;
        let call = tokio::spawn(async move {
            refreshing.client.query_one("SELECT refreshtop.refresh('platform_metrics') ->> 'status'", &[]).await
        });
        Session::open(&url).await.until_waiting(pid).await;
        if commits {
            pending.commit().await.unwrap();
            let failure = call.await.unwrap().unwrap_err();
            assert!(failure.code().is_some(), "{failure:?}");
            assert_eq!(value::<i64>(&url, "SELECT count(*) FROM public.metrics_refresh_log").await, 0);
        } else {
            pending.rollback().await.unwrap();
            assert_eq!(call.await.unwrap().unwrap().get::<_, String>(0), "success");
            assert_eq!(value::<String>(&url, LOG).await, "success");
        }
    }
}

#[tokio::test]
async fn attempts_while_the_log_is_gone_are_merged_by_the_migration() {
    let url = fresh_app("gone").await;
    up(&url).await;
    execute(&url, "DROP TABLE public.metrics_refresh_log CASCADE").await;
    for _ in 0..3 {
        assert_eq!(refresh(&url).await.0, "success");
    }
    up(&url).await;
    assert_eq!(value::<String>(&url, LOG).await, "success success success");
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM refreshtop.log_fallback").await, 0);
}
