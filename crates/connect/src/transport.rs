//! How a session is transported: with TLS or without.

use super::{
    Endpoint, Host, SslMode, Target,
    address::Address,
    failure::{Failure, within},
    login_error::LoginError,
    raw_stream::RawStream,
    secure::Stream,
    tls,
};
use std::{io, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How long an address may take to answer at all.
const REACH_LIMIT: Duration = Duration::from_secs(10);
/// The message that requests TLS: its length, and a number in the place of the protocol's version.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// How a session is transported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// Not encrypted.
    Plain,
    /// Encrypted.
    Tls,
}

/// The transports that `sslmode` allows, in the order in which libpq tries them.
pub(super) fn allowed(target: &Target, endpoint: &Endpoint) -> &'static [Transport] {
    match (&endpoint.host, target.tls.mode) {
        (Host::Unix(_), _) | (_, SslMode::Disable) => &[Transport::Plain],
        (_, SslMode::Allow) => &[Transport::Plain, Transport::Tls],
        (_, SslMode::Prefer) => &[Transport::Tls, Transport::Plain],
        (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => &[Transport::Tls],
    }
}

/// A stream to `address`, encrypted or not.
pub(super) async fn open(
    target: &Target,
    endpoint: &Endpoint,
    address: &Address,
    transport: Transport,
) -> Result<Stream, Failure> {
    let reach =
        async { RawStream::open(address, &target.keepalives).await.map_err(|error| Failure::Reach(error, false)) };
    // A host that does not answer the first packet is not there; a log-in may take longer.
    let limit = target.connect_timeout.map(|limit| limit.min(REACH_LIMIT));
    let mut raw = within(limit, reach).await?;
    if transport == Transport::Plain {
        return Ok(Stream::Plain(raw));
    }
    let config = tls::config(&target.tls).map_err(Failure::TlsSettings)?;
    if !target.tls.direct {
        request_tls(&mut raw).await?;
    }
    let stream = Stream::encrypt(raw, endpoint, config).await.map_err(|error| Failure::Handshake(error.to_string()))?;
    if target.tls.direct && !stream.has_alpn() {
        return Err(Failure::Handshake("the server does not know sslnegotiation=direct".into()));
    }
    Ok(stream)
}

async fn request_tls(raw: &mut RawStream) -> Result<(), Failure> {
    raw.write_all(&SSL_REQUEST).await?;
    // Exactly one byte: whatever else came unencrypted would pass for encrypted afterwards.
    match raw.read_u8().await? {
        b'S' => Ok(()),
        b'N' => Err(Failure::Handshake("the server does not support TLS".into())),
        // A server that is out of processes reports that before anything else; the text could be anybody's.
        b'E' => Err(Failure::Login(LoginError::Io(io::ErrorKind::ConnectionAborted.into()))),
        _ => Err(Failure::Login(LoginError::Io(io::ErrorKind::InvalidData.into()))),
    }
}
