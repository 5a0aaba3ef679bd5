//! Single jobs in `pg_cron`: what they are, what they did, and changing them.
//!
//! Putting all of them in place is [`crate::db::schedule`]'s.

use crate::{
    db::service::{self, CronSettings, literal},
    model::job::{Job, JobRun},
};
use chrono::{DateTime, Utc};
use sqlx::{Connection as _, FromRow, PgConnection, Row as _, postgres::PgRow};

/// A job as it is shown; the database is the application's own.
///
/// # Errors
/// The server's: not permitted, not migrated, connection lost.
pub async fn job_here(app: &mut PgConnection, cron: &CronSettings, name: &str) -> sqlx::Result<Option<Job>> {
    let sql = format!(
        "SELECT schedule, active, last_status, last_message, last_start FROM refreshtop.cron_job({})",
        literal(name)
    );
    let row = service::optional(app, &sql).await?;
    row.map(|row| job(&row, cron)).transpose()
}

/// A job of `database` as it is shown, read where `pg_cron` lives.
///
/// # Errors
/// The server's: not permitted, no `pg_cron` there, connection lost.
pub async fn job_there(
    there: &mut PgConnection,
    cron: &CronSettings,
    database: &str,
    name: &str,
) -> sqlx::Result<Option<Job>> {
    if !has_jobs(there).await? {
        return Ok(None);
    }
    let sql = format!(
        "SELECT j.schedule::text, j.active, d.status::text AS last_status, left(d.return_message, 200) AS last_message,
                d.start_time AS last_start
         FROM cron.job j
         LEFT JOIN LATERAL (
             SELECT r.status, r.return_message, r.start_time FROM cron.job_run_details r
             WHERE r.jobid = j.jobid AND r.runid > (SELECT coalesce(max(m.runid), 0) - 2000 FROM cron.job_run_details m)
             ORDER BY r.runid DESC LIMIT 1) d ON true
         WHERE {}
         ORDER BY j.active DESC, j.jobid DESC LIMIT 1",
        is_job(database, name)
    );
    let row = service::optional(there, &sql).await?;
    row.map(|row| job(&row, cron)).transpose()
}

/// Whether the extension was created: where `pg_cron` is loaded, it need not be.
async fn has_jobs(there: &mut PgConnection) -> sqlx::Result<bool> {
    service::one(there, "SELECT to_regclass('cron.job') IS NOT NULL").await?.try_get(0)
}

/// The condition that row `j` of `cron.job` is the job `name` of `database`.
pub(super) fn is_job(database: &str, name: &str) -> String {
    let (database, name) = (literal(database), literal(name));
    format!("j.jobname IN ({name}, {name} || '@' || {database}) AND j.database = {database}")
}

fn job(row: &PgRow, cron: &CronSettings) -> sqlx::Result<Job> {
    let status = service::text(row, "last_status")?;
    let last = match status {
        Some(status) => Some(JobRun {
            status,
            message: service::text(row, "last_message")?,
            started_at: service::moment(row, "last_start")?,
        }),
        None => None,
    };
    Ok(Job {
        cron_database: cron.database.clone().unwrap_or_default(),
        schedule: service::some_text(row, "schedule")?,
        active: row.try_get("active")?,
        offset: cron.offset,
        last,
    })
}

/// One execution of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// `pg_cron`'s number of it.
    pub id: i64,
    /// `pg_cron`'s word: `starting`, `running`, `succeeded`, `failed`.
    pub status: Option<String>,
    /// Its message, cut to 1,000 characters.
    pub message: Option<String>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

impl FromRow<'_, PgRow> for Execution {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("runid")?,
            status: service::text(row, "status")?,
            message: service::text(row, "message")?,
            started_at: service::moment(row, "start_time")?,
            ended_at: service::moment(row, "end_time")?,
        })
    }
}

/// The newest `limit` executions of a job, newest first; those of jobs that were removed are not among them.
///
/// # Errors
/// The server's: not permitted, no `pg_cron` there, connection lost.
pub async fn executions(
    there: &mut PgConnection,
    database: &str,
    name: &str,
    limit: u16,
) -> sqlx::Result<Vec<Execution>> {
    if !has_jobs(there).await? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT r.runid, r.status::text, left(r.return_message, 1000) AS message, r.start_time, r.end_time
         FROM cron.job_run_details r JOIN cron.job j USING (jobid)
         WHERE {}
         ORDER BY r.runid DESC LIMIT {limit}",
        is_job(database, name)
    );
    service::ask(there, &sql).await?.iter().map(Execution::from_row).collect()
}

/// A change of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Not run until resumed.
    Pause,
    /// Run again.
    Resume,
    /// Run at other times.
    Every(String),
    /// Gone.
    Remove,
}

impl Change {
    /// Its name in the audit trail.
    #[must_use]
    pub fn act(&self) -> &'static str {
        match self {
            Self::Pause => "job pause",
            Self::Resume => "job resume",
            Self::Every(_) => "job every",
            Self::Remove => "job remove",
        }
    }
}

/// Changes the job `name` of `database` and notes that in the audit trail: both or neither, as far as two databases
/// can promise that. `there` is a session where `pg_cron` lives, or `None` where that is the application's. `false`
/// where there is no such job that this role may see.
///
/// # Errors
/// The server's: only the role that scheduled a job, and superusers, may change it.
pub async fn change(
    app: &mut PgConnection,
    there: Option<&mut PgConnection>,
    database: &str,
    name: &str,
    change: &Change,
) -> sqlx::Result<bool> {
    let mut noted = app.begin().await?;
    let schedule = if let Change::Every(schedule) = change { literal(schedule) } else { "NULL".into() };
    let sql = format!(
        "SELECT refreshtop.record_act({}, 'success', jsonb_build_object('job', {}, 'schedule', {schedule}))",
        literal(change.act()),
        literal(name)
    );
    service::ask(&mut noted, &sql).await?;
    let cron = match there {
        Some(there) => there,
        None => &mut *noted,
    };
    if !apply(cron, database, name, change).await? {
        noted.rollback().await?;
        return Ok(false);
    }
    noted.commit().await?;
    Ok(true)
}

async fn apply(cron: &mut PgConnection, database: &str, name: &str, change: &Change) -> sqlx::Result<bool> {
    if !has_jobs(cron).await? {
        return Ok(false);
    }
    let sql = format!(
        "SELECT j.jobid FROM cron.job j WHERE {} ORDER BY j.active DESC, j.jobid DESC LIMIT 1",
        is_job(database, name)
    );
    let Some(row) = service::optional(cron, &sql).await? else { return Ok(false) };
    let id: i64 = row.try_get(0)?;
    let sql = match change {
        Change::Pause => format!("SELECT cron.alter_job({id}, active := false)"),
        Change::Resume => format!("SELECT cron.alter_job({id}, active := true)"),
        Change::Every(schedule) => format!("SELECT cron.alter_job({id}, schedule := {})", literal(schedule)),
        // pg_cron has a function for names too.
        Change::Remove => format!("SELECT cron.unschedule({id}::bigint)"),
    };
    service::ask(cron, &sql).await?;
    Ok(true)
}
