//! Triggering and cancelling a refresh by key.

use crate::{
    REFRESH, app, blocker, live, patience,
    support::{client, execute, fresh_role},
};

#[tokio::test]
async fn r_refreshes_and_tells_the_result() {
    let url = app("trigger").await;
    let mut monitor = live(&url);
    monitor.send("r");
    monitor.wait_for("the result", |screen| screen.contains("refreshed in") && screen.contains("manual"));
    let source = "SELECT trigger_source FROM public.metrics_refresh_log";
    let row = client(&url).await.query_one(source, &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "manual");
}

#[tokio::test]
async fn r_during_another_refresh_says_that_one_is_running() {
    let url = app("busy").await;
    let other = client(&url).await;
    other.batch_execute(&format!("SET application_name = 'nightly batch'; BEGIN; {REFRESH}")).await.unwrap();
    let mut monitor = live(&url);
    monitor.send("r");
    monitor.wait_for("who is refreshing", |screen| {
        screen.contains("not started, one is running") && screen.contains("nightly batch")
    });
    other.batch_execute("COMMIT").await.unwrap();
    monitor.wait_text("RUNS  1 ");
}

#[tokio::test]
async fn r_as_a_plain_role_is_refused_in_a_sentence() {
    let url = app("plain").await;
    let (name, plain) = fresh_role(&url, "clerk", "").await;
    let mut monitor = live(&plain);
    monitor.wait_text(&format!("role {name}"));
    monitor.send("r");
    monitor.wait_for("a refusal", |screen| {
        screen.contains("refused: ") && screen.contains("only super administrators may")
    });
    monitor.send("\x1b");
    monitor.wait_for("a dismissed refusal", |screen| !screen.contains("refused: "));
}

#[tokio::test]
async fn c_cancels_a_refresh_and_the_log_has_it() {
    let url = app("cancel").await;
    execute(&url, REFRESH).await;
    patience(&url, "1 min").await;
    let _deploy = blocker(&url, "deploy").await;
    let mut monitor = live(&url);
    monitor.send("r");
    monitor.wait_text("(c cancels)");
    let asking = client(&url).await;
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while asking.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    monitor.send("c");
    monitor.wait_for("a cancelled refresh", |screen| {
        screen.contains("refresh failed after") && screen.contains("57014") && screen.contains("1 blocker")
    });
    let logged = "SELECT sqlstate, trigger_source FROM public.metrics_refresh_log WHERE status = 'error'";
    let row = asking.query_one(logged, &[]).await.unwrap();
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("57014", "manual"));
}
