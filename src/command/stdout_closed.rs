//! Notices that the reader of standard output is gone before there is anything to write: `runs --follow | head`.

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use std::{future, io, thread};
use tokio::sync::oneshot;

/// Waits until standard output has no reader any more; for ever if it is a file or a terminal.
pub async fn wait() {
    let (sender, closed) = oneshot::channel();
    // It can't be interrupted, and ends with the program. A thread of the runtime would delay that.
    let watcher = thread::Builder::new().name("reader".into()).spawn(move || {
        if block_until_closed() {
            // Ignore the error: the command may have ended already.
            let _ = sender.send(());
        }
    });
    if watcher.is_err() || closed.await.is_err() {
        future::pending::<()>().await;
    }
}

fn block_until_closed() -> bool {
    let out = io::stdout();
    loop {
        // With no events requested, only errors are reported; a pipe whose other end is closed is one.
        let mut watched = [PollFd::new(&out, PollFlags::empty())];
        match poll(&mut watched, None) {
            Err(Errno::INTR) => {}
            Err(_) => return false,
            Ok(_) => return watched[0].revents().intersects(PollFlags::ERR | PollFlags::HUP),
        }
    }
}
