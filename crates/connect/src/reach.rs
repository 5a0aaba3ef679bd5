//! Reaching the server's port or socket: names become addresses, addresses become streams.

use super::{Endpoint, Host, rules::Keepalives};
use socket2::{SockRef, TcpKeepalive};
use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

/// One address of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
    /// A socket without a file (Linux).
    Abstract(String),
}

/// The addresses behind an endpoint; several for a name that has several.
///
/// # Errors
/// The name is not known.
pub(super) async fn addresses(endpoint: &Endpoint, shuffled: bool) -> io::Result<Vec<Address>> {
    let mut found: Vec<Address> = match (&endpoint.host, endpoint.address) {
        (Host::Unix(folder), _) => vec![match folder.to_str().and_then(|name| name.strip_prefix('@')) {
            Some(name) => Address::Abstract(format!("{name}/.s.PGSQL.{}", endpoint.port)),
            None => Address::Unix(folder.join(format!(".s.PGSQL.{}", endpoint.port))),
        }],
        (Host::Tcp(_), Some(address)) => vec![Address::Tcp(address)],
        (Host::Tcp(name), None) => {
            tokio::net::lookup_host((name.as_str(), endpoint.port)).await?.map(Address::Tcp).collect()
        }
    };
    if found.is_empty() {
        return Err(io::Error::other("the lookup of the name gave no address"));
    }
    if shuffled {
        fastrand::shuffle(&mut found);
    }
    Ok(found)
}

/// A stream to the server, not yet protected.
#[derive(Debug)]
pub(super) enum Wire {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

impl Wire {
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
            Address::Abstract(name) => Ok(Self::Unix(connect_abstract(name)?)),
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

#[cfg(target_os = "linux")]
fn connect_abstract(name: &str) -> io::Result<UnixStream> {
    use std::os::{linux::net::SocketAddrExt as _, unix::net};
    let address = net::SocketAddr::from_abstract_name(name)?;
    // A local socket answers at once or not at all.
    let stream = net::UnixStream::connect_addr(&address)?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

#[cfg(not(target_os = "linux"))]
fn connect_abstract(_: &str) -> io::Result<UnixStream> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "sockets without a file exist on Linux only"))
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
