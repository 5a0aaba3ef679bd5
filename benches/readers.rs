//! What readers of the view feel of its refreshes: how long a read takes during 50 of them, with none, and beside the
//! view's query alone.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark, run by hand")]

#[path = "../tests/support/mod.rs"]
mod support;

use refreshtop::demo::{seed, session};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use support::{durations::Durations, fresh_database, migrate, session::Session};

/// Accounts of the made-up product; it has 20 assets and five members for each.
const ACCOUNTS: u32 = 10_000;
const REFRESHES: usize = 50;

#[tokio::main]
async fn main() {
    let url = fresh_database("readers").await;
    let seeding = session::Session::connect(&url, "readers").await.expect("a session");
    seed::run(&seeding, ACCOUNTS, &mut |_| {}).await.expect("data");
    migrate(&url).await;
    let session = Session::open(&url).await;
    let mut refreshes = Durations::default();
    let since = Instant::now();
    let during = reads(&url, async {
        for _ in 0..REFRESHES {
            let since = Instant::now();
            session.run("SELECT public.refresh_platform_metrics_with_logging()").await;
            refreshes.push(since.elapsed());
        }
    });
    let during = during.await;
    let as_long = tokio::time::sleep(since.elapsed());
    let without = reads(&url, as_long).await;
    // The same work for the processors, without a refresh: what is left between the two is waiting.
    let query: String = session.value("pg_get_viewdef('public.platform_metrics')").await;
    let beside = reads(&url, async {
        for _ in 0..REFRESHES {
            session.run(&query).await;
        }
    });
    let beside = beside.await;
    println!("{REFRESHES} refreshes:                {refreshes}");
    println!("{:>6} reads during refreshes: {during}", during.len());
    println!("{:>6} reads without:          {without}", without.len());
    println!("{:>6} beside its query alone: {beside}", beside.len());
    let ratio =
        |than: &Durations, percent| during.percentile(percent).as_secs_f64() / than.percentile(percent).as_secs_f64();
    println!("ratio to reads without:      median {:.2}, p99 {:.2}", ratio(&without, 50), ratio(&without, 99));
    println!("ratio to its query alone:    median {:.2}, p99 {:.2}", ratio(&beside, 50), ratio(&beside, 99));
    let longest = (during.percentile(100), refreshes.percentile(0));
    assert!(longest.0 < longest.1, "a read of {:?} waited for a refresh of {:?} or more", longest.0, longest.1);
}

/// Reads the view in a loop until `meanwhile` is over.
async fn reads(url: &str, meanwhile: impl Future<Output = ()>) -> Durations {
    let reader = Session::open(url).await;
    reader.run("SELECT * FROM public.platform_metrics").await;
    let over = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn({
        let over = over.clone();
        async move {
            let mut taken = Durations::default();
            while !over.load(Ordering::Relaxed) {
                let since = Instant::now();
                reader.run("SELECT * FROM public.platform_metrics").await;
                taken.push(since.elapsed());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            taken
        }
    });
    meanwhile.await;
    over.store(true, Ordering::Relaxed);
    reading.await.expect("the reads")
}
