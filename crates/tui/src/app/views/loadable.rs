//! What a view has read, and whether it is being read anew.

use crate::app::{
    effect::Effect,
    state::{Newest, State},
};
use chrono::{DateTime, Utc};
use refreshtop_core::{question::Question, reading::Reading, request::Request};
use std::time::Duration;

/// Answers to one kind of question, asked one at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Loadable<T> {
    /// The newest answer; `None` before the first.
    pub reading: Option<Reading<T>>,
    /// The server's time when it arrived.
    pub read_at: Option<DateTime<Utc>>,
    /// The window of that answer.
    pub window: Option<Duration>,
    /// What was newest in the log when it was asked for: until that changes the answer stays the same.
    of: Option<Newest>,
    /// Whether one is under way.
    pub loading: bool,
}

impl<T> Default for Loadable<T> {
    fn default() -> Self {
        Self { reading: None, read_at: None, window: None, of: None, loading: false }
    }
}

impl<T> Loadable<T> {
    /// The answer, where there is one.
    pub fn get(&self) -> Option<&T> {
        self.reading.as_ref()?.as_ref().ok()
    }

    /// Takes in an answer.
    pub fn take(&mut self, read: Reading<T>, window: Duration, now: Option<DateTime<Utc>>) {
        self.loading = false;
        self.window = Some(window);
        self.read_at = now;
        self.reading = Some(read);
    }

    /// Forgets of what the answer was, so that it is asked for anew.
    pub fn invalidate(&mut self) {
        self.of = None;
    }
}

/// Asks `question` about the window that is shown, unless that is under way or its answer is at hand. What could not be
/// read is asked for anew.
pub fn ask<T>(
    state: &mut State,
    of_view: fn(&mut State) -> &mut Loadable<T>,
    question: impl FnOnce(Duration) -> Question,
) -> Vec<Effect> {
    let asked = of_view(state);
    if matches!(asked.reading, Some(Err(_))) {
        asked.invalidate();
    }
    again(state, of_view, question)
}

/// The same after an answer: only where the window, or the log, has changed meanwhile. What was refused just now would
/// be refused again.
pub fn again<T>(
    state: &mut State,
    of_view: fn(&mut State) -> &mut Loadable<T>,
    question: impl FnOnce(Duration) -> Question,
) -> Vec<Effect> {
    let able = state.connected() && state.paused.is_none();
    let (window, newest) = (state.options.window, state.newest());
    let asked = of_view(state);
    let known = asked.reading.is_some() && asked.window == Some(window) && asked.of == Some(newest);
    if !able || asked.loading || known {
        return Vec::new();
    }
    asked.loading = true;
    asked.of = Some(newest);
    vec![state.request(Request::Ask(question(window)))]
}
