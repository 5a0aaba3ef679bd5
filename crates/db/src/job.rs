//! The job that refreshes, as the monitor shows it.

use crate::{
    contract::REFRESH_JOB,
    cron_settings::CronSettings,
    error::Result,
    jobs,
    quote::literal,
    read_transaction::ReadTransaction,
    row::{Row, moment, some_text, text},
    schedule::{self, JOB_ROLE, OF_ROLES_THAT_COUNT},
    trust::{CRON_JOB, CRON_RUNS, Thing},
};
use refreshtop_core::job::{Job, JobRun};

/// The job as the installation sees it: for [`job_here`], asked before it is known where `pg_cron` lives.
pub(super) async fn own_job(tx: &ReadTransaction<'_>) -> Result<Option<Row>> {
    let sql = format!(
        "SELECT left(schedule, 200) AS schedule, active, last_status, last_message, last_start FROM refreshtop.cron_job({})",
        literal(REFRESH_JOB)
    );
    tx.optional(&[Thing::Function("cron_job")], &sql, &[]).await
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
    let row = tx.optional(&[CRON_JOB, CRON_RUNS], &sql, &[]).await?;
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
