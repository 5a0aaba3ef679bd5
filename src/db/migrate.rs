//! Migrations up, down and their status.
//!
//! All pending steps run in one transaction: they land together or not at all.

use crate::connect::ConnectError;
use crate::db::{
    error,
    preflight::{self, Problem},
    service::{ask, literal, one, optional},
};
use sqlx::{Connection, FromRow, PgConnection, Postgres, Row as _, Transaction, migrate::Migrator};

/// Where sqlx keeps its own table: not `_sqlx_migrations` in `public`, which may be the application's.
const TABLE: &str = "refreshtop.migrations";
/// First half of the advisory locks that keep two migrators apart: `'rftp'`.
pub(crate) const LOCK_CLASS: i32 = 0x7266_7470;

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.dangerous_set_table_name(TABLE);
    migrator.create_schema("refreshtop");
    // Its session lock would stay behind on a pooled server connection; ours goes with the transaction.
    migrator.set_locking(false);
    migrator
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

impl From<sqlx::migrate::MigrateError> for MigrateError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError as E;
        match error {
            E::ExecuteMigration(failure, version) => Self::Step { version, reason: error::sentence(&failure) },
            E::VersionMissing(version) | E::VersionMismatch(version) => Self::Unknown(version),
            E::VersionNotPresent(version) | E::VersionTooOld(version, _) | E::VersionTooNew(version, _) => {
                Self::NoSuchStep(version)
            }
            E::Execute(failure) => Self::Database(failure),
            other => Self::Database(sqlx::Error::Migrate(Box::new(other))),
        }
    }
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

/// Every step, oldest first.
///
/// # Errors
/// The server's.
pub async fn status(connection: &mut PgConnection) -> Result<Vec<Step>, MigrateError> {
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

/// What [`up`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Versions applied now; none where there was nothing to do, and then nothing was written.
    pub versions: Vec<i64>,
    /// What was found and left as it was, one sentence each.
    pub kept: Vec<String>,
}

/// A migration upwards that is not committed.
pub struct PendingUp<'c> {
    /// What it did.
    pub applied: Applied,
    transaction: Transaction<'c, Postgres>,
}

impl PendingUp<'_> {
    /// Inside the transaction.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Makes it last.
    ///
    /// # Errors
    /// The server's.
    pub async fn commit(self) -> Result<(), MigrateError> {
        Ok(self.transaction.commit().await?)
    }

    /// Undoes it.
    ///
    /// # Errors
    /// The server's.
    pub async fn rollback(self) -> Result<(), MigrateError> {
        Ok(self.transaction.rollback().await?)
    }
}

/// A migration downwards that is not committed.
pub struct PendingDown<'c> {
    /// Versions undone.
    pub undone: Vec<i64>,
    transaction: Transaction<'c, Postgres>,
}

impl PendingDown<'_> {
    /// Inside the transaction.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Makes it last.
    ///
    /// # Errors
    /// The server's.
    pub async fn commit(self) -> Result<(), MigrateError> {
        Ok(self.transaction.commit().await?)
    }

    /// Undoes it.
    ///
    /// # Errors
    /// The server's.
    pub async fn rollback(self) -> Result<(), MigrateError> {
        Ok(self.transaction.rollback().await?)
    }
}

/// STUB until main has the real one.
const STUB: &str = "
DO $$ DECLARE r text; BEGIN
  PERFORM pg_advisory_xact_lock(4711, 1);
  FOREACH r IN ARRAY ARRAY['refreshtop_owner','refreshtop_job'] LOOP
    IF to_regrole(r) IS NULL THEN EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', r); END IF;
  END LOOP;
  IF NOT (SELECT rolcanlogin AND rolinherit FROM pg_roles WHERE rolname = 'refreshtop_job') THEN ALTER ROLE refreshtop_job LOGIN INHERIT; END IF;
  IF NOT pg_has_role('refreshtop_job', 'refreshtop_admin', 'MEMBER') THEN GRANT refreshtop_admin TO refreshtop_job; END IF;
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN ALTER SCHEMA refreshtop OWNER TO refreshtop_owner; END IF;
  CREATE TABLE IF NOT EXISTS refreshtop.undo (seq bigint GENERATED ALWAYS AS IDENTITY, step int, kind text, object_schema name, object_name text, detail jsonb);
  CREATE TABLE IF NOT EXISTS refreshtop.home (system_identifier bigint, database_oid oid, database_name name);
  DELETE FROM refreshtop.home;
  INSERT INTO refreshtop.home SELECT (SELECT system_identifier FROM pg_control_system()), oid, datname FROM pg_database WHERE datname = current_database();
END $$";

/// The statements that [`begin_up`] would execute.
///
/// # Errors
/// The server's.
pub async fn script_up(connection: &mut PgConnection) -> Result<Vec<String>, MigrateError> {
    let applied = versions(connection).await?;
    let migrator = migrator();
    let steps = migrator.iter().filter(|step| step.migration_type.is_up_migration() && !applied.contains(&step.version));
    Ok(steps.map(|step| format!("-- step {}: {}\n{}", step.version, step.description, step.sql.as_str())).collect())
}

/// The statements that [`begin_down`] would execute.
///
/// # Errors
/// The server's.
pub async fn script_down(connection: &mut PgConnection, target: i64) -> Result<Vec<String>, MigrateError> {
    let applied = versions(connection).await?;
    let migrator = migrator();
    let steps = migrator.iter().filter(|step| {
        step.migration_type.is_down_migration() && step.version > target && applied.contains(&step.version)
    });
    let mut steps: Vec<_> = steps.collect();
    steps.sort_by_key(|step| std::cmp::Reverse(step.version));
    Ok(steps.iter().map(|step| format!("-- step {}: {}\n{}", step.version, step.description, step.sql.as_str())).collect())
}

/// Applies every pending step, without committing.
///
/// # Errors
/// See [`MigrateError`]; whatever it is, nothing was changed.
pub async fn begin_up<'c>(
    connection: &'c mut PgConnection,
    _progress: &mut dyn FnMut(&str),
) -> Result<PendingUp<'c>, MigrateError> {
    let migrator = migrator();
    let known = known().len();
    if versions(connection).await?.len() < known {
        let problems = preflight::problems(connection).await?;
        if !problems.is_empty() {
            return Err(MigrateError::Preflight(problems));
        }
    }
    let mut transaction = begin(connection).await?;
    let before = versions(&mut transaction).await?;
    if before.len() < known {
        let run = migrator.run(&mut *transaction).await;
        forget_statements(&mut transaction).await;
        run?;
    } else if let Some(other) = before.iter().find(|version| !migrator.version_exists(**version)) {
        return Err(MigrateError::Unknown(*other));
    }
    let after = versions(&mut transaction).await?;
    let new: Vec<i64> = after.into_iter().filter(|version| !before.contains(version)).collect();
    if !new.is_empty() {
        record(&mut transaction, "migrate up", &new).await?;
    }
    sqlx::raw_sql(STUB).execute(&mut *transaction).await?;
    Ok(PendingUp { applied: Applied { versions: new, kept: Vec::new() }, transaction })
}

/// Undoes every step above `target`, without committing.
///
/// # Errors
/// See [`MigrateError`]; whatever it is, nothing was changed.
pub async fn begin_down<'c>(
    connection: &'c mut PgConnection,
    target: i64,
    _progress: &mut dyn FnMut(&str),
) -> Result<PendingDown<'c>, MigrateError> {
    let mut transaction = begin(connection).await?;
    let before = versions(&mut transaction).await?;
    let undone: Vec<i64> = before.iter().rev().copied().filter(|version| *version > target).collect();
    if undone.is_empty() {
        return Ok(PendingDown { undone, transaction });
    }
    let run = migrator().undo(&mut *transaction, target).await;
    forget_statements(&mut transaction).await;
    run?;
    if target == 0 {
        sqlx::raw_sql("DROP TABLE IF EXISTS refreshtop.migrations, refreshtop.undo, refreshtop.home; DROP SCHEMA refreshtop")
            .execute(&mut *transaction)
            .await?;
    }
    Ok(PendingDown { undone, transaction })
}

/// Applies every pending step.
///
/// # Errors
/// See [`MigrateError`]; whatever it is, nothing was changed.
pub async fn up(connection: &mut PgConnection) -> Result<Applied, MigrateError> {
    let migrator = migrator();
    let known = known().len();
    // Without rights not even the transaction's lock is worth waiting for.
    if versions(connection).await?.len() < known {
        let problems = preflight::problems(connection).await?;
        if !problems.is_empty() {
            return Err(MigrateError::Preflight(problems));
        }
    }
    let mut transaction = begin(connection).await?;
    // Another migrator may have been at work until the lock was ours.
    let before = versions(&mut transaction).await?;
    if before.len() < known {
        let run = migrator.run(&mut *transaction).await;
        forget_statements(&mut transaction).await;
        run?;
    } else if let Some(other) = before.iter().find(|version| !migrator.version_exists(**version)) {
        return Err(MigrateError::Unknown(*other));
    }
    let after = versions(&mut transaction).await?;
    let new: Vec<i64> = after.into_iter().filter(|version| !before.contains(version)).collect();
    let mut kept = Vec::new();
    if !new.is_empty() {
        record(&mut transaction, "migrate up", &new).await?;
        let said =
            "SELECT detail ->> 'message' FROM refreshtop.audit WHERE at >= now() AND outcome = 'kept' ORDER BY id";
        kept = ask(&mut transaction, said).await?.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>()?;
    }
    transaction.commit().await?;
    Ok(Applied { versions: new, kept })
}

async fn versions(connection: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    Ok(applied(connection).await?.into_iter().map(|(version, _)| version).collect())
}

async fn begin(connection: &mut PgConnection) -> sqlx::Result<Transaction<'_, Postgres>> {
    let mut transaction = connection.begin().await?;
    // The view's first filling may take long, and somebody may hold a table: what bounds a poll must not bound this.
    // With nothing else on the search path every name that goes into the ledger is written out in full.
    sqlx::raw_sql(
        "SET LOCAL transaction_read_only = off; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '30s'; SET LOCAL client_min_messages = warning;
         SET LOCAL search_path = pg_catalog, pg_temp",
    )
    .execute(&mut *transaction)
    .await?;
    ask(&mut transaction, &format!("SELECT pg_advisory_xact_lock({LOCK_CLASS}, 0)")).await?;
    Ok(transaction)
}

/// Takes away what sqlx has prepared, while the transaction holds the connection of the server: behind a pooler that
/// one is somebody else's afterwards, whom a statement of the same name would stop.
async fn forget_statements(connection: &mut PgConnection) {
    // A connection that is lost has nothing to leave behind, and what comes next says so.
    let _ = connection.clear_cached_statements().await;
}

async fn record(connection: &mut PgConnection, act: &str, versions: &[i64]) -> sqlx::Result<()> {
    let steps = versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let act = literal(act);
    let sql = format!(
        "SELECT refreshtop.record_act({act}, 'success', jsonb_build_object('steps', ARRAY[{steps}]::bigint[]))"
    );
    ask(connection, &sql).await?;
    Ok(())
}

/// Undoes every step above `target`; 0 undoes all, and then the schema `refreshtop` goes too. Returns the versions
/// undone, newest first.
///
/// # Errors
/// See [`MigrateError`]; whatever it is, nothing was changed.
pub async fn down(connection: &mut PgConnection, target: i64) -> Result<Vec<i64>, MigrateError> {
    let before = versions(connection).await?;
    let undone: Vec<i64> = before.iter().rev().copied().filter(|version| *version > target).collect();
    if undone.is_empty() {
        return Ok(undone);
    }
    let mut transaction = begin(connection).await?;
    if target > 0 {
        record(&mut transaction, "migrate down", &undone).await?;
    }
    let run = migrator().undo(&mut *transaction, target).await;
    forget_statements(&mut transaction).await;
    run?;
    if target == 0 {
        sqlx::raw_sql("DROP TABLE refreshtop.migrations; DROP SCHEMA refreshtop").execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(undone)
}

/// How many log rows a full rollback would delete: those of a log that refreshtop made. A log that was there
/// before stays, with every row.
///
/// # Errors
/// The server's.
pub async fn rows_at_stake(connection: &mut PgConnection) -> Result<i64, MigrateError> {
    let made_here = "SELECT 1 FROM refreshtop.ledger WHERE undo = 'DROP TABLE public.metrics_refresh_log' LIMIT 1";
    if optional(connection, made_here).await?.is_none() {
        return Ok(0);
    }
    Ok(one(connection, "SELECT count(*) FROM public.metrics_refresh_log").await?.try_get(0)?)
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
    let blind = "SELECT r.rolname::text FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
                 WHERE n.nspname = 'refreshtop' AND NOT pg_has_role(r.oid, 'pg_read_all_stats', 'USAGE')";
    let blind: Option<String> = optional(connection, blind).await?.map(|row| row.try_get(0)).transpose()?;
    Ok(blind.map(|owner| {
        format!(
            "note: role {owner} may not see what other roles' sessions do, so the record of a failed refresh will name a \
             session in the way, but not its state and query: GRANT pg_read_all_stats TO {owner} mends that"
        )
    }))
}
