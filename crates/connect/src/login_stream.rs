//! The stream over which the driver logs in.
//!
//! tokio-postgres sends a fixed set of start-up parameters; until the session is open it takes messages of any length,
//! stops at a notice, and its errors do not show which authentication the server wanted. So this stream adds parameters
//! to the start-up message, and checks each message of the server until the session is open.

use super::{auth::Authentication, login_error::LoginError, received::Received, secure::Stream};
use std::{
    collections::VecDeque,
    io::{self, Read as _},
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

/// Longest message that a server may send before the session is open; its error messages are shorter.
const LONGEST_MESSAGE: usize = 1 << 20;
/// Most bytes that it may send before the session is open.
const MOST_BYTES: usize = 4 << 20;
/// Type and length of a message.
const HEAD: usize = 5;

/// A stream to the server, in charge of the driver.
#[derive(Debug)]
pub(super) struct LoginStream {
    stream: Stream,
    received: Received,
    startup: Option<Startup>,
    answers: Option<Answers>,
}

impl LoginStream {
    /// `parameters` go into the start-up message beside those of the driver.
    pub(super) fn new(
        stream: Stream,
        authentication: Authentication,
        parameters: &'static [(&'static str, &'static str)],
        received: Received,
    ) -> Self {
        let startup = Startup { parameters, message: Vec::new(), written: 0 };
        let answers =
            Answers { authentication, unchecked: Vec::new(), checked: VecDeque::new(), taken: 0, over: false };
        Self { stream, received, startup: Some(startup), answers: Some(answers) }
    }
}

impl TlsStream for LoginStream {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.end_point().map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// The start-up message on its way out.
#[derive(Debug)]
struct Startup {
    parameters: &'static [(&'static str, &'static str)],
    message: Vec<u8>,
    written: usize,
}

impl Startup {
    /// Adds the parameters to the driver's message: length, version, names and values, and a final zero.
    fn complete(&mut self, message: &[u8]) -> io::Result<()> {
        let length = message.first_chunk().map(|length| u32::from_be_bytes(*length) as usize);
        let ([_, _, _, _, body @ .., 0], true) = (message, length == Some(message.len())) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the start-up message is not in one piece"));
        };
        let mut body = body.to_vec();
        for text in self.parameters.iter().flat_map(|(name, value)| [name, value]) {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
        self.message = [&length.to_be_bytes(), &body[..]].concat();
        Ok(())
    }
}

/// The server's messages until the session is open.
#[derive(Debug)]
struct Answers {
    authentication: Authentication,
    /// The beginning of a message.
    unchecked: Vec<u8>,
    /// What the driver may read.
    checked: VecDeque<u8>,
    /// Bytes taken so far.
    taken: usize,
    /// Whether nothing more needs to be checked.
    over: bool,
}

impl Answers {
    fn take(&mut self, bytes: &[u8]) -> Result<(), LoginError> {
        self.taken += bytes.len();
        self.unchecked.extend_from_slice(bytes);
        while !self.over {
            let Some(length) = self.next_length()? else { return Ok(()) };
            let message: Vec<u8> = self.unchecked.drain(..length).collect();
            match message[0] {
                // The driver does not expect any here.
                b'N' => continue,
                b'R' => self.authentication.check(&message[HEAD..])?,
                // Ready for statements, or never.
                b'Z' | b'E' => self.over = true,
                _ => {}
            }
            self.checked.extend(message);
        }
        self.checked.extend(self.unchecked.drain(..));
        Ok(())
    }

    /// Length of the next message with its head, once it is there as a whole.
    fn next_length(&self) -> io::Result<Option<usize>> {
        let Some([_, length @ ..]) = self.unchecked.first_chunk::<HEAD>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if !(4..=LONGEST_MESSAGE).contains(&length) || self.taken > MOST_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no PostgreSQL server, or a broken one"));
        }
        Ok(Some(length + 1).filter(|length| *length <= self.unchecked.len()))
    }
}

impl AsyncRead for LoginStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while let Some(answers) = &mut this.answers {
            if !answers.checked.is_empty() {
                let count = answers.checked.read(buf.initialize_unfilled())?;
                buf.advance(count);
                return Poll::Ready(Ok(()));
            }
            if answers.over {
                this.answers = None;
                break;
            }
            let mut bytes = [0; 4096];
            let mut part = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut part))?;
            if part.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            answers.take(part.filled()).map_err(into_io)?;
        }
        ready!(Pin::new(&mut this.stream).poll_read(context, buf))?;
        this.received.add_one();
        Poll::Ready(Ok(()))
    }
}

fn into_io(error: LoginError) -> io::Error {
    match error {
        LoginError::Io(error) => error,
        other => io::Error::other(other),
    }
}

impl AsyncWrite for LoginStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let Some(startup) = &mut this.startup else { return Pin::new(&mut this.stream).poll_write(context, bytes) };
        if startup.message.is_empty() {
            startup.complete(bytes)?;
        }
        while startup.written < startup.message.len() {
            let rest = &startup.message[startup.written..];
            match ready!(Pin::new(&mut this.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => startup.written += count,
            }
        }
        this.startup = None;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    fn answers() -> Answers {
        let authentication = Authentication {
            has_password: false,
            is_encrypted: false,
            can_bind: false,
            channel_binding: params::ChannelBinding::Prefer,
            last: None,
        };
        Answers { authentication, unchecked: Vec::new(), checked: VecDeque::new(), taken: 0, over: false }
    }

    #[test]
    fn parameters_join_the_drivers_message() {
        let mut startup = Startup { parameters: &[("TimeZone", "UTC")], message: Vec::new(), written: 0 };
        let message = b"\0\0\0\x10\0\x03\0\0user\0x\0\0";
        for cut in 0..message.len() {
            assert!(startup.complete(&message[..cut]).is_err(), "{cut}");
        }
        startup.complete(message).unwrap();
        assert_eq!(startup.message, b"\0\0\0\x1d\0\x03\0\0user\0x\0TimeZone\0UTC\0\0");
    }

    #[test]
    fn messages_are_passed_on_however_they_are_cut() {
        let notice = b"N\0\0\0\x0aSNOTE\0";
        let wanted = [&b"R\0\0\0\x08\0\0\0\0S\0\0\0\x08a\0b\0Z\0\0\0\x05I"[..], notice].concat();
        let sent = [&notice[..], &wanted].concat();
        for size in 1..sent.len() {
            let mut answers = answers();
            for bytes in sent.chunks(size) {
                answers.take(bytes).unwrap();
            }
            assert!(answers.over);
            assert_eq!(answers.checked, wanted, "{size}");
        }
    }

    #[test]
    fn a_server_that_goes_on_and_on_is_left() {
        assert!(answers().take(b"HTTP/1.1 400 Bad Request").is_err());
        assert!(answers().take(b"R\0\0\0\x03").is_err());
        let mut answers = answers();
        let setting = [&b"S\0\0\x10\x04"[..], &[b'v'; 4096]].concat();
        let taken = (0..2_000).take_while(|_| answers.take(&setting).is_ok()).count();
        assert!((1_000..1_100).contains(&taken), "{taken}");
    }
}
