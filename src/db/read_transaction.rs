//! The transaction in which everything is read.

use crate::connect::Limits;
use crate::db::service::{self, ServerFacts};
use crate::db::session::{Error, Result, Row, Session, Transaction};
use crate::db::trust::{PINNED, QUESTION, RIGHTS_NOW, Refusal, Thing};
use futures_util::future::{join, join3};
use std::ops::{Deref, DerefMut};
use tokio_postgres::error::SqlState;

/// One consistent read that changes nothing, and what may be read in it. The functions that read take one: without
/// the gate there is nothing to read by.
#[derive(Debug)]
pub struct ReadTransaction<'a> {
    transaction: Transaction<'a>,
    facts: ServerFacts,
}

/// How a session is asked what it may look at. To plan the whole question takes the server longer than all the rest of a
/// poll.
#[derive(Debug, Clone, Copy)]
pub enum Question<'a> {
    /// All of it.
    Whole,
    /// All of it, which the session then keeps under this name.
    Keep(&'a str),
    /// What it keeps under this name.
    Kept(&'a str),
    /// Whether it is still free to look. One that no longer is may look at nothing this time.
    RightsNow,
}

async fn begin_with(transaction: &Transaction<'_>, begin: &str, question: Question<'_>) -> Result<ServerFacts> {
    let facts = match question {
        Question::Whole | Question::Keep(_) => service::server_facts_query(QUESTION),
        Question::Kept(name) => format!("EXECUTE {name}"),
        Question::RightsNow => service::server_facts_query(RIGHTS_NOW),
    };
    let keep = match question {
        Question::Keep(name) => format!("PREPARE {name} AS {facts}; "),
        _ => String::new(),
    };
    // Every question goes back to the savepoint first: so one that is refused costs nothing but itself.
    let set = format!("{keep}SAVEPOINT question");
    let (begun, facts, set) =
        join3(transaction.run(begin), transaction.query(&facts, &[]), transaction.run(&set)).await;
    begun?;
    let facts = service::server_facts_of(facts?)?;
    set?;
    Ok(facts)
}

impl<'a> ReadTransaction<'a> {
    /// Begins one. One transaction stays on one connection of the server whatever pooler is in between, and brings its
    /// limits along: a pooler may have dropped those of the session, and setting them for longer would limit sessions of
    /// others.
    ///
    /// # Errors
    /// The connection's: any role may look.
    pub async fn begin(session: &'a mut Session) -> Result<Self> {
        Self::begin_asking(session, Question::Whole).await
    }

    /// The same on a session that was asked before.
    ///
    /// # Errors
    /// The connection's: any role may look.
    pub async fn begin_asking(session: &'a mut Session, question: Question<'_>) -> Result<Self> {
        // Answers come as text, which must read the same whatever the role's own settings say.
        let form = [("DateStyle", "ISO, MDY".to_owned()), ("TimeZone", "UTC".to_owned())];
        let settings = Limits::READING.parameters().into_iter().chain(form);
        let settings: Vec<String> = settings.map(|(name, value)| format!("; SET LOCAL {name} = '{value}'")).collect();
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY{}; {PINNED}", settings.concat());
        let transaction = session.start();
        let facts = match begin_with(&transaction, &begin, question).await {
            // A pooler has given us another session.
            Err(Error::Server(failure)) if *failure.code() == SqlState::INVALID_SQL_STATEMENT_NAME => {
                begin_with(&transaction, &format!("ROLLBACK; {begin}"), Question::Whole).await?
            }
            facts => facts?,
        };
        Ok(Self { transaction, facts })
    }

    /// Who and where we are.
    #[must_use]
    pub fn facts(&self) -> &ServerFacts {
        &self.facts
    }

    /// Whether `thing` may be looked at where it is there.
    ///
    /// # Errors
    /// It may not.
    pub fn allow_unless_missing(&self, thing: Thing) -> Result<()> {
        match self.facts.trust.allow(thing) {
            Err(Refusal::Missing(_)) => Ok(()),
            allowed => Ok(allowed?),
        }
    }

    /// Asks a question about `things`, where they may be looked at.
    ///
    /// # Errors
    /// They may not, or the server's.
    pub(super) async fn ask(&self, things: &[Thing], sql: &str) -> Result<Vec<Row>> {
        self.ask_after("", things, sql).await
    }

    /// The same after statements that give nothing.
    ///
    /// # Errors
    /// As for a question.
    pub(super) async fn ask_after(&self, before: &str, things: &[Thing], sql: &str) -> Result<Vec<Row>> {
        let trust = &self.facts.trust;
        trust.allow_all(things)?;
        let before = format!("ROLLBACK TO SAVEPOINT question; {}{before}", trust.hold(things));
        let (held, rows) = join(self.transaction.run(&before), self.transaction.query(sql, &[])).await;
        held.and(rows).map_err(|failure| self.facts.trust.explain(failure))
    }

    /// Asks a question that has at most one answer.
    ///
    /// # Errors
    /// As for a question.
    pub(super) async fn optional(&self, things: &[Thing], sql: &str) -> Result<Option<Row>> {
        Ok(self.ask(things, sql).await?.into_iter().next())
    }

    /// Asks a question that has an answer.
    ///
    /// # Errors
    /// As for a question.
    pub(super) async fn one(&self, things: &[Thing], sql: &str) -> Result<Row> {
        self.optional(things, sql).await?.ok_or(Error::NoRow)
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
