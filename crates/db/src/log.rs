//! The refresh log as the command line lists it: from a moment on, with whole messages.

use crate::{
    error::{self, Result},
    parameter::Parameter,
    read_transaction::ReadTransaction,
    recent_runs::{self, LogFilter},
    row::FromRow as _,
    trust::LOG,
    unmanaged,
};
use chrono::{DateTime, Utc};
use refreshtop_core::{address::ViewId, run::Run};

/// Longest error text that a list carries, characters.
const LONGEST_ERROR: u32 = 20_000;

/// The newest `limit` runs of `view` that were logged at `since` or later, newest first.
pub async fn runs_since(
    tx: &ReadTransaction<'_>,
    view: &ViewId,
    filter: LogFilter,
    since: Option<DateTime<Utc>>,
    limit: u16,
) -> Result<Vec<Run>> {
    let since_then = if since.is_some() { " AND created_at >= $2" } else { "" };
    let only = match filter {
        LogFilter::All => "",
        LogFilter::Errors => " AND status = 'error'",
    };
    let sql = format!(
        "{}, {} FROM public.metrics_refresh_log
         WHERE refresh_type::text = $1 AND created_at IS NOT NULL{since_then}{only}
         ORDER BY created_at DESC LIMIT {limit}",
        recent_runs::select_runs(LONGEST_ERROR),
        recent_runs::select_work()
    );
    let parameters = [Parameter::Text(view.as_str()), Parameter::Moment(since.unwrap_or_default())];
    let missing = match tx.ask(&[LOG], &sql, &parameters).await {
        Err(failure) if error::is_missing(&failure) => failure,
        Err(failure) => return Err(failure),
        Ok(rows) => return rows.iter().map(Run::from_row).collect(),
    };
    // If the log can't be read for a reason of its own, show that one.
    tx.allow_unless_missing(LOG)?;
    // An unmanaged log has fewer columns.
    let catalog = unmanaged::catalog(tx).await?;
    let runs = unmanaged::runs(tx, &catalog, "", view, filter, since, limit).await?;
    // If that can't be read either, migrating is what fixes it.
    runs.map_err(|_| missing)
}
