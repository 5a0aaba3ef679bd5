//! What goes into the loop, and what comes out of it.

use crate::model::{
    diagnosis::{Diagnosis, Mend},
    feed::FeedEvent,
    notification::Notification,
    reading::{Reading, Unavailable},
    refresh::TriggerOutcome,
    run::RunDetail,
    snapshot::Snapshot,
    views::View,
};
use uuid::Uuid;

/// What the person asked for; the screen's key map turns keys into these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Leave the program.
    Quit,
    /// Show or hide the keys.
    Help,
    /// Refresh the view now.
    Refresh,
    /// Cancel the refresh that this program triggered.
    Cancel,
    /// Read everything again.
    Poll,
    /// Move to the next list.
    FocusNext,
    /// Move to the previous list.
    FocusPrevious,
    /// Move the selection towards newer rows.
    Up,
    /// Move the selection towards older rows.
    Down,
    /// Move by a page towards newer rows.
    PageUp,
    /// Move by a page towards older rows.
    PageDown,
    /// Select the newest row.
    First,
    /// Select the oldest row.
    Last,
    /// Open the selected run with its black box.
    Open,
    /// Close what is open, or dismiss what was said.
    Close,
    /// Go to a view.
    View(View),
    /// Show what mends the selected check.
    Mend,
    /// Run the view's query to measure its plan.
    Measure,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// The person asked for something.
    Action(Action),
    /// The terminal has another size, or must be painted anew.
    Resized,
    /// A moment computed by [`crate::model::wake::next`] has come.
    Tick,
    /// The long-lived session reports.
    Feed(FeedEvent),
    /// A refresh ended somewhere.
    Notified(Notification),
    /// A poll succeeded (its parts may still be missing one by one).
    Polled(Box<Snapshot>),
    /// A poll failed as a whole.
    PollFailed(Unavailable),
    /// A run was read in full.
    RunRead(Uuid, Box<Reading<RunDetail>>),
    /// A diagnosis was made.
    Diagnosed(Box<Reading<Diagnosis>>),
    /// A mend ended: a sentence, either way.
    Mended(Result<String, String>),
    /// The refresh that this program triggered ended.
    TriggerEnded(TriggerOutcome),
    /// SIGTERM, SIGINT or SIGHUP, or the terminal is gone.
    Terminate,
}

/// Something to be done outside; never awaited by the loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Read a snapshot.
    Poll,
    /// Read one run in full.
    ReadRun(Uuid),
    /// Diagnose; `run_plan` runs the view's query to measure it.
    Diagnose {
        /// Whether to run it.
        run_plan: bool,
    },
    /// Execute a mend on a session of its own.
    Mend(Box<Mend>),
    /// Trigger a refresh on a session of its own.
    Trigger,
    /// Cancel that refresh.
    CancelTrigger,
    /// Leave the loop.
    Quit,
}
