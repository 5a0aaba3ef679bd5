//! Triggering and cancelling a refresh by key.

use super::{REFRESH, blocker, live, patience};
use crate::support::{execute, fresh_role, migrated_app, session::Session};

#[tokio::test]
async fn r_refreshes_and_shows_the_result() {
    let url = migrated_app("trigger").await;
    let mut monitor = live(&url);
    monitor.send("r");
    monitor.wait_for("the result", |screen| screen.contains("refreshed in") && screen.contains("manual"));
    let log = Session::open(&url).await.log().await;
    assert_eq!((log.len(), &log[0]["trigger_source"]), (1, &"manual".into()));
}

#[tokio::test]
async fn r_during_another_refresh_says_that_one_is_running() {
    let url = migrated_app("busy").await;
    let other = Session::with(&url, &format!("SET application_name = 'nightly batch'; BEGIN; {REFRESH}")).await;
    let mut monitor = live(&url);
    monitor.send("r");
    monitor.wait_for("who is refreshing", |screen| {
        screen.contains("not started, one is running") && screen.contains("nightly batch")
    });
    other.run("COMMIT").await;
    monitor.wait_text("RUNS  1 ");
}

#[tokio::test]
async fn r_as_a_plain_role_is_refused_in_a_sentence() {
    let url = migrated_app("plain").await;
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
    let url = migrated_app("cancel").await;
    execute(&url, REFRESH).await;
    patience(&url, "1 min").await;
    let _deploy = blocker(&url, "deploy").await;
    let mut monitor = live(&url);
    monitor.send("r");
    monitor.wait_text("(c cancels)");
    let asking = Session::open(&url).await;
    asking.until("EXISTS (SELECT FROM pg_locks WHERE relation = 'accounts'::regclass AND NOT granted)").await;
    monitor.send("c");
    monitor.wait_for("a cancelled refresh", |screen| {
        screen.contains("refresh failed after") && screen.contains("57014") && screen.contains("1 blocker")
    });
    let log = asking.log().await;
    let [_, failure] = &log[..] else { panic!("{log:?}") };
    assert_eq!((&failure["sqlstate"], &failure["trigger_source"]), (&"57014".into(), &"manual".into()));
}
