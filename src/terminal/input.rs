//! Keys, read by a thread of their own.

use crossterm::event::{self, Event};
use rustix::event::{PollFd, PollFlags, poll};
use std::{io, thread, time::Duration};
use tokio::sync::mpsc;

/// How long crossterm may look for an event that is there. With no time at all it would not look.
const PROMPTLY: Duration = Duration::from_millis(1);

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
/// Crossterm alone would spin on a terminal that has hung up, so the thread first waits for the descriptor itself
/// and looks whether there is anything behind it.
///
/// # Errors
/// Where no thread can be started.
pub fn spawn(inputs: mpsc::Sender<Input>) -> io::Result<()> {
    thread::Builder::new().name("input".into()).spawn(move || {
        while wait_for_bytes() {
            loop {
                match event::poll(PROMPTLY) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(_) => return closed(&inputs),
                }
                let Ok(event) = event::read() else { return closed(&inputs) };
                // Sizes come by signal: this thread may be waiting for bytes when the window changes.
                if !matches!(event, Event::Resize(..)) && inputs.blocking_send(Input::Event(event)).is_err() {
                    return;
                }
            }
        }
        closed(&inputs);
    })?;
    Ok(())
}

fn closed(inputs: &mpsc::Sender<Input>) {
    // Without a receiver the program is ending anyway.
    let _ = inputs.blocking_send(Input::Closed);
}

/// Waits until standard input has something to read; false where it has hung up.
fn wait_for_bytes() -> bool {
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    loop {
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
            Ok(_) => {
                let seen = fds[0].revents();
                return !seen.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
                    && seen.contains(PollFlags::IN);
            }
        }
    }
}
