//! An open session, handed to a driver that wants to open it itself.
//!
//! The driver's own start-up message is swallowed and answered with what the server said at the real log-in. From then
//! on nothing stands between them.

use super::secure::Stream;
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// `AuthenticationOk`, as the server sends it.
const AUTHENTICATION_OK: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 0];
/// Longest start-up message that a driver of ours writes.
const LONGEST_START: usize = 1 << 16;

/// The stream of an open session, with the log-in before it.
#[derive(Debug)]
pub(super) struct Replay {
    stream: Stream,
    /// Start-up message of the driver, as far as it has been written; `None` once it is complete.
    start: Option<Vec<u8>>,
    /// What is still to be told, and how much of it was.
    answer: (Vec<u8>, usize),
    received: Received,
}

/// How much a server has sent on a session: whether it still does is what tells that it lives.
#[derive(Debug, Clone, Default)]
pub struct Received(Arc<AtomicU64>);

impl Received {
    /// Times that something came.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Replay {
    pub(super) fn new(stream: Stream, said: &[u8], received: Received) -> Self {
        let answer = [&AUTHENTICATION_OK, said].concat();
        Self { stream, start: Some(Vec::new()), answer: (answer, 0), received }
    }
}

/// How many of `bytes` belong to the start-up message that begins with `before`; `None` where it can't be one.
fn belonging(before: &[u8], bytes: &[u8]) -> Option<(usize, bool)> {
    let head: Vec<u8> = before.iter().chain(bytes).copied().take(4).collect();
    let Ok(head) = <[u8; 4]>::try_from(head) else { return Some((bytes.len(), false)) };
    let length =
        usize::try_from(u32::from_be_bytes(head)).ok().filter(|length| (8..=LONGEST_START).contains(length))?;
    let missing = length.checked_sub(before.len())?;
    Some((missing.min(bytes.len()), missing <= bytes.len()))
}

impl AsyncWrite for Replay {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(start) = &mut self.start else { return Pin::new(&mut self.stream).poll_write(context, bytes) };
        let Some((taken, complete)) = belonging(start, bytes) else {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "no start-up message")));
        };
        if complete {
            self.start = None;
        } else {
            start.extend_from_slice(&bytes[..taken]);
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Replay {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let (answer, told) = &mut this.answer;
        if *told < answer.len() {
            let rest = &answer[*told..];
            let taken = rest.len().min(buf.remaining());
            buf.put_slice(&rest[..taken]);
            *told += taken;
            if *told == answer.len() {
                *answer = Vec::new();
                *told = 0;
            }
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut this.stream).poll_read(context, buf))?;
        this.received.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_up_message_is_taken_however_it_is_cut() {
        let start = [0, 0, 0, 12, 0, 3, 0, 0, b'u', 0, b'x', 0];
        let more = [&start[..], b"Q"].concat();
        assert_eq!(belonging(&[], &more), Some((12, true)));
        for cut in 0..12 {
            assert_eq!(belonging(&[], &start[..cut]), Some((cut, false)), "{cut}");
            assert_eq!(belonging(&start[..cut], &more[cut..]), Some((12 - cut, true)), "{cut}");
        }
        assert_eq!(belonging(&[], &[0xff; 8]), None);
        assert_eq!(belonging(&[], &[0; 8]), None);
    }
}
