//! The transaction of a migration: how it is opened, how its steps run, and as whom it writes.

use super::{Applied, MigrateError};
use crate::{
    error::{self, Error, Result},
    parameter::Parameter,
    session::{Session, Transaction},
};
use futures_util::future::join3;
use std::fmt::Write as _;

pub(super) const ENTER: &str = include_str!("enter.sql");
pub(super) const LEAVE: &str = include_str!("leave.sql");
pub(super) const LEAVE_ROLES: &str = include_str!("leave_roles.sql");
pub(super) const FORGET_ROLES: &str = include_str!("forget_roles.sql");

/// A migration up or down that has done everything but the commit. Dropped, it is rolled back.
#[derive(Debug)]
pub struct Pending<'c, T> {
    /// What it did.
    pub done: T,
    pub(super) transaction: Transaction<'c>,
}

impl<T> Pending<'_, T> {
    /// The session, inside the transaction.
    pub fn connection(&mut self) -> &mut Session {
        &mut self.transaction
    }

    /// Makes it last.
    pub async fn commit(self) -> Result<T, MigrateError> {
        self.transaction.commit().await?;
        Ok(self.done)
    }

    /// Takes it back.
    pub async fn rollback(self) -> Result<T, MigrateError> {
        self.transaction.rollback().await?;
        Ok(self.done)
    }
}

/// Begins the transaction. How strings are read must be settled before the next statement is sent.
pub(super) const BEGIN: &str = "\
SET LOCAL transaction_read_only = off; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '30s';
SET LOCAL client_min_messages = warning; SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL standard_conforming_strings = on";

/// Waits until no other migration runs in this database.
pub(super) const LOCK: &str = "SELECT pg_advisory_xact_lock(1919317104, 0)";

pub(super) async fn begin(connection: &mut Session) -> Result<Transaction<'_>> {
    let transaction = connection.begin().await?;
    // Filling the view for the first time may take long, and a table may be locked, so the limits of a poll don't apply
    // here. With nothing else on the search path every name is ours or PostgreSQL's.
    transaction.run(BEGIN).await?;
    transaction.ask(LOCK, &[]).await?;
    Ok(transaction)
}

pub(super) async fn run(transaction: &mut Session, sql: &str, version: Option<i64>) -> Result<(), MigrateError> {
    match transaction.run(sql).await {
        Ok(()) => Ok(()),
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
pub(super) fn failed_sentence(failure: &Error) -> String {
    let server = error::server_error(failure);
    let hint = server.and_then(|server| server.hint().map(ToOwned::to_owned));
    let mut sentence = error::sentence(failure);
    if let Some(hint) = hint.filter(|hint| !sentence.contains(hint)) {
        let _ = write!(sentence, "; {hint}");
    }
    let ours = ["pg_temp", "refreshtop", "inline_code_block"];
    let context = server.and_then(|server| server.where_()).unwrap_or_default();
    let theirs = context.lines().filter(|line| line.contains(" function "));
    if let Some(line) = theirs.into_iter().find(|line| !ours.iter().any(|name| line.contains(name))) {
        let _ = write!(sentence, "; in {line}");
    }
    sentence
}

/// Names the event trigger whose function failed.
pub(super) fn blame(failure: MigrateError, triggers: &[String]) -> MigrateError {
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

/// Writes into our own tables as the role that they belong to, between [`ENTER`] and [`LEAVE_ROLES`]: the migrating
/// role may be a superuser, and need not act as one here.
pub(super) async fn as_owner(transaction: &mut Session, sql: &str) -> Result<()> {
    transaction.run(&owned(sql)).await?;
    Ok(())
}

/// `sql` with what makes it run as that role.
pub(super) fn owned(sql: &str) -> String {
    format!(
        "SELECT set_config('role', current_setting('refreshtop.role_owner'), true); {sql};
         SELECT set_config('role', current_setting('refreshtop.role_before'), true)"
    )
}

/// The same of one statement with values.
pub(super) async fn write_as_owner(transaction: &Session, sql: &str, parameters: &[Parameter<'_>]) -> Result<()> {
    let become_owner = "SELECT set_config('role', current_setting('refreshtop.role_owner'), true)";
    let go_back = "SELECT set_config('role', current_setting('refreshtop.role_before'), true)";
    let (became, written, went_back) =
        join3(transaction.run(become_owner), transaction.query(sql, parameters), transaction.run(go_back)).await;
    became?;
    written?;
    went_back
}

/// Event triggers of others, which run inside our statements and may fail them.
pub(super) async fn event_triggers(connection: &mut Session) -> Result<Vec<String>> {
    let sql = "SELECT format('event trigger %I runs function %s', t.evtname, t.evtfoid::regprocedure)
               FROM pg_event_trigger t WHERE t.evtenabled IN ('O', 'A') ORDER BY 1";
    connection.ask(sql, &[]).await?.iter().map(|row| row.try_get(0)).collect()
}

pub(super) async fn record(connection: &mut Session, act: &str, done: &Applied) -> Result<()> {
    let repaired: Vec<&str> = done.repaired.iter().map(String::as_str).collect();
    let sql = "INSERT INTO refreshtop.audit (action, outcome, caller, login_role, application_name, client_addr, detail)
         VALUES ($1, 'success', coalesce(nullif(current_setting('refreshtop.role_before'), 'none'), session_user), session_user,
                 left(current_setting('application_name'), 200), inet_client_addr(),
                 jsonb_build_object('steps', $2, 'repaired', $3))";
    let parameters = [Parameter::Text(act), Parameter::Numbers(&done.versions), Parameter::Texts(&repaired)];
    write_as_owner(connection, sql, &parameters).await
}
