//! The figures as OpenMetrics.
//!
//! Gauges only, in base units: the counts are those of a window, and parsers of Prometheus's older text format
//! (`node_exporter`'s textfile collector) can read them too.

use crate::output::json;
use chrono::{DateTime, Utc};
use prometheus_client::{
    encoding::text,
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};
use refreshtop_core::{
    health::{Health, Now, Verdict},
    limits::ViewLimits,
    snapshot::Snapshot,
    stats::RefreshStats,
};
use std::{borrow::Cow, fmt, sync::atomic::AtomicU64};

/// Content type of [`encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The input of the exposition.
#[derive(Debug, Clone, PartialEq)]
pub struct Exposed<'a> {
    /// Which database: a label of every metric, so that the files of two may lie in one folder.
    pub database: &'a str,
    /// The views.
    pub views: Vec<ExposedView<'a>>,
}

/// A view in the exposition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExposedView<'a> {
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
pub fn encode(exposed: &Exposed<'_>) -> Result<String, fmt::Error> {
    let mut families = Families::default();
    let up = exposed.views.iter().all(|view| view.read.is_some());
    families.add("build_info", "Version of refreshtop", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    families.add("up", "Whether the database answered and its statistics could be read", &[], flag(up));
    for view in &exposed.views {
        let mut of_view = OfView { view: view.view, families: &mut families };
        for verdict in [Verdict::Healthy, Verdict::Warning, Verdict::Critical, Verdict::Unknown] {
            let label = ("verdict", json::verdict(verdict));
            let help = "1 for the verdict that holds, 0 for the others";
            of_view.gauge("health", help, Some(label), flag(view.health.verdict == verdict));
        }
        for state in Now::WORDS {
            let help = "1 for the state of now, 0 for the others";
            of_view.gauge("state", help, Some(("state", state)), flag(view.health.now.word() == state));
        }
        let in_a_row = match view.health.now {
            Now::Failing { in_a_row, .. } => Some(in_a_row),
            // Whether its last attempt failed is not what its state is about.
            Now::Unknown | Now::Paused | Now::Stopped => None,
            Now::Stale | Now::Refreshing | Now::Recovered { .. } | Now::Healthy => Some(0),
        };
        if let Some(in_a_row) = in_a_row {
            of_view.gauge("failures_in_a_row", "Attempts that failed since the last success", None, in_a_row.into());
        }
        if let Some(left) = view.health.budget.failures_left {
            #[expect(clippy::cast_precision_loss, reason = "counts of log rows stay far below 2^52")]
            let left = left as f64;
            let help = "Attempts that may fail before the success rate is a warning";
            of_view.gauge("failures_left", help, None, left);
        }
        if let Some(limits) = view.limits {
            self::limits(&mut of_view, limits);
        }
        if let Some((snapshot, stats)) = view.read {
            statistics(&mut of_view, stats);
            present(&mut of_view, snapshot);
        }
    }
    let of_database = (Cow::Borrowed("database"), Cow::Owned(exposed.database.to_owned()));
    let mut registry = Registry::with_prefix_and_labels("refreshtop", [of_database].into_iter());
    families.register(&mut registry);
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

/// The metrics by their names: those of several views are one family, which may stand in the text only once.
#[derive(Default)]
struct Families(Vec<Metric>);

struct Metric {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    values: Labelled,
}

impl Families {
    fn add(&mut self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.add_in(name, help, None, labels, value);
    }

    fn add_in(
        &mut self,
        name: &'static str,
        help: &'static str,
        unit: Option<Unit>,
        labels: &[(&'static str, &str)],
        value: f64,
    ) {
        let at = self.0.iter().position(|metric| metric.name == name).unwrap_or_else(|| {
            self.0.push(Metric { name, help, unit, values: Labelled::default() });
            self.0.len() - 1
        });
        let labels: Vec<(&'static str, String)> =
            labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.0[at].values.get_or_create(&labels).set(value);
    }

    fn register(self, registry: &mut Registry) {
        for Metric { name, help, unit, values } in self.0 {
            match unit {
                Some(unit) => registry.register_with_unit(name, help, unit, values),
                None => registry.register(name, help, values),
            }
        }
    }
}

/// Adds the metrics of one view.
struct OfView<'a> {
    view: &'a str,
    families: &'a mut Families,
}

impl OfView<'_> {
    fn gauge(&mut self, name: &'static str, help: &'static str, label: Option<(&'static str, &str)>, value: f64) {
        let labels: Vec<_> = std::iter::once(("view", self.view)).chain(label).collect();
        self.families.add(name, help, &labels, value);
    }

    fn in_unit(&mut self, name: &'static str, help: &'static str, unit: Unit, value: f64) {
        self.families.add_in(name, help, Some(unit), &[("view", self.view)], value);
    }

    fn seconds(&mut self, name: &'static str, help: &'static str, value: Option<f64>) {
        if let Some(value) = value {
            self.in_unit(name, help, Unit::Seconds, value);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay far below 2^52")]
    fn moment(&mut self, name: &'static str, help: &'static str, at: Option<DateTime<Utc>>) {
        self.seconds(name, help, at.map(|at| at.timestamp_millis() as f64 / 1000.0));
    }
}

fn limits(view: &mut OfView<'_>, limits: &ViewLimits) {
    for (name, help, limit) in [
        ("window", "Window of the statistics", limits.window.value),
        ("max_age", "Age of the data above which it is a warning", limits.max_age.value),
        ("max_duration", "Average duration above which it is a warning", limits.max_duration.value),
    ] {
        view.seconds(name, help, Some(limit.as_secs_f64()));
    }
    for (name, help, limit) in [
        ("success_warning", "Success rate below which it is a warning, 0 to 1", limits.success_warning.value),
        ("success_critical", "Success rate below which it is critical, 0 to 1", limits.success_critical.value),
    ] {
        view.in_unit(name, help, Unit::Other("ratio".into()), limit / 100.0);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of log rows stay far below 2^52")]
fn statistics(view: &mut OfView<'_>, stats: &RefreshStats) {
    for (status, count) in [("success", stats.successful), ("error", stats.failed)] {
        let label = Some(("status", status));
        view.gauge("window_refreshes", "Attempts to refresh in the window", label, count as f64);
    }
    if stats.total > 0 {
        let ratio = stats.successful as f64 / stats.total as f64;
        let help = "Share of attempts in the window that succeeded, 0 to 1";
        view.in_unit("window_success", help, Unit::Other("ratio".into()), ratio);
    }
    for (name, help, ms) in [
        ("duration_average", "Average duration of the successful refreshes in the window", stats.avg_duration_ms),
        ("duration_max", "Longest successful refresh in the window", stats.max_duration_ms),
        ("duration_min", "Shortest successful refresh in the window", stats.min_duration_ms),
    ] {
        view.seconds(name, help, ms.map(|ms| ms / 1000.0));
    }
    view.moment("last_attempt_timestamp", "When the last attempt was made", stats.last_refresh_at);
    view.moment("last_success_timestamp", "When the last successful refresh ended", stats.last_success_at);
}

#[expect(clippy::cast_precision_loss, reason = "counts of an application's rows stay far below 2^52")]
fn present(view: &mut OfView<'_>, snapshot: &Snapshot) {
    // For ages by the server's clock: this minus the last success.
    view.moment("server_timestamp", "The database server's clock", Some(snapshot.server_time));
    view.gauge("running", "Whether a refresh is under way", None, flag(snapshot.running.is_some()));
    let help = "Whether the server is a standby, which can't refresh";
    view.gauge("standby", help, None, flag(snapshot.server.standby));
    if let Ok(job) = &snapshot.job {
        view.gauge("job_active", "Whether pg_cron runs the job that refreshes", None, flag(job.active));
        let next = job.next_run(snapshot.server_time);
        view.moment("job_next_run_timestamp", "When pg_cron runs the job next", next);
    }
    if let Ok(row) = &snapshot.figures {
        for (figure, value) in [
            ("total_accounts", row.total_accounts),
            ("total_users", row.total_users),
            ("total_assets", row.total_assets),
            ("total_licenses", row.total_licenses),
            ("new_accounts_30d", row.new_accounts_30d),
            ("new_users_30d", row.new_users_30d),
            ("new_assets_30d", row.new_assets_30d),
        ] {
            view.gauge("platform", "The figures of platform_metrics", Some(("figure", figure)), value as f64);
        }
    }
}

fn flag(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}
