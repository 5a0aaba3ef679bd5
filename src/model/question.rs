//! What the views ask the database beside the snapshot of every poll, and the answers.

use crate::model::{
    diagnosis::Diagnosis,
    history::History,
    incident::Incident,
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

/// One page of the log, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsPage {
    /// Which rows.
    pub filter: RunsFilter,
    /// Rows older than this one (its moment in the log, and its key): where the page before ended. `None` for the
    /// first page.
    pub before: Option<(DateTime<Utc>, Uuid)>,
    /// How many rows.
    pub limit: u16,
}

/// An answer, with what was asked where an older answer could be taken for a newer one.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A page of the log.
    Runs(RunsPage, Reading<RunsRead>),
    /// Incidents, newest first.
    Incidents(Duration, Reading<Vec<Incident>>),
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
    /// The rows, newest first.
    pub runs: Vec<Run>,
    /// Where the next page begins; `None` where the log ends here.
    pub next: Option<(DateTime<Utc>, Uuid)>,
}

impl Question {
    /// The answer where nothing could be read.
    #[must_use]
    pub fn unanswered(self, why: Unavailable) -> Answer {
        match self {
            Self::Runs(page) => Answer::Runs(page, Err(why)),
            Self::Incidents { window } => Answer::Incidents(window, Err(why)),
            Self::History { window, .. } => Answer::History(window, Err(why)),
            Self::Movement { window } => Answer::Movement(window, Err(why)),
            Self::Diagnosis { .. } => Answer::Diagnosis(Err(why)),
        }
    }
}
