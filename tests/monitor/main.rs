//! The monitor from end to end: the real program in a real terminal on a real server.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests as well")]

#[path = "../support/mod.rs"]
mod support;

mod appearance;
mod commands;
mod endings;
mod losing;
mod refreshing;
mod secrets;
mod showing;

use refreshtop::db::migrate;
use sqlx::{Connection, PgConnection};
use support::terminal::{Launch, TerminalProgram};
use tokio_postgres::Client;

/// The call of the scheduler, and of everybody else.
const REFRESH: &str = "SELECT public.refresh_platform_metrics_with_logging()";

/// A migrated database of the small application, with no jobs: nothing happens in it that a test does not do.
async fn app(prefix: &str) -> String {
    let url = support::fresh_app(prefix).await;
    migrate_schema(&url).await;
    url
}

async fn migrate_schema(url: &str) {
    let mut session = PgConnection::connect(url).await.expect("a session");
    migrate::up(&mut session).await.expect("migrations");
}

/// The monitor, live and with its first snapshot on the screen.
fn live(url: &str) -> TerminalProgram {
    started(Launch::monitor(url))
}

fn started(launch: Launch) -> TerminalProgram {
    let monitor = launch.start();
    monitor.wait_for("a live screen with data", |screen| screen.contains("LIVE") && screen.contains("data of"));
    monitor
}

/// A session that keeps `table` to itself until it is dropped.
async fn blocker(url: &str, application: &str) -> Client {
    let session = support::client(url).await;
    let lock = "BEGIN; LOCK TABLE public.accounts IN ACCESS EXCLUSIVE MODE";
    session.batch_execute(&format!("SET application_name = '{application}'; {lock}")).await.expect("a lock");
    session
}

/// How long a refresh waits for a lock.
async fn patience(url: &str, wait: &str) {
    support::execute(url, &format!("UPDATE refreshtop.views SET lock_timeout = '{wait}'")).await;
}
