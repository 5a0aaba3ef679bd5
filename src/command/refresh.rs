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
/// How long a cancelled refresh may take to answer: it still logs which sessions blocked it.
const CANCEL_PATIENCE: Duration = Duration::from_secs(15);

/// How a refresh ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// The function answered.
    Answered(TriggerOutcome),
    /// The server refused with this SQLSTATE, in one sentence.
    Refused(String, String),
    /// This session may not call the function, or it does not exist.
    Untrusted(Refusal),
    /// The session was lost; the log has the outcome, or will have it.
    Lost(String),
}

/// Does `work` on the session; when `cancel` resolves, requests the cancel on the server, and waits on for the answer.
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
                // The answer of `work` shows whether the request came in time; a request that fails changes nothing.
                let cancelling = async {
                    let _ = timeout(CANCEL_LIMIT, canceller.cancel()).await;
                    sleep(CANCEL_PATIENCE).await;
                };
                tokio::select! {
                    ended = &mut work => Ok(ended),
                    () = cancelling => Err(Lost::Silent),
                }
            }
        }
    };
    driver.abort();
    ended?
}

/// Runs a statement that calls `function` and returns JSON as text, if this session may call it.
pub async fn call(client: &Client, function: Thing, sql: &str) -> Result<serde_json::Value, Lost> {
    Trust::of_client(client).await?.allow(function)?;
    Ok(reply(client, sql).await?)
}

/// Runs a statement that gives JSON as text. A simple query: behind a pooler a prepared statement may not exist when it is
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
    /// The function or relation is not trusted, or does not exist.
    Untrusted(Refusal),
    /// The server did not answer after a request to cancel.
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

/// Interprets the answer of a refresh function.
pub fn ended(answer: Result<serde_json::Value, Lost>) -> Ended {
    match answer {
        Ok(reply) => Ended::Answered(trigger::trigger_outcome(reply)),
        Err(Lost::Untrusted(refusal)) => Ended::Untrusted(refusal),
        Err(Lost::Silent) => Ended::Lost("the server did not answer the request to cancel the refresh".into()),
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
