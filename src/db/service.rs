//! The service layer: statistics for a window, recent log rows, one run in full, trigger. Health, the fourth
//! operation, is pure and lives in [`crate::model::health`].
//!
//! Used alike by the screen and the command line; knows neither.

use crate::db::error;
use crate::model::{
    figures::PlatformMetrics,
    job::{Job, JobRun},
    refresh::{RunningRefresh, TriggerOutcome},
    run::{BlackBox, Origin, Run, RunDetail, RunStatus},
    snapshot::Server,
    stats::RefreshStats,
};
use chrono::{DateTime, Datelike as _, FixedOffset, Offset, Utc};
use serde::Deserialize;
use sqlx::{
    FromRow, PgConnection, Row, ValueRef as _,
    postgres::{PgRow, PgValueFormat, types::PgInterval},
};
use std::time::Duration;
use uuid::Uuid;

/// The view that the public functions are about.
pub const PLATFORM_METRICS: &str = "platform_metrics";
/// The job that refreshes it.
pub const REFRESH_JOB: &str = "refresh-platform-metrics";
/// Longest error text that a list carries, characters.
const LISTED_ERROR: i32 = 500;

/// What a session learns about its server in one round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// The part that the screen shows.
    pub server: Server,
    /// The server's clock.
    pub time: DateTime<Utc>,
}

/// Asks who and where we are.
///
/// # Errors
/// Only the connection's: any role may ask.
pub async fn server_facts(connection: &mut PgConnection) -> sqlx::Result<ServerFacts> {
    let row = sqlx::query(
        "SELECT clock_timestamp() AS time, current_database()::text AS database, current_user::text AS role,
                split_part(current_setting('server_version'), ' ', 1) AS version, pg_is_in_recovery() AS standby",
    )
    .fetch_one(connection)
    .await?;
    Ok(ServerFacts {
        server: Server {
            database: row.try_get("database")?,
            role: row.try_get("role")?,
            version: row.try_get("version")?,
            standby: row.try_get("standby")?,
        },
        time: row.try_get("time")?,
    })
}

/// A moment as the server keeps it: microseconds since 2000. `None` for NULL, and for what no calendar here has
/// (`infinity`, years beyond 9999), which the driver's own reading would panic about.
fn moment(row: &PgRow, column: &str) -> sqlx::Result<Option<DateTime<Utc>>> {
    /// 2000-01-01, microseconds since 1970.
    const EPOCH: i64 = 946_684_800_000_000;
    let raw = row.try_get_raw(column)?;
    if raw.is_null() {
        return Ok(None);
    }
    if raw.format() == PgValueFormat::Text {
        return row.try_get(column);
    }
    let bytes = raw.as_bytes().ok().and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    let bytes = bytes.ok_or_else(|| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "not a timestamp with time zone".into(),
    })?;
    let at = i64::from_be_bytes(bytes).checked_add(EPOCH).and_then(DateTime::from_timestamp_micros);
    Ok(at.filter(|at| (0..=9999).contains(&at.year())))
}

/// Statistics of the refreshes of `refresh_type` in the last `window`.
///
/// # Errors
/// The server's: not permitted, not migrated, connection lost.
pub async fn statistics(
    connection: &mut PgConnection,
    refresh_type: &str,
    window: Duration,
) -> sqlx::Result<RefreshStats> {
    let interval =
        PgInterval { months: 0, days: 0, microseconds: i64::try_from(window.as_micros()).unwrap_or(i64::MAX) };
    sqlx::query_as(
        "SELECT total_refreshes, successful_refreshes, failed_refreshes, success_rate::float8,
                CASE WHEN avg_duration_ms BETWEEN 0 AND 1e15 THEN avg_duration_ms END::float8 AS avg_duration_ms,
                CASE WHEN max_duration_ms BETWEEN 0 AND 1e15 THEN max_duration_ms END::float8 AS max_duration_ms,
                CASE WHEN min_duration_ms BETWEEN 0 AND 1e15 THEN min_duration_ms END::float8 AS min_duration_ms,
                last_refresh_at, left(last_error, $3) AS last_error, last_success_at
         FROM refreshtop.stats($1, $2)",
    )
    .bind(refresh_type)
    .bind(interval)
    .bind(LISTED_ERROR)
    .fetch_one(connection)
    .await
}

impl FromRow<'_, PgRow> for RefreshStats {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
        Ok(Self {
            total: count("total_refreshes")?,
            successful: count("successful_refreshes")?,
            failed: count("failed_refreshes")?,
            success_rate: row.try_get("success_rate")?,
            avg_duration_ms: row.try_get("avg_duration_ms")?,
            max_duration_ms: row.try_get("max_duration_ms")?,
            min_duration_ms: row.try_get("min_duration_ms")?,
            last_refresh_at: moment(row, "last_refresh_at")?,
            last_error: row.try_get("last_error")?,
            last_success_at: moment(row, "last_success_at")?,
        })
    }
}

/// The columns that make a [`Run`]; `$1` is the longest error text, characters. Whoever may write to the log may write
/// nonsense: one odd row must not cost the list (a number that no float can hold, a record without a list in it).
macro_rules! select_runs {
    () => {
        "SELECT id, status, left(trigger_source, 20) AS trigger_source,
                CASE WHEN duration_ms BETWEEN 0 AND 1e15 THEN duration_ms END::float8 AS duration_ms,
                coalesce(started_at, created_at) AS started_at, completed_at, left(sqlstate, 5) AS sqlstate,
                left(error_message, $1) AS error_message,
                CASE WHEN jsonb_typeof(black_box -> 'sessions') = 'array'
                     THEN jsonb_array_length(black_box -> 'sessions') ELSE 0 END AS blockers"
    };
}

/// Which log rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFilter {
    /// All of them.
    All,
    /// Failures only.
    Errors,
}

/// The newest `limit` runs, newest first.
///
/// # Errors
/// The server's: not permitted, not migrated, connection lost.
pub async fn recent_runs(
    connection: &mut PgConnection,
    refresh_type: &str,
    filter: LogFilter,
    limit: u16,
) -> sqlx::Result<Vec<Run>> {
    // Two texts, not one with a parameter: the planner must see the condition of the partial index.
    let query = match filter {
        LogFilter::All => sqlx::query_as(concat!(
            select_runs!(),
            " FROM public.metrics_refresh_log WHERE refresh_type = $2 AND created_at IS NOT NULL
             ORDER BY created_at DESC LIMIT $3"
        )),
        LogFilter::Errors => sqlx::query_as(concat!(
            select_runs!(),
            " FROM public.metrics_refresh_log WHERE refresh_type = $2 AND created_at IS NOT NULL AND status = 'error'
             ORDER BY created_at DESC LIMIT $3"
        )),
    };
    query.bind(LISTED_ERROR).bind(refresh_type).bind(i64::from(limit)).fetch_all(connection).await
}

impl FromRow<'_, PgRow> for Run {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let status: String = row.try_get("status")?;
        let source: Option<String> = row.try_get("trigger_source")?;
        Ok(Self {
            id: row.try_get("id")?,
            status: if status == "success" { RunStatus::Success } else { RunStatus::Error },
            origin: source.as_deref().map_or(Origin::Unknown, Origin::from_source),
            duration_ms: row.try_get("duration_ms")?,
            started_at: moment(row, "started_at")?.unwrap_or_default(),
            completed_at: moment(row, "completed_at")?,
            sqlstate: row.try_get("sqlstate")?,
            error: row.try_get("error_message")?,
            blockers: row.try_get::<i32, _>("blockers")?.unsigned_abs(),
        })
    }
}

/// One run in full; `None` where the log has no such row (any more).
///
/// # Errors
/// The server's: not permitted, not migrated, connection lost.
pub async fn run_detail(connection: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<RunDetail>> {
    // A megabyte of message is the log's to keep, not a screen's to carry.
    let row = sqlx::query(concat!(
        select_runs!(),
        ", left(error_message, 20000) AS message, left(error_detail, 20000) AS detail, left(error_hint, 20000) AS hint,
                left(error_context, 20000) AS context, left(triggered_by::text, 200) AS triggered_by,
                left(application_name, 200) AS application_name, backend_pid,
                CASE WHEN octet_length(black_box::text) <= 4000000 THEN black_box END AS black_box
         FROM public.metrics_refresh_log WHERE id = $2",
    ))
    .bind(LISTED_ERROR)
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(detail_from_row).transpose()
}

fn detail_from_row(row: &PgRow) -> sqlx::Result<RunDetail> {
    // One that is nested deeper than anybody reads is no reason to hide the rest of the run either.
    let black_box: Option<serde_json::Value> = row.try_get("black_box").unwrap_or_default();
    Ok(RunDetail {
        run: Run::from_row(row)?,
        message: row.try_get("message")?,
        detail: row.try_get("detail")?,
        hint: row.try_get("hint")?,
        context: row.try_get("context")?,
        triggered_by: row.try_get("triggered_by")?,
        application: row.try_get("application_name")?,
        pid: row.try_get("backend_pid")?,
        // A record of a shape that this version does not know is no reason to hide the rest of the run.
        black_box: black_box.and_then(|value| BlackBox::deserialize(value).ok()),
    })
}

/// The refresh that is under way, whoever started it.
///
/// # Errors
/// The server's: not permitted, not migrated, connection lost.
pub async fn running(connection: &mut PgConnection, refresh_type: &str) -> sqlx::Result<Option<RunningRefresh>> {
    let row = sqlx::query("SELECT pid, since, application_name FROM refreshtop.running($1)")
        .bind(refresh_type)
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(RunningRefresh {
            pid: row.try_get("pid")?,
            since: moment(&row, "since")?,
            application: row.try_get("application_name")?,
        })
    })
    .transpose()
}

/// The row of `platform_metrics`; `None` where the view is empty.
///
/// # Errors
/// The server's: not permitted, not migrated, never populated, connection lost.
pub async fn figures(connection: &mut PgConnection) -> sqlx::Result<Option<PlatformMetrics>> {
    sqlx::query_as(
        "SELECT total_accounts, total_users, total_assets, total_licenses, new_accounts_30d, new_users_30d, new_assets_30d,
                last_updated
         FROM public.platform_metrics LIMIT 1",
    )
    .fetch_optional(connection)
    .await
}

impl FromRow<'_, PgRow> for PlatformMetrics {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            total_accounts: row.try_get("total_accounts")?,
            total_users: row.try_get("total_users")?,
            total_assets: row.try_get("total_assets")?,
            total_licenses: row.try_get("total_licenses")?,
            new_accounts_30d: row.try_get("new_accounts_30d")?,
            new_users_30d: row.try_get("new_users_30d")?,
            new_assets_30d: row.try_get("new_assets_30d")?,
            last_updated: moment(row, "last_updated")?,
        })
    }
}

/// Where `pg_cron` lives, as far as it can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronSettings {
    /// Its database; `None` where it is not loaded, or nobody here may see.
    pub database: Option<String>,
    /// Offset of the zone in which it reads schedules.
    pub offset: FixedOffset,
    /// Whether its settings could be read; without that no database does not mean no `pg_cron`.
    pub readable: bool,
}

/// Asks where `pg_cron` lives.
///
/// # Errors
/// The server's: not permitted, not migrated, connection lost.
pub async fn cron_settings(connection: &mut PgConnection) -> sqlx::Result<CronSettings> {
    let row = sqlx::query("SELECT database, utc_offset, readable FROM refreshtop.cron_settings()")
        .fetch_one(connection)
        .await?;
    Ok(CronSettings {
        database: row.try_get("database")?,
        offset: FixedOffset::east_opt(row.try_get("utc_offset")?).unwrap_or_else(|| Utc.fix()),
        readable: row.try_get("readable")?,
    })
}

/// The job that refreshes, read in the application's own database.
///
/// # Errors
/// The server's: not permitted, not migrated, connection lost.
pub async fn job_here(connection: &mut PgConnection, cron: &CronSettings) -> sqlx::Result<Option<Job>> {
    let row =
        sqlx::query("SELECT left(schedule, 200) AS schedule, active, last_status, last_message, last_start FROM refreshtop.cron_job($1)")
            .bind(REFRESH_JOB)
            .fetch_optional(connection)
            .await?;
    row.map(|row| job_from_row(&row, cron)).transpose()
}

/// The job that refreshes `database`, read in the database where `pg_cron` lives; `connection` is to that one.
///
/// # Errors
/// The server's: not permitted, no `pg_cron` there, connection lost.
pub async fn job_there(
    connection: &mut PgConnection,
    cron: &CronSettings,
    database: &str,
) -> sqlx::Result<Option<Job>> {
    let row = sqlx::query(
        "SELECT left(j.schedule::text, 200) AS schedule, j.active, d.status::text AS last_status, left(d.return_message, 200) AS last_message,
                d.start_time AS last_start
         FROM cron.job j
         LEFT JOIN LATERAL (
             SELECT r.status, r.return_message, r.start_time FROM cron.job_run_details r
             WHERE r.jobid = j.jobid AND r.runid > (SELECT coalesce(max(m.runid), 0) - 2000 FROM cron.job_run_details m)
             ORDER BY r.runid DESC LIMIT 1) d ON true
         WHERE j.jobname IN ($1, $1 || '@' || $2) AND j.database = $2
         ORDER BY j.active DESC, j.jobid DESC LIMIT 1",
    )
    .bind(REFRESH_JOB)
    .bind(database)
    .fetch_optional(connection)
    .await?;
    row.map(|row| job_from_row(&row, cron)).transpose()
}

fn job_from_row(row: &PgRow, cron: &CronSettings) -> sqlx::Result<Job> {
    let status: Option<String> = row.try_get("last_status")?;
    Ok(Job {
        cron_database: cron.database.clone().unwrap_or_default(),
        schedule: row.try_get("schedule")?,
        active: row.try_get("active")?,
        offset: cron.offset,
        last: match status {
            Some(status) => {
                Some(JobRun { status, message: row.try_get("last_message")?, started_at: moment(row, "last_start")? })
            }
            None => None,
        },
    })
}

/// What `trigger_platform_metrics_refresh()` returns, as far as it is read here.
#[derive(Debug, Deserialize)]
struct TriggerReply {
    status: String,
    #[serde(default)]
    duration_ms: f64,
    completed_at: Option<DateTime<Utc>>,
    sqlstate: Option<String>,
    #[serde(default)]
    message: String,
}

/// The statement that triggers a refresh; its result goes through [`trigger_outcome`].
pub const TRIGGER: &str = "SELECT public.trigger_platform_metrics_refresh()";

/// Reads the answer of [`TRIGGER`].
#[must_use]
pub fn trigger_outcome(reply: serde_json::Value) -> TriggerOutcome {
    let unreadable = || TriggerOutcome::Refused {
        message: "trigger_platform_metrics_refresh() answered in a form that this version does not know; \
                  run: refreshtop migrate"
            .into(),
    };
    let Ok(reply) = TriggerReply::deserialize(reply) else { return unreadable() };
    match (reply.status.as_str(), reply.completed_at) {
        ("success", Some(completed_at)) => TriggerOutcome::Success { duration_ms: reply.duration_ms, completed_at },
        ("error", _) => {
            TriggerOutcome::Error { duration_ms: reply.duration_ms, sqlstate: reply.sqlstate, message: reply.message }
        }
        ("running", _) => TriggerOutcome::AlreadyRunning { message: reply.message },
        ("refused", _) => TriggerOutcome::Refused { message: reply.message },
        _ => unreadable(),
    }
}

/// Triggers a refresh on `connection` and waits for its end.
///
/// # Errors
/// Only the connection's; what the server says about the refresh is in the outcome.
pub async fn trigger(connection: &mut PgConnection) -> sqlx::Result<TriggerOutcome> {
    match sqlx::query_scalar(TRIGGER).fetch_one(connection).await {
        Ok(reply) => Ok(trigger_outcome(reply)),
        Err(failure) => match error::server_error(&failure) {
            Some(server) if !error::is_connection_failure(&failure) => {
                Ok(refused(server.code(), server.message(), server.hint()))
            }
            _ => Err(failure),
        },
    }
}

/// What an error of the server means for a trigger that it would not run.
#[must_use]
pub fn refused(code: &str, message: &str, hint: Option<&str>) -> TriggerOutcome {
    let advice = match code {
        error::sqlstate::INSUFFICIENT_PRIVILEGE => "only super administrators may refresh",
        error::sqlstate::UNDEFINED_FUNCTION => "the database is not migrated; run: refreshtop migrate",
        error::sqlstate::READ_ONLY => "this server is read-only; trigger the refresh on its primary",
        _ => hint.unwrap_or_default(),
    };
    let message = if advice.is_empty() { message.to_owned() } else { format!("{message}: {advice}") };
    TriggerOutcome::Refused { message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_status_of_the_trigger_is_read() {
        let at = "2026-01-02T03:04:05Z";
        let success =
            trigger_outcome(json!({"status": "success", "duration_ms": 12.5, "completed_at": at, "message": "m"}));
        assert_eq!(success, TriggerOutcome::Success { duration_ms: 12.5, completed_at: at.parse().unwrap() });
        let error = trigger_outcome(
            json!({"status": "error", "duration_ms": 1, "sqlstate": "22012", "message": "division by zero"}),
        );
        assert_eq!(
            error,
            TriggerOutcome::Error {
                duration_ms: 1.0,
                sqlstate: Some("22012".into()),
                message: "division by zero".into()
            }
        );
        assert!(matches!(
            trigger_outcome(json!({"status": "running", "message": "m"})),
            TriggerOutcome::AlreadyRunning { .. }
        ));
        for odd in [json!(null), json!({}), json!({"status": "fine"}), json!("success")] {
            assert!(matches!(trigger_outcome(odd), TriggerOutcome::Refused { .. }));
        }
    }
}
