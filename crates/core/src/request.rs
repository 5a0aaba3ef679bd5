//! What is requested of a database.

use crate::{address::ViewId, diagnosis::Fix, manage::Examination, question::Question};
use std::time::Duration;
use uuid::Uuid;

/// One request; [`crate::event::Event`] has the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Read a snapshot of the view that is shown, and all views.
    Poll,
    /// From now on poll this view.
    Show(ViewId),
    /// Read one run in full.
    ReadRun(Uuid),
    /// Ask the question of a screen about a view.
    Ask(ViewId, Question),
    /// From now on read the figures of this window.
    SetWindow(Duration),
    /// Execute a fix on a session of its own.
    Fix(Box<Fix>),
    /// Refresh a view on a session of its own.
    Refresh(ViewId),
    /// Cancel that refresh.
    CancelRefresh,
    /// Examine the view with this oid, to manage it.
    Examine(i64),
    /// Manage a view that was examined, on a session of its own.
    Manage(Box<Examination>),
    /// Cancel what is under way to manage a view.
    CancelManage,
}
