//! Asks the server what a diagnosis needs, and fixes what it found.
//!
//! Every question is one message of the simple protocol: its settings and its query run in one implicit transaction,
//! which reads only and leaves nothing behind, on a standby and behind a pooler that gives sessions away after each
//! transaction as well. Every question can fail by itself.

mod cron;
mod fixing;
mod locks;
mod plan;
mod rights;
mod server;
mod sessions;
mod storage;

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
use refreshtop_core::{
    diagnosis::{Check, Diagnosis, Limits},
    reading::Unavailable,
};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Longest question, but for a plan that is run.
const QUESTION: Duration = Duration::from_secs(5);

/// The view, and every relation that its refresh reads, as `reached(relation)`.
const REACHED: &str = "
    reached(relation) AS (
        SELECT to_regclass('public.platform_metrics')::oid WHERE to_regclass('public.platform_metrics') IS NOT NULL
        UNION
        SELECT next.relation
        FROM reached
        CROSS JOIN LATERAL (
            SELECT d.refobjid
            FROM pg_rewrite r
            JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
            JOIN pg_class c ON c.oid = r.ev_class
            WHERE r.ev_class = reached.relation
              AND (c.relkind = 'v' OR r.ev_class = to_regclass('public.platform_metrics')::oid)
            UNION ALL
            SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = reached.relation
        ) next(relation)
    )";

/// What a diagnosis may do.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// From where on a finding is bad.
    pub limits: Limits,
    /// Run the view's query to measure its plan, for at most this long; `None` only estimates it.
    pub run_plan: Option<Duration>,
}

/// Where to ask `pg_cron`.
#[derive(Debug)]
pub enum CronSession<'a> {
    /// It lives in the application's database, or nowhere.
    Same,
    /// A session in its own database.
    Elsewhere(&'a mut Session),
    /// Its database can't be reached, for this reason.
    Unreachable(String),
}

/// Asks everything. `app` is a session in the application's database, outside a transaction.
pub async fn diagnose(app: &mut Session, cron: CronSession<'_>, options: &Options) -> Diagnosis {
    let role = ask::<String>(app, QUESTION, "SELECT to_jsonb(current_user::text)").await;
    let asker = Asker {
        role: role.unwrap_or_else(|_| "this role".into()),
        // Where that can't be asked, nothing is looked at.
        trust: Trust::of(app).await.unwrap_or_else(|_| Trust::of_nothing()),
    };
    let [migrations, queue, connections, replication, row_security] = server::checks(app, &asker, options).await;
    let [sizes, dead_rows, statistics, unique_index, log_growth, future_rows] =
        storage::checks(app, &asker, options).await;
    let rights::Checks { source_security, roles, installation } = rights::checks(app, &asker).await;
    let [blocking, idle] = locks::checks(app, &asker, options).await;
    let plan = plan::check(app, &asker, options).await;
    let mut checks = vec![migrations];
    checks.extend(installation);
    checks.extend([row_security, unique_index, source_security]);
    checks.extend(cron::checks(app, cron, &asker, options).await);
    checks.extend([blocking, idle, statistics, dead_rows, log_growth, future_rows, sizes, plan]);
    checks.extend([roles, connections, queue, replication]);
    Diagnosis { checks }
}

/// Who asks.
struct Asker {
    role: String,
    trust: Trust,
}

impl Asker {
    /// The one JSON value that a question about `things` gives, where they may be looked at.
    async fn ask<T: DeserializeOwned>(
        &self,
        connection: &mut Session,
        limit: Duration,
        things: &[Thing],
        query: &str,
    ) -> Result<T> {
        value(connection, &self.trust, limit, things, "", query).await
    }

    /// The check that an error of the server leaves.
    fn unknown(&self, id: &'static str, title: &'static str, failure: &Error) -> Check {
        Check::unknown(id, title, &self.why(failure))
    }

    fn why(&self, failure: &Error) -> Unavailable {
        if let Some(Refusal::Stranger(why)) = error::refusal(failure) {
            return Unavailable::new(format!("This is {}.", why.reason), format!("{}.", capitalized(&why.fix)));
        }
        match error::code(failure) {
            Some("55P03") => Unavailable::new(
                "This can't be seen, because somebody holds one of the tables locked.",
                "See under blocked sessions who it is.",
            ),
            Some(error::sqlstate::QUERY_CANCELED) => Unavailable::new(
                "This can't be seen, because the server did not answer in time.",
                "Look again when it is less busy.",
            ),
            _ => {
                let why = error::unavailable("This can't be seen", failure, &self.role);
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

/// The one JSON value that `query` gives. It is about the catalogues, or about `pg_cron`, wherever that lives.
async fn ask<T: DeserializeOwned>(connection: &mut Session, limit: Duration, query: &str) -> Result<T> {
    let things = trust::of_cron(query);
    let trust = if things.is_empty() { Trust::default() } else { Trust::of(connection).await? };
    value(connection, &trust, limit, &things, "", query).await
}

async fn value<T: DeserializeOwned>(
    connection: &mut Session,
    trust: &Trust,
    limit: Duration,
    things: &[Thing],
    before: &str,
    query: &str,
) -> Result<T> {
    trust.allow_all(things)?;
    // Names that come back are written out in full, since nothing else is on the search path.
    let begin = format!(
        "BEGIN READ ONLY; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = 500; SET LOCAL jit = off;
         {SEARCH_PATH}; {}{before}",
        limit.as_millis().clamp(1, 3_600_000),
        trust.hold(things)
    );
    let rows = connection.ask_between(&begin, query, &[]).await.map_err(|failure| trust.explain(failure))?;
    let row = rows.last().ok_or(Error::NoRow)?;
    let text = text(row, 0)?;
    serde_json::from_str(text.as_deref().unwrap_or("null")).map_err(|failure| Error::Decode(failure.to_string()))
}
