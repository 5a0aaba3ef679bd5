//! The history that was read, and how far it is scrolled.

use crate::{
    app::action::Action,
    screens::{context::Context, effect::ScreenEffect, loadable::Loadable, scroll::scrolled, state::ScreenState},
};
use refreshtop_core::{history::History as Read, question::Question, reading::Reading};
use std::time::Duration;

/// The state of the history.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// The history of the window.
    pub answer: Loadable<Read>,
    /// Lines scrolled down.
    pub scroll: u16,
}

impl History {
    /// Takes in an answer.
    pub fn answered(&mut self, window: Duration, read: Reading<Read>, context: &Context) -> Vec<ScreenEffect> {
        self.answer.take(read, window, context.server_now);
        let limit = context.freshness_limit;
        self.answer.reload(context, |window| Question::History { window, limit })
    }
}

impl ScreenState for History {
    fn load(&mut self, context: &Context) -> Vec<ScreenEffect> {
        let limit = context.freshness_limit;
        self.answer.load(context, |window| Question::History { window, limit })
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
