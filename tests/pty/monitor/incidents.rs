//! From red to the blocking session; and the wall, from healthy to lost.

use super::{REFRESH, blocker, patience};
use crate::support::{execute, migrated_app, terminal::Launch};

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_names_who_was_in_the_way_and_how_it_ended() {
    let url = migrated_app("incident").await;
    execute(&url, REFRESH).await;
    patience(&url, "100ms").await;
    let mut monitor = Launch::monitor(&url).live();
    monitor.wait_text("all checks pass");
    monitor.send("3");
    monitor.wait_text("no incident in the last 24 h");

    let session = blocker(&url, "month end report").await;
    for _ in 0..3 {
        execute(&url, REFRESH).await;
    }
    let named = format!("month end report (pid {}, user ", session.pid);
    let open = monitor.wait_for("the open incident and who is in the way", |screen| {
        screen.contains("✗ OPEN") && screen.contains(&format!("blocked by {named}")) && screen.contains("failures    3")
    });
    for part in ["1 incident ", "held AccessExclusiveLock on", "55P03 canceling statement due to lock timeout"] {
        assert!(open.contains(part), "{part}\n{open}");
    }
    // The first failed run with its black box.
    monitor.send("\r");
    monitor.wait_for("the run", |screen| screen.contains("BLACK BOX") && screen.contains("month end report"));
    monitor.send("\x1b");
    monitor.wait_for("the incidents again", |screen| !screen.contains("BLACK BOX"));

    session.run("ROLLBACK").await;
    monitor.send("r");
    let over = monitor.wait_text("a manual refresh succeeded");
    assert!(over.contains("✓ over") && !over.contains("OPEN") && over.contains(&named), "{over}");
    // Another window is another question.
    monitor.send("-");
    monitor.wait_text("the last 6 h");
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wall_turns_as_the_state_does_and_a_refresh_from_it_works() {
    let url = migrated_app("wall").await;
    execute(&url, REFRESH).await;
    patience(&url, "100ms").await;
    // The word itself is drawn in pixels; it is known by its shape and by what stands below it.
    let mut monitor = Launch::monitor(&url).arg("--screen").arg("wall").start();
    let calm = |screen: &str| screen.contains("all checks pass") && screen.contains('█') && !screen.contains('╭');
    monitor.wait_for("a healthy wall", calm);

    let session = blocker(&url, "month end report").await;
    monitor.send("r");
    monitor.wait_text("refresh failed after");
    monitor.wait_text("success rate 50 % is below 80 %");
    session.run("ROLLBACK").await;
    monitor.send("r");
    monitor.wait_text("refreshed in");
    monitor.send("\x1b");
    // An escape and a letter within 20 ms of it are one key, Alt and the letter: wait until it was taken alone.
    monitor.wait_for("a dismissed result", |screen| !screen.contains("refreshed in"));
    // Whatever its size, all of it is drawn again.
    for (columns, rows) in [(40, 12), (30, 8), (300, 100), (160, 48)] {
        monitor.resize(columns, rows);
        monitor.wait_text(if columns == 30 { "RECOVERED" } else { "q quit" });
    }
    monitor.send("1");
    // The verdict is a text or drawn in pixels, by how large the screen was when it was drawn.
    monitor.wait_for("the overview", |screen| screen.contains("DURATIONS") && screen.contains("is below 80 %"));
    monitor.send("w");
    monitor.wait_for("the wall again", |screen| !screen.contains("DURATIONS") && screen.contains("1 overview"));
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}
