//! The view of the view's own figures: how they moved, and how far that is scrolled.

use super::loadable::{self, Loadable};
use crate::app::{effect::Effect, state::State};
use refreshtop_core::{movement::Movement, question::Question, reading::Reading};
use std::time::Duration;

/// What the view knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metrics {
    /// How the figures moved in the window.
    pub answer: Loadable<Movement>,
    /// Lines scrolled down.
    pub scroll: u16,
}

impl Metrics {
    /// Scrolls.
    pub fn scroll(&mut self, by: isize) {
        self.scroll = super::scrolled(self.scroll, by);
    }
}

/// Asks how the figures moved in the window.
pub fn ask(state: &mut State) -> Vec<Effect> {
    loadable::ask(state, |state| &mut state.metrics.answer, |window| Question::Movement { window })
}

/// Takes it in.
pub fn answered(state: &mut State, window: Duration, read: Reading<Movement>) -> Vec<Effect> {
    let now = state.server_now();
    state.metrics.answer.take(read, window, now);
    loadable::again(state, |state| &mut state.metrics.answer, |window| Question::Movement { window })
}
