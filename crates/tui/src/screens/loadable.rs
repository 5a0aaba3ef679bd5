//! What a screen has read, and whether it is being read again.

use super::{
    context::{Context, Newest},
    effect::ScreenEffect,
};
use chrono::{DateTime, Utc};
use refreshtop_core::{question::Question, reading::Reading};
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
    /// The answer, if there is one.
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

    /// Marks the answer as old, so that it is read again.
    pub fn invalidate(&mut self) {
        self.of = None;
    }

    /// Asks `question` about the chosen window, unless that is under way or its answer is at hand. What could not be
    /// read is asked for again.
    pub fn load(&mut self, context: &Context, question: impl FnOnce(Duration) -> Question) -> Vec<ScreenEffect> {
        if matches!(self.reading, Some(Err(_))) {
            self.invalidate();
        }
        self.reload(context, question)
    }

    /// The same after an answer: only if the window, or the log, has changed meanwhile. What was refused just now would
    /// be refused again.
    pub fn reload(&mut self, context: &Context, question: impl FnOnce(Duration) -> Question) -> Vec<ScreenEffect> {
        let (window, newest) = (context.window, context.newest);
        let known = self.reading.is_some() && self.window == Some(window) && self.of == Some(newest);
        if !context.connected || context.paused || self.loading || known {
            return Vec::new();
        }
        self.loading = true;
        self.of = Some(newest);
        vec![ScreenEffect::Ask(question(window))]
    }
}
