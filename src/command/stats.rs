//! `refreshtop stats`: the statistics of the window.

use crate::{
    command::{
        Failure,
        report::{self, All, Found, Report},
    },
    output::{Output, clean, json, moment, table::Table},
    settings::Settings,
};
use chrono::{DateTime, Utc};
use refreshtop_connect::Target;
use refreshtop_core::{
    age,
    numbers::{counted, grouped_u64, length},
};
use serde_json::json;

/// For what is not known.
const UNKNOWN: &str = "-";

/// Prints the statistics of the window.
pub async fn run(settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let answer = |report: &Report| {
        let object = json!({
            "at": json::moment(report.snapshot.server_time),
            "window_s": report.snapshot.window.as_secs(),
            "overridden": report.limits.overridden(),
            "stats": json::stats(&report.stats),
        });
        json::line("stats", json::of_view(&target.id(), report.snapshot.view.as_str(), object)) + "\n"
    };
    let text = match report::read(target, settings, 0).await? {
        Found::One(report) if output.json => answer(&report),
        Found::One(report) => of_one(&report, output),
        Found::All(all) if output.json => all.managed.iter().map(|one| answer(&one.report)).collect(),
        Found::All(all) => of_all(&all, output),
    };
    output.print(&text)
}

fn duration(ms: Option<f64>) -> String {
    ms.map_or_else(|| UNKNOWN.into(), age::duration_ms)
}

fn at(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| UNKNOWN.into(), |at| format!("{} UTC", moment(at)))
}

fn rate(rate: Option<f64>) -> String {
    rate.map_or_else(|| UNKNOWN.into(), |rate| format!("{rate} %"))
}

fn of_one(report: &Report, output: Output) -> String {
    let stats = &report.stats;
    let mut table = Table::bare();
    let window = length(report.snapshot.window);
    table.row(["window", &format!("{window} ({})", report.limits.window.source.words())]);
    table.row(["total", &grouped_u64(stats.total)]);
    table.row(["successful", &grouped_u64(stats.successful)]);
    table.row(["failed", &grouped_u64(stats.failed)]);
    table.row(["success rate", &rate(stats.success_rate)]);
    table.row(["average", &duration(stats.avg_duration_ms)]);
    table.row(["maximum", &duration(stats.max_duration_ms)]);
    table.row(["minimum", &duration(stats.min_duration_ms)]);
    table.row(["last run", &at(stats.last_refresh_at)]);
    table.row(["last success", &at(stats.last_success_at)]);
    table.row(["last error", &stats.last_error.as_deref().map_or_else(|| UNKNOWN.into(), clean)]);
    table.render(output)
}

/// A line for each view, the worst first.
fn of_all(all: &All, output: Output) -> String {
    let mut table = Table::new(&[
        "view",
        "window",
        "total",
        "failed",
        "success rate",
        "average",
        "maximum",
        "minimum",
        "last success",
        "last error",
    ]);
    for one in &all.managed {
        let stats = &one.report.stats;
        table.row([
            clean(one.name()),
            length(one.report.snapshot.window),
            grouped_u64(stats.total),
            grouped_u64(stats.failed),
            rate(stats.success_rate),
            duration(stats.avg_duration_ms),
            duration(stats.max_duration_ms),
            duration(stats.min_duration_ms),
            at(stats.last_success_at),
            stats.last_error.as_deref().map_or_else(|| UNKNOWN.into(), clean),
        ]);
    }
    format!("{}\n\n{}", counted(all.managed.len() as u64, "view"), table.render(output))
}
