//! Putting the jobs in place.

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

/// Puts the jobs in place in the application's transaction, or, where `pg_cron` lives in another database, does with that
/// one's what `mode` says.
pub(super) async fn put_jobs_in_place(
    app: &mut Session,
    there: Option<&mut Session>,
    installation: &Installation,
    mode: Mode,
) -> Result<JobChanges, ScheduleError> {
    let warning = match &installation.place {
        CronLocation::Database(_) => None,
        CronLocation::NotLoaded => Some(
            "warning: pg_cron is not loaded on this server, so nothing refreshes the view by itself: install it, add it \
             to shared_preload_libraries and migrate again, or let another scheduler call \
             public.refresh_platform_metrics_with_logging()"
                .to_owned(),
        ),
        CronLocation::Hidden => Some(format!(
            "warning: the jobs were not scheduled: role {} may not see whether pg_cron is loaded and where it lives; \
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
    // What is only planned is noted now: it is done when this is committed.
    let noting = if mode == Mode::Dry { Mode::Dry } else { Mode::Really };
    schedule::write_notes(app, &mut done, noting).await?;
    Ok(done)
}

/// Puts the jobs in place that are missing, and takes over those that do the same. Returns what to tell.
///
/// # Errors
/// Where that can't be done, `pg_cron` that is not there included.
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
    let done = put_jobs_in_place(pending.connection(), there.as_deref_mut(), &installation, Mode::Really).await;
    let done = done.map_err(|failure| refused(&failure, watch))?;
    if let Some(warning) = done.lines.first().and_then(|line| line.strip_prefix("warning: ")) {
        return Err(Failure::new(exit::FAILURE, warning));
    }
    if watch.stopped() {
        return Err(Failure::new(exit::FAILURE, "nothing was changed"));
    }
    watch.settle();
    migrate::leave(pending.connection()).await?;
    // What is noted of a job that is not there does no harm; a job without a note would not go with a rollback.
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

/// What it means that the jobs could not be put in place.
fn refused(failure: &ScheduleError, watch: &Watch) -> Failure {
    let code = match failure {
        ScheduleError::NotPermitted { .. } | ScheduleError::NoExtension { .. } | ScheduleError::NotSafe { .. } => {
            exit::NOT_PERMITTED
        }
        ScheduleError::Database(error) => crate::command::session::exit_code(error),
        ScheduleError::NotOwn(_) | ScheduleError::ActsAs { .. } => exit::FAILURE,
    };
    let way = watch.in_the_way().map(|way| format!("; in the way was {way}")).unwrap_or_default();
    Failure::new(code, format!("the jobs were not put in place: {failure}{way}"))
}
