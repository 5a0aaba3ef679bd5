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
