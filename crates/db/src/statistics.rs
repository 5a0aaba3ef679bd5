//! Statistics of a view's refreshes over a window.

use crate::{
    contract::is_own,
    error::{self, Error, Result},
    parameter::Parameter,
    read_transaction::ReadTransaction,
    recent_runs::LISTED_ERROR,
    row::{FromRow, Row, moment, text},
    session::Session,
    trust::Thing,
};
use refreshtop_core::{address::ViewId, health, stats::RefreshStats, views::OwnLimits};
use serde::Deserialize;
use std::time::Duration;

/// Statistics of the refreshes of `view` in the last `window`, or in the one that is its own, and what is set for it.
pub async fn statistics(
    tx: &ReadTransaction<'_>,
    view: &ViewId,
    window: Option<Duration>,
) -> Result<(RefreshStats, OwnLimits)> {
    let sql = format!(
        "SELECT total_refreshes, successful_refreshes, failed_refreshes, success_rate::float8,
                CASE WHEN avg_duration_ms BETWEEN 0 AND 1e15 THEN avg_duration_ms END::float8 AS avg_duration_ms,
                CASE WHEN max_duration_ms BETWEEN 0 AND 1e15 THEN max_duration_ms END::float8 AS max_duration_ms,
                CASE WHEN min_duration_ms BETWEEN 0 AND 1e15 THEN min_duration_ms END::float8 AS min_duration_ms,
                last_refresh_at, left(last_error, {LISTED_ERROR}) AS last_error, last_success_at,
                limits::text AS limits
         FROM refreshtop.stats($1, $2)"
    );
    let parameters = [Parameter::Text(view.as_str()), Parameter::OptionalInterval(window)];
    let row = tx.one(&[Thing::Function("stats")], &sql, &parameters).await?;
    Ok((RefreshStats::from_row(&row)?, own_limits(&row)?))
}

/// As `refreshtop.limits_of` writes them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Set {
    run_every: Option<f64>,
    max_age: Option<f64>,
    max_duration: Option<f64>,
    success_warning: Option<f64>,
    success_critical: Option<f64>,
    window: Option<f64>,
    time_limit: Option<f64>,
}

fn own_limits(row: &Row) -> Result<OwnLimits> {
    // Of a view that is not registered any more, the log is still there.
    let Some(written) = text(row, "limits")? else { return Ok(OwnLimits::default()) };
    let set: Set = serde_json::from_str(&written).map_err(|failure| Error::Decode(failure.to_string()))?;
    Ok(OwnLimits {
        run_every: set.run_every.map(health::duration),
        max_age: set.max_age.map(health::duration),
        max_duration: set.max_duration.map(health::duration),
        success_warning: set.success_warning,
        success_critical: set.success_critical,
        window: set.window.map(health::duration),
        time_limit: set.time_limit.map(health::duration),
    })
}

/// Fails if no view is registered as `view` and the log has nothing of it: a name that was mistyped must not look like a
/// view that is never refreshed.
pub async fn check_view(app: &mut Session, view: &ViewId) -> Result<()> {
    if is_own(view) {
        return Ok(());
    }
    let tx = ReadTransaction::begin(app).await?;
    let known = statistics(&tx, view, Some(Duration::from_secs(1))).await;
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
