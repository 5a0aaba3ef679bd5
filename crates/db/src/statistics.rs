//! Statistics of a view's refreshes over a window.

use crate::{
    contract::is_own,
    error::{self, Result},
    parameter::Parameter,
    read_transaction::ReadTransaction,
    recent_runs::LISTED_ERROR,
    row::{FromRow, Row, moment, text},
    session::Session,
    trust::Thing,
};
use refreshtop_core::{address::ViewId, stats::RefreshStats};
use std::time::Duration;

/// Statistics of the refreshes of `view` in the last `window`.
pub async fn statistics(tx: &ReadTransaction<'_>, view: &ViewId, window: Duration) -> Result<RefreshStats> {
    let sql = format!(
        "SELECT total_refreshes, successful_refreshes, failed_refreshes, success_rate::float8,
                CASE WHEN avg_duration_ms BETWEEN 0 AND 1e15 THEN avg_duration_ms END::float8 AS avg_duration_ms,
                CASE WHEN max_duration_ms BETWEEN 0 AND 1e15 THEN max_duration_ms END::float8 AS max_duration_ms,
                CASE WHEN min_duration_ms BETWEEN 0 AND 1e15 THEN min_duration_ms END::float8 AS min_duration_ms,
                last_refresh_at, left(last_error, {LISTED_ERROR}) AS last_error, last_success_at
         FROM refreshtop.stats($1, $2)"
    );
    let parameters = [Parameter::Text(view.as_str()), Parameter::Interval(window)];
    RefreshStats::from_row(&tx.one(&[Thing::Function("stats")], &sql, &parameters).await?)
}

/// Fails if no view is registered as `view` and the log has nothing of it: a name that was mistyped must not look like a
/// view that is never refreshed.
pub async fn check_view(app: &mut Session, view: &ViewId) -> Result<()> {
    if is_own(view) {
        return Ok(());
    }
    let tx = ReadTransaction::begin(app).await?;
    let known = statistics(&tx, view, Duration::from_secs(1)).await;
    tx.end();
    match known {
        Err(failure) if !error::is_not_installed(&failure) => Err(failure),
        _ => Ok(()),
    }
}

impl FromRow for RefreshStats {
    fn from_row(row: &Row) -> Result<Self> {
        let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
        Ok(Self {
            total: count("total_refreshes")?,
            successful: count("successful_refreshes")?,
            failed: count("failed_refreshes")?,
            success_rate: row.try_get("success_rate")?,
            avg_duration_ms: row.try_get("avg_duration_ms")?,
            max_duration_ms: row.try_get("max_duration_ms")?,
            min_duration_ms: row.try_get("min_duration_ms")?,
            last_refresh_at: moment(row, "last_refresh_at")?,
            last_error: text(row, "last_error")?,
            last_success_at: moment(row, "last_success_at")?,
        })
    }
}
