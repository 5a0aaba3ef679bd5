//! `refreshtop __complete SHELL`: the names of views, and the ids of runs, for a command line that is being typed, which
//! comes on standard input up to the cursor. The scripts of `refreshtop completions` call it.
//!
//! Ends with 0 if such a name is wanted at the cursor, and prints what fits, one name a line; otherwise with 1. It
//! is quick, prompts for nothing, and says nothing if it fails: a person is typing.

mod line;

use crate::settings;
use line::{Line, Wanted};
use refreshtop_connect::{Limits, Target, environment::Environment};
use refreshtop_core::sanitize;
use refreshtop_db::{log, read_transaction::ReadTransaction, session::Session, views};
use std::{
    ffi::OsString,
    io::{Read as _, Write as _},
    process::ExitCode,
    time::Duration,
};

/// The first argument.
pub const COMMAND: &str = "__complete";

/// Longest time that a person waits for names.
const LIMIT: Duration = Duration::from_secs(1);
/// Runs whose ids are offered, the newest.
const RUNS: u16 = 100;
/// Longest line that is read.
const LONGEST_LINE: u64 = 64 * 1024;

/// Whether this process was started to complete a line.
pub fn is_meant(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|argument| argument == COMMAND)
}

/// Prints the names that fit.
pub fn run(arguments: &[OsString], environment: &Environment) -> ExitCode {
    let shell = arguments.get(2).and_then(|shell| shell.to_str()).unwrap_or_default();
    let mut typed = Vec::new();
    // A line that can't be read wants nothing.
    let _ = std::io::stdin().lock().take(LONGEST_LINE).read_to_end(&mut typed);
    let line = Line::parse(&String::from_utf8_lossy(&typed));
    let Some(wanted) = line.wanted() else { return ExitCode::FAILURE };
    if shell == "wants" {
        return ExitCode::SUCCESS;
    }
    let names = names(&line, wanted, environment).unwrap_or_default();
    let names = names.iter().filter(|name| sanitize::is_safe(name) && !name.contains('\n'));
    let shown: String = match shell {
        "bash" => line.for_bash(names.map(String::as_str)),
        _ => names.flat_map(|name| [name, "\n"]).collect(),
    };
    // Ignore the error: the shell may be gone.
    let _ = std::io::stdout().write_all(shown.as_bytes());
    ExitCode::SUCCESS
}

/// The names in the database that the line, the environment and the config file name; `None` if they can't be read in time.
fn names(line: &Line, wanted: Wanted, environment: &Environment) -> Option<Vec<String>> {
    let arguments = std::iter::once("refreshtop").chain(line.connection()?).map(OsString::from).collect::<Vec<_>>();
    let (_, settings) = settings::resolve(&arguments, environment).ok()?;
    let target = Target::resolve(settings.url.as_ref(), environment).ok()?;
    // Only a second call would fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let read = runtime.block_on(async { tokio::time::timeout(LIMIT, read(&target, wanted)).await });
    // A DNS lookup can't be interrupted.
    runtime.shutdown_background();
    read.ok()?
}

async fn read(target: &Target, wanted: Wanted) -> Option<Vec<String>> {
    let mut session = Session::open(target, "completion", &Limits::READING).await.ok()?;
    if wanted == Wanted::Run {
        let tx = ReadTransaction::begin(&mut session).await.ok()?;
        let ids = log::newest_ids(&tx, RUNS).await.ok()?;
        tx.end();
        return Some(ids.iter().map(ToString::to_string).collect());
    }
    let views::Names { mut all, managed } = views::names(&mut session).await.ok()?;
    Some(match (wanted, managed) {
        // Who may not see which are managed is offered all.
        (_, None) | (Wanted::Any, _) => all,
        (Wanted::Managed | Wanted::Run, Some(managed)) => managed,
        (Wanted::Unmanaged, Some(managed)) => {
            all.retain(|name| !managed.contains(name));
            all
        }
    })
}
