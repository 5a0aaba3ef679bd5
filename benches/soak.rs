//! Does it stay small? Ten million notifications and a hundred lost connections, and what the monitor's memory is after
//! the first twentieth of them, and at the end.
//!
//! `SOAK_NOTIFICATIONS` and `SOAK_RECONNECTIONS` ask for other numbers.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark, run by hand")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{env, time::Instant};
use support::{
    flood::{Payload, cut_off, flood, memory, processor_time},
    migrated_app,
    session::Session,
    terminal::Launch,
};

/// What is promised of the memory after the first twentieth, per cent.
const GROWTH: u64 = 5;

fn count(name: &str, usual: u32) -> u32 {
    env::var(name).ok().map_or(usual, |text| text.parse().expect("a number"))
}

#[tokio::main]
async fn main() {
    let notifications = count("SOAK_NOTIFICATIONS", 10_000_000);
    let rounds = count("SOAK_RECONNECTIONS", 100).max(20);
    let url = migrated_app("soak").await;
    let session = Session::open(&url).await;
    let monitor = Launch::monitor(&url).live();
    let since = Instant::now();
    let mut after_warm_up = 0;
    for round in 1..=rounds {
        let payload = if round % 10 == 0 { Payload::Bad } else { Payload::Good };
        flood(&session, payload, notifications / rounds).await;
        cut_off(&session).await;
        monitor.wait_text("LIVE");
        let (now, most) = memory(&monitor);
        if round <= rounds / 20 {
            after_warm_up = now;
        }
        if round % (rounds / 20) == 0 {
            let kib = |bytes: u64| bytes / 1024;
            let written = monitor.raw_bytes().len();
            println!(
                "{:>9} notifications, {round:>3} reconnections, {:>5.0?}: VmRSS {} KiB, VmHWM {} KiB, {written} bytes \
                 written, {:.1?} of processor time",
                notifications / rounds * round,
                since.elapsed(),
                kib(now),
                kib(most),
                processor_time(&monitor),
            );
        }
    }
    let (at_the_end, _) = memory(&monitor);
    let limit = after_warm_up + after_warm_up * GROWTH / 100;
    println!("after the first twentieth {after_warm_up} bytes, at the end {at_the_end}, promised at most {limit}");
    assert!(at_the_end <= limit, "memory grows");
}
