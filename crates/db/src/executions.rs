//! What a job of `pg_cron` did: its executions.

use crate::{
    cron_job::{self, Sought},
    error::Result,
    parameter::Parameter,
    row::{FromRow, Row, moment, text},
    schedule,
    session::Session,
};
use chrono::{DateTime, Utc};
use std::fmt::Display;

/// How far back among the executions of all jobs those of one job are searched for: the history has no index on the job,
/// and is never cleaned. The nearest ones first, since they usually suffice.
const REACH: [i64; 3] = [2_000, 20_000, 200_000];
/// How far back a poll searches.
pub(super) const NEAR: i64 = REACH[0];
/// How far back a diagnosis searches.
pub(super) const FAR: i64 = REACH[1];

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

impl FromRow for Execution {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.try_get("runid")?,
            status: text(row, "status")?,
            message: text(row, "message")?,
            started_at: moment(row, "start_time")?,
            ended_at: moment(row, "end_time")?,
        })
    }
}

/// Executions of a job, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Executions {
    /// The newest of them.
    pub runs: Vec<Execution>,
    /// Among how many of the newest executions of all jobs they were searched, if older ones were left out.
    pub among: Option<i64>,
}

/// The newest `limit` executions of `job`, newest first, among the newest `reach` of all jobs: a query by the index on
/// the number of the execution.
pub(super) fn newest(job: impl Display, limit: impl Display, reach: i64) -> String {
    format!(
        "SELECT * FROM cron.job_run_details d
         WHERE d.jobid = {job} AND d.runid > (SELECT coalesce(max(m.runid), 0) - {reach} FROM cron.job_run_details m)
         ORDER BY d.runid DESC LIMIT {limit}"
    )
}

/// The newest `limit` executions of a job, newest first; those of jobs that were removed are not among them.
pub async fn executions(there: &mut Session, sought: &Sought, limit: u16) -> Result<Executions> {
    let tx = cron_job::begin(there).await?;
    if !schedule::has_own_tables(&tx).await? {
        return Ok(Executions::default());
    }
    let Some(job) = cron_job::named(&tx, sought).await?.into_iter().next() else { return Ok(Executions::default()) };
    let found = newest_of(&tx, job.id, limit).await?;
    tx.commit().await?;
    Ok(found)
}

/// The newest `limit` executions of the job with the number `job`, searched for in steps: it may have run among millions
/// of others.
pub(super) async fn newest_of(there: &Session, job: i64, limit: u16) -> Result<Executions> {
    let ends = "SELECT coalesce(max(runid), 0) AS newest, coalesce(min(runid), 0) AS oldest FROM cron.job_run_details";
    let ends = there.one(ends, &[]).await?;
    let (newest_id, oldest_id): (i64, i64) = (ends.try_get("newest")?, ends.try_get("oldest")?);
    let mut runs: Vec<Execution> = Vec::new();
    for reach in REACH {
        let sql = format!(
            "SELECT r.runid, r.status::text AS status, left(r.return_message, 1000) AS message, r.start_time, r.end_time
             FROM ({}) r ORDER BY r.runid DESC",
            newest("$1", limit, reach)
        );
        let rows = there.ask(&sql, &[Parameter::Number(job)]).await?;
        runs = rows.iter().map(Execution::from_row).collect::<Result<_>>()?;
        if runs.len() >= usize::from(limit) || newest_id - reach < oldest_id {
            return Ok(Executions { runs, among: None });
        }
    }
    Ok(Executions { runs, among: REACH.last().copied() })
}
