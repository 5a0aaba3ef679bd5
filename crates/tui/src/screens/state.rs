//! What every screen can do.

use super::{context::Context, effect::ScreenEffect};
use crate::app::action::Action;
use std::time::Duration;

/// The state of one screen. The defaults are for screens that don't need a method.
pub trait ScreenState {
    /// It is opened from another screen.
    fn enter(&mut self) {}

    /// Asks for what it shows, if that is more than the snapshot has and may have changed.
    fn load(&mut self, _: &Context) -> Vec<ScreenEffect> {
        Vec::new()
    }

    /// Handles a key whose action only this screen knows.
    fn act(&mut self, _: Action, _: &Context) -> Vec<ScreenEffect> {
        Vec::new()
    }

    /// Moves the selection, or scrolls; negative is up. `isize::MIN` and `isize::MAX` are the ends.
    fn step(&mut self, _: isize, _: &Context) -> Vec<ScreenEffect> {
        Vec::new()
    }

    /// Scrolls by a page; `None` if a page is as many steps as there are rows in sight.
    fn page(&mut self, _down: bool) -> Option<()> {
        None
    }

    /// Selects a row, counted from the first one that was read.
    fn select(&mut self, row: usize, context: &Context) -> Vec<ScreenEffect> {
        let by = isize::try_from(row).unwrap_or(isize::MAX);
        let first = self.step(isize::MIN, context);
        first.into_iter().chain(self.step(by, context)).collect()
    }

    /// Opens what is selected.
    fn open(&mut self, _: &Context) -> Vec<ScreenEffect> {
        Vec::new()
    }

    /// Closes what can be closed in it; `None` if the screen itself is to be left.
    fn close(&mut self, _: &Context) -> Option<Vec<ScreenEffect>> {
        None
    }

    /// Index of the selected row; `None` if there is none.
    fn selected_index(&self, _: &Context) -> Option<usize> {
        None
    }

    /// The scroll position, if it is scrolled by lines.
    fn scroll_mut(&mut self) -> Option<&mut u16> {
        None
    }

    /// How long what it shows reads the same, beside what every screen shows; `None` if it always does.
    fn stable_for(&self, _: &Context) -> Option<Duration> {
        None
    }

    /// Its keys that are worth a hint, most needed first.
    fn hints(&self) -> Vec<Action>;
}
