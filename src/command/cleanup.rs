//! `refreshtop cleanup`: the work of the job `cleanup-metrics-logs`, now.

use crate::{
    command::{
        Failure,
        interrupt::{self, Watch},
        session,
    },
    output::{Output, json},
};
use refreshtop_connect::{Limits, Target};
use refreshtop_core::exit;
use refreshtop_db::{cleanup, session::Session};
use serde_json::json;

/// Deletes rows of the log that are past their retention.
///
/// # Errors
/// The database can't be reached, or did not allow it.
pub async fn run(target: &Target, output: Output) -> Result<(), Failure> {
    let work = async |watch: &Watch| {
        // Without a time limit: it works in batches.
        let mut app = Session::open(target, "cleanup", &Limits::WRITING).await?;
        let failed = |error| session::failure("clean up the refresh log", target, &error);
        let pid = app.pid().await.map_err(failed)?;
        watch.add(app.canceller(), Some(pid));
        let deleted = cleanup::clean_up(&mut app).await.map_err(|error| match watch.blocked_by() {
            // One statement, and so one transaction.
            _ if watch.stopped() => Failure::new(exit::FAILURE, "nothing was deleted"),
            Some(blockers) => {
                let failure = failed(error);
                Failure::new(failure.code, format!("{failure}; blocked by {blockers}"))
            }
            None => failed(error),
        })?;
        session::close(app).await;
        Ok(deleted)
    };
    let deleted = interrupt::run(target, output.json, work).await?;
    if output.json {
        return output.object("cleanup", json::of_database(&target.id(), json!({"deleted": deleted})));
    }
    output.print(&format!("deleted {deleted} {} of the log", if deleted == 1 { "row" } else { "rows" }))
}
