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
