//! A session with a server: statements, transactions and rows.
//!
//! A question goes out by the extended protocol with an unnamed statement, whose parse, bind and execute are sent at once:
//! parameters need no quoting, and a pooler that gives the server's connection to somebody else after each transaction
//! does no harm. Statements that are polled together share a round trip, in the order in which they were first polled.

use crate::{
    error::{self, Error, Result},
    parameter::Parameter,
    row::Row,
};
use futures_util::{FutureExt as _, StreamExt as _, future::join3};
use refreshtop_connect::{Canceller, ConnectError, Limits, Received, Target};
use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, OnceLock},
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_postgres::{AsyncMessage, Client, Notification, SimpleQueryMessage, types::ToSql};

/// What keeps a stranger's functions and operators out of a statement's names.
pub const SEARCH_PATH: &str = "SET LOCAL search_path = pg_catalog, pg_temp";

/// The same for a whole transaction, and how its later statements read strings.
pub const PINNED: &str = "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL standard_conforming_strings = on";

/// An open session.
pub struct Session {
    client: Client,
    /// Moves the session along; ends when the client is dropped.
    driver: JoinHandle<()>,
    /// The server's message when it ended the session by itself.
    ended: Arc<OnceLock<Error>>,
    /// Set when the session ends.
    over: watch::Receiver<bool>,
    /// Transactions that are open, each but the first a savepoint.
    depth: u32,
    canceller: Canceller,
    received: Received,
    reached: Target,
    superuser: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("depth", &self.depth).finish_non_exhaustive()
    }
}

impl Session {
    /// Opens one. `purpose` joins its name in `pg_stat_activity`.
    pub async fn open(target: &Target, purpose: &str, limits: &Limits) -> Result<Self, ConnectError> {
        Self::open_listening(target, purpose, limits, |_| {}).await
    }

    /// The same; what arrives on channels goes to `notified`, which must not block.
    pub async fn open_listening(
        target: &Target,
        purpose: &str,
        limits: &Limits,
        mut notified: impl FnMut(Notification) + Send + 'static,
    ) -> Result<Self, ConnectError> {
        let connected = refreshtop_connect::connect(target, purpose, limits).await?;
        let ended = Arc::new(OnceLock::new());
        let (set_over, over) = watch::channel(false);
        let (mut messages, said) = (connected.messages, Arc::clone(&ended));
        let driver = tokio::spawn(async move {
            // A pending answer fails when the stream is dropped, so the reason must be set before.
            while let Some(message) = messages.next().await {
                match message {
                    Ok(AsyncMessage::Notification(notification)) => notified(notification),
                    // Notices, and whatever the protocol may add.
                    Ok(_) => {}
                    Err(failure) => {
                        let _ = said.set(Error::from_driver(&failure));
                        break;
                    }
                }
            }
            let _ = set_over.send(true);
        });
        Ok(Self {
            client: connected.client,
            driver,
            ended,
            over,
            depth: 0,
            canceller: connected.canceller,
            received: connected.received,
            reached: connected.reached,
            superuser: connected.superuser,
        })
    }

    /// Grows whenever the server sends something.
    pub fn received(&self) -> Received {
        self.received.clone()
    }

    /// Whether its user is a superuser, as the server, or a pooler, reported: good for a guess.
    pub fn is_superuser(&self) -> bool {
        self.superuser
    }

    /// The very address that was reached.
    pub fn reached(&self) -> &Target {
        &self.reached
    }

    /// Waits until the session is over, and returns why. Waiting does not borrow it.
    pub fn over(&self) -> impl Future<Output = Error> + Send + use<> {
        let (mut over, ended) = (self.over.clone(), Arc::clone(&self.ended));
        async move {
            // A driver that is gone is over as well.
            let _ = over.wait_for(|over| *over).await;
            ended.get().cloned().unwrap_or_else(|| Error::Lost("the server closed the connection".into()))
        }
    }

    /// The process of the server that serves it.
    pub async fn pid(&self) -> Result<i32> {
        self.one("SELECT pg_catalog.pg_backend_pid()", &[]).await?.try_get(0)
    }

    /// What stops the statement that is running.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Whether the session is lost.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Whether a transaction is open.
    fn is_in_transaction(&self) -> bool {
        self.depth > 0
    }

    fn explain(&self, failure: &tokio_postgres::Error) -> Error {
        match Error::from_driver(failure) {
            Error::Lost(reason) => self.ended.get().cloned().unwrap_or(Error::Lost(reason)),
            other => other,
        }
    }

    /// Executes statements that give nothing, separated by semicolons.
    pub async fn run(&self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(|failure| self.explain(&failure))
    }

    /// Executes one statement as it is: outside a transaction the session's own search path decides what its names mean.
    pub async fn query(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        let typed: Vec<_> = parameters.iter().map(|value| (value as &(dyn ToSql + Sync), value.kind())).collect();
        let rows = self.client.query_typed(sql, &typed).await.map_err(|failure| self.explain(&failure))?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// Asks one question, in one round trip. Inside a transaction a refusal costs the question only, not what comes after
    /// it.
    pub async fn ask(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        self.ask_after("", sql, parameters).await
    }

    /// The same after statements that give nothing.
    pub async fn ask_after(&self, before: &str, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        if !self.is_in_transaction() {
            // The database's own setting may put a stranger's functions and operators before PostgreSQL's.
            return self.ask_between(&format!("BEGIN; {PINNED}; {before}"), sql, parameters).await;
        }
        let begin = format!("SAVEPOINT part; {before}");
        let (begun, rows, released) =
            join3(self.run(&begin), self.query(sql, parameters), self.run("RELEASE SAVEPOINT part")).await;
        match begun.and(rows) {
            // What ends the session, or all of a read, leaves nothing to go back to.
            Err(failure @ Error::Server(_)) if !error::fails_all(&failure) => {
                self.run("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part").await?;
                Err(failure)
            }
            Err(failure) => Err(failure),
            Ok(rows) => released.map(|()| rows),
        }
    }

    /// Asks one question in a transaction of its own, which `begin` opens, in one round trip.
    pub async fn ask_between(&self, begin: &str, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        // A transaction that has failed is rolled back by its COMMIT.
        let (begun, rows, committed) = join3(self.run(begin), self.query(sql, parameters), self.run("COMMIT")).await;
        begun?;
        let rows = rows?;
        committed?;
        Ok(rows)
    }

    /// Executes statements, separated by semicolons: the first value that they give, as text.
    pub async fn first_value(&self, sql: &str) -> Result<Option<String>> {
        let answer = self.client.simple_query(sql).await.map_err(|failure| self.explain(&failure))?;
        let row = answer.iter().find_map(|part| match part {
            SimpleQueryMessage::Row(row) if !row.is_empty() => Some(row),
            _ => None,
        });
        Ok(row.and_then(|row| row.get(0)).map(ToOwned::to_owned))
    }

    /// Asks a question that has at most one answer.
    pub async fn optional(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Option<Row>> {
        Ok(self.ask(sql, parameters).await?.into_iter().next())
    }

    /// Asks a question that has an answer.
    pub async fn one(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Row> {
        self.optional(sql, parameters).await?.ok_or(Error::NoRow)
    }

    /// A transaction that the caller opens with the first statement that it sends.
    pub(super) fn start(&mut self) -> Transaction<'_> {
        self.depth += 1;
        Transaction { session: self, open: true }
    }

    /// Opens a transaction; inside another one, a savepoint.
    pub async fn begin(&mut self) -> Result<Transaction<'_>> {
        self.begin_with("BEGIN").await
    }

    /// The same; `begin` opens the outermost one, and may say more.
    pub async fn begin_with(&mut self, begin: &str) -> Result<Transaction<'_>> {
        let savepoint = format!("SAVEPOINT refreshtop_{}", self.depth);
        // Dropped while it waits, it is rolled back as well.
        let transaction = self.start();
        transaction.run(if transaction.depth == 1 { begin } else { &savepoint }).await?;
        Ok(transaction)
    }

    /// Ends the session politely.
    pub async fn close(self) -> Result<()> {
        drop(self.client);
        let _ = self.driver.await;
        Ok(())
    }
}

/// A transaction. Dropped, it is rolled back.
#[derive(Debug)]
pub struct Transaction<'a> {
    session: &'a mut Session,
    open: bool,
}

impl Transaction<'_> {
    /// Makes it last.
    pub async fn commit(mut self) -> Result<()> {
        let sql = match self.depth {
            1 => "COMMIT".to_owned(),
            depth => format!("RELEASE SAVEPOINT refreshtop_{}", depth - 1),
        };
        self.end(&sql).await
    }

    /// Takes it back.
    pub async fn rollback(mut self) -> Result<()> {
        let sql = self.rollback_sql();
        self.end(&sql).await
    }

    fn rollback_sql(&self) -> String {
        match self.depth {
            1 => "ROLLBACK".to_owned(),
            depth => {
                let name = depth - 1;
                format!("ROLLBACK TO SAVEPOINT refreshtop_{name}; RELEASE SAVEPOINT refreshtop_{name}")
            }
        }
    }

    async fn end(&mut self, sql: &str) -> Result<()> {
        let ended = self.session.run(sql).await;
        self.open = false;
        self.session.depth -= 1;
        ended
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open {
            // Polled once, the statement is on its way; nobody needs to wait for its answer.
            let sql = self.rollback_sql();
            let _ = self.session.run(&sql).now_or_never();
            self.session.depth -= 1;
        }
    }
}

impl Deref for Transaction<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        self.session
    }
}
