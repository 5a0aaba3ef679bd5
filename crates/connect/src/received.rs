//! How much a server has sent.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Counts what a server sends on a session: a count that grows shows that the server is alive.
#[derive(Debug, Clone, Default)]
pub struct Received(Arc<AtomicU64>);

impl Received {
    /// How often something has arrived.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
