//! Migrations up, down and their status.
//!
//! All steps run in one transaction: they land together or not at all. Every step may run again, so that a migration
//! repairs whatever was dropped or changed since: what must be there is compared with the inventory that the last one left.

use crate::connect::ConnectError;
use crate::db::{
    error,
    preflight::{self, Problem},
    service::{ask, literal, one, optional},
};
use sqlx::{
    AssertSqlSafe, Connection, FromRow, PgConnection, Postgres, Row as _, Transaction,
    migrate::{Migration, Migrator},
};
use std::fmt::Write as _;

/// First half of the advisory locks that keep two migrators apart: `'rftp'`.
pub(crate) const LOCK_CLASS: i32 = 0x7266_7470;

fn migrator() -> Migrator {
    sqlx::migrate!("./migrations")
}

/// Why the migrations did not run. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The preflight found problems.
    #[error("nothing was changed:{}", join(.0))]
    Preflight(Vec<Problem>),
    /// A step failed, and all were rolled back.
    #[error("nothing was changed: step {version} failed: {reason}")]
    Step {
        /// Version of the step.
        version: i64,
        /// The server's words.
        reason: String,
        /// Its SQLSTATE.
        code: Option<String>,
    },
    /// The database was migrated by a version of refreshtop that this one does not know.
    #[error(
        "nothing was changed: this database was migrated by another refreshtop (step {0}); use that version or a newer one"
    )]
    Unknown(i64),
    /// The rollback target is not a step.
    #[error("there is no step {0}: see refreshtop migrate status")]
    NoSuchStep(i64),
    /// The server can't be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// What whoever asked for it has to say.
    #[error("{text}")]
    Told {
        /// One of [`crate::exit`].
        code: u8,
        /// A sentence.
        text: String,
    },
    /// Anything else.
    #[error("{}", database_sentence(.0))]
    Database(#[from] sqlx::Error),
}

/// One problem on the same line, several on one line each.
fn join(problems: &[Problem]) -> String {
    match problems {
        [only] => format!(" {only}"),
        all => all.iter().map(|problem| format!("\n  - {problem}")).collect::<Vec<_>>().concat(),
    }
}

fn database_sentence(failure: &sqlx::Error) -> String {
    let sentence = error::sentence(failure);
    let mend = match error::code(failure) {
        Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) => {
            "migrate as the role that migrated this database before, or as a superuser"
        }
        Some(error::sqlstate::ALREADY_PREPARED) => {
            "another client has left it on a pooler's connection: migrate at the server itself, not by way of the pooler"
        }
        _ => return sentence,
    };
    format!("{sentence}; {mend}")
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
#[must_use]
pub fn known() -> Vec<i64> {
    migrator().iter().filter(|step| step.migration_type.is_up_migration()).map(|step| step.version).collect()
}

/// Refuses to look at what may hold somebody else's code. Asked before our own tables are read.
async fn trusted(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let problems = preflight::trust(connection).await?;
    if problems.is_empty() { Ok(()) } else { Err(MigrateError::Preflight(problems)) }
}

/// Refuses to change anything where that is so, or where something bears a name that every change needs.
async fn unbarred(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let problems = preflight::barriers(connection).await?;
    if problems.is_empty() { Ok(()) } else { Err(MigrateError::Preflight(problems)) }
}

/// Every step, oldest first.
///
/// # Errors
/// The server's.
pub async fn status(connection: &mut PgConnection) -> Result<Vec<Step>, MigrateError> {
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

async fn applied(connection: &mut PgConnection) -> sqlx::Result<Vec<(i64, chrono::DateTime<chrono::Utc>)>> {
    // Not by to_regclass: it may answer from the session's cache, which has not yet heard of what another migrator
    // did while this one waited for the lock.
    let table = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'refreshtop' AND c.relname = 'migrations'";
    if optional(connection, table).await?.is_none() {
        return Ok(Vec::new());
    }
    let steps = ask(connection, "SELECT version, installed_on FROM refreshtop.migrations ORDER BY version").await?;
    steps.iter().map(FromRow::from_row).collect()
}

/// What a migration up did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Versions applied now; none where there was nothing to do.
    pub versions: Vec<i64>,
    /// What was missing or changed, and was put back, in the inventory's words.
    pub repaired: Vec<String>,
    /// Where the installation was at home before, if this database is another one: a copy, a restore, a new name.
    pub moved_from: Option<Home>,
    /// What was found and left as it was, one sentence each.
    pub kept: Vec<String>,
}

impl Applied {
    /// Whether anything was changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.repaired.is_empty() && self.moved_from.is_none()
    }
}

/// Which database of which cluster an installation was migrated in.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Home {
    /// The cluster's `system_identifier`.
    pub system_identifier: i64,
    /// The database's oid, which changes with a copy and not with a rename.
    pub database_oid: i64,
    /// The database's name.
    pub database_name: String,
}

/// What is told while a migration runs, a sentence each.
pub type Progress<'a> = &'a mut (dyn FnMut(&str) + Send);

/// A migration up or down that has done everything but the commit. Dropped, it is rolled back.
#[derive(Debug)]
pub struct Pending<'c, T> {
    /// What it did.
    pub done: T,
    transaction: Transaction<'c, Postgres>,
}

impl<T> Pending<'_, T> {
    /// The session, inside the transaction.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Makes it last.
    ///
    /// # Errors
    /// The server's: then nothing was changed.
    pub async fn commit(self) -> Result<T, MigrateError> {
        self.transaction.commit().await?;
        Ok(self.done)
    }

    /// Takes it back.
    ///
    /// # Errors
    /// The server's: then it was taken back all the same.
    pub async fn rollback(self) -> Result<T, MigrateError> {
        self.transaction.rollback().await?;
        Ok(self.done)
    }
}

/// Applies every pending step, and puts back what was changed behind our back.
///
/// # Errors
/// See [`MigrateError`]; whatever it is, nothing was changed.
pub async fn up(connection: &mut PgConnection) -> Result<Applied, MigrateError> {
    let pending = begin_up(connection, &mut |_| {}).await?;
    if pending.done.is_empty() { pending.rollback().await } else { pending.commit().await }
}

/// Does all of [`up`] but the commit.
///
/// # Errors
/// See [`MigrateError`]; whatever it is, nothing was changed.
pub async fn begin_up<'c>(
    connection: &'c mut PgConnection,
    progress: Progress<'_>,
) -> Result<Pending<'c, Applied>, MigrateError> {
    // Also before the first look into our own tables: they may be somebody else's.
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
        // The first step has given the table back to its owner, if it had changed hands.
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
    // What these very steps have said. Others write into the audit trail, too, and an earlier migration did.
    let said = "SELECT detail ->> 'message' FROM refreshtop.audit
                WHERE action = 'migrate up' AND outcome = 'kept' AND detail ->> 'transaction' = pg_current_xact_id()::text
                ORDER BY at";
    let said: sqlx::Result<Vec<Option<String>>> =
        ask(&mut transaction, said).await?.iter().map(|row| row.try_get(0)).collect();
    done.kept = said?.into_iter().flatten().collect();
    done.kept.extend(told(&mut transaction).await?);
    run(&mut transaction, LEAVE_ROLES, None).await?;
    Ok(Pending { done, transaction })
}

/// What the steps found about the roles, a sentence each.
async fn told(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let sql = "SELECT unnest(string_to_array(nullif(current_setting('refreshtop.told', true), ''), chr(1)))";
    ask(connection, sql).await?.iter().map(|row| row.try_get(0)).collect()
}

/// Opens the transaction of whoever changes nothing but jobs and what is noted of them; what [`leave`] ends is in force.
///
/// # Errors
/// See [`MigrateError`].
pub async fn begin_jobs(connection: &mut PgConnection) -> Result<Pending<'_, Applied>, MigrateError> {
    unbarred(connection).await?;
    let mut transaction = begin(connection).await?;
    run(&mut transaction, ENTER, None).await?;
    Ok(Pending { done: Applied::default(), transaction })
}

/// Whether a migration up would find nothing to do. [`begin_jobs`] has opened the transaction.
///
/// # Errors
/// The server's.
pub async fn is_up_to_date(connection: &mut PgConnection) -> Result<bool, MigrateError> {
    let applied = versions(connection).await?;
    Ok(known().iter().all(|version| applied.contains(version))
        && moved_from(connection).await?.is_none()
        && changes(connection).await?.is_empty())
}

/// Becomes able to act as the owner of the installation, until [`leave`].
///
/// # Errors
/// The server's.
pub async fn enter(transaction: &mut PgConnection) -> Result<(), MigrateError> {
    run(transaction, ENTER, None).await
}

/// Gives back what [`enter`] took.
///
/// # Errors
/// The server's.
pub async fn leave(transaction: &mut PgConnection) -> Result<(), MigrateError> {
    run(transaction, LEAVE, None).await?;
    run(transaction, LEAVE_ROLES, None).await
}

/// Every statement of a migration up, in order, with a title each.
#[must_use]
pub fn statements_up() -> Vec<(String, String)> {
    let migrator = migrator();
    let steps = migrator.iter().filter(|step| step.migration_type.is_up_migration());
    let steps =
        steps.map(|step| (format!("step {}: {}", step.version, step.description), step.sql.as_str().to_owned()));
    let enter = ("roles, and what the steps need".to_owned(), ENTER.to_owned());
    std::iter::once(enter).chain(steps).chain([("end".to_owned(), format!("{LEAVE}{LEAVE_ROLES}"))]).collect()
}

/// Every statement of a rollback to `target` from all steps, in order, with a title each.
#[must_use]
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

const ENTER: &str = include_str!("migrate/enter.sql");
const LEAVE: &str = include_str!("migrate/leave.sql");
const LEAVE_ROLES: &str = include_str!("migrate/leave_roles.sql");
const FORGET_ROLES: &str = include_str!("migrate/forget_roles.sql");

/// What stands here of refreshtop, as rows (kind, object, detail); reads only catalogues.
pub(crate) const INVENTORY: &str = include_str!("inventory.sql");

/// Which lines of the inventory that were not there before are somebody's way in. A grant to a role is somebody's wish,
/// but on a sequence.
pub(crate) const OPENED: &str =
    "(kind IN ('trigger', 'rule', 'setting') OR kind = 'policy' AND detail NOT LIKE 'application\\_%'
    OR kind = 'grant' AND (detail LIKE '% PUBLIC' AND object NOT LIKE 'table public.platform_metrics'
                           OR object LIKE 'sequence %'))";

const AT_HOME: &str = "
    UPDATE refreshtop.home h SET system_identifier = s.system_identifier, database_oid = d.oid, database_name = d.datname
    FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()";

async fn run(transaction: &mut PgConnection, sql: &str, version: Option<i64>) -> Result<(), MigrateError> {
    match sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *transaction).await {
        Ok(_) => Ok(()),
        Err(failure) if error::server_error(&failure).is_some() => {
            let version = version.unwrap_or_default();
            Err(MigrateError::Step {
                version,
                reason: failed_sentence(&failure),
                code: error::code(&failure).map(Into::into),
            })
        }
        Err(failure) => Err(failure.into()),
    }
}

/// The server's words, its hint, and which function of others it was in.
fn failed_sentence(failure: &sqlx::Error) -> String {
    let server = error::server_error(failure);
    let hint = server.and_then(|server| server.hint().map(ToOwned::to_owned));
    let mut sentence = error::sentence(failure);
    if let Some(hint) = hint.filter(|hint| !sentence.contains(hint)) {
        let _ = write!(sentence, "; {hint}");
    }
    let ours = ["pg_temp", "refreshtop", "inline_code_block"];
    let context = server.and_then(|server| server.r#where()).unwrap_or_default();
    let theirs = context.lines().filter(|line| line.contains(" function "));
    if let Some(line) = theirs.into_iter().find(|line| !ours.iter().any(|name| line.contains(name))) {
        let _ = write!(sentence, "; in {line}");
    }
    sentence
}

/// Names the event trigger whose function failed.
fn blame(failure: MigrateError, triggers: &[String]) -> MigrateError {
    let MigrateError::Step { version, mut reason, code } = failure else { return failure };
    let called = |trigger: &&String| {
        trigger
            .split_once(" runs function ")
            .is_some_and(|(_, function)| reason.contains(&format!("function {function}")))
    };
    if let Some(trigger) = triggers.iter().find(called).cloned() {
        let _ = write!(reason, "; {trigger} at each statement of a migration");
    }
    MigrateError::Step { version, reason, code }
}

async fn note_step(transaction: &mut PgConnection, step: &Migration) -> sqlx::Result<()> {
    let checksum = step.checksum.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    let sql = format!(
        "INSERT INTO refreshtop.migrations (version, description, success, checksum, execution_time)
         VALUES ({}, {}, true, '\\x{checksum}', 0)
         ON CONFLICT (version) DO UPDATE SET checksum = excluded.checksum",
        step.version,
        literal(&step.description)
    );
    as_owner(transaction, &sql).await
}

/// Writes into our own tables as the role that they belong to, between [`ENTER`] and [`LEAVE_ROLES`]: whoever migrates may be
/// a superuser, and has no need to be one here.
async fn as_owner(transaction: &mut PgConnection, sql: &str) -> sqlx::Result<()> {
    let sql = format!(
        "SELECT set_config('role', current_setting('refreshtop.role_owner'), true); {sql};
         SELECT set_config('role', current_setting('refreshtop.role_before'), true)"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(transaction).await?;
    Ok(())
}

/// Where the installation was at home, if that is not here. A restored database lacks nothing but this knowledge.
async fn moved_from(connection: &mut PgConnection) -> sqlx::Result<Option<Home>> {
    let sql = "SELECT h.system_identifier, h.database_oid::bigint AS database_oid, h.database_name::text AS database_name
               FROM refreshtop.home h CROSS JOIN pg_control_system() s CROSS JOIN pg_database d
               WHERE d.datname = current_database()
                 AND (h.system_identifier, h.database_oid, h.database_name) IS DISTINCT FROM (s.system_identifier, d.oid, d.datname)";
    if !exists(connection, "refreshtop.home").await? {
        return Ok(None);
    }
    optional(connection, sql).await?.as_ref().map(Home::from_row).transpose()
}

/// What the last migration left and is missing or changed now, a phrase each.
async fn changes(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    if !exists(connection, "refreshtop.inventory").await? {
        return Ok(vec!["table refreshtop.inventory".into()]);
    }
    let sql = format!(
        "SELECT DISTINCT concat_ws(' ', kind, CASE kind WHEN 'grant' THEN detail || ' on ' || object WHEN 'policy' THEN split_part(detail, ' ', 1) || ' of ' || object
             WHEN 'column' THEN split_part(detail, ' ', 1) || ' of ' || object WHEN 'unique index' THEN 'of ' || object
             WHEN 'setting' THEN split_part(detail, '=', 1) || ' of ' || object ELSE object END) AS missing
         FROM ((SELECT kind, object, detail FROM refreshtop.inventory EXCEPT SELECT kind, object, detail FROM ({INVENTORY}) now
                WHERE kind <> 'role' OR object = ANY (string_to_array(current_setting('refreshtop.roles_here'), ',')))
               UNION ALL (SELECT kind, object, detail FROM ({INVENTORY}) now WHERE {OPENED}
                          EXCEPT SELECT kind, object, detail FROM refreshtop.inventory)) gone ORDER BY 1"
    );
    let gone: sqlx::Result<Vec<String>> = ask(connection, &sql).await?.iter().map(|row| row.try_get(0)).collect();
    let mut gone = gone?;
    // The inventory is of catalogues; without these rows nothing is refreshed.
    for (table, row, phrase) in [
        ("refreshtop.views", "refresh_type = 'platform_metrics'", "registration of platform_metrics"),
        ("refreshtop.home", "true", "row of refreshtop.home"),
        ("refreshtop.attempt_key", "true", "row of refreshtop.attempt_key"),
    ] {
        if exists(connection, table).await?
            && optional(connection, &format!("SELECT 1 FROM {table} WHERE {row}")).await?.is_none()
        {
            gone.push(phrase.into());
        }
    }
    Ok(gone)
}

async fn exists(connection: &mut PgConnection, relation: &str) -> sqlx::Result<bool> {
    one(connection, &format!("SELECT to_regclass({}) IS NOT NULL", literal(relation))).await?.try_get(0)
}

/// Event triggers of others, which run inside our statements and may fail them.
async fn event_triggers(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let sql = "SELECT format('event trigger %I runs function %s', t.evtname, t.evtfoid::regprocedure)
               FROM pg_event_trigger t WHERE t.evtenabled IN ('O', 'A') ORDER BY 1";
    ask(connection, sql).await?.iter().map(|row| row.try_get(0)).collect()
}

/// Somebody may have renamed schema `public` with the log in it: what stands there by its name is not what was migrated.
async fn renamed_schema(connection: &mut PgConnection) -> sqlx::Result<Option<Problem>> {
    let sql = "SELECT format('schema public, in which the refresh log was made, is named %I now', n.nspname) AS problem,
                      format('ALTER SCHEMA %I RENAME TO public', n.nspname) AS mend,
                      false AS of_rights, false AS of_trust, true AS in_the_way
               FROM pg_class door JOIN pg_rewrite r ON r.ev_class = door.oid
               JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
               JOIN pg_class log ON log.oid = d.refobjid AND log.relkind = 'r' JOIN pg_namespace n ON n.oid = log.relnamespace
               WHERE door.relname = 'log_door' AND door.relnamespace = to_regnamespace('refreshtop')
                 AND n.nspname <> 'public' LIMIT 1";
    optional(connection, sql).await?.as_ref().map(Problem::from_row).transpose()
}

async fn versions(connection: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    Ok(applied(connection).await?.into_iter().map(|(version, _)| version).collect())
}

async fn begin(connection: &mut PgConnection) -> sqlx::Result<Transaction<'_, Postgres>> {
    let mut transaction = connection.begin().await?;
    // The view's first filling may take long, and somebody may hold a table: what bounds a poll must not bound this.
    // With nothing else on the search path every name is ours or PostgreSQL's. How strings are read must be settled before
    // the next statement is sent.
    sqlx::raw_sql(
        "SET LOCAL transaction_read_only = off; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '30s'; SET LOCAL client_min_messages = warning;
         SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL standard_conforming_strings = on",
    )
    .execute(&mut *transaction)
    .await?;
    ask(&mut transaction, &format!("SELECT pg_advisory_xact_lock({LOCK_CLASS}, 0)")).await?;
    Ok(transaction)
}

async fn record(connection: &mut PgConnection, act: &str, done: &Applied) -> sqlx::Result<()> {
    let steps = done.versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let repaired = done.repaired.iter().map(|line| literal(line)).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "INSERT INTO refreshtop.audit (action, outcome, caller, login_role, application_name, client_addr, detail)
         VALUES ({}, 'success', coalesce(nullif(current_setting('refreshtop.role_before'), 'none'), session_user), session_user,
                 left(current_setting('application_name'), 200), inet_client_addr(),
                 jsonb_build_object('steps', ARRAY[{steps}]::bigint[], 'repaired', ARRAY[{repaired}]::text[]))",
        literal(act)
    );
    as_owner(connection, &sql).await
}

/// What a rollback did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undone {
    /// The versions, newest first.
    pub versions: Vec<i64>,
    /// What could not be put back as it was, one sentence each.
    pub kept: Vec<String>,
}

/// Undoes every step above `target`; 0 undoes all, and then the schema `refreshtop` goes too. Returns the versions
/// undone, newest first.
///
/// # Errors
/// See [`MigrateError`]; whatever it is, nothing was changed.
pub async fn down(connection: &mut PgConnection, target: i64) -> Result<Vec<i64>, MigrateError> {
    let mut pending = begin_down(connection, target, &mut |_| {}, async |_| Ok(())).await?;
    if target == 0 {
        forget_roles(pending.connection()).await?;
    }
    Ok(pending.commit().await?.versions)
}

/// Drops the roles that nothing needs any more, after [`begin_down`] has undone everything. Not before the jobs are taken
/// away: `pg_cron` does not survive a job whose role is gone, and nothing keeps it from going.
///
/// # Errors
/// The server's.
pub async fn forget_roles(connection: &mut PgConnection) -> Result<(), MigrateError> {
    run(connection, FORGET_ROLES, None).await
}

/// Does all of [`down`] but the commit. Where there is something to undo, `first` comes before it, in the same transaction:
/// while whoever migrates still is what the installation has made of it.
///
/// # Errors
/// See [`MigrateError`]; whatever it is, nothing was changed.
pub async fn begin_down<'c>(
    connection: &'c mut PgConnection,
    target: i64,
    progress: Progress<'_>,
    first: impl AsyncFnOnce(&mut PgConnection) -> Result<(), MigrateError>,
) -> Result<Pending<'c, Undone>, MigrateError> {
    unbarred(connection).await?;
    let mut transaction = begin(connection).await?;
    if let Some(problem) = renamed_schema(&mut transaction).await? {
        return Err(MigrateError::Preflight(vec![problem]));
    }
    let triggers = event_triggers(&mut transaction).await?;
    run(&mut transaction, ENTER, None).await.map_err(|failure| blame(failure, &triggers))?;
    let versions = versions(&mut transaction).await?.into_iter().rev().filter(|version| *version > target).collect();
    let mut done = Undone { versions, ..Undone::default() };
    if done.versions.is_empty() {
        return Ok(Pending { done, transaction });
    }
    let migrator = migrator();
    if let Some(other) = done.versions.iter().find(|version| !migrator.version_exists(**version)) {
        return Err(MigrateError::Unknown(*other));
    }
    if target != 0 && !migrator.version_exists(target) {
        return Err(MigrateError::NoSuchStep(target));
    }
    // First of all, so that a refresh which is under way ends, and leaves its row, before anything goes; and in the order
    // in which a refresh takes its locks.
    if exists(&mut transaction, "refreshtop.views").await? {
        sqlx::raw_sql("LOCK TABLE refreshtop.views IN ACCESS EXCLUSIVE MODE").execute(&mut *transaction).await?;
    }
    first(&mut transaction).await?;
    let steps = migrator.iter().filter(|step| step.migration_type.is_down_migration()).rev();
    for step in steps.filter(|step| done.versions.contains(&step.version)) {
        progress(&format!("undoing step {}: {}", step.version, step.description));
        let ran = run(&mut transaction, step.sql.as_str(), Some(step.version)).await;
        ran.map_err(|failure| blame(failure, &triggers))?;
        if step.version > 1 {
            let gone = format!("DELETE FROM refreshtop.migrations WHERE version = {}", step.version);
            as_owner(&mut transaction, &gone).await?;
        }
    }
    let kept: Option<String> =
        one(&mut transaction, "SELECT nullif(current_setting('refreshtop.rows_kept', true), '')").await?.try_get(0)?;
    done.kept.extend(kept.map(|why| {
        format!(
            "the rows that came since stay in table public.metrics_refresh_log_refreshtop, because the log that was here \
             before can't take them ({why})"
        )
    }));
    run(&mut transaction, LEAVE, None).await?;
    if target != 0 {
        let inventory = format!("DELETE FROM refreshtop.inventory; INSERT INTO refreshtop.inventory {INVENTORY}");
        as_owner(&mut transaction, &inventory).await?;
        let applied = Applied { versions: done.versions.clone(), ..Applied::default() };
        record(&mut transaction, "migrate down", &applied).await?;
    }
    run(&mut transaction, LEAVE_ROLES, None).await?;
    Ok(Pending { done, transaction })
}

/// What a rollback would delete and put back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AtStake {
    /// Rows of the refresh log: of one that refreshtop made. A log that was there before stays, with every row.
    pub log_rows: i64,
    /// Whether `public.platform_metrics` goes, because refreshtop made it.
    pub view: bool,
    /// What stands aside and comes back, such as `table public.metrics_refresh_log`.
    pub comes_back: Vec<String>,
}

/// What a rollback to `target` would delete and put back.
///
/// # Errors
/// The server's.
pub async fn at_stake(connection: &mut PgConnection, target: i64) -> Result<AtStake, MigrateError> {
    unbarred(connection).await?;
    let mut transaction = begin(connection).await?;
    run(&mut transaction, ENTER, None).await?;
    let mut stake = AtStake::default();
    let has_notes = exists(&mut transaction, "refreshtop.undo").await?;
    if undoes(target, "adopt") && has_notes {
        stake.comes_back =
            ask(&mut transaction, ASIDE).await?.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    }
    // For anybody else the tables are empty.
    ask(&mut transaction, "SELECT refreshtop_migration.as_owner()").await?;
    if undoes(target, "platform metrics") && exists(&mut transaction, "refreshtop.views").await? {
        let made = "SELECT 1 FROM refreshtop.views v JOIN pg_class c ON c.oid = v.view_oid AND c.relkind = 'm'
                    WHERE v.refresh_type = 'platform_metrics'
                      AND obj_description(c.oid, 'pg_class') LIKE '%kept fresh by refreshtop'";
        stake.view = optional(&mut transaction, made).await?.is_some();
    }
    let kept = "SELECT 1 FROM refreshtop.undo WHERE kind = 'moved' AND detail ? 'copied_at' LIMIT 1";
    if undoes(target, "log")
        && has_notes
        && exists(&mut transaction, "refreshtop.log_door").await?
        && optional(&mut transaction, kept).await?.is_none()
    {
        stake.log_rows = one(&mut transaction, "SELECT count(*) FROM refreshtop.log_door").await?.try_get(0)?;
    }
    transaction.rollback().await?;
    Ok(stake)
}

/// What stands in `refreshtop_before`, under the name that it had: see `0002_adopt.down.sql`.
const ASIDE: &str = "
    SELECT lower(refreshtop_migration.kind(c.relkind))
           || format(' %I.%I', coalesce(u.object_schema, 'public'), coalesce(u.detail ->> 'name', c.relname)) AS what
    FROM pg_class c
    LEFT JOIN refreshtop.undo u ON u.kind = 'moved' AND u.object_name = c.relname AND u.detail ->> 'kind' <> 'ROUTINE'
    WHERE c.relnamespace = to_regnamespace('refreshtop_before') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL
    SELECT format('function public.%I', p.proname) FROM pg_proc p
    WHERE p.pronamespace = to_regnamespace('refreshtop_before')
    ORDER BY 1";

/// Whether a rollback to `target` undoes the step of that name.
fn undoes(target: i64, description: &str) -> bool {
    migrator().iter().any(|step| step.version > target && step.description == description)
}

/// Whether the view is there: somebody may have dropped it since, with a table that it reads.
///
/// # Errors
/// The server's.
pub async fn has_view(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let view = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND c.relname = 'platform_metrics'";
    Ok(optional(connection, view).await?.is_some())
}

/// What the black box will not see, because the installation's owner may not: one line, or none.
///
/// # Errors
/// The server's.
pub async fn blind_spot(connection: &mut PgConnection) -> Result<Option<String>, MigrateError> {
    let blind = "SELECT r.rolname::text FROM pg_namespace n
                 JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = 'black_box' JOIN pg_roles r ON r.oid = p.proowner
                 WHERE n.nspname = 'refreshtop_definers' AND NOT pg_has_role(r.oid, 'pg_read_all_stats', 'USAGE')";
    let blind: Option<String> = optional(connection, blind).await?.map(|row| row.try_get(0)).transpose()?;
    Ok(blind.map(|owner| {
        format!(
            "note: role {owner} may not see what other roles' sessions do, so the record of a failed refresh will name a \
             session in the way, but not its state and query: GRANT pg_read_all_stats TO {owner} mends that"
        )
    }))
}
