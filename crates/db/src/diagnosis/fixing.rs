//! Executes a fix, exactly as it was shown, and leaves a trace of it.

use crate::{
    error::{self, Error, Result},
    refusal::Refusal,
    schedule,
    session::{SEARCH_PATH, Session},
    trust::{Thing, Trust},
};
use refreshtop_core::diagnosis::{Fix, FixKind, literal};
use serde_json::Value;

/// Why a fix failed.
#[derive(Debug, thiserror::Error)]
pub enum FixError {
    /// The session is in another database than the statement is for.
    #[error("nothing was done: the statement is for database {wanted}, but this session is in {found}; diagnose again")]
    Database {
        /// Where it must run.
        wanted: String,
        /// Where it would have run.
        found: String,
    },
    /// The statement ran, but what it was meant for is not there any more, or refused.
    #[error("{0}")]
    Missed(String),
    /// The server refused it.
    #[error("{label} failed: {reason}{advice}")]
    Refused {
        /// What was tried.
        label: String,
        /// The server's words.
        reason: String,
        /// What to do, with a separator before it; empty if there is no advice.
        advice: &'static str,
    },
}

/// Executes `fix` and says in a sentence what came of it. `app` is a session in the application's database, `cron` one
/// in that of `pg_cron` if that is another one; both outside a transaction, which some statements need. The trace goes
/// into `refreshtop.audit`.
pub async fn fix(app: &mut Session, mut cron: Option<&mut Session>, fix: &Fix) -> Result<String, FixError> {
    let mut found = database(app).await.map_err(|failure| refused(fix, &failure))?;
    let elsewhere = found != fix.database;
    if let Some(there) = cron.as_deref_mut().filter(|_| elsewhere) {
        found = database(there).await.map_err(|failure| refused(fix, &failure))?;
    }
    if found != fix.database {
        return Err(FixError::Database { wanted: fix.database.clone(), found });
    }
    let there = cron.filter(|_| elsewhere);
    let value = match there {
        Some(there) => execute(there, fix).await,
        None => execute(app, fix).await,
    };
    let outcome = match value {
        Ok(value) => outcome(fix, value.as_deref()),
        Err(failure) => Err(refused(fix, &failure)),
    };
    let trace = record(app, fix, outcome.is_ok()).await;
    outcome.map(|sentence| match trace {
        Ok(()) => sentence,
        Err(failure) => format!("{sentence} No trace of it could be left: {}.", error::sentence(&failure)),
    })
}

async fn database(connection: &mut Session) -> Result<String> {
    connection.one("SELECT current_database()::text", &[]).await?.try_get(0)
}

/// The first value that the statement gives, as text.
async fn execute(connection: &mut Session, fix: &Fix) -> Result<Option<String>> {
    let (kind, sql) = (fix.kind(), fix.sql());
    Trust::of(connection).await?.allow_all(called(kind))?;
    let sql = match kind {
        // pg_cron would give away the other database's job, so the name must stay free until it is taken.
        FixKind::ScheduleJob => format!("{SEARCH_PATH}; {}; {sql}", schedule::lock()),
        _ if is_call(kind) => format!("{SEARCH_PATH}; {sql}"),
        // A command may refuse to run in a transaction with others, and all its names are written out.
        _ => sql,
    };
    connection.first_value(&sql).await
}

/// Whether the statement is a SELECT that calls functions, not a command.
fn is_call(kind: FixKind) -> bool {
    match kind {
        FixKind::CancelBackend
        | FixKind::TerminateBackend
        | FixKind::CleanUpLog
        | FixKind::Refresh
        | FixKind::ScheduleJob
        | FixKind::AlterJob
        | FixKind::UnscheduleJob => true,
        FixKind::RollbackPrepared
        | FixKind::RenameView
        | FixKind::MoveView
        | FixKind::GrantSelect
        | FixKind::SetSearchPath
        | FixKind::CreateIndex
        | FixKind::DropIndex
        | FixKind::Analyze
        | FixKind::Vacuum
        | FixKind::EnableRowSecurity
        | FixKind::CreateExtension
        | FixKind::RevokeExecute => false,
    }
}

/// What is called by a statement of this kind. The others call PostgreSQL's own, or do their work as the relation's owner.
fn called(kind: FixKind) -> &'static [Thing] {
    match kind {
        FixKind::Refresh => &[Thing::Function("refresh")],
        FixKind::CleanUpLog => &[Thing::Function("cleanup_logs")],
        FixKind::ScheduleJob | FixKind::AlterJob | FixKind::UnscheduleJob => &[Thing::Cron],
        FixKind::CancelBackend
        | FixKind::TerminateBackend
        | FixKind::RollbackPrepared
        | FixKind::RenameView
        | FixKind::MoveView
        | FixKind::GrantSelect
        | FixKind::SetSearchPath
        | FixKind::CreateIndex
        | FixKind::DropIndex
        | FixKind::Analyze
        | FixKind::Vacuum
        | FixKind::EnableRowSecurity
        | FixKind::CreateExtension
        | FixKind::RevokeExecute => &[],
    }
}

/// What the statement's answer means.
fn outcome(fix: &Fix, value: Option<&str>) -> Result<String, FixError> {
    let missed = |text: &str| Err(FixError::Missed(text.to_owned()));
    match (fix.kind(), value) {
        (FixKind::CancelBackend, Some("t")) => Ok("The session was asked to cancel its query.".into()),
        (FixKind::TerminateBackend, Some("t")) => Ok("The session was asked to end.".into()),
        (FixKind::CancelBackend | FixKind::TerminateBackend, _) => {
            missed("nothing was done: that session has ended meanwhile; diagnose again")
        }
        (FixKind::UnscheduleJob, Some("f")) => {
            missed("nothing was done: there is no such job any more; diagnose again")
        }
        (FixKind::ScheduleJob, None) => missed("nothing was done: a job of that name is there now; diagnose again"),
        (FixKind::ScheduleJob, Some(id)) => Ok(format!("Scheduled as job {id}.")),
        (FixKind::CleanUpLog, Some(count)) => Ok(format!("Deleted {count} rows.")),
        (FixKind::Refresh, Some(reply)) => {
            let reply: Value = serde_json::from_str(reply).unwrap_or_default();
            let message =
                reply.get("message").and_then(Value::as_str).unwrap_or("no answer that this version knows").to_owned();
            if reply.get("status").and_then(Value::as_str) == Some("success") {
                Ok(format!("Done: {message}."))
            } else {
                Err(FixError::Missed(format!("the refresh did not succeed: {message}")))
            }
        }
        _ => Ok(format!("Done: {}.", fix.label())),
    }
}

fn refused(fix: &Fix, failure: &Error) -> FixError {
    let advice = match (error::code(failure), fix.kind()) {
        (Some(error::sqlstate::READ_ONLY), _) => "; this server is read-only: fix on its primary",
        (Some(error::sqlstate::INSUFFICIENT_PRIVILEGE), FixKind::CancelBackend | FixKind::TerminateBackend) => {
            "; ask a superuser, or a member of pg_signal_backend if the session is not a superuser's"
        }
        (
            Some(error::sqlstate::INSUFFICIENT_PRIVILEGE),
            FixKind::ScheduleJob | FixKind::AlterJob | FixKind::UnscheduleJob,
        ) => "; ask as the role that the job runs as, or as a superuser",
        (Some(error::sqlstate::INSUFFICIENT_PRIVILEGE), _) => "; ask as the owner, or as a superuser",
        (_, FixKind::CreateIndex) => "; an index that is not valid may be left: diagnose again",
        (Some("55P03" | error::sqlstate::QUERY_CANCELED), _) => {
            "; find the blocking session in the check of blocked sessions, then try again"
        }
        _ => "",
    };
    FixError::Refused { label: fix.label(), reason: error::sentence(failure), advice }
}

/// Records the trace, if this database keeps one. A standby can't write, and keeps none.
async fn record(app: &mut Session, fix: &Fix, done: bool) -> Result<()> {
    let act = Thing::Function("record_act");
    match Trust::of(app).await?.allow(act) {
        Err(Refusal::Missing(_)) => return Ok(()),
        allowed => allowed?,
    }
    let keeps = "SELECT NOT pg_catalog.pg_is_in_recovery() AND EXISTS (
                     SELECT 1 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                     WHERE n.nspname = 'refreshtop' AND p.proname = 'record_act')";
    if !app.one(keeps, &[]).await?.try_get::<bool, _>(0)? {
        return Ok(());
    }
    let sql = format!(
        "SELECT refreshtop.record_act('fix', {}, pg_catalog.jsonb_build_object('label', {}::pg_catalog.text, 'database', \
                {}::pg_catalog.text, 'sql', {}::pg_catalog.text))",
        literal(if done { "success" } else { "error" }),
        literal(&fix.label()),
        literal(&fix.database),
        literal(&fix.sql()),
    );
    app.ask(&sql, &[]).await?;
    Ok(())
}
