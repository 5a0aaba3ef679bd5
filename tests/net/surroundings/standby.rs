//! A real streaming standby.

use super::{REFRESH, polling, snapshot};
use crate::support::{
    companion::{Standby, primary_settings},
    execute, migrate, options,
    session::Session,
    small_app_in,
};
use refreshtop_cluster::{ClusterOptions, DisposableCluster};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;

async fn primary() -> (DisposableCluster, String) {
    let options = ClusterOptions { settings: primary_settings(), ..options() };
    let cluster = DisposableCluster::start(&options, &mut |_| {}).await.unwrap();
    let url = small_app_in(&cluster, "app").await;
    migrate(&url).await;
    execute(&url, REFRESH).await;
    (cluster, url)
}

#[tokio::test]
async fn a_standby_is_read_refuses_to_refresh_and_is_live_once_promoted() {
    let (cluster, url) = primary().await;
    let standby = Standby::of(&cluster).await;
    let there = standby.url(&url);
    let mut monitor = polling(&there).start();
    monitor.wait_for("a standby with its figures", |screen| {
        screen.contains("STANDBY")
            && screen.contains("POLLING every 1s: LISTEN can't work on a read-only standby")
            && screen.contains("RUNS  1 ")
            && screen.contains("licenses")
    });
    monitor.send("r");
    monitor.wait_text("refused: this server is a read-only standby: trigger the refresh on its primary");
    execute(&url, REFRESH).await;
    monitor.wait_text("RUNS  2 ");

    let session = Session::open(&there).await;
    assert!(session.value::<bool>("pg_promote()").await);
    monitor.wait_for("a live server", |screen| screen.contains("LIVE") && !screen.contains("STANDBY"));
    execute(&there, REFRESH).await;
    monitor.wait_text("RUNS  3 ");
    drop((monitor, standby));
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_standby_that_is_behind_says_how_far() {
    let (cluster, url) = primary().await;
    let standby = Standby::of(&cluster).await;
    let there = standby.url(&url);
    let session = Session::open(&there).await;
    // The moment of a replayed commit is known only after the first one.
    execute(&url, REFRESH).await;
    session.until("(SELECT count(*) = 2 FROM public.metrics_refresh_log)").await;
    // An idle primary is not ahead, but for the moment in which it writes by itself what a standby needs.
    for look in 1.. {
        session.until("pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()").await;
        let behind = snapshot(&there).await.server.behind;
        if behind.is_none() {
            break;
        }
        assert!(look < 5, "an idle primary is not ahead: {behind:?}");
    }

    session.run("SELECT pg_wal_replay_pause()").await;
    execute(&url, REFRESH).await;
    session.until("pg_last_wal_receive_lsn() <> pg_last_wal_replay_lsn()").await;
    let behind = snapshot(&there).await;
    assert!(behind.server.behind.is_some());
    assert_eq!(behind.runs.unwrap().len(), 2);
    let monitor = polling(&there).start();
    monitor.wait_text("this standby replays what is");
    session.run("SELECT pg_wal_replay_resume()").await;
    monitor.wait_for("no word of it", |screen| screen.contains("RUNS  3 ") && !screen.contains("replays what is"));
    drop((monitor, standby));
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_read_that_the_standby_cancels_is_a_failed_poll() {
    let (cluster, url) = primary().await;
    let standby = Standby::of(&cluster).await;
    let there = standby.url(&url);
    let session = Session::open(&there).await;
    session.run("ALTER SYSTEM SET max_standby_streaming_delay = 0").await;
    session.run("SELECT pg_reload_conf()").await;
    let mut polls = super::Polls::new(&there);
    polls.poll().await.unwrap();
    // Each takes an exclusive lock, which cancels whoever reads on the standby.
    let done = Arc::new(AtomicBool::new(false));
    let work = tokio::spawn({
        let (url, done) = (url.clone(), done.clone());
        async move {
            let primary = Session::open(&url).await;
            while !done.load(Ordering::Relaxed) {
                primary.run("REFRESH MATERIALIZED VIEW public.platform_metrics").await;
            }
            primary.value::<String>("pg_current_wal_lsn()::text").await
        }
    });
    let given_up = async {
        loop {
            match polls.poll().await {
                Ok(snapshot) => assert!(snapshot.figures.is_ok(), "{:?}", snapshot.figures),
                // The server closes the socket before it has read everything, and its reason may be lost with it.
                Err(why) if why.reason.contains("connection lost") => {}
                Err(why) => return why,
            }
        }
    };
    let why = timeout(Duration::from_mins(2), given_up).await.expect("a conflict");
    assert!(why.reason.contains("conflict with recovery"), "{why:?}");
    // What was done meanwhile may be on its way to the standby.
    done.store(true, Ordering::Relaxed);
    let end = work.await.unwrap();
    session.until(&format!("pg_last_wal_replay_lsn() >= '{end}'")).await;
    assert!(polls.poll().await.unwrap().figures.is_ok());
    drop(standby);
    cluster.stop().await.unwrap();
}
