//! Scheduling the jobs.

use super::sessions::{cron_session, session};
use crate::command::{
    Failure,
    interrupt::{self, Watch},
};
use refreshtop_connect::Target;
use refreshtop_core::exit;
use refreshtop_db::{
    migrate::{self, MigrateError},
    schedule::{self, CronLocation, Identity, Installation, JobChanges, Mode, ScheduleError},
    session::Session,
};

/// Schedules the jobs in the application's transaction; or, if `pg_cron` is in another database, acts on that one's by
/// `mode`.
pub(super) async fn ensure_jobs(
    app: &mut Session,
    there: Option<&mut Session>,
    installation: &Installation,
    mode: Mode,
) -> Result<JobChanges, ScheduleError> {
    let warning = match &installation.place {
        CronLocation::Database(_) => None,
        CronLocation::NotLoaded => {
            let (what, function) = if installation.platform_metrics {
                ("refreshes the view", "public.refresh_platform_metrics_with_logging()")
            } else {
                ("cleans up the refresh log", "refreshtop.cleanup_logs()")
            };
            Some(format!(
                "warning: pg_cron is not loaded on this server, so nothing {what} by itself: install it, add it to \
                 shared_preload_libraries and migrate again, or let another scheduler call {function}"
            ))
        }
        CronLocation::Hidden => Some(format!(
            "warning: the jobs were not scheduled: role {} may not see whether pg_cron is loaded and where it is; \
             GRANT pg_read_all_settings to it and migrate again, or migrate as a superuser",
            installation.role
        )),
    };
    if let Some(warning) = warning {
        return Ok(JobChanges::only(warning));
    }
    schedule::is_safe(app, installation).await?;
    let mut done = match there {
        Some(there) => schedule::ensure(there, installation, mode).await?,
        None => schedule::ensure(app, installation, mode).await?,
    };
    // A plan is noted now, because it is carried out once this is committed.
    let noting = if mode == Mode::Dry { Mode::Dry } else { Mode::Really };
    schedule::write_notes(app, &mut done, noting).await?;
    Ok(done)
}

/// Schedules the jobs that are missing, and takes over those that do the same. Returns the lines to print.
///
/// # Errors
/// That can't be done, e.g. because there is no `pg_cron`.
pub async fn jobs(target: &Target, quiet: bool) -> Result<Vec<String>, Failure> {
    interrupt::run(target, quiet, async |watch: &Watch| jobs_watched(target, watch).await).await
}

async fn jobs_watched(target: &Target, watch: &Watch) -> Result<Vec<String>, Failure> {
    let mut app = session(target, watch).await?;
    let mut installation = schedule::installation(&mut app).await.map_err(MigrateError::from)?;
    if migrate::status(&mut app).await?.iter().all(|step| step.applied_at.is_none()) {
        return Err(Failure::new(exit::NOT_MIGRATED, "the database is not migrated; run: refreshtop migrate"));
    }
    let mut pending = migrate::begin_jobs(&mut app).await?;
    schedule::recall(pending.connection(), &mut installation).await.map_err(MigrateError::from)?;
    if installation.identity != Identity::Original {
        let why =
            "this database was renamed, copied or restored, and its jobs are not yet its own; run: refreshtop migrate";
        return Err(Failure::new(exit::NOT_MIGRATED, why));
    }
    let mut other = cron_session(target, &installation, watch).await?;
    let mut there = match &mut other {
        Some(other) => Some(other.begin().await.map_err(MigrateError::from)?),
        None => None,
    };
    let done = ensure_jobs(pending.connection(), there.as_deref_mut(), &installation, Mode::Really).await;
    let done = done.map_err(|failure| refused(&failure, watch))?;
    if let Some(warning) = done.lines.first().and_then(|line| line.strip_prefix("warning: ")) {
        return Err(Failure::new(exit::FAILURE, warning));
    }
    if watch.stopped() {
        return Err(Failure::new(exit::FAILURE, "nothing was changed"));
    }
    watch.settle();
    migrate::leave(pending.connection()).await?;
    // The notes are committed first: a note without a job does no harm, but a job without a note would survive a rollback.
    if done.is_nothing() {
        pending.rollback().await?
    } else {
        pending.commit().await?
    };
    if let Some(there) = there {
        there.commit().await.map_err(MigrateError::from)?;
    }
    Ok(done.lines)
}

/// The failure if the jobs could not be scheduled.
fn refused(failure: &ScheduleError, watch: &Watch) -> Failure {
    let code = match failure {
        ScheduleError::NotPermitted { .. } | ScheduleError::NoExtension { .. } | ScheduleError::NotSafe { .. } => {
            exit::NOT_PERMITTED
        }
        ScheduleError::Database(error) => crate::command::session::exit_code(error),
        ScheduleError::NotOwn(_) | ScheduleError::ActsAs { .. } => exit::FAILURE,
    };
    let blockers = watch.blocked_by().map(|blockers| format!("; blocked by {blockers}")).unwrap_or_default();
    Failure::new(code, format!("the jobs were not scheduled: {failure}{blockers}"))
}
