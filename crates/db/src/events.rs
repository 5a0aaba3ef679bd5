//! The queue into which the tasks of a database put their events.

use refreshtop_core::{address::DatabaseId, event::Event};
use tokio::sync::mpsc;

/// The queue, and the database whose events go into it.
#[derive(Debug, Clone)]
pub struct Events {
    database: DatabaseId,
    queue: mpsc::Sender<(DatabaseId, Event)>,
}

/// Nobody reads the queue any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

impl Events {
    /// Events of `database` go into `queue`.
    pub fn of(database: DatabaseId, queue: mpsc::Sender<(DatabaseId, Event)>) -> Self {
        Self { database, queue }
    }

    /// Waits for a place in the queue.
    pub async fn send(&self, event: Event) -> Result<(), Closed> {
        self.queue.send((self.database.clone(), event)).await.map_err(|_| Closed)
    }

    /// Does not wait: in a full queue the event is lost.
    pub fn offer(&self, event: Event) {
        let _ = self.queue.try_send((self.database.clone(), event));
    }
}
