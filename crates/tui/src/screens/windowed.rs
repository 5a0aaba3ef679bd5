//! The state of a screen that shows one answer about the chosen window, scrolled by lines.

use super::{context::Context, effect::ScreenEffect, loadable::Loadable, scroll::scrolled, state::ScreenState};
use crate::app::action::Action;
use refreshtop_core::{history::History, movement::Movement, question::Question, reading::Reading};
use std::time::Duration;

/// What can be asked for about a window.
pub trait OfWindow {
    /// The question that it answers.
    fn question(window: Duration, context: &Context) -> Question;
}

impl OfWindow for History {
    fn question(window: Duration, context: &Context) -> Question {
        Question::History { window, limit: context.freshness_limit }
    }
}

impl OfWindow for Movement {
    fn question(window: Duration, _: &Context) -> Question {
        Question::Movement { window }
    }
}

/// What was read, and how far it is scrolled.
#[derive(Debug, Clone, PartialEq)]
pub struct Windowed<T> {
    /// The answer.
    pub answer: Loadable<T>,
    /// Lines scrolled down.
    pub scroll: u16,
}

impl<T> Default for Windowed<T> {
    fn default() -> Self {
        Self { answer: Loadable::default(), scroll: 0 }
    }
}

impl<T: OfWindow> Windowed<T> {
    /// Takes in an answer.
    pub fn answered(&mut self, window: Duration, read: Reading<T>, context: &Context) -> Vec<ScreenEffect> {
        self.answer.take(read, window, context.server_now);
        self.answer.reload(context, |window| T::question(window, context))
    }
}

impl<T: OfWindow> ScreenState for Windowed<T> {
    fn load(&mut self, context: &Context) -> Vec<ScreenEffect> {
        self.answer.load(context, |window| T::question(window, context))
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
