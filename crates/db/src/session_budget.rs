//! The session for what is set off by a key, or tries whether notifications arrive. One session stays as long as the
//! monitor, one answers while somebody asks. Whoever needs another for a while takes turns for this one, so that there
//! are never more.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permit to open one session in addition to the permanent ones; clones share it.
#[derive(Debug, Clone)]
pub struct SessionBudget(Arc<Semaphore>);

/// The permit, until it is dropped.
#[derive(Debug)]
pub(super) struct SessionPermit {
    // Nobody closes the semaphore; if it were closed, everybody would get the permit.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Default for SessionBudget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl SessionBudget {
    /// Waits for it.
    pub(super) async fn wait(&self) -> SessionPermit {
        SessionPermit { _permit: self.0.clone().acquire_owned().await.ok() }
    }

    /// Takes it, if it is free.
    pub(super) fn take(&self) -> Option<SessionPermit> {
        self.0.clone().try_acquire_owned().ok().map(|permit| SessionPermit { _permit: Some(permit) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time() {
        let budget = SessionBudget::default();
        let held = budget.wait().await;
        assert!(budget.clone().take().is_none());
        drop(held);
        assert!(budget.take().is_some());
    }
}
