//! What it shows, and how it learns of it.

use super::{REFRESH, blocker, live, patience};
use crate::support::{execute, fresh_database, migrate, migrated_app, terminal::Launch};

/// The nine figures, as the screen names them; the last error has a line of its own.
const FIGURES: [&str; 9] =
    ["Total", "Successful", "Failed", "Success rate", "Average", "Maximum", "Minimum", "Last refresh", "Last error"];

#[tokio::test]
async fn shows_the_database_its_state_and_the_help_and_quits() {
    let url = migrated_app("shows").await;
    execute(&url, REFRESH).await;
    let mut monitor = live(&url);
    let place = url.rsplit_once('@').unwrap().1.split_once('/').unwrap();
    let screen =
        monitor.wait_for("all of it", |screen| screen.contains("all checks pass") && screen.contains("licenses"));
    for text in FIGURES.iter().copied().chain([&*format!("{}@{}", place.1, place.0), "role postgres"]) {
        assert!(screen.contains(text), "no {text}:\n{screen}");
    }
    assert!(monitor.is_raw());

    monitor.send("?");
    monitor.wait_text("open the selected run, incident or fix");
    monitor.send("\x1b");
    monitor.wait_for("no help", |screen| !screen.contains("open the selected run") && screen.contains("Total"));
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
    monitor.assert_given_back();
}

#[tokio::test]
async fn a_refresh_elsewhere_is_there_by_notification_alone() {
    let url = migrated_app("heard").await;
    let monitor = live(&url);
    monitor.wait_text("no refresh");
    execute(&url, REFRESH).await;
    monitor.wait_for("one healthy run with its figures", |screen| {
        screen.contains("RUNS  1 ") && screen.contains("all checks pass") && screen.contains("direct")
    });
}

#[tokio::test]
async fn a_failure_opens_with_what_blocked_it() {
    let url = migrated_app("box").await;
    patience(&url, "200ms").await;
    execute(&url, REFRESH).await;
    let mut monitor = live(&url);
    let deploy = blocker(&url, "deploy of today").await;
    execute(&url, REFRESH).await;
    monitor.wait_for("the failure", |screen| screen.contains("55P03") && screen.contains("1 blocker"));

    monitor.send("\r");
    monitor.wait_for("the black box", |screen| {
        screen.contains("BLACK BOX")
            && screen.contains(&format!("pid {} ", deploy.pid))
            && screen.contains("deploy of today")
    });
    monitor.send("\x1b");
    monitor.wait_for("no black box", |screen| !screen.contains("BLACK BOX"));
}

#[tokio::test]
async fn the_only_view_is_shown_if_none_is_named() {
    let url = fresh_database("only").await;
    migrate(&url).await;
    let mut monitor = Launch::monitor(&url).start();
    monitor.wait_text("no view is managed in this database yet");
    execute(
        &url,
        "CREATE MATERIALIZED VIEW public.sales AS SELECT 1 AS sold;
         CREATE UNIQUE INDEX ON public.sales (sold);
         SELECT refreshtop.register_view('sales', 'public.sales', 'UTC'); SELECT refreshtop.refresh('sales')",
    )
    .await;
    monitor.send("p");
    monitor.wait_for("the view in its row", |screen| screen.contains("1 healthy") && screen.contains("sales"));
    monitor.send("\r");
    monitor.wait_for("the attempt of the view", |screen| {
        screen.contains("RUNS  1 ") && screen.contains("all checks pass")
    });
    monitor.send("r");
    monitor.wait_for("a second attempt", |screen| screen.contains("RUNS  2 "));
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}
