//! The view of the history: what was read, and how far it is scrolled.

use super::asked::{self, Asked};
use crate::model::{history::History as Read, message::Effect, question::Question, reading::Reading, state::State};
use std::time::Duration;

/// What the view knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// The history of the window.
    pub asked: Asked<Read>,
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
    asked::ask(state, |state| &mut state.history.asked, |window| Question::History { window, limit })
}

/// Takes it in.
pub fn answered(state: &mut State, window: Duration, read: Reading<Read>) -> Vec<Effect> {
    let now = state.server_now();
    state.history.asked.take(read, window, now);
    let limit = state.options.thresholds.freshness;
    asked::again(state, |state| &mut state.history.asked, |window| Question::History { window, limit })
}
