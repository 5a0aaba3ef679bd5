//! What happens in a database, or to its connection.

use crate::{
    link::LinkEvent,
    notification::Notification,
    question::Answer,
    reading::{Reading, Unavailable},
    refresh::TriggerOutcome,
    run::RunDetail,
    snapshot::Snapshot,
};
use uuid::Uuid;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The session that listens reports.
    Link(LinkEvent),
    /// A refresh ended somewhere.
    Notified(Notification),
    /// A poll succeeded (its parts may still be missing one by one).
    Polled(Box<Snapshot>),
    /// A poll failed as a whole.
    PollFailed(Unavailable),
    /// A run was read in full.
    RunRead(Uuid, Box<Reading<RunDetail>>),
    /// A question of a screen was answered.
    Answered(Box<Answer>),
    /// A fix ended: a sentence, either way.
    Fixed(Result<String, String>),
    /// The refresh that this program triggered ended.
    TriggerEnded(TriggerOutcome),
}
