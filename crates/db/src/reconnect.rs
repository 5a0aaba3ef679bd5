//! Trying again until a connection is made, with pauses that depend on why the last attempt failed.

use crate::backoff::{quick_backoff, slow_backoff};
use backon::ExponentialBackoff;
use refreshtop_connect::{ConnectError, Connected, Kind, Limits, Target};
use std::time::Duration;
use tokio::time::sleep;

/// The pauses of one outage.
#[derive(Debug)]
pub struct Pauses {
    quick: ExponentialBackoff,
    slow: ExponentialBackoff,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { quick: quick_backoff(), slow: slow_backoff() }
    }
}

impl Pauses {
    /// The next one; a `soon` one is short.
    pub fn next(&mut self, soon: bool) -> Duration {
        let pause = if soon { self.quick.next() } else { self.slow.next() };
        pause.unwrap_or(Duration::from_secs(1))
    }
}

/// Whether an attempt that failed like this is worth repeating soon.
pub fn is_soon(failure: &ConnectError) -> bool {
    // Do not retry twice a second against a server that is out of connections.
    failure.kind.may_pass() && failure.kind != Kind::TooManyConnections
}

/// Connects, however many attempts that takes. `failed` hears of each that failed, and may give up.
///
/// # Errors
/// What `failed` gave up with.
pub async fn connect<E>(
    target: &Target,
    purpose: &str,
    limits: &Limits,
    mut failed: impl FnMut(ConnectError) -> Result<(), E>,
) -> Result<Connected, E> {
    let mut pauses = Pauses::default();
    loop {
        let failure = match refreshtop_connect::connect(target, purpose, limits).await {
            Ok(connected) => return Ok(connected),
            Err(failure) => failure,
        };
        let pause = pauses.next(is_soon(&failure));
        failed(failure)?;
        sleep(pause).await;
    }
}
