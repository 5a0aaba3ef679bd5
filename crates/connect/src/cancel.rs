//! Stopping the statement that a session is running.

use super::{
    ConnectError, Endpoint, Target,
    address::Address,
    failure::within,
    login::Settled,
    secure::Stream,
    transport::{self, Transport},
};
use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{
    CancelToken,
    tls::{ChannelBinding, TlsStream},
};

/// Stops the statement that a session is running, through a connection of its own: to the same address, with the
/// same transport.
#[derive(Clone)]
pub struct Canceller {
    pub(super) target: Target,
    pub(super) endpoint: Endpoint,
    pub(super) address: Address,
    pub(super) transport: Transport,
    pub(super) token: CancelToken,
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Canceller {
    /// Requests the server to stop the running statement, which it may or may not do.
    ///
    /// # Errors
    /// The request could not be sent.
    pub async fn cancel(&self) -> Result<(), ConnectError> {
        let Self { target, endpoint, address, transport, token } = self;
        let request = async {
            let stream = transport::open(target, endpoint, address, *transport).await?;
            token.cancel_query_raw(UntilClosed(stream), Settled).await?;
            Ok(())
        };
        within(target.connect_timeout, request).await.map_err(|failure| failure.explain(target, endpoint))
    }
}

/// Shutting it down waits until the server has closed it, which it does once it has passed the request on. The driver
/// hangs up at once, and a pooler then forgets a request that it has not passed on yet.
struct UntilClosed(Stream);

impl TlsStream for UntilClosed {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for UntilClosed {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buf)
    }
}

impl AsyncWrite for UntilClosed {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // How it closes does not matter.
        let _ = ready!(Pin::new(&mut self.0).poll_read(context, &mut ReadBuf::new(&mut [0])));
        Poll::Ready(Ok(()))
    }
}
