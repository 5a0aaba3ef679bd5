//! `refreshtop migrate down`.

use super::{
    announce::read_installation,
    failure::{exit_code, message, undone},
    sessions::{cron_session, session},
    wording::numbered,
};
use crate::command::interrupt::Watch;
use refreshtop_connect::{Kind, Target};
use refreshtop_core::exit;
use refreshtop_db::{
    error,
    migrate::{self, MigrateError, Pending, Undone},
    schedule::{self, Installation, JobChanges, Mode, ScheduleError},
    session::{Session, Transaction},
};

/// Unschedules what was scheduled and undoes every step above `target_version`.
///
/// # Errors
/// Something could not be undone; the sentence names what was undone.
pub async fn down(target: &Target, target_version: i64) -> Result<Vec<String>, MigrateError> {
    watched(target, target_version, &Watch::silent()).await
}

pub(super) async fn watched(target: &Target, target_version: i64, watch: &Watch) -> Result<Vec<String>, MigrateError> {
    let mut app = session(target, watch).await?;
    let installation = read_installation(&mut app).await.map_err(|failure| undone(failure, watch))?;
    let mut progress = |text: &str| watch.progress(text);
    let mut taken = JobChanges::default();
    let begun = migrate::begin_down(&mut app, target_version, &mut progress, async |app: &mut Session| {
        // A later step removes the membership that this role needs to see these jobs.
        if installation.elsewhere().is_none() {
            taken = take_jobs_away(app, &installation).await?;
        }
        Ok(())
    })
    .await;
    let mut pending = begun.map_err(|failure| undone(failure, watch))?;
    let steps = pending.done.versions.clone();
    if steps.is_empty() {
        pending.rollback().await?;
        return Ok(vec!["there is nothing to undo".into()]);
    }
    let mut lines = Vec::new();
    let mut other = match other_for_down(target, &installation, watch, &mut lines).await {
        Ok(other) => other,
        Err(failure) => {
            pending.rollback().await?;
            return Err(undone(message(exit_code(&failure), format!("nothing was changed: {failure}")), watch));
        }
    };
    let there = match &mut other {
        None => None,
        Some(other) => {
            let mut there = other.begin().await?;
            taken = match take_jobs_away(&mut there, &installation).await {
                Ok(taken) => taken,
                Err(failure) => {
                    pending.rollback().await?;
                    return Err(undone(failure, watch));
                }
            };
            Some(there)
        }
    };
    forget(&mut pending, &installation, &taken, target_version).await.map_err(|failure| undone(failure, watch))?;
    lines.append(&mut pending.done.kept);
    if watch.stopped() {
        pending.rollback().await?;
        return Err(undone(message(exit::FAILURE, "nothing was changed"), watch));
    }
    watch.settle();
    commit(pending, there, async |failure| compensate(target, &installation, &taken, target_version, &failure).await)
        .await?;
    lines.extend(taken.lines);
    lines.push(format!("undid {}", numbered(&steps)));
    app.close().await?;
    Ok(lines)
}

/// Commits the jobs' transaction, if they have one of their own, and then that of the steps.
async fn commit(
    pending: Pending<'_, Undone>,
    there: Option<Transaction<'_>>,
    compensate: impl AsyncFnOnce(MigrateError) -> MigrateError,
) -> Result<(), MigrateError> {
    let Some(there) = there else {
        pending.commit().await?;
        return Ok(());
    };
    // If the session was lost before the commit, it was not committed.
    if let Err(failure) = there.commit().await {
        pending.rollback().await?;
        let why = error::sentence(&failure);
        return Err(message(exit::FAILURE, format!("nothing was changed: the jobs could not be taken away: {why}")));
    }
    match pending.commit().await {
        Ok(_) => Ok(()),
        Err(failure) => Err(compensate(failure).await),
    }
}

/// Takes the jobs away in a transaction in `pg_cron`'s database.
async fn take_jobs_away(cron: &mut Session, installation: &Installation) -> Result<JobChanges, MigrateError> {
    let mut part = cron.begin().await?;
    match schedule::take_away(&mut part, installation, Mode::Really).await {
        Ok(taken) => {
            part.commit().await?;
            Ok(taken)
        }
        // This role could not have scheduled any.
        Err(ScheduleError::NotPermitted { .. }) if !installation.has_notes() => {
            part.rollback().await?;
            Ok(JobChanges::default())
        }
        Err(failure) => {
            let text = format!("nothing was changed: the jobs could not be taken away: {failure}");
            Err(message(exit::FAILURE, text))
        }
    }
}

/// Removes the notes of the jobs; the roles too, if nothing is left.
async fn forget(
    pending: &mut Pending<'_, Undone>,
    installation: &Installation,
    taken: &JobChanges,
    target_version: i64,
) -> Result<(), MigrateError> {
    if target_version > 0 {
        migrate::enter(pending.connection()).await?;
        schedule::forget(pending.connection(), false).await?;
        migrate::leave(pending.connection()).await?;
    } else if !taken.needs_role && installation.cron_is_known() {
        migrate::forget_roles(pending.connection()).await?;
    }
    Ok(())
}

/// The session in which the jobs are taken away; `None` if that is the application's own, or there is nothing to take.
async fn other_for_down(
    target: &Target,
    installation: &Installation,
    watch: &Watch,
    lines: &mut Vec<String>,
) -> Result<Option<Session>, MigrateError> {
    if installation.cron_database().is_none() && installation.has_notes() {
        lines.push(
            "warning: this role can't see where pg_cron is, or it is no longer loaded: jobs of this database that are left there \
             fail from now on"
                .into(),
        );
    }
    match cron_session(target, installation, watch).await {
        // The jobs were dropped with their database.
        Err(MigrateError::Connect(failure)) if failure.kind == Kind::DatabaseMissing => {
            lines.push(format!("the jobs were dropped with database {}", installation.elsewhere().unwrap_or_default()));
            Ok(None)
        }
        session => session,
    }
}

/// Puts the jobs back after their transaction was committed and the application's was not.
async fn compensate(
    target: &Target,
    installation: &Installation,
    taken: &JobChanges,
    target_version: i64,
    failure: &MigrateError,
) -> MigrateError {
    let again = async {
        let silent = Watch::silent();
        let mut app = session(target, &silent).await?;
        // A COMMIT may succeed although its answer was lost.
        let left = migrate::status(&mut app).await?;
        if !left.iter().any(|step| step.applied_at.is_some() && step.version > target_version) {
            return Ok(false);
        }
        let Some(mut there) = cron_session(target, installation, &silent).await? else { return Ok(false) };
        let back = schedule::put_all_back(&mut there, installation, taken).await;
        back.map(|()| true).map_err(|failure| message(exit::FAILURE, failure.to_string()))
    };
    match again.await {
        Ok(true) => {
            message(exit::FAILURE, format!("{failure}; the jobs were put back as they were, so nothing was changed"))
        }
        Ok(false) => message(exit::FAILURE, format!("{failure}; but the rollback was committed")),
        Err(again) => message(
            exit::FAILURE,
            format!(
                "{failure}; the jobs were taken away already and could not be put back ({again}): {}",
                taken.left()
            ),
        ),
    }
}
