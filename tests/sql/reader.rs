//! The session that polls, on a real server.

use crate::support::{migrated_app, session::Session, target};
use refreshtop::{
    db::reader::{self, Requests},
    model::message::Message,
};
use std::time::Duration;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use uuid::Uuid;

#[tokio::test]
async fn a_poll_is_answered_however_many_runs_were_asked_for_while_the_database_hung() {
    let url = migrated_app("reader").await;
    // What a poll reads first after the statistics; the reader's session gives up after its lock timeout.
    let holder = Session::with(&url, "BEGIN; LOCK TABLE public.metrics_refresh_log").await;
    let (polls, poll_requests) = mpsc::channel(1);
    let (run, run_requests) = watch::channel(None);
    let (answers, mut answered) = mpsc::channel(64);
    let (_, questions) = mpsc::channel(1);
    let (_, window) = watch::channel(Duration::from_hours(24));
    let requests = Requests { polls: poll_requests, run: run_requests, questions, window };
    tokio::spawn(reader::run(target(&url), requests, answers));
    polls.send(()).await.unwrap();
    holder
        .until("EXISTS (SELECT 1 FROM pg_locks WHERE relation = 'metrics_refresh_log'::regclass AND NOT granted)")
        .await;
    let newest = Uuid::from_u128(500);
    for number in 1..=500 {
        run.send_replace(Some(Uuid::from_u128(number)));
    }
    polls.try_send(()).expect("a place for the next poll");
    holder.run("ROLLBACK").await;

    let mut seen = (0, Vec::new());
    while seen.0 < 2 || seen.1.is_empty() {
        match timeout(Duration::from_secs(30), answered.recv()).await.expect("an answer in time").unwrap() {
            Message::Polled(_) => seen.0 += 1,
            Message::RunRead(id, read) => seen.1.push((id, read.unwrap_err().reason)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen.1, [(newest, "this run is no longer in the log".to_owned())], "older wishes gave way");
}
