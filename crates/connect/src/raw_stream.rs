//! The stream to an address, without TLS.

use super::{address::Address, delegated::delegated, params::Keepalives};
use socket2::{SockRef, TcpKeepalive};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

/// A stream to the server, not encrypted.
#[derive(Debug)]
pub(super) enum RawStream {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

impl RawStream {
    /// Connects.
    ///
    /// # Errors
    /// The system's.
    pub(super) async fn open(address: &Address, keepalives: &Keepalives) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                keep_alive(&stream, keepalives)?;
                Ok(Self::Tcp(stream))
            }
            Address::Unix(path) => Ok(Self::Unix(UnixStream::connect(path).await?)),
        }
    }
}

fn keep_alive(stream: &TcpStream, keepalives: &Keepalives) -> io::Result<()> {
    let socket = SockRef::from(stream);
    if let Some(idle) = keepalives.idle {
        let settings =
            TcpKeepalive::new().with_time(idle).with_interval(keepalives.interval).with_retries(keepalives.retries);
        socket.set_tcp_keepalive(&settings)?;
    }
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
    if keepalives.user_timeout.is_some() {
        socket.set_tcp_user_timeout(keepalives.user_timeout)?;
    }
    Ok(())
}

delegated!(RawStream: Tcp, Unix);
