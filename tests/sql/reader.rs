//! The session that polls, on a real server.

use crate::support::{asking::Asking, migrated_app, session::Session};
use refreshtop::model::event::Event;
use uuid::Uuid;

#[tokio::test]
async fn a_poll_is_answered_however_many_runs_were_asked_for_while_the_database_hung() {
    let url = migrated_app("reader").await;
    // What a poll reads first after the statistics; the reader's session gives up after its lock timeout.
    let holder = Session::with(&url, "BEGIN; LOCK TABLE public.metrics_refresh_log").await;
    let mut asking = Asking::new(&url);
    asking.reader.poll();
    holder
        .until("EXISTS (SELECT 1 FROM pg_locks WHERE relation = 'metrics_refresh_log'::regclass AND NOT granted)")
        .await;
    let newest = Uuid::from_u128(500);
    for number in 1..=500 {
        asking.reader.read_run(Uuid::from_u128(number));
    }
    asking.reader.poll();
    holder.run("ROLLBACK").await;

    let mut seen = (0, Vec::new());
    while seen.0 < 2 || seen.1.is_empty() {
        match asking.event().await {
            Event::Polled(_) => seen.0 += 1,
            Event::RunRead(id, read) => seen.1.push((id, read.unwrap_err().reason)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen.1, [(newest, "this run is no longer in the log".to_owned())], "older wishes gave way");
}
