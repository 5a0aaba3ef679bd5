//! Work on a session of its own that can be cancelled on the server.

use crate::{
    refusal::Refusal,
    session::SEARCH_PATH,
    trust::{Thing, Trust},
};
use futures_util::{Stream, StreamExt as _};
use refreshtop_connect::{Canceller, Connected};
use std::{pin::pin, time::Duration};
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, SimpleQueryMessage};

/// Longest request to cancel, connection included.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);
/// How long cancelled work may take to answer: a refresh still logs which sessions blocked it.
const CANCEL_PATIENCE: Duration = Duration::from_secs(15);

/// Why there is no answer.
#[derive(Debug)]
pub enum Lost {
    /// The statement failed, or the session did.
    Failed(tokio_postgres::Error),
    /// The function or relation is not trusted, or does not exist.
    Untrusted(Refusal),
    /// The server did not answer after the last request to cancel.
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

/// Does `work` on the session. At each item of `cancels` it requests the cancel on the server, and waits on for the
/// answer, which shows whether the request came in time.
///
/// # Errors
/// What `work` returns, or [`Lost::Silent`] 15 s after the last request.
pub async fn cancellable<T>(
    connected: Connected,
    work: impl AsyncFnOnce(&Client) -> Result<T, Lost>,
    cancels: impl Stream<Item = ()>,
) -> Result<T, Lost> {
    let Connected { client, messages: mut session, canceller, .. } = connected;
    let driver = tokio::spawn(async move { while session.next().await.is_some() {} });
    let ended = tokio::select! {
        biased;
        ended = work(&client) => ended,
        () = cancel_until_silent(&canceller, cancels) => Err(Lost::Silent),
    };
    driver.abort();
    ended
}

/// Ends when the last request to cancel has had no effect for [`CANCEL_PATIENCE`]; never, if there was no request.
async fn cancel_until_silent(canceller: &Canceller, cancels: impl Stream<Item = ()>) {
    let mut cancels = pin!(cancels.fuse());
    let mut requested = cancels.next().await;
    while requested.is_some() {
        // A request that fails changes nothing, and can be repeated.
        let _ = timeout(CANCEL_LIMIT, canceller.cancel()).await;
        requested = tokio::select! {
            // Once there are no more, only the time is left.
            Some(again) = cancels.next() => Some(again),
            () = sleep(CANCEL_PATIENCE) => return,
        };
    }
    std::future::pending::<()>().await;
}

/// Runs statements that call `functions`, the last of which returns JSON as text, if this session may call them.
///
/// # Errors
/// A function is not trusted, or a statement failed.
pub async fn call(client: &Client, functions: &[Thing], sql: &str) -> Result<serde_json::Value, Lost> {
    Trust::of_client(client).await?.allow_all(functions)?;
    // A simple query: behind a pooler a prepared statement may be gone when it is executed.
    let answer = client.simple_query(&format!("{SEARCH_PATH}; {sql}")).await?;
    // The last row: statements that prepare the call may give rows, too.
    let text = answer.iter().rev().find_map(|part| match part {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    Ok(text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
}
