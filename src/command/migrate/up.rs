//! `refreshtop migrate up`.

use super::{
    failure::{message, undone},
    jobs::ensure_jobs,
    sessions::{cron_session, session},
    wording::{applied, not_scheduled},
};
use crate::command::interrupt::Watch;
use refreshtop_connect::Target;
use refreshtop_core::exit;
use refreshtop_db::{
    migrate::{self, Applied, MigrateError, Pending, With},
    schedule::{self, Installation, JobChanges, Mode, ScheduleError},
    session::{Session, Transaction},
};

/// Migrates up and schedules the jobs. Returns the lines to print.
///
/// # Errors
/// The migrations did not run, and nothing was changed. Missing rights on `pg_cron` are no error: the lines explain what
/// that means.
pub async fn up(target: &Target) -> Result<Vec<String>, MigrateError> {
    up_with(target, With::default()).await
}

/// The same with what is asked for.
///
/// # Errors
/// As for [`up`].
pub async fn up_with(target: &Target, with: With) -> Result<Vec<String>, MigrateError> {
    watched(target, with, &Watch::silent()).await
}

pub(super) async fn watched(target: &Target, with: With, watch: &Watch) -> Result<Vec<String>, MigrateError> {
    let mut app = session(target, watch).await?;
    let mut installation = schedule::installation(&mut app).await?;
    let mut progress = |text: &str| watch.progress(text);
    let mut pending =
        migrate::begin_up(&mut app, with, &mut progress).await.map_err(|failure| undone(failure, watch))?;
    let new = !pending.done.is_empty();
    let mut lines = applied(&pending.done);
    if pending.done.left_out.is_none() {
        lines.extend(missing_view(pending.connection()).await?);
        lines.extend(open_refreshers(&installation));
    }
    lines.extend(migrate::blind_spot(pending.connection()).await?);
    let (mut other, unreachable) = match cron_session(target, &installation, watch).await {
        Ok(other) => (other, None),
        Err(failure) => (None, Some(not_scheduled(&failure))),
    };
    let mut there = match &mut other {
        Some(other) => Some(other.begin().await?),
        None => None,
    };
    let jobs = match plan_jobs(&mut pending, there.as_deref_mut(), &mut installation, unreachable).await {
        Ok(jobs) => jobs,
        Err(failure) => {
            pending.rollback().await?;
            return Err(undone(message(exit::FAILURE, format!("nothing was changed: {failure}")), watch));
        }
    };
    lines.extend(
        jobs.lines.iter().filter(|line| installation.elsewhere().is_none() || line.starts_with("warning")).cloned(),
    );
    if watch.stopped() {
        pending.rollback().await?;
        return Err(undone(message(exit::FAILURE, "nothing was changed"), watch));
    }
    // From here on both commit.
    watch.settle();
    if new || !jobs.is_nothing() {
        pending.commit().await?
    } else {
        pending.rollback().await?
    };
    let refused = jobs.lines.iter().any(|line| line.starts_with("warning"));
    if let Some(there) = there.filter(|_| !refused) {
        lines.extend(carry_out(&mut app, there, &installation, &jobs).await);
    }
    app.close().await?;
    Ok(lines)
}

/// The warning if the view is missing.
async fn missing_view(app: &mut Session) -> Result<Option<String>, MigrateError> {
    if migrate::has_view(app).await? {
        return Ok(None);
    }
    Ok(Some(
        "warning: materialized view public.platform_metrics is missing, though the step that makes it is applied; \
         refreshtop doctor shows how to restore it"
            .into(),
    ))
}

fn open_refreshers(installation: &Installation) -> impl Iterator<Item = String> {
    installation.open_refreshers().map(|function| {
        format!(
            "note: function {function} refreshes materialized views too, and everybody may call it; refreshtop doctor offers \
             to revoke that (other-refreshers), after confirmation"
        )
    })
}

/// Makes the `planned` changes in the other database, after the application's commit. Returns the lines to print.
async fn carry_out(
    app: &mut Session,
    mut there: Transaction<'_>,
    installation: &Installation,
    planned: &JobChanges,
) -> Vec<String> {
    // The jobs' role may be new, and visible to other databases only now.
    let done = match schedule::ensure(&mut there, installation, Mode::Really).await {
        Ok(done) => there.commit().await.map(|()| done).map_err(ScheduleError::Database),
        failed => failed,
    };
    if planned.makes_extension() && !done.as_ref().is_ok_and(JobChanges::makes_extension) {
        // Somebody else created the extension, so a rollback must not drop it. Ignore the error: the lines report the cause.
        let _ = forget_extension(app).await;
    }
    match done {
        Ok(done) => done.lines,
        Err(failure) => vec![format!(
            "{}; the migrations are applied, and the jobs in database {} are as they were",
            not_scheduled(&failure),
            installation.elsewhere().unwrap_or_default()
        )],
    }
}

/// Finds out what to do with the jobs, and notes it. If `pg_cron` is in the application's database, it is done at once;
/// otherwise `there` is the transaction in the other database, which holds the lock of the jobs from here on.
async fn plan_jobs(
    pending: &mut Pending<'_, Applied>,
    there: Option<&mut Session>,
    installation: &mut Installation,
    unreachable: Option<String>,
) -> Result<JobChanges, MigrateError> {
    let (new, moved_from) = (!pending.done.is_empty(), pending.done.moved_from.clone());
    let platform_metrics = pending.done.left_out.is_none();
    let app = pending.connection();
    // Without steps to run it is still in effect.
    if new {
        migrate::enter(app).await?;
    }
    schedule::recall(app, installation).await?;
    installation.platform_metrics = platform_metrics;
    if let Some(home) = moved_from {
        installation.moved_from(app, &home).await?;
    }
    let mode = if there.is_some() { Mode::Plan } else { Mode::Really };
    let jobs = match unreachable {
        Some(line) => JobChanges::only(line),
        None => match ensure_jobs(app, there, installation, mode).await {
            Err(failure) if failure.ends_all() => return Err(message(exit::FAILURE, failure.to_string())),
            Err(failure) => JobChanges::only(not_scheduled(&failure)),
            Ok(jobs) => jobs,
        },
    };
    migrate::leave(app).await?;
    Ok(jobs)
}

async fn forget_extension(app: &mut Session) -> Result<(), MigrateError> {
    let mut pending = migrate::begin_jobs(app).await?;
    schedule::forget(pending.connection(), true).await?;
    migrate::leave(pending.connection()).await?;
    pending.commit().await.map(|_| ())
}
