//! What happens in a database, or to its connection.

use crate::{
    address::ViewId,
    link::LinkEvent,
    manage::{Examination, Outcome},
    notification::Notification,
    question::Answer,
    reading::{Reading, Unavailable},
    refresh::TriggerOutcome,
    run::RunDetail,
    snapshot::Snapshot,
    views::Views,
};
use uuid::Uuid;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The session that listens reports.
    Link(LinkEvent),
    /// A refresh ended somewhere.
    Notified(Notification),
    /// A poll succeeded (its parts may still be missing one by one): the view that is shown, and all views if they were
    /// asked for.
    Polled(Box<Snapshot>, Option<Box<Reading<Views>>>),
    /// A poll failed as a whole.
    PollFailed(Unavailable),
    /// A run was read in full.
    RunRead(Uuid, Box<Reading<RunDetail>>),
    /// A question of a screen about a view was answered.
    Answered(ViewId, Box<Answer>),
    /// A fix ended: a sentence, either way.
    Fixed(Result<String, String>),
    /// The refresh that this program triggered ended.
    TriggerEnded(TriggerOutcome),
    /// The view with this oid was examined, or a sentence why not.
    Examined(i64, Box<Result<Examination, String>>),
    /// Managing a view ended, or a sentence why it failed.
    ManageEnded(Result<Outcome, String>),
}
