//! The row of `platform_metrics`.

use chrono::{DateTime, Utc};

/// The platform-wide figures as of the last refresh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlatformMetrics {
    /// All accounts.
    pub total_accounts: i64,
    /// Distinct people with a membership.
    pub total_users: i64,
    /// All assets.
    pub total_assets: i64,
    /// All software licences.
    pub total_licenses: i64,
    /// Accounts created in the last 30 days.
    pub new_accounts_30d: i64,
    /// People whose first membership is in the last 30 days.
    pub new_users_30d: i64,
    /// Assets created in the last 30 days.
    pub new_assets_30d: i64,
    /// Moment of the data; `None` in a view that was never populated.
    pub last_updated: Option<DateTime<Utc>>,
}

/// What the last successful refresh of a view measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LastMeasured {
    /// When it was logged.
    pub at: DateTime<Utc>,
    /// The columns of numbers, in their order, of a view that has one row.
    pub columns: Vec<(String, f64)>,
    /// Rows of the view: counted if it is small, estimated otherwise.
    pub rows: Option<u64>,
    /// Bytes with indexes and TOAST.
    pub bytes: Option<u64>,
    /// Rows that it changed; not known of a refresh that replaced all of them.
    pub changed: Option<Changed>,
}

/// Rows that a concurrent refresh changed. A row of which a value changed is deleted and inserted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changed {
    /// Rows that came.
    pub inserted: u64,
    /// Rows that went.
    pub deleted: u64,
}

/// Growth over 30 days, per cent of what there was before: `new / (total - new)`. `None` if there was
/// nothing before.
pub fn growth_30d(total: i64, new: i64) -> Option<f64> {
    let before = total.checked_sub(new).filter(|before| *before > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "counts of rows, shown with one decimal")]
    Some(new as f64 * 100.0 / before as f64)
}

#[cfg(test)]
mod tests {
    use super::growth_30d;

    #[test]
    fn growth_is_relative_to_what_was_there() {
        assert_eq!(growth_30d(110, 10), Some(10.0));
        assert_eq!(growth_30d(10, 10), None);
        assert_eq!(growth_30d(0, 0), None);
        assert_eq!(growth_30d(100, 0), Some(0.0));
    }
}
