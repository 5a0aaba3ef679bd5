//! Notifications in bursts that nobody means well with.

use super::bytes::assert_tame;
use crate::support::{
    flood::{Payload, cut_off, flood, listener, memory},
    migrate, options,
    session::Session,
    small_app_in,
    terminal::Launch,
};
use refreshtop_cluster::DisposableCluster;
use std::time::Duration;

/// A server of the test's own, with a migrated application: the queue of notifications is the whole server's, and a
/// session of another database does not get the last few, so that the queue would not become empty.
async fn own_server() -> (DisposableCluster, String) {
    let cluster = DisposableCluster::start(&options(), &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let url = small_app_in(&cluster, "app").await;
    migrate(&url).await;
    (cluster, url)
}

#[tokio::test]
async fn a_million_notifications_leave_the_keys_alive() {
    let (_cluster, url) = own_server().await;
    let mut monitor = Launch::monitor(&url).live();
    let session = Session::open(&url).await;
    let first = listener(&session).await;
    let sender = Session::open(&url).await;
    let burst = tokio::spawn(async move {
        flood(&sender, Payload::Good, 1_000_000).await;
        flood(&sender, Payload::Bad, 100_000).await;
        flood(&sender, Payload::Long, 20_000).await;
    });
    let mut answered = 0;
    while !burst.is_finished() {
        monitor.send("?");
        monitor.wait_text("Shift-Tab");
        monitor.send("?");
        monitor.wait_for("the panes", |screen| !screen.contains("Shift-Tab"));
        answered += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    burst.await.unwrap();
    assert!(answered >= 3, "{answered}");
    // News in plenty are a sign of life: nobody took the session for dead.
    assert_eq!(listener(&session).await, first, "{}", monitor.screen_text());
    monitor.wait_for("a live screen", |screen| screen.contains("LIVE") && !screen.contains("pwned"));
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
    assert_tame(&monitor);
}

/// `make soak` does the same with ten million notifications and a hundred reconnections.
#[tokio::test]
async fn memory_holds() {
    const ROUNDS: u32 = 10;
    const EACH: u32 = 20_000;
    /// Kept for one notification, a leak of this would be found.
    const LEAK: u64 = 50;
    let (_cluster, url) = own_server().await;
    let monitor = Launch::monitor(&url).live();
    let session = Session::open(&url).await;
    // The first of everything costs: queues, buffers, sessions, the allocator's own reserves.
    for _ in 0..3 {
        flood(&session, Payload::Good, EACH).await;
        cut_off(&session).await;
    }
    monitor.wait_text("LIVE");
    let (before, _) = memory(&monitor);
    for _ in 0..ROUNDS {
        flood(&session, Payload::Good, EACH).await;
        cut_off(&session).await;
    }
    monitor.wait_text("LIVE");
    let (after, most) = memory(&monitor);
    let grown = after.saturating_sub(before);
    assert!(grown < u64::from(ROUNDS * EACH) * LEAK, "from {before} to {after} bytes, at most {most}");
}
