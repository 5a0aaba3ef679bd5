//! The refresh log as the command line lists it: from a moment on, with whole messages.

use crate::{
    error::{self, Result},
    parameter::Parameter,
    read_transaction::ReadTransaction,
    recent_runs::{self, LogFilter},
    row::{FromRow as _, some_text},
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
    let sql = query("", "refresh_type::text = $2 AND ", filter, since, limit);
    let parameters = [Parameter::Moment(since.unwrap_or_default()), Parameter::Text(view.as_str())];
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

/// The newest `limit` runs of all views, those that are managed no longer included.
pub async fn runs_of_all_since(
    tx: &ReadTransaction<'_>,
    filter: LogFilter,
    since: Option<DateTime<Utc>>,
    limit: u16,
) -> Result<Vec<(ViewId, Run)>> {
    let sql = query("left(refresh_type::text, 200) AS of_view, ", "", filter, since, limit);
    let rows = tx.ask(&[LOG], &sql, &[Parameter::Moment(since.unwrap_or_default())]).await?;
    rows.iter().map(|row| Ok((ViewId::new(&some_text(row, "of_view")?), Run::from_row(row)?))).collect()
}

/// `$1` is the moment from which on.
fn query(columns: &str, of: &str, filter: LogFilter, since: Option<DateTime<Utc>>, limit: u16) -> String {
    let only = match filter {
        LogFilter::All => "",
        LogFilter::Errors => " AND status = 'error'",
    };
    // NULL compares to nothing, so this leaves out rows without a time as well.
    let since_then = if since.is_some() { "created_at >= $1" } else { "created_at IS NOT NULL AND $1 IS NOT NULL" };
    format!(
        "{}, {} FROM public.metrics_refresh_log
         WHERE {of}{since_then}{only}
         ORDER BY created_at DESC LIMIT {limit}",
        recent_runs::select_runs(LONGEST_ERROR).replacen("SELECT ", &format!("SELECT {columns}"), 1),
        recent_runs::select_work()
    )
}
