//! More notifications than anybody sends, lost sessions, and what the program costs meanwhile.

use super::{session::Session, terminal::TerminalProgram};
use std::{fs, time::Duration};
use tokio::time::sleep;

/// The monitor's listening session, as a clause on `pg_stat_activity`.
const LISTENER: &str =
    "pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'refreshtop monitor'";

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub enum Payload {
    /// What the logging function sends, each with an id of its own.
    Good,
    /// Nearly that: wrong words, numbers, types and texts, escape sequences among them.
    Bad,
    /// As long as PostgreSQL lets it be.
    Long,
}

impl Payload {
    /// The expression for payload number `n`.
    fn expression(self) -> String {
        let good = |status: &str| {
            format!(
                "'{{\"id\":\"' || gen_random_uuid() || '\",\"refresh_type\":\"platform_metrics\",\"status\":\"{status}\",\
                 \"source\":\"schedule\",\"duration_ms\":12.5,\"started_at\":\"2026-01-02T03:04:05Z\"}}'"
            )
        };
        match self {
            Self::Good => format!("CASE WHEN n % 2 = 0 THEN {} ELSE {} END", good("success"), good("error")),
            Self::Bad => format!(
                "CASE n % 4 WHEN 0 THEN E'\\x1b]0;pwned\\x07\\u202e' || n WHEN 1 THEN repeat('[', 3000) || n
                             WHEN 2 THEN replace({0}, '12.5', '1e999') ELSE replace({0}, '2026', '-99999') END",
                good("success")
            ),
            Self::Long => format!("{} || repeat(' ', 7500) || n", good("error")),
        }
    }
}

/// Sends `count` of them in one transaction, and returns once the server has handed all of them on.
pub async fn flood(session: &Session, payload: Payload, count: u32) {
    let call = format!("pg_notify('metrics_refresh', {})", payload.expression());
    session.run(&format!("SELECT count({call}) FROM generate_series(1, {count}) n")).await;
    until(session, "pg_notification_queue_usage() = 0").await;
}

/// Waits longer than tests do otherwise: a flood takes its time on a busy machine.
async fn until(session: &Session, condition: &str) {
    for _ in 0..6_000 {
        if session.value::<bool>(condition).await {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {condition}");
}

/// The process of the monitor's listening session; waits for one.
pub async fn listener(session: &Session) -> i32 {
    session.until(&format!("EXISTS (SELECT {LISTENER})")).await;
    session.value(&format!("max(pid) FROM (SELECT {LISTENER}) listening")).await
}

/// Ends every session of the monitor, and waits until another one listens.
pub async fn cut_off(session: &Session) {
    let first = listener(session).await;
    let ours = "pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'refreshtop%'";
    session.value::<Option<i64>>(&format!("count(pg_terminate_backend(pid)) FROM {ours}")).await;
    session.until(&format!("EXISTS (SELECT {LISTENER} AND pid <> {first})")).await;
    // The server does not say who listens.
    sleep(Duration::from_secs(1)).await;
}

/// Memory of a program, bytes: what it has now, and the most it ever had.
pub fn memory(program: &TerminalProgram) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{}/status", program.pid())).expect("a living program");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a size");
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Time on the processor that a program has taken, in user mode and in the kernel.
pub fn processor_time(program: &TerminalProgram) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", program.pid())).expect("a living program");
    // The name, in parentheses, may hold blanks; user and system time are the 12th and 13th after it.
    let fields = stat.rsplit_once(')').expect("a name").1.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
    // A hundred ticks a second, on every Linux.
    Duration::from_millis(ticks * 10)
}
