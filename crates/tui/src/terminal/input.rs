//! Keys, read by a thread of their own.

use crate::terminal::sequences::Sequences;
use crossterm::event::Event;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{io, thread, time::Duration};
use tokio::sync::mpsc;

/// How long the rest of a sequence may take. What is not complete by then is forgotten: a paste or a report that was cut
/// off must not swallow the keys that are pressed after it.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long what follows an escape may take: alone, it is the key.
const PROMPTLY: Duration = Duration::from_millis(20);
/// Bytes that are read at once.
const BYTES: usize = 4096;

/// What the terminal sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key, or something else that a key map may know.
    Event(Event),
    /// The terminal is gone.
    Closed,
}

/// Starts the thread. It ends when the terminal or the receiver is gone.
///
/// Crossterm's own reader would wait for the end of a sequence for ever.
pub fn spawn(inputs: mpsc::Sender<Input>) -> io::Result<()> {
    thread::Builder::new().name("input".into()).spawn(move || {
        let mut sequences = Sequences::default();
        let mut bytes = [0; BYTES];
        loop {
            let limit = match (sequences.escape(), sequences.pending()) {
                (true, _) => Some(PROMPTLY),
                (false, true) => Some(PATIENCE),
                (false, false) => None,
            };
            match wait_for_bytes(limit) {
                Some(true) => {}
                Some(false) => return closed(&inputs),
                None => {
                    sequences.give_up();
                    if !pass_on(&mut sequences, &inputs) {
                        return;
                    }
                    continue;
                }
            }
            match rustix::io::read(io::stdin(), &mut bytes) {
                Ok(0) => return closed(&inputs),
                Ok(count) => sequences.take(&bytes[..count]),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                Err(_) => return closed(&inputs),
            }
            if !pass_on(&mut sequences, &inputs) {
                return;
            }
        }
    })?;
    Ok(())
}

/// Whether the receiver is still there.
fn pass_on(sequences: &mut Sequences, inputs: &mpsc::Sender<Input>) -> bool {
    sequences.events().all(|event| inputs.blocking_send(Input::Event(event)).is_ok())
}

fn closed(inputs: &mpsc::Sender<Input>) {
    // Without a receiver the program is ending anyway.
    let _ = inputs.blocking_send(Input::Closed);
}

/// Waits until standard input has something to read; false if it has hung up, `None` if the time is over.
fn wait_for_bytes(limit: Option<Duration>) -> Option<bool> {
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    loop {
        match poll(&mut fds, limit.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Some(false),
            Ok(0) => return None,
            Ok(_) => {
                let seen = fds[0].revents();
                let gone = seen.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
                return Some(!gone && seen.contains(PollFlags::IN));
            }
        }
    }
}
