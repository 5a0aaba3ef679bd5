//! The session that polls, on a real server.

use crate::support::{asking::Asking, migrated_app, session::Session};
use refreshtop_core::event::Event;
use uuid::Uuid;

#[tokio::test]
async fn older_requests_give_way_while_the_database_hangs() {
    let url = migrated_app("reader").await;
    // The reader's session gives up after its lock timeout.
    let holder = Session::with(&url, "BEGIN; LOCK TABLE public.metrics_refresh_log").await;
    let mut asking = Asking::new(&url);
    let (first, newest) = (Uuid::from_u128(1), Uuid::from_u128(500));
    asking.reader.read_run(first);
    holder
        .until("EXISTS (SELECT 1 FROM pg_locks WHERE relation = 'metrics_refresh_log'::regclass AND NOT granted)")
        .await;
    for number in 2..=500 {
        asking.reader.read_run(Uuid::from_u128(number));
    }
    holder.run("ROLLBACK").await;
    for wanted in [first, newest] {
        match asking.event().await {
            Event::RunRead(id, read) => {
                assert_eq!((id, read.unwrap_err().reason), (wanted, "this run is no longer in the log".to_owned()));
            }
            other => panic!("{other:?}"),
        }
    }
}
