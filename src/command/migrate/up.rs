//! `refreshtop migrate up`.

use super::{
    failure::{told, undone},
    jobs::put_jobs_in_place,
    sessions::{cron_session, session},
    wording::{applied, not_scheduled},
};
use crate::command::interrupt::Watch;
use refreshtop_connect::Target;
use refreshtop_core::exit;
use refreshtop_db::{
    migrate::{self, Applied, MigrateError, Pending},
    schedule::{self, Installation, JobChanges, Mode, ScheduleError},
    session::{Session, Transaction},
};

/// Migrates up and puts the jobs in place. Returns what to tell, one line each.
///
/// # Errors
/// Where the migrations did not run; nothing was changed then. Missing rights on `pg_cron` are no error: the
/// lines say what that means.
pub async fn up(target: &Target) -> Result<Vec<String>, MigrateError> {
    watched(target, &Watch::silent()).await
}

pub(super) async fn watched(target: &Target, watch: &Watch) -> Result<Vec<String>, MigrateError> {
    let mut app = session(target, watch).await?;
    let mut installation = schedule::installation(&mut app).await?;
    let mut progress = |text: &str| watch.say(text);
    let mut pending = migrate::begin_up(&mut app, &mut progress).await.map_err(|failure| undone(failure, watch))?;
    let new = !pending.done.is_empty();
    let mut lines = applied(&pending.done);
    lines.extend(about_the_view(pending.connection(), &installation).await?);
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
            return Err(undone(told(exit::FAILURE, format!("nothing was changed: {failure}")), watch));
        }
    };
    lines.extend(
        jobs.lines.iter().filter(|line| installation.elsewhere().is_none() || line.starts_with("warning")).cloned(),
    );
    if watch.stopped() {
        pending.rollback().await?;
        return Err(undone(told(exit::FAILURE, "nothing was changed"), watch));
    }
    // From here on the two belong together.
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

/// What is to be said about the view.
async fn about_the_view(app: &mut Session, installation: &Installation) -> Result<Vec<String>, MigrateError> {
    let mut lines = Vec::new();
    if !migrate::has_view(app).await? {
        lines.push(
            "warning: materialized view public.platform_metrics is missing, though the step that makes it is applied; \
             refreshtop doctor says how to put it back"
                .into(),
        );
    }
    lines.extend(migrate::blind_spot(app).await?);
    lines.extend(installation.open_refreshers().map(|function| {
        format!(
            "note: function {function} refreshes materialized views too, and everybody may call it; refreshtop doctor offers \
             to keep the public from it (other-refreshers), and asks first"
        )
    }));
    Ok(lines)
}

/// Does in the other database what was `planned`, after the application's was committed. Returns what to tell.
async fn carry_out(
    app: &mut Session,
    mut there: Transaction<'_>,
    installation: &Installation,
    planned: &JobChanges,
) -> Vec<String> {
    // The jobs' role may be new, and until now no other database could see it.
    let done = match schedule::ensure(&mut there, installation, Mode::Really).await {
        Ok(done) => there.commit().await.map(|()| done).map_err(ScheduleError::Database),
        failed => failed,
    };
    if planned.makes_extension() && !done.as_ref().is_ok_and(JobChanges::makes_extension) {
        // What somebody else creates is not ours to drop. Where even this fails, what is told says enough.
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

/// Finds out what is to be done with the jobs, and notes it. Where `pg_cron` lives beside the application it is done;
/// `there` is the transaction where it lives in another database, which holds the lock of the jobs from here on.
async fn plan_jobs(
    pending: &mut Pending<'_, Applied>,
    there: Option<&mut Session>,
    installation: &mut Installation,
    unreachable: Option<String>,
) -> Result<JobChanges, MigrateError> {
    let (new, moved_from) = (!pending.done.is_empty(), pending.done.moved_from.clone());
    let app = pending.connection();
    // Where there was nothing to do, it is in force still.
    if new {
        migrate::enter(app).await?;
    }
    schedule::recall(app, installation).await?;
    if let Some(home) = moved_from {
        installation.moved_from(app, &home).await?;
    }
    let mode = if there.is_some() { Mode::Plan } else { Mode::Really };
    let jobs = match unreachable {
        Some(line) => JobChanges::only(line),
        None => match put_jobs_in_place(app, there, installation, mode).await {
            Err(failure) if failure.ends_all() => return Err(told(exit::FAILURE, failure.to_string())),
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
