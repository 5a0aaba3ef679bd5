//! Statistics of the refreshes in a window.

use chrono::{DateTime, Utc};

/// The nine figures of `get_metrics_refresh_stats`, plus the moment of the last success.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RefreshStats {
    /// Attempts in the window.
    pub total: u64,
    /// Attempts that ended in success.
    pub successful: u64,
    /// Attempts that ended in an error.
    pub failed: u64,
    /// Per cent, 0 to 100; `None` if there was no attempt.
    pub success_rate: Option<f64>,
    /// Mean duration of the successful refreshes, milliseconds.
    pub avg_duration_ms: Option<f64>,
    /// Longest successful refresh, milliseconds.
    pub max_duration_ms: Option<f64>,
    /// Shortest successful refresh, milliseconds.
    pub min_duration_ms: Option<f64>,
    /// The last attempt, whatever its outcome.
    pub last_refresh_at: Option<DateTime<Utc>>,
    /// The newest error message in the window.
    pub last_error: Option<String>,
    /// The last **successful** refresh, inside the window or before it: data is as old as this.
    pub last_success_at: Option<DateTime<Utc>>,
}

impl RefreshStats {
    /// Counts a failure that is not in the log yet, and ended at `at`.
    pub fn add_failure(&mut self, at: DateTime<Utc>) {
        self.total += 1;
        self.failed += 1;
        self.last_refresh_at = self.last_refresh_at.max(Some(at));
        #[expect(clippy::cast_precision_loss, reason = "counts of log rows stay far below 2^52")]
        let rate = self.successful as f64 * 100.0 / self.total as f64;
        self.success_rate = Some(rate);
    }
}
