//! What people wait for over a link with 100 ms round trip: the screen's first figures, and the commands that answer once,
//! beside psql with one query.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark, run by hand")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use support::{
    cluster,
    durations::Durations,
    execute, fresh_role, migrated_app,
    proxy::{Link, Proxy},
    terminal::{Launch, REFRESHTOP},
};

const ROUND_TRIP: Duration = Duration::from_millis(100);
const TIMES: usize = 5;
/// What the first figures may take longer than psql's one query, in round trips: a superuser's session first asks what it
/// may look at. Half of one is left for the program's start.
const MOST: f64 = 2.5;
/// What a diagnosis may take, in round trips: it logs in twice, since `pg_cron` is in another database.
const MOST_DOCTOR: f64 = 15.0;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let url = migrated_app("slow_link").await;
    execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
    let (_, admin) = fresh_role(&url, "oncall", "IN ROLE refreshtop_admin").await;
    let proxy = Proxy::before(cluster().await.port());
    proxy.set(Link { delay: ROUND_TRIP / 2, ..Link::default() });
    for (who, url) in [("superuser", &url), ("administrator", &admin)] {
        let url = proxy.url(url);
        let psql = timed(|| run("psql", &["-XAtc", "SELECT count(*) FROM public.metrics_refresh_log", &url]));
        println!("{who}: psql, one query: {psql}");
        for command in ["status", "check", "runs", "doctor"] {
            let taken = timed(|| run(REFRESHTOP, &["--url", &url, command]));
            println!("{who}: {command}: {taken} ({:.1} round trips)", trips(&taken));
            let most = if command == "doctor" { MOST_DOCTOR } else { f64::INFINITY };
            assert!(trips(&taken) <= most, "{command} took {:.1} round trips, promised are {most}", trips(&taken));
        }
        let first = timed(|| {
            let monitor = Launch::monitor(&url).size(120, 40).start();
            monitor.wait_for_bytes("the first figures", |_, screen| screen.contains("RUNS  1 "));
        });
        println!("{who}: first figures on the screen: {first} ({:.1} round trips)", trips(&first));
        let more = trips(&first) - trips(&psql);
        assert!(more <= MOST, "{more:.1} round trips more than psql, promised are {MOST}");
    }
}

fn timed(mut act: impl FnMut()) -> Durations {
    let mut taken = Durations::default();
    for _ in 0..TIMES {
        let since = Instant::now();
        act();
        taken.push(since.elapsed());
    }
    taken
}

fn trips(taken: &Durations) -> f64 {
    taken.median().as_secs_f64() / ROUND_TRIP.as_secs_f64()
}

/// Whatever it answers; a verdict is an exit code too.
fn run(program: &str, arguments: &[&str]) {
    let ran = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(ran.expect("it starts").code().is_some_and(|code| code <= 3), "{program} {arguments:?}");
}
