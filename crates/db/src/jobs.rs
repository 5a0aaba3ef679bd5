//! The jobs of all views at once, and the views that have a schedule.

use crate::{
    contract::refresh_job,
    cron_settings::CronSettings,
    error::{self, Result},
    job,
    parameter::Parameter,
    read_transaction::ReadTransaction,
    row::{Row, some_text, text},
    schedule::{self, refresh_job_of},
    session::Session,
    snapshot::{Kept, cron_grant, no_cron, not_reached, not_yet_read},
    trust::{CRON_JOB, Thing},
    views,
};
use chrono::{Offset as _, Utc};
use refreshtop_connect::ConnectError;
use refreshtop_core::{
    address::ViewId,
    job::{FoundJob, Jobs},
    reading::Unavailable,
    views::{View, Views},
};
use std::{collections::BTreeMap, time::Duration};

/// What can't be read, for people.
const WHAT: &str = "schedule";

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

/// The jobs `j` of an application's database, `$1`, that may refresh its views, by name and by role: any role may schedule
/// a job by our name.
const MAY_REFRESH: &str = "
    j.database = $1 AND j.jobname LIKE 'refresh-%'
    AND EXISTS (SELECT 1 FROM pg_roles r
                WHERE r.rolname = j.username
                  AND (r.rolsuper OR r.rolname = 'refreshtop_job'
                       OR r.oid IN (SELECT d.datdba FROM pg_database d WHERE d.datname = $1)))";

/// Whether this role sees the jobs of all roles, or is the one that runs ours.
const SEES_OURS: &str = "
    (SELECT r.rolsuper OR r.rolbypassrls OR r.rolname = 'refreshtop_job' FROM pg_roles r WHERE r.rolname = current_user)";

/// What the installation sees of the jobs of all views, in the application's own database: nothing if `pg_cron` is in
/// another one. Their executions only if `runs`. For [`here`], read before the database of `pg_cron` is known.
pub(super) async fn rows_here(tx: &ReadTransaction<'_>, runs: bool) -> Result<Vec<Row>> {
    let sql = format!(
        "SELECT refresh_type, schedule, active, refreshes, last_status, last_message, last_start
         FROM refreshtop.jobs_of_views({runs})"
    );
    tx.ask(&[Thing::Function("jobs_of_views")], &sql, &[]).await
}

/// The jobs of `views`, as far as they are known in the application's own database. `rows` is what [`rows_here`] found.
pub(super) async fn here(
    tx: &ReadTransaction<'_>,
    cron: &Result<CronSettings>,
    rows: Result<Vec<Row>>,
    views: &Views,
) -> Result<Jobs> {
    let (server, role) = (&views.server, &*views.server.role);
    let cron = match cron {
        Ok(cron) => cron,
        Err(failure) if error::fails_all(failure) => return Err(failure.clone()),
        Err(failure) => return Ok(Jobs::Unknown(error::unavailable(WHAT, failure, role))),
    };
    match &cron.database {
        None if cron.readable => return Ok(Jobs::NoCron),
        None => return Ok(Jobs::Unknown(no_cron(cron, role, false))),
        Some(database) if *database != server.database => return Ok(Jobs::Unknown(not_yet_read(database))),
        Some(_) => {}
    }
    let mut jobs = match views::part(WHAT, role, rows)? {
        Ok(rows) => of_rows(&rows, cron)?,
        Err(missing) => return Ok(Jobs::Unknown(missing)),
    };
    // The installation sees its own jobs only; a superuser sees those of other roles.
    let is_missing = |view: &View| {
        view.registered().is_some_and(|registered| registered.schedule.is_some() && !jobs.contains_key(&registered.id))
    };
    if tx.trust().is_gated() && views.views.iter().any(is_missing) && schedule::is_readable(tx).await? {
        let (others, _) = read(tx, cron, &server.database, views).await?;
        for (id, job) in others {
            jobs.entry(id).or_insert(job);
        }
    }
    Ok(Jobs::Found { jobs, hidden: None })
}

/// The jobs of `views`, read in the database of `pg_cron`, which is another one.
pub(super) async fn there(tx: &ReadTransaction<'_>, cron: &CronSettings, views: &Views) -> Result<Jobs> {
    let (jobs, sees_ours) = read(tx, cron, &views.server.database, views).await?;
    let hidden = (!sees_ours).then(|| {
        let database = cron.database.as_deref().unwrap_or_default();
        let why = format!("there is no job that role {} may see in pg_cron (database {database})", views.server.role);
        Unavailable::new(why, "")
    });
    Ok(Jobs::Found { jobs, hidden })
}

/// The same through the session `session`. That database may refuse us.
pub(super) async fn elsewhere(
    session: std::result::Result<&mut Kept, ConnectError>,
    cron: &CronSettings,
    views: &Views,
) -> Jobs {
    let database = cron.database.as_deref().unwrap_or_default();
    let (what, grant) = (format!("{WHAT} (database {database})"), cron_grant(&views.server.role, database));
    let kept = match session {
        Ok(kept) => kept,
        Err(failure) => return Jobs::Unknown(not_reached(&failure, &what, &grant)),
    };
    let found = kept.read(|tx| {
        let (cron, views) = (cron.clone(), views.clone());
        Box::pin(async move { there(tx, &cron, &views).await })
    });
    found.await.unwrap_or_else(|failure| Jobs::Unknown(error::unavailable_but_for(&what, &failure, &grant)))
}

/// The jobs of `views`, and whether this role would see all of ours.
async fn read(
    tx: &ReadTransaction<'_>,
    cron: &CronSettings,
    database: &str,
    views: &Views,
) -> Result<(BTreeMap<ViewId, FoundJob>, bool)> {
    let sql = format!(
        "SELECT {SEES_OURS} AS sees_ours, j.jobname, j.schedule, j.command, j.active,
                NULL::text AS last_status, NULL::text AS last_message, NULL::timestamptz AS last_start,
                EXISTS (SELECT 1 FROM pg_settings WHERE name = 'cron.timezone') AS has_zone
         FROM (SELECT) one
         LEFT JOIN (SELECT j.jobname::text AS jobname, left(j.schedule::text, 200) AS schedule,
                           left(j.command::text, 10000) AS command, j.active, j.username = 'refreshtop_job' AS by_us, j.jobid
                    FROM cron.job j WHERE {MAY_REFRESH}) j ON true
         ORDER BY j.by_us DESC, j.active DESC, j.jobid DESC"
    );
    let rows = tx.ask(&[CRON_JOB], &sql, &[Parameter::Text(database)]).await?;
    let ids: BTreeMap<String, &ViewId> = views.managed_ids().map(|id| (refresh_job(id), id)).collect();
    let (mut jobs, mut sees_ours) = (BTreeMap::new(), false);
    for row in &rows {
        sees_ours = row.try_get::<Option<bool>, _>("sees_ours")?.unwrap_or_default();
        let (Some(name), Some(command)) = (text(row, "jobname")?, text(row, "command")?) else { continue };
        let named =
            name.strip_suffix(&format!("@{database}")).and_then(|name| ids.get(name)).or_else(|| ids.get(&name));
        // The name of a job may have been shortened.
        let id = named.copied().or_else(|| views.managed_ids().find(|id| command.contains(&call(id))));
        let Some(id) = id else { continue };
        // Up to 1.4 there is no such setting, and what somebody has put under that name has no effect.
        let offset = if row.try_get("has_zone")? { cron.offset } else { Utc.fix() };
        let job = job::of_row(row, &CronSettings { offset, ..cron.clone() })?;
        let found = FoundJob { job, refreshes: command.contains(&call(id)) };
        let is_better = jobs.get(id).is_none_or(|known: &FoundJob| !known.refreshes && found.refreshes);
        if is_better {
            jobs.insert(id.clone(), found);
        }
    }
    Ok((jobs, sees_ours))
}

/// What the job of `view` calls.
fn call(view: &ViewId) -> String {
    refresh_job_of("", view).call
}

fn of_rows(rows: &[Row], cron: &CronSettings) -> Result<BTreeMap<ViewId, FoundJob>> {
    rows.iter()
        .map(|row| {
            let found = FoundJob { job: job::of_row(row, cron)?, refreshes: row.try_get("refreshes")? };
            Ok((ViewId::new(&some_text(row, "refresh_type")?), found))
        })
        .collect()
}
