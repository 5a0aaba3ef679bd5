//! Names that are fixed between refreshtop and the application.

/// The application's own view, which the public functions are about.
pub const PLATFORM_METRICS: &str = "platform_metrics";
/// The job that refreshes it.
pub const REFRESH_JOB: &str = "refresh-platform-metrics";
