//! The refresh that is running.

use crate::{
    error::Result,
    quote::literal,
    read_transaction::ReadTransaction,
    row::{moment, text},
    trust::Thing,
};
use refreshtop_core::refresh::RunningRefresh;

/// The process of a refresh that is running, as JSON; `null` if there is none.
pub const RUNNING: &str = "SELECT pg_catalog.to_json(pid)::text FROM refreshtop.running()";
/// What [`RUNNING`] calls.
pub const RUNS: Thing = Thing::Function("running");

/// The refresh that is under way, whoever started it.
pub async fn running(tx: &ReadTransaction<'_>, refresh_type: &str) -> Result<Option<RunningRefresh>> {
    let sql = format!("SELECT pid, since, application_name FROM refreshtop.running({})", literal(refresh_type));
    let row = tx.optional(&[RUNS], &sql, &[]).await?;
    row.map(|row| {
        Ok(RunningRefresh {
            pid: row.try_get("pid")?,
            since: moment(&row, "since")?,
            application: text(&row, "application_name")?,
        })
    })
    .transpose()
}
