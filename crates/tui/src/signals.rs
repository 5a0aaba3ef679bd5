//! Signals become messages.

use crate::app::message::Message;
use futures_util::future;
use rustix::process::Signal;
use std::{io, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::AbortHandle,
};

/// How long the loop has to end after a signal, before the program ends without it: a terminal that takes no
/// more bytes (XOFF, a stalled link) would hold the loop for ever.
const GRACE: Duration = Duration::from_secs(3);

/// Listens until it is dropped, when the loop has ended; from then on only clean-up is left.
#[derive(Debug)]
pub struct SignalListener(AbortHandle);

impl Drop for SignalListener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Those that end a program which does not listen for them: it would leave the terminal as no shell can use it.
const ENDING: [Signal; 7] =
    [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::ALARM];

/// Listens for what ends a program ([`ENDING`]: leave), SIGTSTP (stop), SIGWINCH and SIGCONT (paint again).
/// `last_resort` runs if the loop has not ended in time.
pub fn listen(
    inputs: mpsc::Sender<Message>,
    last_resort: impl FnOnce() + Send + 'static,
) -> io::Result<SignalListener> {
    let on = |kind: Signal| signal(SignalKind::from_raw(kind.as_raw()));
    let mut ending = ENDING.into_iter().map(on).collect::<io::Result<Vec<_>>>()?;
    let (mut winch, mut cont, mut stop) = (on(Signal::WINCH)?, on(Signal::CONT)?, on(Signal::TSTP)?);
    let task = tokio::spawn(async move {
        loop {
            let any = future::select_all(ending.iter_mut().map(|signal| Box::pin(signal.recv())));
            let message = tokio::select! {
                _ = any => break,
                _ = winch.recv() => Message::Resized,
                _ = cont.recv() => Message::Resized,
                _ = stop.recv() => Message::Suspend,
            };
            // A full queue has a repaint in it already, or will draw soon enough.
            let _ = inputs.try_send(message);
        }
        let _ = tokio::time::timeout(GRACE, inputs.send(Message::Terminate)).await;
        tokio::time::sleep(GRACE).await;
        last_resort();
    });
    Ok(SignalListener(task.abort_handle()))
}
