//! The newest runs of the refresh log, for a list.

use crate::{
    error::Result,
    parameter::Parameter,
    read_transaction::ReadTransaction,
    row::{FromRow, Row, moment, some_text, text},
    trust::LOG,
};
use refreshtop_core::{
    address::ViewId,
    run::{Origin, Run, RunStatus, Work},
};

/// Longest error text that a list carries, characters.
pub(super) const LISTED_ERROR: u32 = 500;

/// The columns that make a [`Run`]. Roles that may write to the log may write invalid values, and one such row must not
/// fail the list (a number that no float can hold, a record without a list in it).
pub(super) fn select_runs(longest_error: u32) -> String {
    format!(
        "SELECT id, status, left(trigger_source, 20) AS trigger_source,
                CASE WHEN duration_ms BETWEEN 0 AND 1e15 THEN duration_ms END::float8 AS duration_ms,
                coalesce(started_at, created_at) AS started_at, completed_at, left(sqlstate, 5) AS sqlstate,
                left(error_message, {longest_error}) AS error_message,
                CASE WHEN jsonb_typeof(black_box -> 'sessions') = 'array'
                     THEN jsonb_array_length(black_box -> 'sessions') ELSE 0 END AS blockers"
    )
}

/// The columns of a run's [`Work`], where one run or a few are read. A poll goes without: they are in a value that has to
/// be unpacked for each row.
pub(super) fn select_work() -> String {
    let count = |name: &str| {
        format!(
            "CASE WHEN jsonb_typeof(measured -> '{name}') = 'number' AND (measured -> '{name}')::numeric BETWEEN 0 AND 1e18
                  THEN (measured -> '{name}')::numeric::int8 END AS {name}"
        )
    };
    WORK.map(count).join(", ")
}

/// As `measured` has them.
const WORK: [&str; 3] = ["rows_inserted", "rows_deleted", "server_wal_bytes"];

/// Which log rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFilter {
    /// All of them.
    All,
    /// Failures only.
    Errors,
}

/// The newest `limit` runs of `view`, newest first.
pub async fn recent_runs(tx: &ReadTransaction<'_>, view: &ViewId, filter: LogFilter, limit: u16) -> Result<Vec<Run>> {
    newest(tx, view, filter, limit, &select_runs(LISTED_ERROR)).await
}

/// The same with what each run changed and wrote.
pub async fn measured_runs(tx: &ReadTransaction<'_>, view: &ViewId, limit: u16) -> Result<Vec<Run>> {
    newest(tx, view, LogFilter::All, limit, &format!("{}, {}", select_runs(LISTED_ERROR), select_work())).await
}

async fn newest(
    tx: &ReadTransaction<'_>,
    view: &ViewId,
    filter: LogFilter,
    limit: u16,
    columns: &str,
) -> Result<Vec<Run>> {
    let only = match filter {
        LogFilter::All => "",
        LogFilter::Errors => "AND status = 'error'",
    };
    let sql = format!(
        "{columns} FROM public.metrics_refresh_log WHERE refresh_type::text = $1 AND created_at IS NOT NULL {only}
         ORDER BY created_at DESC LIMIT {limit}"
    );
    tx.ask(&[LOG], &sql, &[Parameter::Text(view.as_str())]).await?.iter().map(Run::from_row).collect()
}

/// Most reads go without.
fn work(row: &Row) -> Work {
    let count = |name: &str| row.try_get::<Option<i64>, _>(name).unwrap_or_default().map(i64::unsigned_abs);
    let [rows_inserted, rows_deleted, server_wal_bytes] = WORK.map(count);
    Work { rows_inserted, rows_deleted, server_wal_bytes }
}

impl FromRow for Run {
    fn from_row(row: &Row) -> Result<Self> {
        let status = some_text(row, "status")?;
        let source = text(row, "trigger_source")?;
        Ok(Self {
            id: row.try_get("id")?,
            status: if status == "success" { RunStatus::Success } else { RunStatus::Error },
            origin: source.as_deref().map_or(Origin::Unknown, Origin::from_source),
            duration_ms: row.try_get("duration_ms")?,
            started_at: moment(row, "started_at")?.unwrap_or_default(),
            completed_at: moment(row, "completed_at")?,
            sqlstate: text(row, "sqlstate")?,
            error: text(row, "error_message")?,
            blockers: row.try_get::<i32, _>("blockers")?.unsigned_abs(),
            work: work(row),
        })
    }
}
