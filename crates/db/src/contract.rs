//! Names that are fixed between refreshtop and the application.

pub use refreshtop_core::address::PLATFORM_METRICS;
use refreshtop_core::address::ViewId;

/// The job that refreshes it.
pub const REFRESH_JOB: &str = "refresh-platform-metrics";

/// How the name of a view's job begins, but for the application's own.
pub const VIEW_JOB: &str = "refresh-view-";

/// The name of the job that refreshes `view`. In `pg_cron` one of more than 63 bytes is shortened, by
/// `refreshtop.job_name()`.
pub fn refresh_job(view: &ViewId) -> String {
    if is_own(view) { REFRESH_JOB.to_owned() } else { format!("{VIEW_JOB}{}", view.as_str()) }
}

/// Whether `view` is the application's own.
pub fn is_own(view: &ViewId) -> bool {
    view.as_str() == PLATFORM_METRICS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_of_the_own_view_has_the_name_of_the_contract() {
        assert_eq!(refresh_job(&ViewId::new(PLATFORM_METRICS)), REFRESH_JOB);
        assert_eq!(refresh_job(&ViewId::new("daily_sales")), "refresh-view-daily_sales");
    }
}
