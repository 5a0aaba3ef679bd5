//! The log-in: start-up message, authentication, and what the server says of the session that it opens.
//!
//! Done here, since the driver does not have all of libpq's rules.

use super::{rules::ChannelBinding, secure::Stream};
use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::{
    authentication::{
        md5_hash,
        sasl::{self, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256},
    },
    message::{
        backend::{ErrorFields, Message},
        frontend,
    },
};
use std::{collections::BTreeMap, io};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Longest message that a server may send before the session is open; its error messages are shorter.
const LONGEST_MESSAGE: usize = 1 << 20;
/// Most bytes that it may send before the session is open.
const MOST_BYTES: usize = 4 << 20;

/// Who logs in, and how.
pub(super) struct Credentials<'a> {
    /// Role.
    pub user: &'a str,
    /// Its password, where one is known.
    pub password: Option<&'a str>,
    /// Whether the log-in must be bound to the TLS session.
    pub channel_binding: ChannelBinding,
}

/// A session that is open.
pub(super) struct Session {
    /// To the server.
    pub stream: Stream,
    /// Every message from the end of the authentication to the server's being ready, as it was sent.
    pub said: Vec<u8>,
    /// What it said of its settings.
    pub parameters: BTreeMap<String, String>,
    /// Process and key by which the session's statement can be cancelled; zero where it gave none.
    pub key: (i32, i32),
}

/// Why there is no session.
#[derive(Debug)]
pub(super) enum LoginError {
    /// The server said no.
    Server(ServerError),
    /// The stream broke, or the server spoke another language.
    Io(io::Error),
    /// It wants a password and none is known.
    PasswordMissing,
    /// It wants a way to log in that is not supported, or that the rules forbid; says which.
    Method(String),
}

impl From<io::Error> for LoginError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// An error as the server sent it. Its text is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ServerError {
    /// SQLSTATE.
    pub code: String,
    /// What it said.
    pub message: String,
    /// Its own name for the place, in no language.
    pub routine: Option<String>,
}

impl ServerError {
    pub(super) fn read(mut fields: ErrorFields<'_>) -> io::Result<Self> {
        let mut error = Self::default();
        while let Some(field) = fields.next()? {
            let value = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => error.code = value,
                b'M' => error.message = value,
                b'R' => error.routine = Some(value),
                _ => {}
            }
        }
        Ok(error)
    }
}

/// Logs in on `stream`. `parameters` are those of the start-up message, beside the role.
pub(super) async fn log_in(
    stream: Stream,
    credentials: &Credentials<'_>,
    parameters: &[(String, String)],
) -> Result<Session, LoginError> {
    let mut talk = Talk { stream, taken: 0 };
    let start = std::iter::once(("user", credentials.user))
        .chain(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    talk.send(|buf| frontend::startup_message(start, buf)).await?;
    authenticate(&mut talk, credentials).await?;
    until_ready(talk).await
}

/// The stream, message by message.
struct Talk {
    stream: Stream,
    /// Bytes taken so far.
    taken: usize,
}

impl Talk {
    async fn send(&mut self, write: impl FnOnce(&mut BytesMut) -> io::Result<()>) -> io::Result<()> {
        let mut buf = BytesMut::new();
        write(&mut buf)?;
        self.stream.write_all(&buf).await?;
        self.stream.flush().await
    }

    /// The next message, and as it was sent.
    async fn next(&mut self) -> io::Result<(Message, BytesMut)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let body = length.checked_sub(4).filter(|body| *body <= LONGEST_MESSAGE);
        let Some(body) = body.filter(|body| self.taken + body <= MOST_BYTES) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no PostgreSQL server, or a broken one"));
        };
        self.taken += body + head.len();
        let mut bytes = BytesMut::zeroed(head.len() + body);
        bytes[..head.len()].copy_from_slice(&head);
        self.stream.read_exact(&mut bytes[head.len()..]).await?;
        let message = Message::parse(&mut bytes.clone())?;
        message.map(|message| (message, bytes)).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The next message that is no notice.
    async fn next_telling(&mut self) -> Result<(Message, BytesMut), LoginError> {
        loop {
            match self.next().await? {
                (Message::ErrorResponse(body), _) => return Err(LoginError::Server(ServerError::read(body.fields())?)),
                (Message::NoticeResponse(_), _) => {}
                other => return Ok(other),
            }
        }
    }
}

/// Answers what the server asks until it is satisfied.
async fn authenticate(talk: &mut Talk, credentials: &Credentials<'_>) -> Result<(), LoginError> {
    let bound = credentials.channel_binding == ChannelBinding::Require;
    let password = || credentials.password.ok_or(LoginError::PasswordMissing);
    match talk.next_telling().await?.0 {
        Message::AuthenticationOk if bound => return Err(unbound("lets us in without a log-in")),
        Message::AuthenticationOk => return Ok(()),
        Message::AuthenticationCleartextPassword | Message::AuthenticationMd5Password(_) if bound => {
            return Err(unbound("asks for the password itself or its MD5"));
        }
        Message::AuthenticationCleartextPassword => {
            let password = password()?;
            talk.send(|buf| frontend::password_message(password.as_bytes(), buf)).await?;
        }
        Message::AuthenticationMd5Password(body) => {
            let hash = md5_hash(credentials.user.as_bytes(), password()?.as_bytes(), body.salt());
            talk.send(|buf| frontend::password_message(hash.as_bytes(), buf)).await?;
        }
        Message::AuthenticationSasl(body) => {
            let offered: Vec<String> = body.mechanisms().map(|name| Ok(name.to_owned())).collect()?;
            return scram(talk, credentials, &offered).await;
        }
        Message::AuthenticationGss | Message::AuthenticationSspi | Message::AuthenticationKerberosV5 => {
            return Err(LoginError::Method("the server wants Kerberos (GSSAPI or SSPI)".into()));
        }
        _ => return Err(LoginError::Method("the server wants a way to log in that is not known".into())),
    }
    satisfied(talk).await
}

fn unbound(what: &str) -> LoginError {
    LoginError::Method(format!("channel_binding=require, but the server {what}"))
}

async fn satisfied(talk: &mut Talk) -> Result<(), LoginError> {
    match talk.next_telling().await?.0 {
        Message::AuthenticationOk => Ok(()),
        _ => Err(LoginError::Method("the server goes on asking after the password".into())),
    }
}

/// SCRAM proves that we know the password without showing it, and that the server knows it too.
async fn scram(talk: &mut Talk, credentials: &Credentials<'_>, offered: &[String]) -> Result<(), LoginError> {
    let offers = |name: &str| offered.iter().any(|known| known == name);
    let wanted = credentials.channel_binding;
    let end_point = talk.stream.end_point().filter(|_| wanted != ChannelBinding::Disable);
    let could = end_point.is_some();
    let bound = end_point.filter(|_| offers(SCRAM_SHA_256_PLUS));
    if wanted == ChannelBinding::Require && bound.is_none() {
        let why = if talk.stream.is_encrypted() { "offers none" } else { "is reached without TLS" };
        return Err(unbound(why));
    }
    let password = credentials.password.ok_or(LoginError::PasswordMissing)?;
    let (mechanism, binding) = match bound {
        Some(end_point) => (SCRAM_SHA_256_PLUS, sasl::ChannelBinding::tls_server_end_point(end_point)),
        None if !offers(SCRAM_SHA_256) => {
            return Err(LoginError::Method(format!("the server offers {} only", offered.join(", "))));
        }
        // Saying that we could have bound it keeps anybody in between from hiding the server's offer.
        None if could => (SCRAM_SHA_256, sasl::ChannelBinding::unrequested()),
        None => (SCRAM_SHA_256, sasl::ChannelBinding::unsupported()),
    };
    let mut scram = ScramSha256::new(password.as_bytes(), binding);
    talk.send(|buf| frontend::sasl_initial_response(mechanism, scram.message(), buf)).await?;
    let Message::AuthenticationSaslContinue(body) = talk.next_telling().await?.0 else {
        return Err(LoginError::Method("the server broke off the SCRAM log-in".into()));
    };
    scram.update(body.data())?;
    talk.send(|buf| frontend::sasl_response(scram.message(), buf)).await?;
    let Message::AuthenticationSaslFinal(body) = talk.next_telling().await?.0 else {
        // It may have been let in without proving itself.
        return Err(LoginError::Method("the server did not prove that it knows the password".into()));
    };
    scram.finish(body.data())?;
    satisfied(talk).await
}

/// Takes in what the server says of the session.
async fn until_ready(mut talk: Talk) -> Result<Session, LoginError> {
    let mut said = Vec::new();
    let mut parameters = BTreeMap::new();
    let mut key = (0, 0);
    loop {
        let (message, bytes) = talk.next().await?;
        match message {
            Message::ErrorResponse(body) => return Err(LoginError::Server(ServerError::read(body.fields())?)),
            Message::ParameterStatus(body) => {
                parameters.insert(body.name()?.to_owned(), body.value()?.to_owned());
            }
            Message::BackendKeyData(body) => key = (body.process_id(), body.secret_key()),
            Message::ReadyForQuery(_) => {
                said.extend_from_slice(&bytes);
                return Ok(Session { stream: talk.stream, said, parameters, key });
            }
            _ => {}
        }
        said.extend_from_slice(&bytes);
    }
}

impl Session {
    /// Runs a statement and gives the first value of its first row.
    ///
    /// # Errors
    /// The server's, or the stream's.
    pub(super) async fn ask(self, statement: &str) -> Result<(Self, Option<String>), LoginError> {
        let Self { stream, said, parameters, key } = self;
        let mut talk = Talk { stream, taken: 0 };
        talk.send(|buf| frontend::query(statement, buf)).await?;
        let mut value = None;
        loop {
            match talk.next_telling().await? {
                (Message::DataRow(body), _) => {
                    let range = body.ranges().next()?.flatten();
                    value = range.map(|range| String::from_utf8_lossy(&body.buffer()[range]).into_owned());
                }
                (Message::ReadyForQuery(_), _) => {
                    return Ok((Self { stream: talk.stream, said, parameters, key }, value));
                }
                _ => {}
            }
        }
    }
}
