//! The view of the history: what was read, and how far it is scrolled.

use super::loadable::{self, Loadable};
use crate::app::{effect::Effect, state::State};
use refreshtop_core::{history::History as Read, question::Question, reading::Reading};
use std::time::Duration;

/// What the view knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// The history of the window.
    pub answer: Loadable<Read>,
    /// Lines scrolled down.
    pub scroll: u16,
}

impl History {
    /// Scrolls.
    pub fn scroll(&mut self, by: isize) {
        self.scroll = super::scrolled(self.scroll, by);
    }
}

/// Asks for the history of the window.
pub fn ask(state: &mut State) -> Vec<Effect> {
    let limit = state.options.thresholds.freshness;
    loadable::ask(state, |state| &mut state.history.answer, |window| Question::History { window, limit })
}

/// Takes it in.
pub fn answered(state: &mut State, window: Duration, read: Reading<Read>) -> Vec<Effect> {
    let now = state.server_now();
    state.history.answer.take(read, window, now);
    let limit = state.options.thresholds.freshness;
    loadable::again(state, |state| &mut state.history.answer, |window| Question::History { window, limit })
}
