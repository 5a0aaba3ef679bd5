//! The signals that stop a command without a screen.

use crate::command::Failure;
use refreshtop_core::exit;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM, SIGINT and SIGHUP.
#[derive(Debug)]
pub struct StopSignals([Signal; 3]);

impl StopSignals {
    /// Listens from now on: none of them ends the program any more.
    pub fn listen() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(|error| Failure::new(exit::FAILURE, error.to_string()));
        Ok(Self([on(SignalKind::terminate())?, on(SignalKind::interrupt())?, on(SignalKind::hangup())?]))
    }

    /// Waits for the next of them.
    pub async fn recv(&mut self) {
        let [term, int, hup] = &mut self.0;
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            _ = hup.recv() => {}
        }
    }
}
