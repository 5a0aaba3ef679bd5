//! The refresh log as the command line lists it: from a moment on, with whole messages.

use crate::{
    error::{self, Result},
    quote::literal,
    read_transaction::ReadTransaction,
    recent_runs::{self, LogFilter},
    row::FromRow as _,
    trust::LOG,
    unmanaged,
};
use chrono::{DateTime, Utc};
use refreshtop_core::run::Run;

/// Longest error text that a list carries, characters.
const LONGEST_ERROR: u32 = 20_000;

/// The newest `limit` runs that were logged at `since` or later, newest first.
pub async fn runs_since(
    tx: &ReadTransaction<'_>,
    refresh_type: &str,
    filter: LogFilter,
    since: Option<DateTime<Utc>>,
    limit: u16,
) -> Result<Vec<Run>> {
    let since_then =
        since.map(|since| format!(" AND created_at >= {}", literal(&since.to_rfc3339()))).unwrap_or_default();
    let only = match filter {
        LogFilter::All => "",
        LogFilter::Errors => " AND status = 'error'",
    };
    let sql = format!(
        "{} FROM public.metrics_refresh_log
         WHERE refresh_type = {} AND created_at IS NOT NULL{since_then}{only}
         ORDER BY created_at DESC LIMIT {limit}",
        recent_runs::select_runs(LONGEST_ERROR),
        literal(refresh_type)
    );
    let missing = match tx.ask(&[LOG], &sql, &[]).await {
        Err(failure) if error::is_missing(&failure) => failure,
        Err(failure) => return Err(failure),
        Ok(rows) => return rows.iter().map(Run::from_row).collect(),
    };
    // Whose log is not looked at for a reason of its own is told that reason.
    tx.allow_unless_missing(LOG)?;
    // A log that was made by hand has fewer columns.
    let catalog = unmanaged::catalog(tx).await?;
    let runs = unmanaged::runs(tx, &catalog, "", refresh_type, filter, since, limit).await?;
    // Where that can't be read either, migrating is what fixes it.
    runs.map_err(|_| missing)
}
