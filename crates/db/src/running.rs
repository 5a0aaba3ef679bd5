//! The refresh that is running.

use crate::{
    error::Result,
    parameter::Parameter,
    quote::literal,
    read_transaction::ReadTransaction,
    row::{Row, moment, text},
    trust::Thing,
};
use refreshtop_core::{address::ViewId, refresh::RunningRefresh};

/// The statement that returns the process of a refresh of `view` that is running, as JSON; `null` if there is none. It is
/// sent by the simple protocol, which has no parameters.
pub fn process_statement(view: &ViewId) -> String {
    format!("SELECT pg_catalog.to_json(pid)::text FROM refreshtop.running({})", literal(view.as_str()))
}

/// What [`process_statement`] calls.
pub const RUNS: Thing = Thing::Function("running");

/// The running refresh of `view`, no matter who started it.
pub async fn running(tx: &ReadTransaction<'_>, view: &ViewId) -> Result<Option<RunningRefresh>> {
    let sql = "SELECT pid, since, application_name FROM refreshtop.running($1)";
    let row = tx.optional(&[RUNS], sql, &[Parameter::Text(view.as_str())]).await?;
    row.as_ref().map(of_row).transpose()
}

pub(super) fn of_row(row: &Row) -> Result<RunningRefresh> {
    Ok(RunningRefresh {
        pid: row.try_get("pid")?,
        since: moment(row, "since")?,
        application: text(row, "application_name")?,
    })
}
