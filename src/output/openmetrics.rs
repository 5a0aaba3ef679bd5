//! The figures as OpenMetrics.
//!
//! Gauges only, in base units: the counts are those of a window, and parsers of Prometheus's older text format
//! (`node_exporter`'s textfile collector) can read them too.

use crate::output::json;
use chrono::{DateTime, Utc};
use prometheus_client::{
    encoding::text,
    metrics::{
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::{Registry, Unit},
};
use refreshtop_core::{
    health::{Health, Verdict},
    limits::ViewLimits,
    snapshot::Snapshot,
    stats::RefreshStats,
};
use std::{borrow::Cow, fmt, sync::atomic::AtomicU64};

/// Content type of [`encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The input of the exposition.
#[derive(Debug, Clone, Copy)]
pub struct Exposed<'a> {
    /// Which database: a label of every metric, so that the files of two may lie in one folder.
    pub database: &'a str,
    /// Which view: a label of every metric but those of the database itself.
    pub view: &'a str,
    /// What was read; `None` if the database or its statistics could not be read.
    pub read: Option<(&'a Snapshot, &'a RefreshStats)>,
    /// The verdict.
    pub health: &'a Health,
    /// The limits that the view is judged by, if they could be read.
    pub limits: Option<&'a ViewLimits>,
}

type Labelled = Family<Vec<(&'static str, String)>, Gauge<f64, AtomicU64>>;

/// The text.
pub fn encode(exposed: Exposed<'_>) -> Result<String, fmt::Error> {
    let of_database = (Cow::Borrowed("database"), Cow::Owned(exposed.database.to_owned()));
    let mut registry = Registry::with_prefix_and_labels("refreshtop", [of_database].into_iter());
    let registry_ = &mut registry;
    let build = Labelled::default();
    build.get_or_create(&vec![("version", env!("CARGO_PKG_VERSION").to_owned())]).set(1.0);
    registry_.register("build_info", "Version of refreshtop", build);
    gauge(
        registry_,
        "up",
        "Whether the database answered and its statistics could be read",
        flag(exposed.read.is_some()),
    );
    let of_view = (Cow::Borrowed("view"), Cow::Owned(exposed.view.to_owned()));
    let registry_ = registry_.sub_registry_with_label(of_view);
    let verdicts = Labelled::default();
    for verdict in [Verdict::Healthy, Verdict::Warning, Verdict::Critical, Verdict::Unknown] {
        let labels = vec![("verdict", json::verdict(verdict).to_owned())];
        verdicts.get_or_create(&labels).set(flag(exposed.health.verdict == verdict));
    }
    registry_.register("health", "1 for the verdict that holds, 0 for the others", verdicts);
    if let Some(limits) = exposed.limits {
        self::limits(registry_, limits);
    }
    if let Some((snapshot, stats)) = exposed.read {
        statistics(registry_, stats);
        present(registry_, snapshot);
    }
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

fn limits(registry: &mut Registry, limits: &ViewLimits) {
    for (name, help, limit) in [
        ("window", "Window of the statistics", limits.window.value),
        ("max_age", "Age of the data above which it is a warning", limits.max_age.value),
        ("max_duration", "Average duration above which it is a warning", limits.max_duration.value),
    ] {
        seconds(registry, name, help, Some(limit.as_secs_f64()));
    }
    for (name, help, limit) in [
        ("success_warning", "Success rate below which it is a warning, 0 to 1", limits.success_warning.value),
        ("success_critical", "Success rate below which it is critical, 0 to 1", limits.success_critical.value),
    ] {
        registry.register_with_unit(name, help, Unit::Other("ratio".into()), ConstGauge::new(limit / 100.0));
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of log rows stay far below 2^52")]
fn statistics(registry: &mut Registry, stats: &RefreshStats) {
    let attempts = Labelled::default();
    for (status, count) in [("success", stats.successful), ("error", stats.failed)] {
        attempts.get_or_create(&vec![("status", status.to_owned())]).set(count as f64);
    }
    registry.register("window_refreshes", "Attempts to refresh in the window", attempts);
    if stats.total > 0 {
        let ratio = stats.successful as f64 / stats.total as f64;
        let help = "Share of attempts in the window that succeeded, 0 to 1";
        registry.register_with_unit("window_success", help, Unit::Other("ratio".into()), ConstGauge::new(ratio));
    }
    for (name, help, ms) in [
        ("duration_average", "Average duration of the successful refreshes in the window", stats.avg_duration_ms),
        ("duration_max", "Longest successful refresh in the window", stats.max_duration_ms),
        ("duration_min", "Shortest successful refresh in the window", stats.min_duration_ms),
    ] {
        seconds(registry, name, help, ms.map(|ms| ms / 1000.0));
    }
    moment(registry, "last_attempt_timestamp", "When the last attempt was made", stats.last_refresh_at);
    moment(registry, "last_success_timestamp", "When the last successful refresh ended", stats.last_success_at);
}

#[expect(clippy::cast_precision_loss, reason = "counts of an application's rows stay far below 2^52")]
fn present(registry: &mut Registry, snapshot: &Snapshot) {
    // For ages by the server's clock: this minus the last success.
    moment(registry, "server_timestamp", "The database server's clock", Some(snapshot.server_time));
    gauge(registry, "running", "Whether a refresh is under way", flag(snapshot.running.is_some()));
    gauge(registry, "standby", "Whether the server is a standby, which can't refresh", flag(snapshot.server.standby));
    if let Ok(job) = &snapshot.job {
        gauge(registry, "job_active", "Whether pg_cron runs the job that refreshes", flag(job.active));
        let next = job.next_run(snapshot.server_time);
        moment(registry, "job_next_run_timestamp", "When pg_cron runs the job next", next);
    }
    if let Ok(row) = &snapshot.figures {
        let figures = Labelled::default();
        for (figure, value) in [
            ("total_accounts", row.total_accounts),
            ("total_users", row.total_users),
            ("total_assets", row.total_assets),
            ("total_licenses", row.total_licenses),
            ("new_accounts_30d", row.new_accounts_30d),
            ("new_users_30d", row.new_users_30d),
            ("new_assets_30d", row.new_assets_30d),
        ] {
            figures.get_or_create(&vec![("figure", figure.to_owned())]).set(value as f64);
        }
        registry.register("platform", "The figures of platform_metrics", figures);
    }
}

fn flag(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: f64) {
    registry.register(name, help, ConstGauge::new(value));
}

fn seconds(registry: &mut Registry, name: &str, help: &str, value: Option<f64>) {
    if let Some(value) = value {
        registry.register_with_unit(name, help, Unit::Seconds, ConstGauge::new(value));
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay far below 2^52")]
fn moment(registry: &mut Registry, name: &str, help: &str, at: Option<DateTime<Utc>>) {
    seconds(registry, name, help, at.map(|at| at.timestamp_millis() as f64 / 1000.0));
}
