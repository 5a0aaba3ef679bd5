//! JSON answers, as docs/json.md describes them.
//!
//! Every object carries `schema` and `kind`. Names with a unit end in it (`_ms`, `_s`, `_percent`), moments are RFC
//! 3339 in UTC, and what is not known is `null`. New members may come; what is there keeps its name and meaning
//! within a version of the schema.

use chrono::{DateTime, SecondsFormat, Utc};
use refreshtop_core::{
    figures::PlatformMetrics,
    health::{Health, Now, Rule, Verdict},
    job::Job,
    limits::{Source, ViewLimits},
    reading::{Reading, Unavailable},
    refresh::RunningRefresh,
    run::{Run, RunStatus},
    snapshot::{Deployment, Server},
    stats::RefreshStats,
};
use refreshtop_db::log::Logged;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Version of the schema, in every object.
pub const SCHEMA: &str = "refreshtop/1";

/// An object on one line. Control characters are escaped, so that it is harmless on a terminal.
pub fn line(kind: &str, mut object: Value) -> String {
    if let Some(members) = object.as_object_mut() {
        members.insert("schema".into(), SCHEMA.into());
        members.insert("kind".into(), kind.into());
    }
    let mut line = String::new();
    for c in object.to_string().chars() {
        if c.is_control() || is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(c);
        }
    }
    line
}

/// `object`, with the name of its database.
pub fn of_database(database: &str, mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert("database".into(), database.into());
    }
    object
}

/// `object`, with the names of its database and its view (`refresh_type`).
pub fn of_view(database: &str, view: &str, object: Value) -> Value {
    let mut object = of_database(database, object);
    if let Some(members) = object.as_object_mut() {
        members.insert("view".into(), view.into());
    }
    object
}

/// Direction marks and other invisible characters, and the line separators that JSON allows in a string.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}')
}

/// A moment.
pub fn moment(at: DateTime<Utc>) -> Value {
    at.to_rfc3339_opts(SecondsFormat::Millis, true).into()
}

/// A verdict's word.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Healthy => "healthy",
        Verdict::Warning => "warning",
        Verdict::Critical => "critical",
        Verdict::Unknown => "unknown",
    }
}

/// Verdict and findings.
pub fn health(health: &Health) -> Value {
    let rule = |rule| match rule {
        Rule::NoRefresh => "no_refresh",
        Rule::SuccessRate => "success_rate",
        Rule::AverageDuration => "average_duration",
        Rule::Freshness => "freshness",
        Rule::NoData => "no_data",
        Rule::NothingRefreshes => "nothing_refreshes",
        Rule::FailuresInARow => "failures_in_a_row",
        Rule::Slow => "slow",
    };
    let findings: Vec<Value> = health
        .findings
        .iter()
        .map(|found| json!({"rule": rule(found.rule), "verdict": verdict(found.verdict), "reason": found.reason}))
        .collect();
    let (in_a_row, since) = match health.now {
        Now::Failing { in_a_row, since } => (Some(in_a_row), since),
        Now::Recovered { in_a_row, since } => (Some(in_a_row), Some(since)),
        _ => (None, None),
    };
    json!({
        "verdict": verdict(health.verdict),
        "now": {"state": health.now.word(), "in_a_row": in_a_row, "since": since.map(moment)},
        "budget": {"verdict": verdict(health.budget.verdict), "failures_left": health.budget.failures_left},
        "findings": findings,
    })
}

/// The limits that a view is judged by, and where each comes from.
pub fn limits(limits: &ViewLimits) -> Value {
    let source = |source| match source {
        Source::Override => "override",
        Source::Own => "own",
        Source::Schedule => "schedule",
        Source::Target => "max_age",
        Source::Usual => "usual",
    };
    let sources = limits.sources().into_iter().map(|(name, from)| (name.to_owned(), source(from).into()));
    json!({
        "max_age_s": limits.max_age.value.as_secs_f64(),
        "max_duration_s": limits.max_duration.value.as_secs_f64(),
        "success_warning_percent": limits.success_warning.value,
        "success_critical_percent": limits.success_critical.value,
        "stats_window_s": limits.window.value.as_secs_f64(),
        "from": Value::Object(sources.collect()),
    })
}

/// The statistics of a window.
pub fn stats(stats: &RefreshStats) -> Value {
    json!({
        "total": stats.total,
        "successful": stats.successful,
        "failed": stats.failed,
        "success_rate_percent": stats.success_rate,
        "average_ms": stats.avg_duration_ms,
        "max_ms": stats.max_duration_ms,
        "min_ms": stats.min_duration_ms,
        "last_attempt_at": stats.last_refresh_at.map(moment),
        "last_success_at": stats.last_success_at.map(moment),
        "last_error": stats.last_error,
    })
}

/// A run.
pub fn run(run: &Run) -> Value {
    json!({
        "id": run.id,
        "status": if run.status == RunStatus::Success { "success" } else { "error" },
        "source": run.origin.name(),
        "duration_ms": run.duration_ms,
        "started_at": moment(run.started_at),
        "completed_at": run.completed_at.map(moment),
        "sqlstate": run.sqlstate,
        "error": run.error,
        "blockers": run.blockers,
        "rows_inserted": run.work.rows_inserted,
        "rows_deleted": run.work.rows_deleted,
        "server_wal_bytes": run.work.server_wal_bytes,
    })
}

/// A run of the log, with the session that blocked it.
pub fn logged(logged: &Logged) -> Value {
    let mut object = run(&logged.run);
    object["role"] = logged.role.as_deref().into();
    object["application"] = logged.application.as_deref().into();
    object["blocked_by"] = logged.blocker.as_ref().map_or(
        Value::Null,
        |blocker| json!({"pid": blocker.pid, "role": blocker.role, "application": blocker.application}),
    );
    object
}

/// Who answered.
pub fn server(server: &Server, profile: Option<&str>, place: &str) -> Value {
    json!({
        "profile": profile,
        "place": place,
        "database": server.database,
        "role": server.role,
        "version": server.version,
        "standby": server.standby,
    })
}

/// How far the database is migrated.
pub fn deployment(deployment: Deployment) -> &'static str {
    match deployment {
        Deployment::Migrated => "migrated",
        Deployment::Older => "older",
        Deployment::Unmanaged => "unmanaged",
        Deployment::Missing => "missing",
    }
}

/// The job, seen at the server's `now`.
pub fn job(name: &str, job: &Job, now: DateTime<Utc>) -> Value {
    let last = job
        .last
        .as_ref()
        .map(|last| json!({"status": last.status, "message": last.message, "started_at": last.started_at.map(moment)}));
    json!({
        "name": name,
        "database": job.cron_database,
        "schedule": job.schedule,
        "active": job.active,
        "next_run_at": job.next_run(now).map(moment),
        "last": last,
    })
}

/// The figures of the view.
pub fn figures(figures: &PlatformMetrics) -> Value {
    json!({
        "total_accounts": figures.total_accounts,
        "total_users": figures.total_users,
        "total_assets": figures.total_assets,
        "total_licenses": figures.total_licenses,
        "new_accounts_30d": figures.new_accounts_30d,
        "new_users_30d": figures.new_users_30d,
        "new_assets_30d": figures.new_assets_30d,
        "last_updated": figures.last_updated.map(moment),
    })
}

/// The refresh under way.
pub fn running(running: &RunningRefresh) -> Value {
    json!({"pid": running.pid, "since": running.since.map(moment), "application": running.application})
}

/// A part: its value, or `{"unavailable": …}`.
pub fn reading<T>(reading: &Reading<T>, value: impl FnOnce(&T) -> Value) -> Value {
    match reading {
        Ok(part) => value(part),
        Err(Unavailable { reason, fix, .. }) => json!({"unavailable": {"reason": reason, "fix": fix}}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_says_what_it_is() {
        let text = "a\nb\u{9b}c\u{202e}d\u{2028}\u{e0001}\x7f\"";
        let line = line("x", json!({"text": text}));
        assert!(!line.contains(['\n', '\u{9b}', '\u{202e}', '\u{2028}', '\u{e0001}', '\x7f']), "{line}");
        let back: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&back["text"], &back["schema"], &back["kind"]), (&text.into(), &SCHEMA.into(), &"x".into()));
    }
}
