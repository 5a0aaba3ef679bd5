//! The machine that the monitor runs on: a clock that is wrong, a lid that is closed.

use super::{Fault, REFRESH, leave, own_server};
use crate::support::{
    execute,
    terminal::{Launch, REFRESHTOP},
};
use rustix::process::Signal;
use std::time::Duration;

#[tokio::test]
async fn a_clock_that_is_hours_off_changes_nothing() {
    let (cluster, url) = own_server().await;
    execute(
        &url,
        "UPDATE public.metrics_refresh_log SET created_at = now() - interval '125 s', completed_at = now() - interval '125 s',
                started_at = now() - interval '126 s'",
    )
    .await;
    for offset in ["+7h", "-7h"] {
        let arguments = ["-f", offset, REFRESHTOP, "--poll", "1h"];
        let monitor = Launch::new("faketime", &arguments).env("REFRESHTOP_URL", &url).live();
        monitor.wait_for("the server's age of the data", |screen| {
            screen.contains("Freshness 2m") && screen.contains("HEALTHY") || screen.contains("all checks pass")
        });
        leave(monitor);
    }
    drop(cluster);
}

#[tokio::test]
async fn a_machine_that_was_suspended_catches_up_by_itself() {
    let (cluster, url) = own_server().await;
    let monitor = Launch::monitor(&url).live();
    monitor.signal(Signal::STOP);
    execute(&url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'refreshtop%'")
        .await;
    for _ in 0..2 {
        execute(&url, REFRESH).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut fault = Fault::begins("suspended, sessions ended meanwhile", (5, 5));
    monitor.signal(Signal::CONT);
    fault.noticed(&monitor, &["LIVE", "RUNS  3 "]);
    fault.ends(&monitor);
    leave(monitor);
    drop(cluster);
}
