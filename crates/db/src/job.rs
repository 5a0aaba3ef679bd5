//! The job that refreshes, or cleans up, as it is shown: by the monitor, and by `refreshtop job show`.

use crate::{
    cron_job::{CALLING, LIKELIEST, NAMED, Sought},
    cron_settings::CronSettings,
    error::Result,
    executions::{self, NEAR},
    parameter::Parameter,
    read_transaction::ReadTransaction,
    row::{Row, moment, some_text, text},
    schedule::{self, OF_ROLES_THAT_COUNT},
    session::Session,
    trust::{CRON_JOB, CRON_RUNS, Thing},
};
use chrono::{Offset as _, Utc};
use refreshtop_core::job::{Job, JobRun};

/// The job as the installation sees it: for [`job_here`], read before the database of `pg_cron` is known.
pub(super) async fn own_job(tx: &ReadTransaction<'_>, name: &str) -> Result<Option<Row>> {
    let sql = "SELECT left(schedule, 200) AS schedule, active, last_status, last_message, last_start
               FROM refreshtop.cron_job($1)";
    tx.optional(&[Thing::Function("cron_job")], sql, &[Parameter::Text(name)]).await
}

/// The job, read in the application's own database; `own` is what [`own_job`] found.
pub(super) async fn job_here(
    tx: &ReadTransaction<'_>,
    cron: &CronSettings,
    sought: &Sought,
    own: Result<Option<Row>>,
) -> Result<Option<Job>> {
    if let Some(row) = own? {
        return of_row(&row, cron).map(Some);
    }
    // The installation sees its own jobs only; this role may see more.
    if cron.database.is_none() || !schedule::is_readable(tx).await? {
        return Ok(None);
    }
    Ok(read(tx, cron, sought, &format!("{NAMED} AND {OF_ROLES_THAT_COUNT}")).await?.map(|found| found.job))
}

/// The job, read in the database of `pg_cron`. If it was created by hand, it may have another name.
pub(super) async fn job_there(tx: &ReadTransaction<'_>, cron: &CronSettings, sought: &Sought) -> Result<Option<Job>> {
    Ok(read(tx, cron, sought, &format!("({NAMED} OR {CALLING})")).await?.map(|found| found.job))
}

/// The job of that name, with its last execution even if that was long ago. `there` is a session in the database of
/// `pg_cron`; `is_here` if that is the application's database.
pub async fn job_by_name(
    there: &mut Session,
    cron: &CronSettings,
    sought: &Sought,
    is_here: bool,
) -> Result<Option<Job>> {
    let tx = ReadTransaction::begin(there).await?;
    let condition = if is_here {
        if let Some(row) = own_job(&tx, &sought.name).await? {
            return of_row(&row, cron).map(Some);
        }
        if !schedule::is_readable(&tx).await? {
            return Ok(None);
        }
        format!("{NAMED} AND {OF_ROLES_THAT_COUNT}")
    } else if schedule::is_of_contract(&sought.name) {
        NAMED.to_owned()
    } else {
        format!("({NAMED} OR {CALLING})")
    };
    if !schedule::has_own_tables(&tx).await? {
        return Ok(None);
    }
    let Some(Found { id, mut job }) = read(&tx, cron, sought, &condition).await? else { return Ok(None) };
    if job.last.is_none() {
        job.last = executions::newest_of(&tx, id, 1).await?.runs.pop().map(|run| JobRun {
            status: run.status.unwrap_or_default(),
            message: run.message.map(|message| message.chars().take(200).collect()),
            started_at: run.started_at,
        });
    }
    tx.end();
    Ok(Some(job))
}

/// A job, and its number.
struct Found {
    id: i64,
    job: Job,
}

/// The likeliest of the jobs `j` for which `condition` holds, with its last execution.
async fn read(
    tx: &ReadTransaction<'_>,
    cron: &CronSettings,
    sought: &Sought,
    condition: &str,
) -> Result<Option<Found>> {
    let sql = format!(
        "SELECT j.jobid, left(j.schedule::text, 200) AS schedule, j.active, r.status::text AS last_status,
                left(r.return_message, 200) AS last_message, r.start_time AS last_start,
                EXISTS (SELECT 1 FROM pg_settings WHERE name = 'cron.timezone') AS has_zone
         FROM cron.job j LEFT JOIN LATERAL ({newest}) r ON true
         WHERE {condition} ORDER BY {LIKELIEST} LIMIT 1",
        newest = executions::newest("j.jobid", 1, NEAR)
    );
    let row = tx.optional(&[CRON_JOB, CRON_RUNS], &sql, &sought.parameters()).await?;
    row.map(|row| {
        // Up to 1.4 there is no such setting, and what somebody has put under that name has no effect.
        let offset = if row.try_get("has_zone")? { cron.offset } else { Utc.fix() };
        let cron = CronSettings { offset, ..cron.clone() };
        Ok(Found { id: row.try_get("jobid")?, job: of_row(&row, &cron)? })
    })
    .transpose()
}

pub(super) fn of_row(row: &Row, cron: &CronSettings) -> Result<Job> {
    let last = match text(row, "last_status")? {
        Some(status) => {
            Some(JobRun { status, message: text(row, "last_message")?, started_at: moment(row, "last_start")? })
        }
        None => None,
    };
    Ok(Job {
        cron_database: cron.database.clone().unwrap_or_default(),
        schedule: some_text(row, "schedule")?,
        active: row.try_get("active")?,
        offset: cron.offset,
        launcher: cron.launcher,
        last,
    })
}
