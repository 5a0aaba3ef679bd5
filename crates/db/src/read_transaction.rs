//! The transaction in which everything is read.

use crate::{
    error::{Error, Result},
    parameter::Parameter,
    quote::literal,
    refusal::Refusal,
    row::Row,
    server_facts::{self, ServerFacts},
    session::{PINNED, Session, Transaction},
    trust::{self, QUESTION, Thing, Trust},
};
use futures_util::future::{join, join3};
use refreshtop_connect::Limits;
use std::ops::{Deref, DerefMut};
use tokio::sync::SetOnce;
use tokio_postgres::error::SqlState;

/// One consistent read that changes nothing, and what may be read in it. Functions that read need one, so none can skip
/// the check.
#[derive(Debug)]
pub struct ReadTransaction<'a> {
    transaction: Transaction<'a>,
    trust: Trust,
    /// What begins it: a question whose answer has the server's facts. `None` if that was asked already.
    question: Option<String>,
    facts: SetOnce<ServerFacts>,
}

/// What a session may read, as it was at the last read. The server checks that it still holds before anything else is
/// read, in the same round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Assumed {
    /// All that it is permitted to.
    Free,
    /// What this says, by the question that it keeps under the name.
    Kept(Trust, String),
}

impl<'a> ReadTransaction<'a> {
    /// Begins one. One transaction stays on one connection of the server whatever pooler is in between, and sets its
    /// own limits: a pooler may have dropped those of the session, and setting them for longer would limit sessions of
    /// others.
    pub async fn begin(session: &'a mut Session) -> Result<Self> {
        Self::begin_and_keep(session, "").await
    }

    /// The same; `keep` is executed with it.
    pub(super) async fn begin_and_keep(session: &'a mut Session, keep: &str) -> Result<Self> {
        let transaction = session.start();
        let facts = begin_with(&transaction, &server_facts::server_facts_query(QUESTION), keep).await?;
        Ok(Self { transaction, trust: facts.trust.clone(), question: None, facts: SetOnce::new_with(Some(facts)) })
    }

    /// One that begins with the first question, on the assumption that `assumed` still holds: [`Self::begun`] must be
    /// polled before any question, and says whether it does.
    pub(super) fn assume(session: &'a mut Session, assumed: &Assumed) -> Self {
        let (trust, question) = match assumed {
            Assumed::Free => (Trust::default(), server_facts::server_facts_query(&trust::still_free())),
            Assumed::Kept(trust, name) => {
                let answer = trust.answer().map_or_else(|| "NULL".to_owned(), literal);
                (trust.clone(), format!("EXECUTE {name}({answer})"))
            }
        };
        Self { transaction: session.start(), trust, question: Some(question), facts: SetOnce::new() }
    }

    /// Waits until it has begun.
    pub(super) async fn begun(&self) -> Result<()> {
        let Some(question) = &self.question else { return Ok(()) };
        let facts = begin_with(&self.transaction, question, "").await?;
        // Asked for once; a second answer would say the same.
        let _ = self.facts.set(facts);
        Ok(())
    }

    /// The server and this session's role, as soon as it has begun.
    pub async fn facts(&self) -> &ServerFacts {
        self.facts.wait().await
    }

    /// What may be read and called.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Whether `thing` may be read or called, if it exists.
    pub fn allow_unless_missing(&self, thing: Thing) -> Result<()> {
        match self.trust.allow(thing) {
            Err(Refusal::Missing(_)) => Ok(()),
            allowed => Ok(allowed?),
        }
    }

    /// Asks a question about `things`, if they may be read.
    pub(super) async fn ask(&self, things: &[Thing], sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        self.ask_after("", things, sql, parameters).await
    }

    /// The same after statements that return nothing.
    pub(super) async fn ask_after(
        &self,
        before: &str,
        things: &[Thing],
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>> {
        self.trust.allow_all(things)?;
        let before = format!("ROLLBACK TO SAVEPOINT question; {}{before}", self.trust.hold(things));
        let (held, rows) = join(self.transaction.run(&before), self.transaction.query(sql, parameters)).await;
        held.and(rows).map_err(|failure| self.trust.explain(failure))
    }

    /// Asks a question that has at most one answer.
    pub(super) async fn optional(
        &self,
        things: &[Thing],
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Option<Row>> {
        Ok(self.ask(things, sql, parameters).await?.into_iter().next())
    }

    /// Asks a question that has an answer.
    pub(super) async fn one(&self, things: &[Thing], sql: &str, parameters: &[Parameter<'_>]) -> Result<Row> {
        self.optional(things, sql, parameters).await?.ok_or(Error::NoRow)
    }

    /// Ends it. Nothing is waited for: what was only read need not last.
    pub fn end(self) {
        drop(self.transaction);
    }
}

impl Deref for ReadTransaction<'_> {
    type Target = Session;

    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}

impl DerefMut for ReadTransaction<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.transaction
    }
}

/// What PREPARE keeps under `name`, for [`Assumed::Kept`].
pub(super) fn keep(name: &str) -> String {
    let question = server_facts::server_facts_query(&trust::still_the_same());
    format!("PREPARE {name} (pg_catalog.text) AS {question}; ")
}

/// Whether `failure` means that what was assumed does not hold: the session's rights have changed, or a pooler has
/// given us another session.
pub(super) fn is_refuted(failure: &Error) -> bool {
    let gone = |failure: &Error| match failure {
        Error::Server(server) => *server.code() == SqlState::INVALID_SQL_STATEMENT_NAME,
        _ => false,
    };
    trust::has_changed(failure) || gone(failure)
}

async fn begin_with(transaction: &Transaction<'_>, question: &str, keep: &str) -> Result<ServerFacts> {
    // Answers come as text, which must read the same whatever the role's own settings say.
    let form = [("DateStyle", "ISO, MDY".to_owned()), ("TimeZone", "UTC".to_owned())];
    let settings = Limits::READING.parameters().into_iter().chain(form);
    let settings: Vec<String> = settings.map(|(name, value)| format!("; SET LOCAL {name} = '{value}'")).collect();
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY{}; {PINNED}", settings.concat());
    // Every question goes back to the savepoint first: so one that is refused costs nothing but itself. If there is
    // none, the server answers nothing.
    let set = format!("{keep}SAVEPOINT question");
    let (begun, facts, set) =
        join3(transaction.run(&begin), transaction.query(question, &[]), transaction.run(&set)).await;
    begun?;
    let facts = server_facts::server_facts_of(facts?)?;
    set?;
    Ok(facts)
}
