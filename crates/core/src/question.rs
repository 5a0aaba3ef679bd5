//! What the screens ask the database beside the snapshot of every poll, and the answers.

use crate::{
    address::ViewId,
    diagnosis::Diagnosis,
    history::History,
    incident::Record,
    movement::Movement,
    reading::{Reading, Unavailable},
    run::Run,
};
use chrono::{DateTime, Utc};
use std::time::Duration;
use uuid::Uuid;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// One page of the log.
    Runs(RunsPage),
    /// Failures and stale times of a window, grouped.
    Incidents {
        /// How far back.
        window: Duration,
        /// Age from which on figures are stale.
        limit: Duration,
    },
    /// The same of several views.
    IncidentsOfAll {
        /// How far back.
        window: Duration,
        /// The views, with the age from which on the figures of each are stale.
        views: Vec<(ViewId, Duration)>,
    },
    /// Durations, success and growth over a window.
    History {
        /// How far back.
        window: Duration,
        /// Age up to which figures are fresh.
        limit: Duration,
    },
    /// How the view's own figures moved in a window.
    Movement {
        /// How far back.
        window: Duration,
    },
    /// Everything that the runbook asks; `run_plan` runs the view's query to measure it.
    Diagnosis {
        /// Whether to run it.
        run_plan: bool,
    },
}

/// Which rows of the log are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunsFilter {
    /// Failures only.
    pub failures: bool,
    /// Scheduled runs only, or only those that were not scheduled.
    pub origin: OriginFilter,
    /// Text that the error, the SQLSTATE, the role or the application contains, in any case; empty for all.
    pub text: String,
}

impl RunsFilter {
    /// Whether rows that pass can be so rare that they are searched for.
    pub fn is_sparse(&self) -> bool {
        self.origin != OriginFilter::Any || !self.text.is_empty()
    }

    /// Whether every row passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What set the listed runs off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OriginFilter {
    /// Anything.
    #[default]
    Any,
    /// The schedule.
    Scheduled,
    /// A person or another program.
    Manual,
}

/// The position of a row in the log: when it was written, and its key, which orders rows of one moment. Later is newer.
/// The server sorts by the same two, and compares keys as bytes too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogCursor {
    /// When the row was written.
    pub at: DateTime<Utc>,
    /// Its key.
    pub id: Uuid,
}

/// A row of the log as the view of runs lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRow {
    /// Its position.
    pub cursor: LogCursor,
    /// What happened.
    pub run: Run,
    /// Effective role of the caller, at most 63 characters.
    pub by: Option<String>,
    /// `application_name` of the session that ran it, at most 63 characters.
    pub application: Option<String>,
}

/// Where a page begins, and in which direction it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart {
    /// With the newest row, towards older ones.
    Newest,
    /// With the next older one than this, towards older ones.
    Before(LogCursor),
    /// With the next newer one than this, towards newer ones.
    After(LogCursor),
    /// With the oldest row, towards newer ones.
    Oldest,
}

impl PageStart {
    /// Whether the page goes towards newer rows.
    pub fn is_ascending(self) -> bool {
        matches!(self, Self::After(_) | Self::Oldest)
    }
}

/// One page of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsPage {
    /// Which rows.
    pub filter: RunsFilter,
    /// Where it begins.
    pub start: PageStart,
    /// How many rows.
    pub limit: u16,
    /// It runs in the background to keep the list up to date, and must cost little. A page that a key asks for
    /// may search longer for rows that are rare.
    pub background: bool,
}

/// An answer, with its question if an older answer could be taken for a newer one.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A page of the log.
    Runs(RunsPage, Reading<RunsRead>),
    /// What incidents are made of.
    Incidents(Duration, Reading<Record>),
    /// The same of several views.
    IncidentsOfAll(Duration, Reading<Vec<(ViewId, Record)>>),
    /// The history.
    History(Duration, Reading<History>),
    /// How the figures moved.
    Movement(Duration, Reading<Movement>),
    /// A diagnosis.
    Diagnosis(Reading<Diagnosis>),
}

/// A page as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct RunsRead {
    /// The rows, newest first, whichever way the page goes.
    pub runs: Vec<LogRow>,
    /// The newest row that was examined, wanted or not; `None` if there was none.
    pub newest: Option<LogCursor>,
    /// The last row that was examined: the next page in the same direction begins there; `None` if the log ends there.
    /// A page can have fewer rows than requested though the log goes on, because the search for rare rows has a time
    /// limit.
    pub next: Option<LogCursor>,
}

impl Question {
    /// The answer if nothing could be read.
    pub fn unanswered(self, why: Unavailable) -> Answer {
        match self {
            Self::Runs(page) => Answer::Runs(page, Err(why)),
            Self::Incidents { window, .. } => Answer::Incidents(window, Err(why)),
            Self::IncidentsOfAll { window, .. } => Answer::IncidentsOfAll(window, Err(why)),
            Self::History { window, .. } => Answer::History(window, Err(why)),
            Self::Movement { window } => Answer::Movement(window, Err(why)),
            Self::Diagnosis { .. } => Answer::Diagnosis(Err(why)),
        }
    }
}
