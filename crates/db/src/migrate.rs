//! Migrations up, down and their status.
//!
//! All steps run in one transaction: they land together or not at all. Every step may run again, so that a migration
//! repairs whatever was dropped or changed since: what must be there is compared with the inventory that the last one left.

mod down;
mod error;
mod inventory;
mod transaction;

pub use down::{AtStake, Undone, at_stake, begin_down, down, forget_roles};
pub use error::MigrateError;
pub use inventory::{Home, INVENTORY, OPENED, blind_spot, has_view};
pub use transaction::Pending;

use crate::{error::Result, parameter::Parameter, preflight, session::Session};
use down::FORGET_ROLES;
use inventory::{AT_HOME, changes, moved_from};
use sqlx::migrate::{Migration, Migrator};
use std::fmt::Write as _;
use transaction::{ENTER, LEAVE, LEAVE_ROLES, as_owner, begin, blame, event_triggers, record, run, write_as_owner};

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
}

/// The numbers of the steps that this program knows, oldest first.
pub fn known() -> Vec<i64> {
    migrator().iter().filter(|step| step.migration_type.is_up_migration()).map(|step| step.version).collect()
}

/// Refuses to read what may hold somebody else's code. Called before our own tables are read.
async fn trusted(connection: &mut Session) -> Result<(), MigrateError> {
    let problems = preflight::trust(connection).await?;
    if problems.is_empty() { Ok(()) } else { Err(MigrateError::Preflight(problems)) }
}

/// Refuses to change anything in that case, or if something has a name that every change needs.
async fn unbarred(connection: &mut Session) -> Result<(), MigrateError> {
    let problems = preflight::barriers(connection).await?;
    if problems.is_empty() { Ok(()) } else { Err(MigrateError::Preflight(problems)) }
}

/// Every step, oldest first.
pub async fn status(connection: &mut Session) -> Result<Vec<Step>, MigrateError> {
    trusted(connection).await?;
    let applied = applied(connection).await?;
    Ok(migrator()
        .iter()
        .filter(|step| step.migration_type.is_up_migration())
        .map(|step| Step {
            version: step.version,
            description: step.description.to_string(),
            applied_at: applied.iter().find(|(version, _)| *version == step.version).map(|(_, at)| *at),
        })
        .collect())
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
    let pending = begin_up(connection, &mut |_| {}).await?;
    if pending.done.is_empty() { pending.rollback().await } else { pending.commit().await }
}

/// Does all of [`up`] but the commit.
pub async fn begin_up<'c>(
    connection: &'c mut Session,
    progress: Progress<'_>,
) -> Result<Pending<'c, Applied>, MigrateError> {
    // Also before our own tables are first read: they may be somebody else's.
    let problems = preflight::problems(connection).await?;
    if !problems.is_empty() {
        return Err(MigrateError::Preflight(problems));
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
    let steps: Vec<_> = migrator.iter().filter(|step| step.migration_type.is_up_migration()).collect();
    let new: Vec<i64> = steps.iter().map(|step| step.version).filter(|version| !before.contains(version)).collect();
    let mut done = Applied { versions: new, ..Applied::default() };
    // A rollback that stopped half-way leaves an installation that is complete as far as it goes.
    if !before.is_empty() {
        done.moved_from = moved_from(&mut transaction).await?;
        done.repaired = changes(&mut transaction).await?;
    }
    if done.is_empty() {
        return Ok(Pending { done, transaction });
    }
    for step in steps {
        progress(&format!("step {}: {}", step.version, step.description));
        let ran = run(&mut transaction, step.sql.as_str(), Some(step.version)).await;
        ran.map_err(|failure| blame(failure, &triggers))?;
        note_step(&mut transaction, step).await?;
        // The first step has given the table back to its owner, if it had another one.
        if step.version == 1 && done.moved_from.is_some() {
            as_owner(&mut transaction, AT_HOME).await?;
        }
    }
    run(&mut transaction, LEAVE, None).await?;
    as_owner(
        &mut transaction,
        &format!("DELETE FROM refreshtop.inventory; INSERT INTO refreshtop.inventory {INVENTORY}"),
    )
    .await?;
    record(&mut transaction, "migrate up", &done).await?;
    // What these very steps have reported. Others write into the audit trail, too, and an earlier migration did.
    let sql = "SELECT detail ->> 'message' FROM refreshtop.audit
                WHERE action = 'migrate up' AND outcome = 'kept' AND detail ->> 'transaction' = pg_current_xact_id()::text
                ORDER BY at";
    let kept: Result<Vec<Option<String>>> = transaction.ask(sql, &[]).await?.iter().map(|row| row.try_get(0)).collect();
    done.kept = kept?.into_iter().flatten().collect();
    done.kept.extend(notices(&mut transaction).await?);
    run(&mut transaction, LEAVE_ROLES, None).await?;
    Ok(Pending { done, transaction })
}

/// Sentences about the roles that the steps leave for whoever migrates.
async fn notices(connection: &mut Session) -> Result<Vec<String>> {
    let sql = "SELECT unnest(string_to_array(nullif(current_setting('refreshtop.notices', true), ''), chr(1)))";
    connection.ask(sql, &[]).await?.iter().map(|row| row.try_get(0)).collect()
}

/// Opens a transaction that changes only jobs and their records, with the rights that [`leave`] revokes.
pub async fn begin_jobs(connection: &mut Session) -> Result<Pending<'_, Applied>, MigrateError> {
    unbarred(connection).await?;
    let mut transaction = begin(connection).await?;
    run(&mut transaction, ENTER, None).await?;
    Ok(Pending { done: Applied::default(), transaction })
}

/// Whether a migration up would find nothing to do. [`begin_jobs`] has opened the transaction.
pub async fn is_up_to_date(connection: &mut Session) -> Result<bool, MigrateError> {
    let applied = versions(connection).await?;
    Ok(known().iter().all(|version| applied.contains(version))
        && moved_from(connection).await?.is_none()
        && changes(connection).await?.is_empty())
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

/// Every statement of a migration up, in order, with a title each.
pub fn statements_up() -> Vec<(String, String)> {
    let migrator = migrator();
    let steps = migrator.iter().filter(|step| step.migration_type.is_up_migration());
    let steps =
        steps.map(|step| (format!("step {}: {}", step.version, step.description), step.sql.as_str().to_owned()));
    let enter = ("roles, and what the steps need".to_owned(), ENTER.to_owned());
    std::iter::once(enter).chain(steps).chain([("end".to_owned(), format!("{LEAVE}{LEAVE_ROLES}"))]).collect()
}

/// Every statement of a rollback to `target` from all steps, in order, with a title each.
pub fn statements_down(target: i64) -> Vec<(String, String)> {
    let migrator = migrator();
    let steps = migrator.iter().filter(|step| step.migration_type.is_down_migration() && step.version > target);
    let mut steps: Vec<_> = steps
        .map(|step| (format!("undo step {}: {}", step.version, step.description), step.sql.as_str().to_owned()))
        .collect();
    steps.reverse();
    steps.insert(0, ("roles, and what the steps need".to_owned(), ENTER.to_owned()));
    steps.push(("end".to_owned(), format!("{LEAVE}{LEAVE_ROLES}")));
    if target == 0 {
        steps.push(("roles that nothing needs any more".to_owned(), FORGET_ROLES.to_owned()));
    }
    steps
}

async fn note_step(transaction: &mut Session, step: &Migration) -> Result<()> {
    let checksum = step.checksum.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    let sql = "INSERT INTO refreshtop.migrations (version, description, success, checksum, execution_time)
         VALUES ($1, $2, true, decode($3, 'hex'), 0)
         ON CONFLICT (version) DO UPDATE SET checksum = excluded.checksum";
    let step = [Parameter::Number(step.version), Parameter::Text(&step.description), Parameter::Text(&checksum)];
    write_as_owner(transaction, sql, &step).await
}

async fn versions(connection: &mut Session) -> Result<Vec<i64>> {
    Ok(applied(connection).await?.into_iter().map(|(version, _)| version).collect())
}
