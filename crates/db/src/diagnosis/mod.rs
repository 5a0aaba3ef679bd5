//! Asks the server what a diagnosis needs, and fixes what it found.
//!
//! Every question is a transaction of its own, which reads only and leaves nothing behind, on a standby and behind a pooler
//! that gives sessions away after each transaction as well. Every question can fail by itself. Questions that don't depend
//! on each other's answers are polled together, and so share a round trip.

mod attempts;
mod cron;
mod fixing;
mod jobs;
mod locks;
mod plan;
mod rights;
mod server;
mod sessions;
mod storage;
mod subject;
mod target;
mod view;

pub(crate) use cron::FUNCTIONS;

pub use fixing::{FixError, fix};
pub use sessions::{OpenError, Sessions};

use crate::{
    error::{self, Error, Result},
    refusal::Refusal,
    row::text,
    session::{SEARCH_PATH, Session},
    trust::{self, Thing, Trust},
};
use futures_util::future::{join, join_all};
use refreshtop_core::{
    address::ViewId,
    diagnosis::{Check, Diagnosis, Limits},
    reading::Unavailable,
};
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::sync::SetOnce;

/// Longest question, but for a plan that is run.
const LIMIT: Duration = Duration::from_secs(5);

/// What a diagnosis may do.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// Limits from which on a finding is bad.
    pub limits: Limits,
    /// Run the view's query to measure its plan, for at most this long; `None` only estimates it.
    pub run_plan: Option<Duration>,
}

/// Where to ask `pg_cron`.
#[derive(Debug)]
pub enum CronSession<'a> {
    /// It is in the application's database, or nowhere.
    Same,
    /// A session in its own database.
    Elsewhere(&'a mut Session),
    /// Its database can't be reached, for this reason.
    Unreachable(String),
}

/// Asks everything about the server and the installation, and about each of `views`. `app` is a session in the
/// application's database, outside a transaction.
pub async fn diagnose(app: &mut Session, session: CronSession<'_>, views: &[ViewId], options: &Options) -> Diagnosis {
    let asker = Asker::new(app);
    // Boxed, since together they are larger than a thread's stack bears.
    let (
        (),
        [migrations, queue, connections, replication, row_security],
        [log_growth, future_rows],
        rights::Checks { roles, installation },
        cron,
        views,
    ) = tokio::join!(
        Box::pin(asker.find_out()),
        Box::pin(server::checks(&asker, options)),
        Box::pin(storage::log_checks(&asker)),
        Box::pin(rights::checks(&asker)),
        Box::pin(cron::look(&asker, session)),
        Box::pin(join_all(views.iter().map(|view| Box::pin(view::facts(&asker, view, options))))),
    );
    let mut checks = vec![migrations];
    checks.extend(installation);
    checks.push(row_security);
    checks.extend(cron.of_server(&asker, options).await);
    let has_platform_metrics = asker.has_platform_metrics().await;
    for view in views.iter().filter(|view| has_platform_metrics || !view.is_own()) {
        checks.extend(view.checks(&asker, &cron, options).await);
    }
    checks.extend([log_growth, future_rows, roles, connections, queue, replication]);
    Diagnosis { checks }
}

/// Who asks in the application's database.
struct Asker<'a> {
    app: &'a Session,
    /// The role, and what it may look at: known once [`Self::find_out`] has ended, which must be polled with the questions.
    known: SetOnce<(String, Trust)>,
    /// Whether `platform_metrics` is installed, or should be: known once the steps have been read.
    platform_metrics: SetOnce<bool>,
}

impl<'a> Asker<'a> {
    fn new(app: &'a Session) -> Self {
        Self { app, known: SetOnce::new(), platform_metrics: SetOnce::new() }
    }

    async fn find_out(&self) {
        let role = self.catalog::<String>("SELECT to_jsonb(current_user::text)");
        let (role, trust) = join(role, Trust::of(self.app)).await;
        let role = role.unwrap_or_else(|_| "this role".into());
        // If what may be looked at can't be asked, nothing is looked at. Asked for once; nobody else sets it.
        let _ = self.known.set((role, trust.unwrap_or_else(|_| Trust::of_nothing())));
    }

    /// Whether `platform_metrics` is installed, or should be. Waits for [`server::checks`].
    async fn has_platform_metrics(&self) -> bool {
        *self.platform_metrics.wait().await
    }

    async fn role(&self) -> &str {
        &self.known.wait().await.0
    }

    async fn trust(&self) -> &Trust {
        &self.known.wait().await.1
    }

    /// The one JSON value that a question gives. One about the catalogues alone needs no leave, and waits for none.
    async fn ask<T: DeserializeOwned>(&self, question: &Question<'_>) -> Result<T> {
        if question.things.is_empty() {
            return value(self.app, &Trust::default(), question).await;
        }
        value(self.app, self.trust().await, question).await
    }

    /// The same of a question about `pg_cron`, by functions of ours or without them.
    async fn about_cron<T: DeserializeOwned>(&self, query: &str) -> Result<T> {
        self.ask(&Question::about(&trust::of_cron(query), query)).await
    }

    /// The same of a question about the catalogues alone.
    async fn catalog<T: DeserializeOwned>(&self, query: &str) -> Result<T> {
        self.ask(&Question::new(query)).await
    }

    /// The check that an error of the server leaves.
    async fn unknown(&self, id: &'static str, title: &'static str, failure: &Error) -> Check {
        Check::unknown(id, title, &self.why(failure).await)
    }

    async fn why(&self, failure: &Error) -> Unavailable {
        if let Some(Refusal::Stranger(why)) = error::refusal(failure) {
            return Unavailable::new(format!("This is {}.", why.reason), format!("{}.", capitalized(&why.fix)));
        }
        match error::code(failure) {
            Some("55P03") => Unavailable::new(
                "This can't be seen, because a session has locked one of the tables.",
                "The check of blocked sessions shows which session it is.",
            ),
            Some(error::sqlstate::QUERY_CANCELED) => Unavailable::new(
                "This can't be seen, because the server did not answer in time.",
                "Try again when it is less busy.",
            ),
            _ => {
                let why = error::unavailable("This can't be seen", failure, self.role().await);
                Unavailable::new(format!("{}.", why.reason), why.fix)
            }
        }
    }
}

/// The same words as a sentence.
fn capitalized(words: &str) -> String {
    let mut characters = words.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// A question, and what it needs.
struct Question<'a> {
    query: &'a str,
    /// What it reads or calls beside the catalogues.
    things: Vec<Thing>,
    /// Statements that go before it in the same transaction, and give nothing.
    before: &'a str,
    /// For how long it may run.
    limit: Duration,
}

impl<'a> Question<'a> {
    /// One about the catalogues alone.
    fn new(query: &'a str) -> Self {
        Self { query, things: Vec::new(), before: "", limit: LIMIT }
    }

    /// One about `things`.
    fn about(things: &[Thing], query: &'a str) -> Self {
        Self { things: things.to_vec(), ..Self::new(query) }
    }
}

/// The one JSON value that a question gives, if `trust` lets it be asked.
async fn value<T: DeserializeOwned>(session: &Session, trust: &Trust, question: &Question<'_>) -> Result<T> {
    trust.allow_all(&question.things)?;
    // Names that come back are written out in full, since nothing else is on the search path.
    let begin = format!(
        "BEGIN READ ONLY; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = 500; SET LOCAL jit = off;
         SET LOCAL quote_all_identifiers = off; {SEARCH_PATH}; {}{}",
        question.limit.as_millis().clamp(1, 3_600_000),
        trust.hold(&question.things),
        question.before
    );
    let rows = session.ask_between(&begin, question.query, &[]).await.map_err(|failure| trust.explain(failure))?;
    let row = rows.last().ok_or(Error::NoRow)?;
    let text = text(row, 0)?;
    serde_json::from_str(text.as_deref().unwrap_or("null")).map_err(|failure| Error::Decode(failure.to_string()))
}
