//! `refreshtop cleanup`: what the job `cleanup-metrics-logs` does every night.

use crate::{
    command::{Failure, session},
    connect::{Session, Target},
    db::log,
    output::Output,
};
use serde_json::json;

/// Deletes rows of the log that are older than they are kept.
///
/// # Errors
/// The database can't be reached, or did not allow it.
pub async fn run(target: &Target, output: Output) -> Result<(), Failure> {
    // As long as it takes: it works in batches.
    let mut app = session::open(target, "cleanup", &Session::WRITING).await?;
    let deleted = log::clean_up(&mut app).await;
    let deleted = deleted.map_err(|error| session::failure("clean up the refresh log", target, &error))?;
    session::close(app).await;
    if output.json {
        return output.object("cleanup", json!({"deleted": deleted}));
    }
    output.print(&format!("deleted {deleted} {} of the log", if deleted == 1 { "row" } else { "rows" }))
}
