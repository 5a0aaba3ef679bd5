//! The commands without a screen: the real program, on a real server, in every state that the server may be in.

mod any_database;
mod completing;
mod definitions;
mod deployments;
mod doctor;
mod examples;
mod exposing;
mod jobs;
mod managing;
mod options;
mod runs;
mod several;
mod streams;
mod table;
mod views;
mod watching;

use crate::support::{execute, migrated_app};
use serde_json::Value;
use std::{
    process::{Child, Command, Output, Stdio},
    time::Duration,
};
use table::code;

/// A program that does not outlive a test that fails: it would hold on to the pipes of whoever runs the tests.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long a test waits for what must come; a busy machine needs some of it.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a run came to.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    /// Its only line as JSON.
    fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The program, with nothing of this process's environment.
fn program(url: &str, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refreshtop"));
    command.env_clear().env("HOME", "/nonexistent").env("REFRESHTOP_URL", url).args(words(line)).stdin(Stdio::null());
    command
}

/// A line as a shell would split it, as far as single quotes go.
fn words(line: &str) -> Vec<String> {
    line.split('\'')
        .enumerate()
        .flat_map(|(at, part)| {
            let quoted = at % 2 == 1;
            let words: Vec<&str> = if quoted { vec![part] } else { part.split_whitespace().collect() };
            words.into_iter().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().expect("an exit code, not a signal"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

async fn run(url: &str, line: &str) -> Ran {
    run_command(program(url, line)).await
}

async fn run_command(mut command: Command) -> Ran {
    let output = tokio::task::spawn_blocking(move || command.output().expect("the program")).await.unwrap();
    ran(output)
}

/// A migrated database with `good` and `bad` attempts in its log, the newest of them seconds old, and the view fresh.
async fn app_with(good: u32, bad: u32) -> String {
    let url = migrated_app("command").await;
    add_runs(&url, good, "success", "NULL").await;
    add_runs(&url, bad, "error", "E'no\\x1b[31m luck\\nat all'").await;
    execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
    url
}

async fn add_runs(url: &str, count: u32, status: &str, message: &str) {
    let sql = format!(
        "INSERT INTO public.metrics_refresh_log (id, refresh_type, status, duration_ms, error_message, started_at,
             completed_at, created_at, trigger_source)
         SELECT gen_random_uuid(), 'platform_metrics', '{status}', 12.5, {message}, t, t, t, 'direct'
         FROM (SELECT now() - n * interval '1 minute' AS t FROM generate_series(1, {count}) AS n) AS runs"
    );
    execute(url, &sql).await;
}
