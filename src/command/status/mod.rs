//! `refreshtop status`: the current status, for people and for programs.

mod all;
mod watch;

use crate::{
    cli::arguments::Status,
    command::{
        Failure,
        report::{self, Found, Report},
    },
    output::{Output, clean, json, moment, overridden, table::Table},
    settings::Settings,
};
use refreshtop_connect::Target;
use refreshtop_core::{
    age, figures, health,
    numbers::{grouped, grouped_u64, length},
    run::RunStatus,
    snapshot::Deployment,
};
use refreshtop_db::contract::refresh_job;
use serde_json::{Value, json};

/// Runs that the answer lists.
const RUNS: u16 = 5;

/// Reads and prints the status: once, or anew with every poll.
pub async fn run(status: &Status, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    if status.watch {
        return Box::pin(watch::run(settings, target, output)).await;
    }
    let found = report::read(target, settings, RUNS).await?;
    output.print(&answer(&found, settings, target, output))
}

/// What was found, for people or for programs.
fn answer(found: &Found, settings: &Settings, target: &Target, output: Output) -> String {
    let line = |report: &Report| {
        let view = report.snapshot.view.as_str();
        json::line("status", json::of_view(&target.id(), view, object(report, settings, target))) + "\n"
    };
    match found {
        Found::One(report) if output.json => line(report),
        Found::One(report) => text(report, target, output),
        Found::All(all) if output.json => all.managed.iter().map(|one| line(&one.report)).collect(),
        Found::All(all) => all::text(all, output),
    }
}

fn object(report: &Report, settings: &Settings, target: &Target) -> Value {
    let snapshot = &report.snapshot;
    let now = snapshot.server_time;
    json!({
        "at": json::moment(now),
        "server": json::server(&snapshot.server, settings.profile.as_deref(), &target.place()),
        "deployment": json::deployment(snapshot.deployment),
        "health": json::health(&report.health),
        "window_s": snapshot.window.as_secs(),
        "limits": json::limits(&report.limits),
        "overridden": report.limits.overridden(),
        "stats": json::stats(&report.stats),
        "running": snapshot.running.as_ref().map(json::running),
        "job": json::reading(&snapshot.job, |job| json::job(&refresh_job(&snapshot.view), job, now)),
        "figures": json::reading(&snapshot.figures, json::figures),
        "runs": json::reading(&snapshot.runs, |runs| runs.iter().map(json::run).collect()),
    })
}

fn text(report: &Report, target: &Target, output: Output) -> String {
    let (snapshot, now) = (&report.snapshot, report.snapshot.server_time);
    let server = &snapshot.server;
    let facts = report.known.of(&report.stats);
    let headline = output.judged(&clean(&report.health.headline(&facts, now)), report.health.verdict);
    let mut table = Table::bare();
    table.row(["verdict", &output.verdict(report.health.verdict)]);
    for finding in &report.health.findings {
        table.row(["", &clean(&finding.reason)]);
    }
    if let Some(note) = overridden(&report.limits) {
        table.row(["", &note]);
    }
    let standby = if server.standby { ", standby" } else { "" };
    table.row(["database", &clean(&format!("{} at {} as {}{standby}", server.database, target.place(), server.role))]);
    if let Some(note) = deployment(snapshot.deployment) {
        table.row(["deployment", note]);
    }
    let ago = |at: chrono::DateTime<chrono::Utc>| {
        let ago = health::age(at, now).map_or_else(|| "in the future".into(), |age| format!("{} ago", age::label(age)));
        format!("{} UTC ({ago})", moment(at))
    };
    let never = || "never".to_owned();
    table.row(["last success", &report.stats.last_success_at.map_or_else(never, ago)]);
    table.row(["last run", &report.stats.last_refresh_at.map_or_else(never, ago)]);
    let window = length(snapshot.window);
    let counts =
        format!("{} of {} ok in {window}", grouped_u64(report.stats.successful), grouped_u64(report.stats.total));
    table.row(["runs", &counts]);
    if let Some(average) = report.stats.avg_duration_ms {
        table.row(["duration", &format!("{} on average", age::duration_ms(average))]);
    }
    if let Some(running) = &snapshot.running {
        let who = running.application.as_deref().unwrap_or("unknown");
        table.row(["running", &clean(&format!("a refresh is under way (pid {}, {who})", running.pid))]);
    }
    table.row(["job", &clean(&job(report))]);
    match &snapshot.figures {
        Ok(row) => {
            let growth = |total: i64, new: i64| {
                figures::growth_30d(total, new)
                    .map_or_else(|| grouped(total), |rate| format!("{} ({rate:+.1} %)", grouped(total)))
            };
            let text = format!(
                "{} accounts, {} users, {} assets, {} licenses; growth over 30 days",
                growth(row.total_accounts, row.new_accounts_30d),
                growth(row.total_users, row.new_users_30d),
                growth(row.total_assets, row.new_assets_30d),
                grouped(row.total_licenses),
            );
            table.row(["figures", &text]);
        }
        Err(missing) => table.row(["figures", &clean(&missing.reason)]),
    }
    if let Ok([newest, ..]) = snapshot.runs.as_deref()
        && newest.status == RunStatus::Error
        && let Some(error) = &newest.error
    {
        table.row(["last error", &clean(error)]);
    }
    format!("{headline}\n\n{}", table.render(output))
}

/// A note on who made the objects; `None` if refreshtop made all of them.
fn deployment(deployment: Deployment) -> Option<&'static str> {
    match deployment {
        Deployment::Migrated => None,
        Deployment::Older => Some("older than this program; run: refreshtop migrate"),
        Deployment::Unmanaged | Deployment::Missing => Some("unmanaged (installed by hand); run: refreshtop migrate"),
    }
}

fn job(report: &Report) -> String {
    match &report.snapshot.job {
        Err(missing) if missing.fix.is_empty() => missing.reason.clone(),
        Err(missing) => format!("{}; {}", missing.reason, missing.fix),
        Ok(job) if !job.active => format!("{} (paused)", job.schedule),
        Ok(job) => match job.next_run(report.snapshot.server_time) {
            Some(next) => format!("{} (next at {} UTC)", job.schedule, moment(next)),
            None => job.schedule.clone(),
        },
    }
}
