//! What goes into the loop, and what comes out of it.

use crate::model::{
    diagnosis::Fix,
    feed::FeedEvent,
    notification::Notification,
    prompt::Edit,
    question::{Answer, Question},
    reading::{Reading, Unavailable},
    refresh::TriggerOutcome,
    run::RunDetail,
    snapshot::Snapshot,
    views::View,
};
use std::time::Duration;
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
    /// Show what fixes the selected check.
    Fix,
    /// Run the view's query to measure its plan.
    Measure,
    /// Ask for another interval of the job.
    Interval,
    /// Show a longer window.
    Wider,
    /// Show a shorter window.
    Narrower,
    /// Hold the screen still, or let it go on.
    Pause,
    /// Ask for a text that the listed runs must contain.
    Search,
    /// List failures only, or everything.
    Failures,
    /// List runs of another origin.
    Origin,
    /// Copy what is open to the clipboard of the person's own machine.
    Copy,
    /// Select row `.1` of the list under the pointer, counted from the first one that was read.
    Select(Pointed, usize),
}

/// A list that can be pointed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pointed {
    /// The overview's errors.
    Errors,
    /// The overview's runs.
    Runs,
    /// The list of the open view.
    View,
    /// The statements of which one is to be confirmed.
    Fixes,
}

/// What the pointer did at a cell of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pointer {
    /// Column, from 0.
    pub column: u16,
    /// Row, from 0.
    pub row: u16,
    /// What it did there.
    pub act: PointerAct,
}

/// What a pointer can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointerAct {
    /// The main button went down.
    Press,
    /// The wheel turned up.
    WheelUp,
    /// The wheel turned down.
    WheelDown,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// The person asked for something.
    Action(Action),
    /// A key was pressed: what it asks for, and what it would do to a text that is being typed.
    Key {
        /// By the key map; `None` where the key is not bound.
        action: Option<Action>,
        /// `None` where no text knows the key.
        edit: Option<Edit>,
    },
    /// The pointer was used. The loop turns it into an [`Action`] by what is drawn there.
    Pointer(Pointer),
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
    /// A question of a view was answered.
    Answered(Box<Answer>),
    /// A fix ended: a sentence, either way.
    Fixed(Result<String, String>),
    /// The refresh that this program triggered ended.
    TriggerEnded(TriggerOutcome),
    /// The program is to stop until it is told to go on, as other programs do at Ctrl-Z.
    Suspend,
    /// A signal asked for the end, or the terminal is gone.
    Terminate,
}

/// Something to be done outside; never awaited by the loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Read a snapshot.
    Poll,
    /// Read one run in full.
    ReadRun(Uuid),
    /// Ask the question of a view.
    Ask(Question),
    /// From now on read the figures of this window.
    SetWindow(Duration),
    /// Put this text into the clipboard of the person's own machine.
    Copy(String),
    /// Execute a fix on a session of its own.
    Fix(Box<Fix>),
    /// Trigger a refresh on a session of its own.
    Trigger,
    /// Cancel that refresh.
    CancelTrigger,
    /// Leave the loop.
    Quit,
}
