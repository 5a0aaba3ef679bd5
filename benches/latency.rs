//! From the commit of a refresh to the terminal: how long after it does the program's output show the new run?
//!
//! The monitor runs in a pty and polls once an hour, so only the notification reports the refresh. The clock starts
//! just before the COMMIT is sent, which is what delivers the notification, and stops when the terminal has got the
//! bytes after which its screen counts one run more.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark, run by hand")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};
use support::{durations::Durations, migrated_app, session::Session, terminal::Launch};

const REFRESHES: usize = 200;
/// Pause before each commit, so that the read that a notification leads to is done, or is not: both happen.
const BETWEEN: Duration = Duration::from_millis(30);
/// What is promised of the 99th percentile.
const LIMIT: Duration = Duration::from_millis(10);

#[tokio::main]
async fn main() {
    let url = migrated_app("latency").await;
    let mut session = Session::open(&url).await;
    let monitor = Launch::monitor(&url).size(160, 48).live();
    let mut taken = Durations::default();
    for number in 1..=REFRESHES {
        session.run("BEGIN; SELECT public.refresh_platform_metrics_with_logging()").await;
        let counted = format!("RUNS  {number} ");
        tokio::time::sleep(BETWEEN).await;
        let commit = tokio::spawn(async move {
            let since = Instant::now();
            session.run("COMMIT").await;
            (since, session)
        });
        // Blocks this thread alone; the commit has others.
        let (_, shown) = monitor.wait_for_bytes(&counted, |_, screen| screen.contains(&counted));
        let since;
        (since, session) = commit.await.expect("a commit");
        taken.push(shown.saturating_duration_since(since));
    }
    println!("from COMMIT to screen, {REFRESHES} refreshes: {taken}");
    let worst = taken.percentile(99);
    assert!(worst <= LIMIT, "99th percentile {worst:?}, promised are {LIMIT:?}");
}
