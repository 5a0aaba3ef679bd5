//! Sessions for tokio-postgres: the long-lived one, and those whose statements must be cancelled.

use super::{Canceller, ConnectError, Limits, Received, Target, open::open};
use futures_util::{Stream, stream};
use std::pin::Pin;
use tokio_postgres::{AsyncMessage, Client};

/// What the server sends without a request: notifications and notices. It is also the engine of the session: nothing
/// moves unless this is polled. It ends when the session ends, after the reason if there is one.
pub type Messages = Pin<Box<dyn Stream<Item = Result<AsyncMessage, tokio_postgres::Error>> + Send>>;

/// An open session.
pub struct Connected {
    /// For statements.
    pub client: Client,
    /// To be polled all the while; dropping it ends the session.
    pub messages: Messages,
    /// Stops the statement that is running.
    pub canceller: Canceller,
    /// Whether the session is encrypted.
    pub tls: bool,
    /// The target, narrowed down to the very address that was reached: for whatever belongs to this session.
    pub reached: Target,
    /// Whether a pooler refused the session's settings, so that it runs without them. Setting them afterwards would
    /// change sessions of others that share the server's connection.
    pub without_settings: bool,
    /// Grows whenever the server sends something.
    pub received: Received,
    /// Whether the session's user is a superuser, as the server, or a pooler, says.
    pub superuser: bool,
}

/// Opens a session. `purpose` joins its name in `pg_stat_activity`.
///
/// # Errors
/// Why not, and what to do about it.
pub async fn connect(target: &Target, purpose: &str, session: &Limits) -> Result<Connected, ConnectError> {
    let opened = open(target, purpose, session).await?;
    let (canceller, tls, superuser) = (opened.canceller(target), opened.is_encrypted(), opened.is_superuser());
    let (reached, without_settings) = (opened.reached(target), opened.without_settings);
    let (client, mut connection, received) = opened.into_parts();
    let messages: Messages = Box::pin(stream::poll_fn(move |context| connection.poll_message(context)));
    Ok(Connected { client, messages, canceller, tls, reached, without_settings, received, superuser })
}
