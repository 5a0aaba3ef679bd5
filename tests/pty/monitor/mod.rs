//! The monitor from end to end: the real program in a real terminal on a real server.

mod appearance;
mod board;
mod changes;
mod commands;
mod endings;
mod fixing;
mod history;
mod incidents;
mod log;
mod losing;
mod refreshing;
mod secrets;
mod sessions;
mod showing;
mod taking_over;

use crate::support::{
    self,
    session::Session,
    terminal::{Launch, TerminalProgram},
};

/// The call of the scheduler, and of everybody else.
const REFRESH: &str = "SELECT public.refresh_platform_metrics_with_logging()";

/// The monitor on `url`, live and with its first snapshot on the screen.
fn live(url: &str) -> TerminalProgram {
    Launch::monitor(url).live()
}

/// A session that keeps a table to itself, which the refresh wants to read, until it is dropped.
async fn blocker(url: &str, application: &str) -> Session {
    let lock = "BEGIN; LOCK TABLE public.accounts IN ACCESS EXCLUSIVE MODE";
    Session::with(url, &format!("SET application_name = '{application}'; {lock}")).await
}

/// How long a refresh waits for a lock.
async fn patience(url: &str, wait: &str) {
    support::execute(url, &format!("UPDATE refreshtop.views SET lock_timeout = '{wait}'")).await;
}
