//! What the views keep: which one is open, and what each has read and selected.
//!
//! Each view has a file of its own with the same few functions; here it is decided which one is meant.

pub mod diagnose;
pub mod history;
pub mod incidents;
pub mod loadable;
pub mod metrics;
pub mod runs;
pub mod wall;

use crate::app::{
    action::Action,
    effect::Effect,
    state::{Overlay, State},
};
use refreshtop_core::{question::Answer, request::Request};

/// A way to look at the system, with a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum View {
    /// Everything that matters, at a glance.
    #[default]
    Overview,
    /// The whole log.
    Runs,
    /// Failures and stale times, grouped.
    Incidents,
    /// Durations and success over hours and days.
    History,
    /// What the runbook asks, with what fixes it.
    Diagnose,
    /// The view's own figures.
    Metrics,
    /// What can be read from five metres.
    Wall,
}

impl View {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 7] =
        [Self::Overview, Self::Runs, Self::Incidents, Self::History, Self::Diagnose, Self::Metrics, Self::Wall];

    /// Its name, in the settings and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Runs => "runs",
            Self::Incidents => "incidents",
            Self::History => "history",
            Self::Diagnose => "diagnose",
            Self::Metrics => "metrics",
            Self::Wall => "wall",
        }
    }

    /// The view of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.name() == name)
    }
}

/// Asks for what the open view shows, where that is more than the snapshot has and may have changed.
pub fn ask(state: &mut State) -> Vec<Effect> {
    match state.view {
        View::Overview | View::Wall => Vec::new(),
        View::Runs => runs::ask(state),
        View::Incidents => incidents::ask(state),
        View::History => history::ask(state),
        View::Diagnose => diagnose::ask(state, false),
        View::Metrics => metrics::ask(state),
    }
}

/// Takes in the answer to a question.
pub fn answered(state: &mut State, answer: Answer) -> Vec<Effect> {
    match answer {
        Answer::Runs(page, read) => runs::answered(state, &page, read),
        Answer::Incidents(window, read) => incidents::answered(state, window, read),
        Answer::History(window, read) => history::answered(state, window, read),
        Answer::Movement(window, read) => metrics::answered(state, window, read),
        Answer::Diagnosis(read) => diagnose::found(state, read),
    }
}

/// Does what a key asks for where only the open view knows what that is. Nothing where it does not know either.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match state.view {
        View::Runs => runs::act(state, action),
        View::Diagnose => diagnose::act(state, action),
        View::Overview | View::Incidents | View::History | View::Metrics | View::Wall => Vec::new(),
    }
}

/// Moves the selection of the open view, or what it has scrolled; negative is up.
pub fn step(state: &mut State, by: isize) -> Vec<Effect> {
    match state.view {
        View::Overview | View::Wall => {}
        View::Runs => return runs::step(state, by),
        View::Incidents => incidents::step(state, by),
        View::History => state.history.scroll(by),
        View::Diagnose => state.diagnose.step(by),
        View::Metrics => state.metrics.scroll(by),
    }
    Vec::new()
}

/// Selects a row of the open view, counted from the first one that was read.
pub fn select(state: &mut State, row: usize) -> Vec<Effect> {
    if state.view == View::Runs {
        return runs::select(state, row);
    }
    let by = isize::try_from(row).unwrap_or(isize::MAX);
    step(state, isize::MIN).into_iter().chain(step(state, by)).collect()
}

/// Opens what is selected in the open view.
pub fn open(state: &mut State) -> Vec<Effect> {
    let id = match state.view {
        View::Overview | View::History | View::Metrics | View::Wall => None,
        View::Runs => state.runs_view.selected_id(),
        View::Incidents => incidents::opens(state),
        View::Diagnose => {
            diagnose::choose(state);
            None
        }
    };
    let Some(id) = id else { return Vec::new() };
    state.overlay = Some(Overlay::Run { id, detail: None, scroll: 0 });
    vec![state.request(Request::ReadRun(id))]
}

/// A scroll position moved by so many lines.
pub fn scrolled(from: u16, by: isize) -> u16 {
    let by = i32::try_from(by).unwrap_or(if by < 0 { i32::MIN } else { i32::MAX });
    let moved = i32::from(from).saturating_add(by).clamp(0, i32::from(u16::MAX));
    u16::try_from(moved).unwrap_or(u16::MAX)
}
