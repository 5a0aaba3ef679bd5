//! What the person asks for, by keys and by the pointer.

use crate::screens::screen::Screen;

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
    /// Close what is open, or dismiss a result.
    Close,
    /// Go to a screen.
    Screen(Screen),
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
    /// Show the view that stands before this one on the board.
    PreviousView,
    /// Show the view that stands after this one on the board.
    NextView,
    /// Freeze or resume the screen.
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
    Screen,
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
