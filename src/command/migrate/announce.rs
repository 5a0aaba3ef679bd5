//! What a rollback would do, for the confirmation before it.

use super::{
    failure::message,
    sessions::{cron_session, session},
    wording::numbered,
};
use crate::command::interrupt::Watch;
use refreshtop_connect::Target;
use refreshtop_core::{exit, numbers::counted};
use refreshtop_db::{
    migrate::{self, MigrateError},
    schedule::{self, Identity, Installation, JobChanges, Mode},
    session::Session,
};

/// What a rollback would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Announced {
    /// In one sentence.
    pub(super) sentence: String,
    /// Rows of the refresh log that it would delete.
    pub(super) log_rows: u64,
}

/// What a rollback to `target_version` would do, in one sentence; `None` if there is nothing to undo.
pub async fn announce_down(target: &Target, target_version: i64) -> Result<Option<String>, MigrateError> {
    Ok(watched(target, target_version, &Watch::silent()).await?.map(|announced| announced.sentence))
}

pub(super) async fn watched(
    target: &Target,
    target_version: i64,
    watch: &Watch,
) -> Result<Option<Announced>, MigrateError> {
    let mut app = session(target, watch).await?;
    let applied: Vec<i64> = migrate::status(&mut app)
        .await?
        .into_iter()
        .filter(|step| step.applied_at.is_some() && step.version > target_version)
        .map(|step| step.version)
        .rev()
        .collect();
    if applied.is_empty() {
        return Ok(None);
    }
    let stake = migrate::at_stake(&mut app, target_version).await?;
    let mut takes = Vec::new();
    if stake.view {
        takes.push("dropping public.platform_metrics".to_owned());
    }
    let log_rows = stake.log_rows.unsigned_abs();
    if log_rows > 0 {
        takes.push(format!("deleting {} of the refresh log", counted(log_rows, "row")));
    }
    let installation = read_installation(&mut app).await?;
    // Ignore the error: the rollback itself reports it.
    if let Ok(jobs) = jobs_to_remove(target, &mut app, &installation, watch).await
        && jobs.jobs() > 0
    {
        takes.push(format!("taking {} out of pg_cron", counted(jobs.jobs() as u64, "job")));
    }
    app.close().await?;
    if !stake.comes_back.is_empty() {
        takes.push(format!("putting back {}", stake.comes_back.join(", ")));
    }
    Ok(Some(Announced { sentence: format!("undoes {}{}", numbered(&applied), joined(&takes)), log_rows }))
}

/// `, a, b and c`.
fn joined(takes: &[String]) -> String {
    match takes {
        [] => String::new(),
        [only] => format!(", {only}"),
        [most @ .., last] => format!(", {} and {last}", most.join(", ")),
    }
}

/// What the installation has noted, to be read before anything is undone: the notes go too.
pub(super) async fn read_installation(app: &mut Session) -> Result<Installation, MigrateError> {
    let mut installation = schedule::installation(app).await?;
    let mut pending = migrate::begin_jobs(app).await?;
    schedule::recall(pending.connection(), &mut installation).await?;
    pending.rollback().await?;
    Ok(installation)
}

/// What a rollback would do with the jobs.
pub(super) async fn jobs_to_remove(
    target: &Target,
    app: &mut Session,
    installation: &Installation,
    watch: &Watch,
) -> Result<JobChanges, MigrateError> {
    if matches!(installation.identity, Identity::New | Identity::Copy) || installation.cron_database().is_none() {
        return Ok(JobChanges::default());
    }
    let mut other = cron_session(target, installation, watch).await?;
    let mut transaction = other.as_mut().unwrap_or(app).begin().await?;
    let done = schedule::take_away(&mut transaction, installation, Mode::Dry).await;
    transaction.rollback().await?;
    done.map_err(|failure| message(exit::FAILURE, failure.to_string()))
}
