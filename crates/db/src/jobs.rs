//! The jobs of all views at once, and the views that have a schedule.

use crate::{
    contract::VIEW_JOB,
    cron_settings::CronSettings,
    error::Result,
    executions::NEAR,
    job,
    parameter::Parameter,
    read_transaction::ReadTransaction,
    row::{Row, some_text, text},
    session::Session,
    trust::{CRON_JOB, CRON_RUNS, Thing},
};
use refreshtop_core::{address::ViewId, job::Job};
use std::{collections::BTreeMap, time::Duration};

/// A view that has a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledView {
    /// Under which name it is managed.
    pub view: ViewId,
    /// When it is refreshed, as the person wrote it.
    pub schedule: String,
    /// How long after that its refresh begins.
    pub offset: Duration,
    /// The name of its job.
    pub job_name: String,
}

/// The statement that lists the views that have a schedule.
pub const SCHEDULED: &str = "SELECT refresh_type, schedule, offset_seconds, job_name FROM refreshtop.scheduled_views()";

/// What [`SCHEDULED`] calls.
pub const SCHEDULED_READS: Thing = Thing::Function("scheduled_views");

/// The views that have a schedule, for whoever may know.
pub async fn scheduled(app: &mut Session) -> Result<Vec<ScheduledView>> {
    let tx = ReadTransaction::begin(app).await?;
    let rows = tx.ask(&[SCHEDULED_READS], SCHEDULED, &[]).await;
    tx.end();
    rows?.iter().map(scheduled_view).collect()
}

fn scheduled_view(row: &Row) -> Result<ScheduledView> {
    Ok(ScheduledView {
        view: ViewId::new(&some_text(row, "refresh_type")?),
        schedule: some_text(row, "schedule")?,
        offset: Duration::try_from_secs_f64(row.try_get("offset_seconds")?).unwrap_or_default(),
        job_name: some_text(row, "job_name")?,
    })
}

/// The jobs of all views, in the application's own database: none of them if `pg_cron` is in another one. Jobs of others
/// are not among them.
pub async fn jobs_here(tx: &ReadTransaction<'_>, cron: &CronSettings) -> Result<BTreeMap<ViewId, Job>> {
    let sql = "SELECT refresh_type, schedule, active, last_status, last_message, last_start
               FROM refreshtop.jobs_of_views()";
    let rows = tx.ask(&[Thing::Function("jobs_of_views")], sql, &[]).await?;
    rows.iter().map(|row| Ok((ViewId::new(&some_text(row, "refresh_type")?), job::of_row(row, cron)?))).collect()
}

/// The same by the names of the jobs, in the database of `pg_cron` if that is another one than `database`, the
/// application's: as far as this role may see them.
pub async fn jobs_there(
    tx: &ReadTransaction<'_>,
    cron: &CronSettings,
    database: &str,
) -> Result<BTreeMap<String, Job>> {
    let sql = format!(
        "SELECT j.jobname::text AS name, left(j.schedule, 200) AS schedule, j.active, d.status::text AS last_status,
                left(d.return_message, 200) AS last_message, d.start_time AS last_start
         FROM cron.job j
         LEFT JOIN (SELECT DISTINCT ON (r.jobid) r.jobid, r.status, r.return_message, r.start_time
                    FROM cron.job_run_details r
                    WHERE r.runid > (SELECT coalesce(max(m.runid), 0) - {NEAR} FROM cron.job_run_details m)
                    ORDER BY r.jobid, r.runid DESC) d ON d.jobid = j.jobid
         WHERE j.database = $1 AND (j.jobname::text LIKE 'refresh-platform-metrics%' OR starts_with(j.jobname::text, '{VIEW_JOB}'))
         ORDER BY j.active, j.jobid"
    );
    let rows = tx.ask(&[CRON_JOB, CRON_RUNS], &sql, &[Parameter::Text(database)]).await?;
    let suffix = format!("@{database}");
    let mut jobs = BTreeMap::new();
    for row in &rows {
        let name = text(row, "name")?.unwrap_or_default();
        let name = name.strip_suffix(&suffix).unwrap_or(&name).to_owned();
        jobs.insert(name, job::of_row(row, cron)?);
    }
    Ok(jobs)
}
