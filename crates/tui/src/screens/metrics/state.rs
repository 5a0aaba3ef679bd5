//! How the view's own figures moved, and how far that is scrolled.

use crate::{
    app::action::Action,
    screens::{context::Context, effect::ScreenEffect, loadable::Loadable, scroll::scrolled, state::ScreenState},
};
use refreshtop_core::{movement::Movement, question::Question, reading::Reading};
use std::time::Duration;

/// The state of the metrics.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metrics {
    /// How the figures moved in the window.
    pub answer: Loadable<Movement>,
    /// Lines scrolled down.
    pub scroll: u16,
}

impl Metrics {
    /// Takes in an answer.
    pub fn answered(&mut self, window: Duration, read: Reading<Movement>, context: &Context) -> Vec<ScreenEffect> {
        self.answer.take(read, window, context.server_now);
        self.answer.reload(context, |window| Question::Movement { window })
    }
}

impl ScreenState for Metrics {
    fn load(&mut self, context: &Context) -> Vec<ScreenEffect> {
        self.answer.load(context, |window| Question::Movement { window })
    }

    fn step(&mut self, by: isize, _: &Context) -> Vec<ScreenEffect> {
        self.scroll = scrolled(self.scroll, by);
        Vec::new()
    }

    fn scroll_mut(&mut self) -> Option<&mut u16> {
        Some(&mut self.scroll)
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Wider, Action::Narrower, Action::Down]
    }
}
