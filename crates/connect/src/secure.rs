//! The stream to the server once TLS is settled, one way or the other.

use super::{Endpoint, Host, delegated::delegated, raw_stream::RawStream, tls};
use ring::digest;
use rustls::pki_types::{CertificateDer, ServerName};
use std::{
    io,
    net::Ipv6Addr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_cert::der::{Decode as _, oid::db::rfc5912 as oid};

/// A stream to the server, encrypted or not.
#[derive(Debug)]
pub(super) enum Stream {
    /// As it is.
    Plain(RawStream),
    /// Encrypted.
    Tls(Box<TlsStream<RawStream>>),
}

impl Stream {
    /// Encrypts `raw` for `endpoint`.
    ///
    /// # Errors
    /// The handshake failed, or the certificate was refused.
    pub(super) async fn encrypt(
        raw: RawStream,
        endpoint: &Endpoint,
        config: Arc<rustls::ClientConfig>,
    ) -> io::Result<Self> {
        let stream = TlsConnector::from(config).connect(server_name(endpoint)?, raw).await?;
        Ok(Self::Tls(Box::new(stream)))
    }

    /// Whether it is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether both sides agreed that this is PostgreSQL's protocol.
    pub(super) fn has_alpn(&self) -> bool {
        matches!(self, Self::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(tls::ALPN))
    }

    /// What binds a log-in to this TLS session, if anything does.
    pub(super) fn end_point(&self) -> Option<Vec<u8>> {
        let Self::Tls(stream) = self else { return None };
        end_point(stream.get_ref().1.peer_certificates()?.first()?)
    }
}

/// The name that certificates are checked against, and that the handshake carries.
fn server_name(endpoint: &Endpoint) -> io::Result<ServerName<'static>> {
    let name = match &endpoint.host {
        // No certificate knows the interfaces of this machine.
        Host::Tcp(name) => match name.split_once('%') {
            Some((address, _)) if address.parse::<Ipv6Addr>().is_ok() => address,
            _ => name,
        },
        Host::Unix(_) => "",
    };
    ServerName::try_from(name.to_owned()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// RFC 5929's `tls-server-end-point`: the digest of the certificate by the algorithm of its own signature, or by
/// SHA-256 if that is a weaker one. `None` for algorithms that name none.
fn end_point(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let parsed = x509_cert::Certificate::from_der(certificate).ok()?;
    let signature = parsed.signature_algorithm.oid;
    let algorithm = if [oid::SHA_384_WITH_RSA_ENCRYPTION, oid::ECDSA_WITH_SHA_384].contains(&signature) {
        &digest::SHA384
    } else if signature == oid::SHA_512_WITH_RSA_ENCRYPTION {
        &digest::SHA512
    } else if [oid::SHA_1_WITH_RSA_ENCRYPTION, oid::SHA_256_WITH_RSA_ENCRYPTION, oid::ECDSA_WITH_SHA_256]
        .contains(&signature)
    {
        &digest::SHA256
    } else {
        return None;
    };
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

delegated!(Stream: Plain, Tls);
