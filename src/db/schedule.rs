//! The jobs in `pg_cron`, wherever in the cluster it lives.
//!
//! `pg_cron` keeps its tables in one database (`cron.database_name`), which need not be the application's, and
//! a migration can't reach across. So the jobs are put there by the program, after the migrations.

use crate::db::{
    error, jobs, migrate,
    service::{ask, literal as text, one, optional},
};
use sqlx::{Connection as _, FromRow, PgConnection, Row as _};

/// A job that refreshtop needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: &'static str,
    /// Five-field cron expression.
    pub schedule: &'static str,
    /// The statement that it runs.
    pub command: &'static str,
}

/// The two jobs of the contract.
pub const JOBS: [Wanted; 2] = [
    Wanted {
        name: crate::db::service::REFRESH_JOB,
        schedule: "*/5 * * * *",
        command: "SELECT public.refresh_platform_metrics_with_logging();",
    },
    Wanted {
        name: "cleanup-metrics-logs",
        schedule: "0 2 * * *",
        command: "SELECT public.cleanup_old_metrics_logs();",
    },
];

/// What became of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was scheduled now.
    Scheduled {
        /// Its name, which may carry the database's; see [`ensure`].
        name: String,
    },
    /// It was there, and stays as it is: interval and pause are the operator's.
    Kept {
        /// Its schedule.
        schedule: String,
        /// Whether it runs.
        active: bool,
    },
    /// It ran something else, and runs the right command now.
    Repaired,
}

/// What a session can see of where `pg_cron` lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// In this database.
    Database(String),
    /// The server does not load it.
    NotLoaded,
    /// Its settings are for superusers and members of `pg_read_all_settings`, and it is not in this database.
    Hidden,
}

/// Asks where `pg_cron` lives.
///
/// # Errors
/// Only the connection's: any role may ask.
pub async fn whereabouts(app: &mut PgConnection) -> sqlx::Result<Whereabouts> {
    let readable: bool =
        one(app, "SELECT pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')").await?.try_get(0)?;
    let question = if readable {
        "SELECT nullif(current_setting('cron.database_name', true), '')"
    } else {
        "SELECT current_database()::text WHERE EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron')"
    };
    let database: Option<String> = match optional(app, question).await? {
        Some(row) => row.try_get(0)?,
        None => None,
    };
    Ok(match database {
        Some(database) => Whereabouts::Database(database),
        None if readable => Whereabouts::NotLoaded,
        None => Whereabouts::Hidden,
    })
}

/// Why the jobs could not be put in place. The migrations hold all the same.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// `pg_cron` is loaded but its extension is not created, and this role may not.
    #[error(
        "pg_cron is loaded, but its extension is missing in database {database}: {reason}; \
         a superuser can run there: CREATE EXTENSION pg_cron"
    )]
    NoExtension {
        /// Database in which it belongs.
        database: String,
        /// The server's words.
        reason: String,
    },
    /// This role may not use `pg_cron`.
    #[error(
        "{reason} in database {database}; a superuser can run there: GRANT USAGE ON SCHEMA cron TO {role}; \
         GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cron TO {role}"
    )]
    NotPermitted {
        /// Where `pg_cron` lives.
        database: String,
        /// Who was refused.
        role: String,
        /// The server's words.
        reason: String,
    },
    /// Anything else.
    #[error("{}", error::sentence(.0))]
    Database(#[from] sqlx::Error),
}

/// Puts every job in place that is missing, and mends those that run something else. A job that is there keeps
/// its interval and its pause. `app` is a session in the application's database, `cron` one in `pg_cron`'s, or
/// `None` where that is the same. All is done or nothing.
///
/// # Errors
/// See [`ScheduleError`].
pub async fn ensure(
    app: &mut PgConnection,
    cron: Option<&mut PgConnection>,
    cron_database: &str,
) -> Result<Vec<(Wanted, Outcome)>, ScheduleError> {
    let app_database = current_database(app).await?;
    let mut transaction = cron.unwrap_or(&mut *app).begin().await?;
    let done = put_in_place(&mut transaction, &app_database, cron_database).await?;
    transaction.commit().await?;
    for (act, undo) in &done.undo {
        note(app, cron_database, act, undo).await?;
    }
    Ok(done.outcomes)
}

/// What was done in `pg_cron`'s database.
#[derive(Default)]
struct Done {
    outcomes: Vec<(Wanted, Outcome)>,
    /// What to note, in order: an act, and the statement that undoes it.
    undo: Vec<(String, String)>,
}

async fn put_in_place(cron: &mut PgConnection, app_database: &str, cron_database: &str) -> Result<Done, ScheduleError> {
    // Another database's migrator may be about to create the extension or to take the same name, and another one's
    // rollback to drop the extension because it has no job yet.
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock())).execute(&mut *cron).await?;
    let mut done = Done::default();
    if let Some(undo) = ensure_extension(cron, cron_database).await? {
        done.undo.push(("the creation of extension pg_cron".into(), undo));
    }
    for job in JOBS {
        // A refusal leaves a session that answers nothing more: who asks is found out before.
        let role: String = one(cron, "SELECT quote_ident(current_user)").await?.try_get(0)?;
        let (outcome, undo) = match ensure_job(cron, job, app_database, cron_database).await {
            Err(failure) if error::code(&failure) == Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) => {
                return Err(ScheduleError::NotPermitted {
                    database: cron_database.into(),
                    role,
                    reason: error::sentence(&failure),
                });
            }
            done => done?,
        };
        if let Some(undo) = undo {
            let what = if outcome == Outcome::Repaired { "the new command of job" } else { "the scheduling of job" };
            done.undo.push((format!("{what} {}", job.name), undo));
        }
        done.outcomes.push((job, outcome));
    }
    Ok(done)
}

/// Lets one at a time change what is in `pg_cron`'s database, until the transaction ends.
fn lock() -> String {
    format!("SELECT pg_advisory_xact_lock({}, 1)", migrate::LOCK_CLASS)
}

/// Creates the extension where it is missing; returns how to undo that.
async fn ensure_extension(cron: &mut PgConnection, database: &str) -> Result<Option<String>, ScheduleError> {
    if has_extension(cron).await? {
        return Ok(None);
    }
    // A failure would end the transaction, and with it the look at what became of the extension.
    let mut attempt = cron.begin().await?;
    let created = sqlx::raw_sql("CREATE EXTENSION pg_cron").execute(&mut *attempt).await;
    match created {
        Ok(_) => attempt.commit().await?,
        Err(failure) if error::is_connection_failure(&failure) => return Err(failure.into()),
        Err(failure) => {
            attempt.rollback().await?;
            // Another database's migrator, or a person, may have created it meanwhile: then there is nothing to undo.
            if has_extension(cron).await? {
                return Ok(None);
            }
            return Err(ScheduleError::NoExtension { database: database.into(), reason: error::sentence(&failure) });
        }
    }
    // Others may have scheduled jobs of their own by then: the extension goes only when it is empty.
    Ok(Some(
        "DO $$ BEGIN IF to_regclass('cron.job') IS NOT NULL THEN \
             IF NOT EXISTS (SELECT 1 FROM cron.job) THEN DROP EXTENSION pg_cron; END IF; END IF; END $$"
            .into(),
    ))
}

async fn has_extension(cron: &mut PgConnection) -> sqlx::Result<bool> {
    one(cron, "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron')").await?.try_get(0)
}

/// A job of this database goes by its own name, or, where the same role has scheduled another database of the
/// cluster under that name before, by that name with the database's behind it: `pg_cron` knows a name only once for
/// each role, and scheduling it again would take the job away from the other database.
async fn ensure_job(
    cron: &mut PgConnection,
    job: Wanted,
    app_database: &str,
    cron_database: &str,
) -> sqlx::Result<(Outcome, Option<String>)> {
    let found = optional(
        cron,
        &format!(
            "SELECT j.jobid, j.schedule::text, j.command::text, j.active FROM cron.job j WHERE {}
             ORDER BY j.active DESC, j.jobid LIMIT 1",
            jobs::is_job(app_database, job.name)
        ),
    )
    .await?;
    let found: Option<(i64, String, String, bool)> = found.map(|row| FromRow::from_row(&row)).transpose()?;
    Ok(match found {
        Some((_, schedule, command, active)) if same_command(&command, job.command) => {
            (Outcome::Kept { schedule, active }, None)
        }
        Some((id, _, command, _)) => {
            ask(cron, &format!("SELECT cron.alter_job({id}, command := {})", text(job.command))).await?;
            let undo = if_job_is_there(id, &format!("PERFORM cron.alter_job({id}, command := {})", literal(&command)));
            (Outcome::Repaired, Some(undo))
        }
        None => {
            let (id, name) = add_job(cron, job, app_database, cron_database).await?;
            (Outcome::Scheduled { name }, Some(if_job_is_there(id, &format!("PERFORM cron.unschedule({id}::bigint)"))))
        }
    })
}

async fn add_job(
    cron: &mut PgConnection,
    job: Wanted,
    app_database: &str,
    cron_database: &str,
) -> sqlx::Result<(i64, String)> {
    let (plain, database) = (text(job.name), text(app_database));
    let taken = format!("SELECT 1 FROM cron.job WHERE jobname = {plain} AND username = current_user");
    let name = if optional(cron, &taken).await?.is_some() {
        format!("{}@{app_database}", job.name)
    } else {
        job.name.to_owned()
    };
    let what = format!("{}, {}, {}", text(&name), text(job.schedule), text(job.command));
    let sql = if app_database == cron_database {
        format!("SELECT cron.schedule({what})")
    } else {
        format!("SELECT cron.schedule_in_database({what}, {database})")
    };
    Ok((one(cron, &sql).await?.try_get(0)?, name))
}

/// Whether two commands are the same but for case, white space and the final semicolon.
pub(crate) fn same_command(left: &str, right: &str) -> bool {
    let fold = |text: &str| {
        let words: Vec<&str> =
            text.trim_end_matches(|c: char| c == ';' || c.is_whitespace()).split_whitespace().collect();
        words.join(" ").to_lowercase()
    };
    fold(left) == fold(right)
}

/// A statement that does `act` if `pg_cron` and the job are still there.
fn if_job_is_there(id: i64, act: &str) -> String {
    format!(
        "DO $$ BEGIN IF to_regclass('cron.job') IS NOT NULL THEN \
             IF EXISTS (SELECT 1 FROM cron.job WHERE jobid = {id}) THEN {act}; END IF; END IF; END $$"
    )
}

/// A string constant, safe inside `DO $$ … $$`: no backslash escapes, and no dollar quote can end it.
fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''").replace("$$", "$'||'$");
    format!("'{quoted}'").replace('\\', "'||chr(92)||'")
}

async fn note(app: &mut PgConnection, cron_database: &str, act: &str, undo: &str) -> sqlx::Result<()> {
    let (database, act, undo) = (text(cron_database), text(act), text(undo));
    let sql = format!(
        "WITH noted AS (INSERT INTO refreshtop.schedule_ledger (cron_database, act, undo)
                        VALUES ({database}, {act}, {undo}) RETURNING act)
         SELECT refreshtop.record_act('schedule', 'success', jsonb_build_object('act', act, 'cron_database', {database}))
         FROM noted"
    );
    ask(app, &sql).await?;
    Ok(())
}

/// The name that the server has for the database of `app`: a pooler's may be another one.
///
/// # Errors
/// Only the connection's.
pub async fn current_database(app: &mut PgConnection) -> sqlx::Result<String> {
    one(app, "SELECT current_database()::text").await?.try_get(0)
}

/// Whether this database was migrated far enough for jobs to be noted.
///
/// # Errors
/// Only the connection's.
pub async fn can_be_noted(app: &mut PgConnection) -> sqlx::Result<bool> {
    one(app, "SELECT to_regclass('refreshtop.schedule_ledger') IS NOT NULL").await?.try_get(0)
}

/// One thing that was done to `pg_cron`, and how to undo it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Noted {
    /// Its place in the ledger.
    pub seq: i64,
    /// Database in which to run `undo`.
    pub cron_database: String,
    /// What was done.
    pub act: String,
    /// The statement that undoes it.
    pub undo: String,
}

/// What was done to `pg_cron` on behalf of this database, newest first; nothing where it was never migrated.
///
/// # Errors
/// The server's.
pub async fn noted(app: &mut PgConnection) -> sqlx::Result<Vec<Noted>> {
    if !can_be_noted(app).await? {
        return Ok(Vec::new());
    }
    let sql = "SELECT seq, cron_database::text, act, undo FROM refreshtop.schedule_ledger ORDER BY seq DESC";
    ask(app, sql).await?.iter().map(Noted::from_row).collect()
}

/// Undoes one entry: `cron` is a session in its database, or `None` where that is the application's own.
///
/// # Errors
/// The server's.
pub async fn undo(app: &mut PgConnection, cron: Option<&mut PgConnection>, entry: &Noted) -> sqlx::Result<()> {
    let there = match cron {
        Some(cron) => cron,
        None => &mut *app,
    };
    // Sent together they are one transaction.
    let locked = format!("{}; {}", lock(), entry.undo);
    sqlx::raw_sql(sqlx::AssertSqlSafe(locked)).execute(there).await?;
    ask(app, &format!("DELETE FROM refreshtop.schedule_ledger WHERE seq = {}", entry.seq)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_compared_by_what_they_do() {
        let wanted = JOBS[0].command;
        assert!(same_command("select  public.refresh_platform_metrics_with_logging()", wanted));
        assert!(same_command("SELECT public.refresh_platform_metrics_with_logging() ; \n", wanted));
        assert!(!same_command("REFRESH MATERIALIZED VIEW public.platform_metrics", wanted));
    }

    #[test]
    fn a_literal_survives_quotes_dollars_and_backslashes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert!(!literal("a $$ b").contains("$$"));
        assert_eq!(literal(r"\"), r"''||chr(92)||''");
    }
}
