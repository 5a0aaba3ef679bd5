//! The jobs of all views at once, and the views that have a schedule.

use crate::{
    cron_settings::CronSettings,
    error::Result,
    job,
    read_transaction::ReadTransaction,
    row::{Row, some_text},
    session::Session,
    trust::Thing,
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

/// The rows of the jobs of all views, in the application's own database: none if `pg_cron` is in another one. Jobs of
/// others are not among them.
pub(super) async fn rows_here(tx: &ReadTransaction<'_>) -> Result<Vec<Row>> {
    let sql = "SELECT refresh_type, schedule, active, last_status, last_message, last_start
               FROM refreshtop.jobs_of_views()";
    tx.ask(&[Thing::Function("jobs_of_views")], sql, &[]).await
}

/// The jobs in these rows.
pub(super) fn of_rows(rows: &[Row], cron: &CronSettings) -> Result<BTreeMap<ViewId, Job>> {
    rows.iter().map(|row| Ok((ViewId::new(&some_text(row, "refresh_type")?), job::of_row(row, cron)?))).collect()
}
