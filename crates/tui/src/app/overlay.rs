//! What lies over the panes.

use crate::screens::scroll::scrolled;
use refreshtop_core::{
    diagnosis::{Fix, Risk},
    manage::{Examination, Outcome},
    reading::Reading,
    run::RunDetail,
};
use std::time::Instant;
use uuid::Uuid;

/// Lines that a page key scrolls a statement that is to be confirmed.
const FIX_PAGE: isize = 3;

/// What lies over the panes.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// The keys.
    Help {
        /// Lines scrolled down.
        scroll: u16,
    },
    /// One run in full.
    Run {
        /// Which.
        id: Uuid,
        /// `None` while it is being read.
        detail: Option<Box<Reading<RunDetail>>>,
        /// Lines scrolled down.
        scroll: u16,
    },
    /// What fixes a check, to be confirmed.
    Fix(FixDialog),
    /// A view to be managed.
    Manage(ManageDialog),
}

/// A view that a person wants managed: what was found about it, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ManageDialog {
    /// Its oid.
    pub oid: i64,
    /// Its name.
    pub name: String,
    /// How far it got.
    pub step: ManageStep,
    /// Lines scrolled down.
    pub scroll: u16,
}

/// How far the dialog got.
#[derive(Debug, Clone, PartialEq)]
pub enum ManageStep {
    /// It is being examined.
    Examining,
    /// It could not be examined.
    NotExamined(String),
    /// It was examined; if nothing stands in the way, `Enter` manages it.
    Examined(Box<Examination>),
    /// It is being managed since this local moment.
    Managing {
        /// Since when.
        since: Instant,
        /// Whether the cancel was requested.
        cancelling: bool,
    },
    /// It is managed, or not.
    Ended(Result<Outcome, String>),
}

/// A choice of statements that fix a check, shown before anything is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixDialog {
    /// The statements, the mildest first.
    pub fixes: Vec<Fix>,
    /// Index of the one that `Enter` means.
    pub selected: usize,
    /// Lines scrolled down in that one, if it is longer than the screen.
    pub below: u16,
    /// Whether `Enter` was pressed once on one that needs it twice.
    pub confirming: bool,
}

impl FixDialog {
    /// A choice of `fixes`, the first selected.
    pub fn new(fixes: Vec<Fix>) -> Self {
        Self { fixes, selected: 0, below: 0, confirming: false }
    }

    /// Moves the selection.
    pub fn step(&mut self, by: isize) {
        let last = self.fixes.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
        (self.below, self.confirming) = (0, false);
    }

    /// Scrolls the selected statement.
    pub fn page(&mut self, down: bool) {
        self.below = scrolled(self.below, if down { FIX_PAGE } else { -FIX_PAGE });
    }

    /// `Enter`: the fix to be done, once it was confirmed often enough.
    pub fn confirm(&mut self) -> Option<Fix> {
        let fix = self.fixes.get(self.selected)?;
        if fix.risk() == Risk::Disruptive && !self.confirming {
            self.confirming = true;
            return None;
        }
        Some(fix.clone())
    }
}

impl Overlay {
    /// Its scroll position.
    pub fn scroll_mut(&mut self) -> &mut u16 {
        match self {
            Self::Run { scroll, .. } | Self::Help { scroll } => scroll,
            Self::Fix(dialog) => &mut dialog.below,
            Self::Manage(dialog) => &mut dialog.scroll,
        }
    }
}
