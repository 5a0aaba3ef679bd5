//! What goes wrong between a monitor and its database, really made, and watched on a real terminal.
//!
//! Each test says how long it took to be noticed and to recover, which docs/faults.md is written from, and fails where
//! that is much longer than what stands there: many times the usual, for a busy machine, and far below what a person
//! would call hanging.

mod links;
mod log_in;
mod machines;
mod servers;

use crate::support::{
    execute, migrate, options, small_app_in,
    terminal::{Launch, TerminalProgram, unbroken},
};
use refreshtop_cluster::{ClusterOptions, DisposableCluster};
use std::time::{Duration, Instant};

/// The call of the scheduler.
const REFRESH: &str = "SELECT public.refresh_platform_metrics_with_logging()";

/// A server of the test's own, with a migrated application that has been refreshed once.
async fn own_server() -> (DisposableCluster, String) {
    own_server_with(options()).await
}

async fn own_server_with(options: ClusterOptions) -> (DisposableCluster, String) {
    let cluster = DisposableCluster::start(&options, &mut |_| {}).await.unwrap();
    let url = small_app_in(&cluster, "app").await;
    migrate(&url).await;
    execute(&url, REFRESH).await;
    (cluster, url)
}

/// The monitor on `url`, which polls every two seconds.
fn monitor(url: &str) -> Launch {
    Launch::refreshtop(&["--poll", "2s"]).env("REFRESHTOP_URL", url)
}

/// Times of a fault, printed at its end.
struct Fault {
    name: &'static str,
    /// Seconds after which it must have been noticed, and must be over.
    limits: (u64, u64),
    since: Instant,
    noticed: Option<Duration>,
}

impl Fault {
    /// The fault is there from now on; `limits` are seconds until it is noticed at most, and until it is over.
    fn begins(name: &'static str, limits: (u64, u64)) -> Self {
        Self { name, limits, since: Instant::now(), noticed: None }
    }

    /// Waits until the screen says all of `words`.
    fn noticed(&mut self, monitor: &TerminalProgram, words: &[&str]) -> String {
        let screen = monitor.wait_for(&words.join(", "), |screen| {
            let screen = unbroken(screen);
            words.iter().all(|word| screen.contains(&unbroken(word)))
        });
        self.noticed = Some(self.since.elapsed());
        screen
    }

    /// The fault is gone from now on; waits until the screen is live again and what it shows is new.
    fn ends(self, monitor: &TerminalProgram) {
        let fixed = Instant::now();
        monitor.wait_for("a live screen", |screen| {
            screen.contains("LIVE") && !screen.contains("DOWN") && !screen.contains("OLD") && !screen.contains("FAILS")
        });
        let times = (self.noticed.unwrap_or_default(), fixed.elapsed());
        println!("fault: {}: noticed after {:.1?}, recovered after {:.1?}", self.name, times.0, times.1);
        let limits = (Duration::from_secs(self.limits.0), Duration::from_secs(self.limits.1));
        assert!(times.0 <= limits.0 && times.1 <= limits.1, "{}: {times:.1?}, at most {limits:?}", self.name);
    }
}

/// Keys answer: the help comes and goes.
fn keys_answer(monitor: &mut TerminalProgram) {
    monitor.send("?");
    monitor.wait_text("read everything again");
    monitor.send("?");
    monitor.wait_for("the help gone", |screen| !screen.contains("read everything again"));
}

/// Leaves the monitor as one does.
fn leave(mut monitor: TerminalProgram) {
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}
