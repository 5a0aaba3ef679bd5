//! Scheduling the jobs.

use super::sessions::{cron_session, session};
use crate::command::{
    Failure,
    interrupt::{self, Watch},
};
use refreshtop_connect::Target;
use refreshtop_core::{address::ViewId, exit, manage::Candidate};
use refreshtop_db::{
    manage,
    migrate::{self, Applied, MigrateError, Pending},
    schedule::{self, CronLocation, Identity, Installation, JobChanges, Mode, Other, ScheduleError},
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
    act(&mut app, target, watch, Work::Ensure).await
}

/// What is to be done with jobs of single views, before all jobs are put in place.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) enum Work<'a> {
    /// Nothing.
    Ensure,
    /// Others' jobs that only refresh these views are paused. A view gets the schedule of the one that was paused for
    /// it, unless it has one.
    TakeOver(&'a [Candidate]),
    /// The view's job goes, what was paused for it runs again, and it is managed no longer.
    Remove(&'a ViewId),
}

/// The jobs of others that refresh `views`.
pub(in crate::command) async fn others(
    app: &mut Session,
    target: &Target,
    watch: &Watch,
    views: &[Candidate],
) -> Result<Vec<Other>, Failure> {
    let (mut pending, installation) = begin(app).await?;
    let mut other = cron_session(target, &installation, watch).await?;
    let mut there = match &mut other {
        Some(other) => Some(other.begin().await.map_err(MigrateError::from)?),
        None => None,
    };
    let cron = there.as_deref_mut().unwrap_or(pending.connection());
    let found = schedule::others(cron, &installation, views).await.map_err(|failure| refused(&failure, watch));
    pending.rollback().await?;
    found
}

/// Opens a transaction in which jobs and notes about them may be changed, and reads what is known.
async fn begin(app: &mut Session) -> Result<(Pending<'_, Applied>, Installation), Failure> {
    let mut installation = schedule::installation(app).await.map_err(MigrateError::from)?;
    if migrate::status(app).await?.iter().all(|step| step.applied_at.is_none()) {
        return Err(Failure::new(exit::NOT_MIGRATED, "the database is not migrated; run: refreshtop migrate"));
    }
    let mut pending = migrate::begin_jobs(app).await?;
    schedule::recall(pending.connection(), &mut installation).await.map_err(MigrateError::from)?;
    if installation.identity != Identity::Original {
        let why =
            "this database was renamed, copied or restored, and its jobs are not yet its own; run: refreshtop migrate";
        return Err(Failure::new(exit::NOT_MIGRATED, why));
    }
    Ok((pending, installation))
}

/// Does the work and puts the jobs in place, both or neither. Returns the lines to print.
pub(in crate::command) async fn act(
    app: &mut Session,
    target: &Target,
    watch: &Watch,
    work: Work<'_>,
) -> Result<Vec<String>, Failure> {
    let (mut pending, mut installation) = begin(app).await?;
    let needs_cron = !matches!(work, Work::Remove(view) if !installation.has_job_of(view));
    let mut other = if needs_cron { cron_session(target, &installation, watch).await? } else { None };
    let mut there = match &mut other {
        Some(other) => Some(other.begin().await.map_err(MigrateError::from)?),
        None => None,
    };
    let mut lines = if needs_cron {
        prepare(&mut pending, there.as_deref_mut(), &mut installation, watch, work).await?
    } else {
        Vec::new()
    };
    let mut done = JobChanges::default();
    if let Work::Remove(view) = work {
        let removed = manage::unmanage_within(pending.connection(), view).await.map_err(MigrateError::from)?;
        removed.map_err(|why| Failure::new(exit::FAILURE, why))?;
    } else {
        let ensured = ensure_jobs(pending.connection(), there.as_deref_mut(), &installation, Mode::Really).await;
        done = ensured.map_err(|failure| refused(&failure, watch))?;
        if let Some(warning) = done.lines.first().and_then(|line| line.strip_prefix("warning: ")) {
            return Err(Failure::new(exit::FAILURE, warning));
        }
    }
    if watch.stopped() {
        return Err(Failure::new(exit::FAILURE, "nothing was changed"));
    }
    watch.settle();
    migrate::leave(pending.connection()).await?;
    // A job must not be left without the view.
    if matches!(work, Work::Remove(_))
        && let Some(there) = there.take()
    {
        there.commit().await.map_err(MigrateError::from)?;
    }
    // The notes are committed first: a note without a job does no harm, but a job without a note would survive a rollback.
    if done.is_nothing() && matches!(work, Work::Ensure) {
        pending.rollback().await?
    } else {
        pending.commit().await?
    };
    if let Some(there) = there {
        there.commit().await.map_err(MigrateError::from)?;
    }
    lines.extend(done.lines);
    Ok(lines)
}

/// Does the work that comes before the jobs are put in place; the lines to print.
async fn prepare(
    pending: &mut Pending<'_, Applied>,
    there: Option<&mut Session>,
    installation: &mut Installation,
    watch: &Watch,
    work: Work<'_>,
) -> Result<Vec<String>, Failure> {
    let failed = |failure: ScheduleError| refused(&failure, watch);
    let cron = there.unwrap_or(pending.connection());
    let (mut done, schedules) = match work {
        Work::Ensure => return Ok(Vec::new()),
        Work::TakeOver(views) => {
            let paused = schedule::pause_others(cron, installation, views, Mode::Really).await;
            let (schedules, done) = paused.map_err(failed)?;
            (done, schedules)
        }
        Work::Remove(view) => {
            let given = schedule::give_back(cron, installation, view.as_str(), Mode::Really).await;
            (given.map_err(failed)?, Vec::new())
        }
    };
    let app = pending.connection();
    schedule::write_notes(app, &mut done, Mode::Really).await.map_err(MigrateError::from)?;
    for (view, schedule) in schedules.iter().filter(|(view, _)| !installation.views.iter().any(|v| v.id == *view)) {
        manage::schedule(app, view, schedule).await.map_err(MigrateError::from)?;
    }
    schedule::recall(app, installation).await.map_err(MigrateError::from)?;
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
