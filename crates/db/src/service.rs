//! The service layer: statistics for a window, recent log rows, one run in full, trigger. Health, the fourth
//! operation, is pure and lives in [`refreshtop_core::health`].
//!
//! Used alike by the screen and the command line; knows neither.
//!
//! How a question goes out: see [`session`](crate::session).

use crate::{
    error, jobs,
    read_transaction::ReadTransaction,
    schedule::{self, JOB_ROLE, OF_ROLES_THAT_COUNT},
    session::{Error, FromRow, Lossy, Result, Row, Session},
    trust::{CRON_JOB, CRON_RUNS, LOG, QUESTION, Refusal, Thing, Trust, VIEW},
};
use chrono::{DateTime, Datelike as _, FixedOffset, Offset, Utc};
pub(super) use refreshtop_core::diagnosis::literal;
use refreshtop_core::{
    address::ViewId,
    figures::PlatformMetrics,
    job::{Job, JobRun},
    refresh::{RunningRefresh, TriggerOutcome},
    run::{BlackBox, Origin, Run, RunDetail, RunStatus},
    snapshot::Server,
    stats::RefreshStats,
};
use serde::Deserialize;
use std::time::Duration;
use tokio_postgres::row::RowIndex;
use uuid::Uuid;

/// The view that the public functions are about.
pub const PLATFORM_METRICS: &str = "platform_metrics";
/// The job that refreshes it.
pub const REFRESH_JOB: &str = "refresh-platform-metrics";
/// Longest error text that a list carries, characters.
pub(super) const LISTED_ERROR: u32 = 500;

/// What a session learns about its server in one round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// The part that the screen shows.
    pub server: Server,
    /// The server's clock.
    pub time: DateTime<Utc>,
    /// What may be looked at.
    pub trust: Trust,
}

/// Asks one question. Inside a transaction a refusal costs the question only, not what comes after it.
pub(super) async fn ask(session: &Session, sql: &str) -> Result<Vec<Row>> {
    session.ask(sql, &[]).await
}

/// Asks a question that has at most one answer.
pub(super) async fn optional(connection: &Session, sql: &str) -> Result<Option<Row>> {
    Ok(ask(connection, sql).await?.into_iter().next())
}

/// Asks a question that has an answer.
pub(super) async fn one(connection: &Session, sql: &str) -> Result<Row> {
    optional(connection, sql).await?.ok_or(Error::NoRow)
}

/// The text in `column`, whatever its bytes: a database in `SQL_ASCII` keeps and sends what nobody can read.
pub(super) fn text(row: &Row, column: impl RowIndex + std::fmt::Display) -> Result<Option<String>> {
    Ok(row.try_get::<Option<Lossy>, _>(column)?.map(|Lossy(text)| text))
}

/// The same of a column that always has one.
pub(super) fn some_text(row: &Row, column: &str) -> Result<String> {
    text(row, column).map(Option::unwrap_or_default)
}

/// `window` as an interval.
pub(super) fn interval(window: Duration) -> String {
    // Up to PostgreSQL 14 each number in it is a 32-bit integer.
    let seconds = i32::try_from(window.as_secs()).unwrap_or(i32::MAX);
    format!("interval '{seconds}.{:06} seconds'", window.subsec_micros())
}

/// Asks who and where we are.
pub async fn server_facts(connection: &Session) -> Result<ServerFacts> {
    server_facts_of(connection.ask(&server_facts_query(QUESTION), &[]).await?)
}

/// What asks it, with a question of [`Trust`].
pub(super) fn server_facts_query(question: &str) -> String {
    // A receiver that has nothing left to replay is not behind, however long its primary has been idle.
    format!(
        "SELECT clock_timestamp() AS time, current_database()::text AS database, current_user::text AS role,
                split_part(current_setting('server_version'), ' ', 1) AS version, pg_is_in_recovery() AS standby,
                CASE WHEN pg_is_in_recovery()
                     AND NOT (EXISTS (SELECT 1 FROM pg_stat_wal_receiver WHERE pid IS NOT NULL)
                              AND pg_last_wal_receive_lsn() IS NOT DISTINCT FROM pg_last_wal_replay_lsn())
                THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 END AS behind,
                ({question}) AS trust"
    )
}

/// Reads the answer.
pub(super) fn server_facts_of(rows: Vec<Row>) -> Result<ServerFacts> {
    let row = rows.into_iter().next().ok_or(Error::NoRow)?;
    Ok(ServerFacts {
        server: Server {
            database: some_text(&row, "database")?,
            role: some_text(&row, "role")?,
            version: some_text(&row, "version")?,
            standby: row.try_get("standby")?,
            behind: row
                .try_get::<Option<f64>, _>("behind")?
                .and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok()),
        },
        time: row.try_get("time")?,
        trust: Trust::from_row(&row)?,
    })
}

/// A moment. `None` for NULL, and for what no calendar here has: `infinity`, years before Christ or beyond 9999.
pub(super) fn moment(row: &Row, column: &str) -> Result<Option<DateTime<Utc>>> {
    match row.try_get::<Option<DateTime<Utc>>, _>(column) {
        Ok(at) => Ok(at.filter(|at| (0..=9999).contains(&at.year()))),
        Err(Error::Decode(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Statistics of the refreshes of `refresh_type` in the last `window`.
pub async fn statistics(tx: &ReadTransaction<'_>, refresh_type: &str, window: Duration) -> Result<RefreshStats> {
    let sql = format!(
        "SELECT total_refreshes, successful_refreshes, failed_refreshes, success_rate::float8,
                CASE WHEN avg_duration_ms BETWEEN 0 AND 1e15 THEN avg_duration_ms END::float8 AS avg_duration_ms,
                CASE WHEN max_duration_ms BETWEEN 0 AND 1e15 THEN max_duration_ms END::float8 AS max_duration_ms,
                CASE WHEN min_duration_ms BETWEEN 0 AND 1e15 THEN min_duration_ms END::float8 AS min_duration_ms,
                last_refresh_at, left(last_error, {LISTED_ERROR}) AS last_error, last_success_at
         FROM refreshtop.stats({}, {})",
        literal(refresh_type),
        interval(window)
    );
    RefreshStats::from_row(&tx.one(&[Thing::Function("stats")], &sql).await?)
}

impl FromRow for RefreshStats {
    fn from_row(row: &Row) -> Result<Self> {
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
            last_error: text(row, "last_error")?,
            last_success_at: moment(row, "last_success_at")?,
        })
    }
}

/// The columns that make a [`Run`]. Whoever may write to the log may write nonsense: one odd row must not cost the list
/// (a number that no float can hold, a record without a list in it).
pub(super) fn select_runs(longest_error: u32) -> String {
    format!(
        "SELECT id, status, left(trigger_source, 20) AS trigger_source,
                CASE WHEN duration_ms BETWEEN 0 AND 1e15 THEN duration_ms END::float8 AS duration_ms,
                coalesce(started_at, created_at) AS started_at, completed_at, left(sqlstate, 5) AS sqlstate,
                left(error_message, {longest_error}) AS error_message,
                CASE WHEN jsonb_typeof(black_box -> 'sessions') = 'array'
                     THEN jsonb_array_length(black_box -> 'sessions') ELSE 0 END AS blockers"
    )
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
pub async fn recent_runs(
    tx: &ReadTransaction<'_>,
    refresh_type: &str,
    filter: LogFilter,
    limit: u16,
) -> Result<Vec<Run>> {
    let only = match filter {
        LogFilter::All => "",
        LogFilter::Errors => "AND status = 'error'",
    };
    let sql = format!(
        "{} FROM public.metrics_refresh_log WHERE refresh_type = {} AND created_at IS NOT NULL {only}
         ORDER BY created_at DESC LIMIT {limit}",
        select_runs(LISTED_ERROR),
        literal(refresh_type)
    );
    tx.ask(&[LOG], &sql).await?.iter().map(Run::from_row).collect()
}

impl FromRow for Run {
    fn from_row(row: &Row) -> Result<Self> {
        let status = some_text(row, "status")?;
        let source = text(row, "trigger_source")?;
        Ok(Self {
            id: row.try_get("id")?,
            status: if status == "success" { RunStatus::Success } else { RunStatus::Error },
            origin: source.as_deref().map_or(Origin::Unknown, Origin::from_source),
            duration_ms: row.try_get("duration_ms")?,
            started_at: moment(row, "started_at")?.unwrap_or_default(),
            completed_at: moment(row, "completed_at")?,
            sqlstate: text(row, "sqlstate")?,
            error: text(row, "error_message")?,
            blockers: row.try_get::<i32, _>("blockers")?.unsigned_abs(),
        })
    }
}

/// One run in full; `None` where the log has no such row (any more).
pub async fn run_detail(tx: &ReadTransaction<'_>, id: Uuid) -> Result<Option<RunDetail>> {
    // A megabyte of message is the log's to keep, not a screen's to carry.
    let sql = format!(
        "{}, left(error_message, 20000) AS message, left(error_detail, 20000) AS detail, left(error_hint, 20000) AS hint,
                left(error_context, 20000) AS context, left(triggered_by::text, 200) AS triggered_by,
                left(application_name, 200) AS application_name, backend_pid,
                CASE WHEN octet_length(black_box::text) <= 4000000 THEN black_box END AS black_box
         FROM public.metrics_refresh_log WHERE id = '{id}'",
        select_runs(LISTED_ERROR)
    );
    let row = tx.optional(&[LOG], &sql).await?;
    row.as_ref().map(detail_from_row).transpose()
}

pub(super) fn detail_from_row(row: &Row) -> Result<RunDetail> {
    // One that is nested deeper than anybody reads is no reason to hide the rest of the run either.
    let black_box: Option<serde_json::Value> =
        text(row, "black_box").unwrap_or_default().and_then(|text| serde_json::from_str(&text).ok());
    Ok(RunDetail {
        run: Run::from_row(row)?,
        message: text(row, "message")?,
        detail: text(row, "detail")?,
        hint: text(row, "hint")?,
        context: text(row, "context")?,
        triggered_by: text(row, "triggered_by")?,
        application: text(row, "application_name")?,
        pid: row.try_get("backend_pid")?,
        // A record of a shape that this version does not know is no reason to hide the rest of the run.
        black_box: black_box.and_then(|value| BlackBox::deserialize(value).ok()),
    })
}

/// The refresh that is under way, whoever started it.
pub async fn running(tx: &ReadTransaction<'_>, refresh_type: &str) -> Result<Option<RunningRefresh>> {
    let sql = format!("SELECT pid, since, application_name FROM refreshtop.running({})", literal(refresh_type));
    let row = tx.optional(&[Thing::Function("running")], &sql).await?;
    row.map(|row| {
        Ok(RunningRefresh {
            pid: row.try_get("pid")?,
            since: moment(&row, "since")?,
            application: text(&row, "application_name")?,
        })
    })
    .transpose()
}

/// The row of `platform_metrics`; `None` where the view is empty.
pub async fn figures(tx: &ReadTransaction<'_>) -> Result<Option<PlatformMetrics>> {
    let sql = "SELECT total_accounts::bigint, total_users::bigint, total_assets::bigint, total_licenses::bigint,
                new_accounts_30d::bigint, new_users_30d::bigint, new_assets_30d::bigint, last_updated::timestamptz
         FROM public.platform_metrics LIMIT 1";
    let row = tx.optional(&[VIEW], sql).await?;
    row.as_ref().map(PlatformMetrics::from_row).transpose()
}

impl FromRow for PlatformMetrics {
    fn from_row(row: &Row) -> Result<Self> {
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

/// Asks where `pg_cron` lives, in a look of its own.
pub async fn cron_settings(connection: &mut Session) -> Result<CronSettings> {
    let tx = ReadTransaction::begin(connection).await?;
    let settings = cron_settings_in(&tx).await?;
    tx.end();
    Ok(settings)
}

/// Asks where `pg_cron` lives.
pub async fn cron_settings_in(tx: &ReadTransaction<'_>) -> Result<CronSettings> {
    let sql = "SELECT database, utc_offset, readable FROM refreshtop.cron_settings()";
    settings_from_row(&tx.one(&[Thing::Function("cron_settings")], sql).await?)
}

/// Reads the columns `database`, `utc_offset` (seconds) and `readable`.
pub(super) fn settings_from_row(row: &Row) -> Result<CronSettings> {
    Ok(CronSettings {
        database: text(row, "database")?,
        offset: FixedOffset::east_opt(row.try_get("utc_offset")?).unwrap_or_else(|| Utc.fix()),
        readable: row.try_get("readable")?,
    })
}

/// The job as the installation sees it: for [`job_here`], asked before it is known where `pg_cron` lives.
pub(super) async fn own_job(tx: &ReadTransaction<'_>) -> Result<Option<Row>> {
    let sql = format!(
        "SELECT left(schedule, 200) AS schedule, active, last_status, last_message, last_start FROM refreshtop.cron_job({})",
        literal(REFRESH_JOB)
    );
    tx.optional(&[Thing::Function("cron_job")], &sql).await
}

/// The job that refreshes, read in the application's own database; `own` is what [`own_job`] found.
pub(super) async fn job_here(
    tx: &ReadTransaction<'_>,
    cron: &CronSettings,
    own: Result<Option<Row>>,
) -> Result<Option<Job>> {
    if let Some(row) = own? {
        return job_from_row(&row, cron).map(Some);
    }
    // The installation sees its own jobs only; whoever asks may see more.
    match &cron.database {
        Some(database) if schedule::is_readable(tx).await? => {
            let named = format!("{} AND {OF_ROLES_THAT_COUNT}", jobs::is_job(database, REFRESH_JOB));
            job_that(tx, cron, database, &named).await
        }
        _ => Ok(None),
    }
}

/// The job that refreshes `database`, read in the database where `pg_cron` lives; the look is into that one.
pub(super) async fn job_there(tx: &ReadTransaction<'_>, cron: &CronSettings, database: &str) -> Result<Option<Job>> {
    job_that(tx, cron, database, "true").await
}

/// The same among the jobs `j` for which `condition` holds.
async fn job_that(
    tx: &ReadTransaction<'_>,
    cron: &CronSettings,
    database: &str,
    condition: &str,
) -> Result<Option<Job>> {
    let (job, database) = (literal(REFRESH_JOB), literal(database));
    // Whoever set it up by hand may have given it another name.
    let sql = format!(
        "SELECT left(j.schedule::text, 200) AS schedule, j.active, d.status::text AS last_status, left(d.return_message, 200) AS last_message,
                d.start_time AS last_start
         FROM cron.job j
         LEFT JOIN LATERAL (
             SELECT r.status, r.return_message, r.start_time FROM cron.job_run_details r
             WHERE r.jobid = j.jobid AND r.runid > (SELECT coalesce(max(m.runid), 0) - 2000 FROM cron.job_run_details m)
             ORDER BY r.runid DESC LIMIT 1) d ON true
         WHERE j.database = {database} AND {condition}
           AND (j.jobname IN ({job}, {job} || '@' || {database})
                OR j.command LIKE '%refresh_platform_metrics_with_logging%')
         ORDER BY coalesce(j.jobname LIKE {job} || '%', false) DESC, j.username = '{JOB_ROLE}' DESC, j.active DESC, j.jobid DESC
         LIMIT 1"
    );
    let row = tx.optional(&[CRON_JOB, CRON_RUNS], &sql).await?;
    row.map(|row| job_from_row(&row, cron)).transpose()
}

fn job_from_row(row: &Row, cron: &CronSettings) -> Result<Job> {
    let status = text(row, "last_status")?;
    Ok(Job {
        cron_database: cron.database.clone().unwrap_or_default(),
        schedule: some_text(row, "schedule")?,
        active: row.try_get("active")?,
        offset: cron.offset,
        last: match status {
            Some(status) => {
                Some(JobRun { status, message: text(row, "last_message")?, started_at: moment(row, "last_start")? })
            }
            None => None,
        },
    })
}

/// What `refreshtop.refresh()` returns, as far as it is read here.
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

/// The statement that triggers a refresh; its result goes through [`trigger_answer`].
///
/// Not the function in `public`: whoever owns that schema can put another one into its place.
pub fn refresh_statement(view: &ViewId) -> String {
    format!("SELECT refreshtop.refresh({}, 'manual')::text", literal(view.as_str()))
}
/// What it calls.
pub const REFRESH: Thing = Thing::Function("refresh");

/// The process of a refresh that is running, as JSON; `null` where there is none.
pub const RUNNING: &str = "SELECT pg_catalog.to_json(pid)::text FROM refreshtop.running()";
/// What [`RUNNING`] calls.
pub const RUNS: Thing = Thing::Function("running");

/// Reads the answer of [`refresh_statement`] as the text that the server sent.
pub fn trigger_answer(text: Option<&str>) -> TriggerOutcome {
    trigger_outcome(text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
}

/// Reads what `refreshtop.refresh()` returned.
pub fn trigger_outcome(reply: serde_json::Value) -> TriggerOutcome {
    let unreadable = || TriggerOutcome::Refused {
        message: "refreshtop.refresh() answered in a form that this version does not know; \
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
pub async fn trigger(connection: &mut Session, view: &ViewId) -> Result<TriggerOutcome> {
    if let Err(refusal) = Trust::of(connection).await?.allow(REFRESH) {
        return Ok(TriggerOutcome::Refused { message: kept_from(&refusal) });
    }
    match one(connection, &refresh_statement(view)).await {
        Ok(row) => Ok(trigger_answer(row.try_get(0)?)),
        Err(failure) => match error::server_error(&failure) {
            Some(server) if !error::is_connection_failure(&failure) => {
                Ok(refused(server.code().code(), server.message(), server.hint()))
            }
            _ => Err(failure),
        },
    }
}

/// What is said where the function that refreshes may not be called, or is not there.
pub fn kept_from(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Missing(_) => format!("{refusal}: the database is not migrated; run: refreshtop migrate"),
        Refusal::Stranger(_) => refusal.to_string(),
    }
}

/// What an error of the server means for a trigger that it would not run.
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
