//! What is requested of a database.

use crate::{address::ViewId, diagnosis::Fix, question::Question};
use std::time::Duration;
use uuid::Uuid;

/// One request; [`crate::event::Event`] has the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Read a snapshot.
    Poll,
    /// Read one run in full.
    ReadRun(Uuid),
    /// Ask the question of a screen.
    Ask(Question),
    /// From now on read the figures of this window.
    SetWindow(Duration),
    /// Execute a fix on a session of its own.
    Fix(Box<Fix>),
    /// Refresh a view on a session of its own.
    Refresh(ViewId),
    /// Cancel that refresh.
    CancelRefresh,
}
