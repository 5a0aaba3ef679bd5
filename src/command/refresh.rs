//! A refresh that a command waits for, and can cancel on the server.

use futures_util::StreamExt as _;
use refreshtop_connect::Connected;
use refreshtop_core::refresh::TriggerOutcome;
use refreshtop_db::{
    error,
    refusal::Refusal,
    session::SEARCH_PATH,
    trigger,
    trust::{Thing, Trust},
};
use std::{future::Future, time::Duration};
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, SimpleQueryMessage};

/// Longest request to cancel, connection included.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);
/// How long a cancelled refresh may take to say so: it still notes who was in its way.
const CANCEL_PATIENCE: Duration = Duration::from_secs(15);

/// How a refresh ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// The function answered.
    Answered(TriggerOutcome),
    /// The server refused with this SQLSTATE, in one sentence.
    Refused(String, String),
    /// Its function may not be called by this session, or is not there.
    Untrusted(Refusal),
    /// The session was lost; what became of the refresh is in the log, or will be.
    Lost(String),
}

/// Does `work` on the session; when `cancel` resolves, asks the server to stop it, and goes on waiting for its answer.
pub async fn cancellable<T>(
    connected: Connected,
    work: impl AsyncFnOnce(&Client) -> Result<T, Lost>,
    cancel: impl Future<Output = ()>,
) -> Result<T, Lost> {
    let Connected { client, messages: mut session, canceller, .. } = connected;
    let driver = tokio::spawn(async move { while session.next().await.is_some() {} });
    let ended = {
        let work = work(&client);
        tokio::pin!(work);
        tokio::pin!(cancel);
        tokio::select! {
            biased;
            ended = &mut work => Ok(ended),
            () = &mut cancel => {
                // Its answer tells whether the request came in time; one that fails changes nothing.
                let asked = async {
                    let _ = timeout(CANCEL_LIMIT, canceller.cancel()).await;
                    sleep(CANCEL_PATIENCE).await;
                };
                tokio::select! {
                    ended = &mut work => Ok(ended),
                    () = asked => Err(Lost::Silent),
                }
            }
        }
    };
    driver.abort();
    ended?
}

/// Runs a statement that calls `function`, where this session may, and gives JSON as text.
pub async fn call(client: &Client, function: Thing, sql: &str) -> Result<serde_json::Value, Lost> {
    Trust::of_client(client).await?.allow(function)?;
    Ok(reply(client, sql).await?)
}

/// Runs a statement that gives JSON as text. A simple query: a prepared statement may be gone behind a pooler when it is
/// executed.
async fn reply(client: &Client, sql: &str) -> Result<serde_json::Value, tokio_postgres::Error> {
    let answer = client.simple_query(&format!("{SEARCH_PATH}; {sql}")).await?;
    let text = answer.iter().find_map(|part| match part {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    Ok(text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Lost {
    /// The statement failed, or the session did.
    Failed(tokio_postgres::Error),
    /// What was to be called or read is a stranger's, or is not there.
    Untrusted(Refusal),
    /// The server was asked to cancel and said nothing more.
    Silent,
}

impl From<tokio_postgres::Error> for Lost {
    fn from(failure: tokio_postgres::Error) -> Self {
        Self::Failed(failure)
    }
}

impl From<Refusal> for Lost {
    fn from(refusal: Refusal) -> Self {
        Self::Untrusted(refusal)
    }
}

/// Reads what a refresh function answered.
pub fn ended(answer: Result<serde_json::Value, Lost>) -> Ended {
    match answer {
        Ok(reply) => Ended::Answered(trigger::trigger_outcome(reply)),
        Err(Lost::Untrusted(refusal)) => Ended::Untrusted(refusal),
        Err(Lost::Silent) => Ended::Lost("the server was asked to cancel the refresh and did not answer".into()),
        Err(Lost::Failed(failure)) => match failure.as_db_error() {
            // Class 57P: the session was ended from outside.
            Some(server) if !server.code().code().starts_with("57P") => {
                let code = server.code().code();
                let message = match trigger::refused(code, server.message(), server.hint()) {
                    TriggerOutcome::Refused { message } => message,
                    _ => server.message().to_owned(),
                };
                Ended::Refused(code.to_owned(), message)
            }
            _ => {
                Ended::Lost(format!("the connection was lost during the refresh: {}", error::driver_sentence(&failure)))
            }
        },
    }
}
