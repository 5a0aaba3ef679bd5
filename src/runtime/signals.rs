//! Signals become messages.

use crate::model::message::Message;
use std::{io, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::AbortHandle,
};

/// How long the loop has to end after a signal, before the program ends without it: a terminal that takes no
/// more bytes (XOFF, a stalled link) would hold the loop for ever.
const GRACE: Duration = Duration::from_secs(3);

/// Listens while it lives. Dropped when the loop has ended: from then on ending is a matter of cleaning up.
#[derive(Debug)]
pub struct SignalListener(AbortHandle);

impl Drop for SignalListener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Listens for SIGTERM, SIGINT, SIGHUP (leave), SIGWINCH and SIGCONT (paint again). `last_resort` runs where the
/// loop has not ended in time.
///
/// # Errors
/// Where a handler can't be installed.
pub fn listen(
    inputs: mpsc::Sender<Message>,
    last_resort: impl FnOnce() + Send + 'static,
) -> io::Result<SignalListener> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let mut hup = signal(SignalKind::hangup())?;
    let mut winch = signal(SignalKind::window_change())?;
    let mut cont = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
    let task = tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = term.recv() => break,
                _ = int.recv() => break,
                _ = hup.recv() => break,
                _ = winch.recv() => {}
                _ = cont.recv() => {}
            }
            // A full queue has a repaint in it already, or will draw soon enough.
            let _ = inputs.try_send(Message::Resized);
        }
        let _ = tokio::time::timeout(GRACE, inputs.send(Message::Terminate)).await;
        tokio::time::sleep(GRACE).await;
        last_resort();
    });
    Ok(SignalListener(task.abort_handle()))
}
