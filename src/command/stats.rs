//! `refreshtop stats`: the statistics of the window.

use crate::{
    command::{Failure, report},
    output::{Output, clean, json, length, moment, table::Table},
    settings::Settings,
};
use refreshtop_connect::Target;
use refreshtop_core::age;
use serde_json::json;

/// Prints the statistics of the window.
pub async fn run(settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let report = report::read(target, settings, 0).await?;
    let stats = &report.stats;
    if output.json {
        let object = json!({
            "at": json::moment(report.snapshot.server_time),
            "window_s": report.snapshot.window.as_secs(),
            "overridden": report.limits.overridden(),
            "stats": json::stats(stats),
        });
        return output.object("stats", json::of_view(&target.id(), report.snapshot.view.as_str(), object));
    }
    let duration = |ms: Option<f64>| ms.map_or_else(|| "-".into(), age::duration_ms);
    let at =
        |at: Option<chrono::DateTime<chrono::Utc>>| at.map_or_else(|| "-".into(), |at| format!("{} UTC", moment(at)));
    let mut table = Table::bare();
    let window = length(report.snapshot.window);
    table.row(["window", &format!("{window} ({})", report.limits.window.source.words())]);
    table.row(["total", &stats.total.to_string()]);
    table.row(["successful", &stats.successful.to_string()]);
    table.row(["failed", &stats.failed.to_string()]);
    table.row(["success rate", &stats.success_rate.map_or_else(|| "-".into(), |rate| format!("{rate} %"))]);
    table.row(["average", &duration(stats.avg_duration_ms)]);
    table.row(["maximum", &duration(stats.max_duration_ms)]);
    table.row(["minimum", &duration(stats.min_duration_ms)]);
    table.row(["last attempt", &at(stats.last_refresh_at)]);
    table.row(["last success", &at(stats.last_success_at)]);
    table.row(["last error", &stats.last_error.as_deref().map_or_else(|| "-".into(), clean)]);
    output.print(&table.render(output))
}
