//! Single jobs in `pg_cron`: what they are, what they did, and changing them.
//!
//! Putting all of them in place is [`crate::db::schedule`]'s.

use crate::{
    db::service::CronSettings,
    model::job::{Job, JobRun},
};
use chrono::{DateTime, Utc};
use sqlx::{Connection as _, FromRow, PgConnection, Row as _, postgres::PgRow};

/// A job as it is shown; the database is the application's own.
///
/// # Errors
/// The server's: not permitted, not migrated, connection lost.
pub async fn job_here(app: &mut PgConnection, cron: &CronSettings, name: &str) -> sqlx::Result<Option<Job>> {
    let row =
        sqlx::query("SELECT schedule, active, last_status, last_message, last_start FROM refreshtop.cron_job($1)")
            .bind(name)
            .fetch_optional(app)
            .await?;
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
    let row = sqlx::query(
        "SELECT j.schedule::text, j.active, d.status::text AS last_status, left(d.return_message, 200) AS last_message,
                d.start_time AS last_start
         FROM cron.job j
         LEFT JOIN LATERAL (
             SELECT r.status, r.return_message, r.start_time FROM cron.job_run_details r
             WHERE r.jobid = j.jobid AND r.runid > (SELECT coalesce(max(m.runid), 0) - 2000 FROM cron.job_run_details m)
             ORDER BY r.runid DESC LIMIT 1) d ON true
         WHERE j.jobname IN ($1, $1 || '@' || $2) AND j.database = $2
         ORDER BY j.active DESC, j.jobid DESC LIMIT 1",
    )
    .bind(name)
    .bind(database)
    .fetch_optional(there)
    .await?;
    row.map(|row| job(&row, cron)).transpose()
}

/// Whether the extension was created: where `pg_cron` is loaded, it need not be.
async fn has_jobs(there: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT to_regclass('cron.job') IS NOT NULL").fetch_one(there).await
}

fn job(row: &PgRow, cron: &CronSettings) -> sqlx::Result<Job> {
    let status: Option<String> = row.try_get("last_status")?;
    let last = match status {
        Some(status) => {
            Some(JobRun { status, message: row.try_get("last_message")?, started_at: row.try_get("last_start")? })
        }
        None => None,
    };
    Ok(Job {
        cron_database: cron.database.clone().unwrap_or_default(),
        schedule: row.try_get("schedule")?,
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
            status: row.try_get("status")?,
            message: row.try_get("message")?,
            started_at: row.try_get("start_time")?,
            ended_at: row.try_get("end_time")?,
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
    sqlx::query_as(
        "SELECT r.runid, r.status::text, left(r.return_message, 1000) AS message, r.start_time, r.end_time
         FROM cron.job_run_details r JOIN cron.job j USING (jobid)
         WHERE j.jobname IN ($1, $1 || '@' || $2) AND j.database = $2
         ORDER BY r.runid DESC LIMIT $3",
    )
    .bind(name)
    .bind(database)
    .bind(i64::from(limit))
    .fetch_all(there)
    .await
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
    sqlx::query("SELECT refreshtop.record_act($1, 'success', jsonb_build_object('job', $2, 'schedule', $3))")
        .bind(change.act())
        .bind(name)
        .bind(if let Change::Every(schedule) = change { Some(schedule.as_str()) } else { None })
        .execute(&mut *noted)
        .await?;
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
    let id: Option<i64> = sqlx::query_scalar(
        "SELECT jobid FROM cron.job WHERE jobname IN ($1, $1 || '@' || $2) AND database = $2
         ORDER BY active DESC, jobid DESC LIMIT 1",
    )
    .bind(name)
    .bind(database)
    .fetch_optional(&mut *cron)
    .await?;
    let Some(id) = id else { return Ok(false) };
    let query = match change {
        Change::Pause => sqlx::query("SELECT cron.alter_job($1, active := false)").bind(id),
        Change::Resume => sqlx::query("SELECT cron.alter_job($1, active := true)").bind(id),
        Change::Every(schedule) => sqlx::query("SELECT cron.alter_job($1, schedule := $2)").bind(id).bind(schedule),
        Change::Remove => sqlx::query("SELECT cron.unschedule($1)").bind(id),
    };
    query.execute(cron).await?;
    Ok(true)
}
