//! Migrations up, down and their status.
//!
//! All steps run in one transaction: they land together or not at all. Every step may run again, so that a migration
//! repairs whatever was dropped or changed since: what must be there is compared with the inventory that the last one left.

mod down;
mod error;
mod inventory;
mod part;
mod script;
mod transaction;

pub use down::{AtStake, Undone, at_stake, begin_down, down, forget_roles};
pub use error::MigrateError;
pub use inventory::{Home, INVENTORY, OPENED, blind_spot, has_view};
pub use part::With;
pub use script::{install, statements_down, statements_up};
pub use transaction::Pending;

use crate::{error::Result, preflight, read_transaction::ReadTransaction, session::Session, trust::Thing};
use inventory::{AT_HOME, changes, moved_from};
use part::Findings;
use sqlx::migrate::{Migration, Migrator};
use transaction::{ENTER, LEAVE, LEAVE_ROLES, as_owner, begin, blame, event_triggers, record, run};

/// First half of the advisory locks that serialize migrations: `'rftp'`.
pub const LOCK_CLASS: i32 = 0x7266_7470;

fn migrator() -> Migrator {
    sqlx::migrate!("../../migrations")
}

/// One step and whether it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub description: String,
    /// When it was applied here.
    pub applied_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Why a migration would leave it out; `None` if it would not, or if it is applied.
    pub left_out: Option<String>,
}

/// The numbers of the steps that this program knows, oldest first.
pub fn known() -> Vec<i64> {
    migrator().iter().filter(|step| step.migration_type.is_up_migration()).map(|step| step.version).collect()
}

/// The same without the step that is left out of a database that has not the tables of `platform_metrics`.
pub fn needed() -> Vec<i64> {
    known().into_iter().filter(|version| *version != part::PLATFORM_METRICS).collect()
}

/// Refuses to change anything in that case, or if something has a name that every change needs.
async fn unbarred(connection: &mut Session) -> Result<(), MigrateError> {
    let problems = preflight::barriers(connection).await?;
    if problems.is_empty() { Ok(()) } else { Err(MigrateError::Preflight(problems)) }
}

/// Every step, oldest first.
pub async fn status(connection: &mut Session) -> Result<Vec<Step>, MigrateError> {
    // Before our own tables are read: they may hold somebody else's code.
    let problems = preflight::problems(connection).await?;
    let (untrusted, problems): (Vec<_>, Vec<_>) = problems.into_iter().partition(|problem| problem.of_trust);
    if !untrusted.is_empty() {
        return Err(MigrateError::Preflight(untrusted));
    }
    let applied = applied(connection).await?;
    let left_out = Findings::new(problems).left_out(With::WhatIsPossible, false);
    let step = |step: &Migration| {
        let applied_at = applied.iter().find(|(version, _)| *version == step.version).map(|(_, at)| *at);
        let can_be_left_out = step.version == part::PLATFORM_METRICS && applied_at.is_none();
        Step {
            version: step.version,
            description: step.description.to_string(),
            applied_at,
            left_out: left_out.clone().filter(|_| can_be_left_out),
        }
    };
    Ok(migrator().iter().filter(|step| step.migration_type.is_up_migration()).map(step).collect())
}

async fn applied(connection: &mut Session) -> Result<Vec<(i64, chrono::DateTime<chrono::Utc>)>> {
    // Not by to_regclass: it may answer from the session's cache, which does not yet know what another migrator did
    // while this one waited for the lock.
    let table = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'refreshtop' AND c.relname = 'migrations'";
    if connection.optional(table, &[]).await?.is_none() {
        return Ok(Vec::new());
    }
    let steps = connection.ask("SELECT version, installed_on FROM refreshtop.migrations ORDER BY version", &[]).await?;
    steps.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// What a migration up did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Versions applied now; none if there was nothing to do.
    pub versions: Vec<i64>,
    /// What was missing or changed, and was put back, in the inventory's words.
    pub repaired: Vec<String>,
    /// The database that the installation belonged to before, if this is another one: a copy, a restore, a new name.
    pub moved_from: Option<Home>,
    /// What was found and left as it was, one sentence each.
    pub kept: Vec<String>,
    /// Why `platform_metrics` is left out, if it is.
    pub left_out: Option<String>,
}

impl Applied {
    /// Whether anything was changed.
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.repaired.is_empty() && self.moved_from.is_none()
    }
}

/// What is printed while a migration runs, a sentence each.
pub type Progress<'a> = &'a mut (dyn FnMut(&str) + Send);

/// Applies every pending step, and restores what others have changed.
pub async fn up(connection: &mut Session) -> Result<Applied, MigrateError> {
    let pending = begin_up(connection, With::default(), &mut |_| {}).await?;
    if pending.done.is_empty() { pending.rollback().await } else { pending.commit().await }
}

/// Does all of [`up`] but the commit.
pub async fn begin_up<'c>(
    connection: &'c mut Session,
    with: With,
    progress: Progress<'_>,
) -> Result<Pending<'c, Applied>, MigrateError> {
    // Also before our own tables are first read: they may be somebody else's.
    let findings = findings(connection).await?;
    findings.check(with, false)?;
    if findings.left_out(with, false).is_some() {
        // A role that may not read them learns it below.
        let installed = versions(connection).await.is_ok_and(|versions| versions.contains(&part::PLATFORM_METRICS));
        findings.check(with, installed)?;
    }
    let mut transaction = begin(connection).await?;
    let triggers = event_triggers(&mut transaction).await?;
    for trigger in &triggers {
        progress(&format!("note: {trigger} at each statement of this migration"));
    }
    run(&mut transaction, ENTER, None).await.map_err(|failure| blame(failure, &triggers))?;
    let before = versions(&mut transaction).await?;
    let migrator = migrator();
    if let Some(other) = before.iter().find(|version| !migrator.version_exists(**version)) {
        return Err(MigrateError::Unknown(*other));
    }
    let installed = before.contains(&part::PLATFORM_METRICS);
    findings.check(with, installed)?;
    let included = findings.includes(with, installed);
    let steps: Vec<_> = steps_up(&migrator, included).collect();
    let new: Vec<i64> = steps.iter().map(|step| step.version).filter(|version| !before.contains(version)).collect();
    let left_out = findings.left_out(with, installed);
    let mut done = Applied { versions: new, left_out, ..Applied::default() };
    // A rollback that stopped half-way leaves an installation that is complete as far as it goes.
    if !before.is_empty() {
        done.moved_from = moved_from(&mut transaction).await?;
        done.repaired = changes(&mut transaction, installed).await?;
    }
    if done.is_empty() {
        return Ok(Pending { done, transaction });
    }
    run(&mut transaction, &script::parts(included), None).await?;
    for step in steps {
        progress(&format!("step {}: {}", step.version, step.description));
        let ran = run(&mut transaction, step.sql.as_str(), Some(step.version)).await;
        ran.map_err(|failure| blame(failure, &triggers))?;
        as_owner(&mut transaction, &script::note_step(step)).await?;
        // The first step has given the table back to its owner, if it had another one.
        if step.version == 1 && done.moved_from.is_some() {
            as_owner(&mut transaction, AT_HOME).await?;
        }
    }
    run(&mut transaction, LEAVE, None).await?;
    as_owner(&mut transaction, &script::take_inventory()).await?;
    record(&mut transaction, "migrate up", &done).await?;
    let sql = script::KEPT;
    let kept: Result<Vec<Option<String>>> = transaction.ask(sql, &[]).await?.iter().map(|row| row.try_get(0)).collect();
    done.kept = kept?.into_iter().flatten().collect();
    done.kept.extend(notices(&mut transaction).await?);
    run(&mut transaction, LEAVE_ROLES, None).await?;
    Ok(Pending { done, transaction })
}

/// Sentences about the roles that the steps leave for whoever migrates.
async fn notices(connection: &mut Session) -> Result<Vec<String>> {
    connection.ask(script::NOTICES, &[]).await?.iter().map(|row| row.try_get(0)).collect()
}

/// Opens a transaction that changes only jobs and their records, with the rights that [`leave`] revokes.
pub async fn begin_jobs(connection: &mut Session) -> Result<Pending<'_, Applied>, MigrateError> {
    unbarred(connection).await?;
    let mut transaction = begin(connection).await?;
    run(&mut transaction, ENTER, None).await?;
    Ok(Pending { done: Applied::default(), transaction })
}

/// What stops a migration, or only `platform_metrics`.
async fn findings(connection: &mut Session) -> Result<Findings> {
    Ok(Findings::new(preflight::problems(connection).await?))
}

/// The steps up, oldest first; `included` tells whether `platform_metrics` is among them.
fn steps_up(migrator: &Migrator, included: bool) -> impl Iterator<Item = &Migration> {
    let up = migrator.iter().filter(|step| step.migration_type.is_up_migration());
    up.filter(move |step| included || step.version != part::PLATFORM_METRICS)
}

/// What a migration up would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Whether there is nothing to do.
    pub is_up_to_date: bool,
    /// Whether `platform_metrics` is installed, or would be.
    pub platform_metrics: bool,
}

/// What a migration up would do. [`begin_jobs`] has opened the transaction.
pub async fn plan(connection: &mut Session, with: With) -> Result<Plan, MigrateError> {
    let applied = versions(connection).await?;
    let installed = applied.contains(&part::PLATFORM_METRICS);
    let findings = findings_within(connection).await?;
    let platform_metrics = findings.includes(with, installed);
    let wanted = if platform_metrics { known() } else { needed() };
    let is_up_to_date = wanted.iter().all(|version| applied.contains(version))
        && moved_from(connection).await?.is_none()
        && changes(connection, installed).await?.is_empty();
    Ok(Plan { is_up_to_date, platform_metrics })
}

/// The findings in a transaction in which [`enter`] is in force. Its schema is no obstacle, of course.
async fn findings_within(connection: &mut Session) -> Result<Findings> {
    let problems = preflight::problems(connection).await?;
    Ok(Findings::new(problems.into_iter().filter(|problem| problem.of_sources || problem.of_view).collect()))
}

/// Takes the right to act as the owner of the installation, until [`leave`].
pub async fn enter(transaction: &mut Session) -> Result<(), MigrateError> {
    run(transaction, ENTER, None).await
}

/// Gives the rights back that [`enter`] took.
pub async fn leave(transaction: &mut Session) -> Result<(), MigrateError> {
    run(transaction, LEAVE, None).await?;
    run(transaction, LEAVE_ROLES, None).await
}

/// Whether `platform_metrics` is installed.
pub async fn has_platform_metrics(connection: &mut Session) -> Result<bool> {
    Ok(versions(connection).await?.contains(&part::PLATFORM_METRICS))
}

/// Whether this installation has everything but `platform_metrics`, as far as this role may know.
pub async fn lacks_platform_metrics(app: &mut Session) -> Result<bool> {
    let tx = ReadTransaction::begin(app).await?;
    let row = tx.one(&[Thing::Function("applied_steps")], "SELECT refreshtop.applied_steps()", &[]).await;
    tx.end();
    let applied: Vec<i64> = row?.try_get(0)?;
    Ok(!applied.contains(&part::PLATFORM_METRICS) && needed().iter().all(|version| applied.contains(version)))
}

async fn versions(connection: &mut Session) -> Result<Vec<i64>> {
    Ok(applied(connection).await?.into_iter().map(|(version, _)| version).collect())
}
