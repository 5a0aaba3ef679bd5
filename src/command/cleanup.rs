//! `refreshtop cleanup`: the work of the job `cleanup-metrics-logs`, now.

use crate::{
    cli::arguments::Cleanup,
    command::{
        Failure, confirm,
        interrupt::{self, Watch},
        session,
    },
    output::{Output, clean, json, moment},
};
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{
    exit,
    numbers::{counted, grouped_u64, length},
};
use refreshtop_db::{
    cleanup::{self, PastKeeping},
    error::Error,
    session::Session,
};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Views that the question names.
const NAMED: usize = 5;

/// Counts the rows that are past their retention, asks, and deletes them.
///
/// # Errors
/// The database can't be reached, did not allow it, or nobody agreed.
pub async fn run(cleanup: &Cleanup, target: &Target, output: Output) -> Result<(), Failure> {
    let past = interrupt::run(target, output.json, async |watch: &Watch| count(cleanup, target, watch).await).await?;
    let rows: u64 = past.iter().map(|past| past.rows).sum();
    if cleanup.dry_run {
        return would_delete(&past, rows, target, output);
    }
    let mut deleted = 0;
    if rows > 0 {
        confirm::required(&announced(&past, rows, cleanup), cleanup.yes)?;
        let work = async |watch: &Watch| delete(cleanup, target, watch).await;
        deleted = interrupt::run(target, output.json, work).await?;
    }
    if output.json {
        return output.object("cleanup", json::of_database(&target.id(), json!({"deleted": deleted})));
    }
    output.print(&format!("deleted {} of the log", counted(deleted, "row")))
}

/// A session whose statement a signal cancels. Without a time limit: it works in batches, and counts all of them.
async fn open(target: &Target, watch: &Watch) -> Result<Session, Failure> {
    let app = Session::open(target, "cleanup", &Limits::WRITING).await?;
    let pid = app.pid().await.map_err(|error| failed(target, &error))?;
    watch.add(app.canceller(), Some(pid));
    Ok(app)
}

async fn count(cleanup: &Cleanup, target: &Target, watch: &Watch) -> Result<Vec<PastKeeping>, Failure> {
    let mut app = open(target, watch).await?;
    let past = cleanup::past_keeping(&mut app, cleanup.older_than).await;
    let past = past.map_err(|error| stopped(target, watch, &error))?;
    session::close(app).await;
    Ok(past)
}

async fn delete(cleanup: &Cleanup, target: &Target, watch: &Watch) -> Result<u64, Failure> {
    let mut app = open(target, watch).await?;
    let deleted = cleanup::clean_up(&mut app, cleanup.older_than).await;
    let deleted = deleted.map_err(|error| stopped(target, watch, &error))?;
    session::close(app).await;
    Ok(deleted)
}

fn failed(target: &Target, error: &Error) -> Failure {
    session::failure("clean up the refresh log", target, error)
}

fn stopped(target: &Target, watch: &Watch, error: &Error) -> Failure {
    match watch.blocked_by() {
        // One statement, and so one transaction.
        _ if watch.stopped() => Failure::new(exit::FAILURE, "nothing was deleted"),
        Some(blockers) => {
            let failure = failed(target, error);
            Failure::new(failure.code, format!("{failure}; blocked by {blockers}"))
        }
        None => failed(target, error),
    }
}

fn announced(past: &[PastKeeping], rows: u64, cleanup: &Cleanup) -> String {
    let mut views: Vec<String> = past
        .iter()
        .take(NAMED)
        .map(|past| format!("{} {}", clean(past.view.as_str()), grouped_u64(past.rows)))
        .collect();
    if past.len() > NAMED {
        views.push(format!("{} more", counted((past.len() - NAMED) as u64, "view")));
    }
    let age = match cleanup.older_than {
        Some(age) => format!("older than {}", length(age)),
        None => "past their retention".to_owned(),
    };
    format!("deletes {} of the log, {age} ({})", counted(rows, "row"), views.join(", "))
}

fn would_delete(past: &[PastKeeping], rows: u64, target: &Target, output: Output) -> Result<(), Failure> {
    if output.json {
        let view = |past: &PastKeeping| json!({"view": past.view.as_str(), "rows": past.rows, "oldest_at": past.oldest.map(json::moment)});
        let views: Vec<Value> = past.iter().map(view).collect();
        let object = json!({"deleted": 0, "would_delete": rows, "views": views});
        return output.object("cleanup", json::of_database(&target.id(), object));
    }
    let mut text = format!("would delete {} of the log\n", counted(rows, "row"));
    for past in past {
        let oldest = past.oldest.map(|at| format!(", the oldest of {} UTC", moment(at))).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {}: {}{oldest}", clean(past.view.as_str()), counted(past.rows, "row"));
    }
    output.print(&text)
}
