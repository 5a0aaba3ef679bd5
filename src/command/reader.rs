//! Notices that whoever reads standard output has gone, before there is anything to write: `logs --follow | head`.

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use std::{future, io, thread};
use tokio::sync::oneshot;

/// Waits until standard output has no reader any more; for ever where it is a file or a terminal.
pub async fn gone() {
    let (sender, told) = oneshot::channel();
    // It can't be interrupted, and ends with the program. A thread of the runtime would hold that up.
    let watcher = thread::Builder::new().name("reader".into()).spawn(move || {
        if closed() {
            // Nobody listens where the command has ended already.
            let _ = sender.send(());
        }
    });
    if watcher.is_err() || told.await.is_err() {
        future::pending::<()>().await;
    }
}

fn closed() -> bool {
    let out = io::stdout();
    loop {
        // Without a wish, only errors are reported: a pipe's other end that is closed is one.
        let mut watched = [PollFd::new(&out, PollFlags::empty())];
        match poll(&mut watched, None) {
            Err(Errno::INTR) => {}
            Err(_) => return false,
            Ok(_) => return watched[0].revents().intersects(PollFlags::ERR | PollFlags::HUP),
        }
    }
}
